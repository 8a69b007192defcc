// Geometry and words of the next_token scene: plain numbers in, plain numbers out.

export interface Bar {
  label: string; // as it can be seen: · for a space
  probability: number;
  ghost: number | null; // what it was before the last change
  id: number; // in the vocabulary; -1 for the rest
  takes: boolean; // choosing it goes on with it
  spoken: string; // for those who do not see it
}

export interface Column {
  name: string;
  line: string; // entropy and what it feels like
  note: string; // how many the knobs keep
  bars: Bar[];
}

export interface Word {
  label: string;
  probability: number;
  spoken: string;
}

export interface Passage {
  name: string;
  line: string;
  words: Word[];
}

export interface Node {
  label: string;
  parent: number;
  depth: number; // from 1
  probability: number;
  joint: number;
  takes: boolean;
  spoken: string;
}

export interface Grove {
  name: string;
  nodes: Node[];
  more: string; // how many paths are left out
}

/** The first of the round numbers that the largest probability fits under. */
export function ceiling(largest: number): number {
  return [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1].find((end) => largest <= end * 1.0001) ?? 1;
}

/** Characters cut to what fits, in a type where all are equally wide. */
export function cut(label: string, room: number): string {
  const points = [...label];
  return points.length <= room ? label : `${points.slice(0, Math.max(1, room - 1)).join("")}…`;
}

/** Width of a label in cells of the mono type: ideographs and emoji take two. */
export function cells(label: string): number {
  let width = 0;
  for (const point of label) width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(point) ? 2 : /\p{M}|\u200d|\ufe0f/u.test(point) ? 0 : 1;
  return Math.max(1, width);
}

export interface Placed {
  x: number;
  y: number;
  width: number;
}

/** Words set one after the other, broken into lines of `room` pixels. */
export function flow(words: Word[], room: number, cell: number, line: number): { places: Placed[]; height: number } {
  const places: Placed[] = [];
  let [x, y] = [0, 0];
  for (const word of words) {
    const width = cells(word.label) * cell + 8;
    if (x > 0 && x + width > room) [x, y] = [0, y + line];
    places.push({ x, y, width: Math.min(width, room) });
    x += width + 3;
    if (word.label.endsWith("⏎")) [x, y] = [0, y + line];
  }
  return { places, height: y + line };
}

/** Of a tree's nodes, those on the likeliest paths, so that at most `most` leaves stand below each other. */
export function likeliest(nodes: Omit<Node, "spoken">[], most: number): { kept: number[]; dropped: number } {
  const inner = new Set(nodes.map((node) => node.parent));
  const leaves = nodes.map((_, i) => i).filter((i) => !inner.has(i));
  const best = [...leaves].sort((a, b) => (nodes[b]?.joint ?? 0) - (nodes[a]?.joint ?? 0)).slice(0, most);
  const kept = new Set<number>();
  for (const leaf of best) for (let i = leaf; i >= 0; i = nodes[i]?.parent ?? -1) kept.add(i);
  return { kept: [...kept].sort((a, b) => a - b), dropped: leaves.length - best.length };
}

/** The height of each node: leaves in order, each inner node in the middle of its own. */
export function rows(nodes: Node[], height: number): { ys: number[]; root: number; total: number } {
  const ys = new Array<number>(nodes.length).fill(NaN);
  let next = height / 2;
  const children = (parent: number) => nodes.map((_, i) => i).filter((i) => nodes[i]?.parent === parent);
  const place = (i: number): number => {
    const own = children(i);
    if (own.length === 0) {
      next += height;
      return (ys[i] = next - height);
    }
    const spots = own.map(place);
    return (ys[i] = ((spots[0] ?? 0) + (spots.at(-1) ?? 0)) / 2);
  };
  const tops = children(-1).map(place);
  return { ys, root: tops.length ? ((tops[0] ?? 0) + (tops.at(-1) ?? 0)) / 2 : height / 2, total: next - height / 2 };
}
