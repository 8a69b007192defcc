// The line that asks the same on the command line: knobs at their start are left out.
import type { Figure, Json, Question } from "../contracts";

export function commandOf(figure: Figure, panel: string, { models = [], runs = [], text = "", target = "", knobs }: Question): string {
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
