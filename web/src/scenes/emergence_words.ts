// What is said of a model, a point of a curve, an ability: the same on the page and off it.
import { month, power, size, type Abilities, type CurvesData, type Entries, type Measure } from "./emergence_data";
import { rowOf } from "./emergence_layout";
import { readout } from "./parts/scale";

export function modelSentence({ models }: Entries, { name }: Measure, at: number): string {
  const model = models[at];
  if (!model) return "";
  const row = rowOf(model, name);
  const what = !row ? `${name}: no number was seen in a document.` : `${name}: ${row.text} (${row.about}). Seen in ${row.source}.`;
  return `${model.name} (${model.maker}, ${month(model.date)}). ${what}`;
}

export function pointSentence(data: CurvesData, line: number, at: number): string {
  const [curve, unit] = [data.curves[line], data.unit === "%" ? " %" : data.unit === "BLEU, %" ? "" : ` ${data.unit}`];
  const point = curve?.points[at];
  if (!curve || !point) return "";
  const step = point.arithmetic ? ` With ${data.steps} steps that all have to be right, one step would be right ${readout(point.step)} % of the time: ${point.arithmetic}. That is arithmetic, not a measurement.` : "";
  return `${curve.name}, ${size(point.size)} parameters: ${point.score}${unit}. Published in ${curve.source}.${step}`;
}

export function abilitySentence({ abilities, source }: Abilities, at: number): string {
  const ability = abilities[at];
  if (!ability) return "";
  return `${ability.name} (${ability.how}): of the sizes of ${ability.model} that were tried, the smallest that did better than guessing has ${size(ability.parameters)} parameters; its training took ${power(ability.flops)} operations. ${source}.`;
}
