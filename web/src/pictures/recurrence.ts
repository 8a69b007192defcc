// recurrence: units by tokens, one unit's sum, two words exchanged, tokens read back, cells by step, as props of scenes.
import type { Field, FigureState, NdArray, Result } from "../contracts";
import { modelName, number, probability, shown } from "../parts/words";
import { array, numbers, strings } from "../scenes/heads_data";
import Order from "../scenes/recurrence_order.svelte";
import type { Compared } from "../scenes/recurrence_layout";
import Readback from "../scenes/recurrence_readback.svelte";
import Wavefront from "../scenes/recurrence_wavefront.svelte";
import Maps from "../scenes/unit_maps.svelte";
import { keyOf, pixelsOf, rangeOf, type CellAt, type UnitMap } from "../scenes/unit_maps_data";
import UnitSum from "../scenes/unit_sum.svelte";
import type { Drawn, Seen } from "./_seen";

export type Panel = "states" | "unit" | "order" | "readback" | "wavefront";
const SCENES = { states: Maps, unit: UnitSum, order: Order, readback: Readback, wavefront: Wavefront };
const PROPS = { states: statesOf, unit: unitOf, order: orderOf, readback: readbackOf, wavefront: wavefrontOf };

export const panelOf = ({ panel }: FigureState): Panel => (panel in SCENES ? (panel as Panel) : "states");

export function draw(seen: Seen): Drawn<object> | null {
  const panel = panelOf(seen.state);
  const result = seen.results[panel];
  const props = result && PROPS[panel](seen, result);
  return props ? { scene: SCENES[panel] as unknown as Drawn["scene"], props } : null;
}

/** A field of one entry a model. */
export const each = <T = Field>(field: Field | undefined): T[] => (field ?? []) as T[];
const list = (field: Field | undefined, model: number): number[] => numbers(each<NdArray>(field)[model]);
const words = (field: Field | undefined, model: number): string[] => strings(each(field)[model]);
const share = (value: number): string => `${number(100 * value, value < 0.0995 && value > 0 ? 1 : 0)} %`;

/** The models that an answer is of, with their looks. */
export function modelsOf({ look }: Pick<Seen, "look">, { provenance }: Result, n: number) {
  return provenance.slice(0, n).map(({ name }) => ({ name: modelName(name), look: look(name) }));
}

// ---- states
export function mapsOf(seen: Pick<Seen, "look">, result: Result): UnitMap[] {
  const { data, knobs } = result;
  const maps = each<NdArray>(data["h"]);
  const sizes = each<number>(data["n_unit"]);
  return modelsOf(seen, result, maps.length).map((model, m) => {
    const units = list(data["units"], m);
    return {
      ...model, units, columns: words(data["columns"], m).map(shown), values: array(maps[m]).values, signed: true, why: "",
      caption: `h of layer ${String(knobs["layer"])}, ${units.length < (sizes[m] ?? 0) ? `${units.length} of ` : ""}${sizes[m]} units`,
    };
  });
}

/** The cell of a unit and a token, if it is among those shown. */
export function cellIn(maps: readonly UnitMap[], firsts: readonly number[], { which, unit, token }: Record<string, number>): CellAt | null {
  const map = maps[which ?? -1];
  const row = map?.units.indexOf(unit ?? -1) ?? -1;
  const column = (token ?? -1) - (firsts[which ?? -1] ?? 0);
  return map && row >= 0 && column >= 0 && column < map.columns.length ? [which as number, row, column] : null;
}

export const chosenKnobs = ({ knobs }: FigureState): Record<string, number> => ({ which: Number(knobs["which"]), unit: Math.max(0, Number(knobs["unit"])), token: Number(knobs["token"]) });

function statesOf(seen: Seen, result: Result) {
  const { state, width, scheme = "light" } = seen;
  const maps = mapsOf(seen, result);
  const chosen = state.view["open"] ? cellIn(maps, each<number>(result.data["first"]), chosenKnobs(state)) : null;
  return { ...mapProps(maps, scheme, "h"), width, chosen, title: "The state after each token" };
}

/** What maps of any kind need besides: pixels and the scale. */
export function mapProps(maps: UnitMap[], scheme: NonNullable<Seen["scheme"]>, name: string) {
  const signed = maps.some((map) => map.signed);
  const range = rangeOf(maps);
  const end = range === 1 ? "1" : number(range, 1);
  const ticks: [string, number][] = signed ? [[`−${end}`, 0], ["0", 0.5], [end, 1]] : [["0", 0], [".5", 0.5], ["1", 1]];
  const pixels = maps.map((map) => pixelsOf(map.values, Math.max(1, map.columns.length), Math.max(1, map.units.length), map.signed, range, scheme));
  return { maps, pixels, scale: { image: keyOf(signed, scheme), ticks, name } };
}

