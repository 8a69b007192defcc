// Light or dark, as the page stands: for what is drawn as pixels, which cannot ask the stylesheet.
import type { Scheme } from "../svg/colours";

export class Shade {
  now = $state<Scheme>("light");

  /** Follows the colour of the element's text; gives the stop. */
  watch(element: Element): () => void {
    const look = () => (this.now = brightness(getComputedStyle(element).color) > 0.5 ? "dark" : "light"); // light letters: dark paper
    const media = matchMedia("(prefers-color-scheme: dark)");
    const root = new MutationObserver(look);
    root.observe(document.documentElement, { attributes: true });
    root.observe(document.body, { attributes: true });
    media.addEventListener("change", look);
    look();
    return () => {
      root.disconnect();
      media.removeEventListener("change", look);
    };
  }
}

function brightness(colour: string): number {
  const [red = 0, green = 0, blue = 0] = Array.from(colour.matchAll(/[\d.]+/g), ([number]) => Number(number) / (colour.startsWith("color") ? 1 : 255));
  return 0.3 * red + 0.59 * green + 0.11 * blue;
}
