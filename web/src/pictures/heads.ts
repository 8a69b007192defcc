// heads: all heads with one large, one head alone, the heads that look from one word at another, what is left without
// some; each panel's answer as the props of its scene.
import type { FigureState, Result } from "../contracts";
import { probability, shown } from "../parts/words";
import Ablate from "../scenes/heads_ablate.svelte";
import { ablatedOf, COLD, foundOf, headsIn, mapOf, overviewOf, scoresOf, UNCLASSIFIED, type HeadAt, type HeadMap, type Hot, type Overview } from "../scenes/heads_data";
import Find from "../scenes/heads_find.svelte";
import { cut, gridOf, largeOf, longOf, ZOOMS, type Grid } from "../scenes/heads_layout";
import MapScene from "../scenes/heads_map.svelte";
import OverviewScene from "../scenes/heads_overview.svelte";
import { atlas, key, small, tile } from "../scenes/heads_pixels";
import type { Scheme } from "../svg/colours";
import type { Asked, Drawn, Seen } from "./_seen";

export const EXACT = 256; // tokens that are drawn whole; of a longer text a part
export const LINED = 64; // tokens between which lines are drawn
export const LEAST = 0.02; // weight of a line that is drawn
const GAP = 34;
const BELOW = 34; // for the key to the colours

export const SHORT: Record<string, string> = {
  "previous token": "prev", "next token": "next", "same token": "same", "first token": "first", "separator": "sep",
  "induction": "induc", "duplicate token": "dup", "syntactic arc": "synt", "similar meaning": "mean", "local": "local",
};

export const headOf = ({ knobs }: FigureState): HeadAt => ({ layer: Number(knobs["layer"] ?? 0), head: Number(knobs["head"] ?? 0) });
export const titleOf = ({ layer, head }: HeadAt): string => `Layer ${layer}, head ${head}`;
export const faceOf = ({ view }: FigureState): "squares" | "lines" => (view["face"] === "lines" ? "lines" : "squares");

/** Two tokens as the state says them, "10.2": who looks, and at whom. */
export function cellOf({ view }: FigureState): [number, number] | null {
  const [, row, column] = /^(\d+)\.(\d+)$/.exec(String(view["cell"] ?? "")) ?? [];
  return row === undefined ? null : [Number(row), Number(column)];
}

export function zoomOf({ view }: FigureState): number {
  return ZOOMS.find((zoom) => zoom === view["zoom"]) ?? 4;
}

export function questions(state: FigureState): Asked[] {
  if (state.panel === "overview") return [{ panel: "overview", knobs: {} }, { panel: "map", knobs: {} }];
  if (state.panel === "ablate") return [{ panel: "overview", knobs: { scoring: false } }, { panel: "ablate", knobs: {} }];
  return [{ panel: state.panel, knobs: {} }];
}

export const also = ({ panel }: FigureState): Asked[] => (panel === "overview" || panel === "map" ? [{ panel: "overview", knobs: { scoring: false } }, { panel: "overview", knobs: { scoring: true } }] : []);
export const picks = { map: ["layer", "head"] };

/** Pixels are made once an answer and scheme, however often the picture is drawn. */
const made = new WeakMap<Result, Map<string, unknown>>();
function once<T>(result: Result, name: string, make: () => T): T {
  let kept = made.get(result);
  if (!kept) made.set(result, (kept = new Map()));
  if (!kept.has(name)) kept.set(name, make());
  return kept.get(name) as T;
}

export const overviewIn = (result: Result): Overview => once(result, "data", () => overviewOf(result));
export const mapIn = (result: Result): HeadMap => once(result, "data", () => {
  const map = mapOf(result);
  return { ...map, queries: map.queries.map(shown), keys: map.keys.map(shown) };
});

/** The head that the answer is of: while another is on its way, not the one chosen. */
const answered = ({ knobs }: Result): HeadAt => ({ layer: Number(knobs["layer"]), head: Number(knobs["head"]) });

/** What only a screen has: the place in a long text, what is pointed at. */
export interface Live {
  window?: [row: number, column: number] | null;
  pointed?: [row: number, column: number] | null;
  hot?: Hot;
}

/** The scene's props, by panel. */
export const props = { overview: overviewProps, map: mapProps, find: findProps, ablate: ablateProps };
const SCENES = { overview: OverviewScene, map: MapScene, find: Find, ablate: Ablate };
export type PanelName = keyof typeof props;

export const panelOf = ({ panel }: FigureState): PanelName => (panel in props ? (panel as PanelName) : "overview");

export function draw(seen: Seen): Drawn<object> | null {
  const panel = panelOf(seen.state);
  const made = props[panel](seen);
  return made && { scene: SCENES[panel] as unknown as Drawn["scene"], props: made };
}

const WIDE = 720; // px from which two pictures stand side by side
const HALF = 0.54;

