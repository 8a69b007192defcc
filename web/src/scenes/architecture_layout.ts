// A model part by part: where each row of the picture stands, and how its numbers are put.
import { count, shown } from "../parts/words";

export interface Part {
  name: string;
  path: string;
  kind: string;
  role: string;
  stack: string;
  block: number;
  repeats: number;
  shape: string;
  parameters: number;
  parametersSaid: string;
  operations: number;
  operationsSaid: string;
  grows: number;
  joins: number;
  opens: string[];
  sizes: number[]; // one a token, NaN where there is none
}

export interface Total {
  key: "parameters" | "operations" | "weights" | "kept";
  words: string;
  value: string;
  said: string;
  share: number; // of a bar
}

export interface WholeData {
  model: string;
  tokens: string[];
  targets: string[];
  parts: Part[];
  totals: Total[];
  context: number;
  note: string;
  most: { parameters: number; operations: number };
  size: { low: number; high: number };
}

export type Line =
  | { at: "tokens"; y: number; height: number; tokens: string[] }
  | { at: "stack"; y: number; height: number; words: string }
  | { at: "part"; y: number; height: number; part: number }
  | { at: "end"; y: number; height: number };

export interface WholeLayout {
  narrow: boolean;
  lines: Line[];
  rows: number[]; // y of each part
  boxes: { y: number; height: number }[];
  row: number;
  cells: { x: number; step: number; count: number; first: number };
  columns: { name: number; kind: number; parameters: number; operations: number };
  totals: number; // y
  total: number; // height of one
  height: number;
}

const NARROW = 720;
const [NAME, KIND] = [46, 208];
const LETTER = 7;

export function wholeLayout({ parts, tokens, targets, totals }: Pick<WholeData, "parts" | "tokens" | "targets" | "totals">, width: number): WholeLayout {
  const narrow = width < NARROW;
  const row = narrow ? 44 : 28;
  const numbers = narrow ? 0 : 240;
  const most = Math.max(tokens.length, targets.length);
  const from = narrow ? width - Math.min(most, 7) * 13 - 14 : 474;
  const step = narrow ? 13 : Math.max(14, Math.min(30, (width - from - numbers - 16) / Math.max(1, most)));
  const fit = narrow ? Math.min(most, 7) : Math.min(most, Math.max(0, Math.floor((width - from - numbers - 16) / step)));
  const lines: Line[] = [];
  const [rows, boxes]: [number[], { y: number; height: number }[]] = [[], []];
  let y = narrow ? 4 : 26;
  const put = (line: Line): void => {
    lines.push(line);
    y += line.height;
  };
  const words = (list: string[]): number => (narrow || fit === 0 ? 0 : 14 + LETTER * 0.72 * Math.max(...list.slice(0, fit).map((token) => Math.min(12, shown(token).length))));
  if (fit && !narrow) put({ at: "tokens", y, height: words(tokens), tokens });
  let [stack, started] = ["", 0];
  let second = targets.length > 0;
  parts.forEach((part, i) => {
    if (part.stack !== stack) {
      if (stack) {
        boxes.push({ y: started, height: y - started + 4 });
        put({ at: "end", y, height: 18 });
      }
      if (part.stack && second && part.shape.includes("m ×") && !narrow) {
        put({ at: "tokens", y, height: words(targets), tokens: targets });
        second = false;
      }
      stack = part.stack;
      started = y;
      if (stack) put({ at: "stack", y, height: 30, words: stackWords(part, narrow) });
    }
    rows.push(y);
    put({ at: "part", y, height: row, part: i });
  });
  if (stack) boxes.push({ y: started, height: y - started + 4 });
  const total = narrow ? 46 : 34;
  const top = y + 30;
  return {
    narrow, lines, rows, boxes, row, cells: { x: from, step, count: fit, first: 0 },
    columns: { name: NAME, kind: KIND, parameters: width - 128, operations: width - 18 }, totals: top, total, height: top + totals.length * total + 8,
  };
}

function stackWords({ stack, block, repeats }: Part, narrow: boolean): string {
  return `${stack} × ${repeats}${narrow ? `: block ${block}` : `: ${repeats} alike, one after another; this is block ${block}`}`;
}

/** The line that skips past a part, from where the sum is fed to where it is made: a bow on the left of the stream. */
export function bow(from: number, to: number): string {
  const reach = Math.min(18, 7 + (to - from) / 30);
  return `M24 ${from}C${24 - reach} ${from} ${24 - reach} ${from} ${24 - reach} ${Math.min(from + 10, (from + to) / 2)}V${Math.max(to - 10, (from + to) / 2)}C${24 - reach} ${to} ${24 - reach} ${to} ${24 - 5} ${to}`;
}

/** 134515008 -> "135 M". Operations and bytes go on with G and T, parameters are counted in billions. */
export function short(value: number, billion = "G"): string {
  for (const [size, unit] of [[1e12, "T"], [1e9, billion], [1e6, "M"], [1e3, "k"]] as const) if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  return count(value);
}

/** 538060032 -> "538 MB". */
export function bytes(value: number): string {
  return value < 1000 ? `${value} bytes` : `${short(value).replace("T", "TB").replace("G", "GB").replace("M", "MB").replace(/k$/, "kB")}`;
}

export interface SizeRow {
  name: string;
  key: string;
  year: number;
  layers: number;
  width: number;
  parameters: number;
  said: string;
  source: string;
  shares: { role: "embedding" | "attention" | "mlp" | "rest"; value: number }[];
  operations: number;
  growing: number;
  kept: number;
}
