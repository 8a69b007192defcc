// emergence: published models, curves, and first sizes, as the props of their scenes. One more panel is one more entry of
// PANELS: what is asked of it here is a scene whose parts carry `data-pick`, and `label`, what is said of each.
import type { FigureState, Result } from "../contracts";
import { abilitiesOf, curvesOf, entriesOf } from "../scenes/emergence_data";
import Curves from "../scenes/emergence_curves.svelte";
import Measured from "../scenes/emergence_measured.svelte";
import { ladderOf, rungSentence } from "../scenes/emergence_measured_data";
import Models from "../scenes/emergence_published.svelte";
import Thresholds from "../scenes/emergence_thresholds.svelte";
import { abilitySentence, modelSentence, pointSentence } from "../scenes/emergence_words";
import { once } from "./_once";
import type { Drawn, Picked, Seen } from "./_seen";

interface PanelOf<Props> {
  key: string; // under which the state's view keeps what was chosen
  scene: unknown;
  props: (state: FigureState, result: Result, width: number) => Props & Picked;
}

/** What the state has chosen, if there is such a part; otherwise the one that the figure opens with. */
const chosenOf = ({ view }: FigureState, key: string, all: readonly string[], home: string): string => (all.includes(String(view[key])) ? String(view[key]) : home);

export const entriesIn = once(entriesOf);
const curvesIn = once(curvesOf);
const abilitiesIn = once(abilitiesOf);
const ladderIn = once(ladderOf);

const HOME = "GPT-3 175B"; // the model whose entry is open at first

export const PANELS: Record<string, PanelOf<object>> = {
  published: {
    key: "model", scene: Models,
    props(state, result, width) {
      const entries = entriesIn(result);
      const names = entries.models.map(({ name }) => name);
      const chosen = String(names.indexOf(chosenOf(state, "model", names, HOME)));
      const measure = entries.measures.find(({ name }) => name === state.view["up"]) ?? entries.measures[0]!;
      return { entries, measure, width, chosen, label: (pick) => modelSentence(entries, measure, Number(pick)), title: `Published models by time and ${measure.name}` };
    },
  },
  curves: {
    key: "point", scene: Curves,
    props(state, result, width) {
      const curves = curvesIn(result);
      const all = curves.curves.flatMap(({ points }, line) => points.map((_, at) => `${line}.${at}`));
      const chosen = chosenOf(state, "point", all, `0.${(curves.curves[0]?.points.length ?? 1) - 1}`);
      const label = (pick: string): string => pointSentence(curves, ...(pick.split(".").map(Number) as [number, number]));
      return { curves, width, chosen, label, log: state.view["axis"] === "log", title: `${curves.title}: published scores by size` };
    },
  },
  measured: {
    key: "rung", scene: Measured,
    props(state, result, width) {
      const ladder = ladderIn(result);
      const way = { likelihood: state.view["measure"] === "likelihood", training: state.view["over"] === "training" };
      const last = ladder.steps.length - 1;
      const all = ladder.rungs.flatMap((_, rung) => ladder.steps.map((__, save) => `${rung}.${save}`).filter((_, save) => way.training || save === last));
      const label = (pick: string): string => rungSentence(ladder, way, ...(pick.split(".").map(Number) as [number, number]));
      const title = `${ladder.said}: ${way.likelihood ? "log-likelihood" : "exact match"} over ${way.training ? "training" : "size"}, and a prompt at every size`;
      return { ladder, way, width, chosen: chosenOf(state, "rung", all, `2.${last}`), label, title };
    },
  },
  thresholds: {
    key: "ability", scene: Thresholds,
    props(state, result, width) {
      const data = abilitiesIn(result);
      const all = data.abilities.map((_, i) => String(i));
      return { data, width, chosen: chosenOf(state, "ability", all, "3"), flops: state.view["by"] === "operations", label: (pick) => abilitySentence(data, Number(pick)), title: "At which size abilities were first seen" };
    },
  },
};

/** A model is kept by its name, so that links outlive a longer list. */
export function kept(panel: string, result: Result, pick: string): string {
  return panel === "published" ? (entriesIn(result).models[Number(pick)]?.name ?? "") : pick;
}

export function draw({ state, results, width }: Pick<Seen, "state" | "results" | "width">): Drawn<Picked> | null {
  const [panel, result] = [PANELS[state.panel], results[state.panel]];
  return panel && result ? { scene: panel.scene as Drawn["scene"], props: panel.props(state, result, width) } : null;
}
