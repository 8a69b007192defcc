// What a figure has asked and been told: one question in flight a slot, a newer one aborts the older, and the old
// answer stays until the new one is there. A slot is a panel, or a second use of one (its table).
import { flushSync, untrack } from "svelte";
import { UnrolledError, type Ask, type Figure, type FigureState, type Json, type Panel } from "../contracts";
import type { Progress, Question, Result } from "../contracts";

const QUIET = 150; // ms that a question may take before the figure says that it is computing

interface Flight {
  key: string;
  abort: AbortController;
  timer: ReturnType<typeof setTimeout>;
}

export class Asking {
  results = $state.raw<Record<string, Result | undefined>>({});
  busy = $state.raw<Record<string, Progress | true | undefined>>({});
  errors = $state.raw<Record<string, UnrolledError | undefined>>({});
  private round = $state(0); // counts the retries, so that effects which ask, ask again
  private readonly flights = new Map<string, Flight>();
  private readonly answered = new Map<string, string>(); // slot -> key of the question that was answered or refused

  constructor(
    private readonly figure: Figure,
    private readonly send: Ask,
    private readonly state: () => FigureState,
    private readonly takesTarget: (model: string) => boolean = () => true,
  ) {}

  /** Asks, unless the very same was asked last. Called in an effect, it asks again when what it is about changes. */
  ask(panel: string, own: Record<string, Json> = {}, slot = panel): void {
    const question = this.question(panel, own);
    void this.round;
    if (!question) return;
    untrack(() => {
      const key = JSON.stringify(question);
      if ((this.flights.get(slot)?.key ?? this.answered.get(slot)) === key) return;
      const held = this.held(panel, key);
      if (held && slot !== panel) this.keep(slot, key, held);
      else void this.fly(panel, question, key, slot);
    });
  }

  /** The panel's answer to the knobs as they stand, for a file. */
  once(panel: string, signal: AbortSignal): Promise<Result> {
    const question = this.question(panel);
    if (!question) return Promise.reject(new UnrolledError(`There is no panel ${panel}.`, "UnknownPanel"));
    const held = this.held(panel, JSON.stringify(question));
    return held ? Promise.resolve(held) : this.send(panel, question, signal);
  }

  /** What a second question was refused, if it was not recorded: it would otherwise be refused without a word. */
  readonly missing = $derived.by(() => Object.values(this.errors).find((error) => error?.kind === "NotRecorded"));

  /** The reader moved on: what was not recorded then is not spoken of any more. */
  forgive(): void {
    const left = Object.entries(this.errors).filter(([, error]) => error?.kind !== "NotRecorded");
    if (this.missing) this.errors = Object.fromEntries(left);
  }

  /** Asks again what had failed. */
  retry(): void {
    for (const [slot, error] of Object.entries(this.errors)) if (error) this.answered.delete(slot);
    this.errors = {};
    this.round++;
  }

  /** Asks a panel's question again though it was answered: what it is about may have gone on. */
  refresh(panel: string): void {
    for (const slot of [panel, tableOf(panel)]) if (!this.errors[slot]) this.answered.delete(slot);
    this.round++;
  }

  /** Stops one slot, and says so; or everything. */
  stop(slot?: string): void {
    for (const [name, flight] of [...this.flights]) {
      if (slot !== undefined && name !== slot) continue;
      flight.abort.abort();
      this.land(name, flight);
      if (slot !== undefined) this.fail(name, flight.key, new UnrolledError("Stopped before it was done.", "Stopped"));
    }
  }

  private question(name: string, own: Record<string, Json> = {}): Question | null {
    const panel = this.figure.panels.find((one) => one.name === name);
    return panel ? questionOf(panel, this.state(), this.takesTarget, own) : null;
  }

  private held(panel: string, key: string): Result | undefined {
    return this.answered.get(panel) === key && !this.errors[panel] ? this.results[panel] : undefined;
  }

  private async fly(panel: string, question: Question, key: string, slot: string): Promise<void> {
    const older = this.flights.get(slot);
    older?.abort.abort();
    clearTimeout(older?.timer);
    const timer = setTimeout(() => (this.busy = { ...this.busy, [slot]: this.busy[slot] ?? true }), QUIET);
    const flight: Flight = { key, abort: new AbortController(), timer };
    this.flights.set(slot, flight);
    const current = () => this.flights.get(slot) === flight;
    try {
      const result = await this.send(panel, question, flight.abort.signal, (progress) => {
        if (current()) flushSync(() => (this.busy = { ...this.busy, [slot]: progress })); // a view sees every step
      });
      if (current()) this.keep(slot, key, result);
    } catch (error) {
      if (current()) this.fail(slot, key, said(error));
    } finally {
      if (current()) this.land(slot, flight);
    }
  }

  private keep(slot: string, key: string, result: Result): void {
    this.results = { ...this.results, [slot]: result };
    this.answered.set(slot, key);
    if (this.errors[slot]) this.errors = { ...this.errors, [slot]: undefined };
  }

  private fail(slot: string, key: string, error: UnrolledError): void {
    this.answered.set(slot, key);
    this.errors = { ...this.errors, [slot]: error };
  }

  private land(slot: string, flight: Flight): void {
    clearTimeout(flight.timer);
    this.flights.delete(slot);
    if (this.busy[slot] !== undefined) this.busy = { ...this.busy, [slot]: undefined };
  }
}

/** What a panel is asked at a state: only what it takes. */
export function questionOf(panel: Panel, state: FigureState, takesTarget: (model: string) => boolean, own: Record<string, Json> = {}): Question {
  const question: Question = { knobs: knobs(panel, state, own) };
  const models = modelsOf(state);
  if (panel.inputs.includes("models")) question.models = models.slice(0, panel.max_models);
  if (panel.inputs.includes("model")) question.models = models.slice(0, 1);
  if (panel.inputs.includes("runs")) question.runs = state.runs.slice(0, panel.max_runs);
  if (panel.inputs.includes("run")) question.runs = state.runs.slice(0, 1);
  if (panel.inputs.includes("text") || panel.inputs.includes("pair")) question.text = state.text;
  if (panel.inputs.includes("pair") || (panel.inputs.includes("target") && state.target && takesTarget(state.models[0] ?? ""))) question.target = state.target;
  return question;
}

/** The slot of a panel's table. */
export function tableOf(panel: string): string {
  return `table of ${panel}`;
}

/** The page's models, unless a chapter compares others in this one figure: `view.models`. */
export function modelsOf({ models, view }: FigureState): string[] {
  const own = view["models"];
  return Array.isArray(own) && own.length > 0 ? own.map(String) : models;
}

function knobs(panel: Panel, state: FigureState, own: Record<string, Json>): Record<string, Json> {
  const asked: Record<string, Json> = {};
  for (const [name, knob] of Object.entries(panel.knobs.properties)) {
    asked[name] = name in own ? (own[name] as Json) : (state.knobs[name] ?? knob.default ?? null);
  }
  return asked;
}

function said(error: unknown): UnrolledError {
  if (error instanceof UnrolledError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new UnrolledError(`The page could not read the answer (${what}). Reload the page.`, "PageError");
}
