// claims: the verdicts, and one claim, as the props of their scenes.
import type { FigureState, Result } from "../contracts";
import Claim from "../scenes/claims_claim.svelte";
import { claimOf, verdictsOf } from "../scenes/claims_data";
import { pointSentence, rowSentence } from "../scenes/claims_words";
import Verdicts from "../scenes/claims_verdicts.svelte";
import { once } from "./_once";
import type { Drawn, Picked, Seen } from "./_seen";

export const verdictsIn = once(verdictsOf);
export const claimIn = once(claimOf);

function verdictsProps(state: FigureState, result: Result, width: number) {
  const data = verdictsIn(result);
  const names = data.rows.map(({ name }) => name);
  const label = (pick: string): string => {
    const row = data.rows.find(({ name }) => name === pick);
    return row ? rowSentence(row) : "";
  };
  const chosen = names.includes(String(state.view["claim"])) ? String(state.view["claim"]) : "";
  return { data, width, chosen, label, title: `What was measured: ${data.counted}` };
}

function claimProps(state: FigureState, result: Result, width: number) {
  const claim = claimIn(result);
  const label = (pick: string): string => pointSentence(claim, pick);
  const chosen = typeof state.view["point"] === "string" ? state.view["point"] : "";
  return { claim, width, chosen, label, title: `${claim.number}. ${claim.says} ${claim.verdict}` };
}

export function draw({ state, results, width }: Pick<Seen, "state" | "results" | "width">): Drawn<Picked> | null {
  const result = results[state.panel];
  if (!result) return null;
  if (state.panel === "claim") return { scene: Claim as unknown as Drawn["scene"], props: claimProps(state, result, width) };
  return state.panel === "verdicts" ? { scene: Verdicts as unknown as Drawn["scene"], props: verdictsProps(state, result, width) } : null;
}
