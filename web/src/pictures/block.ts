// block: who wrote what into the stream, the inside of an FFN, gradients by depth, what is left without a part; each
// panel's answer as the props of its scene.
import type { FigureState } from "../contracts";
import { number } from "../parts/words";
import { depthOf, eachOf, feedForwardOf, MEASURES, streamOf, withoutOf, type Measure } from "../scenes/block_data";
import { lossInWords, tokenSentence } from "../scenes/block_words";
import FeedForwardScene from "../scenes/block_feed_forward.svelte";
import LinesScene from "../scenes/block_lines.svelte";
import StreamScene from "../scenes/block_stream.svelte";
import WithoutScene from "../scenes/block_without.svelte";
import { plotOf, rangeOf, type Line, type Rule } from "../scenes/parts/lines";
import { once } from "./_once";
import type { Drawn, Seen } from "./_seen";
import { pointedIn } from "./gradient_flow";

type Given = Pick<Seen, "state" | "results" | "width" | "row">;
export const WIDE = 700;

const DATA = { stream: once(streamOf), inside: once(feedForwardOf), depth: once(depthOf), each: once(eachOf), without: once(withoutOf) };

const ink = { hue: "ink", colour: "#1d1c1a" };
const accent = { hue: "accent", colour: "#0b5c8a" };
const quiet = { hue: "quiet", colour: "#615d55" };

/** Under a point of the stream: the block that leaves it. */
const afterBlock = (n: number, first: string) => (k: number): string => (k === n ? first : String(n - 1 - k));

export function streamProps({ state, results, width }: Given) {
  const result = results["stream"];
  if (!result) return null;
  const data = DATA.stream(result);
  const byPart = (name: string): number[] => [...data.wrote.map((parts) => parts.find(({ writer }) => writer === name)?.written ?? NaN).reverse(), NaN];
  const parts = data.wrote[0]?.length === 1 ? ["block"] : ["attention", "FFN"];
  const lines: Line[] = [
    ...data.others.map((values): Line => ({ name: "", values, ...quiet, dash: "", width: 1, faint: true })),
    ...parts.map((name): Line => ({ name, values: byPart(name), ...accent, dash: name === "attention" ? "5 3" : "", width: 1.75 })),
    { name: "stream", values: data.lengths, ...ink, dash: "", width: 2.5 },
  ];
  const chart = width < WIDE ? 320 : 340;
  const count = data.blocks + 1;
  const plot = plotOf({ x: 0, y: 0, width, height: chart }, lines, count, rangeOf(lines.flatMap(({ values }) => [...values])));
  const bars = { top: chart + 34, height: 170 };
  return {
    data, lines, plot, bars, width, height: bars.top + bars.height + 46, tick: afterBlock(data.blocks, "emb."), pointed: pointedIn(state, count),
    title: `Who wrote what into the stream at “${data.tokens[data.token] ?? ""}”`,
  };
}

export function feedForwardProps({ state, results, width, row }: Given) {
  const result = results["feed_forward"];
  if (!result) return null;
  const data = DATA.inside(result);
  const wide = width >= WIDE;
  const half = wide ? (width - 28) / 2 : width;
  const chart = 300;
  const list = (wide ? chart : 2 * chart + 16) + 26;
  const line = Math.max(24, row - 4);
  const spot = String(state.view["spot"] ?? "");
  return {
    data, width, curve: { x: 0, y: 0, width: half, height: chart }, layers: { x: wide ? half + 28 : 0, y: wide ? 0 : chart + 16, width: half, height: chart }, list, line,
    height: list + 24 + line * data.units.length, spot, title: `Inside FFN ${data.layer}`,
  };
}

export const measureIn = ({ view }: FigureState): Measure => MEASURES.find((one) => one === view["measure"]) ?? "gradient";

const ARRANGED: Record<string, Pick<Line, "hue" | "colour" | "dash" | "width">> = {
  "post-norm": { ...ink, dash: "", width: 2.5 }, "pre-norm": { ...accent, dash: "", width: 2.5 }, "no norm": { ...quiet, dash: "7 3", width: 2 }, "no residual": { ...quiet, dash: "1.5 3", width: 2.25 },
};
const HEADS: Record<Measure, [long: string, short: string]> = {
  gradient: ["Length of the loss’s gradient by the stream", "Gradient by the stream"], weights: ["Length of the gradient by each FFN’s second matrix", "Gradient by W₂"],
  stream: ["Size of the stream’s entries, root mean square", "Size of the stream"], apart: ["How far positions are apart: 1 − mean cosine", "1 − mean cosine"],
};

