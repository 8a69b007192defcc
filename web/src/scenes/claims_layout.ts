// Where the parts of a claim and the rows of the verdicts stand. Pure: the same answer, the same picture.
import { extentOf, looksOfSeries, tickOf, ticksOf, written, type Between, type SeriesLook } from "./claims_axes";
import type { Bound, ClaimData, Mark, Plot, Point, Row, Series, VerdictsData } from "./claims_data";
import { folded } from "./path_length_layout";
import { scale, type Edges, type Tick } from "./parts/scale";

export const NARROW = 560;
const LINE = 18;

/** Lines of text of `size` px in so many px. */
export const lines = (text: string, room: number, size = 13.5): string[] => folded(text, room + 24, size * 0.515);

export interface Spot {
  pick: string; // plot, series, point: "0.2.1"
  x: number;
  y: number;
  low: number; // px along the measured axis
  high: number;
  spread: boolean; // whether the interval has a width
}

export interface Label {
  text: string[];
  y: number;
  from: number; // px up at which what it names ends
  series: number; // -1: a mark
}

interface Shared {
  plot: Plot;
  title: string[];
  measured: string[]; // what is measured, in lines
  top: number; // px from the top of the figure to the title
  looks: SeriesLook[];
  edges: Edges;
  groups: Spot[][]; // by series, lines; all of it one, bars
  ticks: Tick[]; // of what is measured
  bottom: number;
}

export interface LinesLayout extends Shared {
  kind: "lines";
  xTicks: Tick[];
  along: string[]; // what is along, in lines
  paths: { line: string; band: string }[];
  marks: number[];
  labels: Label[];
}

export interface BarRow {
  text: string[];
  y: number;
  spot: Spot | null; // null: the name of a place above its bars
  series: number;
  value: string;
  from: number;
}

export interface BarsLayout extends Shared {
  kind: "bars";
  rows: BarRow[];
  marks: { x: number; top: number; text: string; end: boolean }[];
}

export type PlotLayout = LinesLayout | BarsLayout;

export function plotLayout(plot: Plot, index: number, top: number, width: number): PlotLayout {
  return plot.bars ? barsLayout(plot, index, top, width) : linesLayout(plot, index, top, width);
}

const pointsOf = (plot: Plot): Point[] => plot.series.flatMap(({ points }) => points);
const inside = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

// ---- lines

function linesLayout(plot: Plot, index: number, top: number, width: number): LinesLayout {
  const narrow = width < NARROW;
  const title = lines(`${plot.title}.`, width, 14.5);
  const room = narrow ? 96 : 168;
  const named = labelled(plot, room);
  const widest = Math.max(0, ...named.flatMap(({ text }) => text.map((line) => line.length * 6.8)));
  const measured = lines(plot.y, width, 12.5);
  const upper = top + LINE * title.length + 17 + 15 * measured.length;
  const edges = { left: 54, right: width - Math.min(room, widest) - 16, top: upper, bottom: upper + Math.max(narrow ? 230 : 270, named.reduce((sum, { text }) => sum + 15 * text.length + 3, -20)) };
  const between = extentOf(pointsOf(plot), plot.marks, plot.yLog);
  const up = scale({ ...between, log: plot.yLog }, edges.bottom, edges.top);
  const y = (value: number): number => inside(plot.yLog && value <= 0 ? edges.bottom : up(value), edges.top - 5, edges.bottom + 5);
  const along = alongOf(plot);
  const x = scale({ ...along, log: plot.xLog && plot.names.length === 0 }, edges.left + 6, edges.right - 6);
  const groups = plot.series.map(({ points }, s) => points.map((point, p): Spot => ({ pick: `${index}.${s}.${p}`, x: x(point.x), y: y(point.mean), low: y(point.low), high: y(point.high), spread: point.low !== point.high })));
  const spots = ticksOf(between, plot.yLog);
  const across = lines(plot.x, edges.right - 8, 12.5);
  return {
    kind: "lines", plot, title, measured, top, looks: looksOfSeries(plot.series), edges, groups,
    ticks: spots.map((value) => ({ at: up(value), text: tickOf(value, between, plot.yLog) })),
    xTicks: xTicksOf(plot, along, x, narrow),
    along: across,
    paths: groups.map(pathsOf),
    marks: plot.marks.map((mark) => y(mark.y)),
    labels: placed(named, y, edges),
    bottom: edges.bottom + 31 + 15 * across.length + (plot.names.length > 0 ? 16 : 0),
  };
}

