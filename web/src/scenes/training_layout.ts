// The curves of training runs as plain numbers: where everything stands. Pure: the same runs, the same picture.
import { scale, type Edges, type Extent, type Scale, type Tick } from "./parts/scale";

/** One line: what was measured on the way. */
export interface Line {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

/** One run as the picture shows it. */
export interface Curve {
  name: string;
  training: Line;
  heldOut: Line;
  whole: boolean[]; // of each report: was all of the held-out text measured?
  rate: Line;
  kept: number[];
  spoken: string[]; // of each report, for those who do not see it
}

/** A line that stands for a way of guessing. */
export interface Mark {
  labels: string[]; // the same said ever shorter
  value: number;
}

export interface Chart {
  curves: Curve[];
  marks: Mark[];
  unit: string; // of y
  along: string; // of x
  logX: boolean;
  logY: boolean;
  window: number; // measurements that a point of the training line is the mean of
}

export interface Layout {
  plot: Edges;
  rates: Edges;
  height: number;
  x: Scale;
  y: Scale;
  rate: Scale;
  xTicks: Tick[];
  yTicks: Tick[];
  rateTicks: Tick[]; // nothing, and the highest learning rate
  key: string[];
  letters: number; // of a name at the right
}

const NARROW = 560;
const LETTER = 7.2;

export function trainingLayout(chart: Chart, width: number): Layout {
  const narrow = width < NARROW;
  const right = width - (narrow ? 78 : 132);
  const plot = { left: 54, right, top: 30, bottom: narrow ? 310 : 370 };
  const rates = { left: 54, right, top: plot.bottom + 74, bottom: plot.bottom + 134 };
  const key = keyOf(chart, narrow);
  const [across, up] = [xExtent(chart), yExtent(chart)];
  const most = Math.max(0, ...chart.curves.flatMap(({ rate }) => Array.from(rate.y)));
  const [x, y] = [scale(across, plot.left, plot.right), scale(up, plot.bottom, plot.top)];
  return {
    plot, rates, x, y, key,
    rateTicks: [...(most > 0 ? [{ at: rates.top, text: short(most) }] : []), { at: rates.bottom, text: "0" }],
    rate: scale({ low: 0, high: most || 1, log: false }, rates.bottom, rates.top),
    xTicks: ticks(across, narrow ? 4 : 7, chart.along !== "seconds").map((value) => ({ at: x(value), text: short(value) })),
    yTicks: ticks(up, 6, false).map((value) => ({ at: y(value), text: short(value) })),
    letters: Math.floor((width - right - 10) / LETTER),
    height: rates.bottom + 44 + 17 * key.length,
  };
}

/** What the signs mean, as far as there are any. */
function keyOf({ curves, window }: Chart, narrow: boolean): string[] {
  const training = window === 1 ? "thin line: training, as measured" : `thin line: training, mean of the last ${window} measurements`;
  const rings = curves.some(ringed) ? ["ring: all of the held-out text, dots: its beginning"] : ["dots: held-out text"];
  const kept = curves.some((curve) => curve.kept.length > 0) ? ["triangle: weights kept"] : [];
  const parts = [training, ...rings, ...kept];
  return narrow ? parts : [parts.slice(0, 2).join(" · "), ...parts.slice(2)];
}

/** Whether some of a run's reports are about all of the held-out text, and others not. */
export function ringed({ whole }: Curve): boolean {
  return whole.includes(true) && whole.includes(false);
}

/** From the beginning (on a logarithmic axis: the first measurement) to the farthest that a run has come. */
function xExtent({ curves, logX }: Chart): Extent {
  const seen = curves.flatMap(({ training, heldOut }) => [...Array.from(training.x), ...Array.from(heldOut.x)]).filter((value) => value > 0);
  const high = Math.max(1, ...seen);
  if (!logX) return { low: 0, high, log: false };
  const low = Math.min(high, ...seen);
  return low < high ? { low, high, log: true } : { low: high / 10, high, log: true };
}

/** What holds every curve and every mark, with some air. */
function yExtent({ curves, marks, logY }: Chart): Extent {
  const values = [...curves.flatMap(({ training, heldOut }) => [...Array.from(training.y), ...Array.from(heldOut.y)]), ...marks.map(({ value }) => value)].filter((value) => Number.isFinite(value) && (!logY || value > 0));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (values.length === 0) return { low: logY ? 1 : 0, high: 10, log: logY };
  if (logY) return { low: low / 1.15, high: Math.max(high * 1.15, low * 1.5), log: true };
  const air = Math.max(0.04 * (high - low), 0.05);
  return { low: Math.max(0, low - air), high: high + air, log: false };
}

/** Round numbers between low and high; on a logarithmic axis the scale's own. */
export function ticks({ low, high, log }: Extent, most: number, whole: boolean): number[] {
  if (log) return thinned(scale({ low, high, log }, 0, 1).ticks, most);
  const step = roundStep((high - low) / most, whole);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function roundStep(least: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= least * (1 - 1e-9)) ?? least;
  return whole ? Math.max(1, step) : step;
}

function thinned(values: number[], most: number): number[] {
  const every = Math.ceil(values.length / (most + 1));
  return values.filter((_, i) => i % every === 0);
}

/** 0.5, 20, 5k, 1.2M. */
export function short(value: number): string {
  const [size, unit] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}

const SANS = 6.6; // px of a letter at 12 px

/** The longest label of a mark that the plot has room for. */
export function labelIn({ left, right }: Edges, { labels }: Mark): string {
  return labels.find((label) => label.length * SANS <= right - left - 8) ?? labels.at(-1) ?? "";
}

/** The line through all points that the axes can hold, as an SVG path. */
export function pathOf({ x, y }: Line, across: Scale, up: (value: number) => number, box: Edges): string {
  let [d, on] = ["", false];
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [across(x[i] ?? NaN), up(y[i] ?? NaN)];
    const inside = Number.isFinite(a) && Number.isFinite(b) && a >= box.left - 0.5;
    if (inside) d += `${on ? "L" : "M"}${a.toFixed(1)} ${Math.max(box.top, b).toFixed(1)}`;
    on = inside;
  }
  return d;
}

