// From the answers of next_token's panels to what its scene draws. Pure: the same answer, the same picture.
import type { NdArray, Result } from "../contracts";
import type { NextTokenDistribution, NextTokenSample, NextTokenTree } from "../generated";
import { count, modelName, probability as printed, shown } from "../parts/words";
import type { Distribution } from "../presentation";
import { likeliest, type Bar, type Column, type Grove, type Node, type Passage } from "./next_token_layout";
import { entropyLine, quoted, surprise } from "./next_token_words";

export const REST = -1; // stands for all tokens that are not listed

/** What one model gave, before the knobs. */
export interface Given {
  name: string;
  strings: string[];
  texts: string[];
  ids: NdArray;
  logits: NdArray;
  falling: NdArray; // every logit of the vocabulary
}

export function givenOf(result: Result | undefined): Given[] {
  if (!result) return [];
  const data = result.data as unknown as NextTokenDistribution;
  return result.provenance.map(({ name }, m) => ({
    name: modelName(name),
    strings: data.top_strings[m] ?? [],
    texts: data.top_text[m] ?? [],
    ids: data.top_ids[m] as NdArray,
    logits: data.top_logits[m] as NdArray,
    falling: data.sorted_logits[m] as NdArray,
  }));
}

/** Probability of each known token by its number in the vocabulary, and of the rest. */
export type Shares = Map<number, number>;

export function sharesOf(given: Given, shaped: Distribution, listed: number): Shares {
  const shares: Shares = new Map();
  given.strings.forEach((_, i) => shares.set(given.ids.values[i] as number, shaped.probabilities[i] ?? 0));
  const shown = shaped.probabilities.subarray(0, listed).reduce((sum, one) => sum + one, 0);
  return shares.set(REST, shaped.kept <= listed ? 0 : Math.max(0, 1 - shown));
}

export function columnOf(given: Given, shaped: Distribution, shares: Shares, ghosts: Shares | undefined, listed: number): Column {
  const size = count(given.falling.values.length);
  const kept = shaped.kept === given.falling.values.length ? `top ${listed} of ${size}` : `the knobs keep ${count(shaped.kept)} of ${size}`;
  const bars = Array.from({ length: listed }, (_, i) => barOf(given, i, shares, ghosts));
  const rest = shares.get(REST) ?? 0;
  const spoken = `the other ${count(given.falling.values.length - listed)} tokens together, ${printed(rest)}`;
  bars.push({ label: "", id: REST, takes: false, probability: rest, ghost: ghost(REST, rest, ghosts), spoken });
  return { name: given.name, line: entropyLine(shaped.entropyBits), note: kept, bars };
}

function barOf(given: Given, i: number, shares: Shares, ghosts: Shares | undefined): Bar {
  const id = given.ids.values[i] as number;
  const probability = shares.get(id) ?? 0;
  const takes = (given.texts[i] ?? "") !== "" && probability > 0;
  const label = shown(given.strings[i] ?? "");
  return { label, id, takes, probability, ghost: ghost(id, probability, ghosts), spoken: `${label}, ${printed(probability)}${takes ? ", take it" : ""}` };
}

/** What a share was, where that can be told from what it is. */
function ghost(id: number, probability: number, ghosts: Shares | undefined): number | null {
  const was = ghosts?.get(id);
  return was === undefined || Math.abs(was - probability) < 0.002 ? null : was;
}

export function passagesOf(result: Result | undefined): (Passage & { text: string })[] {
  if (!result) return [];
  const data = result.data as unknown as NextTokenSample;
  return result.provenance.map(({ name, seed }, m) => {
    const words = (data.strings[m] ?? []).map((token, i) => {
      const [drawn, own] = [data.probabilities[m]?.values[i] ?? 0, data.model_probabilities[m]?.values[i] ?? 0];
      const spoken = `${quoted(shown(token))} was drawn with probability ${printed(drawn)}; the model itself gives it ${printed(own)}. ${surprise(own)}`;
      return { label: shown(token), probability: drawn, spoken };
    });
    return { name: modelName(name), line: `${words.length} tokens, seed ${seed ?? 0}`, words, text: data.text[m] ?? "" };
  });
}

export interface Path extends Node {
  text: string; // from the reader's last character to here
}

/** Each model's tree, at most so many leaves of it, the likeliest. */
export function grovesOf(result: Result | undefined, leaves: number): (Grove & { nodes: Path[] })[] {
  if (!result) return [];
  const data = result.data as unknown as NextTokenTree;
  return result.provenance.map(({ name }, m) => {
    const all = (data.strings[m] ?? []).map((token, i) => nodeOf(data, m, i, shown(token)));
    const { kept, dropped } = likeliest(all, leaves);
    const nodes = kept.map((i) => all[i] as Path).map((node) => ({ ...node, parent: kept.indexOf(node.parent) }));
    return { name: modelName(name), nodes, more: dropped > 0 ? `The ${leaves} likeliest paths; ${count(dropped)} less likely ones are in the table.` : "" };
  });
}

function nodeOf(data: NextTokenTree, m: number, i: number, label: string): Path {
  const [text, of] = [data.text[m]?.[i] ?? "", (field: NdArray[]) => field[m]?.values[i] ?? 0];
  const [probability, joint] = [of(data.probability), of(data.joint)];
  const takes = text !== "" && !text.includes("\ufffd"); // nothing to take in half a character or an end of text
  const spoken = `${label}, ${printed(probability)}, whole path ${printed(joint)}`;
  return { label, text, takes, parent: of(data.parent), depth: of(data.depth), probability, joint, spoken };
}

/** The nodes from the text to one of them. */
export function pathTo(nodes: Path[], i: number): Path[] {
  const node = nodes[i];
  return node ? [...pathTo(nodes, node.parent), node] : [];
}
