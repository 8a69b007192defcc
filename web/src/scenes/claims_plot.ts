// What the two kinds of a claim's pictures have in common: parts that can be pointed at, edges, ticks that do not touch.
import type { SeriesLook } from "./claims_axes";
import type { Plot, Point } from "./claims_data";
import type { Edges, Tick } from "./parts/scale";

export interface Spot {
  pick: string; // plot, series, point: "0.2.1"
  x: number;
  y: number;
  low: number; // px along the measured axis
  high: number;
  spread: boolean; // whether the interval has a width
}

export interface Shared {
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

export const pointsOf = (plot: Plot): Point[] => plot.series.flatMap(({ points }) => points);
export const inside = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

export const xsOf = (plot: Plot): number[] => [...new Set(pointsOf(plot).map(({ x }) => x))].sort((a, b) => a - b);

/** Of ticks that would touch, the first. */
export function roomy(ticks: Tick[]): Tick[] {
  return ticks.reduce<Tick[]>((kept, tick) => {
    const last = kept.at(-1);
    return last && tick.at - last.at < 3.6 * (tick.text.length + last.text.length) + 8 ? kept : [...kept, tick];
  }, []);
}