const xsOf = (plot: Plot): number[] => [...new Set(pointsOf(plot).map(({ x }) => x))].sort((a, b) => a - b);

function alongOf(plot: Plot): Between {
  const xs = xsOf(plot);
  if (plot.names.length > 0) return { low: -0.3, high: Math.max(plot.names.length - 0.7, 0.3) };
  const [low, high] = [xs[0] ?? 0.1, xs.at(-1) ?? 1];
  if (low === high) return plot.xLog ? { low: low / 2, high: high * 2 } : { low: low - 1, high: high + 1 };
  return { low, high };
}

function xTicksOf(plot: Plot, along: Between, x: (value: number) => number, narrow: boolean): Tick[] {
  const xs = xsOf(plot);
  if (plot.names.length > 0) return xs.flatMap((at) => (plot.names[at] === undefined ? [] : [{ at: x(at), text: plot.names[at] }]));
  const values = xs.length <= (narrow ? 5 : 8) ? xs : ticksOf(along, plot.xLog, narrow ? 4 : 6);
  const log = plot.xLog;
  return roomy(values.map((value) => ({ at: x(value), text: tickOf(value, log ? along : { low: 1, high: 1 }, log) })));
}

/** Of ticks that would touch, the first. */
function roomy(ticks: Tick[]): Tick[] {
  return ticks.reduce<Tick[]>((kept, tick) => {
    const last = kept.at(-1);
    return last && tick.at - last.at < 3.6 * (tick.text.length + last.text.length) + 8 ? kept : [...kept, tick];
  }, []);
}

function pathsOf(spots: readonly Spot[]): { line: string; band: string } {
  const at = (x: number, y: number, i: number): string => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  const line = spots.map(({ x, y }, i) => at(x, y, i)).join("");
  if (spots.length < 2 || !spots.some(({ spread }) => spread)) return { line, band: "" };
  const edge = [...spots.map(({ x, high }) => [x, high] as const), ...[...spots].reverse().map(({ x, low }) => [x, low] as const)];
  return { line, band: `${edge.map(([x, y], i) => at(x, y, i)).join("")}Z` };
}

function labelled(plot: Plot, room: number): { text: string[]; value: number; series: number }[] {
  const series = plot.series.flatMap(({ name, points }, s) => (name && points.length > 0 ? [{ text: lines(name, room, 13), value: points.at(-1)?.mean ?? 0, series: s }] : []));
  return [...series, ...plot.marks.map(({ y, says }) => ({ text: lines(says, room, 12), value: y, series: -1 }))];
}

/** Each label at the height of what it names, or as near as the others let it. */
function placed(named: { text: string[]; value: number; series: number }[], y: (value: number) => number, edges: Edges): Label[] {
  const found = named.map(({ text, value, series }): Label => ({ text, series, from: y(value), y: y(value) })).sort((a, b) => a.from - b.from);
  const height = ({ text }: Label): number => 15 * text.length + 3;
  let edge = edges.top - 10;
  for (const label of found) {
    label.y = Math.max(label.y, edge + height(label) / 2);
    edge = label.y + height(label) / 2;
  }
  edge = edges.bottom + 10;
  for (const label of [...found].reverse()) {
    label.y = Math.min(label.y, edge - height(label) / 2);
    edge = label.y - height(label) / 2;
  }
  return found;
}

// ---- bars, lying

const ROW = 24;

function barsLayout(plot: Plot, index: number, top: number, width: number): BarsLayout {
  const narrow = width < NARROW;
  const title = lines(`${plot.title}.`, width, 14.5);
  const room = narrow ? 108 : 190;
  const measured = lines(plot.y, width, 12.5);
  const alone = plot.series.length === 1;
  const names = alone ? plot.names : plot.series.map(({ name }) => name);
  const left = Math.min(room, Math.max(0, ...names.map((name) => Math.max(...lines(name, room, 13).map((line) => line.length * 6.9))))) + 12;
  const digits = Math.max(0, ...pointsOf(plot).map(({ mean }) => written(mean).length));
  const edges = { left, right: width - Math.max(66, 16 + 7.4 * digits), top: 0, bottom: 0 };
  const between = extentOf(pointsOf(plot), plot.marks, plot.yLog, true);
  const across = scale({ ...between, log: plot.yLog }, edges.left, edges.right);
  const marks = floors(plot.marks, across, width);
  edges.top = top + LINE * title.length + 10 + 16 * (1 + Math.max(-1, ...marks.map(({ floor }) => floor)));
  const { rows, bottom } = barRows(plot, index, edges, across, room, alone);
  edges.bottom = bottom + 4;
  return {
    kind: "bars", plot, title, measured, top, looks: looksOfSeries(plot.series), edges, rows,
    groups: [rows.flatMap(({ spot }) => (spot ? [spot] : []))],
    ticks: roomy(ticksOf(between, plot.yLog, narrow ? 4 : 6).map((value) => ({ at: across(value), text: tickOf(value, between, plot.yLog) }))),
    marks: marks.map(({ x, text, end, floor }) => ({ x, text, end, top: edges.top - 12 - 16 * floor })),
    bottom: edges.bottom + 31 + 15 * measured.length,
  };
}

