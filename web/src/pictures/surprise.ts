// surprise: a text's surprisal under each model, the texts that a few words make, minimal pairs, as the props of their scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import type { SurpriseChain, SurprisePairs, SurpriseSurprisal } from "../generated";
import { count, modelName, number, probability, shown } from "../parts/words";
import { multiplied, quoted, surprise } from "../scenes/next_token_words";
import Chain from "../scenes/surprise_chain.svelte";
import type { Branch, Judge, Read, Sentence } from "../scenes/surprise_layout";
import Pairs from "../scenes/surprise_pairs.svelte";
import Scene from "../scenes/surprise.svelte";
import type { Drawn, Seen } from "./_seen";

export const PAGE = 200; // tokens that are drawn at once
const LISTED = 8; // texts of the chain

const values = (array: NdArray | undefined): number[] => Array.from(array?.values ?? []);
const digits = (value: number): string => (!Number.isFinite(value) ? "∞" : value < 1000 ? value.toPrecision(3) : value < 1e6 ? count(Math.round(value)) : value.toExponential(1));
const dataOf = <T>(result: Result): T => result.data as unknown as T;

/** How many parts a text is shown in; which of them, from 0. */
export function pageOf({ view }: FigureState, result: Result | undefined): { page: number; pages: number } {
  const longest = Math.max(1, ...(result ? dataOf<SurpriseSurprisal>(result).n_token : []));
  const pages = Math.ceil(longest / PAGE);
  const page = Number(view["part"] ?? 1) - 1;
  return { pages, page: Number.isInteger(page) ? Math.max(0, Math.min(pages - 1, page)) : 0 };
}

// ---- surprisal
function readOf(look: Seen["look"], result: Result, m: number, page: number): Read {
  const data = dataOf<SurpriseSurprisal>(result);
  const name = modelName(result.provenance[m]?.name ?? "");
  const uniform = data.uniform_bits[m] ?? 0;
  const [n, first] = [data.n_token[m] ?? 0, data.unscored[m] ?? ""];
  const unscored = first === "" ? "" : `; the first, ${quoted(shown(first))}, has nothing before it`;
  const [loss, perplexity, perByte] = [data.loss_arithmetic[m] ?? "", data.perplexity_arithmetic[m] ?? "", data.byte_arithmetic[m] ?? ""];
  return {
    name,
    look: look(result.provenance[m]?.name ?? ""),
    uniform,
    line: `${count(n)} ${n === 1 ? "token" : "tokens"} scored, ${data.reading[m] ?? ""}${unscored}. Dotted: log₂ ${count(data.vocabulary_size[m] ?? 0)} = ${number(uniform, 1)} bits, knowing nothing.`,
    perplexity: { value: data.perplexity[m] ?? 0, text: digits(data.perplexity[m] ?? 0), spoken: `${name}: ${loss}; ${perplexity}.` },
    perByte: { value: data.bits_per_byte[m] ?? 0, text: number(data.bits_per_byte[m] ?? 0, 3), spoken: `${name}: ${perByte}.` },
    bars: barsOf(data, name, m, page),
  };
}

function barsOf(data: SurpriseSurprisal, name: string, m: number, page: number): Read["bars"] {
  const [bits, shares, ranks, spans] = [data.bits, data.probabilities, data.ranks, data.spans].map((field) => values(field[m]));
  const [best, entropy, before] = [data.expected_probabilities, data.entropy_bits, data.before].map((field) => values(field[m]));
  return (data.strings[m] ?? []).slice(page * PAGE, (page + 1) * PAGE).map((token, i) => {
    const index = page * PAGE + i;
    const [share, rank, expected] = [shares?.[index] ?? 0, ranks?.[index] ?? 0, data.expected[m]?.[index] ?? ""];
    const place = rank === 1 ? "its first choice" : `rank ${count(rank)} of ${count(data.vocabulary_size[m] ?? 0)}, where ${quoted(shown(expected))} was first with ${probability(best?.[index] ?? 0)}`;
    const unsure = `Before it, entropy ${number(entropy?.[index] ?? 0, 1)} bits after ${count(before?.[index] ?? 0)} ${before?.[index] === 1 ? "token" : "tokens"}.`;
    return {
      label: shown(token), probability: share, index, bits: bits?.[index] ?? 0, from: spans?.[2 * index] ?? 0, to: spans?.[2 * index + 1] ?? 0,
      spoken: `${name}, ${quoted(shown(token))}: ${place}. ${surprise(share)} ${unsure}`,
    };
  });
}

