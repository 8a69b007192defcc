// Where the points, bands and labels of a claim's lines stand. Pure: the same plot, the same picture.
import { extentOf, looksOfSeries, tickOf, ticksOf, type Between } from "./claims_axes";
import type { Plot } from "./claims_data";
import { inside, pointsOf, roomy, xsOf, type Shared, type Spot } from "./claims_plot";
import { LINE, lines, NARROW, textWidth } from "./claims_text";
import { scale, type Edges, type Tick } from "./parts/scale";

export interface Label {
  text: string[];
  y: number;
  from: number; // px up at which what it names ends
  series: number; // -1: a mark
}

export interface LinesLayout extends Shared {
  kind: "lines";
  xTicks: Tick[];
  along: string[]; // what is along, in lines
  paths: { line: string; band: string }[];
  marks: number[];
  labels: Label[];
}

export function linesLayout(plot: Plot, index: number, top: number, width: number): LinesLayout {
  const narrow = width < NARROW;
  const title = lines(`${plot.title}.`, width, 14.5);
  const room = narrow ? 96 : 184;
  const named = labelled(plot, room);
  const widest = Math.max(0, ...named.flatMap(({ text }) => text.map((line) => textWidth(line, 12.5))));
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