export function gridIn(seen: Pick<Seen, "width">, layers: number, heads: number, captions: boolean, pixels?: [number, number]): { grid: Grid; beside: boolean } {
  const lying = gridOf(layers, heads, seen.width, captions, pixels);
  const beside = seen.width >= WIDE && !lying.across;
  return { grid: beside ? gridOf(layers, heads, Math.round(seen.width * HALF), captions, pixels) : lying, beside };
}

function captionsOf({ labels }: Overview): string[][] {
  return labels.map((row) => row.map((name) => (name === UNCLASSIFIED ? "" : (SHORT[name] ?? name.slice(0, 5)))));
}

function overviewProps(seen: Seen, { hot = COLD, pointed }: Live = {}) {
  const { state, results, width, scheme = "light" } = seen;
  const result = results["overview"];
  if (!result) return null;
  const overview = overviewIn(result);
  const { grid, beside } = gridIn(seen, overview.layers, overview.heads, true, [overview.blocks, overview.rows]);
  const score = overview.scored ? (overview.scoreNames.find((name) => name === state.view["score"]) ?? "") : "";
  const selected = headOf(state);
  const map = results["map"];
  const at = beside ? { x: Math.round(width * HALF) + GAP, y: 0 } : { x: 0, y: grid.height + BELOW + 22 };
  const one = map ? oneOf(map, Math.min(beside ? width - at.x : width, 520), scheme) : null;
  const under = one ? at.y + 22 + (one.whole ? one.large.width + 24 + 15 * one.whole.about.length : one.large.height) + 6 : 0;
  const n = overview.tokens.length;
  const name = String(state.view["name"] ?? "");
  return {
    grid, pixels: score ? null : once(result, `atlas ${scheme} ${JSON.stringify(grid)}`, () => atlas(overview, grid, scheme)),
    heat: score ? scoresOf(overview, score) : null, heatName: "score", captions: captionsOf(overview), labels: overview.labels,
    shown: overview.labels.some((row) => row.includes(name)) ? name : "", one, at, width, height: Math.max(grid.height + BELOW, under), ramp: key(scheme), selected, title: "What each head looks at",
    pointed: pointed === undefined ? cellOf(state) : pointed, hot, mark: hot[1] === null ? null : (Math.floor(hot[1] / overview.block) + 0.5) / Math.ceil(n / overview.block),
  };
}

function oneOf(result: Result, width: number, scheme: Scheme) {
  const map = mapIn(result);
  const whole = map.nQuery > EXACT || map.nKey > EXACT;
  const large = whole ? { ...largeOf([], [], 0), width: Math.min(width, 340), height: Math.min(width, 340) } : largeOf(map.queries, map.keys, width, 26);
  return {
    large, pixels: once(result, `tile ${scheme}`, () => tile(map, scheme)), queries: map.queries, keys: map.keys, title: titleOf(answered(result)),
    whole: whole ? { pixels: once(result, `small ${scheme}`, () => small(map, scheme)), about: aboutSmall(map) } : null,
  };
}

/** What the small picture of a long text shows, in words. */
export function aboutSmall({ navigation: { rows, block }, nQuery }: HeadMap): string[] {
  const every = rows > 1 ? Math.round((nQuery - 1) / (rows - 1)) : 1;
  return [every > 1 ? `every ${ordinal(every)} query,` : "every query,", block > 1 ? `the largest of each ${block} keys` : "every key"];
}

