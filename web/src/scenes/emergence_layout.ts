// Where models, curves and abilities stand in the pictures of `emergence`. Pure: the same numbers, the same picture.
import { folded } from "./path_length_layout";
import { size, type Abilities, type CurvesData, type Entries, type Measure, type Model, type Row } from "./emergence_data";
import { apart, scale, tickText, type Edges, type Scale, type Tick } from "./parts/scale";

export const NARROW = 560;
const SCORES = new Set(["MMLU", "HumanEval"]); // per cent: a linear axis
/** px of a name. */
const wide = (name: string): number => [...name].reduce((sum, letter) => sum + (/[A-Z]/.test(letter) ? 8.6 : 6.7), 0);

// ---- models over time

export interface Dot {
  model: number;
  family: number; // sizes of one design
  x: number;
  y: number;
  hidden: boolean; // not disclosed: it stands above the axis
}

export interface Name {
  model: number;
  text: string;
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
}

export interface Told {
  row: Row;
  y: number;
  what: string[];
  about: string[];
  text: string[];
  source: string[];
}

export interface PublishedLayout {
  plot: Edges;
  height: number;
  hiddenAt: number; // y of what is not disclosed
  chanceAt: number; // y of guessing; NaN without
  dots: Dot[];
  stems: string; // lines that join the sizes of one design
  names: Name[];
  xTicks: Tick[];
  yTicks: Tick[];
  missing: string[]; // what is not drawn
  entry: { y: number; head: string; news: string[]; newsSource: string[]; newsAt: number; rows: Told[]; columns: [number, number, number, number] };
}

/** The row of a model that says this. */
export const rowOf = (model: Model, what: string): Row | undefined => model.rows.find((row) => row.what === what);

export function publishedLayout({ models }: Entries, measure: Measure, chosen: number, width: number): PublishedLayout {
  const narrow = width < NARROW;
  const plot = { left: narrow ? 52 : 64, right: width - 16, top: 74, bottom: narrow ? 372 : 412 };
  const hiddenAt = 46;
  const values = models.map((model) => rowOf(model, measure.name)?.value ?? NaN);
  const y = upScale(values, measure, plot);
  const x = scale({ low: 2017.2, high: 2025.4, log: false }, plot.left + 8, plot.right - 8);
  const families = [...new Set(models.map(({ family }) => family))];
  const dots = models.flatMap((model, i): Dot[] => {
    const row = rowOf(model, measure.name);
    if (!row) return [];
    const hidden = !Number.isFinite(row.value);
    return [{ model: i, family: families.indexOf(model.family), x: x(model.year), y: hidden ? hiddenAt : y(row.value), hidden }];
  });
  const years = narrow ? [2018, 2020, 2022, 2024] : [2018, 2019, 2020, 2021, 2022, 2023, 2024, 2025];
  const missing = models.length - dots.length;
  const notes = missing > 0 ? folded(`${missing} models are not drawn: no such number of theirs was seen in a document.`, width - plot.left, 6.3) : [];
  const entryAt = plot.bottom + 52 + 17 * notes.length;
  return {
    plot, hiddenAt, dots, missing: notes,
    chanceAt: Number.isFinite(measure.chance) ? y(measure.chance) : NaN,
    stems: stemsOf(dots),
    names: namesOf(models, dots, chosen, plot),
    xTicks: years.map((year) => ({ at: x(year), text: String(year) })),
    yTicks: y.ticks.map((value) => ({ at: y(value), text: SCORES.has(measure.name) ? String(value) : axisText(value, measure.name) })),
    ...entryLayout(models[chosen], entryAt, width, narrow),
  };
}

function upScale(values: number[], { name }: Measure, { bottom, top }: Edges): Scale {
  if (SCORES.has(name)) return scale({ low: 0, high: 100, log: false }, bottom, top);
  const known = values.filter((value) => value > 0);
  return scale({ low: Math.min(...known) / 1.5, high: Math.max(...known) * 1.5, log: true }, bottom, top);
}

const axisText = (value: number, name: string): string => (value >= 1e6 ? size(value, true) : name === "layers" || name === "heads" ? tickText(value) : value.toLocaleString("en"));

function stemsOf(dots: Dot[]): string {
  const seen = dots.filter(({ hidden }) => !hidden);
  return seen.flatMap((dot, i) => {
    const before = seen[i - 1];
    return before && before.family === dot.family ? [`M${before.x.toFixed(1)} ${before.y.toFixed(1)}L${dot.x.toFixed(1)} ${dot.y.toFixed(1)}`] : [];
  }).join("");
}

