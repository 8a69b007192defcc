// From a panel's result to tables. An axis called A is labelled by a field of strings named As or A_strings.
import type { Field, NdArray, Panel, Result, ResultField } from "../contracts";
import { number, shown } from "./words";

const ROWS = 200;
const COLUMNS = 64;

export interface Sheet {
  key: string;
  field: string; // a map's own name, before its caption; or nothing
  caption: string;
  corner: string;
  columns: { name: string; doc: string; isField?: boolean }[]; // a field's name is code: the same in Python and in the files
  rows: { name: string; cells: Cell[]; isField?: boolean }[];
  more: string; // what was left out, or nothing
}

export interface Cell {
  text: string;
  kind: "number" | "text" | "words";
}

/** The tables of one model's entry (or of the whole result, when it has no entries). */
export function tables(panel: Panel, result: Result, entry: number): Sheet[] {
  const fields = panel.result.map((field) => ({ field, value: valueOf(field, result, entry) }));
  const labels = new Map<string, string[]>();
  for (const { field, value } of fields) if (isStrings(value) && field.axes.length === 1) labels.set(field.name, value);
  const made: Sheet[] = [];
  const single = fields.filter(({ field }) => field.axes.length === 0);
  if (single.length > 0) made.push(scalars(single));
  for (const axis of new Set(fields.filter(({ field }) => field.axes.length === 1).map(({ field }) => field.axes[0] as string))) {
    const along = fields.filter(({ field, value }) => field.axes.length === 1 && field.axes[0] === axis && lengthOf(value) > 0);
    if (along.length > 0) made.push(lists(axis, along));
  }
  for (const { field, value } of fields) if (field.axes.length >= 2) made.push(map(field, value, labels));
  return made;
}

interface Filled {
  field: ResultField;
  value: Field | undefined;
}

export function valueOf(field: ResultField, result: Result, entry: number): Field | undefined {
  const value = result.data[field.name];
  return field.many && Array.isArray(value) ? value[entry] : value;
}

function scalars(single: Filled[]): Sheet {
  const rows = single.map(({ field, value }) => ({ name: field.name, isField: true, cells: [cell(value ?? null), { text: field.doc, kind: "words" as const }] }));
  const columns = [
    { name: "value", doc: "" },
    { name: "what it is", doc: "" },
  ];
  return { key: "single", field: "", caption: "Single values", corner: "field", columns, rows, more: "" };
}

function lists(axis: string, along: Filled[]): Sheet {
  const total = Math.max(...along.map(({ value }) => lengthOf(value)));
  const rows = Array.from({ length: Math.min(total, ROWS) }, (_, i) => ({
    name: String(i + 1),
    cells: along.map(({ value }) => cell(at(value, i))),
  }));
  const caption = along.length === 1 ? (along[0]?.field.doc ?? "") : `One row for each ${axis}`;
  const columns = along.map(({ field }) => ({ name: field.name, isField: true, doc: along.length === 1 ? "" : field.doc }));
  return { key: `along ${axis}`, field: "", caption, corner: axis, columns, rows, more: bounded(total, 0) };
}

function map(field: ResultField, value: Field | undefined, labels: Map<string, string[]>): Sheet {
  const [down = "", across = ""] = field.axes;
  const shape = shapeOf(value);
  const empty = { key: field.name, field: field.name, caption: field.doc, corner: `${down} ↓ ${across} →`, columns: [], rows: [], more: "" };
  if (field.axes.length > 2) return { ...empty, more: `It has ${field.axes.length} axes (${shape.join(" × ")}); the files hold all of it.` };
  const [height = 0, width = 0] = shape;
  const name = (axis: string, i: number) => shown((labels.get(`${axis}s`) ?? labels.get(`${axis}_strings`))?.[i] ?? String(i + 1));
  const columns = Array.from({ length: Math.min(width, COLUMNS) }, (_, j) => ({ name: name(across, j), doc: "" }));
  const rows = Array.from({ length: Math.min(height, ROWS) }, (_, i) => ({
    name: name(down, i),
    cells: columns.map((_, j) => cell(at(value, i, j))),
  }));
  return { ...empty, columns, rows, more: bounded(height, width) };
}

function bounded(rows: number, columns: number): string {
  const cut = [rows > ROWS ? `the first ${ROWS} of ${rows.toLocaleString("en")} rows` : "", columns > COLUMNS ? `the first ${COLUMNS} of ${columns} columns` : ""];
  const words = cut.filter(Boolean).join(" and ");
  return words && `Shown are ${words}; the files hold all of them.`;
}

function cell(value: Field): Cell {
  if (typeof value === "number") return { text: Number.isInteger(value) ? String(value).replace("-", "−") : exact(value), kind: "number" };
  if (typeof value === "string") return { text: shown(value), kind: "text" };
  return { text: value === null ? "none" : String(value), kind: "text" };
}

/** Six digits that count. */
function exact(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(4).replaceAll("-", "−") : number(value, 6);
}

export function at(value: Field | undefined, i: number, j?: number): Field {
  if (isArray(value)) return value.values[j === undefined ? i : i * (value.shape[1] ?? 1) + j] ?? null;
  const row = Array.isArray(value) ? (value[i] ?? null) : null;
  return j === undefined ? row : at(row, j);
}

export function isArray(value: Field | undefined): value is NdArray {
  return typeof value === "object" && value !== null && "values" in value && "shape" in value;
}

function isStrings(value: Field | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

export function shapeOf(value: Field | undefined): number[] {
  if (isArray(value)) return value.shape;
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

function lengthOf(value: Field | undefined): number {
  return shapeOf(value)[0] ?? 0;
}
