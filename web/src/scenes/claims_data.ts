// The answers of the figure `claims` as its scenes take them.
import type { NdArray, Result } from "../contracts";
import type { ClaimsClaim, ClaimsVerdicts } from "../generated";

export interface Row {
  number: number;
  name: string;
  says: string;
  verdict: string;
  found: string;
  decidedBy: string;
  seeds: number;
  minutes: number; // of one core; NaN where it was not run
  own: boolean;
}

export interface VerdictsData {
  counted: string;
  rows: Row[];
}

export interface Point {
  x: number;
  mean: number;
  low: number;
  high: number;
  n: number;
}

export interface Series {
  name: string;
  role: string; // measured, control, theory
  points: Point[];
}

export interface Mark {
  y: number;
  says: string;
}

export interface Plot {
  title: string;
  bars: boolean;
  x: string;
  y: string;
  xLog: boolean;
  yLog: boolean;
  names: string[]; // of places 0, 1, 2 … along
  series: Series[];
  marks: Mark[];
}

export interface Bound {
  part: string;
  says: string;
  found: string;
  kept: string; // kept, not kept, not measured
}

/** What the figure says of a claim, its columns gathered into rows and pictures. */
export interface ClaimData extends ClaimsClaim {
  bounds: Bound[];
  plots: Plot[];
}

const list = (field: NdArray): number[] => Array.from(field.values);

export function verdictsOf({ data }: Result): VerdictsData {
  const said = data as unknown as ClaimsVerdicts;
  const [numbers, seeds, minutes, own] = [said.numbers, said.seeds, said.core_minutes, said.own].map(list) as [number[], number[], number[], number[]];
  const rows = said.names.map((name, i): Row => ({
    name, number: numbers[i] ?? 0, says: said.says[i] ?? "", verdict: said.verdicts[i] ?? "", found: said.found[i] ?? "", decidedBy: said.decided_by[i] ?? "",
    seeds: seeds[i] ?? 0, minutes: minutes[i] ?? NaN, own: Boolean(own[i]),
  }));
  return { counted: said.counted, rows };
}

export function claimOf({ data }: Result): ClaimData {
  const said = data as unknown as ClaimsClaim;
  const bounds = said.bound_part.map((part, i) => ({ part, says: said.bound_says[i] ?? "", found: said.bound_found[i] ?? "", kept: said.bound_kept[i] ?? "" }));
  return { ...said, bounds, plots: plotsOf(said) };
}

function plotsOf(said: ClaimsClaim): Plot[] {
  const [xLog, yLog, placeOf, seriesOf, pointOf, markOf] = [said.plot_x_log, said.plot_y_log, said.place_plot, said.series_plot, said.point_series, said.mark_plot].map(list) as number[][];
  const [xs, means, lows, highs, ns, ys] = [said.point_x, said.point_mean, said.point_low, said.point_high, said.point_n, said.mark_y].map(list) as number[][];
  const mine = (of: number[] | undefined, which: number): number[] => (of ?? []).flatMap((one, k) => (one === which ? [k] : []));
  const at = (values: number[] | undefined, k: number): number => values?.[k] ?? NaN;
  const series = said.series_name.map((name, s): Series => ({
    name, role: said.series_role[s] ?? "measured",
    points: mine(pointOf, s).map((k) => ({ x: at(xs, k), mean: at(means, k), low: at(lows, k), high: at(highs, k), n: at(ns, k) })),
  }));
  return said.plot_title.map((title, p): Plot => ({
    title, bars: said.plot_kind[p] === "bars", x: said.plot_x[p] ?? "", y: said.plot_y[p] ?? "", xLog: Boolean(xLog?.[p]), yLog: Boolean(yLog?.[p]),
    names: mine(placeOf, p).map((k) => said.place_says[k] ?? ""),
    series: mine(seriesOf, p).map((s) => series[s]).filter((one) => one !== undefined),
    marks: mine(markOf, p).map((k) => ({ y: at(ys, k), says: said.mark_says[k] ?? "" })),
  }));
}
