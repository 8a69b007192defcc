// What is read out of a training run: sentences whose arithmetic holds as it is printed.
import { count, number } from "../parts/words";

const DECIMALS = 4;
const MOST = 12;

/** What is known of a run at one report. */
export interface At {
  name: string;
  tokens: number;
  step: number;
  steps: number;
  loss: number;
  perplexity: number;
  predicted: number;
  bitsPerByte: number; // NaN where not all of the text was measured
  bytes: number;
  window: { nats: number; tokens: number; from: number; to: number } | null; // of the training loss at that step
}

export function reportSentence(at: At): string {
  const of = at.steps > 0 ? ` of ${count(at.steps)}` : "";
  const when = `${at.name} after ${count(at.tokens)} tokens (step ${count(at.step)}${of})`;
  return [`${when}: ${heldOut(at)}.`, bits(at), training(at)].filter(Boolean).join(" ");
}

function heldOut({ loss, perplexity, predicted, bitsPerByte }: At): string {
  const all = Number.isFinite(bitsPerByte) ? "all" : "the first";
  return `held out, ${all} ${count(predicted)} tokens: ${powered(loss, perplexity)}`;
}

/** Loss and perplexity, with as many digits of the loss as its power needs. */
export function powered(loss: number, perplexity: number): string {
  if (!Number.isFinite(perplexity)) return `${number(loss, DECIMALS)} nats a token, perplexity beyond any number`;
  const digits = perplexity >= 1e6 ? 0 : perplexity >= 100 ? 1 : 2;
  const shown = perplexity.toFixed(digits);
  const d = decimals((d) => Math.exp(Number(loss.toFixed(d))).toFixed(digits) === shown);
  return `${number(loss, d)} nats a token, perplexity e^${number(loss, d)} = ${grouped(shown)}`;
}

function bits({ loss, predicted, bytes, bitsPerByte }: At): string {
  if (!Number.isFinite(bitsPerByte) || bytes === 0) return "";
  const shown = bitsPerByte.toFixed(DECIMALS);
  const d = decimals((d) => ((Number(loss.toFixed(d)) * predicted) / bytes / Math.LN2).toFixed(DECIMALS) === shown);
  return `${number(loss, d)} × ${count(predicted)} tokens ÷ ${count(bytes)} bytes ÷ ln 2 = ${shown} bits a byte.`;
}

function training({ window }: At): string {
  if (!window) return "";
  const mean = (window.nats / window.tokens).toFixed(DECIMALS);
  const d = decimals((d) => (Number(window.nats.toFixed(d)) / window.tokens).toFixed(DECIMALS) === mean, 1);
  return `Training, steps ${count(window.from)} to ${count(window.to)}: ${grouped(window.nats.toFixed(d))} nats ÷ ${count(window.tokens)} tokens = ${mean} nats a token.`;
}

/** The fewest decimals with which what is printed follows from what is printed. */
function decimals(holds: (decimals: number) => boolean, first = DECIMALS): number {
  for (let d = first; d < MOST; d++) if (holds(d)) return d;
  return MOST;
}

function grouped(shown: string): string {
  const [whole = "", rest] = shown.split(".");
  return rest === undefined ? count(Number(whole)) : `${count(Number(whole))}.${rest}`;
}