export interface Label {
  run: number;
  y: number;
  text: string;
  value: number;
}

/** Names at the lines' ends, moved apart so that each can be read. */
export function labelsOf({ curves }: Chart, { y, plot, letters }: Layout): Label[] {
  const made = curves.flatMap(({ name, training, heldOut }, run) => {
    const line = heldOut.y.length > 0 ? heldOut : training;
    const value = line.y[line.y.length - 1];
    return value === undefined ? [] : [{ run, y: y(value), text: cutTo(name, letters), value }];
  });
  return apart(made, 32, plot.top + 8, plot.bottom - 14);
}

function cutTo(name: string, letters: number): string {
  return name.length <= letters ? name : `…${name.slice(1 - letters)}`; // the end of a path says more than its beginning
}

function apart(labels: Label[], gap: number, top: number, bottom: number): Label[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.y - b.y);
  let low = top;
  for (const label of sorted) low = (label.y = Math.max(label.y, low)) + gap;
  let high = bottom;
  for (const label of sorted.reverse()) high = (label.y = Math.min(label.y, high)) - gap;
  return sorted;
}

/** Cells of the mono type on one line. */
export function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(/(?<=\s)/)) {
      if (line !== "" && line.length + word.trimEnd().length > room) {
        lines.push(line);
        line = "";
      }
      line += word;
      for (; line.trimEnd().length > room; line = line.slice(room)) lines.push(line.slice(0, room));
    }
    lines.push(line);
  }
  return lines;
}

/** What a model wrote. */
export interface Passage {
  name: string;
  line: string; // when, and how good the model was then
  prompt: string;
  text: string;
}

export interface Placed {
  x: number;
  y: number;
  lines: { text: string; from: number }[]; // `from`: where in the line the model's own words begin
}

export const [HEAD, LEADING] = [52, 21]; // px above a passage's words, and from line to line
const [GAP, MONO, COLUMN] = [36, 7.85, 300];

/** As many beside each other as have room for a readable line. */
export function passagesLayout(passages: Passage[], width: number): { placed: Placed[]; height: number } {
  const fit = Math.max(1, Math.min(passages.length, Math.floor((width + GAP) / (COLUMN + GAP))));
  const across = Math.ceil(passages.length / Math.ceil(passages.length / fit)) || 1; // rows of about one length
  const column = (width - GAP * (across - 1)) / across;
  const texts = passages.map(({ prompt, text }) => marked(wrapped((prompt + text).trimEnd(), Math.floor(column / MONO)), prompt));
  const placed: Placed[] = [];
  let y = 0;
  for (let first = 0; first < texts.length; first += across) {
    const row = texts.slice(first, first + across);
    row.forEach((lines, i) => placed.push({ x: i * (column + GAP), y, lines }));
    y += HEAD + Math.max(...row.map((lines) => lines.length)) * LEADING + 26;
  }
  return { placed, height: Math.max(HEAD, y - 18) };
}

/** Which letters of each line are the prompt's, whose line feeds are not among them. */
function marked(lines: string[], prompt: string): Placed["lines"] {
  let left = prompt.replaceAll("\n", "").length;
  return lines.map((text) => {
    const from = Math.min(text.length, left);
    left -= from;
    return { text, from };
  });
}
