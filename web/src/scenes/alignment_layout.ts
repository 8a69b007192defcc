// Where the parts of the figure `alignment` stand: a model's translation, its weights or the bottleneck in their place, and
// one row of weights as a list.
import { gutter, type Large } from "./heads_layout";
import type { Pixels } from "./heads_pixels";
import { folded } from "./path_length_layout";

export interface Scored {
  name: string;
  hue: number;
  dash: string;
  score: number[];
  low: number[];
  high: number[];
  all: number;
}

export interface Aligned {
  name: string;
  source: string[];
  target: string[];
  weights: number[]; // row by row; empty without attention
  translation: string;
  ended: boolean;
  passes: string; // of a model without attention
}

export interface RowOf {
  source: string[];
  written: string;
  step: number;
  steps: number;
  chosen: number; // source token
  energies: number[]; // empty where the model gives weights only
  powers: number[];
  weights: number[];
}

export interface Part {
  aligned: Aligned;
  hue: number;
  top: number;
  lines: string[]; // of the translation
  body: number; // y of what follows the lines
  large: Large | null;
  pixels: Pixels | null;
  height: number;
}

export const LINE = 19;
const HEAD = 26;
const GAP = 34;
const FUNNEL = 118;
export const ENTRY = 21; // of the list
const WIDE = 760;

/** Models one below the other; the list of one row beside the first where there is room, else below it. */
export function alignmentLayout(models: readonly (Aligned & { hue: number; pixels: Pixels | null })[], row: RowOf | null, width: number) {
  const beside = width >= WIDE && row !== null && models.length > 0;
  const listWidth = beside ? Math.min(360, width * 0.4) : Math.min(width, 460);
  const room = beside ? width - listWidth - GAP : width;
  const listHeight = row ? HEAD + 24 + row.source.length * ENTRY : 0;
  let y = 0;
  const parts: Part[] = [];
  let list = { x: 0, y: 0, width: listWidth, height: listHeight };
  models.forEach((aligned, i) => {
    const lines = folded(aligned.translation ? `“${aligned.translation}”` : "", width, 7.6);
    const body = y + HEAD + lines.length * LINE + 8;
    const large = aligned.weights.length > 0 ? squares(aligned, i === 0 ? room : width) : null;
    const own = large ? large.height + 34 : FUNNEL;
    if (i === 0) list = beside ? { ...list, x: width - listWidth, y: body } : { ...list, y: body + own + 8 };
    const taken = i === 0 && row ? (beside ? Math.max(own, listHeight) : own + 8 + listHeight) : own;
    parts.push({ aligned, hue: aligned.hue, top: y, lines, body, large, pixels: aligned.pixels, height: own });
    y = body + taken + GAP;
  });
  const height = models.length === 0 ? listHeight + 4 : y - GAP + 4;
  return { parts, list, height };
}

/** Letters of a token beside or above its line of squares. */
export const letters = (width: number): number => (width < 420 ? 10 : 14);

function squares({ target, source }: Aligned, width: number): Large {
  const [left, top] = [gutter(target, letters(width)), gutter(source, letters(width))];
  const cell = Math.min(34, (width - left) / Math.max(1, source.length), Math.max(13, 560 / Math.max(1, target.length)));
  return { cell, left, top, rows: target.length, columns: source.length, width: left + cell * source.length, height: top + cell * target.length, every: Math.ceil(13 / cell) };
}

export interface Strip {
  tokens: { text: string; x: number; middle: number }[];
  width: number;
}

/** Tokens of a text side by side, as many as fit; how many are left out. */
export function strip(tokens: readonly string[], width: number): Strip {
  const made: Strip["tokens"] = [];
  let x = 0;
  for (const [i, token] of tokens.entries()) {
    const left = tokens.length - i;
    const fits = x + [...token].length * LETTER + BETWEEN <= width - (left > 1 ? 40 : 0);
    const text = fits ? token : `+${left}`;
    const wide = [...text].length * LETTER;
    made.push({ text, x, middle: x + wide / 2 });
    x += wide + BETWEEN;
    if (!fits) break;
  }
  return { tokens: made, width: Math.max(0, x - BETWEEN) };
}

const [LETTER, BETWEEN] = [7.2, 10];
