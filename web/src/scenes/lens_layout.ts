// The logit lens as a picture: one column a position, one row a layer, the layer's first choice in each cell; below it
// what becomes of the final answer at one position. nostalgebraist 2020, "interpreting GPT: the logit lens".
import { scale } from "./parts/scale";

export interface LensCell {
  text: string; // the layer's first choice
  probability: number;
  rank: number; // of the final answer
  final: number; // probability of the final answer
  bits: number;
}

export interface LensData {
  layers: string[];
  tokens: string[];
  first: number;
  says: string[]; // the model's own answer, by position
  cells: LensCell[][]; // by layer, then position
}

export interface LensLayout {
  left: number;
  top: number;
  cell: { width: number; height: number };
  letters: number;
  width: number;
  bottom: number; // of the grid
  chart: { top: number; height: number };
  height: number;
}

const LETTER = 7;
const NARROWEST = 46;

export function lensLayout({ layers, tokens }: Pick<LensData, "layers" | "tokens">, width: number): LensLayout {
  const [left, top] = [78, 34];
  const wide = Math.max(NARROWEST, Math.min(104, (width - left) / Math.max(1, tokens.length)));
  const cell = { width: wide, height: layers.length > 20 ? 20 : 24 };
  const bottom = top + layers.length * cell.height + 34;
  return { left, top, cell, letters: Math.floor((wide - 6) / LETTER), width: left + wide * tokens.length, bottom, chart: { top: bottom + 46, height: 120 }, height: bottom + 46 + 120 + 34 };
}

export interface Trajectory {
  d: string;
  points: { x: number; y: number; rank: number }[];
  ticks: { y: number; text: string }[];
}

/** Rank of the final answer, layer by layer, on a logarithmic scale with the first place on top. */
export function trajectoryOf(ranks: readonly number[], width: number, height: number): Trajectory {
  const most = Math.max(10, ...ranks);
  const at = scale({ low: 1, high: most, log: true }, 8, height);
  const x = (i: number): number => 8 + (ranks.length < 2 ? 0 : (i * (width - 16)) / (ranks.length - 1));
  const points = ranks.map((rank, i) => ({ x: x(i), y: at(rank), rank }));
  const powers = Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, i) => 10 ** i);
  return { points, d: points.map(({ x, y }, i) => `${i ? "L" : "M"}${x} ${y}`).join(""), ticks: powers.map((power) => ({ y: at(power), text: power.toLocaleString("en") })) };
}
