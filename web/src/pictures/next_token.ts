// next_token: what the models gave, as the knobs stand, as the props of its scene.
import type { FigureState, Json, Result } from "../contracts";
import { distributionOf, type Distribution, type Sampling } from "../presentation";
import Scene from "../scenes/next_token.svelte";
import { columnOf, givenOf, grovesOf, passagesOf, sharesOf, type Given, type Path, type Shares } from "../scenes/next_token_data";
import type { Column, Grove, Passage } from "../scenes/next_token_layout";
import type { Asked, Drawn, Seen } from "./_seen";

const LISTED = 50; // tokens asked for; fewer are shown without asking again
export const LEAVES = 30; // paths that a tree shows at once
const WHOLE = { vocabulary: true, top_n: LISTED, temperature: 1, top_k: 0, top_p: 1, min_p: 0 };

/** The distribution is asked for whole: the knobs act on it where it is shown. */
export function questions({ panel }: FigureState): Asked[] {
  return [{ panel, knobs: panel === "distribution" ? WHOLE : {} }];
}

export function samplingOf(knobs: Record<string, Json>): Sampling {
  const of = (name: string): number => Number(knobs[name]);
  return { temperature: of("temperature"), topK: of("top_k"), topP: of("top_p"), minP: of("min_p") };
}

/** The distribution: what each model gave, and what the knobs make of it. */
export interface Shaped {
  given: Given[];
  shaped: Distribution[];
  shares: Shares[];
  listed: number;
}

export function shapedOf({ knobs }: FigureState, result: Result | undefined): Shaped {
  const given = givenOf(result);
  const sampling = samplingOf(knobs);
  const shaped = given.map((one) => distributionOf(one.falling.values, sampling));
  const listed = Math.min(LISTED, Number(knobs["top_n"]), ...given.map((one) => one.strings.length));
  return { given, shaped, listed, shares: given.map((one, m) => sharesOf(one, shaped[m] as Distribution, listed)) };
}

export function columnsOf({ given, shaped, shares, listed }: Shaped, ghosts: Shares[] = []): Column[] {
  return given.map((one, m) => columnOf(one, shaped[m] as Distribution, shares[m] as Shares, ghosts[m], listed));
}

export interface Props {
  columns?: Column[];
  passages?: (Passage & { text: string })[];
  groves?: (Grove & { nodes: Path[] })[];
  width: number;
}

/** For the page, `ghosts`: what the shares were before the last change; `shaped`: the distribution, as it has it. */
export function draw({ state, results, width, row, look }: Seen, ghosts: Shares[] = [], shaped?: Shaped): Drawn<Props> | null {
  const made = propsOf(state, results[state.panel], width, ghosts, shaped);
  return made && { scene: Scene as Drawn["scene"], props: { ...made, row, looks: state.models.map(look) } as Props & { title: string } };
}

function propsOf(state: FigureState, result: Result | undefined, width: number, ghosts: Shares[], shaped?: Shaped): (Props & { title: string }) | null {
  if (!result) return null;
  if (state.panel === "distribution") return { columns: columnsOf(shaped ?? shapedOf(state, result), ghosts), width, title: "Probability of the next token" };
  if (state.panel === "sample") return { passages: passagesOf(result), width, title: "A continuation, drawn token by token" };
  const groves = grovesOf(result, LEAVES);
  const depth = Math.max(1, ...groves.flatMap(({ nodes }) => nodes.map((node) => node.depth)));
  return { groves, width: Math.max(width, 30 + 150 * depth), title: "The likeliest ways on" };
}
