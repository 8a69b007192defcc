// Parts of a scene that are pointed at, chosen, and walked by arrow keys: `data-pick` names one, `data-group` holds some,
// `data-within` says along which axis a group goes, `data-x` and `data-y` where a part stands.
const STEPS: Record<string, ["x" | "y", number]> = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowDown: ["y", 1], ArrowUp: ["y", -1] };

export const pickAt = (target: EventTarget | null): SVGElement | null => (target instanceof Element ? target.closest<SVGElement>("[data-pick]") : null);

const placeOf = (part: SVGElement, axis: "x" | "y"): number => Number(part.dataset[axis]);
const partsOf = (group: SVGElement | null): SVGElement[] => [...(group?.querySelectorAll<SVGElement>("[data-pick]") ?? [])];

/** Where an arrow key leads from the part that has the focus; null: not one of ours, undefined: nothing is there. */
export function walked(view: HTMLElement | undefined, event: KeyboardEvent): SVGElement | null | undefined {
  const here = pickAt(event.target);
  const step = STEPS[event.key];
  if (!here || !step || event.ctrlKey || event.metaKey || event.altKey) return null;
  const group = here.closest<SVGElement>("[data-group]");
  const [axis, by] = step;
  return axis === here.closest<SVGElement>("[data-within]")?.dataset["within"] ? within(group, here, axis, by) : beside(view, group, here, axis, by);
}

/** The next of a group along its axis; what lies at one place follows in the order of the group. */
function within(group: SVGElement | null, here: SVGElement, axis: "x" | "y", by: number): SVGElement | undefined {
  const parts = partsOf(group).sort((a, b) => placeOf(a, axis) - placeOf(b, axis));
  return parts[parts.indexOf(here) + by];
}

/** Of the next group, what is nearest along the axis of the groups. */
function beside(view: HTMLElement | undefined, group: SVGElement | null, here: SVGElement, axis: "x" | "y", by: number): SVGElement | undefined {
  const along = axis === "x" ? "y" : "x";
  const groups = [...(view?.querySelectorAll<SVGElement>("[data-group]") ?? [])];
  const next = groups[groups.indexOf(group!) + by] ?? null;
  return partsOf(next).sort((a, b) => Math.abs(placeOf(a, along) - placeOf(here, along)) - Math.abs(placeOf(b, along) - placeOf(here, along)))[0];
}
