// architecture: a model's parts, or many models side by side, as the props of their scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import { count, modelName } from "../parts/words";
import { bytes, short, type Part, type SizeRow, type Total, type WholeData } from "../scenes/architecture_layout";
import Sizes from "../scenes/architecture_sizes.svelte";
import Scene from "../scenes/architecture.svelte";
import { numbers, strings } from "../scenes/heads_data";
import { once } from "./_once";
import type { Drawn, Seen } from "./_seen";

export const wholeIn = once(wholeOf);

function wholeOf({ data }: Result): WholeData {
  const [words, column] = [(name: string) => strings(data[name]), (name: string) => numbers(data[name])];
  const [names, paths, kinds, roles, stacks, shapes] = ["names", "paths", "kinds", "roles", "stacks", "shapes"].map(words);
  const [parametersSaid, operationsSaid, opens] = ["parameters_said", "operations_said", "opens"].map(words);
  const [blocks, repeats, parameters, operations, grows, joins] = ["blocks", "repeats", "parameters", "operations", "grows", "joins"].map(column);
  const { shape, values } = data["sizes"] as NdArray;
  const wide = shape[1] ?? 0;
  const parts = (names ?? []).map((name, i): Part => ({
    name, path: paths?.[i] ?? "", kind: kinds?.[i] ?? "", role: roles?.[i] ?? "", stack: stacks?.[i] ?? "", shape: shapes?.[i] ?? "",
    block: blocks?.[i] ?? -1, repeats: repeats?.[i] ?? 1, parameters: parameters?.[i] ?? 0, operations: operations?.[i] ?? 0, grows: grows?.[i] ?? 0, joins: joins?.[i] ?? -1,
    parametersSaid: parametersSaid?.[i] ?? "", operationsSaid: operationsSaid?.[i] ?? "", opens: (opens?.[i] ?? "").split(" ").filter(Boolean),
    sizes: Array.from(values.slice(i * wide, (i + 1) * wide)),
  }));
  const sizes = parts.flatMap((part) => part.sizes.filter((size) => Number.isFinite(size) && size > 0));
  const most = (value: (part: Part) => number): number => Math.max(1, ...parts.map(value));
  return {
    model: modelName(String(data["model"])), tokens: strings(data["read"]), targets: strings(data["target_read"]), parts, totals: totalsOf(data), context: Number(data["context"]), note: String(data["note"]),
    most: { parameters: most((part) => part.parameters * part.repeats), operations: most((part) => part.operations * part.repeats) },
    size: { low: Math.min(...sizes, Infinity), high: Math.max(...sizes, 0) },
  };
}

function totalsOf(data: Result["data"]): Total[] {
  const number = (name: string): number => Number(data[name]);
  const [weights, cache, context] = [number("weights_bytes"), number("kept_bytes"), number("context")];
  const [operations, growing] = [number("total_operations"), number("attention_operations")];
  const largest = Math.max(weights, cache, 1);
  const attention = growing ? `; ${count(growing)} of them, ${((100 * growing) / operations).toPrecision(3)} %, grow with the text` : "; none of them grows with the text";
  return [
    { key: "parameters", words: "parameters", value: short(number("total_parameters"), "B"), said: String(data["total_parameters_said"]), share: -1 },
    { key: "operations", words: `FLOPs a token, text of ${count(context)}`, value: short(operations), said: `${String(data["total_operations_said"])}${attention}`, share: -1 },
    { key: "weights", words: "memory that the weights take", value: bytes(weights), said: String(data["weights_said"]), share: weights / largest },
    { key: "kept", words: `memory kept of ${count(context)} tokens`, value: bytes(cache), said: String(data["kept_said"]), share: cache / largest },
  ];
}

export function sizeRows({ data }: Result): SizeRow[] {
  const words = (name: string) => strings(data[name]);
  const column = (name: string) => numbers(data[name]);
  const [names, keys, said, sources] = ["names", "keys", "said", "sources"].map(words);
  const [years, layers, widths, parameters, operations, growing, cache] = ["years", "layers", "widths", "parameters", "operations", "growing", "kept_bytes"].map(column);
  const roles = ["embedding", "attention", "mlp", "rest"] as const;
  const shares = roles.map((role) => ({ role, values: column(role) }));
  return (names ?? []).map((name, i) => ({
    name: modelName(name), key: keys?.[i] ?? "", said: said?.[i] ?? "", source: sources?.[i] ?? "", year: years?.[i] ?? 0, layers: layers?.[i] ?? 0, width: widths?.[i] ?? 0,
    parameters: parameters?.[i] ?? 0, operations: operations?.[i] ?? 0, growing: growing?.[i] ?? 0, kept: cache?.[i] ?? 0,
    shares: shares.map(({ role, values }) => ({ role, value: values[i] ?? 0 })),
  }));
}

const within = (value: unknown, n: number, other: number): number => (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < n ? value : other);

/** Where one looks first: at the first attention, else at the first part that other figures look into. */
function firstIn({ parts }: WholeData): number {
  const [attention, door] = [parts.findIndex((part) => part.grows > 1), parts.findIndex((part) => part.opens.length)];
  return Math.max(0, attention >= 0 ? attention : door);
}

export function propsOf({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results[state.panel === "published" ? "published" : "model"];
  if (!result) return null;
  const whole = wholeIn(result);
  const all = whole.parts.length + whole.totals.length;
  const token = within(state.view["token"], Math.max(whole.tokens.length, whole.targets.length), whole.tokens.length - 1);
  return { whole, width, chosen: within(state.view["part"], all, firstIn(whole)), token, title: `${whole.model}, part by part` };
}

export function sizesProps({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results["sizes"];
  if (!result) return null;
  const rows = sizeRows(result);
  return { rows, width, chosen: within(state.view["model"], rows.length, 0), title: "Shapes side by side" };
}

/** "heads#panel=map&layer=3" as an address, with the text and the model that are looked at here. */
export function addressOf(door: string, { text, target, models }: FigureState): string {
  const [name = "", rest = ""] = door.split("#");
  const shared = new URLSearchParams({ text, ...(target ? { target } : {}), models: models[0] ?? "" });
  const own = rest.split("&").filter(Boolean).map((pair) => `${name}.${pair}`);
  return `../figures/${name}#${["v1", shared.toString(), ...own].join("&")}`;
}

/** The same in words: "heads, layer 3". */
export function doorWords(door: string): string {
  const [name = "", rest = ""] = door.split("#");
  const layer = /(?:^|&)layer=(\d+)/.exec(rest)?.[1];
  const after = /view\.cell=(\d+)/.exec(rest)?.[1];
  return `${name.replaceAll("_", " ")}${layer ? `, layer ${layer}` : after ? (after === "0" ? ", the embedding" : `, after block ${Number(after) - 1}`) : ""}`;
}

export function draw(seen: Seen): Drawn<object> | null {
  const sizes = seen.state.panel === "sizes";
  const props = sizes ? sizesProps(seen) : propsOf(seen);
  return props && { scene: (sizes ? Sizes : Scene) as unknown as Drawn["scene"], props };
}
