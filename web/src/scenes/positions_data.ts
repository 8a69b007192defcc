// The answers of the figure `positions` as its scenes take them.
import type { Field, NdArray, Result } from "../contracts";
import { modelName, shown } from "../parts/words";
import { array, numbers, strings } from "./heads_data";

export interface Way {
  name: string;
  trained: boolean; // the model's own
  differences: number[]; // by token
  largest: number;
  cosine: number;
  arithmetic: string;
}

export interface ShuffledModel {
  name: string;
  model: string; // as the page knows it
  scheme: string;
  tokens: string[];
  shuffled: string[];
  cameFrom: number[]; // place in the text of what now stands here
  ways: Way[];
}

export interface Grid {
  rows: number;
  columns: number;
  values: ArrayLike<number>;
}

export interface SinusoidData extends Grid {
  wavelength: number[];
  turns: number[];
  rule: string[];
}

export interface PairsData extends Grid {
  byDistance: number[];
  residual: number;
  own: number;
  nearestApart: number;
  unique: string;
  arithmetic: string[];
}

export interface ShiftData extends Grid {
  angle: number[];
  residual: number;
  before: number[];
  moved: number[];
  direct: number[];
  arithmetic: string[];
  k: number;
  position: number;
}

export interface SchemesData {
  n: number;
  names: string[];
  scores: number[][]; // by scheme, by pair
  query: number[];
  key: number[];
  spread: number[];
  range: number[];
  chosen: [query: number, key: number];
  arithmetic: string[];
  slopes: string[];
  head: number;
}

export interface LoadedModel extends Grid {
  name: string;
  model: string;
  scheme: string;
  context: number;
  tokens: string[];
  mean: number[];
  low: number[];
  high: number[];
  closest: number;
  wavelength: number[];
  slow: number;
  slopes: number[];
  movedBy: number;
  moved: number[];
}

const TOLD: Record<string, string> = {
  learned: "a learned table, added to the embeddings", sinusoidal: "sinusoids, added to the embeddings", rope: "RoPE, queries and keys turned",
  alibi: "ALiBi, scores lowered with distance", none: "nothing but its mask",
};
export const toldBy = (scheme: string): string => TOLD[scheme] ?? scheme;

const each = <T = Field>(field: Field | undefined): T[] => (field ?? []) as T[];
const rowsOf = (field: Field | undefined): number[][] => {
  const { shape, values } = array(field);
  const wide = shape[1] ?? 1;
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => Array.from(values.slice(i * wide, (i + 1) * wide)));
};
const gridOf = (field: Field | undefined): Grid => {
  const { shape, values } = array(field);
  return { rows: shape[0] ?? 0, columns: shape[1] ?? 0, values };
};

export function shuffledOf({ data, provenance }: Result): ShuffledModel[] {
  const names = strings(data["ways"]);
  const [cosine, largest] = [each<NdArray>(data["cosine"]), each<NdArray>(data["largest"])];
  return each(data["tokens"]).map((tokens, m) => {
    const model = provenance[m]?.name ?? "";
    const differences = rowsOf(each(data["difference"])[m]);
    return {
      name: modelName(model), model, scheme: strings(data["scheme"])[m] ?? "", tokens: strings(tokens).map(shown), shuffled: strings(each(data["shuffled"])[m]).map(shown),
      cameFrom: numbers(each(data["came_from"])[m]),
      ways: names.map((name, w) => ({
        name, trained: each<number>(data["trained"])[m] === w, differences: differences[w] ?? [], largest: largest[m]?.values[w] ?? 0,
        cosine: cosine[m]?.values[w] ?? 0, arithmetic: strings(each(data["arithmetic"])[m])[w] ?? "",
      })),
    };
  });
}

export const sinusoidsOf = ({ data }: Result): SinusoidData => ({
  ...gridOf(data["encoding"]), wavelength: numbers(data["wavelength"]), turns: numbers(data["turns"]), rule: strings(data["rule"]),
});

export const pairsOf = ({ data }: Result): PairsData => ({
  ...gridOf(data["dots"]), byDistance: numbers(data["by_distance"]), residual: Number(data["residual"]), own: Number(data["own"]),
  nearestApart: Number(data["nearest_apart"]), unique: String(data["unique"]), arithmetic: strings(data["arithmetic"]),
});

export const shiftOf = ({ data, knobs }: Result): ShiftData => ({
  ...gridOf(data["matrix"]), angle: numbers(data["angle"]), residual: Number(data["residual"]), before: numbers(data["before"]), moved: numbers(data["moved"]),
  direct: numbers(data["direct"]), arithmetic: strings(data["arithmetic"]), k: Number(knobs["k"]), position: Number(knobs["position"]),
});

export const schemesOf = ({ data }: Result): SchemesData => ({
  n: Number(data["n_place"]), names: strings(data["schemes"]), scores: rowsOf(data["scores"]), query: numbers(data["query"]), key: numbers(data["key"]),
  spread: numbers(data["spread"]), range: numbers(data["range"]), chosen: [Number(data["chosen_query"]), Number(data["chosen_key"])],
  arithmetic: strings(data["arithmetic"]), slopes: strings(data["slope_arithmetic"]), head: Number(data["head"]),
});

export function loadedOf({ data, provenance }: Result): LoadedModel[] {
  const list = (name: string, m: number): number[] => numbers(each(data[name])[m]);
  const one = (name: string, m: number): number => each<number>(data[name])[m] ?? NaN;
  return each(data["tokens"]).map((tokens, m) => ({
    ...gridOf(each(data["similarity"])[m]), name: modelName(provenance[m]?.name ?? ""), model: provenance[m]?.name ?? "", scheme: strings(data["scheme"])[m] ?? "",
    context: one("context", m), tokens: strings(tokens).map(shown), mean: list("mean", m), low: list("low", m), high: list("high", m), closest: one("closest", m),
    wavelength: list("wavelength", m), slow: one("slow", m), slopes: list("slopes", m), movedBy: one("moved_by", m), moved: list("moved", m),
  }));
}

/** Where a pair of places stands among the scores: the lower triangle, row by row. */
export const pairAt = (query: number, key: number): number => (query * (query + 1)) / 2 + key;
