// The page: one HTML shell that the server fills, one stylesheet, and small scripts; nothing inline, nothing fetched.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export const BROWSERS = ["chrome123", "edge123", "firefox125", "safari17.5"]; // the first with light-dark() and MathML Core

export default defineConfig({
  base: "/",
  plugins: [svelte()],
  build: {
    outDir: "../src/unrolled/page",
    emptyOutDir: true,
    target: BROWSERS,
    cssTarget: BROWSERS,
    cssCodeSplit: false, // one stylesheet, so that a figure that arrives late never restyles the page
    assetsInlineLimit: 0, // the content security policy allows no data: fonts
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
