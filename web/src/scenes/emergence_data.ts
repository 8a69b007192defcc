// The answers of the figure `emergence` as its scenes take them.
import type { NdArray, Result } from "../contracts";
import type { EmergenceCurves, EmergencePublished, EmergenceThresholds } from "../generated";

export interface Row {
  what: string;
  value: number; // NaN where it is not disclosed
  text: string;
  about: string;
  cite: string; // document in short, table or section
  source: string; // the same with its title
  link: string;
}

export interface Model {
  name: string;
  family: string;
  maker: string;
  date: string;
  year: number;
  news: Row | null; // what it could newly do
  rows: Row[];
}

export interface Measure {
  name: string;
  unit: string;
  chance: number;
}

export interface Entries {
  models: Model[];
  measures: Measure[];
}

export interface Point {
  size: number;
  score: number;
  step: number; // NaN without steps
  arithmetic: string;
}

export interface Curve {
  name: string;
  source: string;
  link: string;
  points: Point[];
}

export interface CurvesData {
  title: string;
  about: string;
  unit: string;
  lower: boolean;
  exact: boolean;
  chance: number;
  steps: number;
  curves: Curve[];
}

export interface Ability {
  name: string;
  how: string;
  model: string;
  parameters: number;
  flops: number;
}

export interface Abilities {
  abilities: Ability[];
  source: string;
  link: string;
}

const list = (field: NdArray): number[] => Array.from(field.values);

export function entriesOf({ data }: Result): Entries {
  const said = data as unknown as EmergencePublished;
  const [of, value, year, chance] = [list(said.number_model), list(said.number_value), list(said.year), list(said.chance)];
  const row = (i: number): Row => ({
    what: said.number_what[i] ?? "", value: value[i] ?? NaN, text: said.number_text[i] ?? "", about: said.number_about[i] ?? "",
    cite: `${said.number_cite[i]}, ${said.number_where[i]}`, source: `${said.number_source[i]}, ${said.number_where[i]}`, link: said.number_link[i] ?? "",
  });
  const news = (i: number): Row | null => (said.new[i] ? { what: "new", value: NaN, text: said.new[i] ?? "", about: "", cite: "", source: said.new_source[i] ?? "", link: said.new_link[i] ?? "" } : null);
  const models = said.names.map((name, i): Model => ({
    name, family: said.families[i] ?? "", maker: said.makers[i] ?? "", date: said.dates[i] ?? "", year: year[i] ?? 0, news: news(i),
    rows: of.flatMap((one, k) => (one === i ? [row(k)] : [])),
  }));
  return { models, measures: said.measures.map((name, i) => ({ name, unit: said.units[i] ?? "", chance: chance[i] ?? NaN })) };
}

export function curvesOf({ data }: Result): CurvesData {
  const said = data as unknown as EmergenceCurves;
  const [of, size, score, step] = [list(said.point_line), list(said.size), list(said.score), list(said.per_step)];
  const points = (line: number): Point[] => of.flatMap((one, k) => (one === line ? [{ size: size[k] ?? 0, score: score[k] ?? 0, step: step[k] ?? NaN, arithmetic: said.arithmetic[k] ?? "" }] : []));
  const curves = said.names.map((name, i): Curve => ({ name, source: said.sources[i] ?? "", link: said.links[i] ?? "", points: points(i) }));
  const { title, about, unit, lower, exact, chance, steps } = said;
  return { title, about, unit, lower, exact, chance, steps, curves };
}

export function abilitiesOf({ data }: Result): Abilities {
  const said = data as unknown as EmergenceThresholds;
  const [parameters, flops] = [list(said.parameters), list(said.flops)];
  const abilities = said.abilities.map((name, i): Ability => ({ name, how: said.how[i] ?? "", model: said.models[i] ?? "", parameters: parameters[i] ?? 0, flops: flops[i] ?? 0 }));
  return { abilities, source: said.source, link: said.link };
}

/** 175e9 -> "175 billion"; for an axis "175 B". */
export function size(value: number, short = false): string {
  const found = ([[1e12, "trillion", "T"], [1e9, "billion", "B"], [1e6, "million", "M"]] as const).find(([one]) => value >= one * 0.9999);
  if (!found) return value.toLocaleString("en", { maximumFractionDigits: 1 });
  return `${Number((value / found[0]).toPrecision(4))} ${short ? found[2] : found[1]}`;
}

/** 3.1e23 -> "3.1 × 10²³". */
export function power(value: number): string {
  const [digits = "", exponent = ""] = value.toExponential().split("e+");
  const raised = [...exponent].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
  return digits === "1" ? `10${raised}` : `${digits} × 10${raised}`;
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/** "2020-05" -> "May 2020". */
export function month(date: string): string {
  const [year = "", number = "1"] = date.split("-");
  return `${MONTHS[Number(number) - 1]} ${year}`;
}
