// A result as a file for people and pipes. JSON is the command line's --json form.
import type { Field, Panel, Result } from "../contracts";
import { isArray } from "./tables";

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** figure, panel, provenance, knobs, data; arrays as nested lists; inf and nan as words. */
export function json(result: Result): string {
  const { figure, panel, provenance, knobs } = result;
  const data = Object.fromEntries(Object.entries(result.data).map(([name, value]) => [name, plain(value)]));
  return JSON.stringify({ figure, panel, provenance, knobs, data }, null, 1);
}

/** One row a value: field, model, row, column, value. What has more than two axes gets further index columns. */
export function csv(panel: Panel, result: Result): string {
  const lines: string[][] = [];
  for (const field of panel.result) {
    const value = plain(result.data[field.name] ?? null);
    const entries = field.many && Array.isArray(value) ? value : [value];
    entries.forEach((entry, i) => walk(entry, [field.name, field.many ? (result.provenance[i]?.name ?? String(i)) : ""], [], lines));
  }
  const depth = Math.max(2, ...lines.map((line) => line.length - 3));
  const indices = Array.from({ length: depth }, (_, i) => ["row", "column"][i] ?? `index_${i}`);
  const rows = lines.map((line) => [...line.slice(0, -1), ...Array<string>(depth - (line.length - 3)).fill(""), line.at(-1) ?? ""]);
  return [["field", "model", ...indices, "value"], ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function walk(value: Plain, head: string[], index: string[], lines: string[][]): void {
  if (Array.isArray(value)) value.forEach((one, i) => walk(one, head, [...index, String(i)], lines));
  else lines.push([...head, ...index, value === null ? "" : String(value)]);
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function plain(value: Field): Plain {
  if (isArray(value)) return nested(value.shape, value.dtype === "BOOL" ? Array.from(value.values, Boolean) : Array.from(value.values, finite));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "number") return finite(value);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

function nested(shape: number[], flat: Plain[]): Plain {
  const [first = 0, ...rest] = shape;
  if (rest.length === 0) return flat;
  const size = rest.reduce((product, one) => product * one, 1);
  return Array.from({ length: first }, (_, i) => nested(rest, flat.slice(i * size, (i + 1) * size)));
}

function finite(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
