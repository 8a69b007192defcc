/** Scales and ticks for charts: from numbers to places in the picture. */

export interface Scale {
  (value: number): number;
  ticks: number[];
}

export interface Extent {
  low: number;
  high: number;
  log: boolean;
}

export function scale({ low, high, log }: Extent, from: number, to: number): Scale {
  const place = log ? Math.log : (value: number) => value;
  const [a, b] = [place(low), place(high)];
  const at = (value: number): number => from + ((place(value) - a) / (b - a)) * (to - from);
  return Object.assign(at, { ticks: log ? powers(low, high) : steps(low, high) });
}

/** The powers of ten between low and high. */
function powers(low: number, high: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 10 ** (first + i));
}

function steps(low: number, high: number): number[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
}

/** The logarithmic extent that holds all values, rounded out to powers of ten. */
export function decades(values: readonly number[]): Extent {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high)), log: true };
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A tick as one writes it: 0.1, 1, 10, 1,000; beyond that as a power of ten. */
export function tickText(value: number): string {
  if (value === 0) return "0";
  const power = Math.round(Math.log10(value));
  if (Math.abs(value / 10 ** power - 1) > 1e-9) return String(Math.round(value * 1000) / 1000);
  if (power >= -2 && power <= 4) return value.toLocaleString("en", { maximumFractionDigits: 2 });
  return `10${power < 0 ? "⁻" : ""}${[...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")}`;
}

/** Three significant digits, with a true minus sign. */
export function readout(value: number): string {
  if (value === 0) return "0";
  const text = Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en")
    : Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}