function barRows(plot: Plot, index: number, edges: Edges, across: (value: number) => number, room: number, alone: boolean): { rows: BarRow[]; bottom: number } {
  const rows: BarRow[] = [];
  let y = edges.top;
  for (const at of xsOf(plot)) {
    const name = plot.names[at] ?? (plot.names.length > 0 ? "" : written(at));
    if (!alone && rows.length > 0) y += 10;
    if (!alone && name) {
      const text = lines(name, edges.right, 13.5);
      const height = ROW + 15 * (text.length - 1);
      rows.push({ text, y: y + height / 2, spot: null, series: -1, value: "", from: 0 });
      y += height;
    }
    for (const [s, series] of plot.series.entries()) {
      for (const [p, point] of series.points.entries()) {
        if (point.x !== at) continue;
        const text = lines(alone ? name : series.name, room, 13);
        const height = Math.max(ROW, 15 * text.length + 8);
        rows.push(barRow(plot, point, `${index}.${s}.${p}`, text, y + height / 2, s, edges, across));
        y += height;
      }
    }
  }
  return { rows, bottom: Math.max(y, edges.top + ROW) };
}

function barRow(plot: Plot, point: Point, pick: string, text: string[], y: number, series: number, edges: Edges, across: (value: number) => number): BarRow {
  const at = (value: number): number => inside(plot.yLog && value <= 0 ? edges.left : across(value), edges.left - 4, edges.right + 6);
  const spot = { pick, x: at(point.mean), y, low: at(point.low), high: at(point.high), spread: point.low !== point.high };
  return { text, y, spot, series, value: written(point.mean), from: plot.yLog ? edges.left : at(0) };
}

/** On which line above the picture each mark is named, and on which side of it. */
function floors(marks: readonly Mark[], across: (value: number) => number, width: number): { x: number; text: string; end: boolean; floor: number }[] {
  const taken: [number, number][][] = [];
  return marks.map(({ y, says }) => {
    const [x, wide] = [across(y), says.length * 6.2 + 8];
    const end = x + wide > width;
    const [from, to] = end ? [x - wide, x] : [x, x + wide];
    const free = taken.findIndex((spans) => spans.every(([low, high]) => to <= low || high <= from));
    const floor = free < 0 ? taken.length : free;
    (taken[floor] ??= []).push([from, to]);
    for (const below of taken.slice(0, floor)) below.push([x - 2, x + 2]);
    return { x, text: says, end, floor };
  });
}

// ---- the whole claim

export interface Paragraph {
  y: number;
  lead: string;
  text: string[];
  mono?: boolean;
}

export interface BoundRow {
  bound: Bound;
  y: number;
  says: string[];
  found: string[];
}

export interface ClaimLayout {
  height: number;
  head: string[];
  verdictAt: number;
  why: string[];
  whyAt: number;
  warnings: Paragraph[];
  question: Paragraph;
  plots: PlotLayout[];
  boundsAt: number;
  bounds: BoundRow[];
  columns: [number, number, number]; // what must be, what was found, kept
  rest: Paragraph[];
}

