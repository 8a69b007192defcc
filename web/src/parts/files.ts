// A result as a file for people and pipes. JSON is the command line's --json form.
import type { Field, Panel, Result, ResultField } from "../contracts";
import { isArray, valueOf } from "./tables";

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** figure, panel, provenance, knobs, data; arrays as nested lists; inf and nan as words. */
export function json(result: Result): string {
  const { figure, panel, provenance, knobs } = result;
  const data = Object.fromEntries(Object.entries(result.data).map(([name, value]) => [name, plain(value)]));
  return JSON.stringify({ figure, panel, provenance, knobs, data }, null, 1);
}

/** Every table of the result under its caption, an empty line between two, as the command line writes it. */
export function csv(panel: Panel, result: Result): string {
  const many = panel.result.filter((field) => field.many);
  const single = panel.result.filter((field) => !field.many);
  const first = result.data[many[0]?.name ?? ""];
  const models = Array.isArray(first) ? result.provenance.slice(0, first.length) : []; // other sources come after them
  const tables = many.length > 0 ? models.flatMap((source, i) => tablesOf(many, result, i, `${source.name}: `)) : [];
  const all = [...tables, ...(single.length > 0 ? tablesOf(single, result, 0, "") : [])];
  return all.map((rows) => rows.map((row) => row.map(quoted).join(",") + "\r\n").join("")).join("\r\n");
}

function tablesOf(fields: ResultField[], result: Result, entry: number, model: string): string[][][] {
  const value = (field: ResultField) => plain(valueOf(field, result, entry) ?? null) as Plain[];
  const lines = fields.filter((field) => field.axes.length === 1);
  const along = [...new Set(lines.map((field) => field.axes[0] ?? ""))].map((axis) => {
    const filled = lines.filter((field) => field.axes[0] === axis && value(field).length > 0);
    const rows = (filled[0] ? value(filled[0]) : []).map((_, i) => [String(i), ...filled.map((field) => text(value(field)[i]))]);
    return [[`# ${model}by ${axis}`], [axis, ...filled.map((field) => field.name)], ...rows];
  });
  const alone = fields.filter((field) => field.axes.length === 0).map((field) => [field.name, text(value(field))]);
  const maps = fields.filter((field) => field.axes.length > 1).map((field) => {
    const rows = value(field) as Plain[][];
    const columns = (rows[0] ?? []).map((_, j) => String(j));
    return [[`# ${model}${field.name} (${field.axes.join(" × ")})`], [field.axes[0] ?? "", ...columns], ...rows.map((row, i) => [String(i), ...row.map(text)])];
  });
  return [...along, ...(alone.length > 0 ? [[[`# ${model}values`], ["value", ""], ...alone]] : []), ...maps];
}

function text(value: Plain | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
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
