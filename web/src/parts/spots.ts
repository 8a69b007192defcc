// Parts of a scene that can be pointed at: each says in its label what it is, and arrow keys walk from one to the next.

/** One cell of a field: `data-map` names the field. */
export type Cell = [map: number, row: number, column: number];

/** The part under the pointer or with the focus. */
export function spotAt(target: EventTarget | null): SVGElement | null {
  return target instanceof Element ? target.closest<SVGElement>("[data-spot]") : null;
}

const STEPS: Record<string, [down: number, across: number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Where an arrow key leads from here: in a grid by rows and columns, else along the group. */
export function nextSpot(from: SVGElement, key: string): SVGElement | null {
  const step = STEPS[key];
  if (!step) return null;
  const row = from.closest<SVGElement>("[role=row]");
  if (!row) return sibling(from, step[0] + step[1]);
  const rows = [...(row.parentElement?.querySelectorAll<SVGElement>(":scope > [role=row]") ?? [])];
  const cells = (line: Element | undefined): SVGElement[] => [...(line?.querySelectorAll<SVGElement>("[data-spot]") ?? [])];
  return cells(rows[rows.indexOf(row) + step[0]])[cells(row).indexOf(from) + step[1]] ?? null;
}

function sibling(from: SVGElement, by: number): SVGElement | null {
  const group = [...(from.parentElement?.querySelectorAll<SVGElement>(":scope > [data-spot]") ?? [])];
  return group[group.indexOf(from) + by] ?? null;
}

/** The cell of a field under the pointer. */
export function fieldCell(event: MouseEvent, sizes: (map: number) => [rows: number, columns: number]): Cell | null {
  const field = event.target instanceof Element ? event.target.closest<SVGElement>("[data-map]") : null;
  if (!field) return null;
  const box = field.getBoundingClientRect();
  const map = Number(field.dataset["map"]);
  const [rows, columns] = sizes(map);
  const within = (share: number, n: number): number => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
  return [map, within((event.clientY - box.top) / box.height, rows), within((event.clientX - box.left) / box.width, columns)];
}

export function walked(key: string, [map, row, column]: Cell, [rows, columns]: [number, number]): Cell | null {
  const step = STEPS[key];
  if (!step) return null;
  return [map, Math.max(0, Math.min(rows - 1, row + step[0])), Math.max(0, Math.min(columns - 1, column + step[1]))];
}