interface Rect {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The largest of each design is named where there is room, the chosen one in any case, then the GPTs, then the others. */
function namesOf(models: Model[], dots: Dot[], chosen: number, plot: Edges): Name[] {
  const last = new Map(dots.map((dot) => [dot.family, dot]));
  const rank = ({ model }: Dot): number => (model === chosen ? 0 : models[model]?.name.startsWith("GPT") ? 1 : 2);
  const wanted = [...last.values(), ...dots.filter(({ model, family }) => model === chosen && last.get(family)?.model !== chosen)].sort((a, b) => rank(a) - rank(b));
  const taken: Rect[] = dots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  const names: Name[] = [];
  for (const dot of wanted) {
    const model = models[dot.model];
    const text = dot.model === chosen ? (model?.name ?? "") : (model?.family ?? "");
    const found = placesOf(dot, text, dot.model === chosen ? 14 : 10).find(({ rect }) => rect.left >= plot.left + 2 && rect.right <= plot.right + 14 && !taken.some((one) => meets(one, rect)));
    const place = found ?? (dot.model === chosen ? placesOf(dot, text, 14)[dot.x > (plot.left + plot.right) / 2 ? 1 : 0] : undefined);
    if (!place) continue;
    taken.push(place.rect);
    names.push({ model: dot.model, text, x: place.x, y: place.y, anchor: place.anchor });
  }
  return names;
}

const meets = (a: Rect, b: Rect): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function placesOf({ x, y }: Dot, text: string, gap: number): (Omit<Name, "model" | "text"> & { rect: Rect })[] {
  const long = wide(text) + 2;
  return [
    { x: x + gap, y: y + 4, anchor: "start" as const, rect: { left: x + 8, right: x + gap + long, top: y - 8, bottom: y + 8 } },
    { x: x - gap, y: y + 4, anchor: "end" as const, rect: { left: x - gap - long, right: x - 8, top: y - 8, bottom: y + 8 } },
    { x, y: y - 11, anchor: "middle" as const, rect: { left: x - long / 2, right: x + long / 2, top: y - 23, bottom: y - 7 } },
    { x, y: y + 20, anchor: "middle" as const, rect: { left: x - long / 2, right: x + long / 2, top: y + 7, bottom: y + 24 } },
  ];
}

const [LINE, GAP] = [16, 12];

/** What is known of one model, row by row: what, how much, what that means, where it was seen. */
function entryLayout(model: Model | undefined, top: number, width: number, narrow: boolean): Pick<PublishedLayout, "entry" | "height"> {
  const columns: [number, number, number, number] = narrow ? [0, 0, 0, 0] : [0, Math.round(width * 0.21), Math.round(width * 0.38), Math.round(width * 0.77)];
  const room = columns.map((x, i) => (narrow ? width : (columns[i + 1] ?? width) - x) - (i === 3 || narrow ? 0 : 14));
  const news = model?.news ? folded(model.news.text, width + 12, 7) : [];
  const newsSource = model?.news ? folded(model.news.source, width + 12, 6.4) : [];
  const newsAt = top + 26;
  let y = newsAt + 20 * news.length + LINE * newsSource.length + (news.length ? GAP + 4 : 4);
  const rows = (model?.rows ?? []).map((row): Told => {
    const prose = row.about === ""; // a sentence: it takes the place of what it means
    const what = folded(row.what, (room[0] ?? 0) + 24, 7.2);
    const about = prose ? [] : folded(row.about, (room[2] ?? 0) + 24, 6.3);
    const text = folded(row.text, (room[1] ?? 0) + 24 + (prose && !narrow ? (room[2] ?? 0) : 0), prose ? 7 : 8);
    const source = folded(row.cite, (room[3] ?? 0) + 24, 6.4);
    const told = { row, y, what, about, text, source };
    y += LINE * (narrow ? what.length + about.length + text.length + source.length : Math.max(what.length, text.length, about.length, source.length)) + GAP;
    return told;
  });
  return { entry: { y: top, head: model?.name ?? "", news, newsSource, newsAt, rows, columns }, height: y + 4 };
}

// ---- scores over size

export interface CurvesLayout {
  plot: Edges;
  height: number;
  x: Scale;
  y: (score: number) => number; // what is below the axis stands on its lower edge
  xTicks: Tick[];
  yTicks: Tick[];
  names: { curve: number; text: string; y: number; from: number; at: number }[];
  head: string[];
  about: string[];
  foot: string[];
}

const FLOOR = 0.02; // per cent; the smallest that was published is 0.05, one sum of 2,000

export function curvesLayout(data: CurvesData, log: boolean, width: number): CurvesLayout {
  const narrow = width < NARROW;
  const head = folded(data.title, width + 20, 7.3);
  const about = folded(`${data.about}, ${data.unit}`, width + 20, 6.5);
  const top = 24 + 18 * (head.length + about.length);
  const plot = { left: 50, right: width - (narrow ? 16 : 176), top, bottom: top + (narrow ? 300 : 330) };
  const all = data.curves.flatMap(({ points }) => points);
  const x = scale({ low: Math.min(...all.map((point) => point.size)) / 1.35, high: Math.max(...all.map((point) => point.size)) * 1.35, log: true }, plot.left, plot.right);
  const high = Math.max(...all.map((point) => point.score));
  const most = data.exact || data.unit.endsWith("%") ? 100 : Math.ceil(high / 20) * 20;
  const least = data.lower ? Math.min(...all.map((point) => point.score)) / 1.3 : FLOOR;
  const extent = log ? { low: least, high: data.lower ? high * 1.3 : most, log: true } : { low: 0, high: most, log: false };
  const up = scale(extent, plot.bottom, plot.top);
  const y = (score: number): number => up(Math.max(extent.low, score));
  const zero = log && !data.lower && all.some(({ score }) => score < FLOOR) ? [{ at: plot.bottom, text: "0" }] : [];
  const ends = data.curves.map(({ points }) => y(points.at(-1)?.score ?? 0)).map((from, curve) => ({ curve, from })).sort((a, b) => a.from - b.from);
  const lines = apart(ends.map(({ from }) => Math.max(plot.top + 4, from) + 4), 17);
  const names = ends.map(({ curve, from }, i) => ({ curve, from, at: plot.right, text: data.curves[curve]?.name ?? "", y: narrow ? plot.bottom + 64 + 18 * i : (lines[i] ?? 0) }));
  const foot = footOf(data, log, zero.length > 0, width);
  const footAt = narrow ? plot.bottom + 64 + 18 * names.length : Math.max(plot.bottom + 58, (lines.at(-1) ?? 0) + 26);
  return {
    plot, x, y, head, about, foot,
    names: names.map((name) => ({ ...name, at: footAt })),
    xTicks: roomy(x.ticks.map((value) => ({ at: x(value), text: size(value, true) }))),
    yTicks: [...up.ticks.filter((value) => zero.length === 0 || value > FLOOR * 1.5).map((value) => ({ at: up(value), text: tickText(value) })), ...zero],
    height: footAt + 17 * foot.length + 4,
  };
}

/** Of ticks that would touch only some: first those that say a power of ten. */
function roomy(ticks: Tick[]): Tick[] {
  const round = ({ text }: Tick): number => (/^10*\b/.test(text) ? 0 : 1);
  const taken = [...ticks].sort((a, b) => round(a) - round(b)).reduce<Tick[]>((kept, tick) => (kept.every(({ at }) => Math.abs(at - tick.at) >= 48) ? [...kept, tick] : kept), []);
  return ticks.filter((tick) => taken.includes(tick));
}

function footOf({ steps, exact }: CurvesData, log: boolean, zero: boolean, width: number): string[] {
  const ghost = exact && steps > 1 ? [`Dashed: how often one step would be right, if an answer had ${steps} that all have to be.`] : [];
  const floor = log && zero ? ["0 has no place on a logarithmic axis: it stands at the lower edge."] : [];
  return [...ghost, ...floor].flatMap((line) => folded(line, width + 14, 6.4));
}

// ---- the size at which something was first seen

export interface Place {
  ability: number;
  x: number;
  y: number;
  label: string[];
  labelAt: number;
  text: string;
}

export interface AbilitiesLayout {
  plot: Edges;
  height: number;
  places: Place[];
  ticks: Tick[];
}

export function abilitiesLayout({ abilities }: Abilities, flops: boolean, width: number): AbilitiesLayout {
  const narrow = width < NARROW;
  const left = narrow ? 8 : Math.min(330, Math.round(width * 0.4));
  const value = (i: number): number => (flops ? abilities[i]?.flops : abilities[i]?.parameters) ?? 1;
  const values = abilities.map((_, i) => value(i));
  const x = scale({ low: Math.min(...values) / 2, high: Math.max(...values) * (flops ? 6 : 3), log: true }, left, width - (narrow ? 8 : 96));
  const pitch = narrow ? 46 : 27;
  const top = 40;
  const order = abilities.map((_, i) => i).sort((a, b) => value(a) - value(b));
  const places = order.map((ability, row): Place => {
    const y = top + pitch * row + (narrow ? 32 : 12);
    return { ability, x: x(value(ability)), y, label: [abilities[ability]?.name ?? ""], labelAt: narrow ? y - 14 : y + 4, text: abilities[ability]?.model ?? "" };
  });
  const bottom = top + pitch * abilities.length + 8;
  const every = narrow ? 2 : 1;
  return { plot: { left, right: width - (narrow ? 8 : 96), top, bottom }, places, height: bottom + 40, ticks: x.ticks.filter((_, i) => i % every === 0).map((tick) => ({ at: x(tick), text: flops ? tickText(tick) : size(tick, true) })) };
}
