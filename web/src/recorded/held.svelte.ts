// The answers that were recorded for a figure: they are given as they are, and what is not among them is said in words.
import { UnrolledError, type Ask, type Figure, type FigureState, type Json, type Question } from "../contracts";
import { questionOf } from "../parts/asking.svelte";
import { decode } from "../wire";
import { commandOf } from "./command";
import type { Kept } from "./unpack";

/** What was recorded for one figure, and which knobs act on an answer where it is shown, so that nothing is asked. */
export interface Recording {
  kept: () => Promise<Kept[]>;
  live: Record<string, string[]>; // panel -> knobs
}

export class Held {
  private answers = $state.raw<Map<string, Kept>>(new Map()); // knobs look up what there is, also before it is there
  private readonly loading: Promise<void>;

  constructor(private readonly figure: Figure, private readonly recording: Recording, private readonly takesTarget: (model: string) => boolean) {
    this.loading = recording.kept().then((all) => void (this.answers = new Map(all.map((one) => [keyOf(one.panel, one.question), one]))));
  }

  readonly ask: Ask = async (panel, question) => {
    await this.loading;
    const found = this.answers.get(keyOf(panel, question));
    if (!found) throw new UnrolledError(`This page holds recorded answers, and not this one. Edit in your own copy: \`${commandOf(this.figure, panel, question)}\``, "NotRecorded");
    if (found.error) throw new UnrolledError(found.error.error, found.error.kind);
    const result = decode(await found.answer());
    return { ...result, provenance: result.provenance.map((entry) => (entry.kind === "published" ? entry : { ...entry, kind: "recorded" as const })) };
  };

  /** The values that a knob may take while all others stand as they do; null where it may take any. */
  readonly stops = (name: string, knob: string, state: FigureState): Json[] | null => {
    if (this.recording.live[name]?.includes(knob)) return null;
    const panel = this.figure.panels.find((one) => one.name === name);
    const now = panel && questionOf(panel, state, this.takesTarget);
    if (!now) return null;
    const rest = keyOf(name, without(now, knob));
    const same = [...this.answers.values()].filter((one) => one.panel === name && !one.error && keyOf(name, without(one.question, knob)) === rest);
    return same.map(({ question }) => question.knobs[knob] ?? null).sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : 0));
  };
}

function without({ knobs, ...rest }: Question, knob: string): Question {
  return { ...rest, knobs: Object.fromEntries(Object.entries(knobs).filter(([name]) => name !== knob)) };
}

/** The same question has the same key, in whatever order its parts were written. */
function keyOf(panel: string, question: Question): string {
  return JSON.stringify([panel, question], (_, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value);
}
