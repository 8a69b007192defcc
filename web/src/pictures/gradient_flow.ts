// gradient_flow: one factor, real networks, Jacobians, two units, as the props of their scenes. What is a formula of the knobs
// alone (factor^k, clipping) is drawn from the knobs, so that a dragged one asks nothing.
import type { FigureState, Result } from "../contracts";
import { DASHES, HUES, type Look } from "../looks";
import { clippedBy, powersOf } from "../presentation";
import { CURVES, curvesOf, curveValues, flowOf, stepsOf, type Curve, type FlowModel } from "../scenes/gradient_data";
import Factor from "../scenes/gradient_factor.svelte";
import Jacobians from "../scenes/gradient_jacobians.svelte";
import Network from "../scenes/gradient_network.svelte";
import TwoUnits from "../scenes/gradient_two_units.svelte";
import { numbers, strings } from "../scenes/heads_data";
import { plotOf, rangeOf, type Line } from "../scenes/parts/lines";
import { once } from "./_once";
import type { Asked, Drawn, Seen } from "./_seen";

const WIDE = 700;
const FIXED: Record<string, Asked["knobs"]> = { factor: { factor: 0.9, steps: 100 }, network: { clip: 1 } };

export function questions({ panel }: FigureState): Asked[] {
  return [{ panel, knobs: FIXED[panel] ?? {} }];
}

type Given = Pick<Seen, "state" | "results" | "width" | "look">;

/** The step that the state names, if it is one of the picture's. */
export function pointedIn({ view }: FigureState, count: number): number | null {
  const k = view["step"];
  return typeof k === "number" && Number.isInteger(k) && k >= 0 && k < count ? k : null;
}

const inked = { hue: "ink", colour: "#1d1c1a" };
const quiet = { hue: "quiet", colour: "#615d55", width: 1.5 };
const coloured = ({ hue }: Look) => ({ hue: `m${hue + 1}`, colour: HUES[hue] ?? "#1d1c1a" });

export function factorProps({ state, width }: Pick<Given, "state" | "width">) {
  const [factor, steps] = [Number(state.knobs["factor"] ?? 0.9), Number(state.knobs["steps"] ?? 100)];
  const powers = powersOf(factor, steps);
  const lines: Line[] = [{ name: "", values: [...powers.shares], ...inked, hue: "accent", colour: "#0b5c8a", dash: "", width: 2.5 }];
  const height = width < WIDE ? 340 : 380;
  const plot = plotOf({ x: 0, y: 0, width, height }, lines, steps + 1, [1e-6, 1e6]);
  return { factor, powers, lines, plot, width, height, title: `${factor} multiplied by itself, ${steps} times`, pointed: pointedIn(state, steps + 1) };
}

export const flowIn = once(flowOf);

/** What the answer's weights are, if not simply the trained ones. */
export function alteredIn({ knobs }: Result): string {
  const radius = Number(knobs["radius"] ?? 0);
  return `${knobs["weights"] === "start" ? ", at the start" : ""}${radius > 0 ? `, radius ${radius}` : ""}`;
}

/** What the reader chose to see of the answer: layer, the LSTM's curves, the scale. */
export function chosenIn({ view }: FigureState): { layer: string; curves: string; relative: boolean } {
  const layer = String(view["layer"] ?? "0");
  return {
    layer: /^\d+$/.test(layer) || layer === "input" ? layer : "0",
    curves: CURVES.find((one) => one === view["curves"]) ?? "all",
    relative: view["scale"] !== "absolute",
  };
}

/** The cell's line is a broad one, the highway; both together are dotted. */
const KIND = { h: { width: 2.25 }, c: { width: 5, broad: true }, "h,c": { width: 2.25 } };

function lineOf(models: FlowModel[], curve: Curve, look: Look, relative: boolean): Line {
  const dash = curve.kind === "h,c" ? "1.5 3" : (DASHES[look.line] ?? "");
  return { name: curve.name, values: curveValues(models, curve, relative), ...coloured(look), ...KIND[curve.kind], dash };
}

export function networkProps({ state, results, width, look }: Given) {
  const result = results["network"];
  if (!result) return null;
  const models = flowIn(result);
  const { layer, curves: wanted, relative } = chosenIn(state);
  const curves = curvesOf(models, layer, wanted);
  const lookOf = (m: number): Look => look(state.models[m] ?? "");
  const lines = curves.map((curve) => lineOf(models, curve, lookOf(curve.model), relative));
  const count = Math.max(1, ...models.map(({ tokens }) => tokens.length));
  const chart = width < WIDE ? 360 : 400;
  const plot = plotOf({ x: 0, y: 0, width, height: chart }, lines, count, rangeOf(lines.flatMap(({ values }) => values)));
  const threshold = Number(state.knobs["clip"] ?? 1);
  const clipped = models.map((model, m) => ({ name: model.name, ...coloured(lookOf(m)), norm: model.parameterNorm, by: clippedBy(model.parameterNorm, threshold) }));
  const pointed = pointedIn(state, count);
  const tokens = new Set(models.map((model) => model.tokens[pointed ?? 0]));
  const where = layer === "input" ? ", at the input" : `, layer ${layer}`;
  const measure = width < WIDE ? (relative ? "Share of the last" : "Length") : `${relative ? "Share of the last step’s gradient" : "Length of the gradient"}${where}`;
  return {
    lines, plot, curves, models, relative, clipped, threshold, width, pointed, clipTop: chart + 26, height: chart + 34 + 40 * models.length,
    head: `${measure}${alteredIn(result)}`,
    token: tokens.size === 1 ? ([...tokens][0] ?? "") : "", title: "How much of the error at the end reaches each step",
  };
}

