// A chart of what is left after going back k steps: the end of the text is at the right, the way back leads left, the
// scale is logarithmic. Names stand in the left margin, where the lines end; the scale is at the right.
import { tickText } from "./scale";

export interface Line {
  name: string; // in the margin; "" for a line without
  values: readonly number[]; // by k, steps back from the end
  hue: string; // class of its colour: m1 … m4, ink, soft, accent
  colour: string; // where no stylesheet says so
  dash: string;
  width: number;
  faint?: boolean;
  broad?: boolean;
}

export interface Rule {
  at: number;
  text: string;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Plot {
  x: number; // of the whole, margins among it
  left: number;
  right: number;
  top: number;
  bottom: number;
  count: number; // steps, the end among them
  low: number;
  high: number;
}

const LETTER = 7.2;
const [HEAD, FOOT, SCALE] = [34, 46, 54];

export function plotOf(box: Box, lines: readonly Line[], count: number, range: readonly [number, number]): Plot {
  const longest = Math.max(0, ...lines.map(({ name }) => name.length));
  const margin = Math.min(box.width * 0.36, longest * LETTER + 12);
  return { x: box.x, left: box.x + margin, right: box.x + box.width - SCALE, top: box.y + HEAD, bottom: box.y + box.height - FOOT, count, low: range[0], high: range[1] };
}

/** The powers of ten around all values and rules, two at least. */
export function rangeOf(values: Iterable<number>): [number, number] {
  const sizes = [...values].filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  if (sizes.length === 0) return [0.1, 10];
  const [low, high] = [Math.floor(Math.min(...sizes) + 1e-9), Math.ceil(Math.max(...sizes) - 1e-9)];
  return [10 ** (high - low < 2 ? low - 1 : low), 10 ** (high - low < 1 ? high + 1 : high)];
}

export const across = ({ left, right, count }: Plot, k: number): number => right - (count > 1 ? (k * (right - left)) / (count - 1) : 0);

export function up({ top, bottom, low, high }: Plot, value: number): number {
  return bottom - ((Math.log10(value) - Math.log10(low)) / (Math.log10(high) - Math.log10(low))) * (bottom - top);
}

/** Which k is nearest to a place in the picture. */
export function stepAt(plot: Plot, x: number): number {
  const { left, right, count } = plot;
  const k = count > 1 ? Math.round(((right - x) * (count - 1)) / (right - left)) : 0;
  return Math.max(0, Math.min(count - 1, k));
}

/** The path of a line; what is 0 or not a number has no place on a logarithmic scale, what is outside ends at the edge. */
export function pathOf(plot: Plot, values: readonly number[]): string {
  let d = "";
  let pen = false;
  for (let k = 0; k < values.length; k++) {
    const [value, next] = [values[k] as number, values[k + 1]];
    const here = inside(plot, value);
    if (here) d += `${pen ? "L" : "M"}${point(plot, k, value)}`;
    pen = here;
    if (next === undefined || !(value > 0 && next > 0)) continue;
    for (const edge of here === inside(plot, next) ? [] : [edgeBetween(plot, value, next)]) {
      const share = Math.log(edge / value) / Math.log(next / value);
      d += `${pen ? "L" : "M"}${point(plot, k + share, edge)}`;
      pen = !here;
    }
  }
  return d;
}

const inside = ({ low, high }: Plot, value: number): boolean => value >= low && value <= high;
const edgeBetween = ({ low, high }: Plot, value: number, next: number): number => (Math.max(value, next) > high ? high : low);
const point = (plot: Plot, k: number, value: number): string => `${across(plot, k).toFixed(2)} ${up(plot, value).toFixed(2)}`;

const GAP = 15; // between two names
const ROUNDS = 60;

/** Where each line's name stands, and where its line ends: names that would touch are pushed apart, each by half. */
export function namesOf(plot: Plot, lines: readonly Line[]): { line: Line; y: number; end: number }[] {
  const named = lines.filter(({ name }) => name !== "").map((line) => ({ line, y: endOf(plot, line.values), end: endOf(plot, line.values) }));
  named.sort((a, b) => a.y - b.y);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 1; i < named.length; i++) {
      const [above, below] = [named[i - 1] as { y: number }, named[i] as { y: number }];
      const over = GAP - (below.y - above.y);
      if (over <= 0) continue;
      above.y -= over / 2;
      below.y += over / 2;
    }
  }
  const over = Math.max(0, plot.top - (named[0]?.y ?? Infinity)); // above the chart stands its title
  named.forEach((one) => (one.y += over));
  return named;
}

function endOf(plot: Plot, values: readonly number[]): number {
  const last = values.findLast((value) => value > 0 && Number.isFinite(value));
  return last === undefined ? plot.bottom : Math.max(plot.top, Math.min(plot.bottom, up(plot, last)));
}

/** Powers of ten, at most about seven. */
export function powersOfTen({ low, high }: Plot): { value: number; text: string }[] {
  const [first, last] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  const stride = [1, 2, 3, 5, 10, 20, 50].find((one) => (last - first) / one <= 7) ?? 100;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((power) => power % stride === 0).map((power) => ({ value: 10 ** power, text: tickText(10 ** power) }));
}

/** Steps back that are written under the chart. */
export function stepsBack({ count, left, right }: Plot): number[] {
  const most = Math.max(2, Math.floor((right - left) / 44));
  const stride = [1, 2, 5, 10, 20, 50, 100].find((one) => (count - 1) / one <= most) ?? 200;
  return Array.from({ length: Math.floor((count - 1) / stride) + 1 }, (_, i) => i * stride);
}
