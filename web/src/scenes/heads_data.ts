// The answers of the figure `heads` as its scenes take them.
import type { Field, NdArray, Result } from "../contracts";

export interface HeadAt {
  layer: number;
  head: number;
}

/** A table of numbers, one a head. */
export interface PerHead {
  layers: number;
  heads: number;
  values: ArrayLike<number>;
}

/** A token that is pointed at: as one that looks, as one that is looked at. */
export type Hot = [row: number | null, column: number | null];
export const COLD: Hot = [null, null];

/** What a model has to choose from: kinds of attention, and the layers and heads of each. */
export interface Sizes {
  kinds: string[];
  layers: number[];
  heads: number[];
}

export interface Overview {
  tokens: string[]; // that are looked at
  spans: NdArray;
  queries: string[]; // that look, where these are others
  querySpans: NdArray;
  kind: string;
  sizes: Sizes;
  layers: number;
  heads: number;
  rows: number; // of one thumbnail
  blocks: number;
  pixels: ArrayLike<number>; // layer, head, row, block
  block: number; // keys a block
  scoreNames: string[];
  scores: ArrayLike<number>;
  low: ArrayLike<number>;
  high: ArrayLike<number>;
  labels: string[][];
  scored: boolean;
  unscored: string;
}

export interface HeadMap {
  kind: string;
  sizes: Sizes;
  queries: string[];
  keys: string[];
  weights: ArrayLike<number>;
  firstQuery: number;
  firstKey: number;
  nQuery: number;
  nKey: number;
  navigation: { rows: number; blocks: number; pixels: ArrayLike<number>; queries: ArrayLike<number>; block: number };
}

export interface Found {
  weight: PerHead;
  even: number;
  queryPositions: number[];
  keyPositions: number[];
  best: (HeadAt & { weight: number })[];
}

export interface Ablated {
  off: string[];
  tokens: string[];
  before: number[]; // surprisal, nats
  after: number[];
  lossBefore: number;
  lossAfter: number;
  choices: { label: string; before: number; after: number }[];
  klBits: number;
}

export const UNCLASSIFIED = "unclassified";

export const array = (field: Field | undefined): NdArray => field as NdArray;
export const strings = (field: Field | undefined): string[] => (field ?? []) as string[];
export const numbers = (field: Field | undefined): number[] => Array.from((field as NdArray | undefined)?.values ?? []);
const number = (field: Field | undefined): number => Number(field ?? NaN);

const sizesOf = (data: Result["data"]): Sizes => ({ kinds: strings(data["kinds"]), layers: numbers(data["n_layer"]), heads: numbers(data["n_head"]) });

/** Layers and heads of a kind; of the first without. */
export function sizeOf({ kinds, layers, heads }: Sizes, kind: string): { layers: number; heads: number } {
  const at = Math.max(0, kinds.indexOf(kind));
  return { layers: layers[at] ?? 1, heads: heads[at] ?? 1 };
}

export function overviewOf({ data }: Result): Overview {
  const thumbnails = array(data["thumbnails"]);
  const [layers = 0, heads = 0, rows = 0, blocks = 0] = thumbnails.shape;
  const scores = array(data["scores"]).values;
  return {
    tokens: strings(data["tokens"]), spans: array(data["token_spans"]), queries: strings(data["query_tokens"]), querySpans: array(data["query_token_spans"]), kind: String(data["kind"]), sizes: sizesOf(data),
    layers, heads, rows, blocks, pixels: thumbnails.values,
    block: number(data["block_size"]),
    scoreNames: strings(data["score_names"]), scores, low: array(data["scores_low"]).values, high: array(data["scores_high"]).values,
    labels: data["labels"] as string[][], scored: Array.from(scores).some((value) => !Number.isNaN(value)),
    unscored: String(data["unscored"] ?? ""),
  };
}

export function mapOf({ data }: Result): HeadMap {
  const navigation = array(data["navigation"]);
  return {
    kind: String(data["kind"]), sizes: sizesOf(data),
    queries: strings(data["query_strings"]), keys: strings(data["key_strings"]), weights: array(data["weights"]).values,
    firstQuery: number(data["first_query"]), firstKey: number(data["first_key"]), nQuery: number(data["n_query"]), nKey: number(data["n_key"]),
    navigation: {
      rows: navigation.shape[0] ?? 0, blocks: navigation.shape[1] ?? 0, pixels: navigation.values,
      queries: array(data["navigation_queries"]).values, block: number(data["navigation_block"]),
    },
  };
}

export function foundOf({ data }: Result): Found {
  const weight = array(data["weight"]);
  const [layers, heads, weights] = [numbers(data["best_layers"]), numbers(data["best_heads"]), numbers(data["best_weights"])];
  return {
    weight: { layers: weight.shape[0] ?? 0, heads: weight.shape[1] ?? 0, values: weight.values },
    even: number(data["even"]), queryPositions: numbers(data["query_positions"]), keyPositions: numbers(data["key_positions"]),
    best: layers.map((layer, i) => ({ layer, head: heads[i] ?? 0, weight: weights[i] ?? 0 })),
  };
}

export function ablatedOf({ data }: Result): Ablated {
  const [before, after] = [numbers(data["before"]), numbers(data["after"])];
  return {
    off: strings(data["off"]), tokens: strings(data["tokens"]), before: numbers(data["surprisal_before"]), after: numbers(data["surprisal_after"]),
    lossBefore: number(data["loss_before"]), lossAfter: number(data["loss_after"]), klBits: number(data["kl_bits"]),
    choices: strings(data["top_strings"]).map((label, i) => ({ label, before: before[i] ?? 0, after: after[i] ?? 0 })),
  };
}

/** A head's value of one score: the mean over the texts with the ends of its interval. */
export function scoreAt(overview: Overview, score: string, { layer, head }: HeadAt): [mean: number, low: number, high: number] {
  const at = (overview.scoreNames.indexOf(score) * overview.layers + layer) * overview.heads + head;
  return [overview.scores[at] ?? NaN, overview.low[at] ?? NaN, overview.high[at] ?? NaN];
}

/** One score of all heads. */
export function scoresOf(overview: Overview, score: string): PerHead {
  const { layers, heads } = overview;
  const from = overview.scoreNames.indexOf(score) * layers * heads;
  return { layers, heads, values: Array.from({ length: layers * heads }, (_, i) => overview.scores[from + i] ?? NaN) };
}

/** The names given, each with its number of heads, the commonest first and what has none last. */
export function namesOf({ labels }: Overview): { name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const name of labels.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const order = ([name, count]: [string, number]): number => (name === UNCLASSIFIED ? -1 : count);
  return [...counts].sort((a, b) => order(b) - order(a)).map(([name, count]) => ({ name, count }));
}

/** "3.1 4.7" -> heads; what is no head is left out. */
export function headsIn(text: string): HeadAt[] {
  return Array.from(text.matchAll(/(\d+)\.(\d+)/g), ([, layer, head]) => ({ layer: Number(layer), head: Number(head) }));
}

export const same = (a: HeadAt | null, b: HeadAt | null): boolean => a !== null && b !== null && a.layer === b.layer && a.head === b.head;
export const nameOf = ({ layer, head }: HeadAt): string => `${layer}.${head}`;
