// The scenes for the command line: compiled for the server, one script for a bare JavaScript engine.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte({ emitCss: false, compilerOptions: { css: "injected" } })],
  build: {
    outDir: "../src/unrolled/page",
    emptyOutDir: false,
    copyPublicDir: false,
    ssr: "src/picture.ts",
    target: "es2023",
    minify: true,
    rolldownOptions: { output: { format: "iife", name: "pictures", entryFileNames: "scenes.js", codeSplitting: false } },
  },
  ssr: { noExternal: true, target: "webworker" },
});
