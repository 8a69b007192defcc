// A figure in a file of its own: it answers from what was recorded, and says in words what was not.
import type { Figure, FigureState } from "../contracts";
import { looksOf } from "../looks";
import { mount } from "../mount";
import { commandOf } from "../recorded/command";
import { Held } from "../recorded/held.svelte";
import { bytesOf, unpack } from "../recorded/unpack";
import { shadowOf } from "./shadow";

interface Recorded {
  figure: Figure;
  state: FigureState;
  known: { name: string; architecture: string; takes_target: boolean }[];
  version: string;
  live: Record<string, string[]>; // panel -> knobs that ask nothing
  pack: string; // base64, as all that follows
  shared: Record<string, string>;
}

export function standAlone(data: HTMLElement, place: HTMLElement): void {
  const recorded = JSON.parse(data.textContent || "null") as Recorded;
  const inside = shadowOf(place);
  const looks = looksOf(recorded.known);
  const takesTarget = (name: string): boolean => recorded.known.some((one) => one.name === name && one.takes_target);
  const kept = () => unpack(bytesOf(recorded.pack), (name) => Promise.resolve(bytesOf(recorded.shared[name] ?? "")));
  const held = new Held(recorded.figure, { kept, live: recorded.live }, takesTarget);
  const figure = document.createElement("div");
  figure.className = "figure";
  inside.append(note(recorded), figure);
  mount(figure, {
    figure: recorded.figure, state: recorded.state, ask: held.ask, stops: held.stops, takesTarget,
    onState: () => undefined, look: (name) => looks[name] ?? { hue: 0, line: 0 },
  });
}

/** What it was made from, and how to go on. */
function note({ figure, state, version }: Recorded): HTMLElement {
  const line = document.createElement("p");
  const command = document.createElement("code");
  line.className = "recorded";
  command.textContent = commandOf(figure, state.panel, { models: state.models, runs: state.runs, text: state.text, target: state.target, knobs: {} });
  const text = state.text === "" ? "" : ` on “${state.text}”`;
  line.append(`Recorded with unrolled ${version}${text}. What was not recorded can be had from your own copy: `, command);
  return line;
}
