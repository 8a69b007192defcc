// The answer of the panel `measured` as its scene takes it, where things stand in it, and what is said of a point. Pure.
import type { NdArray, Result } from "../contracts";
import type { EmergenceMeasured } from "../generated";
import { folded } from "./path_length_layout";
import { apart, readout, scale, type Edges, type Scale, type Tick } from "./parts/scale";

export interface Value {
  mean: number;
  low: number;
  high: number;
}

export interface Rung {
  name: string;
  parameters: number;
  layers: number;
  seeds: number;
  exact: Value[]; // by save
  likelihood: Value[];
  written: string;
  right: boolean;
  given: number; // ln p of the right answer, nats a character
  arithmetic: string;
}

export interface Ladder {
  said: string;
  asked: number;
  tested: number;
  steps: number[];
  tokens: number[];
  rungs: Rung[];
  wide: { exact: number; likelihood: number };
  prompt: string;
  right: string;
}

/** What of it is drawn. */
export interface Way {
  likelihood: boolean; // instead of exact match
  training: boolean; // over characters learned from, instead of over size
}

const list = (field: NdArray): number[] => Array.from(field.values);

export function ladderOf({ data }: Result): Ladder {
  const said = data as unknown as EmergenceMeasured;
  const saves = said.steps.values.length;
  const values = (name: "exact_match" | "log_likelihood", rung: number): Value[] => {
    const [mean, low, high] = [said[name], said[`${name}_low`], said[`${name}_high`]].map((field) => list(field).slice(rung * saves, (rung + 1) * saves)) as [number[], number[], number[]];
    return mean.map((one, i) => ({ mean: one, low: low[i] ?? one, high: high[i] ?? one }));
  };
  const [parameters, layers, seeds, given, right] = [said.parameters, said.layers, said.seeds, said.prompt_log_likelihood, said.is_right].map(list) as [number[], number[], number[], number[], number[]];
  const rungs = said.sizes.map((name, i): Rung => ({
    name, parameters: parameters[i] ?? 0, layers: layers[i] ?? 0, seeds: seeds[i] ?? 0, exact: values("exact_match", i), likelihood: values("log_likelihood", i),
    written: said.written[i] ?? "", right: Boolean(right[i]), given: given[i] ?? NaN, arithmetic: said.arithmetic[i] ?? "",
  }));
  return {
    said: said.said, asked: said.asked, tested: said.tested, steps: list(said.steps), tokens: list(said.tokens), rungs,
    wide: { exact: said.wide, likelihood: said.wide_log_likelihood }, prompt: said.prompt, right: said.right,
  };
}

export const valuesOf = (rung: Rung, { likelihood }: Way): Value[] => (likelihood ? rung.likelihood : rung.exact);

export interface Spot {
  pick: string; // rung and save, "2.14"
  rung: number;
  x: number;
  y: number;
  low: number;
  high: number;
}

export interface Letter {
  text: string;
  wrong: boolean;
}

export interface LadderLayout {
  plot: Edges;
  height: number;
  head: string[];
  about: string[];
  xTicks: Tick[];
  yTicks: Tick[];
  yLabel: string;
  xLabel: string;
  groups: Spot[][]; // by rung; over size one spot each
  line: string[]; // over size one, over training one for each rung
  names: { rung: number; text: string; y: number }[];
  wide: { x: number; y: number } | null;
  asking: { y: number; question: string[]; rows: { rung: number; y: number; letters: Letter[]; value: string }[]; columns: [number, number, number]; size: number };
}

const NARROW = 560;
const DEEPEST = -4; // nats a character; guessing among 39 characters is −3.7

export function ladderLayout(ladder: Ladder, way: Way, width: number): LadderLayout {
  const narrow = width < NARROW;
  const head = folded(ladder.said[0]!.toUpperCase() + ladder.said.slice(1), width + 20, 7.3);
  const about = folded(aboutOf(ladder, way), width + 20, 6.5);
  const top = 34 + 18 * (head.length + about.length);
  const plot = { left: 50, right: width - (way.training ? (narrow ? 52 : 64) : 18), top, bottom: top + (narrow ? 250 : 290) };
  const last = ladder.steps.length - 1;
  const y = scale({ low: way.likelihood ? DEEPEST : 0, high: way.likelihood ? 0 : 1, log: false }, plot.bottom, plot.top);
  const x = way.training
    ? scale({ low: 0, high: ladder.tokens[last] ?? 1, log: false }, plot.left, plot.right)
    : scale({ low: ladder.rungs[0]!.parameters / 1.5, high: ladder.rungs.at(-1)!.parameters * 1.5, log: true }, plot.left, plot.right);
  const spot = (rung: number, save: number): Spot => {
    const value = valuesOf(ladder.rungs[rung]!, way)[save]!;
    const at = way.training ? ladder.tokens[save]! : ladder.rungs[rung]!.parameters;
    const place = (v: number): number => y(Math.max(v, way.likelihood ? DEEPEST : 0));
    return { pick: `${rung}.${save}`, rung, x: x(at), y: place(value.mean), low: place(value.low), high: place(value.high) };
  };
  const groups = ladder.rungs.map((_, rung) => (way.training ? ladder.steps.map((__, save) => spot(rung, save)) : [spot(rung, last)]));
  const path = (spots: readonly Spot[]): string => spots.map((one, i) => `${i ? "L" : "M"}${one.x.toFixed(1)} ${one.y.toFixed(1)}`).join("");
  const fifth = ladder.rungs[4];
  const wide = way.likelihood ? ladder.wide.likelihood : ladder.wide.exact;
  return {
    plot, head, about, groups, ...axes(ladder, way, x, y, narrow),
    line: way.training ? groups.map(path) : [path(groups.flat())],
    names: way.training ? namesOf(ladder, groups) : [],
    wide: way.training || !fifth || !Number.isFinite(wide) ? null : { x: x(fifth.parameters), y: y(Math.max(wide, way.likelihood ? DEEPEST : 0)) },
    ...askingOf(ladder, plot.bottom + 84, width, narrow),
  };
}

