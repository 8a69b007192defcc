// What is pointed at in the figure `heads`, in words.
import { headsIn, nameOf, same, scoreAt, UNCLASSIFIED, type Found, type HeadAt, type HeadMap, type Overview } from "../scenes/heads_data";
import { count, number, probability } from "./words";

const HEAD = (at: HeadAt): string => `Layer ${at.layer}, head ${at.head}`;
const value = (mean: number): string => number(mean, 2).replace(/^(−?)0\./, "$1.");
const LISTED = 3;

/** "Layer 3, head 1, similar meaning: meaning .31 (.28 to .34), first .12 (.10 to .14)". */
export function sayHead(overview: Overview, at: HeadAt, score: string): string {
  if (!overview.scored) return `${HEAD(at)}.`;
  const name = overview.labels[at.layer]?.[at.head] ?? UNCLASSIFIED;
  const scored = (one: string): string => {
    const [mean, low, high] = scoreAt(overview, one, at);
    return Number.isNaN(mean) ? `${one} not scored` : `${one} ${value(mean)} (${value(low)} to ${value(high)})`;
  };
  const others = overview.scoreNames.filter((one) => one !== "entropy" && !Number.isNaN(scoreAt(overview, one, at)[0]));
  const best = others.sort((a, b) => scoreAt(overview, b, at)[0] - scoreAt(overview, a, at)[0]).slice(0, LISTED);
  const listed = score ? [score, ...best.filter((one) => one !== score).slice(0, LISTED - 1)] : best;
  return `${HEAD(at)}, ${name}: ${listed.map(scored).join(", ")}. Scores with their 95 % interval.`;
}

/** The heads with the largest value of one score. */
export function largest(overview: Overview, score: string, most: number): (HeadAt & { text: string })[] {
  const all = Array.from({ length: overview.layers * overview.heads }, (_, i): HeadAt => ({ layer: Math.floor(i / overview.heads), head: i % overview.heads }));
  const of = (at: HeadAt): number => scoreAt(overview, score, at)[0];
  const known = all.filter((at) => !Number.isNaN(of(at))).sort((a, b) => of(b) - of(a));
  return known.slice(0, most).map((at) => ({ ...at, text: `${nameOf(at)} ${value(of(at))}` }));
}

/** "it → animal .677, the largest of 15". Places count from the text's first token. */
export function sayWeight(map: HeadMap, [row, column]: [number, number], causal: boolean): string {
  const [i, j] = [row - map.firstQuery, column - map.firstKey];
  const width = map.keys.length;
  const [query, key] = [plain(map.queries[i]), plain(map.keys[j])];
  if (!query || !key) return "";
  const long = map.nKey > width;
  const who = long ? `“${query}” (token ${count(row + 1)}) → “${key}” (token ${count(column + 1)})` : `${query} → ${key}`;
  if (causal && column > row) return `${who}: hidden. A token of this model sees only itself and what stands before it.`;
  const weight = map.weights[i * width + j] ?? 0;
  if (long) return `${who} ${probability(weight)}`;
  const larger = Array.from({ length: width }, (_, k) => map.weights[i * width + k] ?? 0).filter((other) => other > weight).length;
  const seen = causal ? row + 1 : width;
  return `${who} ${probability(weight)}, ${larger === 0 ? "the largest" : `${ordinal(larger + 1)} largest`} of ${seen}`;
}

/** A token in a sentence: without the marks of the spaces around it. */
function plain(token = ""): string {
  return token.replace(/^·(?=[^·])|(?<=[^·])·$/g, "");
}

function ordinal(n: number): string {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${end}`;
}

/** Where a token looks most in this head. */
export function strongest(map: HeadMap, row: number): number {
  const i = row - map.firstQuery;
  let best = 0;
  for (let j = 1; j < map.keys.length; j++) if ((map.weights[i * map.keys.length + j] ?? 0) > (map.weights[i * map.keys.length + best] ?? 0)) best = j;
  return map.firstKey + best;
}

/** Which token looks most at this one in this head. */
export function strongestRow(map: HeadMap, column: number): number {
  const [j, width] = [column - map.firstKey, map.keys.length];
  let best = 0;
  for (let i = 1; i < map.queries.length; i++) if ((map.weights[i * width + j] ?? 0) > (map.weights[best * width + j] ?? 0)) best = i;
  return map.firstQuery + best;
}

export function sayFound(found: Found, at: HeadAt, query: string, key: string): string {
  const weight = found.weight.values[at.layer * found.weight.heads + at.head] ?? 0;
  const larger = Array.from(found.weight.values).filter((other) => other > weight).length;
  const rank = larger === 0 ? "the most of all" : `${ordinal(larger + 1)}`;
  const tokens = found.queryPositions.length > 1 || found.keyPositions.length > 1 ? ` Taken over ${found.queryPositions.length} × ${found.keyPositions.length} tokens.` : "";
  return `${HEAD(at)}: ${query} → ${key} ${probability(weight)}, ${rank} of ${found.weight.values.length} heads. An even spread would give ${probability(found.even)}.${tokens}`;
}

/** The list of heads with one taken out or put in, in order. */
export function toggled(off: string, at: HeadAt): string {
  const heads = headsIn(off);
  const next = heads.some((one) => same(one, at)) ? heads.filter((one) => !same(one, at)) : [...heads, at];
  return next.sort((a, b) => a.layer - b.layer || a.head - b.head).map(nameOf).join(" ");
}

/** The whole word that a token is a part of; "" for what the reader did not type. Spans count code points. */
export function wordAt(text: string, spans: ArrayLike<number>, token: number): string {
  const points = [...text];
  let [from, to] = [spans[2 * token] ?? 0, spans[2 * token + 1] ?? 0];
  while (from < to && /\s/.test(points[from] ?? "")) from++;
  while (to > from && /\s/.test(points[to - 1] ?? "")) to--;
  if (from === to) return "";
  const inWord = (point: string | undefined): boolean => point !== undefined && /[\p{L}\p{N}]/u.test(point);
  if (points.slice(from, to).some(inWord)) {
    while (inWord(points[from - 1])) from--;
    while (inWord(points[to])) to++;
  }
  return points.slice(from, to).join("");
}
