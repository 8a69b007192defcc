// What the next_token picture says where it is pointed at. Every printed sum, quotient and product is true of the
// printed figures: decimals are added until it is.
import { count, number } from "../parts/words";

const MOST = 9; // extra digits; a float64 has no more to give

export interface Pointed {
  label: string;
  rank: number; // from 1
  vocabulary: number;
  logit: number;
  largest: number;
  temperature: number;
  normaliser: number; // sum of e^((z - largest) / temperature) over the kept
  kept: number;
  probability: number;
  uncut: number; // probability with the temperature alone
}

/** One bar in words, with the arithmetic that gave it. */
export function explained(one: Pointed): string {
  const where = `${quoted(one.label)}, rank ${count(one.rank)} of ${count(one.vocabulary)}`;
  if (one.temperature === 0) return greedy(one, where);
  if (one.probability === 0 && one.uncut === 0) return `${where}: its share is too small for a float64, below 1e−308.`;
  if (one.probability === 0) return `${where}: left out by the knobs, so 0 (without top-k, top-p and min-p ${digits(one.uncut, 3)}).`;
  const over = one.kept === one.vocabulary ? `the sum over all ${count(one.vocabulary)}` : `the sum over the ${count(one.kept)} that are kept`;
  return `${where}: ${softmax(one)}, where ${printedSum(one)} is ${over}. ${surprise(one.probability)}`;
}

function greedy(one: Pointed, where: string): string {
  return one.probability === 1
    ? `${where}: at temperature 0 the largest logit, ${number(one.logit, 2)}, takes everything.`
    : `${where}: at temperature 0 only the largest logit counts; this one is ${number(one.logit, 2)}, the largest ${number(one.largest, 2)}.`;
}

/** e^(z − z₁) ÷ Σ = a ÷ Σ = p, in as few decimals as make it true. */
function softmax(one: Pointed): string {
  const { z, power, sum, share } = figures(one);
  const divided = one.temperature === 1 ? `(${z[0]} − ${z[1]})` : `((${z[0]} − ${z[1]}) ÷ ${trim(one.temperature)})`;
  return `e^${divided} ÷ ${sum} = ${power} ÷ ${sum} = ${share}`;
}

function printedSum(one: Pointed): string {
  return figures(one).sum;
}

function figures(one: Pointed): { z: [string, string]; power: string; sum: string; share: string } {
  const share = digits(one.probability, 3);
  const true_ = Math.exp((one.logit - one.largest) / one.temperature);
  const fraction = (more: number) => [digits(true_, 3 + more), digits(one.normaliser, 4 + more)] as const;
  const [power, sum] = fraction(fewest((more) => digits(read(fraction(more)[0]) / read(fraction(more)[1]), 3) === share));
  const logits = (more: number): [string, string] => [number(one.logit, 2 + more), number(one.largest, 2 + more)];
  const raised = (more: number) => Math.exp((read(logits(more)[0]) - read(logits(more)[1])) / one.temperature);
  const z = logits(fewest((more) => digits(raised(more), power.replace(/e.*|\./g, "").replace(/^0+/, "").length) === power));
  return { z, power, sum, share };
}

/** The smallest number of extra digits with which what is printed holds. */
function fewest(holds: (more: number) => boolean): number {
  let more = 0;
  while (more < MOST && !holds(more)) more++;
  return more;
}

/** −log₂ p = b bits. */
export function surprise(probability: number): string {
  const bits = Math.abs(Math.log2(probability)).toFixed(2);
  const more = fewest((more) => Math.abs(Math.log2(read(digits(probability, 3 + more)))).toFixed(2) === bits);
  return `Surprise −log₂ ${digits(probability, 3 + more)} = ${bits} bits.`;
}

/** Probabilities along a path, multiplied. */
export function multiplied(labels: string[], probabilities: number[]): string {
  const joint = probabilities.reduce((product, one) => product * one, 1);
  const product = digits(joint, 3);
  const factors = (more: number) => probabilities.map((one) => digits(one, 3 + more));
  const more = fewest((more) => digits(factors(more).map(read).reduce((a, b) => a * b, 1), 3) === product);
  const sum = probabilities.length > 1 ? `${factors(more).join(" × ")} = ` : "";
  return `${labels.map(quoted).join(" → ")}: ${sum}${product}. ${surprise(joint)}`;
}

export function entropyLine(bits: number): string {
  const choices = 2 ** bits;
  const feels = choices < 9.95 ? choices.toFixed(1) : count(Math.round(choices));
  return `entropy ${bits.toFixed(2)} bits, as unsure as among ${feels}`;
}

export function quoted(label: string): string {
  return `“${label}”`;
}

/** So many digits that count; what is very small as 1.23e−17. */
function digits(value: number, count: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (value < 1e-4) return value.toExponential(count - 1).replace("-", "−");
  return value.toFixed(Math.max(0, count - 1 - Math.floor(Math.log10(value))));
}

function trim(value: number): string {
  return String(Number(value.toFixed(4)));
}

function read(text: string): number {
  return Number(text.replace("−", "-"));
}
