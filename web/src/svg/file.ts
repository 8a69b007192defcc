// A painted scene -> an SVG file: valid XML with its own colours, that needs no stylesheet. The page's button and the
// command line both end here, so that the same picture gives the same bytes.

/** One element with what is painted of it: its geometry, and its properties as the stylesheets leave them. */
export interface Painted {
  name: string;
  attributes: Record<string, string>;
  style: Record<string, string>;
  children: (Painted | string)[];
}

export interface Sheet {
  width: number; // px, without the margin
  height: number;
  box: [x: number, y: number, width: number, height: number]; // what of the scene is on it
  paper: string; // a colour
  title: string;
  about: string; // for <desc>: what it shows and where the numbers come from
  type?: string; // a stylesheet with the fonts, where they are to go along
}

export const SVG = "http://www.w3.org/2000/svg";
export const MARGIN = 16; // px of paper around the picture
const BLACK = "#000000";

/** The properties that a file carries, with their initial values. */
export const PROPERTIES: Record<string, string> = {
  "fill": BLACK, "fill-opacity": "1", "stroke": "none", "stroke-width": "1", "stroke-opacity": "1", "stroke-dasharray": "none",
  "stroke-dashoffset": "0", "stroke-linecap": "butt", "stroke-linejoin": "miter", "stroke-miterlimit": "4", "fill-rule": "nonzero", "vector-effect": "none", "paint-order": "normal", "opacity": "1", "font-family": "", "font-size": "16",
  "font-weight": "400", "font-style": "normal", "text-anchor": "start", "dominant-baseline": "auto", "letter-spacing": "normal",
  "visibility": "visible", "display": "inline", "white-space": "normal", "font-variant-ligatures": "normal", "image-rendering": "auto",
};
const OWN = new Set(["opacity", "display", "vector-effect"]); // not inherited
const NO_ATTRIBUTES = new Set(["font-variant-ligatures", "image-rendering"]); // of SVG, or not with all values that CSS has
const NOT_FOR_A_FILE = /^(class|style|role|tabindex|aria-.*|data-.*|pointer-events|xmlns)$/;
const SHAPES = new Set(["rect", "path", "line", "circle", "ellipse", "polygon", "polyline"]);

