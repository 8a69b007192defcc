// lens: what each layer would say next, as the props of its scene.
import type { FigureState, Result } from "../contracts";
import { shown } from "../parts/words";
import { numbers, strings } from "../scenes/heads_data";
import Scene from "../scenes/lens.svelte";
import type { LensData } from "../scenes/lens_layout";
import { once } from "./_once";
import type { Drawn, Seen } from "./_seen";

export function lensOf({ data }: Result): LensData {
  const [layers, tokens] = [strings(data["layers"]), strings(data["tokens"]).map(shown)];
  const top = data["top_strings"] as string[][];
  const [probabilities, ranks, finals, bits] = ["top_probabilities", "final_rank", "final_probability", "entropy_bits"].map((name) => numbers(data[name]));
  const cell = (i: number, j: number) => {
    const at = i * tokens.length + j;
    return { text: shown(top[i]?.[j] ?? ""), probability: probabilities?.[at] ?? 0, rank: ranks?.[at] ?? 0, final: finals?.[at] ?? 0, bits: bits?.[at] ?? 0 };
  };
  return { layers, tokens, first: Number(data["first"]), says: strings(data["final_strings"]).map(shown), cells: layers.map((_, i) => tokens.map((_, j) => cell(i, j))) };
}

/** The cell that the state names, "12.15"; without one the last position half-way up. */
export function chosenIn({ view }: FigureState, { layers, tokens }: LensData): [layer: number, position: number] {
  const [, layer, position] = /^(\d+)\.(\d+)$/.exec(String(view["cell"] ?? "")) ?? [];
  const inside = (value: string | undefined, other: number, n: number): number => (value !== undefined && Number(value) < n ? Number(value) : other);
  return [inside(layer, Math.floor(layers.length / 2), layers.length), inside(position, tokens.length - 1, tokens.length)];
}

export const lensIn = once(lensOf);

export function propsOf({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results["lens"];
  if (!result) return null;
  const lens = lensIn(result);
  return { lens, width, chosen: chosenIn(state, lens), title: "What each layer would say next" };
}

export function draw(seen: Seen): Drawn<object> | null {
  const props = propsOf(seen);
  return props && { scene: Scene as unknown as Drawn["scene"], props };
}
