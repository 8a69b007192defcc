// Where the parts of the scenes of `recurrence` stand: plain numbers in, plain numbers out.
import type { Look } from "../looks";
import type { Pixels } from "./heads_pixels";

export interface Compared {
  name: string;
  look: Look;
  grids: { caption: string; pixels: Pixels }[]; // state, state after the exchange, difference
  side: [columns: number, rows: number];
  apart: { label: string; share: number; text: string; spoken: string }[]; // state and bag of words
  said: Said[];
  bits: string;
  note: string;
}

export interface Word {
  text: string;
  moved: boolean;
}

export interface Said {
  label: string;
  before: number;
  after: number;
  text: string;
  spoken: string;
}

export const ORDER = { gap: 14, between: 34 };
const MONO = 8.15; // px of a letter at 13.5 px
const LINE = 22;

export interface Laid extends Word {
  x: number;
  y: number;
}

/** Words one after the other from `left`, broken into lines of `width` px. */
export function flowed(words: readonly Word[], left: number, width: number, top: number): { words: Laid[]; bottom: number } {
  let [x, y] = [left, top];
  const laid = words.map((word) => {
    const long = [...word.text].length * MONO;
    if (x > left && x + long > width) [x, y] = [left, y + LINE];
    const at = { ...word, x, y };
    x += long;
    return at;
  });
  return { words: laid, bottom: y + LINE };
}

/** A sentence broken into lines of `width` px, a letter being so wide on average. */
export function lines(sentence: string, width: number, letter = 6.3): string[] {
  const made: string[] = [];
  for (const word of sentence.split(" ")) {
    const last = made.at(-1);
    if (last !== undefined && (last.length + 1 + word.length) * letter <= width) made[made.length - 1] = `${last} ${word}`;
    else made.push(word);
  }
  return made;
}

/** Side by side where there is room, else one below the other. */
export function columns(n: number, width: number, least: number, gap: number): { across: boolean; each: number } {
  const across = n > 1 && width >= least * n + gap * (n - 1);
  return { across, each: across ? (width - gap * (n - 1)) / n : width };
}

export function orderLayout(texts: readonly { label: string; words: Word[] }[], models: readonly { said: Said[]; note: string }[], width: number, row: number) {
  const left = 84;
  let top = 0;
  const lines = texts.map(({ words }) => {
    const { words: laid, bottom } = flowed(words, left, width, top);
    const line = { y: top, words: laid };
    top = bottom;
    return line;
  });
  const { across, each } = columns(models.length, width, 250, ORDER.between);
  const room = Math.min(each, 420);
  const side = Math.min(120, (room - 2 * ORDER.gap) / 3);
  const said = 26 + side + 46 + 8 + 2 * row + 30;
  const heights = models.map((model) => said + 8 + model.said.length * row + (model.note ? 28 : 8));
  const start = top + 20;
  let y = start;
  const places = heights.map((height, i) => {
    const place = across ? { x: i * (each + ORDER.between), y: start } : { x: 0, y };
    y += height + 18;
    return place;
  });
  const bottom = across ? start + Math.max(0, ...heights) : y;
  const most = Math.max(1e-6, ...models.flatMap((model) => model.said.flatMap(({ before, after }) => [before, after])));
  return { lines, places, each: room, side, said, most, bar: { left: 92, long: room - 92 - 96 }, height: bottom + 44 };
}