export function claimLayout(data: ClaimData, width: number): ClaimLayout {
  const narrow = width < NARROW;
  const head = lines(`${data.number}. ${data.says}`, width - 16, 16.5);
  const verdictAt = 22 * head.length + 16;
  const why = lines(data.why, width);
  const whyAt = verdictAt + 22;
  let y = whyAt + LINE * why.length + 4;
  const paragraph = (lead: string, words: string, mono = false): Paragraph => {
    const made = { y, lead, mono, text: lines(words, width - (lead ? 0 : 4), mono ? 15.5 : 13.5) };
    y += LINE * (made.text.length + (lead ? 1 : 0)) + 10;
    return made;
  };
  const warnings = data.warnings.map((warning) => paragraph("", warning));
  const question = paragraph("", data.question);
  const plots = data.plots.map((plot, i) => {
    const made = plotLayout(plot, i, y + 10, width);
    y = made.bottom + 22;
    return made;
  });
  const boundsAt = y;
  y += data.bounds.length > 0 ? 26 : 0;
  const columns: ClaimLayout["columns"] = narrow ? [72, 72, 0] : [80, width - 262, width - 82];
  const bounds = data.bounds.map((bound): BoundRow => {
    const says = lines(bound.says, narrow ? width - 72 : width - 262 - 80 - 16);
    const found = lines(bound.found, narrow ? width - 72 : 176, 13.5);
    const row = { bound, y, says, found };
    y += LINE * (narrow ? says.length + found.length : Math.max(says.length, found.length)) + 10;
    return row;
  });
  y += data.bounds.length > 0 ? 14 : 0;
  const rest = [
    ...data.method.map((line, i) => paragraph(i === 0 ? "How it was tested" : "", line)),
    paragraph("What would change the verdict", data.turns),
    paragraph("Where it is said", data.source),
    paragraph("Run it again", data.command, true),
    ...(data.took ? [paragraph("", data.took)] : []),
  ];
  return { height: y, head, verdictAt, why, whyAt, warnings, question, plots, boundsAt, bounds, columns, rest };
}

// ---- all verdicts

export interface VerdictRow {
  row: Row;
  top: number;
  height: number;
  says: string[];
  verdictAt: number;
  found: string[];
  foundAt: number;
  about: string;
}

export interface VerdictsLayout {
  height: number;
  counted: string[];
  rows: VerdictRow[];
  columns: { says: number; verdict: number; found: number };
}

export function verdictsLayout({ counted, rows }: VerdictsData, width: number): VerdictsLayout {
  const narrow = width < NARROW;
  const head = lines(counted, width, 14.5);
  const columns = narrow ? { says: 30, verdict: 30, found: 30 } : { says: 34, verdict: width - 352, found: width - 188 };
  let y = 20 * head.length + 14;
  const made = rows.map((row): VerdictRow => {
    const says = lines(row.says, narrow ? width - 30 : width - 352 - 34 - 16);
    const found = row.found ? lines(row.found, narrow ? width - 30 : 188) : [];
    const about = row.seeds > 0 ? `${row.seeds} seed${row.seeds === 1 ? "" : "s"}, ${minutesOf(row.minutes)} core-min.` : "";
    const top = y;
    const text = top + 22;
    const verdictAt = narrow ? text + LINE * says.length + 3 : text;
    const foundAt = narrow ? verdictAt + LINE + 2 : text;
    const deep = narrow ? foundAt + LINE * found.length + (about ? LINE : 0) - top - 8 : Math.max(says.length, found.length + (about ? 1 : 0), row.own ? 2 : 1) * LINE + 14;
    const height = Math.max(44, deep + (narrow && row.own ? LINE : 0));
    y += height;
    return { row, top, height, says, verdictAt, found, foundAt, about };
  });
  return { height: y + 2, counted: head, rows: made, columns };
}

export function minutesOf(value: number): string {
  if (value === 0 || value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 1 ? value.toFixed(1) : value >= 0.005 ? value.toFixed(2) : "< 0.01";
}

/** What is said of a point of a picture. */
export function pointSentence({ plots }: ClaimData, pick: string): string {
  const [p, s, i] = pick.split(".").map(Number);
  const plot = plots[p ?? 0];
  const series: Series | undefined = plot?.series[s ?? 0];
  const point = series?.points[i ?? 0];
  if (!plot || !series || !point) return "";
  const where = plot.names[point.x] ?? (plot.bars ? "" : `${plot.x} ${written(point.x, 5)}`);
  const named = [series.name, where].filter(Boolean).join(", ");
  const found = point.low === point.high ? written(point.mean, 4) : `${written(point.mean, 4)} (${written(point.low, 4)} to ${written(point.high, 4)}, ${point.n} values)`;
  return `${named}: ${plot.y} ${found}.`;
}

export function rowSentence(row: Row): string {
  const decided = row.found ? ` ${row.found}: ${row.decidedBy}.` : "";
  return `${row.number}. ${row.says} ${row.verdict[0]?.toUpperCase() ?? ""}${row.verdict.slice(1)}.${decided}${row.own ? " Run on this machine." : ""}`;
}
