// Units by tokens as a heat map, one model beside the other: what is drawn, where it stands, and its pixels.
import type { Look } from "../looks";
import type { Scheme } from "../svg/colours";
import type { Pixels } from "./heads_pixels";
import { dataUrl, png, type Colour } from "./parts/png";
import { ENDS } from "./parts/ramp";

/** One model's map: rows are units, columns tokens. */
export interface UnitMap {
  name: string;
  look: Look;
  caption: string; // of what, in a few words
  columns: string[];
  units: number[];
  values: ArrayLike<number>; // row by row
  signed: boolean;
  why: string; // where there is nothing to draw
}

/** A cell: of which map, which row, which column. */
export type CellAt = [map: number, row: number, column: number];

export interface PlacedMap {
  x: number;
  y: number;
  left: number; // of the cells
  top: number;
  cell: { width: number; height: number };
  wide: number;
  high: number;
  every: number; // of so many rows one is numbered
  letters: number; // of a token that fit above its column
}

const GAP = 28;
const HEAD = 40; // name and caption
const LETTER = 7.3;
const LEFT = 38;

export function placed(maps: readonly UnitMap[], width: number): { places: PlacedMap[]; height: number } {
  const across = width >= 250 * maps.length + GAP * (maps.length - 1);
  const each = across ? (width - GAP * (maps.length - 1)) / maps.length : width;
  const longest = Math.min(12, Math.max(2, ...maps.flatMap(({ columns }) => columns.map((token) => [...token].length))));
  const top = HEAD + longest * LETTER + 14;
  let y = 0;
  const places = maps.map((map, i) => {
    const cell = { width: Math.min(34, (each - LEFT - 5) / Math.max(1, map.columns.length)), height: Math.max(2, Math.min(13, 400 / Math.max(1, map.units.length))) };
    const [wide, high] = [cell.width * map.columns.length, cell.height * map.units.length];
    const place = { x: across ? i * (each + GAP) : 0, y: across ? 0 : y, left: LEFT, top, cell, wide, high, every: Math.ceil(12 / cell.height), letters: longest };
    y += top + high + 22;
    return place;
  });
  const height = across ? Math.max(0, ...places.map(({ top, high }) => top + high)) : y - 22;
  return { places, height };
}

/** --plus and --minus of the page's stylesheet: pixels cannot ask it. */
const SIGNED: Record<Scheme, { minus: Colour; plus: Colour }> = {
  light: { minus: [0x8f, 0x20, 0x4f], plus: [0x1b, 0x5e, 0x8c] },
  dark: { minus: [0xe0, 0x6c, 0x94], plus: [0x79, 0xb8, 0xe4] },
};
const HALF = 127;
const MIDDLE = 127;

/** Value -> index of the palette: 0 is −range, 127 is 0, 254 is +range. */
export function signedIndex(value: number, range: number): number {
  return MIDDLE + Math.round(HALF * Math.max(-1, Math.min(1, value / (range || 1))));
}

function mixed(from: Colour, to: Colour, share: number): Colour {
  return [0, 1, 2].map((i) => Math.round((from[i] as number) + ((to[i] as number) - (from[i] as number)) * share)) as unknown as Colour;
}

/** Zero is paper, and both signs go away from it. */
export function signedPalette(scheme: Scheme): Colour[] {
  const [paper] = ENDS[scheme];
  const { minus, plus } = SIGNED[scheme];
  return Array.from({ length: 2 * HALF + 1 }, (_, i) => mixed(paper, i < MIDDLE ? minus : plus, Math.abs(i - MIDDLE) / HALF));
}

/** From paper to ink, evenly: for gates, of which a half is a half. */
export function evenPalette(scheme: Scheme): Colour[] {
  const [from, to] = ENDS[scheme];
  return Array.from({ length: 2 * HALF + 1 }, (_, i) => mixed(from, to, i / (2 * HALF)));
}

/** A picture of one pixel a value. */
export function pixelsOf(values: ArrayLike<number>, width: number, height: number, signed: boolean, range: number, scheme: Scheme): Pixels {
  const index = (value: number): number => (signed ? signedIndex(value, range) : Math.round(2 * HALF * Math.max(0, Math.min(1, value / range))));
  const indices = Uint8Array.from({ length: width * height }, (_, i) => index(values[i] as number));
  return { href: dataUrl(png(width, height, indices, signed ? signedPalette(scheme) : evenPalette(scheme))), width, height };
}

/** The scale itself, from one end to the other. */
export function keyOf(signed: boolean, scheme: Scheme): Pixels {
  const n = 64;
  const values = Array.from({ length: n }, (_, i) => (signed ? (2 * i) / (n - 1) - 1 : i / (n - 1)));
  return pixelsOf(values, n, 1, signed, 1, scheme);
}

/** The size that gets the full colour: 1 where all values lie within it, else the largest. */
export function rangeOf(maps: readonly UnitMap[]): number {
  let largest = 0;
  for (const { values } of maps) for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  return largest <= 1 ? 1 : largest;
}
