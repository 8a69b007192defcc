/** Scales and ticks for charts: from numbers to places in the picture. */

export interface Edges {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Tick {
  at: number; // px
  text: string;
  name?: string; // a second line
}

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

/** The powers of ten between low and high; with 2 and 5 times each where that would be too few. */
function powers(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const tens = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  const within = (values: number[]): number[] => values.filter((value) => value >= low && value <= high);
  const whole = within(tens);
  return whole.length >= 3 ? whole : within(tens.flatMap((ten) => [ten, 2 * ten, 5 * ten]));
}

function steps(low: number, high: number): number[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
}

/** The logarithmic extent that holds all values with some air. */
export function logExtent(values: readonly number[], air = 1.6): Extent {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  return { low: Math.min(...positive) / air, high: Math.max(...positive) * air, log: true };
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A tick as one writes it: 0.1, 1, 10, 1,000; beyond that as a power of ten. */
export function tickText(value: number): string {
  if (value === 0) return "0";
  const power = Math.round(Math.log10(value));
  if (Math.abs(value / 10 ** power - 1) > 1e-9) return String(Math.round(value * 1000) / 1000);
  if (power >= -2 && power <= 4) return value.toLocaleString("en", { maximumFractionDigits: 2 });
  const digits = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return `10${power < 0 ? "⁻" : ""}${digits.join("")}`;
}

/** So many significant digits, with a true minus sign. */
export function readout(value: number, digits = 3): string {
  if (value === 0) return "0";
  const text = Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en")
    : Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

/** Places from the top down, moved so far that each is at least `gap` below the one before. */
export const apart = (places: readonly number[], gap: number): number[] => places.reduce<number[]>((made, y) => [...made, Math.max(y, (made.at(-1) ?? -Infinity) + gap)], []);
