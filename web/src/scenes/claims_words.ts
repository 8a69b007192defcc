// What is said of the parts of a claim's pictures, and of a row of the verdicts.
import { written } from "./claims_axes";
import type { ClaimData, Row, Series } from "./claims_data";

/** What is said of a point of a picture. */
export function pointSentence({ plots }: ClaimData, pick: string): string {
  const [p, s, i] = pick.split(".").map(Number);
  const plot = plots[p ?? 0];
  const series: Series | undefined = plot?.series[s ?? 0];
  const point = series?.points[i ?? 0];
  if (!plot || !series || !point) return "";
  const where = plot.names[point.x] ?? (plot.bars ? "" : `${plot.x} ${written(point.x, 5)}`);
  const named = [series.name, where].filter(Boolean).join(", ");
  const found = point.low === point.high ? written(point.mean, 4) : `${written(point.mean, 4)} (${written(point.low, 4)} to ${written(point.high, 4)}, ${point.n} values)`;
  return `${named}: ${plot.y} ${found}.`;
}

export function rowSentence(row: Row): string {
  const decided = row.found ? ` ${row.found}: ${row.decidedBy}.` : "";
  return `${row.number}. ${row.says} ${row.verdict[0]?.toUpperCase() ?? ""}${row.verdict.slice(1)}.${decided}${row.own ? " Run on this machine." : ""}`;
}
