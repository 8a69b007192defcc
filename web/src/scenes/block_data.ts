// What block's answers hold, in the shape in which its pictures and sentences use them. Points of the stream are counted
// back from its end, k = 0 being the last, as `parts/lines` counts them.
import type { NdArray, Result } from "../contracts";
import { shown } from "../parts/words";
import { numbers, strings } from "./heads_data";

export interface Wrote {
  writer: string; // attention, FFN, block
  written: number;
  along: number;
  cosine: number;
  arithmetic: string;
}

export interface StreamData {
  tokens: string[];
  token: number;
  additive: boolean;
  blocks: number;
  embedding: Wrote;
  wrote: Wrote[][]; // by block: its parts
  lengths: number[]; // of the stream at the token looked at, by k
  others: number[][]; // of the other tokens
  shared: string;
}

const MOST_OTHERS = 24;

/** A matrix by rows. */
export function matrix(field: unknown): number[][] {
  const { values, shape } = field as NdArray;
  const [rows = 0, columns = 0] = shape;
  return Array.from({ length: rows }, (_, row) => Array.from(values.slice(row * columns, (row + 1) * columns)));
}

export function streamOf({ data }: Result): StreamData {
  const tokens = strings(data["tokens"]).map(shown);
  const token = Number(data["token"]);
  const writers = strings(data["writers"]);
  const [written, stream, cosine, along] = ["written", "stream", "cosine", "along"].map((name) => matrix(data[name])) as [number[][], number[][], number[][], number[][]];
  const arithmetic = strings(data["arithmetic"]);
  const each = writers.map((writer, i): Wrote => ({
    writer: writer.split(" ")[0] ?? "", written: written[i]?.[token] ?? NaN, along: along[i]?.[token] ?? NaN, cosine: cosine[i]?.[token] ?? NaN, arithmetic: arithmetic[i] ?? "",
  }));
  const wrote: Wrote[][] = [];
  const last: number[] = [0]; // the last writer of each point
  writers.forEach((writer, i) => {
    const block = Number(writer.split(" ")[1] ?? -1);
    if (block < 0) return;
    (wrote[block] ??= []).push(each[i] as Wrote);
    last[block + 1] = i;
  });
  const lengths = (column: number): number[] => last.map((i) => stream[i]?.[column] ?? NaN).reverse();
  return {
    tokens, token, additive: data["additive"] === true, blocks: wrote.length, embedding: each[0] as Wrote, wrote, lengths: lengths(token), shared: String(data["shared"]),
    others: tokens.map((_, column) => column).filter((column) => column !== token).slice(-MOST_OTHERS).map(lengths),
  };
}

export interface FeedForward {
  tokens: string[];
  token: number;
  layer: number;
  dModel: number;
  dFf: number;
  parameters: number;
  kind: string;
  z: number[];
  curves: { name: string; values: number[]; own: boolean }[];
  edges: number[];
  histogram: number[];
  outside: number;
  zero: number[]; // by layer
  negative: number[];
  small: number[];
  carriers: number[];
  below: number;
  carry: number;
  units: { unit: number; sum: number; value: number; written: number; arithmetic: string }[];
}

const OWN: Record<string, string> = { ReLU: "ReLU", GELU: "GELU", SwiGLU: "SiLU" };

export function feedForwardOf({ data, knobs }: Result): FeedForward {
  const names = strings(data["functions"]);
  const curves = matrix(data["curves"]);
  const of = (name: string): number[] => numbers(data[name]);
  const [sums, values, writes, arithmetic] = [of("sums"), of("values"), of("writes"), strings(data["arithmetic"])];
  const kind = String(data["kind"]);
  return {
    tokens: strings(data["tokens"]).map(shown), token: Number(data["token"]), layer: Number(data["layer"]), dModel: Number(data["d_model"]), dFf: Number(data["d_ff"]),
    parameters: Number(data["parameters"]), kind, z: of("z"), curves: names.map((name, i) => ({ name, values: curves[i] ?? [], own: OWN[kind] === name })), edges: of("edges"),
    histogram: of("histogram"), outside: Number(data["outside"]), zero: of("zero"), negative: of("negative"), small: of("small"), carriers: of("carriers"), below: Number(knobs["below"]), carry: Number(knobs["carry"]),
    units: of("units").map((unit, i) => ({ unit, sum: sums[i] ?? NaN, value: values[i] ?? NaN, written: writes[i] ?? NaN, arithmetic: arithmetic[i] ?? "" })),
  };
}

export const MEASURES = ["gradient", "weights", "stream", "apart"] as const;
export type Measure = (typeof MEASURES)[number];

export interface DepthData {
  names: string[];
  blocks: number;
  parameters: number;
  loss: number[];
  values: Record<Measure, number[][]>; // by arrangement, then by k
}

export function depthOf({ data }: Result): DepthData {
  const back = (name: string): number[][] => matrix(data[name]).map((row) => row.reverse());
  const values = { gradient: back("gradient"), weights: back("weights"), stream: back("stream"), apart: back("apart") };
  return { names: strings(data["arrangements"]), blocks: values.weights[0]?.length ?? 0, parameters: Number(data["parameters"]), loss: numbers(data["loss"]), values };
}

export interface WithoutData {
  tokens: string[];
  off: string[];
  layers: number;
  finite: boolean;
  before: number[]; // surprisal in bits
  after: number[];
  loss: [before: number, after: number];
  kl: number;
  choices: { label: string; before: number; after: number }[];
  streamBefore: number[]; // by k
  streamAfter: number[];
}

export function withoutOf({ data }: Result): WithoutData {
  const of = (name: string): number[] => numbers(data[name]);
  const [before, after] = [of("before"), of("after")];
  return {
    tokens: strings(data["tokens"]).map(shown), off: strings(data["off"]), layers: Number(data["layers"]), finite: data["finite"] === true, before: of("surprisal_before"), after: of("surprisal_after"),
    loss: [Number(data["loss_before"]), Number(data["loss_after"])], kl: Number(data["kl_bits"]), streamBefore: of("stream_before").reverse(), streamAfter: of("stream_after").reverse(),
    choices: strings(data["top_strings"]).map((label, i) => ({ label: shown(label), before: before[i] ?? NaN, after: after[i] ?? NaN })),
  };
}

export interface EachData {
  kinds: string[];
  layers: number;
  before: number;
  uniform: number;
  loss: number[][]; // by kind, then by k
}

export function eachOf({ data }: Result): EachData {
  const loss = matrix(data["loss"]).map((row) => row.reverse());
  return { kinds: strings(data["kinds"]), layers: loss[0]?.length ?? 0, before: Number(data["loss_before"]), uniform: Number(data["uniform"]), loss };
}
