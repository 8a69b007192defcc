/** A head of a loaded model: which steps there are, and where queries, keys and their product stand. With room, rows of
 *  Q run into the rows of the product and columns of Kᵀ into its columns (Falk's scheme); without, one below the other. */
import { FONT, decimals, room, sizeFor, type Numbers, type Piece } from "./parts/matrix";

export type HeadStage = "scores" | "scaled" | "masked" | "weights";
export const HEAD_STAGES: readonly HeadStage[] = ["scores", "scaled", "masked", "weights"];

export interface HeadSteps extends Record<HeadStage, Numbers> {
  tokens: readonly string[]; // as they are shown
  first: number; // position in the text, from 0
  query: Numbers;
  key: Numbers;
  elsewhere: readonly number[];
  scaling: number;
}

export type Pair = readonly [row: number, column: number];

/** A strip of heat: one token a row (or, lying, a column), no numbers. */
export interface Strip {
  x: number;
  y: number;
  along: number; // px of one number
  across: number; // px of one token
  lying: boolean; // tokens are columns
}

export interface HeadLayout {
  width: number;
  height: number;
  wide: boolean;
  query: Strip;
  key: Strip;
  matrix: { x: number; y: number; cell: number; cellHeight: number };
  elsewhere: { x: number; cell: number };
  turned: boolean; // column labels stand on end
  columnLabelsY: number;
  formula: { x: number; y: number; size: number };
  ramps: { x: number; y: number }[]; // of Q, of K, of the matrix
}

const GUTTER = 96; // for the names of queries
const HEAD = 66; // for the names of keys, on end
const RAMP = 34; // px of one key to the colours
export const LONGEST = 11; // characters of a token that are shown
const WIDE = 620;

export function headLayout(n: number, dims: number, width: number, longest: number): HeadLayout {
  return width >= WIDE ? beside(n, dims, width, longest) : below(n, dims, width, longest);
}

/** Whole pixels a number where there is room for them, so that a strip has no seams. */
function unit(room: number, dims: number): number {
  return room >= dims ? Math.floor(room / dims) : room / dims;
}

const isTurned = (longest: number, cell: number): boolean => Math.min(longest, LONGEST) * 12 * FONT.widthOfCharacter > cell - 6;

function beside(n: number, dims: number, width: number, longest: number): HeadLayout {
  const [along, deep] = [unit(width * 0.26, dims), unit(Math.max(128, width * 0.16), dims)];
  const gap = 18;
  const x = GUTTER + along * dims + gap;
  const most = Math.max(62, width / 14);
  const cell = Math.max(12, Math.min(most, Math.floor((width - x - gap) / (n + 1))));
  const cellHeight = Math.round(Math.max(24, Math.min(cell * 0.62, 44)));
  const turned = isTurned(longest, cell);
  const head = turned ? HEAD : 24;
  const y = head + Math.max(deep * dims, 3 * RAMP + 62 - head) + gap;
  const middle = (x - gap) / 2; // of the corner that Q and Kᵀ leave free
  return {
    width, height: y + n * cellHeight + 8, wide: true, turned, columnLabelsY: y - gap - deep * dims - 8,
    query: { x: GUTTER, y, along, across: cellHeight, lying: false },
    key: { x, y: y - gap - deep * dims, along: deep, across: cell, lying: true },
    matrix: { x, y, cell, cellHeight }, elsewhere: { x: x + n * cell + gap, cell: Math.min(Math.max(cell, 34), width - x - n * cell - gap) },
    formula: { x: middle, y: Math.max(26, y - gap - 3 * RAMP - 34), size: width >= 800 ? 20 : 16 },
    ramps: [0, 1, 2].map((i) => ({ x: middle - 118, y: y - gap - (3 - i) * RAMP - 10 })),
  };
}

