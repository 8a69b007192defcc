// A server-rendered scene -> a tree. Reads exactly what Svelte writes: well-formed tags, quoted attributes, comments.

export interface Tag {
  name: string;
  attributes: Record<string, string>;
  children: (Tag | string)[];
  parent: Tag | null;
}

const PIECE = /<!--[\s\S]*?-->|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:.-]+(?:="[^"]*")?)*)\s*(\/?)>|([^<]+)/g;
const ATTRIBUTE = /([\w:.-]+)(?:="([^"]*)")?/g;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

export function parse(markup: string): Tag {
  const root: Tag = { name: "", attributes: {}, children: [], parent: null };
  let here = root;
  for (const [, closes, opens, attributes = "", ends, text] of markup.matchAll(PIECE)) {
    if (opens) {
      const tag: Tag = { name: opens, attributes: read(attributes), children: [], parent: here };
      here.children.push(tag);
      if (!ends) here = tag;
    } else if (closes) here = here.parent ?? root;
    else if (text) here.children.push(decoded(text));
  }
  return root;
}

function read(text: string): Record<string, string> {
  return Object.fromEntries(Array.from(text.matchAll(ATTRIBUTE), ([, name = "", value = ""]) => [name, decoded(value)]));
}

function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) =>
    name ? (NAMED[name] ?? whole) : String.fromCodePoint(decimal ? Number(decimal) : parseInt(hexadecimal, 16)));
}
