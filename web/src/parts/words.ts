// How numbers and tokens are put into words, the same in every part.

const COUNT = new Intl.NumberFormat("en");

/** 49152 -> "49,152". */
export function count(value: number): string {
  return COUNT.format(value);
}

/** A token as it can be seen: a space is ·, many are ·×31, a line break ⏎, a tab ⇥, what has no form its code, ‹U+200D›. */
export function shown(token: string): string {
  return formed(token).replace(/^ +| +$/g, (spaces) => (spaces.length > 6 ? `·×${spaces.length}` : "·".repeat(spaces.length))).replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll("\r", "␍");
}

const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/gu;

function formed(token: string): string {
  const unseen = /^[\p{Cf}\p{Mn}\p{Me}]+$/u.test(token) ? /./gsu : CONTROL;
  return token.replace(unseen, (point) => `‹${code(point)}›`);
}

/** 07, as half a character shows its bytes; beyond ASCII U+200D. */
function code(point: string): string {
  const value = point.codePointAt(0) ?? 0;
  const digits = value.toString(16).toUpperCase();
  return value < 0x80 ? digits.padStart(2, "0") : `U+${digits.padStart(4, "0")}`;
}

/** A model's name in a picture: of a path on this machine only its end. */
export function modelName(name: string): string {
  return /^([/~.]|[A-Za-z]:)/.test(name) ? (name.split(/[/\\]/).filter(Boolean).at(-1) ?? name) : name;
}

/** 134515008 -> "135 million". */
export function parameters(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} billion`;
  return value >= 1e6 ? `${Math.round(value / 1e6)} million` : count(value);
}

/** A probability as a share of one, three decimals, never rounding something to nothing. */
export function probability(value: number): string {
  if (value === 0) return "0";
  if (value < 0.0005) return value < 1e-9 ? value.toExponential(0).replace("-", "−") : `${significant(value)}`;
  return value > 0.9995 && value < 1 ? ">.999" : value.toFixed(3).replace(/^0/, "");
}

function significant(value: number): string {
  return value.toFixed(Math.min(9, 1 - Math.floor(Math.log10(value)))).replace(/^0/, "");
}

/** A number with a true minus sign. */
export function number(value: number, decimals: number): string {
  return Number.isFinite(value) ? value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1").replace("-", "−") : String(value).replace("-", "−");
}

/** 93012345 -> "93 MB". */
export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

/** How far something is: "reading weights: 3 of 30"; bytes as megabytes. */
export function far({ done, total, note }: { done: number; total: number; note: string }): string {
  const [what, unit] = note.endsWith(", bytes") ? [note.slice(0, -7), true] : [note || "computing", false];
  const words = what.replace(/^./, (first) => first.toUpperCase());
  if (total <= 1) return words;
  return unit ? `${words}: ${Math.floor(done / 1e6)} of ${megabytes(total)}` : `${words}: ${count(done)} of ${count(total)}`;
}
