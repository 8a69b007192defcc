// CSS colours as numbers: what light-dark() and color-mix() come to. CSS Color 4 and 5, in sRGB.

export type Scheme = "light" | "dark";
type Colour = [red: number, green: number, blue: number, alpha: number]; // 0 to 1

const NAMES: Record<string, Colour> = { black: [0, 0, 0, 1], white: [1, 1, 1, 1], transparent: [0, 0, 0, 0] };

/** A colour as computed styles spell it: rgb(…), rgba(…), color(srgb …); what is no colour stays as it is. */
export function computed(value: string, scheme: Scheme): string {
  const colour = read(value.trim(), scheme);
  if (!colour) return value;
  const [red, green, blue, alpha] = colour;
  if (value.includes("color-mix")) return `color(srgb ${red} ${green} ${blue} / ${alpha})`;
  const bytes = [red, green, blue].map((one) => Math.round(one * 255)).join(", ");
  return alpha < 1 ? `rgba(${bytes}, ${alpha})` : `rgb(${bytes})`;
}

function read(text: string, scheme: Scheme): Colour | null {
  const [, name = "", inside = ""] = /^([\w-]+)\(([\s\S]*)\)$/.exec(text) ?? [];
  if (text.startsWith("#")) return hexadecimal(text.slice(1));
  if (name === "light-dark") return read((arguments_(inside)[scheme === "light" ? 0 : 1] ?? "").trim(), scheme);
  if (name === "color-mix") return mixed(arguments_(inside), scheme);
  if (name === "rgb" || name === "rgba") return numbers(inside);
  return NAMES[text] ?? null;
}

function hexadecimal(digits: string): Colour {
  const full = digits.length < 6 ? [...digits].map((one) => one + one).join("") : digits;
  const at = (i: number): number => parseInt(full.slice(i, i + 2) || "ff", 16) / 255;
  return [at(0), at(2), at(4), at(6)];
}

function numbers(inside: string): Colour {
  const [red = 0, green = 0, blue = 0, alpha = 1] = inside.split(/[\s,/]+/).filter(Boolean).map((one) => (one.endsWith("%") ? Number(one.slice(0, -1)) / 100 : Number(one)));
  return [red / 255, green / 255, blue / 255, alpha];
}

/** color-mix(in srgb, A p%, B): components premultiplied by their alpha. */
function mixed([, first = "", second = ""]: string[], scheme: Scheme): Colour | null {
  const [a, b] = [part(first, scheme), part(second, scheme)];
  if (!a.colour || !b.colour) return null;
  const p = a.share ?? (b.share === null ? 0.5 : 1 - b.share);
  const q = b.share ?? 1 - p;
  const [x, y, sum] = [p / (p + q), q / (p + q), Math.min(1, p + q)];
  const alpha = a.colour[3] * x + b.colour[3] * y;
  const [left, right] = [a.colour, b.colour];
  const mix = (i: 0 | 1 | 2): number => (alpha === 0 ? 0 : (left[i] * left[3] * x + right[i] * right[3] * y) / alpha);
  return [mix(0), mix(1), mix(2), alpha * sum];
}

function part(text: string, scheme: Scheme): { colour: Colour | null; share: number | null } {
  const [, colour = "", share] = /^(.*?)(?:\s+([\d.]+)%)?$/s.exec(text.trim()) ?? [];
  return { colour: read(colour, scheme), share: share === undefined ? null : Number(share) / 100 };
}

function arguments_(inside: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const letter of inside) {
    depth += letter === "(" ? 1 : letter === ")" ? -1 : 0;
    if (letter === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}
