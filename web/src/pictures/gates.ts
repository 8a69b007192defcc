// gates: one gate on every token, what is left at the end, and the sums behind a unit, as props of scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import { number, shown } from "../parts/words";
import { array, numbers, strings } from "../scenes/heads_data";
import Survival from "../scenes/gates_survival.svelte";
import Maps from "../scenes/unit_maps.svelte";
import type { CellAt, UnitMap } from "../scenes/unit_maps_data";
import UnitSum from "../scenes/unit_sum.svelte";
import type { Drawn, Seen } from "./_seen";
import { cellIn, chosenKnobs, each, mapProps, modelsOf, unitOf } from "./recurrence";

export type Panel = "gates" | "survival" | "unit";
const SCENES = { gates: Maps, survival: Survival, unit: UnitSum };
const PROPS = { gates: gatesOf, survival: survivalOf, unit: unitOf };

export const panelOf = ({ panel }: FigureState): Panel => (panel in SCENES ? (panel as Panel) : "gates");

export function draw(seen: Seen): Drawn<object> | null {
  const panel = panelOf(seen.state);
  const result = seen.results[panel];
  const props = result && PROPS[panel](seen, result);
  return props ? { scene: SCENES[panel] as unknown as Drawn["scene"], props } : null;
}

const KINDS: Record<string, string> = { cell: "cell c", h: "state h", candidate: "candidate" };

export function gateMapsOf(seen: Pick<Seen, "look">, result: Result): UnitMap[] {
  const { data, knobs } = result;
  const maps = each<NdArray>(data["values"]);
  const at = (name: string, m: number): number => each<number>(data[name])[m] ?? NaN;
  return modelsOf(seen, result, maps.length).map((model, m) => {
    const name = String(each(data["shows"])[m] ?? "");
    const signed = each<boolean>(data["signed"])[m] === true;
    const units = numbers(each<NdArray>(data["units"])[m]);
    const mean = signed ? "" : `, mean ${number(at("mean", m), 2)}`;
    return {
      ...model, units, columns: strings(each(data["columns"])[m]).map(shown), values: array(maps[m]).values, signed, why: String(each(data["why"])[m] ?? ""),
      caption: name ? `${KINDS[name] ?? `${name} gate`} of layer ${String(knobs["layer"])}${mean}` : "",
    };
  });
}

function gatesOf(seen: Seen, result: Result) {
  const { state, width, scheme = "light" } = seen;
  const maps = gateMapsOf(seen, result);
  const chosen = state.view["open"] ? cellIn(maps, each<number>(result.data["first"]), chosenKnobs(state)) : null;
  const name = maps.some(({ signed }) => signed) ? "value" : "open";
  return { ...mapProps(maps, scheme, name), width, chosen, title: "Gates, unit by unit" };
}

/** What is read out of a cell. */
export function sayGate({ data }: Result, maps: readonly UnitMap[], [m, row, column]: CellAt): string {
  const map = maps[m];
  if (!map) return "";
  const value = map.values[row * map.columns.length + column] as number;
  const name = String(each(data["shows"])[m] ?? "");
  const kept = name === "forget" || name === "update" ? `: ${number(100 * value, 0)} % of what the unit held before stays` : "";
  const first = each<number>(data["first"])[m] ?? 0;
  return `${map.name}, unit ${map.units[row]}, at “${map.columns[column]}” (token ${first + column + 1}): ${KINDS[name] ?? `${name} gate`} ${number(value, 4)}${kept}.`;
}

const FLOOR = 1e-6;

function survivalOf({ width, look }: Seen, result: Result) {
  const { data } = result;
  const left = each<NdArray>(data["left"]);
  const models = modelsOf({ look }, result, left.length).map((model, m) => {
    const tokens = strings(each(data["columns"])[m]).map(shown);
    const n = tokens.length;
    const rows = (name: string): number[][] => {
      const values = numbers(each<NdArray>(data[name])[m]);
      return Array.from({ length: values.length / Math.max(1, n) }, (_, i) => values.slice(i * n, (i + 1) * n));
    };
    const quantiles = rows("left");
    const numbersOf = numbers(each<NdArray>(data["units"])[m]);
    const units = rows("left_of_unit").map((one, i) => ({ unit: numbersOf[i] ?? 0, left: one }));
    const life = (name: string): string => spans(each<number>(data[name])[m] ?? NaN);
    const gate = String(each(data["gate"])[m]);
    const spoken = tokens.map((token, i) => {
      const middle = `half of the units keep less than ${tiny(quantiles[2]?.[i] ?? 0)}, a twentieth more than ${tiny(quantiles[4]?.[i] ?? 0)}`;
      const singles = units.length ? `; ${units.map((one) => `unit ${one.unit}: ${tiny(one.left[i] ?? 0)}`).join(", ")}` : "";
      return `${model.name}, after “${token}”, ${n - 1 - i} tokens before the end: ${middle}${singles}.`;
    });
    return { ...model, tokens, quantiles, units, spoken, line: `${gate} gates: half is left after ${life("median_half_life")} tokens; longest ${life("longest_half_life")}` };
  });
  return { models, floor: FLOOR, width, title: "What is left at the end of the text" };
}

function spans(value: number): string {
  return !Number.isFinite(value) ? "endlessly many" : number(value, value < 10 ? 1 : 0);
}

function tiny(value: number): string {
  return value >= 0.001 ? number(value, 3) : value === 0 ? "0" : value.toExponential(0).replace("-", "−");
}