export function file(scene: Painted, sheet: Sheet): string {
  const unit = sheet.box[2] / sheet.width; // of the drawing, in one px
  const [x, y] = [sheet.box[0] - MARGIN * unit, sheet.box[1] - MARGIN * unit];
  const [wide, high] = [sheet.box[2] + 2 * MARGIN * unit, sheet.box[3] + 2 * MARGIN * unit];
  const outer = {
    xmlns: SVG, width: String(sheet.width + 2 * MARGIN), height: String(sheet.height + 2 * MARGIN), viewBox: [x, y, wide, high].map(rounded).join(" "),
    role: "img",
  };
  const style = Object.entries(written(scene, PROPERTIES));
  const parts = [
    `<title>${escaped(sheet.title)}</title>`,
    `<desc>${escaped(sheet.about)}</desc>`,
    ...(sheet.type ? [`<style>${escaped(sheet.type)}</style>`] : []),
    `<rect x="${rounded(x)}" y="${rounded(y)}" width="${rounded(wide)}" height="${rounded(high)}" fill="${paint(sheet.paper)[0]}"/>`,
    ...scene.children.map((child) => markup(child, { ...PROPERTIES, ...scene.style })),
  ];
  const attributes = [...Object.entries(outer), ...style].map(attribute).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<svg${attributes}>${parts.join("\n")}</svg>\n`;
}

function markup(node: Painted | string, around: Record<string, string>): string {
  if (typeof node === "string") return escaped(node);
  if (!isSeen(node)) return "";
  const inner = node.children.map((child) => markup(child, node.style)).join("");
  if (node.name === "g" && inner === "") return "";
  const geometry = Object.entries(node.attributes)
    .filter(([name, value]) => !(name in PROPERTIES) && !NOT_FOR_A_FILE.test(name) && value !== "")
    .map(([name, value]): [string, string] => [name, shortened(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const open = `<${node.name}${[...geometry, ...Object.entries(written(node, around))].map(attribute).join("")}`;
  return inner === "" ? `${open}/>` : `${open}>${inner}</${node.name}>`;
}

/** Does anything of it reach the paper? What only catches the pointer, or is only for the screen, does not. */
function isSeen({ name, attributes, style }: Painted): boolean {
  if (style["display"] === "none" || "data-screen" in attributes) return false;
  return !SHAPES.has(name) || style["visibility"] === "visible" && [style["fill"], style["stroke"]].some((one) => paint(one ?? "none")[0] !== "none");
}

/** The properties that differ from what the element would have in its place anyway. */
function written(node: Painted, around: Record<string, string>): Record<string, string> {
  const differ: Record<string, string> = {};
  for (const [name, initial] of Object.entries(PROPERTIES)) {
    const value = node.style[name] ?? initial;
    if (name === "display" || value === (OWN.has(name) ? initial : (around[name] ?? initial))) continue;
    if (name === "white-space") differ["xml:space"] = value === "pre" ? "preserve" : "default";
    else if (NO_ATTRIBUTES.has(name)) differ["style"] = [...(differ["style"] ? [differ["style"]] : []), `${name}:${value}`].join(";");
    else if (name !== "fill" && name !== "stroke") differ[name] ??= value;
    else {
      const [colour, alpha] = paint(value);
      differ[name] = colour;
      if (alpha < 1) differ[`${name}-opacity`] = rounded(alpha * Number(node.style[`${name}-opacity`] ?? 1));
    }
  }
  return differ;
}

/** A computed colour as a file writes it, and its opacity: rgb(29, 28, 26) -> #1d1c1a, 1. */
function paint(value: string): [colour: string, alpha: number] {
  const [, kind, inside] = /^(rgba?|color)\((.*)\)$/.exec(value) ?? [];
  if (value === "transparent") return ["none", 1];
  if (inside === undefined) return [value, 1];
  const numbers = inside.replace("srgb", "").split(/[\s,/]+/).filter(Boolean).map(Number);
  const bytes = numbers.slice(0, 3).map((one) => Math.round(Math.min(1, Math.max(0, kind === "color" ? one : one / 255)) * 255));
  const alpha = numbers[3] ?? 1;
  return alpha === 0 ? ["none", 1] : [`#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`, alpha];
}

/** A property's computed value in one spelling: no units, families quoted alike. */
export function plainValue(name: string, value: string): string {
  if (name === "font-family") return value.split(",").map((one) => one.trim().replace(/["']/g, "")).filter((one) => !one.endsWith("stand-in")).map((one) => (/^[a-z-]+$/i.test(one) ? one : `'${one}'`)).join(", ");
  if (value.startsWith("url(")) return value.replace(/["']/g, "");
  if (name === "white-space") return value.startsWith("pre") ? "pre" : "normal";
  if (name === "font-weight") return value.replace("normal", "400").replace("bold", "700");
  if (name === "fill" || name === "stroke") return /^#[0-9a-f]{3,8}$/i.test(value) ? hex(value) : value.replace(/^rgb\(0, 0, 0\)$/, BLACK).replace("black", BLACK);
  if (name === "stroke-dasharray") return value.replace(/px/g, "").replace(/,\s*/g, " ").replace(/\s+/g, " ");
  return /^-?[\d.]+(px)?$/.test(value) ? rounded(parseFloat(value)) : value;
}

function hex(value: string): string {
  const digits = value.slice(1);
  const full = digits.length < 6 ? [...digits].map((one) => one + one).join("") : digits;
  const bytes = [0, 2, 4, 6].map((i) => parseInt(full.slice(i, i + 2) || "ff", 16));
  const colour = `rgb(${bytes.slice(0, 3).join(", ")})`;
  return bytes[3] === 255 ? colour.replace(/^rgb\(0, 0, 0\)$/, BLACK) : `rgba(${bytes.slice(0, 3).join(", ")}, ${(bytes[3] ?? 255) / 255})`;
}

const rounded = (value: number): string => String(Number(value.toFixed(3)));
const shortened = (value: string): string => value.replace(/-?\d+\.\d{4,}/g, (number) => rounded(Number(number)));
const attribute = ([name, value]: [string, string]): string => ` ${name}="${escaped(value)}"`;

function escaped(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
