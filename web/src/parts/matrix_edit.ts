// Changing a matrix that is a knob: one cell, its number of rows or columns. Every change gives a new matrix.
import type { Field, Json } from "../contracts";

export type Rows = number[][];

export function isRows(value: Json | undefined): value is Rows {
  return Array.isArray(value) && value.length > 0
    && value.every((row) => Array.isArray(row) && row.every((number) => typeof number === "number"));
}

export function withCell(rows: Rows, row: number, column: number, value: number): Rows {
  return rows.map((numbers, i) => (i === row ? numbers.map((old, j) => (j === column ? value : old)) : numbers));
}

/** Cut or extended to so many rows and columns. What is new comes from `known` where it reaches, else it is zero. */
export function resized(rows: Rows, height: number, width: number, known?: Rows | null): Rows {
  return Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => rows[i]?.[j] ?? known?.[i]?.[j] ?? 0));
}

/** `rows`, kept as large as `held` where that is larger. */
export function united(rows: Rows, held: Rows | undefined): Rows {
  const width = Math.max(rows[0]?.length ?? 0, held?.[0]?.length ?? 0);
  return resized(rows, Math.max(rows.length, held?.length ?? 0), width, held);
}

export function hasShape(rows: Rows, height: number, width: number): boolean {
  return rows.length === height && rows.every((row) => row.length === width);
}

/** A two-dimensional array of a result as rows of numbers; none when the field is something else. */
export function rowsOf(field: Field | undefined): Rows {
  if (field === null || typeof field !== "object" || Array.isArray(field)) return [];
  const { shape, values } = field as { shape?: number[]; values?: ArrayLike<number> };
  if (!values || shape?.length !== 2) return [];
  const [height, width] = shape as [number, number];
  return Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => values[i * width + j] ?? NaN));
}

/** A one-dimensional array of a result as numbers. */
export function listOf(field: Field | undefined): number[] {
  if (field === null || typeof field !== "object" || Array.isArray(field)) return [];
  return Array.from((field as { values?: ArrayLike<number> }).values ?? []);
}
