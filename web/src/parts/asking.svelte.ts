// What a figure has asked and been told: one question in flight a panel, a newer one aborts the older,
// and the old answer stays until the new one is there.
import { untrack } from "svelte";
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
  private readonly flights = new Map<string, Flight>();
  private readonly answered = new Map<string, string>(); // panel -> key of the question that its result answers

  constructor(
    private readonly figure: Figure,
    private readonly send: Ask,
    private readonly state: () => FigureState,
  ) {}

  /** The question that the state and some knobs of the view's own make, only with what the panel takes. */
  question(name: string, own: Record<string, Json> = {}): Question | null {
    const panel = this.figure.panels.find((one) => one.name === name);
    if (!panel) return null;
    const state = this.state();
    const question: Question = { knobs: knobs(panel, state, own) };
    if (panel.inputs.includes("models")) question.models = state.models.slice(0, panel.max_models);
    if (panel.inputs.includes("model")) question.models = state.models.slice(0, 1);
    if (panel.inputs.includes("text") || panel.inputs.includes("pair")) question.text = state.text;
    if (panel.inputs.includes("pair")) question.target = state.target;
    return question;
  }

  /** Asks, unless the very same was asked last. */
  ask(panel: string, own: Record<string, Json> = {}, again = false): void {
    const question = this.question(panel, own);
    if (!question) return;
    const key = JSON.stringify(question);
    untrack(() => {
      const same = (this.flights.get(panel)?.key ?? this.answered.get(panel)) === key;
      if (!same || again) void this.fly(panel, question, key);
    });
  }

  /** A question of its own, e.g. for a file; not shown, never aborted by a newer one. */
  once(panel: string, signal: AbortSignal): Promise<Result> {
    const question = this.question(panel);
    if (!question) return Promise.reject(new UnrolledError(`There is no panel ${panel}.`, "UnknownPanel"));
    const held = this.results[panel];
    if (held && this.answered.get(panel) === JSON.stringify(question)) return Promise.resolve(held);
    return this.send(panel, question, signal);
  }

  stop(panel?: string): void {
    for (const [name, flight] of this.flights) {
      if (panel !== undefined && name !== panel) continue;
      flight.abort.abort();
      this.land(name, flight);
      if (panel !== undefined) this.fail(name, flight.key, new UnrolledError("Stopped before it was done.", "Stopped"));
    }
  }

  private async fly(panel: string, question: Question, key: string): Promise<void> {
    const older = this.flights.get(panel);
    older?.abort.abort();
    clearTimeout(older?.timer);
    const timer = setTimeout(() => (this.busy = { ...this.busy, [panel]: this.busy[panel] ?? true }), QUIET);
    const flight: Flight = { key, abort: new AbortController(), timer };
    this.flights.set(panel, flight);
    const current = () => this.flights.get(panel) === flight;
    try {
      const result = await this.send(panel, question, flight.abort.signal, (progress) => {
        if (current()) this.busy = { ...this.busy, [panel]: progress };
      });
      if (!current()) return;
      this.results = { ...this.results, [panel]: result };
      this.answered.set(panel, key);
      this.errors = { ...this.errors, [panel]: undefined };
    } catch (error) {
      if (current()) this.fail(panel, key, said(error));
    } finally {
      if (current()) this.land(panel, flight);
    }
  }

  private fail(panel: string, key: string, error: UnrolledError): void {
    this.answered.set(panel, key);
    this.errors = { ...this.errors, [panel]: error };
  }

  private land(panel: string, flight: Flight): void {
    clearTimeout(flight.timer);
    this.flights.delete(panel);
    this.busy = { ...this.busy, [panel]: undefined };
  }
}

function knobs(panel: Panel, state: FigureState, own: Record<string, Json>): Record<string, Json> {
  const asked: Record<string, Json> = {};
  for (const [name, knob] of Object.entries(panel.knobs.properties)) {
    asked[name] = own[name] ?? state.knobs[name] ?? knob.default ?? null;
  }
  return asked;
}

function said(error: unknown): UnrolledError {
  if (error instanceof UnrolledError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new UnrolledError(`The page could not read the answer (${what}). Reload the page.`, "PageError");
}
