// positions: the same words in another order, sinusoids, their dot products, the shift, four schemes, loaded models.
import type { FigureState, Result } from "../contracts";
import type { Cell } from "../parts/spots";
import { loadedOf, pairsOf, schemesOf, shiftOf, shuffledOf, sinusoidsOf, type Grid } from "../scenes/positions_data";
import Loaded from "../scenes/positions_loaded.svelte";
import Pairs from "../scenes/positions_pairs.svelte";
import Schemes from "../scenes/positions_schemes.svelte";
import Shift from "../scenes/positions_shift.svelte";
import Shuffle from "../scenes/positions_shuffle.svelte";
import Sinusoids from "../scenes/positions_sinusoids.svelte";
import { loadedLayout, schemesLayout, shuffleLayout, sinusoidLayout, squareLayout } from "../scenes/positions_layout";
import { keyOf, pixelsOf } from "../scenes/unit_maps_data";
import { once } from "./_once";
import type { Drawn, Seen } from "./_seen";

export type Panel = "shuffle" | "sinusoids" | "pairs" | "shift" | "schemes" | "loaded";
const SCENES = { shuffle: Shuffle, sinusoids: Sinusoids, pairs: Pairs, shift: Shift, schemes: Schemes, loaded: Loaded };
const PROPS = { shuffle: shuffleProps, sinusoids: sinusoidProps, pairs: pairProps, shift: shiftProps, schemes: schemesProps, loaded: loadedProps };
/** Where each map is looked at before the reader has chosen. */
const HOME: Partial<Record<Panel, Cell>> = { sinusoids: [0, 7, 8], pairs: [0, 12, 20], shift: [0, 2, 2], loaded: [0, 12, 20] };

export const panelOf = ({ panel }: FigureState): Panel => (panel in SCENES ? (panel as Panel) : "shuffle");

export const DATA = { shuffle: once(shuffledOf), sinusoids: once(sinusoidsOf), pairs: once(pairsOf), shift: once(shiftOf), schemes: once(schemesOf), loaded: once(loadedOf) };

/** The cell that the state names for this panel, inside of its map; a place to begin without. */
export function chosenIn({ view }: FigureState, panel: Panel, sizes: readonly Grid[]): Cell {
  const found = /^(\d+)\.(\d+)\.(\d+)$/.exec(String(view[panel] ?? ""))?.slice(1).map(Number) ?? HOME[panel] ?? [0, 0, 0];
  const map = Math.min(found[0] ?? 0, Math.max(0, sizes.length - 1));
  const { rows, columns } = sizes[map] ?? { rows: 1, columns: 1 };
  return [map, Math.min(found[1] ?? 0, Math.max(0, rows - 1)), Math.min(found[2] ?? 0, Math.max(0, columns - 1))];
}

/** Of each map of a panel, how many cells it has. */
export function sizesOf(panel: Panel, result: Result): readonly Grid[] {
  if (panel === "shuffle") return [];
  if (panel === "loaded") return DATA.loaded(result);
  if (panel === "schemes") {
    const { n, names } = DATA.schemes(result);
    return names.map(() => ({ rows: n, columns: n, values: [] }));
  }
  return [DATA[panel](result) as Grid];
}

const heat = ({ values, rows, columns }: Grid, range: number, { scheme = "light" }: Seen) => pixelsOf(values, Math.max(1, columns), Math.max(1, rows), true, range, scheme);
const key = ({ scheme = "light" }: Seen) => keyOf(true, scheme);
const largest = (values: ArrayLike<number>): number => Array.from(values).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1;

function shuffleProps({ width, row, look }: Seen, result: Result) {
  const models = DATA.shuffle(result);
  return { models, looks: models.map(({ model }) => look(model)), rounding: Number(result.data["rounding"]), width, high: row, title: "The same words in another order" };
}

function sinusoidProps(seen: Seen, result: Result) {
  const data = DATA.sinusoids(result);
  return { data, pixels: heat(data, 1, seen), key: key(seen), width: seen.width, chosen: chosenIn(seen.state, "sinusoids", [data]), title: `Sinusoids of ${data.rows} positions in ${data.columns} dimensions` };
}

function pairProps(seen: Seen, result: Result) {
  const data = DATA.pairs(result);
  return { data, pixels: heat(data, data.own, seen), key: key(seen), width: seen.width, chosen: chosenIn(seen.state, "pairs", [data]), title: `Dot products of ${data.rows} positions with one another` };
}

function shiftProps(seen: Seen, result: Result) {
  const data = DATA.shift(result);
  const strip = (values: number[]) => heat({ rows: 1, columns: values.length, values }, 1, seen);
  return {
    data, pixels: heat(data, 1, seen), strips: [data.before, data.moved, data.direct].map(strip), key: key(seen), width: seen.width,
    chosen: chosenIn(seen.state, "shift", [data]), title: `The matrix that moves a position ${data.k} on`,
  };
}

function schemesProps(seen: Seen, result: Result) {
  const data = DATA.schemes(result);
  const most = largest(data.scores.flat());
  const whole = (scores: readonly number[]): number[] => {
    const values = new Array<number>(data.n ** 2).fill(0);
    scores.forEach((score, i) => (values[(data.query[i] ?? 0) * data.n + (data.key[i] ?? 0)] = score));
    return values;
  };
  const pixels = data.scores.map((scores) => heat({ rows: data.n, columns: data.n, values: whole(scores) }, most, seen));
  return { data, pixels, key: key(seen), most, width: seen.width, chosen: data.chosen, title: "One query word and one key word at every pair of places" };
}

const CELL = 40; // px that a token takes at least

function loadedProps(seen: Seen, result: Result) {
  const all = DATA.loaded(result);
  const across = Math.max(1, Math.min(all.length, Math.floor((seen.width + 28) / 318)));
  const most = Math.floor((seen.width / across - 28) / CELL);
  const models = all.map((model) => ({ ...model, tokens: model.tokens.slice(0, most), moved: model.moved.slice(0, most) }));
  return {
    models, looks: models.map(({ model }) => seen.look(model)), pixels: models.map((model) => heat(model, 1, seen)), key: key(seen), rounding: Number(result.data["rounding"]),
    width: seen.width, high: seen.row, chosen: chosenIn(seen.state, "loaded", models), title: "What loaded models know of places",
  };
}

/** Room for the picture of a panel until its answer is there, for a short text. */
export function roomFor(panel: Panel, models: number, width: number, row: number): number {
  const some = Array.from({ length: models }, () => ({ tokens: ["", "", "", "", ""], rows: 64 }));
  if (panel === "shuffle") return shuffleLayout(some, width, row).height;
  if (panel === "loaded") return loadedLayout(some, width, row).height;
  if (panel === "schemes") return schemesLayout(width).height;
  return panel === "sinusoids" ? sinusoidLayout(64, width).height : squareLayout(width, panel === "pairs" ? 346 : 370).height;
}

export function draw(seen: Seen): Drawn<object> | null {
  const panel = panelOf(seen.state);
  const result = seen.results[panel];
  const props = result && PROPS[panel](seen, result);
  return props ? { scene: SCENES[panel] as unknown as Drawn["scene"], props } : null;
}
