// attention_calculator: the matrices of the stage that is looked at, a head of a loaded model, or what √d_k is for, as
// props of their scenes.
import type { FigureState, Json, Result } from "../contracts";
import { listOf, rowsOf } from "../parts/matrix_edit";
import { shown } from "../parts/words";
import Steps from "../scenes/attention_calculator.svelte";
import Head from "../scenes/attention_head.svelte";
import { HEAD_STAGES, type HeadStage, type HeadSteps, type Pair } from "../scenes/attention_head_layout";
import { KINDS, PROJECTIONS, STAGES, type AttentionCell, type Matrices, type MatrixName, type Projection, type StageName } from "../scenes/attention_stages";
import Variance from "../scenes/attention_variance.svelte";
import type { Drawn, Seen } from "./_seen";

const MATRICES = Object.keys(KINDS) as MatrixName[];
const MEASURED = ["d_k", "variance", "variance_error", "scaled_variance", "scaled_variance_error", "gradient",
  "scaled_gradient", "largest_weight", "scaled_largest_weight"] as const;

export type Measured = Record<(typeof MEASURED)[number], readonly number[]>;

export const picks = { head: ["row", "column"] };

export function matricesOf({ data }: Result): Matrices {
  return Object.fromEntries(MATRICES.map((name) => [name, rowsOf(data[name])])) as unknown as Matrices;
}

export function measuredIn({ data }: Result): Measured {
  return Object.fromEntries(MEASURED.map((name) => [name, listOf(data[name])])) as unknown as Measured;
}

/** A cell as the state says it, "weights.0.2": whether it is there is for the matrices to say. */
export function cellOf(value: Json | undefined): AttentionCell | null {
  const [name, row, column] = typeof value === "string" ? value.split(".") : [];
  const matrix = MATRICES.find((one) => one === name);
  const whole = /^\d+$/.test(row ?? "") && /^\d+$/.test(column ?? "");
  return matrix && whole ? { matrix, row: Number(row), column: Number(column) } : null;
}

export function inside(cell: AttentionCell | null, matrices: Matrices | null): AttentionCell | null {
  return cell && matrices?.[cell.matrix]?.[cell.row]?.[cell.column] !== undefined ? cell : null;
}

export function stageOf({ view }: FigureState): StageName {
  return STAGES.find((name) => name === view["stage"]) ?? "overview";
}

/** Which of Q, K and V is looked at: the chosen cell says it, else the last one that was. */
export function projectionOf({ view }: FigureState): Projection {
  const chosen = cellOf(view["cell"]);
  return PROJECTIONS.find((name) => chosen?.matrix === name || chosen?.matrix === `w_${name}`)
    ?? PROJECTIONS.find((name) => name === view["projection"]) ?? "query";
}

export function draw({ state, results, width }: Seen): Drawn<object> | null {
  const result = results[state.panel];
  if (!result) return null;
  if (state.panel === "variance") {
    const size = state.view["size"];
    const measured = measuredIn(result);
    const pointed = typeof size === "number" && measured.d_k[size] !== undefined ? size : null;
    const props = { measured, width, pointed, title: "Why the scores are divided by √d_k" };
    return { scene: Variance as Drawn["scene"], props };
  }
  if (state.panel === "head") return { scene: Head as Drawn["scene"], props: headOf(state, headIn(result), width) };
  return { scene: Steps as Drawn["scene"], props: stepsOf(state, matricesOf(result), width) };
}

export function headIn({ data }: Result): HeadSteps {
  const matrix = (name: "query" | "key" | HeadStage) => rowsOf(data[name]);
  return {
    tokens: (data["tokens"] as string[]).map(shown), first: Number(data["first"]), scaling: Number(data["scaling"]),
    query: matrix("query"), key: matrix("key"), scores: matrix("scores"), scaled: matrix("scaled"), masked: matrix("masked"),
    weights: matrix("weights"), elsewhere: listOf(data["elsewhere"]),
  };
}

export function headStageOf({ view }: FigureState): HeadStage {
  return HEAD_STAGES.find((name) => name === view["stage"]) ?? "scores";
}

/** The query and the key that the knobs point at, as the engine takes them: not beyond the last. */
export function pairOf({ knobs }: FigureState, tokens: number): Pair {
  const inside = (value: Json | undefined): number => Math.max(0, Math.min(Number(value ?? 0), tokens - 1));
  return [inside(knobs["row"]), inside(knobs["column"])];
}

/** A head's steps, with the chosen query and key pointed at. */
export function headOf(state: FigureState, steps: HeadSteps, width: number) {
  const stage = headStageOf(state);
  const { layer = 0, head = 0 } = state.knobs;
  const title = `Layer ${String(layer)}, head ${String(head)}: ${stage}`;
  return { stage, steps, width, pointed: pairOf(state, steps.tokens.length), title };
}

/** The steps, with the chosen cell pointed at. The page adds what only a screen has: a pointer, an editor, motion. */
export function stepsOf(state: FigureState, matrices: Matrices, width: number) {
  const stage = stageOf(state);
  const { causal, scaling } = state.knobs;
  return {
    stage, matrices, width, projection: projectionOf(state), scaling: scaling !== false, causal: causal === true,
    pointed: inside(cellOf(state.view["cell"]), matrices), title: `Attention: ${stage}`,
  };
}
