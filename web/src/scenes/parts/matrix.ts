/** What a drawn matrix is: where its cells stand, how its numbers are printed, what a position in it is called. */

export type Tone = "query" | "key" | "value" | "neutral";
export type Ramp = "signed" | "weight";
export type Numbers = readonly (readonly number[])[];

/** A run of text in a formula: an italic letter, a subscript or an upright word, in the colour of its meaning. */
export interface Piece {
  text: string;
  place?: "sub" | "sup";
  tone?: Tone;
  upright?: boolean;
}

/** One matrix in the picture. `transposed` draws column j of the picture from row j of the numbers. */
export interface Placed<Name extends string = string> {
  name: Name;
  x: number;
  y: number;
  cellWidth: number;
  cellHeight: number;
  rows: number;
  columns: number;
  transposed: boolean;
  tone: Tone;
  ramp: Ramp;
  title: Piece[];
  titleAt: "above" | "below";
  rowLabels: string[];
  columnLabels: string[];
  rowTone: Tone;
  columnTone: Tone;
}

/** A position in the numbers themselves (not in the picture, which may be transposed). */
export interface Cell<Name extends string = string> {
  matrix: Name;
  row: number;
  column: number;
}

export const FONT = { smallest: 10, calm: 14, widthOfCharacter: 0.6 };
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

export function sameCell(a: Cell | null, b: Cell | null): boolean {
  return a !== null && b !== null && a.matrix === b.matrix && a.row === b.row && a.column === b.column;
}

export function subscript(n: number): string {
  return [...String(n)].map((digit) => SUBSCRIPTS[Number(digit)]).join("");
}

export function tokenLabels(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t${subscript(i + 1)}`);
}

export function dimensionLabels(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1));
}

/** `value` with `digits` decimals as Python prints it: an exact tie goes to the even digit, zero has no sign. */
export function decimals(value: number, digits = 2): string {
  if (value === -Infinity) return "−∞";
  if (value === Infinity) return "∞";
  if (Number.isNaN(value)) return "not a number";
  const text = isTie(value, digits) ? tieToEven(value, digits) : value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}

/** Whether `value` lies exactly half-way between two decimals: then value · 2 · 10^digits is an odd whole number. */
function isTie(value: number, digits: number): boolean {
  const eighths = value * 2 ** (digits + 1);
  return Number.isInteger(eighths) && eighths % 2 !== 0 && Math.abs(eighths) < 2 ** 40;
}

function tieToEven(value: number, digits: number): string {
  const doubled = value * 2 * 10 ** digits;
  const below = (doubled - 1) / 2;
  return ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits);
}

/** How many characters of this size fit into a cell this wide. */
export function room(cellWidth: number, size: number): number {
  return Math.floor((cellWidth - 2) / (size * FONT.widthOfCharacter));
}

/** How many decimals, two at most, all numbers of a matrix can be printed with. */
export function digitsFor(numbers: Numbers, cellWidth: number, size: number): number {
  const most = room(cellWidth, size);
  const fits = (digits: number): boolean =>
    numbers.every((row) => row.every((value) => decimals(value, digits).length <= most));
  return fits(2) ? 2 : fits(1) ? 1 : 0;
}

/** The type size for numbers in a cell this wide: five characters should fit, between readable and calm. */
export function sizeFor(cellWidth: number): number {
  const size = (cellWidth - 4) / (5.4 * FONT.widthOfCharacter);
  return Math.max(FONT.smallest, Math.min(Math.max(FONT.calm, cellWidth * 0.21), Math.round(size * 2) / 2));
}

export function largestMagnitude(matrices: readonly Numbers[]): number {
  let largest = 0;
  for (const matrix of matrices)
    for (const row of matrix)
      for (const value of row) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest || 1;
}

/** Centre of the drawn cell of position (row, column) of the numbers. */
export function centre(placed: Placed, row: number, column: number): { x: number; y: number } {
  const [down, across] = placed.transposed ? [column, row] : [row, column];
  return { x: placed.x + (across + 0.5) * placed.cellWidth, y: placed.y + (down + 0.5) * placed.cellHeight };
}
