// The way through the map of a long text: the window's place follows the scroll bar, an exact tile is fetched around it,
// and the place is written into the state when the hand rests.
import { tick, untrack } from "svelte";
import type { ViewProps } from "../contracts";
import { windowOf, zoomOf } from "../pictures/heads";
import type { HeadMap } from "../scenes/heads_data";
import { longOf } from "../scenes/heads_layout";
import type { Tile } from "./heads_asking.svelte";

const STEP = 32; // cells: a new tile is asked for when the window has moved so far
const SETTLE = 250; // ms without a move after which the place is kept

export class Long {
  window = $state.raw<[number, number] | null>(null); // null: as the state says
  beyond = $state.raw<[number, number]>([0, 0]); // px that can be scrolled
  dragging = $state(false);
  moved = false; // was the last press a drag?
  private sizes = $state.raw<{ rows: number; columns: number; nQuery: number; nKey: number } | null>(null);
  private from: { x: number; y: number; left: number; top: number; small: DOMRect | null } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private about = "";
  private following = false; // the scroll bar moves because the state said so

  constructor(private readonly props: () => ViewProps, private readonly scroller: () => HTMLElement | undefined) {
    this.about = this.whose();
    $effect(() => {
      const about = this.whose();
      if (about !== this.about) untrack(() => this.restart(about));
    });
    $effect(() => {
      const element = this.scroller();
      const { view } = this.props().state;
      void [view["row"], view["column"], this.beyond];
      if (element && this.sizes) untrack(() => this.follow(element));
    });
  }

  private whose(): string {
    const { text, target, models, knobs } = this.props().state;
    return JSON.stringify([text, target, models[0], knobs["kind"]]);
  }

  /** The tile to ask for, around the window. */
  readonly tile = $derived.by((): Tile => {
    const { knobs } = this.props().state;
    if (!this.sizes || !this.window) return { first_query: Number(knobs["first_query"] ?? 0), first_key: Number(knobs["first_key"] ?? 0), size: Number(knobs["size"] ?? 256) };
    const { rows, columns, nQuery, nKey } = this.sizes;
    const size = Math.max(rows, columns) > 192 ? 512 : 256;
    const first = (at: number, shown: number, n: number): number => Math.max(0, Math.min(n - size, Math.round((at - (size - shown) / 2) / STEP) * STEP));
    return { first_query: first(this.window[0], rows, nQuery), first_key: first(this.window[1], columns, nKey), size };
  });

  /** The text's size and how much of it fits; `width` is 0 where nothing scrolls. */
  measure(map: HeadMap | null, width: number): void {
    if (!map || width <= 0) {
      if (this.sizes) [this.sizes, this.window, this.beyond] = [null, null, [0, 0]];
      return;
    }
    const { state } = this.props();
    const zoom = zoomOf(state);
    const { rows, columns } = longOf(map.nQuery, map.nKey, width, zoom).large;
    untrack(() => {
      const next = { rows, columns, nQuery: map.nQuery, nKey: map.nKey };
      if (JSON.stringify(next) === JSON.stringify(this.sizes)) return;
      this.sizes = next;
      this.window ??= windowOf(state, map, next);
      this.beyond = [(map.nQuery - rows) * zoom, (map.nKey - columns) * zoom];
    });
  }

  /** The scroll bar was moved, by whatever means. */
  scrolled(): void {
    const element = this.scroller();
    if (!element || !this.sizes || this.following) return;
    const zoom = zoomOf(this.props().state);
    const { rows, columns, nQuery, nKey } = this.sizes;
    this.window = [Math.min(nQuery - rows, element.scrollTop / zoom), Math.min(nKey - columns, element.scrollLeft / zoom)];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), SETTLE);
  }

  /** Brings a square into the window. */
  reveal([row, column]: [number, number]): void {
    if (!this.sizes || !this.window) return;
    const into = (at: number, from: number, shown: number): number => (at < from + 2 ? at - 2 : at > from + shown - 3 ? at - shown + 3 : from);
    this.go(into(row, this.window[0], this.sizes.rows), into(column, this.window[1], this.sizes.columns));
  }

  /** Another size of the squares, around the same middle. */
  zoom(zoom: number): void {
    const { state, set } = this.props();
    if (!this.sizes || !this.window) return;
    const grown = zoomOf(state) / zoom;
    const { rows, columns } = this.sizes;
    const [row, column] = [this.window[0] + (rows * (1 - grown)) / 2, this.window[1] + (columns * (1 - grown)) / 2];
    this.window = [Math.max(0, row), Math.max(0, column)];
    set({ view: { zoom, row: Math.round(Math.max(0, row)), column: Math.round(Math.max(0, column)) } });
  }

  grab(event: PointerEvent): void {
    this.moved = false;
    const target = event.target as Element;
    const small = target.closest("[data-small]")?.getBoundingClientRect() ?? null;
    if (!this.sizes || event.button !== 0 || (!small && (event.pointerType === "touch" || !target.closest("[data-field]")))) return;
    const { scrollLeft: left, scrollTop: top } = event.currentTarget as Element;
    this.from = { x: event.clientX, y: event.clientY, left, top, small };
    if (small) {
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      event.preventDefault();
      this.drag(event);
    }
  }

  drag(event: PointerEvent): void {
    const element = this.scroller();
    if (!this.from || !this.sizes || !element) return;
    const { x, y, left, top, small } = this.from;
    if (small) {
      this.moved = true;
      const { rows, columns, nQuery, nKey } = this.sizes;
      return this.go(((event.clientY - small.top) / small.height) * nQuery - rows / 2, ((event.clientX - small.left) / small.width) * nKey - columns / 2);
    }
    if (!this.dragging && Math.hypot(event.clientX - x, event.clientY - y) < 4) return;
    if (!this.dragging) (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.dragging = this.moved = true;
    element.scrollTo(left + x - event.clientX, top + y - event.clientY);
  }

  drop(): void {
    this.from = null;
    this.dragging = false;
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private go(row: number, column: number): void {
    const zoom = zoomOf(this.props().state);
    this.scroller()?.scrollTo(Math.max(0, column * zoom), Math.max(0, row * zoom));
  }

  /** The scroll bar where the state says, unless it has just come from there. */
  private follow(element: HTMLElement): void {
    const { state } = this.props();
    const zoom = zoomOf(state);
    if (!this.sizes) return;
    const [row, column] = windowOf(state, this.sizes, this.sizes);
    if (Math.abs(element.scrollTop / zoom - row) < 1 && Math.abs(element.scrollLeft / zoom - column) < 1) return;
    this.window = [row, column];
    this.following = true; // until what can be scrolled has its new size
    void tick().then(() => {
      element.scrollTo(column * zoom, row * zoom);
      requestAnimationFrame(() => (this.following = false));
    });
  }

  private settle(): void {
    if (!this.window || !this.sizes) return;
    const { first_query, first_key, size } = this.tile;
    this.props().set({ view: { row: Math.round(this.window[0]), column: Math.round(this.window[1]) }, knobs: { first_query, first_key, size } });
  }

  /** Another text: from its beginning. */
  private restart(about: string): void {
    this.about = about;
    clearTimeout(this.timer);
    [this.sizes, this.window, this.beyond] = [null, null, [0, 0]];
    this.props().set({ view: { row: null, column: null, cell: null }, knobs: { first_query: 0, first_key: 0 } });
  }
}
