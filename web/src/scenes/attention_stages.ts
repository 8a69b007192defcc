/** The stages of scaled dot-product attention: which matrices take part, and which cells make a cell.
 *  Vaswani et al. 2017, §3.2.1. */
import type { Cell, Numbers, Piece, Ramp, Tone } from "./parts/matrix";

export type MatrixName =
  | "x" | "w_query" | "w_key" | "w_value" | "query" | "key" | "value"
  | "scores" | "scaled" | "masked" | "weights" | "output";
export type StageName = "overview" | "input" | "projections" | "scores" | "scaled" | "masked" | "weights" | "output";
export type Projection = "query" | "key" | "value";
export type Matrices = Record<MatrixName, Numbers>;
export type AttentionCell = Cell<MatrixName>;

export const STAGES: readonly StageName[] =
  ["overview", "input", "projections", "scores", "scaled", "masked", "weights", "output"];
export const PROJECTIONS: readonly Projection[] = ["query", "key", "value"];
export const INPUTS: readonly MatrixName[] = ["x", "w_query", "w_key", "w_value"];

/** Where the reader lands who asks for a matrix: the stage that makes it. */
export const STAGE_OF: Record<MatrixName, StageName> = {
  x: "input", w_query: "projections", w_key: "projections", w_value: "projections",
  query: "projections", key: "projections", value: "projections",
  scores: "scores", scaled: "scaled", masked: "masked", weights: "weights", output: "output",
};

interface Kind {
  spoken: string;
  symbol: Piece[];
  tone: Tone;
  ramp: Ramp;
  rows: "tokens" | "dimensions";
  columns: "tokens" | "dimensions";
}

const letter = (text: string, tone: Tone = "neutral"): Piece => ({ text, tone });
const sub = (text: string, tone: Tone = "neutral"): Piece => ({ text, tone, place: "sub" });
const word = (text: string): Piece => ({ text, upright: true });
const transpose: Piece = { text: "T", tone: "key", place: "sup", upright: true };
const PRODUCT: Piece[] = [letter("Q", "query"), letter("K", "key"), transpose];
const pairs = { rows: "tokens", columns: "tokens", tone: "neutral" } as const;
const vectors = { rows: "tokens", columns: "dimensions", ramp: "signed" } as const;
const maps = { rows: "dimensions", columns: "dimensions", ramp: "signed" } as const;

export const KINDS: Record<MatrixName, Kind> = {
  x: { spoken: "X", symbol: [letter("X")], tone: "neutral", ...vectors },
  w_query: { spoken: "query weights", symbol: [letter("W", "query"), sub("Q", "query")], tone: "query", ...maps },
  w_key: { spoken: "key weights", symbol: [letter("W", "key"), sub("K", "key")], tone: "key", ...maps },
  w_value: { spoken: "value weights", symbol: [letter("W", "value"), sub("V", "value")], tone: "value", ...maps },
  query: { spoken: "query", symbol: [letter("Q", "query")], tone: "query", ...vectors },
  key: { spoken: "key", symbol: [letter("K", "key")], tone: "key", ...vectors },
  value: { spoken: "value", symbol: [letter("V", "value")], tone: "value", ...vectors },
  scores: { spoken: "score", symbol: PRODUCT, ramp: "signed", ...pairs },
  scaled: { spoken: "scaled score", symbol: [word("scaled")], ramp: "signed", ...pairs },
  masked: { spoken: "masked score", symbol: [word("masked")], ramp: "signed", ...pairs },
  weights: { spoken: "weight", symbol: [letter("A"), word(" weights")], ramp: "weight", ...pairs },
  output: { spoken: "output", symbol: [word("output")], tone: "value", ...vectors },
};

/** How a matrix that is a product comes out of its operands. */
export function formulaOf(name: MatrixName): Piece[] {
  const operands: Partial<Record<MatrixName, Piece[]>> = {
    query: [letter("X "), ...KINDS.w_query.symbol], key: [letter("X "), ...KINDS.w_key.symbol],
    value: [letter("X "), ...KINDS.w_value.symbol], output: [letter("A "), ...KINDS.value.symbol],
  };
  const made = operands[name];
  return made ? [...KINDS[name].symbol, word(" = "), ...made] : KINDS[name].symbol;
}

/** What made a cell: one whole row of an operand, one whole column, or single cells. */
export interface Source {
  matrix: MatrixName;
  row?: number;
  column?: number;
}

export function sourcesOf({ matrix, row, column }: AttentionCell): Source[] {
  switch (matrix) {
    case "query": return [{ matrix: "x", row }, { matrix: "w_query", column }];
    case "key": return [{ matrix: "x", row }, { matrix: "w_key", column }];
    case "value": return [{ matrix: "x", row }, { matrix: "w_value", column }];
    case "scores": return [{ matrix: "query", row }, { matrix: "key", row: column }];
    case "scaled": return [{ matrix: "scores", row, column }];
    case "masked": return [{ matrix: "scaled", row, column }];
    case "weights": return [{ matrix: "masked", row }];
    case "output": return [{ matrix: "weights", row }, { matrix: "value", column }];
    default: return [];
  }
}

export function isSource(sources: readonly Source[], matrix: MatrixName, row: number, column: number): boolean {
  return sources.some((source) => source.matrix === matrix
    && (source.row === undefined || source.row === row)
    && (source.column === undefined || source.column === column));
}

/** The pairs whose products are summed, term by term: positions in the left operand and in the right one. */
export function termsOf(cell: AttentionCell, matrices: Matrices): { left: AttentionCell; right: AttentionCell }[] {
  const [left, right] = sourcesOf(cell);
  if (!left || !right) return [];
  return Array.from({ length: matrices[left.matrix][0]?.length ?? 0 }, (_, k) => ({
    left: { matrix: left.matrix, row: left.row ?? k, column: k },
    right: right.column === undefined
      ? { matrix: right.matrix, row: right.row ?? k, column: k }
      : { matrix: right.matrix, row: k, column: right.column },
  }));
}

/** Matrices of the right shapes and no numbers: what the picture's place is measured with until they arrive. */
export function blankMatrices(tokens: number, dModel: number, dK: number): Matrices {
  const zeros = (height: number, width: number): Numbers =>
    Array.from({ length: height }, () => new Array<number>(width).fill(0));
  const names = Object.keys(KINDS) as MatrixName[];
  const blank = names.map((name) => {
    const { rows, columns } = KINDS[name];
    const width = name === "x" ? dModel : columns === "tokens" ? tokens : dK;
    return [name, zeros(rows === "tokens" ? tokens : dModel, width)];
  });
  return Object.fromEntries(blank) as Matrices;
}

export function spoken(cell: AttentionCell): string {
  const kind = KINDS[cell.matrix];
  const row = kind.rows === "tokens" ? `t${cell.row + 1}` : `row ${cell.row + 1}`;
  if (kind.columns === "tokens") return `${kind.spoken} of ${row} for t${cell.column + 1}`;
  return kind.rows === "tokens"
    ? `${kind.spoken} of ${row}, dimension ${cell.column + 1}`
    : `${kind.spoken}, ${row}, column ${cell.column + 1}`;
}
