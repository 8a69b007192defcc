// What the figure `heads` asks, and when: first what is quick (the pictures), then what takes a while (the scores, the
// first time with a model), and whatever the reader chooses meanwhile before either.
import { untrack } from "svelte";
import type { Json, Result, ViewProps } from "../contracts";
import { isLong, mapIn } from "../pictures/heads";
import { Steady } from "./steady.svelte";

const QUIET = 1500; // ms without a choice after which the heads are scored

export interface Tile {
  first_query: number;
  first_key: number;
  size: number;
}

export class Gallery {
  private quick = $state(""); // the question whose pictures are there
  private resting = $state(false);
  private scored = $state.raw<string[]>([]); // models and kinds whose heads have been scored: kept by the server
  /** The scoring that the reader stopped: whose, on what text, and the pictures that were there then. */
  private stopped = $state.raw<{ whose: string; question: string; shown: Result | undefined } | null>(null);
  private readonly steady = new Steady(() => this.props().busy["map"] !== undefined);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly props: () => ViewProps, tile: () => Tile) {
    $effect(() => this.heedStop());
    $effect(() => this.askOverview());
    $effect(() => this.askMap(tile()));
    $effect(() => this.askOthers());
    $effect(() => {
      if (this.props().results["map"]) untrack(() => this.steady.answered());
    });
    $effect(() => {
      const overview = this.props().results["overview"];
      if (overview) untrack(() => this.arrived(overview.knobs["scoring"] === true));
    });
    $effect(() => {
      const { knobs } = this.props().state;
      void [knobs["layer"], knobs["head"]];
      untrack(() => this.rest());
    });
  }

  stop(): void {
    this.steady.stop();
    clearTimeout(this.timer);
  }

  /** Scoring was stopped by the reader, and starts again only when asked to. */
  readonly halted = $derived.by(() => this.stopped?.whose === this.whose && !this.scored.includes(this.whose));

  score(): void {
    this.stopped = null;
  }

  private readonly whose = $derived.by(() => {
    const { models, knobs } = this.props().state;
    return JSON.stringify([models[0], knobs["kind"]]);
  });
  private readonly question = $derived.by(() => JSON.stringify([this.whose, this.props().state.text, this.props().state.target]));

  private heedStop(): void {
    const { errors, results } = this.props();
    const [stopped, shown] = [errors["overview"]?.kind === "Stopped", results["overview"]];
    untrack(() => {
      if (stopped && shown) this.stopped = { whose: this.whose, question: this.question, shown };
      else if (!stopped && shown === this.stopped?.shown && this.question === this.stopped?.question) this.stopped = null; // asked again
    });
  }

  private askOverview(): void {
    const { state, results, ask, busy, errors } = this.props();
    const map = results["map"];
    if (errors["overview"]?.kind === "Stopped" && this.halted && this.quick === this.question) return; // what is there stays
    if (state.panel === "map" && (!map || isLong(mapIn(map)))) return; // the head itself comes first, and a long text's alone
    const patient = state.panel === "overview" && this.quick === this.question && !this.halted && this.resting && results["map"] && !busy["map"];
    ask("overview", { scoring: this.scored.includes(this.whose) || Boolean(patient) });
  }

  private askMap(tile: Tile): void {
    const { state, results, ask } = this.props();
    if (state.panel !== "map" && state.panel !== "overview") return;
    if (state.panel === "overview" && !results["overview"]) return;
    const knobs = { ...tile } as Record<string, Json>;
    void [this.question, state.knobs["layer"], state.knobs["head"]];
    untrack(() => this.steady.ask(() => ask("map", knobs), this.question));
  }

  private askOthers(): void {
    const { state, results, ask } = this.props();
    if (state.panel === "find" && state.knobs["query"] && state.knobs["key"]) ask("find");
    if (state.panel === "ablate") ask("ablate");
    void results;
  }

  private arrived(scored: boolean): void {
    this.quick = this.question;
    if (scored && !this.scored.includes(this.whose)) this.scored = [...this.scored, this.whose];
    if (!this.resting) this.rest();
  }

  /** A choice was made: what takes long waits a moment. */
  private rest(): void {
    this.resting = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.resting = true), QUIET);
  }
}
