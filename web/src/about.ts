// Where an answer comes from, in one line of words each: under a figure, and inside a file of its picture.
import type { Provenance, Result } from "./contracts";

export const KINDS = { computed: "computed now", trained: "computed now", published: "published", recorded: "recorded earlier" };
const DIGITS = 8; // of a hash, where it is read and not compared

export function sourceOf(entry: Provenance): string {
  const name = entry.training ? `by ${entry.name}, ${entry.training}${entry.hash ? `, sha256 ${entry.hash.slice(0, DIGITS)}…` : ""}` : entry.name;
  return [name, entry.dtype, entry.device, entry.version, entry.seed === null ? "" : `seed ${entry.seed}`].filter((part) => part !== "").join(" · ");
}

/** What a file of a picture says of itself. A file is no longer “now”: it says by what it was computed. */
export function aboutOf(question: string, panel: string, result: Result | undefined): string {
  const sources = (result?.provenance ?? []).map((entry) => `${entry.kind === "trained" ? "computed" : entry.kind}: ${sourceOf(entry)}`);
  return [`${question} (${result?.figure ?? ""}, ${panel})`, ...sources].join("\n");
}
