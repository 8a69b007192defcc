// path_length: paths, costs and recorded times, as the props of their scenes.
import type { FigureState, NdArray, Result } from "../contracts";
import { numbers, strings } from "../scenes/heads_data";
import Cost from "../scenes/path_length_cost.svelte";
import { folded, type CostRow, type Network, type PathsData, type TimesData } from "../scenes/path_length_layout";
import Paths from "../scenes/path_length.svelte";
import Times from "../scenes/path_length_times.svelte";
import { once } from "./_once";
import type { Drawn, Seen } from "./_seen";

export const pathsIn = once(pathsOf);

function pathsOf({ data }: Result): PathsData {
  const column = (name: string) => numbers(data[name]);
  const [lengths, formulas, arithmetic] = [column("lengths"), column("by_formula"), strings(data["arithmetic"])];
  const [nodeOf, nodeStep, nodeToken] = [column("node_network"), column("node_step"), column("node_token")];
  const [edgeOf, edgeStep, from, to] = [column("edge_network"), column("edge_step"), column("edge_from"), column("edge_to")];
  const mine = (of: number[], network: number): number[] => of.flatMap((one, k) => (one === network ? [k] : []));
  const networks = strings(data["names"]).map((name, i): Network => ({
    name, length: lengths[i] ?? 0, formula: formulas[i] ?? 0, arithmetic: arithmetic[i] ?? "",
    nodes: mine(nodeOf, i).map((k) => ({ step: nodeStep[k] ?? 0, token: nodeToken[k] ?? 1 })),
    edges: mine(edgeOf, i).map((k) => ({ step: edgeStep[k] ?? 0, from: from[k] ?? 1, to: to[k] ?? 1 })),
  }));
  return { n: Number(data["n"]), first: Number(data["first"]), last: Number(data["last"]), searched: data["searched"] === true, networks };
}

export function costsOf({ data }: Result): CostRow[] {
  const [complexity, sequential, path, arithmetic] = ["complexity", "sequential", "path", "arithmetic"].map((name) => strings(data[name]));
  const [operations, waits, layers, stack] = ["operations", "waits", "layers", "stack"].map((name) => numbers(data[name]));
  return strings(data["names"]).map((name, i) => ({
    name, complexity: complexity?.[i] ?? "", sequential: sequential?.[i] ?? "", path: path?.[i] ?? "", arithmetic: arithmetic?.[i] ?? "",
    operations: operations?.[i] ?? 0, waits: waits?.[i] ?? 0, layers: layers?.[i] ?? 0, stack: stack?.[i] ?? 0,
  }));
}

export function timesOf({ data }: Result): TimesData {
  const n = numbers(data["n"]);
  const rows = (name: string): number[][] => {
    const { values } = data[name] as NdArray;
    return strings(data["names"]).map((_, i) => Array.from(values.slice(i * n.length, (i + 1) * n.length)));
  };
  return { names: strings(data["names"]), n, milliseconds: rows("milliseconds"), low: rows("low"), high: rows("high"), about: String(data["about"]), d: Number(data["d"]), kernel: Number(data["kernel"]), window: Number(data["window"]) };
}

/** Which network the reader looks at; the first without. */
export function networkIn({ view }: FigureState, networks: number): number {
  const chosen = Number(view["network"] ?? 0);
  return Number.isInteger(chosen) && chosen >= 0 && chosen < networks ? chosen : 0;
}

/** Tokens i and j as the state has them, at once and not only when the answer comes; one beyond the text is its last. */
export function endsOf({ knobs }: FigureState, { n, first, last }: PathsData): [number, number] {
  return [Math.min(n, Number(knobs["i"] ?? first)), Math.min(n, Number(knobs["j"] ?? last))];
}

export function propsOf({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results["path"];
  if (!result) return null;
  const paths = pathsIn(result);
  return { paths, width, ends: endsOf(state, paths), chosen: networkIn(state, paths.networks.length), title: `Steps from token ${paths.first} to token ${paths.last} of ${paths.n}` };
}

export function costProps({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results["cost"];
  if (!result) return null;
  const rows = costsOf(result);
  return { rows, comparison: folded(String(result.data["comparison"]), width, 6.8), width, chosen: networkIn(state, rows.length), title: "What a layer of each costs" };
}

export function timesProps({ state, results, width }: Pick<Seen, "state" | "results" | "width">) {
  const result = results["times"];
  if (!result) return null;
  const times = timesOf(result);
  const at = state.view["length"];
  return { times, width, pointed: typeof at === "number" && times.n[at] !== undefined ? at : null, title: "Time of one layer, by the length of the text" };
}

export function draw(seen: Seen): Drawn<object> | null {
  const drawn = seen.state.panel === "cost" ? { scene: Cost, props: costProps(seen) } : seen.state.panel === "times" ? { scene: Times, props: timesProps(seen) } : { scene: Paths, props: propsOf(seen) };
  return drawn.props && { scene: drawn.scene as unknown as Drawn["scene"], props: drawn.props };
}
