// A figure in a file of its own: it answers from what was recorded, and says in words what was not.
import { UnrolledError, type Ask, type Figure, type FigureState, type Json, type Question } from "../contracts";
import { looksOf } from "../looks";
import { mount } from "../mount";
import { decode } from "../wire";
import { shadowOf } from "./shadow";

interface Recorded {
  figure: Figure;
  state: FigureState;
  known: { name: string; architecture: string }[];
  version: string;
  answers: { panel: string; question: Question; blob: string }[]; // blobs in base64
}

export function standAlone(data: HTMLElement, place: HTMLElement): void {
  const recorded = JSON.parse(data.textContent || "null") as Recorded;
  const inside = shadowOf(place);
  const looks = looksOf(recorded.known);
  const figure = document.createElement("div");
  figure.className = "figure";
  inside.append(note(recorded), figure);
  mount(figure, {
    figure: recorded.figure, state: recorded.state, ask: answering(recorded),
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

function answering({ figure, answers }: Recorded): Ask {
  const held = new Map(answers.map(({ panel, question, blob }) => [keyOf(panel, question), blob]));
  return async (panel, question) => {
    const blob = held.get(keyOf(panel, question));
    if (blob === undefined) {
      const command = commandOf(figure, panel, question);
      throw new UnrolledError(`This file holds recorded answers, and not this one. Edit in your own copy: ${command}`, "NotRecorded");
    }
    const result = decode(Uint8Array.from(atob(blob), (letter) => letter.charCodeAt(0)));
    return { ...result, provenance: result.provenance.map((entry) => ({ ...entry, kind: "recorded" as const })) };
  };
}

/** The same question has the same key, in whatever order its parts were written. */
function keyOf(panel: string, question: Question): string {
  return JSON.stringify([panel, question], (_, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value);
}

/** The line that asks the same on the command line: knobs at their start are left out. */
function commandOf(figure: Figure, panel: string, { models = [], runs = [], text = "", target = "", knobs }: Question): string {
  const schema = figure.panels.find((one) => one.name === panel)?.knobs.properties ?? {};
  const turned = Object.entries(knobs).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(schema[name]?.default ?? null) && !schema[name]?.["x-hidden"]);
  return [
    "unrolled figure", figure.name, ...(panel === figure.panels[0]?.name ? [] : ["--panel", panel]),
    ...models.map((model) => `--model ${quoted(model)}`), ...runs.map((run) => `--run ${quoted(run)}`), ...(text ? [`--text ${quoted(text)}`] : []), ...(target ? [`--target ${quoted(target)}`] : []),
    ...turned.map(([name, value]) => `--${name.replaceAll("_", "-")} ${quoted(plain(value))}`),
  ].join(" ");
}

const plain = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));
const quoted = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
