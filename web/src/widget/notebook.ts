// The notebook's door: state in the model's traits, questions over its message channel, answers as binary buffers.
import { UnrolledError, type Ask, type Figure, type FigureState, type Mounted, type Progress } from "../contracts";
import { looksOf } from "../looks";
import { mount } from "../mount";
import { copy } from "../state";
import { decode } from "../wire";
import { shadowOf } from "./shadow";
import { field, reads } from "./words";

/** What anywidget gives a module of the model in Python. */
interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(name: string, call: (...given: never[]) => void): void;
  off(name: string, call: (...given: never[]) => void): void;
  send(content: unknown): void;
}

interface Told {
  id: string;
  kind: "progress" | "answer" | "error";
  progress?: Progress;
  error?: string;
  name?: string;
}

const TRAITS = ["text", "target", "models", "runs", "panel", "knobs", "view"] as const;
const SETTLE = 150; // ms without a change after which Python is told

export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const inside = shadowOf(host(el));
  const figure = model.get("_figure") as Figure;
  const known = model.get("_known") as { name: string; architecture: string; takes_target: boolean }[];
  const looks = looksOf(known);
  const channel = new Channel(model);
  let now = stateOf(model);
  let mounted: Mounted | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tell = (state: FigureState): void => {
    now = copy(state);
    clearTimeout(timer);
    timer = setTimeout(() => keep(model, now), SETTLE);
  };
  const change = (patch: Partial<FigureState>): void => {
    now = { ...now, ...patch };
    mounted?.update(patch);
    tell(now);
  };
  const write = reads(figure) ? field(inside, "Text", (text) => change({ text })) : null;
  const show = (): void => write?.(now.text);
  show();

  const place = document.createElement("div");
  place.className = "figure";
  inside.append(place);
  mounted = mount(place, {
    figure, state: now, ask: channel.ask, live: true, look: (name) => looks[name] ?? { hue: 0, line: 0 },
    takesTarget: (name) => known.some((one) => one.name === name && one.takes_target),
    onState: (state) => (tell(state), show()),
  });

  const heard = (): void => {
    const given = stateOf(model);
    if (JSON.stringify(given) === JSON.stringify(now)) return;
    clearTimeout(timer);
    now = given;
    mounted?.update(given);
    show();
  };
  for (const name of TRAITS) model.on(`change:${name}`, heard);
  return () => {
    for (const name of TRAITS) model.off(`change:${name}`, heard);
    clearTimeout(timer);
    mounted?.destroy();
    channel.close();
  };
}

function host(el: HTMLElement): HTMLElement {
  const made = document.createElement("div");
  made.className = "unrolled";
  el.replaceChildren(made);
  return made;
}

function stateOf(model: Model): FigureState {
  return copy(Object.fromEntries(TRAITS.map((name) => [name, model.get(name)])) as unknown as FigureState);
}

function keep(model: Model, state: FigureState): void {
  for (const name of TRAITS) if (JSON.stringify(model.get(name)) !== JSON.stringify(state[name])) model.set(name, copy(state[name]));
  model.save_changes();
}

/** Questions and their answers, told apart by a number of this view's own. */
class Channel {
  private readonly mine = Math.random().toString(36).slice(2);
  private count = 0;
  private readonly waiting = new Map<string, { told: (told: Told, buffers: DataView[]) => void }>();

  constructor(private readonly model: Model) {
    model.on("msg:custom", this.hear as never);
  }

  close(): void {
    this.model.off("msg:custom", this.hear as never);
  }

  readonly ask: Ask = (panel, question, signal, onProgress) => {
    const id = `${this.mine}.${this.count++}`;
    return new Promise((give, fail) => {
      const end = (): void => {
        this.waiting.delete(id);
        signal.removeEventListener("abort", drop);
      };
      const drop = (): void => {
        end();
        this.model.send({ kind: "cancel", id });
        fail(signal.reason as Error);
      };
      const told = (said: Told, buffers: DataView[]): void => {
        if (said.kind === "progress") return onProgress?.(said.progress as Progress);
        end();
        if (said.kind === "error") return fail(new UnrolledError(said.error ?? "Python gave up without a reason.", said.name ?? "NoReason"));
        const bytes = buffers[0] as DataView;
        give(decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
      };
      signal.addEventListener("abort", drop, { once: true });
      this.waiting.set(id, { told });
      this.model.send({ kind: "ask", id, panel, question });
    });
  };

  private readonly hear = (told: Told, buffers: DataView[]): void => this.waiting.get(told.id)?.told(told, buffers);
}
