// A scene as a file: the same SVG with the colours and type that the page's stylesheet gives it, on its paper.
import { file, MARGIN, PROPERTIES, plainValue, type Painted } from "../svg/file";

/** Valid XML that needs nothing else; `about` says what it shows, `type` is a stylesheet with the fonts to go along. */
export function drawing(scene: SVGSVGElement, about = "", type = ""): string {
  const { x, y, width, height } = scene.viewBox.baseVal;
  const paper = getComputedStyle(scene.closest(".frame") ?? document.body).backgroundColor;
  const title = scene.getAttribute("aria-label") ?? "";
  return file(paintedBy(scene), { ...sizeOf(scene), box: [x, y, width, height], paper, title, about, type });
}

/** The scene's pixels at twice its size, in the page's own fonts. */
export async function pixels(scene: SVGSVGElement): Promise<Blob> {
  const [width, height] = Object.values(sizeOf(scene)).map((side) => side + 2 * MARGIN) as [number, number];
  const address = URL.createObjectURL(new Blob([drawing(scene, "", await fonts(scene))], { type: "image/svg+xml" }));
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
  const faces = Array.from([...document.styleSheets, ...document.adoptedStyleSheets], (sheet) => Array.from(sheet.cssRules)).flat().filter((rule) => rule instanceof CSSFontFaceRule);
  const rules = faces.filter((face) => used.has(first(face.style.getPropertyValue("font-family")))).map(inside);
  return (await Promise.all(rules)).join("\n");
}

async function inside(face: CSSFontFaceRule): Promise<string> {
  const address = /url\("?([^")]+)"?\)/.exec(face.cssText)?.[1];
  if (!address) return "";
  if (address.startsWith("data:")) return face.cssText;
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

/** In px: the scene as it stands; as it is drawn, where another tab hides it. */
function sizeOf(scene: SVGSVGElement): { width: number; height: number } {
  const { width, height } = scene.getBoundingClientRect();
  const box = scene.viewBox.baseVal;
  return width > 0 ? { width: Math.round(width), height: Math.round(height) } : { width: Math.ceil(box.width), height: Math.ceil(box.height) };
}

/** What the page's stylesheets make of each element. */
function paintedBy(element: Element): Painted {
  const computed = getComputedStyle(element);
  const style = Object.fromEntries(Object.keys(PROPERTIES).map((name) => [name, plainValue(name, computed.getPropertyValue(name))]));
  const attributes = Object.fromEntries(Array.from(element.attributes, ({ name, value }) => [name, value]));
  return { name: element.localName, attributes, style, children: childrenOf(element) };
}

/** Text in one piece, however many nodes hold it. */
function childrenOf(element: Element): (Painted | string)[] {
  const children: (Painted | string)[] = [];
  for (const node of Array.from(element.childNodes)) {
    if (node instanceof Element) children.push(paintedBy(node));
    else if (node instanceof Text && node.data !== "") children.push(typeof children.at(-1) === "string" ? `${children.pop() as string}${node.data}` : node.data);
  }
  return children;
}
