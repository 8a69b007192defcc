// What only an open model knows of a knob: which of its choices there are, and where it ends. It stands in the answer.
import type { Json, Knob, Result } from "../contracts";

/** The knob as this model has it, with its value; null where there is nothing to choose. `results`: the newest first. */
export function offered(knob: Knob, value: Json, results: readonly (Result | undefined)[]): { knob: Knob; value: Json } | null {
  if (knob["x-offered"]) return chosen(knob, value, field(results, knob["x-offered"]));
  const end = knob["x-below"] ? field(results, knob["x-below"]) : undefined;
  if (typeof end !== "number") return { knob, value };
  return end <= 1 && value === 0 ? null : { knob: { ...knob, maximum: Math.max(Number(value), Math.min(knob.maximum ?? end, end - 1)) }, value };
}

/** What the knob takes for what a reader chose: the first choice is what stands there when nothing was chosen. */
export function taken(knob: Knob, value: Json, results: readonly (Result | undefined)[]): Json {
  const choices = knob["x-offered"] ? field(results, knob["x-offered"]) : undefined;
  return Array.isArray(choices) && value === choices[0] ? (knob.default ?? null) : value;
}

function chosen(knob: Knob, value: Json, choices: unknown): { knob: Knob; value: Json } | null {
  const there = Array.isArray(choices) ? (choices as string[]) : [];
  const [first] = there;
  const own = typeof value === "string" ? value : "";
  if (first === undefined || (there.length === 1 && (own === "" || own === first))) return null;
  const strange = own !== "" && !there.includes(own) ? [own] : []; // of another model: the answer says what is wrong
  return { knob: { ...knob, enum: [...there, ...strange], default: first }, value: own || first };
}

function field(results: readonly (Result | undefined)[], name: string): unknown {
  return results.find((result) => result?.data[name] !== undefined)?.data[name];
}
