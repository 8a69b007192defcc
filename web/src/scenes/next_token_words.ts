// What the next_token picture says where it is pointed at. Every printed sum, quotient and product is true of the
// printed figures: decimals are added until it is.
import { count, number } from "../parts/words";

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
  if (one.probability === 0) return `${where}: left out by the knobs, so 0 (without top-k, top-p and min-p ${round(one.uncut, 4)}).`;
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
  const share = round(one.probability, places(one.probability));
  for (let decimals = 2; ; decimals++) {
    const z: [string, string] = [number(one.logit, decimals), number(one.largest, decimals)];
    const exponent = (read(z[0]) - read(z[1])) / one.temperature;
    const true_ = Math.exp((one.logit - one.largest) / one.temperature);
    const digits = decimals + places(true_) - 3;
    const [power, sum] = [round(true_, digits), round(one.normaliser, decimals + 1)];
    const holds = round(Math.exp(exponent), digits) === power && round(read(power) / read(sum), places(one.probability)) === share;
    if (holds || decimals >= 7) return { z, power, sum, share };
  }
}

/** −log₂ p = b bits. */
export function surprise(probability: number): string {
  const bits = Math.abs(-Math.log2(probability)).toFixed(2);
  let share = round(probability, places(probability));
  for (let more = 1; more < 8 && Math.abs(-Math.log2(read(share))).toFixed(2) !== bits; more++) share = round(probability, places(probability) + more);
  return `Surprise −log₂ ${share} = ${bits} bits.`;
}

/** Probabilities along a path, multiplied. */
export function multiplied(labels: string[], probabilities: number[]): string {
  const joint = probabilities.reduce((product, one) => product * one, 1);
  const path = labels.map(quoted).join(" → ");
  if (probabilities.length === 1) return `${path}: ${round(joint, places(joint))}. ${surprise(joint)}`;
  for (let more = 0; ; more++) {
    const factors = probabilities.map((one) => round(one, places(one) + more));
    const product = round(joint, places(joint));
    const holds = round(factors.map(read).reduce((a, b) => a * b, 1), places(joint)) === product;
    if (holds || more >= 7) return `${path}: ${factors.join(" × ")} = ${product}. ${surprise(joint)}`;
  }
}

export function entropyLine(bits: number): string {
  const choices = 2 ** bits;
  const feels = choices < 9.95 ? choices.toFixed(1) : count(Math.round(choices));
  return `entropy ${bits.toFixed(2)} bits, as unsure as among ${feels}`;
}

export function quoted(label: string): string {
  return `“${label}”`;
}

/** Decimals so that at least three digits of a share count. */
function places(value: number): number {
  return value >= 0.1 || value <= 0 ? 3 : Math.min(12, 2 - Math.floor(Math.log10(value)));
}

function round(value: number, decimals: number): string {
  return number(value, Math.min(15, Math.max(0, decimals)));
}

function trim(value: number): string {
  return String(Number(value.toFixed(4)));
}

function read(text: string): number {
  return Number(text.replace("−", "-"));
}
