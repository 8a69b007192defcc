// What gradient_flow's answers hold, in the shape in which its pictures and sentences use them.
import type { NdArray, Result } from "../contracts";
import { modelName, shown } from "../parts/words";
import { figures, perStep, product, quotient, root, steps } from "./gradient_words";
import { numbers, strings } from "./heads_data";

export interface FlowModel {
  name: string;
  tokens: string[];
  places: string[];
  units: number[];
  norms: number[][]; // by place, then by k, steps back from the end
  parameterNorm: number;
  target: string;
  probability: number;
}

/** Of a matrix by rows: each of them, the last number first. */
function backwards(field: unknown): number[][] {
  const { values, shape } = field as NdArray;
  const [rows = 0, columns = 0] = shape;
  return Array.from({ length: rows }, (_, row) => Array.from(values.slice(row * columns, (row + 1) * columns)).reverse());
}

const list = (field: unknown): unknown[] => (Array.isArray(field) ? field : []);

export function flowOf({ data, provenance }: Result): FlowModel[] {
  const [tokens, places, units, norms] = ["tokens", "places", "units", "norms"].map((name) => list(data[name])) as [unknown[], unknown[], unknown[], unknown[]];
  return norms.map((norm, m) => ({
    name: modelName(provenance[m]?.name ?? ""),
    tokens: strings(tokens[m] as never).map(shown).reverse(),
    places: strings(places[m] as never),
    units: numbers(units[m] as never),
    norms: backwards(norm),
    parameterNorm: Number(list(data["parameter_norm"])[m]),
    target: shown(String(list(data["target"])[m])),
    probability: Number(list(data["probability"])[m]),
  }));
}

export interface Curve {
  model: number;
  place: number;
  name: string;
  kind: "h" | "c" | "h,c";
}

export const CURVES = ["all", "h", "c", "h,c"] as const;
const KINDS = ["h", "c", "h,c", "stream"] as const;

/** Which places of which models are drawn: of one layer, or the input; of an LSTM h, c, both together, or all three. */
export function curvesOf(models: readonly FlowModel[], layer: string, wanted: string): Curve[] {
  return models.flatMap(({ name, places }, model) => {
    const cell = places.includes(`c ${layer}`);
    const names = layer === "input" ? ["input"] : KINDS.filter((kind) => !cell || wanted === "all" || wanted === kind).map((kind) => `${kind} ${layer}`);
    return names.flatMap((one) => {
      const place = places.indexOf(one);
      const kind = one.split(" ")[0] ?? "";
      return place < 0 ? [] : [{ model, place, kind: kind === "c" || kind === "h,c" ? kind : "h", name: cell && layer !== "input" ? `${name} ${kind === "h,c" ? "(h, c)" : kind}` : name } satisfies Curve];
    });
  });
}

/** Layers that any of the models has. */
export function layersOf(models: readonly FlowModel[]): number {
  return Math.max(0, ...models.flatMap(({ places }) => places.map((place) => Number(place.split(" ")[1] ?? -1) + 1)));
}

export function curveValues(models: readonly FlowModel[], { model, place }: Curve, relative: boolean): number[] {
  const norms = models[model]?.norms[place] ?? [];
  const end = norms[0] ?? 0;
  return relative ? norms.map((norm) => norm / end) : norms;
}

export function flowSentence(models: readonly FlowModel[], curves: readonly Curve[], k: number, relative: boolean): string {
  const parts = curves.flatMap(({ model, place, name }) => {
    const { norms, units } = models[model] as FlowModel;
    const [end, here] = [norms[place]?.[0] ?? NaN, norms[place]?.[k]];
    if (here === undefined) return [`${name} has read no token so early`];
    if (!relative) return [`${name} ${here === 0 ? "0" : root(here)}, over ${units[place]} units`];
    if (here === 0) return [`${name} 0: nothing here leads to the loss`];
    return [`${name} ${quotient(here, end)}${k > 0 ? `, as ${figures((here / end) ** (1 / k))} a step would give` : ""}`];
  });
  const token = new Set(models.map(({ tokens }) => tokens[k]).filter((one) => one !== undefined));
  const where = k === 0 ? "At the last step" : `${steps(k)} before the end`;
  return `${where}${token.size === 1 ? ` (“${[...token][0]}”)` : ""}: ${parts.join("; ")}.`;
}

export interface StepsData {
  tokens: string[]; // by k
  state: string;
  radius: number[];
  largest: number[];
  product: number[][]; // by rank, then by k
  bound: number[];
  byRadius: number[];
  gates: { name: string; radius: number; singular: number }[];
}

export function stepsOf({ data }: Result): StepsData {
  const row = (name: string): number[] => numbers(data[name] as never).reverse();
  const all = strings(data["tokens"] as never).map(shown);
  const [radii, singular] = [numbers(data["gate_radius"] as never), numbers(data["gate_singular"] as never)];
  return {
    tokens: numbers(data["position"] as never).map((t) => all[t] ?? "").reverse(),
    state: String(data["state"]),
    radius: row("radius"), largest: row("largest"), product: backwards(data["product"]), bound: row("bound"), byRadius: row("by_radius"),
    gates: strings(data["gates"] as never).map((name, i) => ({ name, radius: radii[i] ?? NaN, singular: singular[i] ?? NaN })),
  };
}

export function stepsSentence(data: StepsData, k: number): string {
  const at = (values: readonly number[] | undefined): number => values?.[k] ?? NaN;
  const one = `The step to “${data.tokens[k] ?? ""}”, ${k === 0 ? "the last" : `${steps(k)} before the end`}: largest singular value ${figures(at(data.largest))}, spectral radius ${figures(at(data.radius))}.`;
  if (k === 0) return `${one} Go back for products of several steps.`;
  const top = at(data.product[0]);
  const most = product(data.bound[k - 1] ?? NaN, at(data.largest));
  const radii = product(data.byRadius[k - 1] ?? NaN, at(data.radius));
  return `${one} All ${steps(k + 1)} from here to the end together: ${figures(top)} at most, ${perStep(top, k + 1)} a step. Largest singular values multiplied, ${most}, are a bound; radii multiplied, ${radii}, are none.`;
}
