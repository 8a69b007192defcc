// Where the lying bars of a claim stand, and what is written at them. Pure: the same plot, the same picture.
import { extentOf, looksOfSeries, tickOf, ticksOf, written } from "./claims_axes";
import type { Mark, Plot, Point, Series } from "./claims_data";
import { inside, pointsOf, roomy, xsOf, type Shared, type Spot } from "./claims_plot";
import { LINE, lines, NARROW, textWidth } from "./claims_text";
import { scale, type Edges } from "./parts/scale";

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

const ROW = 24;

/** Whether its place says what a bar is: there is one at each, of a series alone or with its controls. */
const single = (plot: Plot): boolean =>
  plot.series.length === 1 || (plot.series.filter(({ role }) => role === "measured").length === 1 && xsOf(plot).length === pointsOf(plot).length);

const nameOf = ({ names }: Plot, at: number): string => names[at] ?? (names.length > 0 ? "" : written(at));
const called = (plot: Plot, { name, role }: Series, at: number): string => (role === "measured" || plot.series.length === 1 ? nameOf(plot, at) : `${nameOf(plot, at)}, ${name}`);

export function barsLayout(plot: Plot, index: number, top: number, width: number): BarsLayout {
  const narrow = width < NARROW;
  const title = lines(`${plot.title}.`, width, 14.5);
  const room = narrow ? 108 : 204;
  const measured = lines(plot.y, width, 12.5);
  const alone = single(plot);
  const names = plot.series.flatMap((series) => (alone ? series.points.map(({ x }) => called(plot, series, x)) : [series.name]));
  const left = Math.min(room, Math.max(0, ...names.map((name) => Math.max(...lines(name, room, 13).map((line) => textWidth(line, 13)))))) + 12;
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
    const name = nameOf(plot, at);
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
        const text = lines(alone ? called(plot, series, at) : series.name, room, 13);
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
    const [x, wide] = [across(y), textWidth(says, 11.5) + 8];
    const end = x + wide > width;
    const [from, to] = end ? [x - wide, x] : [x, x + wide];
    const free = taken.findIndex((spans) => spans.every(([low, high]) => to <= low || high <= from));
    const floor = free < 0 ? taken.length : free;
    (taken[floor] ??= []).push([from, to]);
    for (const below of taken.slice(0, floor)) below.push([x - 2, x + 2]);
    return { x, text: says, end, floor };
  });
}
