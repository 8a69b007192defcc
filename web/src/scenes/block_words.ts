// What is said of a value of block's pictures: arithmetic whose printed sides agree.
import { count, number, probability } from "../parts/words";
import type { DepthData, EachData, FeedForward, Measure, StreamData, WithoutData, Wrote } from "./block_data";
import { figures, quotient } from "./gradient_words";

const blocks = (k: number): string => `${k} ${k === 1 ? "block" : "blocks"}`;

export function streamSentence(data: StreamData, k: number): string {
  const word = `“${data.tokens[data.token] ?? ""}”`;
  const parts = data.wrote[data.blocks - 1 - k];
  if (!parts) return `${word}, before the first block: ${data.embedding.arithmetic}.${part(data.embedding, data.additive)}`;
  const told = parts.map((one) => `${one.writer}: ${one.arithmetic}.${part(one, data.additive)}`);
  return `${word}, block ${data.blocks - 1 - k}, ${told.join(" ")}`;
}

function part({ along, cosine }: Wrote, additive: boolean): string {
  const turn = Number.isNaN(cosine) ? "" : ` Cosine with what was there: ${number(cosine, 2)}.`;
  return additive ? `${turn} Along the last stream: ${number(along, 2)}.` : turn;
}

export function layerSentence(data: FeedForward, layer: number): string {
  const share = (values: readonly number[]): string => `${number(100 * (values[layer] ?? NaN), 1)} %`;
  const carriers = data.carriers[layer] ?? NaN;
  const zero = data.kind === "ReLU" ? "" : ` Exactly 0: ${share(data.zero)}.`;
  return `FFN ${layer}: ${share(data.negative)} of the sums are below 0.${zero} ${share(data.small)} of the activations are at most ${data.below} of their token’s root mean square. ` +
    `${number(100 * data.carry, 0)} % of the sum of squares is held by ${share(data.carriers)} of the units: ${number(carriers, 4)} × ${count(data.dFf)} = ${number(Number(carriers.toFixed(4)) * data.dFf, 1)} of them, on average.`;
}

export function unitSentence(data: FeedForward, at: number): string {
  const one = data.units[at];
  return one ? `“${data.tokens[data.token] ?? ""}”, FFN ${data.layer}, unit ${one.unit}: ${one.arithmetic}.` : "";
}

const HERE: Record<Measure, string> = { gradient: "gradient of the stream", weights: "gradient of the FFN’s second matrix", stream: "size of the stream’s entries", apart: "how far positions are apart" };
const QUOTED: readonly Measure[] = ["gradient", "weights"];

export function depthSentence(data: DepthData, measure: Measure, k: number): string {
  const values = data.values[measure];
  const told = data.names.map((name, i) => {
    const [here, end] = [values[i]?.[k] ?? NaN, values[i]?.[0] ?? NaN];
    return `${name} ${k > 0 && QUOTED.includes(measure) && here > 0 && end > 0 ? quotient(here, end) : figures(here)}`;
  });
  const block = data.blocks - 1 - k;
  const where = measure === "weights" ? `In block ${block}` : block < 0 ? "Before the first block" : `After block ${block}`;
  const as = k > 0 && QUOTED.includes(measure) ? `, as a share of what it is in the last` : "";
  return `${where}, ${k === 0 ? "the last" : `${blocks(k)} before the end`}, ${HERE[measure]}${as}: ${told.join("; ")}.`;
}

export function eachSentence({ kinds, loss, layers, before, uniform }: EachData, k: number): string {
  const base = number(before, 2);
  const told = kinds.map((kind, i) => {
    const value = loss[i]?.[k] ?? NaN;
    return Number.isFinite(value) ? `${kind} ${number(value, 2)} (${change(base, number(value, 2))})` : `${kind} none: the numbers left what float32 can hold`;
  });
  return `Off in block ${layers - 1 - k} alone, bits a token: ${told.join("; ")}. With everything on ${base}; a blind guess ${number(uniform, 2)}.`;
}

/** The difference of two numbers as they are printed. */
function change(before: string, after: string, decimals = 2): string {
  const difference = Number(after.replace("−", "-")) - Number(before.replace("−", "-"));
  return `${difference < 0 ? "" : "+"}${number(difference, decimals)}`;
}

export function tokenSentence(label: string, before: number, after: number): string {
  if (Number.isNaN(before)) return `“${label}” is the first token: nothing says what to expect.`;
  const [was, is] = [number(before, 2), number(after, 2)];
  return Number.isFinite(after) ? `“${label}”: ${was} bits of surprise with everything on, ${is} without (${change(was, is)}).` : `“${label}”: ${was} bits of surprise with everything on; without, no number.`;
}

export function withoutSentence(data: WithoutData): string {
  const [first] = data.choices;
  if (!data.finite) return `${offInWords(data)} off: the numbers left what float32 can hold, and the model says nothing any more.`;
  const one = first ? ` “${first.label}” had ${probability(first.before)} and has ${probability(first.after)}.` : "";
  return `${offInWords(data)} off.${one} Its distribution is ${number(data.kl, 2)} bits from what it was.`;
}

/** "residual around attention 3, residual around FFN 3 and 58 more". */
export function offInWords({ off }: WithoutData): string {
  const some = off.length > 4 ? [...off.slice(0, 2), `${off.length - 2} more`] : off;
  const [last, ...rest] = [...some].reverse();
  const text = rest.length ? `${rest.reverse().join(", ")} and ${last}` : (last ?? "");
  return text.replace(/^./, (letter) => letter.toUpperCase());
}

export const lossInWords = ({ loss }: WithoutData): [string, string, string] | null => {
  if (Number.isNaN(loss[0])) return null;
  const [before, after] = [number(loss[0], 2), Number.isFinite(loss[1]) ? number(loss[1], 2) : "none"];
  return [before, after, Number.isFinite(loss[1]) ? change(before, after) : "no number came of it"];
};