export const stepsIn = once(stepsOf);

export function jacobianProps({ state, results, width, look }: Given) {
  const result = results["jacobians"];
  if (!result) return null;
  const data = stepsIn(result);
  const own = coloured(look(state.models[0] ?? ""));
  const count = data.radius.length;
  const ranks = data.product.flatMap((values, rank) => (rank > 0 && (rank & (rank + 1)) === 0 ? [{ name: "", values, ...quiet, dash: "", width: 1, faint: true }] : []));
  const single: Line[] = [{ name: "σ₁", values: data.largest, ...own, dash: "", width: 2.25 }, { name: "radius", values: data.radius, ...own, dash: "7 3", width: 2.25 }];
  const whole: Line[] = [
    ...ranks,
    { name: "σ₁ · σ₁ ⋯", values: data.bound, ...quiet, dash: "1.5 3" },
    { name: "radii", values: data.byRadius, ...quiet, dash: "7 3" },
    { name: "measured", values: data.product[0] ?? [], ...own, dash: "", width: 2.5 },
  ];
  const wide = width >= WIDE;
  const [half, chart] = [wide ? (width - 24) / 2 : width, 320];
  const place = { x: wide ? half + 24 : 0, y: wide ? 0 : chart, width: half, height: chart };
  const gatesTop = (wide ? chart : 2 * chart) + 24;
  return {
    data, gates: data.gates, gatesTop, width, height: gatesTop + 12 + 20 * data.gates.length, state: data.state, altered: alteredIn(result), narrow: !wide,
    single: { lines: single, plot: plotOf({ x: 0, y: 0, width: half, height: chart }, single, count, rangeOf([...data.largest, ...data.radius, 1])) },
    whole: { lines: whole, plot: plotOf(place, whole, count, rangeOf([...(data.product[0] ?? []), ...ranks.flatMap(({ values }) => values.slice(0, 1)), ...data.byRadius, ...data.bound])) },
    pointed: pointedIn(state, count), title: "One step as a matrix, and many together",
  };
}

export function twoUnitsProps({ state, results, width }: Pick<Given, "state" | "results" | "width">) {
  const result = results["two_units"];
  if (!result) return null;
  const { data } = result;
  const [length, byRadius, bySingular, error] = ["length", "by_radius", "by_singular", "error"].map((name) => numbers(data[name] as never)) as [number[], number[], number[], number[]];
  const lines: Line[] = [
    { name: "σ₁^k", values: bySingular, ...quiet, dash: "1.5 3" },
    { name: "radius^k", values: byRadius, ...quiet, dash: "7 3" },
    { name: "error", values: length, hue: "accent", colour: "#0b5c8a", dash: "", width: 2.5 },
  ];
  const wide = width >= WIDE;
  const [chart, side] = [360, wide ? 280 : Math.min(width, 320)];
  const box = { x: 0, y: 0, width: wide ? width - side - 30 : width, height: chart };
  const plane = { x: wide ? width - side : 0, y: wide ? 0 : chart + 6, width: side, height: side + 58 };
  return {
    lines, plot: plotOf(box, lines, length.length, rangeOf([...length, ...byRadius])), plane, width, height: wide ? chart : chart + plane.height,
    path: length.map((_, k) => [error[2 * k] ?? 0, error[2 * k + 1] ?? 0] as const), radius: Number(data["radius"]), singular: Number(data["singular"]),
    peak: Number(data["peak"]), arithmetic: strings(data["arithmetic"] as never), pointed: pointedIn(state, length.length), title: "An error on its way back through two units",
  };
}

export function draw(seen: Seen): Drawn<object> | null {
  const { panel } = seen.state;
  if (!seen.results[panel]) return null;
  if (panel === "factor") return { scene: Factor as Drawn["scene"], props: factorProps(seen) };
  const [scene, props] = panel === "network" ? [Network, networkProps(seen)] : panel === "jacobians" ? [Jacobians, jacobianProps(seen)] : [TwoUnits, twoUnitsProps(seen)];
  return props && { scene: scene as unknown as Drawn["scene"], props };
}