export function depthProps({ state, results, width }: Given) {
  const result = results["depth"];
  if (!result) return null;
  const data = DATA.depth(result);
  const measure = measureIn(state);
  const lines = data.names.map((name, i): Line => ({ name, values: data.values[measure][i] ?? [], ...(ARRANGED[name] ?? { ...ink, dash: "", width: 2 }) }));
  const count = measure === "weights" ? data.blocks : data.blocks + 1;
  const floor = measure === "apart" ? 1e-6 : 0; // what is nearer is the same
  const values = lines.flatMap((line) => line.values.filter((value) => value > floor));
  return { data, measure, ...linesOf(state, width, lines, count, rangeOf(values), []), head: HEADS[measure][width < WIDE ? 1 : 0], end: "the loss is here", tick: afterBlock(data.blocks, "in"), title: "The gradient’s way back through the blocks" };
}

const KINDS: Record<string, Pick<Line, "hue" | "colour" | "dash" | "width">> = {
  attention: { ...accent, dash: "5 3", width: 2 }, FFN: { ...accent, dash: "", width: 2 }, residuals: { ...ink, dash: "", width: 2.5 }, norms: { ...quiet, dash: "7 3", width: 2 },
};

export function eachProps({ state, results, width }: Given) {
  const result = results["each_layer"];
  if (!result) return null;
  const data = DATA.each(result);
  const lines = data.kinds.map((name, i): Line => ({ name, values: data.loss[i] ?? [], ...(KINDS[name] ?? { ...ink, dash: "", width: 2 }) }));
  const rules = [{ at: data.before, text: `everything on, ${number(data.before, 2)}` }, { at: data.uniform, text: `a blind guess, ${number(data.uniform, 2)}` }];
  const all = [...lines.flatMap(({ values }) => values.filter((value) => Number.isFinite(value))), data.before, data.uniform];
  const made = linesOf(state, width, lines, data.layers, [Math.min(...all) / 1.3, Math.max(100, ...all) * 1.05], rules);
  return { data, ...made, head: width < WIDE ? "Bits a token, off in one block" : "Loss in bits a token, with it off in one block alone", end: "the last block", tick: afterBlock(data.layers, ""), title: "What each block is missed for" };
}

function linesOf(state: FigureState, width: number, lines: Line[], count: number, range: [number, number], rules: Rule[]) {
  const height = width < WIDE ? 360 : 400;
  return { lines, rules, width, height, plot: plotOf({ x: 0, y: 0, width, height }, lines, count, range), pointed: pointedIn(state, count) };
}

export function withoutProps({ state, results, width, row }: Given) {
  const result = results["without"];
  if (!result) return null;
  const data = DATA.without(result);
  const wide = width >= WIDE;
  const [bar, lineHeight] = [wide ? (width - 28) / 2 : width, Math.max(22, row - 6)];
  const choices = data.choices.slice(0, 10);
  const lines: Line[] = [{ name: "on", values: data.streamBefore, ...quiet, dash: "7 3", width: 2 }, { name: "off", values: data.streamAfter, ...accent, dash: "", width: 2.5 }];
  const barsEnd = 60 + choices.length * lineHeight;
  const box = { x: wide ? bar + 28 : 0, y: wide ? 0 : barsEnd, width: bar, height: wide ? Math.max(280, barsEnd) : 300 };
  const below = (wide ? box.height : barsEnd + box.height) + 18;
  const pointed = pointedIn(state, data.tokens.length);
  const tokens = data.tokens.map((label, i) => ({ label, before: data.before[i] ?? NaN, after: data.after[i] ?? NaN, spoken: tokenSentence(label, data.before[i] ?? NaN, data.after[i] ?? NaN) }));
  return {
    data, choices, tokens, lines, barWidth: Math.min(bar, 460), row: lineHeight, loss: lossInWords(data), plot: plotOf(box, lines, data.layers + 1, rangeOf(lines.flatMap(({ values }) => [...values]))),
    tick: afterBlock(data.layers, "emb."), below: { y: below, height: 210 }, width, height: below + (data.tokens.length > 1 ? 210 : 0), pointed, title: "What the model says without it",
  };
}

const SCENES = {
  stream: [StreamScene, streamProps], feed_forward: [FeedForwardScene, feedForwardProps], depth: [LinesScene, depthProps], without: [WithoutScene, withoutProps], each_layer: [LinesScene, eachProps],
} as const;

export function draw(seen: Seen): Drawn<object> | null {
  const [scene, props] = SCENES[seen.state.panel as keyof typeof SCENES] ?? SCENES.stream;
  const made = props(seen);
  return made && { scene: scene as unknown as Drawn["scene"], props: made };
}
