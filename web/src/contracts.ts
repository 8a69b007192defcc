// What the server, the page and a figure's view say to each other. Mirrors unrolled.schema and unrolled.wire.
import type { Snippet } from "svelte";
import type { Look } from "./looks";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One knob, as JSON Schema, with our own words: x-step, x-log, x-hidden, x-matrix. */
export interface Knob {
  type?: "number" | "integer" | "boolean" | "string" | "array" | readonly string[];
  minimum?: number;
  maximum?: number;
  default?: Json;
  description?: string;
  enum?: (string | number)[];
  maxLength?: number;
  "x-step"?: number;
  "x-log"?: boolean;
  "x-hidden"?: boolean;
  "x-offered"?: string; // of the choices those in this field of the answer; "" is the first
  "x-below"?: string; // a whole number below this field of the answer
  "x-matrix"?: { rows: [number, number]; columns: [number, number] };
}

export interface KnobSchema {
  type: "object";
  properties: Record<string, Knob>;
}

export interface ResultField {
  name: string;
  doc: string;
  dtype: string;
  axes: string[];
  many: boolean; // one entry a model
}

export interface Symbols {
  mathml: string;
  meaning: string;
  shape: string;
}

export type Input = "model" | "models" | "run" | "runs" | "text" | "target" | "pair"; // a target may be empty, a pair has both

export interface Panel {
  name: string;
  doc: string;
  inputs: Input[];
  max_models: number;
  max_runs: number;
  needs: string[];
  knobs: KnobSchema;
  result: ResultField[];
  formula: { mathml: string; symbols: Symbols[] } | null;
  source: string;
  claim: string | null;
  code: string; // HTML by Pygments, classes only
}

export interface Figure {
  name: string;
  question: string;
  doc: string;
  panels: Panel[];
}

export interface ModelEntry {
  name: string;
  title: string;
  licence: string;
  source: string;
  size_bytes: number;
  sha256: string;
  parameters: number;
  context: number;
  architecture: string;
  here: boolean;
  takes_target: boolean; // an encoder-decoder: its decoder reads a text of its own
  opens: string[];
  closed: Record<string, string>;
}

/** A training run that may be asked for. */
export interface RunEntry {
  name: string;
  family: string;
  stage: "preparing" | "running" | "stopped" | "finished";
  step: number;
  steps: number; // 0: not known yet
  training: string; // by whom, by which recipe and seed
  measured_on: string; // runs with the same are measured on the same tokens
  opens: string[];
}

/** What the server puts into the page for the script. */
export interface PageData {
  figures: Figure[];
  models: ModelEntry[];
  runs: RunEntry[];
  defaults: { models: string[]; runs: string[]; text: string };
  version: string;
  recorded?: RecordedPage; // on an exported site
}

/** What an exported page answers from. */
export interface RecordedPage {
  root: string; // from the page to the site's top, "" or "../"
  when: string; // the day, in words
  packs: Record<string, string>; // figure -> name of its file of answers
  live: Record<string, Record<string, string[]>>; // figure -> panel -> knobs that ask nothing
  embeds: Record<string, string>; // place -> page that holds it alone
}

export interface Provenance {
  name: string;
  kind: "computed" | "trained" | "published" | "recorded";
  hash: string | null;
  version: string;
  device: string;
  dtype: string;
  seed: number | null;
  training: string | null; // by whom, by which recipe and seed, where that is known
}

export interface Progress {
  done: number;
  total: number;
  note: string;
}

export type Values = Float64Array | Float32Array | Int32Array | Uint8Array;

/** An array of the result, row by row. */
export interface NdArray {
  dtype: string;
  shape: number[];
  values: Values;
}

/** A field: an array, a number, what JSON holds, or lists of these (one entry a model). */
export type Field = NdArray | number | string | boolean | null | Field[] | { [key: string]: Field };

export interface Result {
  figure: string;
  panel: string;
  knobs: Record<string, Json>;
  provenance: Provenance[];
  data: Record<string, Field>;
  bytes: Uint8Array;
}

export interface Question {
  models?: string[];
  runs?: string[];
  text?: string;
  target?: string;
  knobs: Record<string, Json>;
}

export type Ask = (
  panel: string,
  question: Question,
  signal: AbortSignal,
  onProgress?: (progress: Progress) => void,
) => Promise<Result>;

export interface FigureState {
  text: string;
  target: string;
  models: string[];
  runs: string[];
  panel: string;
  knobs: Record<string, Json>;
  view: Record<string, Json>;
}

export interface Patch {
  text?: string;
  target?: string;
  runs?: string[];
  panel?: string;
  knobs?: Record<string, Json>;
  view?: Record<string, Json>;
}

/** What a figure's view receives. `ask` called in an effect asks again when what it asked about changes. */
export interface ViewProps {
  figure: Figure;
  state: FigureState;
  results: Record<string, Result | undefined>;
  ask: (panel: string, knobs?: Record<string, Json>) => void;
  busy: Record<string, Progress | true | undefined>;
  errors: Record<string, UnrolledError | undefined>;
  set: (patch: Patch) => void;
  say: (sentence: string) => void;
  look: (model: string) => Look; // of a model by its name in state.models
  refresh: ((panel: string) => void) | null; // asks the same again, for what goes on changing; null where nothing does
  under: (hand: Snippet | null) => void; // controls of the view's own, to stand under the reading-out line
}

export interface MountProps {
  figure: Figure;
  state: FigureState;
  ask: Ask;
  onState: (state: FigureState) => void;
  look?: (model: string) => Look; // the hue and line of a model
  takesTarget?: (model: string) => boolean; // whether a model's decoder reads a text of its own
  runs?: RunList; // the runs that there are, to choose from
  live?: boolean; // whether the same question may get a newer answer
  remedy?: (error: Error) => Remedy | null; // the page's way out of an error, e.g. "Get SmolLM2"
  link?: () => Promise<string>; // copies the link to exactly this state; gives the sentence to show
  embed?: () => Promise<string>; // copies what puts this figure into another page
  stops?: (panel: string, knob: string, state: FigureState) => Json[] | null; // where answers are recorded: the values that a knob may take; null: any
}

export interface RunList {
  all: () => RunEntry[];
  again: () => Promise<void>; // looks which there are now
}

export interface Remedy {
  label: string;
  act: () => void;
}

export interface Mounted {
  update(state: Partial<FigureState>): void;
  destroy(): void;
}

/** Something that the one who asked can mend; the message is the server's sentence. */
export class UnrolledError extends Error {
  readonly kind: string;
  readonly retryAfter: number | null;

  constructor(sentence: string, kind: string, retryAfter: number | null = null) {
    super(sentence);
    this.name = "UnrolledError";
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}
