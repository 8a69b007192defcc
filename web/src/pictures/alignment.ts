// alignment: where each model looked back, one row of it, and recorded scores by length, as the props of their scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import { DASHES } from "../looks";
import { modelName, shown } from "../parts/words";
import ByLength from "../scenes/alignment_by_length.svelte";
import type { Aligned, RowOf, Scored } from "../scenes/alignment_layout";
import Scene from "../scenes/alignment.svelte";
import { numbers, strings } from "../scenes/heads_data";
import { key, type Pixels } from "../scenes/heads_pixels";
import { picture, step } from "../scenes/parts/ramp";
import { folded } from "../scenes/path_length_layout";
import type { Scheme } from "../svg/colours";
import { once } from "./_once";
import type { Asked, Drawn, Seen } from "./_seen";

const tiles = new WeakMap<Result, Map<string, Pixels>>();

export function questions(state: FigureState): Asked[] {
  return state.panel === "alignment" ? [{ panel: "alignment", knobs: {} }, { panel: "step", knobs: {} }] : [{ panel: state.panel, knobs: {} }];
}

export const picks = { step: ["step", "source"] };

export const alignedIn = once(alignedOf);

function alignedOf({ data, provenance }: Result): Aligned[] {
  const each = <T>(name: string): T[] => data[name] as unknown as T[];
  return provenance.map(({ name }, i) => ({
    name: modelName(name), source: (each<string[]>("source_tokens")[i] ?? []).map(shown), target: (each<string[]>("target_tokens")[i] ?? []).map(shown),
    weights: Array.from(each<NdArray>("weights")[i]?.values ?? []), translation: each<string>("translation")[i] ?? "", ended: each<boolean>("ended")[i] === true, passes: each<string>("passes")[i] ?? "",
  }));
}

/** What the models learned from, each kind of text once. */
export function domainsOf(result: Result): string[] {
  return [...new Set(strings(result.data["domain"]).filter(Boolean))];
}

export function rowIn(result: Result | undefined): RowOf | null {
  if (!result || Number(result.data["steps"]) === 0) return null;
  const { data } = result;
  return {
    source: strings(data["source_tokens"]).map(shown), written: shown(String(data["written"])), step: Number(data["step"]), steps: Number(data["steps"]), chosen: Number(data["source"]),
    energies: numbers(data["energies"]), powers: numbers(data["powers"]), weights: numbers(data["weights"]),
  };
}

function tileOf(result: Result, at: number, { source, target, weights }: Aligned, scheme: Scheme): Pixels | null {
  if (weights.length === 0) return null;
  const made = tiles.get(result) ?? new Map<string, Pixels>();
  tiles.set(result, made);
  const name = `${scheme} ${at}`;
  const [width, height] = [source.length, target.length];
  const tile = made.get(name) ?? { href: picture(width, height, Uint8Array.from(weights, step), scheme), width, height };
  made.set(name, tile);
  return tile;
}

/** Whether the row is of the first of these models and of this very sentence. */
const fits = (row: RowOf, first: Aligned | undefined): boolean => first !== undefined && first.weights.length > 0 && row.steps === first.target.length && row.source.join("\0") === first.source.join("\0");

/** Step and source token as the state has them, at once and not only when the answer comes; beyond the end is the last. */
export function placeIn({ knobs }: FigureState, first: Aligned | undefined): [step: number, source: number] | null {
  if (!first || first.weights.length === 0) return null;
  return [Math.min(Number(knobs["step"] ?? 0), first.target.length - 1), Math.min(Number(knobs["source"] ?? 0), first.source.length - 1)];
}

export function propsOf({ state, results, width, look, scheme = "light" }: Pick<Seen, "state" | "results" | "width" | "look" | "scheme">) {
  const row = rowIn(results["step"]);
  const ramp = key(scheme);
  if (state.panel === "step") return row && { models: [], row, width, title: "One row of weights", ramp, given: state.target !== "", pointed: null };
  const result = results["alignment"];
  if (!result) return null;
  const aligned = alignedIn(result);
  const models = aligned.map((one, i) => ({ ...one, hue: look(result.provenance[i]?.name ?? "").hue, pixels: tileOf(result, i, one, scheme) }));
  const own = row && fits(row, aligned[0]) ? row : null;
  return { models, row: own, width, title: "Where the decoder looked back", ramp, given: result.data["given"] === true, pointed: placeIn(state, aligned[0]) };
}

export function lengthProps({ state, results, width, look }: Pick<Seen, "state" | "results" | "width" | "look">) {
  const result = results["by_length"];
  if (!result) return null;
  const { data, knobs } = result;
  const each = (name: string, i: number): number[] => numbers((data[name] as unknown as NdArray[])[i]);
  const names = state.models.slice(0, (data["score"] as unknown as NdArray[]).length);
  const models = names.map((name, i): Scored => {
    const { hue, line } = look(name);
    return { name: modelName(name), hue, dash: DASHES[line] ?? "", score: each("score", i), low: each("low", i), high: each("high", i), all: Number((data["all"] as unknown as number[])[i]) };
  });
  const [low, high] = [numbers(data["shortest"]), numbers(data["longest"])];
  const notes = strings(data["note"]).filter(Boolean).map((note) => `${note.replace(/^./, (first) => first.toUpperCase())}.`).flatMap((note) => folded(note, width, 6.6));
  const at = state.view["length"];
  const groups = low.map((from, i) => `${from}–${high[i]}`);
  return {
    models, groups, pairs: numbers(data["pairs"]), measure: String(knobs["measure"] ?? "chrF"), notes, width,
    title: "Score by the length of the source", pointed: typeof at === "number" && groups[at] !== undefined ? at : null,
  };
}

export function draw(seen: Seen): Drawn<object> | null {
  const drawn = seen.state.panel === "by_length" ? { scene: ByLength, props: lengthProps(seen) } : { scene: Scene, props: propsOf(seen) };
  return drawn.props && { scene: drawn.scene as unknown as Drawn["scene"], props: drawn.props };
}
