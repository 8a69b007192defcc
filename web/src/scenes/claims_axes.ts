// Where the axes of a claim's picture begin and end, what stands at them, and how its series look. Mirrors
// unrolled.reporting._scales and _looks, which draw the same for files.
import { DASHES, HUES } from "../looks";
import type { Mark, Point, Series } from "./claims_data";

export interface Between {
  low: number;
  high: number;
}

const place = (value: number, log: boolean): number => (log ? Math.log(value) : value);

/** Holds all means and marks, and of intervals as much as doubles that: a very wide one runs off. `foot`: bars stand on 0. */
export function extentOf(points: readonly Point[], marks: readonly Mark[], log: boolean, foot = false): Between {
  const kept = points.filter(({ mean }) => Number.isFinite(mean) && (!log || mean > 0));
  const middle = [...kept.map(({ mean }) => mean), ...marks.map(({ y }) => y)].filter((value) => !log || value > 0).map((value) => place(value, log));
  if (foot && !log) middle.push(0);
  if (middle.length === 0) return log ? { low: 0.1, high: 1 } : { low: 0, high: 1 };
  const [low, high] = [Math.min(...middle), Math.max(...middle)];
  const room = high - low || Math.max(Math.abs(high), 1) * 0.5;
  const lows = kept.filter((point) => !log || point.low > 0).map((point) => place(point.low, log));
  const begin = Math.max(Math.min(low, ...lows), low - room);
  const end = Math.min(Math.max(high, ...kept.map((point) => place(point.high, log))), high + room);
  const air = 0.06 * (end - begin || room);
  const from = foot && !log && begin === 0 ? begin : begin - air;
  return log ? { low: Math.exp(from), high: Math.exp(end + air) } : { low: from, high: end + air };
}

export function ticksOf({ low, high }: Between, log: boolean, most = 6): number[] {
  if (log) return powers(low, high, most);
  const rough = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999) ?? rough;
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

function powers(low: number, high: number, most: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const tens = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  if (last - first < 2) {
    const finer = Array.from({ length: last - first + 2 }, (_, i) => first - 1 + i).flatMap((p) => [1, 2, 5].map((f) => f * 10 ** p)).filter((value) => value >= low && value <= high);
    return finer.length > 1 ? finer : ticksOf({ low, high }, false, most);
  }
  const every = Math.ceil(tens.length / most);
  return tens.filter((p) => p % every === 0).map((p) => 10 ** p);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
export const raised = (power: number): string => `${power < 0 ? "⁻" : ""}${[...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")}`;

/** So many significant digits as one writes them: 0.9963, −0.2075, 12,345, 2.1 · 10⁻¹⁶. */
export function written(value: number, digits = 3): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return (size < 10 ** digits ? String(Number(value.toPrecision(digits))) : Math.round(value).toLocaleString("en")).replace("-", "−");
  const [mantissa = "", power = "0"] = value.toExponential(Math.max(1, digits - 2)).split("e");
  const short = String(Number(mantissa));
  return `${short === "1" ? "" : `${short} · `}10${raised(Number(power))}`.replace("-", "−");
}

/** Short, for an axis: 0.1, 1,024, 3.2M, 10⁻¹²; powers of ten alone where it goes over many. */
export function tickOf(value: number, { low, high }: Between, log: boolean): string {
  const size = Math.abs(value);
  if (log && high / low > 1e8 && size !== 1) return `10${raised(Math.round(Math.log10(value)))}`;
  if (size >= 1e5 && size < 1e9) return size >= 1e6 ? `${written(value / 1e6)}M` : `${written(value / 1e3)}k`;
  return written(value, size >= 1000 ? 3 : 5);
}

export interface SeriesLook {
  hue: number; // of --model-1 …; -1: grey
  colour: string;
  dash: string;
  thin: boolean;
}

const HOMES: Record<string, number> = { rnn: 3, lstm: 1, gru: 2, gpt: 0, attention: 0, transformer: 0, smollm2: 2 };
const family = (name: string): string => name.trim().toLowerCase().split(/[^\p{L}\p{N}_]+/u)[0] ?? "";

/** One for each; families keep their hues, controls and theories stay grey. */
export function looksOfSeries(series: readonly Series[]): SeriesLook[] {
  const home = ({ name, role }: Series): number | undefined => (role === "measured" ? HOMES[family(name)] : undefined);
  const kept = series.map(home);
  const unused = HUES.map((_, hue) => hue).filter((hue) => !kept.includes(hue));
  const free = unused.length > 0 ? unused : HUES.map((_, hue) => hue);
  const taken: number[] = [];
  let greys = 0;
  return series.map((one): SeriesLook => {
    if (one.role !== "measured") return { hue: -1, colour: "#8d877b", dash: (one.role === "control" ? DASHES[1 + (greys++ % 3)] : DASHES[2]) ?? "", thin: true };
    const hue = home(one) ?? free[taken.filter((each) => free.includes(each)).length % free.length] ?? 0;
    const dash = DASHES[taken.filter((each) => each === hue).length % DASHES.length] ?? "";
    taken.push(hue);
    return { hue, colour: HUES[hue] ?? "#0b5c8a", dash, thin: false };
  });
}
