// Where an answer comes from, in one line of words each: under a figure, and inside a file of its picture.
import type { Provenance, Result } from "./contracts";

export const KINDS = { computed: "computed now", trained: "trained by this project", published: "published", recorded: "recorded earlier" };

export function sourceOf(entry: Provenance): string {
  return [entry.name, entry.dtype, entry.device, entry.version, ...(entry.seed === null ? [] : [`seed ${entry.seed}`])].join(" · ");
}

/** What a file of a picture says of itself. A file is no longer “now”: it says by what it was computed. */
export function aboutOf(question: string, panel: string, result: Result | undefined): string {
  const sources = (result?.provenance ?? []).map((entry) => `${entry.kind}: ${sourceOf(entry)}`);
  return [`${question} (${result?.figure ?? ""}, ${panel})`, ...sources].join("\n");
}