function textOf({ state, results, width, row, look }: Seen, result: Result) {
  const { page } = pageOf(state, results["surprisal"]);
  const models = result.provenance.map((_, m) => readOf(look, result, m, page));
  const data = dataOf<SurpriseSurprisal>(result);
  const end = Math.max(...data.uniform_bits, ...data.bits.flatMap(values));
  return { models, end, width, row, title: "How surprising each token was" };
}

// ---- chain
function chainOf({ state, width, look }: Seen, result: Result) {
  const data = dataOf<SurpriseChain>(result);
  const [parents, levels, shares, joints, ends] = [data.parent, data.depth, data.conditional, data.joint, data.is_text].map(values) as [number[], number[], number[], number[], number[]];
  const pathOf = (k: number): number[] => (k < 0 ? [] : [...pathOf(parents[k] ?? -1), k]);
  const isElse = (k: number): boolean => !data.words.includes(data.strings[k] ?? "");
  const labelOf = (k: number): string => (isElse(k) ? (data.strings[k] ?? "") : shown(data.strings[k] ?? ""));
  const branches = data.strings.map((_, k): Branch => {
    const path = pathOf(k);
    return { label: labelOf(k), parent: parents[k] ?? -1, level: levels[k] ?? 1, share: shares[k] ?? 0, joint: joints[k] ?? 0, isElse: isElse(k), spoken: multiplied(path.map(labelOf), path.map((one) => shares[one] ?? 0)) };
  });
  const whole = branches.flatMap((_, k) => (ends[k] === 1 ? [k] : []));
  const texts = [...whole].sort((a, b) => (joints[b] ?? 0) - (joints[a] ?? 0)).slice(0, LISTED).map((branch) => ({ label: pathOf(branch).map((k) => (isElse(k) && parents[k] !== -1 ? `, ${labelOf(k)}` : labelOf(k))).join(""), joint: joints[branch] ?? 0, branch }));
  const among = data.is_restricted ? `Only ${data.words.map((word) => quoted(shown(word))).join(", ")} may follow here, so their shares are scaled up to 1.` : "Whatever else may come is one branch, which is not followed further.";
  const total = `All ${count(data.n_text)} texts together: ${number(data.total, 6)}. ${among}`;
  return { name: modelName(result.provenance[0]?.name ?? ""), look: look(result.provenance[0]?.name ?? ""), text: state.text.replace(/\s+/g, " "), branches, texts, total, width, title: "Every text that the words make" };
}

// ---- pairs
function pairsOf({ width, look }: Seen, result: Result) {
  const data = dataOf<SurprisePairs>(result);
  const share = (value: number | undefined): string => `${Math.round(100 * (value ?? 0))}`;
  const models = result.provenance.map(({ name }, m): Judge => ({
    name: modelName(name), look: look(result.provenance[m]?.name ?? ""),
    line: `right in ${data.n_right[m]} of ${data.n_pair} (95 % interval ${share(data.low[m])} to ${share(data.high[m])} %; guessing: 50 %)`,
  }));
  const sentences = data.before.map((before, i): Sentence => {
    const [right, wrong, after] = [data.right[i] ?? "", data.wrong[i] ?? "", data.after[i] ?? ""];
    const told = models.map(({ name }, m) => `${name}: ${data.arithmetic[m]?.[i] ?? ""}`).join(". ");
    return {
      pieces: [{ text: before, tone: "plain" }, { text: right, tone: "right" }, { text: " ", tone: "plain" }, { text: wrong, tone: "wrong" }, { text: after, tone: "plain" }],
      preferences: models.map((_, m) => values(data.preference[m])[i] ?? 0),
      spoken: `${i < data.n_own ? "Yours, not counted: " : ""}${quoted(right)}, not ${quoted(wrong)}, after ${quoted(before.trim())}. ${told}.`,
    };
  });
  return { about: data.about, models, sentences, width, title: "Which of two texts is likelier" };
}

export function draw(seen: Seen): Drawn<object> | null {
  const result = seen.results[seen.state.panel];
  if (!result) return null;
  const drawn = seen.state.panel === "chain" ? { scene: Chain, props: chainOf(seen, result) } : seen.state.panel === "pairs" ? { scene: Pairs, props: pairsOf(seen, result) } : { scene: Scene, props: textOf(seen, result) };
  return { scene: drawn.scene as unknown as Drawn["scene"], props: drawn.props };
}
