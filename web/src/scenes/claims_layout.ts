// Where the parts of a claim and the rows of the verdicts stand. Pure: the same answer, the same picture.
import { barsLayout, type BarsLayout } from "./claims_bars";
import type { Bound, ClaimData, Row, VerdictsData } from "./claims_data";
import { linesLayout, type LinesLayout } from "./claims_lines";
import { LINE, lines, monoLines, NARROW } from "./claims_text";

export type PlotLayout = LinesLayout | BarsLayout;

// ---- the whole claim

export interface Paragraph {
  y: number;
  lead: string;
  text: string[];
  mono?: boolean;
}

export interface BoundRow {
  bound: Bound;
  y: number;
  says: string[];
  found: string[];
}

export interface ClaimLayout {
  height: number;
  head: string[];
  verdictAt: number;
  why: string[];
  whyAt: number;
  warnings: Paragraph[];
  question: Paragraph;
  plots: PlotLayout[];
  boundsAt: number;
  bounds: BoundRow[];
  columns: [number, number, number]; // what must be, what was found, kept
  rest: Paragraph[];
}

export function claimLayout(data: ClaimData, width: number): ClaimLayout {
  const narrow = width < NARROW;
  const head = lines(`${data.number}. ${data.says}`, width - 16, 16.5);
  const verdictAt = 22 * head.length + 16;
  const why = lines(data.why, width);
  const whyAt = verdictAt + 22;
  let y = whyAt + LINE * why.length + 4;
  const paragraph = (lead: string, words: string, mono = false): Paragraph => {
    const made = { y, lead, mono, text: mono ? monoLines(words, width) : lines(words, width) };
    y += LINE * (made.text.length + (lead ? 1 : 0)) + 10;
    return made;
  };
  const warnings = data.warnings.map((warning) => paragraph("", warning));
  const question = paragraph("", data.question);
  const plots = data.plots.map((plot, i) => {
    const made = (plot.bars ? barsLayout : linesLayout)(plot, i, y + 10, width);
    y = made.bottom + 22;
    return made;
  });
  const boundsAt = y;
  y += data.bounds.length > 0 ? 26 : 0;
  const columns: ClaimLayout["columns"] = narrow ? [72, 72, 0] : [80, width - 262, width - 82];
  const bounds = data.bounds.map((bound): BoundRow => {
    const says = lines(bound.says, narrow ? width - 72 : width - 262 - 80 - 16);
    const found = lines(bound.found, narrow ? width - 72 : 176, 13.5);
    const row = { bound, y, says, found };
    y += LINE * (narrow ? says.length + found.length : Math.max(says.length, found.length)) + 10;
    return row;
  });
  y += data.bounds.length > 0 ? 14 : 0;
  const rest = [
    ...data.method.map((line, i) => paragraph(i === 0 ? "How it was tested" : "", line)),
    paragraph("What would change the verdict", data.turns),
    paragraph("Where it is said", data.source),
    paragraph("Run it again", data.command, true),
    ...(data.took ? [paragraph("", data.took)] : []),
  ];
  return { height: y, head, verdictAt, why, whyAt, warnings, question, plots, boundsAt, bounds, columns, rest };
}

// ---- all verdicts

export interface VerdictRow {
  row: Row;
  top: number;
  height: number;
  says: string[];
  verdictAt: number;
  found: string[];
  foundAt: number;
  about: string;
}

export interface VerdictsLayout {
  height: number;
  counted: string[];
  rows: VerdictRow[];
  columns: { says: number; verdict: number; found: number };
}

export function verdictsLayout({ counted, rows }: VerdictsData, width: number): VerdictsLayout {
  const narrow = width < NARROW;
  const head = lines(counted, width, 14.5);
  const columns = narrow ? { says: 30, verdict: 30, found: 30 } : { says: 34, verdict: width - 352, found: width - 188 };
  let y = 20 * head.length + 14;
  const made = rows.map((row): VerdictRow => {
    const says = lines(row.says, narrow ? width - 30 : width - 352 - 34 - 16);
    const found = row.found ? lines(row.found, narrow ? width - 30 : 188) : [];
    const about = row.seeds > 0 ? `${row.seeds} seed${row.seeds === 1 ? "" : "s"}, ${minutesOf(row.minutes)} core-min.` : "";
    const top = y;
    const text = top + 22;
    const verdictAt = narrow ? text + LINE * says.length + 3 : text;
    const foundAt = narrow ? verdictAt + LINE + 2 : text;
    const deep = narrow ? foundAt + LINE * found.length + (about ? LINE : 0) - top - 8 : Math.max(says.length, found.length + (about ? 1 : 0), row.own ? 2 : 1) * LINE + 14;
    const height = Math.max(44, deep + (narrow && row.own ? LINE : 0));
    y += height;
    return { row, top, height, says, verdictAt, found, foundAt, about };
  });
  return { height: y + 2, counted: head, rows: made, columns };
}

export function minutesOf(value: number): string {
  if (value === 0 || value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 1 ? value.toFixed(1) : value >= 0.005 ? value.toFixed(2) : "< 0.01";
}
