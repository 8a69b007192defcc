// The page's state in the URL's fragment: #v1&text=…&models=a,b&runs=c,d&ID.KNOB=…&ID.panel=…&ID.view.KEY=…
// Values are JSON unless they are plain strings. What is not understood is left out, with a sentence; never a crash.
import type { Figure, FigureState, Json, Knob } from "./contracts";

export const VERSION = "v1";

/** What a link says about one figure, by its data-id. */
export interface FigureLink {
  panel?: string;
  knobs: Record<string, Json>;
  view: Record<string, Json>;
}

export interface Link {
  text?: string;
  target?: string;
  models?: string[];
  runs?: string[];
  figures: Record<string, FigureLink>;
  notes: string[]; // sentences on what was left out
}

/** A fragment that is not ours (an anchor) gives null. */
export function parse(fragment: string): Link | null {
  const [version, ...parts] = fragment.replace(/^#/, "").split("&");
  if (!version || !/^v\d+$/.test(version)) return null;
  const link: Link = { figures: Object.create(null) as Link["figures"], notes: [] };
  if (version !== VERSION) {
    link.notes.push(`This link is of version ${version}; this page reads ${VERSION}, so the page opens at its start.`);
    return link;
  }
  for (const part of parts) if (part) take(part, link);
  return link;
}

function take(part: string, link: Link): void {
  const cut = part.indexOf("=");
  const key = decoded(cut < 0 ? part : part.slice(0, cut));
  const value = decoded(cut < 0 ? "" : part.slice(cut + 1));
  if (key === null || value === null) link.notes.push(`A part of the link is damaged and was left out: ${part.slice(0, 60)}`);
  else if (key === "text") link.text = value;
  else if (key === "target") link.target = value;
  else if (key === "models") link.models = value.split(",").filter(Boolean);
  else if (key === "runs") link.runs = value.split(",").filter(Boolean);
  else if (!takeFigure(key, value, link)) link.notes.push(`The link says “${key.slice(0, 60)}”, which this page does not know.`);
}

function takeFigure(key: string, value: string, link: Link): boolean {
  const [id, name, ...rest] = key.split(".");
  if (!id || !name || id === "__proto__") return false;
  const figure = (link.figures[id] ??= { knobs: {}, view: {} });
  if (name === "panel" && rest.length === 0) figure.panel = value;
  else if (name === "view" && rest.length > 0) figure.view[rest.join(".")] = json(value);
  else if (rest.length === 0) figure.knobs[name] = json(value);
  else return false;
  return true;
}

/** The fragment of what differs from the start, or of everything when `start` is left out. */
export function format(now: FigureState[], ids: string[], start?: FigureState[]): string {
  const parts = [VERSION];
  const put = (key: string, value: string) => parts.push(`${encode(key)}=${encode(value)}`);
  const [first] = now;
  const [origin] = start ?? [];
  /** The reader's choice is the same everywhere; where figures differ, each stands at its own start. */
  const moved = (of: (state: FigureState) => string): boolean =>
    first !== undefined && now.every((state) => of(state) === of(first)) && now.some((state, i) => !start?.[i] || of(state) !== of(start[i]));
  if (first && moved((state) => state.text)) put("text", first.text);
  if (first && first.target !== (origin?.target ?? "")) put("target", first.target);
  if (first && moved((state) => state.models.join())) put("models", first.models.join(","));
  if (first && first.runs.join() !== (origin?.runs ?? []).join()) put("runs", first.runs.join(","));
  now.forEach((state, i) => figureParts(state, ids[i] ?? "", start?.[i]).forEach(([key, value]) => put(key, value)));
  return parts.length === 1 ? "" : `#${parts.join("&")}`;
}

function figureParts(state: FigureState, id: string, start: FigureState | undefined): [string, string][] {
  const parts: [string, string][] = [];
  if (state.panel !== start?.panel) parts.push([`${id}.panel`, state.panel]);
  const both = [["", state.knobs, start?.knobs], ["view.", state.view, start?.view]] as const;
  for (const [prefix, values, origin] of both) {
    for (const [name, value] of Object.entries(values)) {
      const [before, now] = prefix === "" ? [origin?.[name], value] : [origin?.[name] ?? null, value ?? null]; // what a view has not, and null, are one
      if (start ? JSON.stringify(now) !== JSON.stringify(before) : prefix === "" || now !== null) parts.push([`${id}.${prefix}${name}`, plain(value)]);
    }
  }
  return parts;
}

/** A link's knobs, held to the figure's own: unknown names and impossible values are left out, with a sentence each. */
export function fitting(link: FigureLink, figure: Figure, notes: string[]): { panel?: string; knobs: Record<string, Json> } {
  const known = knobsOf(figure);
  const knobs: Record<string, Json> = {};
  for (const [name, value] of Object.entries(link.knobs)) {
    const knob = Object.hasOwn(known, name) ? known[name] : undefined;
    const fitted = knob && fit(value, knob);
    if (!knob) notes.push(`The link turns “${name}”, a knob that ${figure.name} does not have; it was left out.`);
    else if (fitted === undefined) notes.push(`The link sets ${name} to ${plain(value).slice(0, 40)}, which it cannot be; it was left out.`);
    else knobs[name] = fitted;
  }
  const panel = figure.panels.find((one) => one.name === link.panel)?.name;
  if (link.panel && !panel) notes.push(`The link asks for “${link.panel}”, a panel that ${figure.name} does not have.`);
  return panel ? { panel, knobs } : { knobs };
}

/** All knobs of a figure's panels; same-named knobs share one value. */
export function knobsOf(figure: Figure): Record<string, Knob> {
  const all: Record<string, Knob> = {};
  for (const panel of figure.panels) for (const [name, knob] of Object.entries(panel.knobs.properties)) all[name] ??= knob;
  return all;
}

export function defaults(figure: Figure): Record<string, Json> {
  return Object.fromEntries(Object.entries(knobsOf(figure)).map(([name, knob]) => [name, knob.default ?? null]));
}

/** The value as the knob can hold it, or undefined. Matrices are the server's to judge. */
export function fit(value: Json, knob: Knob): Json | undefined {
  if (knob["x-matrix"] || knob.type === "array") return value === null || Array.isArray(value) ? value : undefined;
  if (knob.enum) return knob.enum.find((one) => String(one) === String(value));
  if (knob.type === "boolean") return typeof value === "boolean" ? value : undefined;
  if (knob.type === "string") return fitText(value, knob);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  if (knob.type === "integer" && !Number.isInteger(value)) return undefined;
  const inside = value >= (knob.minimum ?? -Infinity) && value <= (knob.maximum ?? Infinity);
  return inside ? value : undefined;
}

function fitText(value: Json, knob: Knob): string | undefined {
  const text = typeof value === "string" ? value : plain(value);
  return text.length <= (knob.maxLength ?? Infinity) ? text : undefined;
}

/** A copy that shares nothing with what it was made from. */
export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** A string stays plain unless it would read as JSON. */
function plain(value: Json): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return typeof json(value) === "string" && !value.startsWith('"') ? value : JSON.stringify(value);
}

function json(value: string): Json {
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part.replace(/\+/g, " "));
  } catch {
    return null;
  }
}

function encode(part: string): string {
  return encodeURIComponent(part.toWellFormed()).replace(/%20/g, "+").replace(/%2C/g, ",");
}