/** What is read out of a cell. */
export function sayState(maps: readonly UnitMap[], firsts: readonly number[], [m, row, column]: CellAt): string {
  const map = maps[m];
  if (!map) return "";
  const value = map.values[row * map.columns.length + column] as number;
  return `${map.name}, unit ${map.units[row]}, after “${map.columns[column]}” (token ${(firsts[m] ?? 0) + column + 1}): h = ${number(value, 4)}`;
}

// ---- unit
const SQUASH: Record<string, string> = { tanh: "tanh of it", relu: "relu of it", sigmoid: "sigmoid of it" };

export function unitOf({ width, row }: Seen, { data }: Result) {
  const token = strings(data["tokens"])[Number(data["token"])] ?? "";
  const kind = String(data["part"]);
  const part = /^(input|forget|output|reset|update)$/.test(kind) ? `${kind} gate` : kind.replace("_", " from ");
  const labels = strings(data["terms"]);
  const values = numbers(data["term_values"]);
  const say = (label: string): string => label.replace(/^x\[(\d+)\]$/, "x[$1] times its weight").replace(/^h\[(\d+)\]$/, "h[$1], of the token before, times its weight");
  const squash = SQUASH[String(data["squash"])];
  const result = Number(data["value"]);
  const name = part === "state" ? "h" : part;
  return {
    heading: `${modelName(String(data["model"]))}, layer ${String(data["layer"])}, unit ${String(data["unit"])} after “${shown(token)}”: ${part === "state" ? "the sum behind h" : part}`,
    terms: labels.map((label, i) => ({ label: label.replace(/^(\d+) (other )?products of ([xh])$/, "$2$3 ($1)"), value: values[i] ?? 0, spoken: `${say(label)}: ${number(values[i] ?? 0, 4)}` })),
    total: { label: "sum", value: Number(data["total"]), spoken: `The sum of all terms: ${number(Number(data["total"]), 4)}` },
    value: squash ? { label: `${kind === "state" ? "h" : kind.slice(0, 9)} = ${String(data["squash"])}`, value: result, spoken: `${name}, the ${squash}: ${number(result, 4)}` } : null,
    width: Math.min(width, 720), row: Math.max(24, row - 4), title: `The sum behind unit ${String(data["unit"])}`,
  };
}

