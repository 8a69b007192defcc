// training: the curves of runs, or what they wrote, as the props of their scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import type { TrainingCurves, TrainingSamples } from "../generated";
import { count, modelName, number } from "../parts/words";
import Scene from "../scenes/training.svelte";
import type { Chart, Curve, Mark, Passage } from "../scenes/training_layout";
import Passages from "../scenes/training_samples.svelte";
import { reportSentence, type At } from "../scenes/training_words";
import type { Drawn, Seen } from "./_seen";

const NONE: NdArray = { dtype: "F64", shape: [0], values: new Float64Array(0) };

/** How the curves are looked at: what only the picture knows. */
export interface Looked {
  perplexity: boolean;
  seconds: boolean;
  log: boolean;
}

export function lookedAt({ view }: FigureState): Looked {
  return { perplexity: view["y"] === "perplexity", seconds: view["x"] === "seconds", log: view["log"] === true };
}

export function curvesIn(result: Result): TrainingCurves {
  return result.data as unknown as TrainingCurves;
}

export function samplesIn(result: Result): TrainingSamples {
  return result.data as unknown as TrainingSamples;
}

/** What is known of a run at one of its reports. */
export function reportAt(data: TrainingCurves, window: number, run: number, report: number): At {
  const of = (field: NdArray[]): number => field[run]?.values[report] ?? NaN;
  const step = of(data.held_out_step);
  return {
    name: modelName(data.names[run] ?? ""), step, steps: data.steps[run] ?? 0, tokens: of(data.held_out_tokens),
    loss: of(data.held_out_loss), perplexity: of(data.held_out_perplexity), predicted: of(data.held_out_predicted),
    bitsPerByte: of(data.held_out_bits_per_byte), bytes: data.held_out_size[run] ?? 0, window: windowAt(data, window, run, step),
  };
}

/** The training loss at a step: what the newest measurements until then add up to. */
function windowAt(data: TrainingCurves, window: number, run: number, step: number): At["window"] {
  const steps = Array.from(data.step[run]?.values ?? []);
  const last = steps.findLastIndex((one) => one <= step);
  if (last < 0) return null;
  const before = steps[last - window];
  return { nats: data.window_nats[run]?.values[last] ?? NaN, tokens: data.window_tokens[run]?.values[last] ?? NaN, from: (before ?? 0) + 1, to: steps[last] ?? step };
}

export function chartOf(state: FigureState, result: Result): Chart {
  const data = curvesIn(result);
  const looked = lookedAt(state);
  const window = Number(result.knobs["window"]);
  return {
    curves: data.names.map((_, run) => curveOf(data, window, run, looked)),
    marks: marksOf(data, looked),
    unit: looked.perplexity ? "perplexity: as unsure as among so many tokens" : "loss, nats a token",
    along: looked.seconds ? "seconds of learning" : "tokens learnt from",
    logX: looked.log, logY: looked.perplexity, window,
  };
}

function curveOf(data: TrainingCurves, window: number, run: number, { perplexity, seconds }: Looked): Curve {
  const of = (field: NdArray[]): ArrayLike<number> => (field[run] ?? NONE).values;
  const x = of(seconds ? data.seconds : data.tokens_seen);
  const reports = of(data.held_out_loss).length;
  return {
    name: modelName(data.names[run] ?? ""),
    training: { x, y: of(perplexity ? data.smoothed_perplexity : data.smoothed_loss) },
    heldOut: { x: of(seconds ? data.held_out_seconds : data.held_out_tokens), y: of(perplexity ? data.held_out_perplexity : data.held_out_loss) },
    whole: Array.from(of(data.held_out_bits_per_byte), (bits) => Number.isFinite(bits)),
    rate: { x, y: of(data.learning_rate) },
    kept: Array.from(of(seconds ? data.kept_seconds : data.kept_tokens)),
    spoken: Array.from({ length: reports }, (_, report) => reportSentence(reportAt(data, window, run, report))),
  };
}

/** The lines that stand for guessing; runs that share one are told apart only where others have another. */
function marksOf(data: TrainingCurves, { perplexity }: Looked): Mark[] {
  const all = [
    { what: ["uniform guess", "uniform"], of: data.uniform_perplexity.map((size) => (perplexity ? "" : `, ln ${count(size)}`)), values: perplexity ? data.uniform_perplexity : data.uniform_loss },
    { what: [perplexity ? "unigram" : "unigram entropy", "unigram"], of: data.names.map(() => ""), values: perplexity ? data.unigram_perplexity : data.unigram_loss },
  ];
  return all.flatMap(({ what, of, values }) => {
    const known = [...new Set(values.filter((value) => Number.isFinite(value)))];
    return known.map((value) => {
      const runs = data.names.filter((_, run) => values[run] === value).map(modelName);
      const whose = known.length > 1 ? [` (${runs.join(", ")})`, runs.length === 1 ? ` (${runs.join()})` : ` (${runs.length} runs)`] : [""];
      const number = perplexity ? count(Math.round(value)) : value.toFixed(2);
      const [long, short] = what.map((word) => whose.flatMap((names) => [`${word}${of[values.indexOf(value)]}${names}: ${number}`, `${word}${names}: ${number}`]));
      return { value, labels: [...(long ?? []), ...(short ?? []), `${what[1]}: ${number}`] };
    });
  });
}

/** The report that the state names, "0-5": the sixth of the first run. */
export function chosenIn({ view }: FigureState, { curves }: Chart): [run: number, report: number] | null {
  const [, run, report] = /^(\d+)-(\d+)$/.exec(String(view["at"] ?? "")) ?? [];
  const found = run === undefined || report === undefined ? null : ([Number(run), Number(report)] as [number, number]);
  return found && curves[found[0]]?.spoken[found[1]] !== undefined ? found : null;
}

/** Reports that there are, of the run that has most. */
export function reportsOf(data: TrainingSamples): number {
  return Math.max(0, ...data.texts.map((texts) => texts.length));
}

/** The report whose samples are shown, counted from 1: the one that the state names, or else the newest. */
export function reportIn({ view }: FigureState, data: TrainingSamples): number {
  const [named, all] = [view["report"], reportsOf(data)];
  return typeof named === "number" && Number.isInteger(named) && named >= 1 && named <= all ? named : all;
}

export function passagesOf(state: FigureState, result: Result): Passage[] {
  const data = samplesIn(result);
  const report = reportIn(state, data);
  return data.names.map((name, run) => {
    const i = Math.min(report, data.texts[run]?.length ?? 0) - 1;
    const loss = data.held_out_loss[run]?.values[i] ?? NaN;
    const good = Number.isFinite(loss) ? `, held out ${number(loss, 2)} nats a token` : "";
    const line = i < 0 ? "nothing written yet" : `after ${count(Math.round(data.tokens_seen[run]?.values[i] ?? 0))} tokens${good}`;
    return { name: modelName(name), line, prompt: data.prompts[run]?.[i] ?? "", text: data.texts[run]?.[i] ?? "" };
  });
}

export function draw({ state, results, width, look }: Seen): Drawn<object> | null {
  const result = results[state.panel];
  if (!result) return null;
  const looks = (result.data["names"] as string[]).map(look);
  if (state.panel === "samples") {
    const props = { passages: passagesOf(state, result), looks, width, title: "What the models wrote on the way" };
    return { scene: Passages as unknown as Drawn["scene"], props };
  }
  const chart = chartOf(state, result);
  const props = { chart, looks, width, chosen: chosenIn(state, chart), title: "Loss over what was learnt from" };
  return { scene: Scene as unknown as Drawn["scene"], props };
}
