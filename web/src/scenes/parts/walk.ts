// Arrow keys walk from one part of a scene to the next; only one part of each group is a tab stop.

/** Moves the focus among the siblings that can have it, and says whether the key was one of these. */
export function walk(event: KeyboardEvent): boolean {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
  if (step === undefined || !(event.currentTarget instanceof SVGElement)) return false;
  const group = [...(event.currentTarget.parentElement?.querySelectorAll<SVGElement>(":scope > [tabindex]") ?? [])];
  const here = group.indexOf(event.currentTarget);
  event.preventDefault();
  group[Math.min(group.length - 1, Math.max(0, here + step))]?.focus();
  return true;
}

/** Enter and the space bar choose. */
export function chooses(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  event.preventDefault();
  return true;
}
