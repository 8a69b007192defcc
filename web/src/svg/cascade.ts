// What the stylesheets leave of each element's properties, worked out without a browser: rules by specificity and
// order, custom properties inherited, var() and colours computed. A test holds it to a real browser's computed styles.
import { computed, type Scheme } from "./colours";
import { PROPERTIES, plainValue, type Painted } from "./file";
import type { Tag } from "./parse";
import { selectors, type Selector } from "./selectors";

interface Rule extends Selector {
  declarations: [name: string, value: string, important: boolean][];
  order: number;
}

export type Values = Record<string, string>; // custom properties and inherited ones, as computed

/** The rules of a stylesheet that hold at any size, on any device; those in @media and other blocks are for screens. */
export function rulesOf(css: string): Rule[] {
  const rules: Rule[] = [];
  const text = css.replace(/\/\*[\s\S]*?\*\//g, "");
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf("{", at);
    if (open < 0) break;
    const end = closing(text, open);
    const head = text.slice(at, open).replace(/^[\s\S]*;/, "").trim();
    if (!head.startsWith("@")) for (const one of selectors(head)) rules.push({ ...one, declarations: declarations(text.slice(open + 1, end)), order: rules.length });
    at = end + 1;
  }
  return rules;
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return text.length;
}

function declarations(block: string): Rule["declarations"] {
  return block.split(";").filter((one) => one.includes(":")).map((one) => {
    const colon = one.indexOf(":");
    const value = one.slice(colon + 1).trim();
    return [one.slice(0, colon).trim(), value.replace(/\s*!important$/, ""), value.endsWith("!important")];
  });
}

/** The element's values: its own attributes, then the rules, then its style; the rest from around it. */
export function valuesOf(tag: Tag, rules: readonly Rule[], around: Values, scheme: Scheme): Values {
  const hints = Object.entries(tag.attributes).filter(([name]) => name in PROPERTIES);
  const hit = rules.filter((rule) => rule.test(tag)).sort((a, b) => a.specificity - b.specificity || a.order - b.order);
  const declared = [...hit.flatMap((rule) => rule.declarations), ...declarations(tag.attributes["style"] ?? "")];
  const ordered = [...hints, ...declared.filter((one) => !one[2]), ...declared.filter((one) => one[2])];
  const own: Values = {};
  for (const [name, value] of ordered) Object.assign(own, longhands(name as string, value as string));
  const values: Values = { ...around, opacity: "1", display: "inline", "vector-effect": "none", "background-color": "transparent" };
  for (const [name, value] of Object.entries(own)) if (name.startsWith("--")) values[name] = value;
  for (const [name, value] of Object.entries(own)) {
    if (name.startsWith("--")) continue;
    for (const [long, given] of Object.entries(longhands(name, substituted(value, values), true))) values[long] = resolved(long, given, around, scheme);
  }
  const spacing = values["letter-spacing"] ?? "";
  if (spacing.endsWith("em")) values["letter-spacing"] = size(spacing, Number(values["font-size"] ?? 16)); // of its own type
  return values;
}

/** `font` and `background` as the properties they stand for; `font` waits until its var() are known. */
function longhands(name: string, value: string, known = false): Values {
  if (name === "background") return { "background-color": value };
  if (name !== "font") return { [name]: value };
  if (!known && value.includes("var(")) return { font: value };
  if (value === "inherit") return {};
  const [, before = "", size = "", family = ""] = /^(.*?)([\d.]+(?:px|em|rem|%))(?:\/[\w.]+)?\s+(.*)$/s.exec(value) ?? [];
  const style = /italic|oblique/.exec(before)?.[0] ?? "normal";
  return { "font-size": size, "font-family": family, "font-style": style, "font-weight": /bold|\d{3}/.exec(before)?.[0] ?? "400" };
}

function substituted(value: string, values: Values): string {
  for (let i = 0; i < 9 && value.includes("var("); i++) {
    value = value.replace(/var\(\s*(--[\w-]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)/g, (_, name: string, other = "") => values[name] ?? other.trim());
  }
  return value;
}

function resolved(name: string, value: string, around: Values, scheme: Scheme): string {
  if (value === "inherit" || value === "unset") return around[name] ?? "";
  if (value === "initial") return PROPERTIES[name] ?? "";
  if (name === "fill" || name === "stroke" || name === "background-color") return plainValue(name === "stroke" ? name : "fill", computed(value, scheme));
  if (name === "font-size") return size(value, Number(around["font-size"] ?? 16));
  return name in PROPERTIES ? plainValue(name, value) : value;
}

function size(value: string, around: number): string {
  const number = parseFloat(value);
  const px = value.endsWith("%") ? (number / 100) * around : value.endsWith("rem") ? number * 16 : value.endsWith("em") ? number * around : number;
  return plainValue("font-size", `${px}px`);
}

/** The element and all inside it, painted. */
export function painted(tag: Tag, rules: readonly Rule[], around: Values, scheme: Scheme): Painted {
  const values = valuesOf(tag, rules, around, scheme);
  const style = Object.fromEntries(Object.entries(PROPERTIES).map(([name, initial]) => [name, values[name] ?? initial]));
  const children = tag.children.map((child) => (typeof child === "string" ? child : painted(child, rules, values, scheme)));
  return { name: tag.name, attributes: tag.attributes, style, children };
}