function below(n: number, dims: number, width: number, longest: number): HeadLayout {
  const left = 82;
  const along = unit(width - left - 2, dims);
  const across = n > 8 ? 14 : 18;
  const key = 26 + n * across + 34;
  const gap = 8;
  const cell = Math.max(9, Math.min(44, Math.floor((width - left - gap - 2) / (n + 1))));
  const turned = isTurned(longest, cell);
  const cellHeight = Math.max(across + 2, Math.min(Math.round(cell * 0.8), 30));
  const y = key + n * across + 34 + (turned ? HEAD : 24) + 14;
  const bottom = y + n * cellHeight;
  return {
    width, height: bottom + 18 + 3 * RAMP, wide: false, turned, columnLabelsY: y - 7,
    query: { x: left, y: 26, along, across, lying: false },
    key: { x: left, y: key, along, across, lying: false },
    matrix: { x: left, y, cell, cellHeight }, elsewhere: { x: left + n * cell + gap, cell },
    formula: { x: left, y: key + n * across + 30, size: 17 },
    ramps: [0, 1, 2].map((i) => ({ x: 0, y: bottom + 18 + i * RAMP })),
  };
}

// ---- colours: as far along as the square root of the magnitude, so that a few large numbers do not hide the rest

export const LEVELS = 10;
export const shareOf = (value: number, range: number): number => Math.sqrt(Math.min(1, Math.abs(value) / range));

/** Every number of a strip as a square, those of one colour in one path: level −10 (raspberry) to 10 (blue). */
export function stripPaths(numbers: Numbers, range: number, strip: Strip): { level: number; d: string }[] {
  const paths = new Map<number, string>();
  numbers.forEach((row, token) => row.forEach((value, i) => {
    const level = Math.sign(value) * Math.round(LEVELS * shareOf(value, range));
    if (level === 0) return;
    const [a, t] = [round(i * strip.along), token * strip.across];
    const [x, y, w, h] = strip.lying ? [t, a, strip.across, strip.along] : [a, t, strip.along, strip.across];
    paths.set(level, `${paths.get(level) ?? ""}M${round(strip.x + x)} ${round(strip.y + y)}h${round(w)}v${round(h)}h${round(-w)}z`);
  }));
  return [...paths].sort(([a], [b]) => a - b).map(([level, d]) => ({ level, d }));
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** The place of one token in a strip. */
export function bandOf(strip: Strip, dims: number, token: number) {
  const [long, at] = [strip.along * dims, token * strip.across];
  return strip.lying ? { x: strip.x + at, y: strip.y, width: strip.across, height: long }
    : { x: strip.x, y: strip.y + at, width: long, height: strip.across };
}

/** Whether every number can be read in its cell with the decimals that it needs. */
export function isRoomy(numbers: Numbers, cell: number, cellHeight: number, digits: number): boolean {
  const most = room(cell, sizeFor(cell));
  return cellHeight >= 16 && numbers.every((row) => row.every((value) => decimals(value, digits).length <= most));
}

// ---- what the steps are called

const letter = (text: string, tone: Piece["tone"] = "neutral"): Piece => ({ text, tone });
const word = (text: string): Piece => ({ text, upright: true });
const PRODUCT: Piece[] = [letter("Q ", "query"), letter("K", "key"), { text: "T", tone: "key", place: "sup", upright: true }];

/** "÷ √64" where the model scales so, else what it multiplies with: "× 0.2". */
export function scalingOf(scaling: number): string {
  const square = 1 / scaling ** 2;
  return Math.abs(square - Math.round(square)) < 1e-4 * square ? `÷ √${Math.round(square)}` : `× ${Number(scaling.toPrecision(4))}`;
}

export function headFormula(stage: HeadStage, scaling: number): Piece[] {
  const scaled = [...PRODUCT, word(` ${scalingOf(scaling)}`)];
  if (stage === "scores") return PRODUCT;
  if (stage === "scaled") return scaled;
  const masked = [...scaled, word(" + "), letter("M")];
  return stage === "masked" ? masked : [word("softmax("), ...masked, word(")")];
}

export const HEAD_SPOKEN: Record<HeadStage, string> = { scores: "score", scaled: "scaled score", masked: "masked score", weights: "weight" };

export function cut(token: string): string {
  const points = [...token];
  return points.length > LONGEST ? `${points.slice(0, LONGEST - 1).join("")}…` : token;
}
