// The pictures of `surprise`: where each token's bar stands, how the texts of a few words share 1, sentences in two ways.
import type { Look } from "../looks";
import type { Word } from "./next_token_layout";

/** One of the two averages of a model, as a bar. */
export interface Average {
  value: number; // may be infinite
  text: string;
  spoken: string;
}

export interface TokenBar extends Word {
  index: number; // among all scored tokens of the text
  bits: number;
  from: number; // characters of the text
  to: number;
}

export interface Read {
  name: string;
  look: Look;
  line: string; // how it was read, what the dotted line is
  uniform: number; // bits of every token to a model that knows nothing
  perplexity: Average;
  perByte: Average;
  bars: TokenBar[];
}

export interface Branch {
  label: string;
  parent: number;
  level: number; // from 1
  share: number; // given all before
  joint: number;
  isElse: boolean;
  spoken: string;
}

export interface Texts {
  label: string;
  joint: number;
  branch: number;
}

/** Where each branch begins and ends, on a line from 0 to 1: within its parent, one after the other. */
export function extents(branches: readonly Pick<Branch, "parent" | "joint">[]): { from: number; to: number }[] {
  const next = new Map<number, number>();
  const made: { from: number; to: number }[] = [];
  for (const { parent, joint } of branches) {
    const from = next.get(parent) ?? made[parent]?.from ?? 0;
    made.push({ from, to: from + joint });
    next.set(parent, from + joint);
  }
  return made;
}

export type Tone = "plain" | "right" | "wrong";

export interface Sentence {
  pieces: { text: string; tone: Tone }[];
  preferences: number[]; // by model: bits by which the right way is likelier
  spoken: string;
}

export interface Judge {
  name: string;
  look: Look;
  line: string; // how many it got right
}

/** The pieces in as many lines as it takes, broken between words. */
export function wrapped(pieces: Sentence["pieces"], most: number): Sentence["pieces"][] {
  const made: Sentence["pieces"][] = [[]];
  let used = 0;
  for (const { text, tone } of pieces) {
    for (const word of text.split(/(?<= )/)) {
      if (used > 0 && used + word.trimEnd().length > most) {
        made.push([]);
        used = 0;
      }
      const line = made.at(-1) as Sentence["pieces"];
      const before = line.at(-1);
      if (before?.tone === tone) before.text += word;
      else line.push({ text: word, tone });
      used += word.length;
    }
  }
  return made;
}
