// Numbers of any size in figures, and arithmetic whose printed sides agree.

const DIGITS = 3;
const MOST = 12;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** So many significant figures: 0.0123, 12.3, 1.23×10⁻⁷. */
export function figures(value: number, digits = DIGITS): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "unknown" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const [mantissa = "0", power = "0"] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 7) return `${mantissa.replace("-", "−")}×10${raised(exponent)}`;
  return value.toFixed(Math.max(0, digits - 1 - exponent)).replace("-", "−");
}

function raised(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return `${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));

/** The fewest digits, from `digits` on, with which the printed sides give the printed result. */
function enough(holds: (digits: number) => boolean, digits: number): number {
  let more = digits;
  while (more < MOST && !holds(more)) more++;
  return more;
}

/** `a × b = c`. */
export function product(a: number, b: number, digits = DIGITS): string {
  const result = figures(a * b, digits);
  const more = enough((n) => figures(rounded(a, n) * rounded(b, n), digits) === result, digits);
  return `${figures(a, more)} × ${figures(b, more)} = ${result}`;
}

/** `a ÷ b = c`. */
export function quotient(a: number, b: number, digits = DIGITS): string {
  const result = figures(a / b, digits);
  const more = enough((n) => figures(rounded(a, n) / rounded(b, n), digits) === result, digits);
  return `${figures(a, more)} ÷ ${figures(b, more)} = ${result}`;
}

/** `√c = d`, of a length d. */
export function root(length: number, digits = DIGITS): string {
  const result = figures(length, digits);
  const more = enough((n) => figures(Math.sqrt(rounded(length * length, n)), digits) === result, digits);
  return `√(${figures(length * length, more)}) = ${result}`;
}

/** `a^(1/k) = b`. */
export function perStep(a: number, k: number, digits = DIGITS): string {
  const result = figures(a ** (1 / k), digits);
  const more = enough((n) => figures(rounded(a, n) ** (1 / k), digits) === result, digits);
  return `${figures(a, more)}^(1/${k}) = ${result}`;
}

export const steps = (k: number): string => `${k} ${k === 1 ? "step" : "steps"}`;
