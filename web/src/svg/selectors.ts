// Which elements a CSS selector means. As much of Selectors 4 as stylesheets of scenes use; what depends on a pointer,
// a keyboard or later elements (:hover, :focus-visible, :has, ::before) means none: a file has no such state.
import type { Tag } from "./parse";

type Test = (tag: Tag) => boolean;
export interface Selector {
  test: Test;
  specificity: number; // ids, classes and types in base 1000
}

/** The selectors of a comma-separated list. */
export function selectors(text: string): Selector[] {
  return split(text, ",").map((one) => complex(one.trim()));
}

/** Splits where the separator stands outside of brackets. */
export function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    if ("([".includes(text[i] as string)) depth++;
    else if (")]".includes(text[i] as string)) depth--;
    else if (depth === 0 && text[i] === separator) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
}

function complex(text: string): Selector {
  const spaced = split(text.replace(/\s*([>+~])\s*(?![^([]*[)\]])/g, " $1 "), " ").filter(Boolean);
  const last = compound(spaced.pop() ?? "");
  if (spaced.length === 0) return last;
  const combinator = ">+~".includes(spaced.at(-1) as string) ? (spaced.pop() as string) : " ";
  const before = complex(spaced.join(" "));
  return { test: (tag) => last.test(tag) && related(combinator, tag).some(before.test), specificity: before.specificity + last.specificity };
}

function related(combinator: string, tag: Tag): Tag[] {
  const parents: Tag[] = [];
  for (let at = tag.parent; at; at = combinator === " " ? at.parent : null) parents.push(at);
  if (combinator === " " || combinator === ">") return parents;
  const siblings = (tag.parent?.children ?? []).filter((one): one is Tag => typeof one !== "string");
  const earlier = siblings.slice(0, siblings.indexOf(tag));
  return combinator === "+" ? earlier.slice(-1) : earlier;
}

const PART = /\*|::?[\w-]+(?:\((?:[^()]|\([^()]*\))*\))?|[.#]?[\w-]+|\[[^\]]*\]/g;

function compound(text: string): Selector {
  const parts = (text.match(PART) ?? []).map(simple);
  return { test: (tag) => parts.every((part) => part.test(tag)), specificity: parts.reduce((sum, part) => sum + part.specificity, 0) };
}

function simple(part: string): Selector {
  const name = part.slice(1);
  if (part === "*") return { test: (tag) => tag.name !== "", specificity: 0 };
  if (part.startsWith(".")) return { test: (tag) => (tag.attributes["class"] ?? "").split(/\s+/).includes(name), specificity: 1e3 };
  if (part.startsWith("#")) return { test: (tag) => tag.attributes["id"] === name, specificity: 1e6 };
  if (part.startsWith("[")) return attribute(part.slice(1, -1));
  if (part.startsWith(":")) return pseudo(part);
  return { test: (tag) => tag.name === part, specificity: 1 };
}

function attribute(inside: string): Selector {
  const [, name = "", operator, value = ""] = /^([\w-]+)(?:([~^$*|]?=)"?([^"]*)"?)?$/.exec(inside) ?? [];
  const test: Test = ({ attributes }) => {
    const has = attributes[name];
    if (has === undefined || operator === undefined) return has !== undefined;
    return operator === "^=" ? has.startsWith(value) : operator === "$=" ? has.endsWith(value) : operator === "*=" ? has.includes(value) : has === value;
  };
  return { test, specificity: 1e3 };
}

function pseudo(part: string): Selector {
  const [, name = "", inside = ""] = /^::?([\w-]+)(?:\(([\s\S]*)\))?$/.exec(part) ?? [];
  const options = ["is", "where", "not"].includes(name) ? selectors(inside) : [];
  const specificity = name === "where" ? 0 : Math.max(0, ...options.map((one) => one.specificity));
  const some: Test = (tag) => options.some((one) => one.test(tag));
  const children = (tag: Tag) => (tag.parent?.children ?? []).filter((one) => typeof one !== "string");
  switch (name) {
    case "is":
    case "where":
      return { test: some, specificity };
    case "not":
      return { test: (tag) => !some(tag), specificity };
    case "root":
      return { test: (tag) => tag.name === "html", specificity: 1e3 };
    case "first-child":
      return { test: (tag) => children(tag)[0] === tag, specificity: 1e3 };
    case "last-child":
      return { test: (tag) => children(tag).at(-1) === tag, specificity: 1e3 };
    default:
      return { test: () => false, specificity: 1e3 };
  }
}
