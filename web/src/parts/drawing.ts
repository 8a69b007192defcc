// A scene as a file: the same SVG with the colours and type that the page's stylesheet gives it, on its paper.

const PROPERTIES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "paint-order", "opacity", "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline",
  "letter-spacing", "visibility",
];
const NOT_FOR_A_FILE = /^(class|style|role|tabindex|aria-.*|data-.*|pointer-events)$/;
const MARGIN = 16; // px of paper around the picture
const SVG = "http://www.w3.org/2000/svg";

/** Valid XML that needs nothing else; `type` is a stylesheet with the fonts, where they are to go along. */
export function drawing(scene: SVGSVGElement, type = ""): string {
  const copy = scene.cloneNode(true) as SVGSVGElement;
  paint(scene, copy);
  const { width, height } = sizeOf(scene);
  copy.setAttribute("xmlns", SVG);
  const title = element("title", {});
  title.textContent = scene.getAttribute("aria-label");
  const box = scene.viewBox.baseVal;
  const unit = box.width / (width - 2 * MARGIN); // of the drawing, in one px
  const [x, y] = [box.x - MARGIN * unit, box.y - MARGIN * unit];
  const [wide, high] = [box.width + 2 * MARGIN * unit, box.height + 2 * MARGIN * unit];
  for (const [name, value] of Object.entries({ width, height, viewBox: `${x} ${y} ${wide} ${high}` })) copy.setAttribute(name, String(value));
  const fill = getComputedStyle(scene.closest(".frame") ?? document.body).backgroundColor;
  copy.prepend(title, ...(type ? [styled(type)] : []), element("rect", { x, y, width: wide, height: high, fill }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy).replace(/<!--[\s\S]*?-->/g, "")}\n`;
}

/** The scene's pixels at twice its size, in the page's own fonts. */
export async function pixels(scene: SVGSVGElement): Promise<Blob> {
  const { width, height } = sizeOf(scene);
  const address = URL.createObjectURL(new Blob([drawing(scene, await fonts(scene))], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * width, 2 * height];
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((give, fail) => canvas.toBlob((blob) => (blob ? give(blob) : fail(new Error("The picture is too large for a PNG; take the SVG."))), "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** @font-face rules of the families that the scene names first, each with its file inside: an image may fetch nothing. */
async function fonts(scene: SVGSVGElement): Promise<string> {
  const used = new Set(Array.from(scene.querySelectorAll("text, tspan"), (one) => first(getComputedStyle(one).fontFamily)));
  const faces = Array.from(document.styleSheets, (sheet) => Array.from(sheet.cssRules)).flat().filter((rule) => rule instanceof CSSFontFaceRule);
  const rules = faces.filter((face) => used.has(first(face.style.getPropertyValue("font-family")))).map(inside);
  return (await Promise.all(rules)).join("\n");
}

async function inside(face: CSSFontFaceRule): Promise<string> {
  const address = /url\("?([^")]+)"?\)/.exec(face.cssText)?.[1];
  if (!address) return "";
  try {
    const blob = await (await fetch(new URL(address, face.parentStyleSheet?.href ?? location.href))).blob();
    return face.cssText.replace(/url\("?[^")]+"?\)/, `url("${await dataUrl(blob)}")`);
  } catch {
    return ""; // the next family in the list then
  }
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((give, fail) => {
    const reader = new FileReader();
    reader.onload = () => give(String(reader.result));
    reader.onerror = () => fail(reader.error ?? new Error("The font could not be read."));
    reader.readAsDataURL(blob);
  });
}

const first = (families: string) => (families.split(",")[0] ?? "").replace(/["']/g, "").trim();

/** Of the file, in px: the scene as it stands (as it is drawn, where another tab hides it) and its margin. */
function sizeOf(scene: SVGSVGElement): { width: number; height: number } {
  const { width, height } = scene.getBoundingClientRect();
  const box = scene.viewBox.baseVal;
  const [wide, high] = width > 0 ? [Math.round(width), Math.round(height)] : [Math.ceil(box.width), Math.ceil(box.height)];
  return { width: wide + 2 * MARGIN, height: high + 2 * MARGIN };
}

function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function styled(type: string): SVGElement {
  const sheet = element("style", {});
  sheet.textContent = type;
  return sheet;
}

function paint(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  for (const name of PROPERTIES) {
    const value = style.getPropertyValue(name);
    if (value) to.setAttribute(name, value);
  }
  for (const { name } of Array.from(to.attributes)) if (NOT_FOR_A_FILE.test(name)) to.removeAttribute(name);
  Array.from(from.children).forEach((child, i) => paint(child, to.children[i] as Element));
}
