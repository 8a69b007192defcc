// The hand over a picture of fields and parts (spots.ts): what it points at; what a click, Enter, the space bar, and arrow
// keys make of it. {@attach hand.over} stands on the element around the picture.
import { on } from "svelte/events";
import { fieldCell, nextSpot, spotAt, walked, type Cell } from "./spots";

interface Holds {
  size?: (map: number) => [rows: number, columns: number]; // of each field, where there are some
  from?: (map: number) => Cell | null; // where arrow keys set out in a field; null: nothing of it is chosen yet
  keep?: (cell: Cell) => void;
  keepPart: (part: SVGElement) => void;
  next?: (part: SVGElement, key: string) => SVGElement | null; // where an arrow key leads from a part, if not as in spots.ts
  reach?: "focus"; // a part that arrow keys come to only gets the focus; otherwise it is kept too
}

export class Hand {
  cell = $state.raw<Cell | null>(null);
  spot = $state.raw<string | null>(null);

  constructor(private readonly holds: Holds) {}

  readonly over = (element: HTMLElement): (() => void) => {
    const stops = [
      on(element, "pointerover", this.point), on(element, "pointermove", this.point), on(element, "pointerleave", this.leave),
      on(element, "click", this.click), on(element, "keydown", this.keydown),
    ];
    return () => stops.forEach((stop) => stop());
  };

  readonly leave = (): void => {
    [this.cell, this.spot] = [null, null];
  };

  private readonly size = (map: number): [number, number] => this.holds.size?.(map) ?? [1, 1];

  private readonly point = (event: PointerEvent): void => {
    if (event.pointerType === "touch") return;
    this.cell = fieldCell(event, this.size);
    this.spot = spotAt(event.target)?.dataset["spot"] ?? null;
  };

  private readonly click = (event: MouseEvent): void => {
    const cell = fieldCell(event, this.size);
    const part = spotAt(event.target);
    if (cell) this.keep(cell);
    else if (part) this.keepPart(part);
    if (cell || part) (event.target as Element).closest<SVGElement>("[tabindex]")?.focus();
  };

  private readonly keydown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
    const field = event.target.closest<SVGElement>("[data-map]");
    const part = spotAt(event.target);
    const taken = field ? this.walkField(Number(field.dataset["map"]), event.key) : part !== null && this.walkParts(part, event.key);
    if (taken) event.preventDefault();
  };

  private walkField(map: number, key: string): boolean {
    const here = this.holds.from?.(map) ?? null;
    const begins = key.startsWith("Arrow") || key === "Enter";
    const next = here ? walked(key, here, this.size(map)) : begins ? ([map, 0, 0] satisfies Cell) : null;
    if (next) this.keep(next);
    return next !== null;
  }

  private walkParts(part: SVGElement, key: string): boolean {
    const here = key === "Enter" || key === " ";
    const next = here ? part : (this.holds.next ?? nextSpot)(part, key);
    if (next && (here || this.holds.reach !== "focus")) this.keepPart(next);
    next?.focus();
    return next !== null;
  }

  private keep(cell: Cell): void {
    this.leave();
    this.holds.keep?.(cell);
  }

  private keepPart(part: SVGElement): void {
    this.leave();
    this.holds.keepPart(part);
  }
}
