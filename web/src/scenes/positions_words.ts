// What the figure `positions` says of what is pointed at: numbers and sums as the answer has them.
import { count, number } from "../parts/words";
import { pairAt, toldBy, type LoadedModel, type PairsData, type SchemesData, type ShiftData, type ShuffledModel, type SinusoidData, type Way } from "./positions_data";
import { readout } from "./parts/scale";

const FOUR = (value: number): string => number(value, 4);
export const tiny = (value: number): string => value.toExponential(1).replace("-", "−");

/** 11.2 positions, 47,117 positions. */
export const positions = (value: number): string => `${value >= 1000 ? count(Math.round(value)) : readout(value)} positions`;

export function verdict(way: Way, rounding: number): [string, string] {
  const same = way.largest <= rounding;
  return [same ? "the same vectors" : `changes up to ${number(way.largest, 2)}`, `texts’ cosine ${same ? number(way.cosine, 4) : number(way.cosine, 2)}`];
}

export function shuffleSentence(model: ShuffledModel, way: Way, token: number, rounding: number): string {
  const value = way.differences[token] ?? 0;
  const to = model.cameFrom.indexOf(token);
  const place = to === token ? `stays in place ${token}` : `goes from place ${token} to place ${to}`;
  const change = value <= rounding ? `the same vector (they differ by ${tiny(value)} of its length, which is rounding)` : `a vector that differs by ${number(value, 3)} of its length`;
  return `${model.name}, ${way.name}${way.trained ? ", as it was trained" : ""}: “${model.tokens[token]}” ${place} and gets ${change}. Largest: ${way.arithmetic}.`;
}

export function sinusoidSentence(data: SinusoidData, position: number, dimension: number): string {
  const pair = dimension >> 1;
  const rule = (data.rule[dimension] ?? "").replaceAll("pos", String(position));
  return `PE(${position}, ${dimension}) = ${rule} = ${FOUR(data.values[position * data.columns + dimension] ?? 0)}. This pair comes round every ${positions(data.wavelength[pair] ?? 0)}.`;
}

export function pairSentence(data: PairsData, p: number, q: number): string {
  const apart = Math.abs(p - q);
  const sum = data.arithmetic[apart] ?? "";
  return apart === 0 ? `PE(${p}) · PE(${p}): ${sum}, as of every row with itself.` : `PE(${p}) · PE(${q}), ${apart} apart: ${sum}.`;
}

export function shiftSentence(data: ShiftData, row: number, column: number): string {
  const pair = row >> 1;
  const entry = FOUR(data.values[row * data.columns + column] ?? 0);
  const where = column >> 1 === pair ? `pair ${pair} turns by ${readout(data.angle[pair] ?? 0, 4)} radians` : "another pair, so 0";
  return `Entry (${row}, ${column}) of M: ${entry}, ${where}. Row ${row} times PE(${data.position}): ${data.arithmetic[row]}; PE(${data.position + data.k}, ${row}) is ${FOUR(data.direct[row] ?? 0)}.`;
}

export function schemesSentence(data: SchemesData, query: number, key: number): string {
  if (key > query) return `Key ${key} stands after query ${query}: a decoder does not look there.`;
  const at = pairAt(query, key);
  return `Query at ${query}, key at ${key}, ${query - key} apart: ${data.names.map((name, s) => `${name} ${FOUR(data.scores[s]?.[at] ?? NaN)}`).join(", ")}.`;
}

export function spreadWords(data: SchemesData, scheme: number): string {
  const [spread, range] = [data.spread[scheme] ?? 0, data.range[scheme] ?? 0];
  if (range < 1e-9) return "the same everywhere";
  return spread < 1e-9 ? "distance alone decides" : `equal distance: ±${number(spread / 2, 2)}`;
}

export function loadedSentence(model: LoadedModel, p: number, q: number): string {
  const value = model.values[p * model.columns + q] ?? NaN;
  const apart = Math.abs(p - q);
  const [low, high] = [model.low[apart] ?? 0, model.high[apart] ?? 0];
  const others = high - low < 5e-5 ? "as for every pair so far apart" : `pairs so far apart lie between ${number(low, 2)} and ${number(high, 2)}`;
  return `${model.name}: positions ${p} and ${q}, ${apart} apart: ${FOUR(value)}; ${others}.`;
}

export function movedSentence(model: LoadedModel, token: number, rounding: number): string {
  const value = model.moved[token] ?? 0;
  const change = value <= rounding ? `its output stays the same (${tiny(value)} of its length is rounding)` : `its output changes by ${number(value, 3)} of its length`;
  return `${model.name}: the whole text moved ${count(model.movedBy)} positions on, “${model.tokens[token]}”: ${change}.`;
}

export function loadedLines(model: LoadedModel): string[] {
  const { wavelength: waves, slopes } = model;
  if (waves.length > 0) return [`${waves.length} pairs come round in ${positions(Math.min(...waves))}`, `to ${positions(Math.max(...waves))}; ${model.slow} not within its ${count(model.context)}.`];
  if (slopes.length > 0) return [`Slopes of its ${slopes.length} heads, from ${readout(Math.max(...slopes))}`, `down to ${readout(Math.min(...slopes))} for each position.`];
  if (model.rows > 0) return [`${count(model.context)} rows, each learned on its own;`, `the nearest two: cosine ${number(model.closest, 2)}.`];
  return [`${toldBy(model.scheme)}.`];
}
