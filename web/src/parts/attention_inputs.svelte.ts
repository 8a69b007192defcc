// The numbers that go into the calculator: X and the three W, as the knobs have them, made to fit each other.
import type { Json, Patch, Result, ViewProps } from "../contracts";
import { INPUTS, type AttentionCell, type MatrixName } from "../scenes/attention_stages";
import { hasShape, isRows, resized, rowsOf, united, withCell, type Rows } from "./matrix_edit";

type Weight = "w_query" | "w_key" | "w_value";
const WEIGHTS: readonly Weight[] = ["w_query", "w_key", "w_value"];
export const NAMES: Partial<Record<MatrixName, string>> = { x: "X", w_query: "W_Q", w_key: "W_K", w_value: "W_V" };

export class Inputs {
  private readonly panel = $derived.by(() => this.props().figure.panels.find(({ name }) => name === "steps"));
  private readonly schema = $derived.by(() => this.panel?.knobs.properties ?? {});
  private readonly knobs = $derived.by(() => this.props().state.knobs);
  readonly startX: Rows = $derived.by(() => (isRows(this.schema["x"]?.default) ? this.schema["x"].default : [[0]]));
  readonly x: Rows = $derived.by(() => (isRows(this.knobs["x"]) ? this.knobs["x"] : this.startX));
  readonly dK = $derived.by(() => Number(this.knobs["d_k"] ?? this.schema["d_k"]?.default ?? 4));
  readonly dModel = $derived.by(() => this.x[0]?.length ?? 1);
  readonly causal = $derived.by(() => this.knobs["causal"] === true);
  readonly scaling = $derived.by(() => this.knobs["scaling"] !== false);

  /** What the reader made of each W, as large as it ever was: cutting d_k and going back brings it back. */
  private readonly widest: Partial<Record<Weight, Rows>> = {};
  /** The built-in tables, as far as the server has shown them. */
  private builtIn = $state.raw<Partial<Record<Weight, Rows>>>({});

  /** What to ask with: every edited W in the shape that X and d_k give it. */
  readonly fitted: Record<string, Json> = $derived.by(() => {
    const own: Record<string, Json> = { x: this.x };
    for (const name of WEIGHTS) {
      const rows = this.knobs[name];
      if (!isRows(rows)) continue;
      const fits = hasShape(rows, this.dModel, this.dK);
      own[name] = fits ? rows : resized(rows, this.dModel, this.dK, this.widest[name]);
    }
    return own;
  });

  constructor(private readonly props: () => ViewProps) {}

  /** The built-in part of each W that an answer was computed with. */
  remember(result: Result): void {
    for (const name of WEIGHTS) {
      if (isRows(result.knobs[name])) continue;
      this.builtIn = { ...this.builtIn, [name]: united(rowsOf(result.data[name]), this.builtIn[name]) };
    }
  }

  misfits(): Weight[] {
    return WEIGHTS.filter((name) => isRows(this.knobs[name]) && this.fitted[name] !== this.knobs[name]);
  }

  /** The knobs with every misfit cut or extended, and the sentence that says so. */
  refit(names: Weight[]): { patch: Patch; sentence: string } {
    const knobs: Record<string, Json> = {};
    for (const name of names) {
      this.widest[name] = united(this.knobs[name] as Rows, this.widest[name]);
      knobs[name] = this.fitted[name] ?? null;
    }
    const what = names.map((name) => NAMES[name]).join(", ");
    const sentence = `Your ${what} ${names.length > 1 ? "are" : "is"} now ${this.dModel} × ${this.dK}: `
      + "what is new is zero, what was cut comes back when there is room again.";
    return { patch: { knobs }, sentence };
  }

  /** The rows as they will be asked with; the shown ones where a W is the built-in table. */
  rows(name: MatrixName): Rows {
    const own = this.fitted[name];
    if (isRows(own)) return own;
    return rowsOf(this.props().results["steps"]?.data[name]);
  }

  valueOf({ matrix, row, column }: AttentionCell): number {
    return this.rows(matrix)[row]?.[column] ?? 0;
  }

  originalOf({ matrix, row, column }: AttentionCell): number | undefined {
    return (matrix === "x" ? this.startX : this.builtIn[matrix as Weight])?.[row]?.[column];
  }

  isEdited(name: MatrixName): boolean {
    return name === "x" ? JSON.stringify(this.x) !== JSON.stringify(this.startX) : isRows(this.knobs[name]);
  }

  edited({ matrix, row, column }: AttentionCell, value: number): Patch {
    delete this.widest[matrix as Weight];
    return { knobs: { [matrix]: withCell(this.rows(matrix), row, column, value) } };
  }

  reset(name: MatrixName): Patch {
    delete this.widest[name as Weight];
    return { knobs: { [name]: name === "x" ? this.startX : null } };
  }

  reshaped(tokens: number, columns: number): Patch {
    return { knobs: { x: resized(this.x, tokens, columns, this.startX) } };
  }

  /** The cell itself, or the nearest one that there is. */
  nearest({ matrix, row, column }: AttentionCell): AttentionCell {
    const [height, width] = matrix === "x" ? [this.x.length, this.dModel] : [this.dModel, this.dK];
    return { matrix, row: Math.min(row, height - 1), column: Math.min(column, width - 1) };
  }
}

export const canEdit = ({ matrix }: AttentionCell): boolean => INPUTS.includes(matrix);
