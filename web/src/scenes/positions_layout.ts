// Where the parts of the figure `positions` stand, and how its numbers are printed in them.
import { number } from "../parts/words";
import type { LoadedModel, ShuffledModel } from "./positions_data";
import type { Box } from "./parts/lines";

export const WIDE = 700;

/** A change as it stands in a cell: .52, 1.37; rounding is 0. */
export function changed(value: number, rounding: number): string {
  return value <= rounding ? "0" : value < 0.01 ? "<.01" : number(value, 2).replace(/^0/, "");
}

export interface ShuffleLayout {
  wide: boolean;
  whole: number; // width, where the tokens need more than there is
  left: number;
  cell: number;
  tops: number[]; // of each model
  rows: number; // where the rows begin, from there
  row: number;
  height: number;
  letters: number;
}

const [VERDICT, LABEL] = [148, 226];
const LEAST = 40; // of a cell

export function shuffleLayout(models: readonly Pick<ShuffledModel, "tokens">[], width: number, high: number): ShuffleLayout {
  const wide = width >= WIDE;
  const tokens = Math.max(1, ...models.map((model) => model.tokens.length));
  const left = wide ? LABEL : 0;
  const cell = Math.max(LEAST, Math.min(78, (width - left - (wide ? VERDICT : 0)) / tokens));
  const [rows, row] = [134, wide ? high + 6 : high + 36];
  const block = rows + 4 * row + 30;
  return { wide, whole: Math.max(width, left + tokens * cell + (wide ? VERDICT : 0)), left, cell, tops: models.map((_, m) => m * block), rows, row, height: Math.max(block, models.length * block) - 16, letters: Math.floor((cell - 4) / 7.4) };
}

const LEFT = 40;

/** Positions by dimensions, and under it one pair over the positions and all wavelengths. */
export function sinusoidLayout(rows: number, width: number) {
  const wide = width >= WIDE;
  const heat: Box = { x: LEFT, y: 24, width: width - LEFT - 8, height: Math.min(340, Math.max(120, rows * 10)) };
  const under = heat.y + heat.height + 64;
  const half = wide ? (width - 30) / 2 : width;
  const wave: Box = { x: 0, y: under, width: half, height: 180 };
  const lengths: Box = { x: wide ? half + 30 : 0, y: wide ? under : under + 196, width: half, height: 180 };
  return { heat, wave, lengths, key: { x: LEFT, y: heat.y + heat.height + 14 }, height: lengths.y + lengths.height };
}

/** A square map with something beside it, or under it where it is narrow. */
export function squareLayout(width: number, beside: number) {
  const wide = width >= WIDE;
  const side = Math.min(wide ? 360 : width - LEFT - 8, 360);
  const heat: Box = { x: LEFT, y: 24, width: side, height: side };
  const other: Box = { x: wide ? LEFT + side + 40 : 0, y: wide ? 16 : side + 84, width: wide ? width - side - LEFT - 40 : width, height: beside };
  return { wide, heat, other, key: { x: LEFT, y: heat.y + side + 14 }, height: wide ? Math.max(side + 76, other.y + beside) : other.y + beside };
}

/** Four schemes: side by side, or two and two. */
export function schemesLayout(width: number) {
  const columns = width >= 760 ? 4 : 2;
  const gap = width >= WIDE ? 24 : 14;
  const each = (width - gap * (columns - 1)) / columns;
  const side = each - 6;
  const block = 62 + side + 176;
  const places = Array.from({ length: 4 }, (_, i) => ({ x: (i % columns) * (each + gap), y: Math.floor(i / columns) * (block + 18) }));
  const high = Math.ceil(4 / columns) * (block + 18) - 18;
  return { each, side, places, chart: 62 + side + 6, key: { x: 2, y: high + 14 }, height: high + 44 };
}

/** One model beside the other where there is room; as high as what it has to say. */
export function loadedLayout(models: readonly Pick<LoadedModel, "tokens" | "rows">[], width: number, high: number) {
  const columns = Math.max(1, Math.min(models.length, Math.floor((width + 28) / 318)));
  const each = (width - 28 * (columns - 1)) / columns;
  const side = Math.min(each - LEFT - 6, 300);
  const places: { x: number; y: number; chart: number; said: number; cells: number; cell: number }[] = [];
  let [y, tall] = [0, 0];
  models.forEach((model, m) => {
    if (m > 0 && m % columns === 0) [y, tall] = [y + tall + 28, 0];
    const chart = 56 + (model.rows > 0 ? side + 40 : 0);
    const said = chart + (model.rows > 0 ? 190 : 12);
    const cells = said + 66;
    const cell = Math.min(64, each / Math.max(1, model.tokens.length));
    places.push({ x: (m % columns) * (each + 28), y, chart, said, cells, cell });
    tall = Math.max(tall, cells + high + 26);
  });
  return { each, side, left: LEFT, places, height: y + tall };
}

/** Some of the pairs, quick and slow ones, and the one that is looked at. */
export function dialsOf(pairs: number, most: number, chosen: number): number[] {
  const spread = Array.from({ length: most }, (_, i) => Math.round((i * (pairs - 1)) / Math.max(1, most - 1)));
  const all = new Set(pairs <= most ? Array.from({ length: pairs }, (_, i) => i) : spread);
  if (!all.has(chosen)) {
    all.delete([...all].filter((one) => one > 0).sort((a, b) => Math.abs(a - chosen) - Math.abs(b - chosen))[0] ?? -1);
    all.add(chosen);
  }
  return [...all].sort((a, b) => a - b);
}
