// Presentation of what a model has computed: temperature, top-k, top-p and min-p over its logits, so that a dragged
// knob needs no new question. The same order as sampling.py, in float64; tests hold the two together.

export interface Sampling {
  temperature: number; // 0 = all on the largest
  topK: number; // 0 = off
  topP: number; // 1 = off
  minP: number; // 0 = off
}

export interface Distribution {
  probabilities: Float64Array; // in the order of the logits given; exactly 0 for what was removed
  kept: number; // how many are above 0
  entropyBits: number;
  normaliser: number; // sum of e^((z - largest) / temperature) over the kept
}

/** Falling logits -> the distribution after the knobs. */
export function distributionOf(falling: ArrayLike<number>, knobs: Sampling): Distribution {
  const probabilities = new Float64Array(falling.length);
  let kept = keptByRank(falling.length, knobs);
  const sum = softmax(falling, knobs.temperature, kept, probabilities);
  if (knobs.topP < 1) kept = keptByMass(probabilities, kept, knobs.topP);
  kept = keptByShare(probabilities, kept, knobs.minP);
  const normaliser = sum * renormalise(probabilities, kept);
  const bits = entropyBits(falling, knobs.temperature, probabilities, kept, normaliser);
  return { probabilities, kept: positive(probabilities, kept), entropyBits: bits, normaliser };
}

function keptByRank(vocabulary: number, { temperature, topK }: Sampling): number {
  if (temperature === 0) return Math.min(1, vocabulary);
  return topK > 0 ? Math.min(topK, vocabulary) : vocabulary;
}

/** Fills the first `kept` with their softmax; gives the sum of the powers. The largest is subtracted first. */
function softmax(falling: ArrayLike<number>, temperature: number, kept: number, into: Float64Array): number {
  const largest = falling[0] ?? 0;
  const divisor = temperature || 1;
  let sum = 0;
  for (let i = 0; i < kept; i++) sum += into[i] = Math.exp(((falling[i] as number) - largest) / divisor);
  for (let i = 0; i < kept; i++) into[i] = (into[i] as number) / sum;
  return sum;
}

/** How many of the largest it takes to reach the mass p; at least one. */
function keptByMass(probabilities: Float64Array, kept: number, p: number): number {
  let mass = 0;
  for (let i = 0; i < kept; i++) {
    mass += probabilities[i] as number;
    if (mass >= p) return i + 1;
  }
  return kept;
}

/** How many are at least the share p of the largest. */
function keptByShare(probabilities: Float64Array, kept: number, p: number): number {
  const least = p * (probabilities[0] ?? 0);
  let last = kept;
  while (last > 1 && (probabilities[last - 1] as number) < least) last--;
  return last;
}

/** Zero beyond `kept`, sum 1 within; gives the mass that `kept` had. */
function renormalise(probabilities: Float64Array, kept: number): number {
  probabilities.fill(0, kept);
  let mass = 0;
  for (let i = 0; i < kept; i++) mass += probabilities[i] as number;
  for (let i = 0; i < kept; i++) probabilities[i] = (probabilities[i] as number) / mass;
  return mass;
}

function positive(probabilities: Float64Array, kept: number): number {
  let last = kept;
  while (last > 0 && probabilities[last - 1] === 0) last--;
  return last;
}

/** -Σ p log p, with log p = z - log Σ e^z: one logarithm for the whole vocabulary. */
function entropyBits(falling: ArrayLike<number>, temperature: number, probabilities: Float64Array, kept: number, normaliser: number): number {
  const largest = falling[0] ?? 0;
  const divisor = temperature || 1;
  let mean = 0; // of z
  for (let i = 0; i < kept; i++) {
    const p = probabilities[i] as number;
    if (p > 0) mean += p * (((falling[i] as number) - largest) / divisor);
  }
  return Math.max(0, (Math.log(normaliser) - mean) / Math.LN2);
}

export interface Powers {
  shares: Float64Array; // factor^k, k from 0
  vanishedAfter: number; // fewest steps to 0.001 or less; Infinity when never
  explodedAfter: number; // fewest steps to 1000 or more
  halfLife: number; // steps in which it halves
  doubling: number; // steps in which it doubles
}

export const [VANISHED, EXPLODED] = [1e-3, 1e3];

/** One factor, again and again: gradient_flow.py's `factor`. */
export function powersOf(factor: number, steps: number): Powers {
  const halves = factor === 1 ? Infinity : Math.LN2 / Math.abs(Math.log(factor));
  return {
    shares: Float64Array.from({ length: steps + 1 }, (_, k) => factor ** k),
    vanishedAfter: firstPast(factor, VANISHED),
    explodedAfter: firstPast(factor, EXPLODED),
    halfLife: factor < 1 ? halves : Infinity,
    doubling: factor > 1 ? halves : Infinity,
  };
}

/** Fewest whole steps k with factor^k at the level or beyond it, seen from 1. */
function firstPast(factor: number, level: number): number {
  if (factor === 1 || factor < 1 !== level < 1) return Infinity;
  return Math.ceil(Math.round((Math.log(level) / Math.log(factor)) * 1e9) / 1e9);
}

/** What clipping multiplies a gradient of this length by. Pascanu et al. 2013, §3.2. */
export function clippedBy(norm: number, threshold: number): number {
  return norm > threshold ? threshold / norm : 1;
}
