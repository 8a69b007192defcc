// Paths through five networks on one axis of tokens: where their nodes and edges stand.

export interface TimesData {
  names: string[];
  n: number[];
  milliseconds: number[][];
  low: number[][];
  high: number[][];
  about: string;
  d: number;
  kernel: number;
  window: number;
}

export interface CostRow {
  name: string;
  complexity: string;
  sequential: string;
  path: string;
  operations: number;
  arithmetic: string;
  waits: number;
  layers: number;
  stack: number;
}

export interface Network {
  name: string;
  length: number;
  formula: number;
  arithmetic: string;
  nodes: { step: number; token: number }[]; // of the path
  edges: { step: number; from: number; to: number }[]; // the wiring, of the steps that differ
}

export interface PathsData {
  n: number;
  first: number;
  last: number;
  searched: boolean;
  networks: Network[];
}

export interface Band {
  network: Network;
  flat: boolean; // all in one row: a state that is carried on
  top: number; // of its title
  y: (step: number) => number;
  wiring: string; // all edges
  dots: string; // all nodes
  line: string; // the path
  marks: { x: number; y: number }[]; // nodes of the path
  height: number;
}

export interface PathsLayout {
  width: number;
  height: number;
  left: number;
  right: number;
  axis: number; // y of the tokens' numbers
  x: (token: number) => number;
  ticks: number[];
  bands: Band[];
  note: string[]; // what is not drawn, in lines
  noteAt: number;
}

const AXIS = 46;
const TITLE = 24;
const TALLEST = 128;
const DOTTED = 64; // tokens up to which each is drawn

export function pathsLayout({ n, first, last, networks }: PathsData, width: number): PathsLayout {
  const [left, right] = [16, width - 16];
  const x = (token: number): number => left + ((right - left) * (token - 1)) / Math.max(1, n - 1);
  let top = AXIS + 26;
  const bands = networks.map((network): Band => {
    const flat = network.name === "recurrent";
    const tall = flat ? 16 : Math.max(40, Math.min(TALLEST, network.length * 22));
    const bottom = top + TITLE + tall;
    const y = (step: number): number => (flat ? bottom - 8 : bottom - (step * tall) / Math.max(1, network.length));
    const band = { network, flat, top, y, ...drawn(network, n, flat, x, y), height: TITLE + tall };
    top = bottom + 26;
    return band;
  });
  const missing = n > DOTTED ? "So many tokens are not drawn one by one: each line is its path, layers close together."
    : networks.every(({ edges }) => edges.length === 0) && first !== last ? "Only the paths are drawn; up to 32 tokens, the whole wiring is." : "";
  const note = folded(missing, width);
  return { width, height: top - 8 + 16 * note.length, left, right, axis: AXIS, x, ticks: ticksOf(n, first, last, right - left), bands, note, noteAt: top + 2 };
}

const place = (value: number): string => value.toFixed(1);

function drawn({ nodes, edges, length }: Network, n: number, flat: boolean, x: (token: number) => number, y: (step: number) => number) {
  const marks = nodes.map(({ step, token }) => ({ x: x(token), y: y(step) }));
  const differ = edges.some(({ step }) => step > 0);
  const steps = flat ? Math.min(1, length) : length;
  const repeated = Array.from({ length: steps }, (_, step) => edges.filter((edge) => edge.step === (differ ? step : 0)).map((edge) => ({ ...edge, step }))).flat();
  const wiring = repeated.map(({ step, from, to }) => `M${place(x(from))} ${place(y(step))}L${place(x(to))} ${place(y(flat ? step : step + 1))}`).join("");
  const rows = n > DOTTED || length > 24 ? [] : Array.from({ length: flat ? 1 : length + 1 }, (_, step) => step);
  const dots = rows.flatMap((step) => Array.from({ length: n }, (_, i) => `M${place(x(i + 1))} ${place(y(step))}h0`)).join("");
  return { marks: marks.length <= DOTTED + 1 ? marks : [marks[0], marks.at(-1)].filter((mark) => mark !== undefined), wiring, dots, line: marks.map((mark, i) => `${i ? "L" : "M"}${place(mark.x)} ${place(mark.y)}`).join("") };
}

/** Tokens whose numbers stand on the axis: as many as fit, without crowding the two that were chosen. */
function ticksOf(n: number, first: number, last: number, width: number): number[] {
  const room = Math.max(2, Math.floor(width / 34));
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => n / one <= room) ?? 1000;
  const all = Array.from({ length: n }, (_, i) => i + 1).filter((token) => token === 1 || token % step === 0);
  const gap = (22 * n) / width;
  return all.filter((token) => [first, last].every((one) => token === one || Math.abs(token - one) >= gap));
}

/** In as many lines as it takes. */
export function folded(text: string, width: number, letter = 6.4): string[] {
  const most = Math.floor((width - 24) / letter);
  if (text.length <= most) return text ? [text] : [];
  const space = text.lastIndexOf(" ", most);
  const [end, next] = space > 0 ? [space, space + 1] : [most, most]; // a word longer than a line is broken
  return [text.slice(0, end), ...folded(text.slice(next), width, letter)];
}

/** The token at a place of the picture. */
export function tokenAt({ left, right }: PathsLayout, n: number, x: number): number {
  return Math.max(1, Math.min(n, 1 + Math.round(((x - left) / (right - left)) * (n - 1))));
}

/** "1 → 2 → 4 … 18 → 20". */
export function wayOf({ nodes }: Network): string {
  const tokens = nodes.map(({ token }) => String(token));
  const shown = tokens.length <= 12 ? tokens : [...tokens.slice(0, 5), "…", ...tokens.slice(-4)];
  return shown.join(" → ");
}
