// The page for a folder of files: one plain script and one stylesheet with relative addresses, because a page opened
// from disk loads no modules.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { BROWSERS } from "./vite.config.ts";

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/unrolled/page",
    emptyOutDir: false,
    copyPublicDir: false,
    target: BROWSERS,
    cssTarget: BROWSERS,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      input: "src/main.ts",
      output: {
        format: "iife", name: "unrolledSite", entryFileNames: "site.js", codeSplitting: false,
        assetFileNames: ({ names }) => (names[0]?.endsWith(".css") ? "site.css" : "assets/[name]-[hash][extname]"),
      },
    },
  },
});
