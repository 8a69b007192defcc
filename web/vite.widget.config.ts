// The figures for notebooks and for files that stand alone: one module with its styles and fonts inside, so that
// nothing is fetched.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { BROWSERS } from "./vite.config.ts";

const NOT_INSIDE = /@font-face\s*\{[^}]*STIX Two Math[^}]*\}/g; // larger than all others together; the system's will do

/** The stylesheet, made for a shadow root, takes the place of the mark in the script. */
function stylesInside(): Plugin {
  return {
    name: "styles-inside",
    enforce: "post",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const sheets = files.filter((file) => file.type === "asset" && file.fileName.endsWith(".css"));
      const css = sheets.map((file) => String((file as { source: string | Uint8Array }).source)).join("\n");
      for (const { fileName } of files.filter((file) => file.type === "asset")) delete bundle[fileName];
      const mine = css.replace(NOT_INSIDE, "").replace(/:root\b/g, ":host").replace(/:host\[([^\]]*)\]/g, ":host([$1])").replace(/(^|[},])body(?=[{,])/g, "$1:host");
      for (const file of files) if (file.type === "chunk") file.code = file.code.replace(/["'`]__STYLES__["'`]/, () => JSON.stringify(mine));
    },
  };
}

export default defineConfig({
  plugins: [svelte(), stylesInside()],
  build: {
    outDir: "../src/unrolled/page",
    emptyOutDir: false,
    copyPublicDir: false,
    target: BROWSERS,
    cssTarget: BROWSERS,
    cssCodeSplit: false,
    assetsInlineLimit: () => true,
    lib: { entry: "src/widget.ts", formats: ["es"], fileName: () => "widget.js" },
    rolldownOptions: { output: { codeSplitting: false } },
  },
});