// ---- order
function textOf(label: string, text: string, moved: readonly string[]) {
  const parts = text.split(/([\p{L}\p{N}_]+(?:['’-][\p{L}\p{N}_]+)*)/u);
  const numbersMoved = new Set(moved.map(Number));
  return { label, words: parts.map((part, i) => ({ text: part.replaceAll("\n", "⏎"), moved: i % 2 === 1 && numbersMoved.has((i - 1) / 2) })).filter((word) => word.text !== "") };
}

function orderOf({ state, width, row, look, scheme = "light" }: Seen, result: Result) {
  const { data, knobs } = result;
  const states = each<NdArray>(data["h"]);
  const moved = [String(knobs["first"]), String(knobs["second"])];
  const models = modelsOf({ look }, result, states.length);
  const arrays = models.map((_, m) => ["h", "h_swapped", "difference"].map((name) => list(data[name], m)));
  const range = Math.max(1e-9, ...arrays.flatMap((three) => three.flatMap((values) => values.map(Math.abs))));
  const full = range <= 1 ? 1 : range;
  const at = (name: string, m: number): number => each<number>(data[name])[m] ?? NaN;
  const compared: Compared[] = models.map((model, m) => {
    const n = arrays[m]?.[0]?.length ?? 1;
    const across = Math.ceil(Math.sqrt(n));
    const squares = ["at the end", "exchanged", "difference"].map((caption, i) => {
      const values = Array.from({ length: across * across }, (_, k) => arrays[m]?.[i]?.[k] ?? 0);
      return { caption, pixels: pixelsOf(values, across, across, true, full, scheme) };
    });
    const [bag, relative] = [at("bag_relative", m), at("relative", m)];
    const same = each<boolean>(data["same_bag"])[m] === true;
    const [before, after] = [list(data["before"], m), list(data["after"], m)];
    return {
      ...model, grids: squares, side: [across, across],
      apart: [
        { label: "the state", share: relative, text: share(relative), spoken: `${model.name}: the states differ by ${number(at("distance", m), 3)}, ${share(relative)} of the first one’s length; the cosine between them is ${number(at("cosine", m), 3)}.` },
        { label: "bag of words", share: bag, text: same ? "0: the same" : share(bag), spoken: same ? `${model.name}: the means of the embeddings are the same, for both texts are made of the same tokens.` : `${model.name}: the means of the embeddings differ by ${share(bag)} of the first one’s length, for the exchange has made other tokens.` },
      ],
      said: words(data["top_strings"], m).map((token, i) => ({
        label: shown(token), before: before[i] ?? 0, after: after[i] ?? 0, text: `${probability(before[i] ?? 0)} → ${probability(after[i] ?? 0)}`,
        spoken: `${model.name}: “${shown(token)}” comes next with ${probability(before[i] ?? 0)} after the text, with ${probability(after[i] ?? 0)} after the exchange.`,
      })),
      bits: `${number(at("kl_bits", m), 3)} bits apart`,
      note: same ? "" : "A capital or a space has made other tokens.",
    };
  });
  const end = full === 1 ? "1" : number(full, 1);
  const scale = { image: keyOf(true, scheme), ticks: [[`−${end}`, 0], ["0", 0.5], [end, 1]] as [string, number][], name: "a unit" };
  const texts = [textOf("the text", state.text, moved), textOf("exchanged", String(data["swapped_text"]), moved)];
  return { texts, models: compared, scale, width, row: Math.max(24, row - 6), title: "Two words change places" };
}

// ---- readback
function readbackOf({ width, row, look }: Seen, result: Result) {
  const { data } = result;
  const accuracy = each<NdArray>(data["accuracy"]);
  const models = modelsOf({ look }, result, accuracy.length);
  const curves = models.map((model, m) => ({
    ...model, accuracy: list(data["accuracy"], m), low: list(data["low"], m), high: list(data["high"], m), control: list(data["control"], m),
  }));
  const rank = (m: number, d: number): string => number(list(data["median_rank"], m)[d] ?? NaN, 0);
  const spoken = numbers(data["distances"]).map((d) => `${d === 0 ? "The last token" : `${d} back`}: ${curves.map((one, m) => `${one.name} ${share(one.accuracy[d] ?? 0)} (${share(one.low[d] ?? 0)} to ${share(one.high[d] ?? 0)}), shuffled ${share(one.control[d] ?? 0)}, median rank ${rank(m, d)}`).join("; ")}.`);
  const tokens = words(data["own_tokens"], 0).map(shown);
  const back = tokens.map((token, d) => ({ token, found: models.map((_, m) => ({ text: shown(words(data["own_found"], m)[d] ?? ""), rank: list(data["own_rank"], m)[d] ?? 0 })) }));
  const named = each<number>(data["n_named"]);
  const spokenBack = back.map(({ token, found }, d) => `${d === 0 ? "The last token" : `${d} back`} was “${token}”. ${found.map(({ text, rank }, m) => `${models[m]?.name}: “${text}” ${rank === 1 ? "is read out, which is right" : rank > (named[m] ?? 0) ? "is read out; the probe has no name for the true one" : `is read out; the true one is number ${rank.toLocaleString("en")} of ${named[m]?.toLocaleString("en")}`}`).join(". ")}.`);
  return { curves, back, spoken, spokenBack, width, row: Math.max(26, row - 4), title: "What can be read back out of the state" };
}

// ---- wavefront
function wavefrontOf({ state, width, look }: Seen, result: Result) {
  const { data } = result;
  const steps = each<NdArray>(data["steps"]);
  const step = Number(state.knobs["step"] ?? 1);
  const models = modelsOf({ look }, result, steps.length);
  const fronts = models.map((model, m) => {
    const tokens = words(data["tokens"], m).map(shown);
    const [layers = 1, n = 1] = array(steps[m]).shape;
    const flat = numbers(steps[m]);
    const rows = Array.from({ length: layers }, (_, layer) => flat.slice(layer * n, (layer + 1) * n));
    const total = each<number>(data["n_steps"])[m] ?? 0;
    const ready = flat.filter((at) => at <= step).length;
    return {
      ...model, tokens, steps: rows, byLength: list(data["by_length"], m),
      line: `${total} steps in a row; ${ready} of ${flat.length} cells after step ${step}`,
      spoken: (layer: number, token: number) => `${model.name}, layer ${layer} at “${tokens[token]}”: can be there after step ${rows[layer]?.[token]} of ${total}.`,
    };
  });
  const [families, work, shares, rates] = [strings(data["recorded"]), strings(data["recorded_work"]), numbers(data["recorded_share"]), numbers(data["recorded_rate"])];
  const recorded = [...new Set(work)].map((one) => ({
    work: one,
    bars: families.flatMap((name, i) => (work[i] === one ? [{ name, hue: look(name).hue, share: shares[i] ?? 0, text: share(shares[i] ?? 0), spoken: `${name}, ${one}: ${share(shares[i] ?? 0)} of the matmul rate, ${number(rates[i] ?? 0, 1)} · 10⁹ operations a second. Recorded.` }] : [])),
  }));
  const where = String(data["recorded_where"]).split(/(?<=, )(?=\d+ · )|; /);
  return { fronts, step, recorded, where, width, title: "One step at a time against all at once" };
}
