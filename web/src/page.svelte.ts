// What the whole page shares: the text, the models, which of them are here, the address.
import { getModel } from "./ask";
import { UnrolledError, type FigureState, type Mounted, type ModelEntry, type PageData, type Progress, type Remedy, type RunEntry } from "./contracts";
import { keep } from "./kept";
import { looksOf, type Look } from "./looks";
import { copy, format } from "./state";
import { count, far, megabytes } from "./parts/words";

const LONGEST = 1_000_000; // characters of an address that every browser takes; texts that figures read stay below it
const CUT = 8_000; // characters of a link from which on other programs may cut it off
const SETTLE = 250; // ms without a change after which the address is written

interface Shown {
  id: string;
  start: FigureState;
  now: FigureState;
  mounted: Mounted | null;
}

export class Page {
  text = $state("");
  models = $state.raw<string[]>([]);
  runs = $state.raw<string[]>([]);
  entries = $state.raw<ModelEntry[]>([]);
  allRuns = $state.raw<RunEntry[]>([]);
  getting = $state.raw<Record<string, Progress | undefined>>({});
  trouble = $state("");
  private readonly looks = $derived(looksOf([...this.entries, ...this.models.filter((name) => !this.knows(name)).map((name) => ({ name, architecture: "" })), ...this.allRuns.map(({ name, family }) => ({ name, architecture: family }))]));
  readonly figures: Shown[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly aborts = new Map<string, AbortController>();

  own: { text: string; models: string[] } = { text: "", models: [] }; // what this page opens with by itself

  constructor(readonly data: PageData) {
    this.entries = data.models;
    this.allRuns = data.runs;
  }

  /** A figure of this page; it starts with the page's text and models. */
  add(id: string, start: FigureState): Shown {
    const shown = { id, start, now: copy(start), mounted: null };
    this.figures.push(shown);
    return shown;
  }

  setText(typed: string): void {
    const text = typed.toWellFormed(); // half a character, as some keyboards send on the way, is not text yet
    this.text = text;
    keep({ text });
    this.spread({ text });
  }

  setModels(models: string[]): void {
    this.models = models;
    keep({ models });
    this.spread({ models });
  }

  /** What a figure says of itself; a text that it wrote on goes to the bar and to the others. */
  onState(shown: Shown, state: FigureState): void {
    const before = shown.now.text;
    shown.now = state;
    if (state.text !== before) {
      this.text = state.text;
      keep({ text: state.text });
      this.spread({ text: state.text }, shown);
    }
    if (state.runs.join() !== this.runs.join()) {
      this.runs = state.runs;
      this.spread({ runs: state.runs }, shown);
    }
    if (this.figures.some((other) => other !== shown && other.now.target !== state.target)) this.spread({ target: state.target }, shown);
    this.remember();
  }

  /** Forgets what the reader chose, here and for later; the page's own text and models come back. */
  reset(): void {
    keep({ text: "", models: [] });
    [this.text, this.models] = [this.own.text, this.own.models];
    for (const shown of this.figures) {
      const { text, models } = shown.start;
      Object.assign(shown.now, { text, models: [...models] });
      shown.mounted?.update({ text, models });
    }
    this.remember();
  }

  knows(name: string): boolean {
    return this.entries.some((entry) => entry.name === name);
  }

  /** A model's hue and line: the same in the picker and in every picture. */
  look(name: string): Look {
    return this.looks[name] ?? { hue: 0, line: 0 };
  }

  /** Whether a model's decoder reads a text of its own. */
  takesTarget(name: string): boolean {
    return this.entries.some((entry) => entry.name === name && entry.takes_target);
  }

  private spread(patch: Partial<FigureState>, except?: Shown): void {
    for (const shown of this.figures) {
      Object.assign(shown.now, copy(patch));
      if (shown !== except) shown.mounted?.update(patch);
    }
    this.remember();
  }

  /** Writes the address, a moment after the last change. */
  remember(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => history.replaceState(history.state, "", this.address()), SETTLE);
  }

  /** The page's address with what differs from its start, or with everything; without a text that is longer than any. */
  address(everything = false): string {
    const start = this.figures.map(({ start }) => start);
    const fragment = format(this.states(this.isEndless ? start[0]?.text : undefined), this.figures.map(({ id }) => id), everything ? undefined : start);
    return location.pathname + location.search + fragment;
  }

  private get isEndless(): boolean {
    return this.text.length > LONGEST / 12 && encodeURIComponent(this.text).length > LONGEST; // a character is written with twelve at most
  }

  private states(text?: string): FigureState[] {
    return this.figures.map(({ now }) => (text === undefined ? now : { ...now, text }));
  }

  async copyLink(): Promise<string> {
    const link = new URL(this.address(true), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      if (this.isEndless) return `Link copied without the text: its ${count(this.text.length)} characters are more than a link can hold.`;
      return link.length > CUT ? `Link copied. The text is in it: ${count(link.length)} characters, which browsers open and some mail or chat programs cut off.` : "Link copied.";
    } catch {
      history.replaceState(history.state, "", link);
      return "The browser does not let the page copy; the whole link is in the address line.";
    }
  }

  /** Fetches a checkpoint; afterwards every figure that waited for it asks again. */
  async get(name: string): Promise<void> {
    const abort = new AbortController();
    this.aborts.set(name, abort);
    this.trouble = "";
    this.note(name, { done: 0, total: 0, note: "Asking for it" });
    try {
      await getModel(name, abort.signal, (progress) => this.note(name, progress));
      this.entries = ((await (await fetch("/api/models")).json()) as { models: ModelEntry[] }).models;
      if (this.models.length === 0) this.setModels([name]);
      else this.spread({});
    } catch (error) {
      if (!abort.signal.aborted) this.trouble = error instanceof UnrolledError ? error.message : `${name} could not be fetched: ${String(error)}`;
    } finally {
      this.note(name, undefined);
    }
  }

  /** Which runs there are now: a training may have begun since the page was opened. */
  async lookForRuns(): Promise<void> {
    const answer = await fetch("/api/runs").catch(() => null); // without a server the list stays as it was
    if (answer?.ok) this.allRuns = ((await answer.json()) as { runs: RunEntry[] }).runs;
  }

  stopGetting(name: string): void {
    this.aborts.get(name)?.abort();
  }

  private note(name: string, progress: Progress | undefined): void {
    this.getting = { ...this.getting, [name]: progress };
  }

  /** The way out of an error that this page can offer. */
  remedy(error: Error, focus: () => void): Remedy | null {
    if (error instanceof UnrolledError && error.kind === "EmptyText") return { label: "Type a text", act: focus };
    if (error instanceof UnrolledError && error.kind === "TextTooLong") return { label: "Shorten the text", act: focus };
    const missing = this.entries.find((entry) => !entry.here && this.models.includes(entry.name));
    const offered = missing ?? (this.models.length === 0 ? this.entries.find((entry) => !entry.here) : undefined);
    if (!offered) return null;
    const progress = this.getting[offered.name];
    if (progress) return { label: `${far(progress)} (stop)`, act: () => this.stopGetting(offered.name) };
    return { label: `Get ${offered.title} (${megabytes(offered.size_bytes)})`, act: () => void this.get(offered.name) };
  }
}
