// Where the parts of the figure `heads` stand: the grid of all heads, one head large, the way through a long text.
import type { HeadAt } from "./heads_data";

export interface Grid {
  layers: number;
  heads: number;
  across: boolean; // layers run across the page: for deep models on a wide page
  side: number; // of one head's square
  pitchX: number;
  pitchY: number;
  left: number;
  top: number;
  width: number;
  height: number;
  gaps: [x: number, y: number]; // between the squares, in pixels of a thumbnail: all thumbnails are one image
}

const MOST = 46; // px of a square
const DEEP = 26; // of one in a column of many layers
const CAPTION = 14;

/** `width`: what there is; `pixels`: columns and rows of a thumbnail. A deep model lies on its side where that fits. */
export function gridOf(layers: number, heads: number, width: number, captions: boolean, pixels: [number, number] = [16, 16]): Grid {
  const [left, top] = [width < 420 ? 32 : 36, 30];
  const across = layers > 1.5 * heads && (width - left) / layers >= 22;
  const [columns, rows] = across ? [layers, heads] : [heads, layers];
  const most = !across && layers > 16 ? DEEP : MOST;
  const least = captions ? Math.min(27, (width - left) / columns) : 0; // px that a caption needs
  const gapsFor = (side: number): [number, number] => [
    Math.max(1, Math.round((Math.max(3, least - side) * pixels[0]) / side)),
    Math.max(1, Math.ceil(((captions ? CAPTION : 3) * pixels[1]) / side)),
  ];
  const wide = (side: number): number => (side * (columns * (pixels[0] + gapsFor(side)[0]) - gapsFor(side)[0])) / pixels[0];
  let side = most;
  while (side > 6 && left + wide(side) > width) side--;
  const gaps = gapsFor(side);
  const [pitchX, pitchY] = gaps.map((gap, i) => (side * ((pixels[i] as number) + gap)) / (pixels[i] as number)) as [number, number];
  return { layers, heads, across, side, pitchX, pitchY, left, top, gaps, width: left + wide(side), height: top + rows * pitchY };
}

export function placeOf(grid: Grid, { layer, head }: HeadAt): { x: number; y: number } {
  const [column, row] = grid.across ? [layer, head] : [head, layer];
  return { x: grid.left + column * grid.pitchX, y: grid.top + row * grid.pitchY };
}

const LETTER = 7.2; // px of one letter in the mono at 12 px
export const LONGEST = 12;

/** As much of a token as fits; at least three letters. */
export function cut(token: string, letters = LONGEST): string {
  const points = [...token];
  return points.length > letters ? `${points.slice(0, Math.max(2, letters - 1)).join("")}…` : token;
}

/** Room for the longest of these labels. */
export function gutter(labels: readonly string[], letters = LONGEST): number {
  const longest = Math.max(2, ...labels.map((label) => Math.min(letters, [...label].length)));
  return Math.round(longest * LETTER + 10);
}

/** Of one head large: cells of equal size, the tokens beside and above. */
export interface Large {
  cell: number; // px
  left: number;
  top: number;
  rows: number; // cells in view
  columns: number;
  width: number;
  height: number;
  every: number; // of so many tokens one is labelled
}

const NARROW = 520;
const LABEL = 13; // px that a label takes across its line

export function largeOf(queries: readonly string[], keys: readonly string[], width: number, most = 30): Large {
  const letters = width < NARROW ? 8 : LONGEST;
  const [left, top] = [gutter(queries, letters), gutter(keys, letters)];
  const cell = Math.min(most, (width - left) / Math.max(1, keys.length));
  const [rows, columns] = [queries.length, keys.length];
  return { cell, left, top, rows, columns, width: left + columns * cell, height: top + rows * cell, every: Math.ceil(LABEL / cell) };
}

/** A long text: a part of the map at so many px a cell, and the whole in small beside or above it. */
export interface Long {
  large: Large;
  side: number; // of the small picture
  at: { x: number; y: number }; // of the part
  small: { x: number; y: number };
  width: number;
  height: number;
}

export const ZOOMS = [2, 4, 8, 16];

export function longOf(nQuery: number, nKey: number, width: number, zoom: number): Long {
  const beside = width >= 700;
  const side = beside ? 188 : 132;
  const [left, top] = [96, 84];
  const room = width - (beside ? side + 34 : 0) - left;
  const most = Math.min(room, 560);
  const [rows, columns] = [nQuery, nKey].map((n) => Math.min(n, Math.floor(most / zoom))) as [number, number];
  const large = { cell: zoom, left, top, rows, columns, width: left + columns * zoom, height: top + rows * zoom, every: Math.ceil(LABEL / zoom) };
  const at = beside ? { x: 0, y: 0 } : { x: 0, y: side + 62 };
  const small = beside ? { x: large.width + 34, y: top } : { x: left, y: 26 };
  return { large, side, at, small, width, height: at.y + large.height + 4 };
}