function ordinal(n: number): string {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${end}`;
}

/** Too long to be drawn whole. */
export const isLong = ({ nQuery, nKey }: HeadMap): boolean => nQuery > EXACT || nKey > EXACT;

function mapProps({ state, results, width, row, scheme = "light" }: Seen, { window, pointed, hot = COLD }: Live = {}) {
  const result = results["map"];
  if (!result) return null;
  const map = mapIn(result);
  const title = `${titleOf(answered(result))}: who looks at whom`;
  const long = isLong(map) ? longOf(map.nQuery, map.nKey, width, zoomOf(state)) : null;
  const lined = !long && faceOf(state) === "lines" && Math.max(map.queries.length, map.keys.length) <= LINED;
  const large = long?.large ?? largeOf(map.queries, map.keys, width, map.keys.length <= 24 ? 32 : 24);
  const line = row >= 44 ? 30 : 24;
  const linesHeight = 34 + line * Math.max(map.queries.length, map.keys.length);
  const place = long?.at ?? { x: 0, y: 0 };
  const rampAt = { x: place.x + large.left, y: place.y + large.height + 12 };
  return {
    face: lined ? "lines" as const : "squares" as const, large, pixels: once(result, `tile ${scheme}`, () => tile(map, scheme)), queries: map.queries, keys: map.keys,
    weights: map.weights, first: [map.firstQuery, map.firstKey] as [number, number], place, window: long ? (window ?? windowOf(state, map, large)) : [0, 0] as [number, number],
    whole: long ? { ...long.small, side: long.side, pixels: once(result, `small ${scheme}`, () => small(map, scheme)), about: aboutSmall(map), nQuery: map.nQuery, nKey: map.nKey } : null,
    line, least: LEAST, rampAt, ramp: key(scheme), title, pointed: pointed === undefined ? cellOf(state) : pointed, hot,
    width: lined ? Math.min(width, 620) : width, height: lined ? linesHeight : rampAt.y + 24,
  };
}

/** Where the window of a long text stands: as the state says, within the text. */
export function windowOf({ view, knobs }: FigureState, { nQuery, nKey }: Pick<HeadMap, "nQuery" | "nKey">, { rows, columns }: { rows: number; columns: number }): [number, number] {
  const inside = (value: unknown, other: unknown, most: number): number => Math.max(0, Math.min(most, Number(value ?? other ?? 0) || 0));
  return [inside(view["row"], knobs["first_query"], nQuery - rows), inside(view["column"], knobs["first_key"], nKey - columns)];
}

function findProps(seen: Seen) {
  const { state, results, width, row, scheme = "light" } = seen;
  const result = results["find"];
  if (!result) return null;
  const found = once(result, "data", () => foundOf(result));
  const overview = results["overview"] && overviewIn(results["overview"]);
  const { grid, beside } = gridIn(seen, found.weight.layers, found.weight.heads, false);
  const at = beside ? { x: Math.round(width * HALF) + GAP, y: 0 } : { x: 0, y: grid.height + BELOW + 16 };
  const height = Math.max(24, row - 4);
  const nameAt = ({ layer, head }: HeadAt): string => overview?.labels[layer]?.[head]?.replace(UNCLASSIFIED, "") ?? "";
  return {
    grid, heat: found.weight, best: found.best.map((one) => ({ ...one, text: probability(one.weight), name: nameAt(one) })), even: found.even, at,
    barWidth: Math.min(beside ? width - at.x : width, 460), row: height, query: cut(String(state.knobs["query"]), 16), keyWord: cut(String(state.knobs["key"]), 16),
    ramp: key(scheme), width, height: Math.max(grid.height + BELOW, at.y + 66 + found.best.length * height), selected: headOf(state),
    title: `Which heads look from ${String(state.knobs["query"])} at ${String(state.knobs["key"])}`,
  };
}

const BITS = Math.LN2; // nats

function ablateProps(seen: Seen, { hot = COLD }: Live = {}) {
  const { state, results, width, row, scheme = "light" } = seen;
  const given = results["overview"];
  if (!given) return null;
  const overview = overviewIn(given);
  const result = results["ablate"];
  const ablated = result ? once(result, "data", () => ablatedOf(result)) : null;
  const { grid, beside } = gridIn(seen, overview.layers, overview.heads, true, [overview.blocks, overview.rows]);
  const at = beside ? { x: Math.round(width * HALF) + GAP, y: 0 } : { x: 0, y: grid.height + 20 };
  const height = Math.max(22, row - 6);
  const listed = (ablated?.choices ?? []).slice(0, 10);
  const bars = ablated ? at.y + 48 + listed.length * height : 0;
  const y = Math.max(grid.height, bars) + 22;
  const tokens = (ablated?.tokens ?? []).map((token, i) => tokenOf(shown(token), (ablated?.before[i] ?? NaN) / BITS, (ablated?.after[i] ?? NaN) / BITS));
  const change = ablated ? ablated.lossAfter - ablated.lossBefore : 0;
  return {
    grid, pixels: once(given, `atlas ${scheme} ${JSON.stringify(grid)}`, () => atlas(overview, grid, scheme)), captions: captionsOf(overview), off: headsIn(String(state.knobs["off"] ?? "")), selected: headOf(state), choices: listed.map((one) => ({ ...one, label: shown(one.label) })), tokens,
    loss: ablated && !Number.isNaN(ablated.lossBefore) ? [ablated.lossBefore.toFixed(3), ablated.lossAfter.toFixed(3), signed(change, 3)] as [string, string, string] : null,
    at, barWidth: Math.min(beside ? width - at.x : width, 460), row: height, below: { y, height: 210 }, width, height: ablated ? y + 210 : grid.height,
    title: "What changes without these heads", pointed: hot[1],
  };
}

/** "+0.03"; what rounds to nothing is no change. */
function signed(value: number, digits = 2): string {
  const printed = Math.abs(value).toFixed(digits);
  return Number(printed) === 0 ? "no change" : `${value > 0 ? "+" : "−"}${printed}`;
}

function tokenOf(label: string, before: number, after: number) {
  const spoken = Number.isNaN(after) ? `“${label}” is the first token: nothing says what to expect.`
    : `“${label}”: ${before.toFixed(2)} bits of surprise with all heads, ${after.toFixed(2)} without these (${signed(after - before)}).`;
  return { label, before, after, spoken };
}