function aboutOf({ asked, tested, rungs }: Ladder, { likelihood }: Way): string {
  const seeds = rungs.map((rung) => rung.seeds);
  const runs = Math.min(...seeds) === Math.max(...seeds) ? `${seeds[0]}` : `${Math.min(...seeds)} to ${Math.max(...seeds)}`;
  const what = likelihood ? "mean ln p of the answer’s characters, in nats a character" : `share of answers right in ${asked === 5 ? "all five letters asked for" : `all ${asked} characters`}, in %`;
  return `${what}; ${tested} texts that no model learned from; mean of ${runs} trainings, bars from the least to the most`;
}

type Axes = Pick<LadderLayout, "xTicks" | "yTicks" | "xLabel" | "yLabel">;

function axes(ladder: Ladder, way: Way, x: Scale, y: Scale, narrow: boolean): Axes {
  const sizes = ladder.rungs.map(({ parameters, name, layers }, i) => ({ at: x(parameters), text: narrow && i % 2 ? "" : name, name: narrow && i % 2 ? "" : layers === 1 ? "1 layer" : narrow ? String(layers) : `${layers} layers` }));
  const saved = x.ticks.map((tick) => ({ at: x(tick), text: tick === 0 ? "0" : `${(tick / 1e6).toFixed(1)} M`, name: "" }));
  return {
    xTicks: way.training ? saved : sizes,
    yTicks: y.ticks.map((tick) => ({ at: y(tick), text: way.likelihood ? readout(tick) : String(100 * tick) })),
    xLabel: way.training ? "characters learned from" : "parameters",
    yLabel: way.likelihood ? "log-likelihood" : "exact match",
  };
}

/** At the right end of each line its size; those that would touch are moved down. */
function namesOf(ladder: Ladder, groups: readonly Spot[][]): LadderLayout["names"] {
  const ends = groups.map((spots, rung) => ({ rung, text: ladder.rungs[rung]!.name, y: spots.at(-1)!.y + 4 })).sort((a, b) => a.y - b.y);
  return apart(ends.map((end) => end.y), 14).map((at, i) => ({ ...ends[i]!, y: at }));
}

/** The reader's prompt, and what each size wrote, letter by letter. */
function askingOf(ladder: Ladder, top: number, width: number, narrow: boolean): Pick<LadderLayout, "asking" | "height"> {
  const question = folded(`Asked: ${ladder.prompt}   right: ${ladder.right}`, width + 12, 8.2);
  const first = top + 18 * question.length + 26;
  const rows = ladder.rungs.map((rung, i) => ({
    rung: i, y: first + 24 * i, value: readout(rung.given),
    letters: [...rung.written].map((text, k) => ({ text, wrong: text !== ladder.right[k] })),
  }));
  const size = narrow && ladder.right.length > 12 ? 11.5 : 14;
  return { asking: { y: top, question, rows, columns: [0, narrow ? 66 : 110, narrow ? width : Math.min(width, 460)], size }, height: first + 24 * ladder.rungs.length + 6 };
}

/** What is said of a point: the measurement, and what this size made of the prompt. */
export function rungSentence(ladder: Ladder, way: Way, rung: number, save: number): string {
  const one = ladder.rungs[rung];
  const value = one && valuesOf(one, way)[save];
  if (!one || !value) return "";
  const last = save === ladder.steps.length - 1;
  const text = (v: number): string => (way.likelihood ? readout(v) : `${readout(100 * v)} %`);
  const range = one.seeds > 1 ? ` (${text(value.low)} to ${text(value.high)} over ${one.seeds} trainings)` : " (one training)";
  const when = last ? "" : ` after ${(ladder.tokens[save] ?? 0).toLocaleString("en")} characters`;
  const measured = `${one.name}, ${one.parameters.toLocaleString("en")} parameters in ${one.layers === 1 ? "one layer" : `${one.layers} layers`}${when}: ${way.likelihood ? "log-likelihood" : "exact match"} ${text(value.mean)}${range}.`;
  return last ? `${measured} Asked “${ladder.prompt}” it writes “${one.written}”, ${one.right ? "which is right" : `not “${ladder.right}”`}; ln p of the right answer, nats a character: ${one.arithmetic}.` : measured;
}
