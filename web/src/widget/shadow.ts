// A place for a figure that its surroundings cannot restyle, and whose styles stay inside.

const STYLES = "__STYLES__"; // the build puts the stylesheet here
const FACES = /@font-face\s*\{[^}]*\}/g;
let faces: CSSStyleSheet | undefined;
let sheet: CSSStyleSheet | undefined;

/** An element inside a shadow root of `host`, in the colours that fit what is around it. */
export function shadowOf(host: HTMLElement): HTMLElement {
  host.dataset["theme"] = schemeOf(host);
  if (!host.isConnected) requestAnimationFrame(() => (host.dataset["theme"] = schemeOf(host))); // what is around it comes later
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  sheet ??= sheetOf(STYLES);
  root.adoptedStyleSheets = [sheet];
  if (!faces) {
    faces = sheetOf((STYLES.match(FACES) ?? []).join("\n")); // a font is the document's, never a shadow's
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, faces];
  }
  const inside = document.createElement("div");
  inside.className = "alone";
  root.replaceChildren(inside);
  return inside;
}

function sheetOf(css: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

/** Dark where the ground behind it is dark, whatever the system says; a page that paints no ground has the browser's. */
function schemeOf(host: HTMLElement): "light" | "dark" {
  for (let at: Element | null = host; at; at = parentOf(at)) {
    const [red, green, blue, alpha] = bytesOf(getComputedStyle(at).backgroundColor);
    if (alpha > 127) return 0.299 * red + 0.587 * green + 0.114 * blue < 110 ? "dark" : "light";
  }
  const takesPart = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  return takesPart && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** A colour in whatever notation, as it comes to the screen. */
function bytesOf(colour: string): [red: number, green: number, blue: number, alpha: number] {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen || colour === "") return [0, 0, 0, 0];
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0, alpha = 0] = pen.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha];
}

function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}
