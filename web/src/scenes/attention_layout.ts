/** Where the matrices of a stage stand. A product is laid out so that the eye can follow it: the left operand below
 *  left, the right operand above right, and each result cell where its row and its column meet (Falk's scheme). */
import { dimensionLabels, tokenLabels, type Piece, type Placed } from "./parts/matrix";
import {
  formulaOf, KINDS, PROJECTIONS, type Matrices, type MatrixName, type Projection, type StageName,
} from "./attention_stages";

export type PlacedMatrix = Placed<MatrixName>;

/** A line from one matrix to the next, with the operation written at its middle. */
export interface Connector {
  from: MatrixName;
  to: MatrixName;
  path: string;
  endX: number;
  endY: number;
  toward: "right" | "left" | "down";
  label: Piece[];
  labelX: number;
  labelY: number;
  anchor: "start" | "middle" | "end";
}

export interface Layout {
  width: number;
  height: number;
  placed: PlacedMatrix[];
  connectors: Connector[];
  formulas: { pieces: Piece[]; x: number; y: number }[];
}

export interface Shape {
  stage: StageName;
  matrices: Matrices;
  width: number;
  /** Which of Q, K, V is shown where there is no room for all three. */
  projection: Projection;
  scaling: boolean;
  causal: boolean;
  /** Names of the tokens, the rows of X. */
  tokens?: readonly string[] | undefined;
}

const CELL = { largest: 66, smallest: 30, height: 42, stacked: 72 };
const TITLE = 26;
const LABEL = 20;
export const GUTTER = 24;

export function layoutOf(shape: Shape): Layout {
  switch (shape.stage) {
    case "overview": return overview(shape);
    case "input": return single(shape, "x");
    case "projections": return projections(shape);
    case "scores": return product(shape, "query", [["key", "scores"]]);
    case "scaled": return elementwise(shape, "scores", "scaled", scalingLabel(shape));
    case "masked": return elementwise(shape, "scaled", "masked", [upright(shape.causal ? "causal mask" : "no mask")]);
    case "weights": return elementwise(shape, "masked", "weights", [upright("softmax")]);
    case "output": return product(shape, "weights", [["value", "output"]]);
  }
}

const upright = (text: string): Piece => ({ text, upright: true });

function scalingLabel({ scaling, matrices }: Shape): Piece[] {
  return [upright(scaling ? `÷ √${matrices.query[0]?.length ?? 0}` : "not scaled")];
}

/** A matrix with everything but its place: that is up to the stage. */
function blank(shape: Shape, name: MatrixName, cellWidth: number, transposed = false): PlacedMatrix {
  const numbers = shape.matrices[name];
  const [down, across] = [numbers.length, numbers[0]?.length ?? 0];
  const kind = KINDS[name];
  const tokens = shape.tokens ?? tokenLabels(down);
  const labels = {
    rows: kind.rows === "tokens" ? [...tokens] : dimensionLabels(down),
    columns: kind.columns === "tokens" ? [...(shape.tokens ?? tokenLabels(across))] : dimensionLabels(across),
  };
  const isPairs = kind.columns === "tokens"; // rows are queries, columns are keys
  const rowTone = kind.rows === "dimensions" ? "neutral" : isPairs ? "query" : kind.tone;
  const columnTone = isPairs ? "key" : "neutral";
  const turned: Piece = { text: "T", place: "sup", tone: kind.tone, upright: true };
  const title = transposed ? [...kind.symbol, turned] : kind.symbol;
  const cellHeight = Math.round(Math.min(Math.max(CELL.height, cellWidth * 0.62), Math.max(cellWidth, 36)));
  return {
    name, x: 0, y: 0, cellWidth, cellHeight, transposed,
    rows: transposed ? across : down, columns: transposed ? down : across, tone: kind.tone, ramp: kind.ramp, title,
    titleAt: "above", rowLabels: transposed ? labels.columns : labels.rows,
    columnLabels: transposed ? labels.rows : labels.columns, rowTone: transposed ? columnTone : rowTone,
    columnTone: transposed ? rowTone : columnTone,
  };
}

const widthOf = (m: PlacedMatrix): number => m.columns * m.cellWidth;
const heightOf = (m: PlacedMatrix): number => m.rows * m.cellHeight;
const right = (m: PlacedMatrix): number => m.x + widthOf(m);
const bottom = (m: PlacedMatrix): number => m.y + heightOf(m);

function single(shape: Shape, name: MatrixName): Layout {
  const columns = shape.matrices[name][0]?.length ?? 1;
  const cell = fit(shape.width - GUTTER, columns, largestFor(shape.width));
  const matrix = blank(shape, name, cell);
  matrix.x = Math.max(GUTTER, Math.round((shape.width - widthOf(matrix)) / 2));
  matrix.y = TITLE + LABEL;
  return { width: shape.width, height: bottom(matrix) + 8, placed: [matrix], connectors: [], formulas: [] };
}

function fit(room: number, columns: number, largest: number): number {
  return Math.max(8, Math.min(largest, Math.floor(room / columns)));
}

/** X times each W: side by side where there is room, else only the one that the reader looks at. */
function projections(shape: Shape): Layout {
  const all = PROJECTIONS.map((name): [MatrixName, MatrixName] => [`w_${name}`, name]);
  return falkCell(shape, "x", all) >= 36 ? product(shape, "x", all)
    : product(shape, "x", [[`w_${shape.projection}`, shape.projection]]);
}

export function showsAllProjections(shape: Shape): boolean {
  return projections({ ...shape, stage: "projections" }).placed.length > 3;
}

/** On a projector the cells grow with the picture. */
const largestFor = (width: number): number => Math.max(CELL.largest, width / 14);
const gapOf = (width: number): number => (width < 480 ? 26 : 40);
const isTransposed = (name: MatrixName): boolean => name === "key";

function acrossOf(shape: Shape, name: MatrixName): number {
  const numbers = shape.matrices[name];
  return isTransposed(name) ? numbers.length : numbers[0]?.length ?? 0;
}

function falkCell(shape: Shape, left: MatrixName, pairs: [MatrixName, MatrixName][]): number {
  const columns = pairs.reduce((sum, [operand]) => sum + acrossOf(shape, operand), acrossOf(shape, left));
  return fit(shape.width - GUTTER - gapOf(shape.width) * pairs.length - 2, columns, largestFor(shape.width));
}

function product(shape: Shape, left: MatrixName, pairs: [MatrixName, MatrixName][]): Layout {
  const cell = falkCell(shape, left, pairs);
  if (cell < CELL.smallest) return stacked(shape, [left, ...pairs.flat()], pairs);
  const operand: PlacedMatrix = { ...blank(shape, left, cell), titleAt: "below", columnLabels: [] };
  const gap = gapOf(shape.width);
  const tops = pairs.map(([name]) => blank(shape, name, cell, isTransposed(name)));
  const total = GUTTER + widthOf(operand) + tops.reduce((sum, top) => sum + gap + widthOf(top), 0);
  operand.x = GUTTER + Math.max(0, Math.round((shape.width - total) / 2));
  operand.y = TITLE + LABEL + Math.max(...tops.map(heightOf)) + 14;
  const placed = [operand];
  let x = right(operand);
  pairs.forEach(([, name], i) => {
    const top = { ...tops[i]!, x: x + gap, y: TITLE + LABEL };
    const result = { ...blank(shape, name, cell), x: top.x, y: operand.y };
    placed.push(top, { ...result, titleAt: "below", rowLabels: [], columnLabels: [] });
    x = right(top);
  });
  const middle = { x: operand.x + widthOf(operand) / 2, y: (TITLE + LABEL + operand.y) / 2 };
  const formulas = pairs.map(([, name], i) =>
    ({ pieces: formulaOf(name), x: middle.x, y: middle.y + (i - (pairs.length - 1) / 2) * 34 }));
  return { width: shape.width, height: bottom(operand) + TITLE + 6, placed, connectors: [], formulas };
}

/** One matrix below the other, each as wide as the picture: for phones and for eight dimensions. */
function stacked(shape: Shape, names: MatrixName[], pairs: [MatrixName, MatrixName][] = []): Layout {
  const placed: PlacedMatrix[] = [];
  let y = 0;
  for (const name of names) {
    const transposed = isTransposed(name) && pairs.some(([operand]) => operand === name);
    const columns = transposed ? shape.matrices[name].length : shape.matrices[name][0]?.length ?? 1;
    const matrix = blank(shape, name, fit(shape.width - GUTTER - 2, columns, CELL.stacked), transposed);
    matrix.x = GUTTER;
    matrix.y = y + TITLE + LABEL;
    placed.push(matrix);
    y = bottom(matrix) + 12;
  }
  return { width: shape.width, height: y, placed, connectors: [], formulas: [] };
}

/** Two matrices of one shape, cell by cell, with the operation between them. */
function elementwise(shape: Shape, from: MatrixName, to: MatrixName, label: Piece[]): Layout {
  const columns = shape.matrices[from][0]?.length ?? 0;
  const gap = shape.width < 480 ? 62 : 132;
  const cell = fit(shape.width - GUTTER - gap - 2, 2 * columns, largestFor(shape.width));
  if (cell < CELL.smallest - 1) return stackedWithLabel(shape, from, to, label);
  const [a, b] = [blank(shape, from, cell), blank(shape, to, cell)];
  const total = GUTTER + 2 * widthOf(a) + gap;
  a.x = GUTTER + Math.max(0, Math.round((shape.width - total) / 2));
  a.y = b.y = TITLE + LABEL;
  b.x = right(a) + gap;
  b.rowLabels = [];
  const y = a.y + heightOf(a) / 2;
  const connector: Connector = {
    from, to, path: `M${right(a) + 10} ${y}H${b.x - 12}`, endX: b.x - 6, endY: y, toward: "right",
    label, labelX: (right(a) + b.x) / 2, labelY: y - 10, anchor: "middle",
  };
  return { width: shape.width, height: bottom(a) + 8, placed: [a, b], connectors: [connector], formulas: [] };
}

function stackedWithLabel(shape: Shape, from: MatrixName, to: MatrixName, label: Piece[]): Layout {
  const layout = stacked(shape, [from, to]);
  const [a, b] = layout.placed as [PlacedMatrix, PlacedMatrix];
  b.y += 14;
  const x = a.x + widthOf(a) / 2;
  const connector: Connector = {
    from, to, path: `M${x} ${bottom(a) + 6}V${bottom(a) + 30}`, endX: x, endY: bottom(a) + 36, toward: "down",
    label, labelX: x + 12, labelY: bottom(a) + 24, anchor: "start",
  };
  return { ...layout, height: layout.height + 14, connectors: [connector] };
}

function overview(shape: Shape): Layout {
  return shape.width < 620 ? overviewDown(shape) : overviewAcross(shape);
}

/** A matrix of the overview: small cells, no numbers, no labels but its name. */
function small(shape: Shape, name: MatrixName, cell: number): PlacedMatrix {
  return { ...blank(shape, name, cell), cellHeight: cell, rowLabels: [], columnLabels: [] };
}

function overviewAcross(shape: Shape): Layout {
  const { matrices, width } = shape;
  const [n, m, p] = [matrices.x.length, matrices.x[0]?.length ?? 0, matrices.query[0]?.length ?? 0];
  const gaps = [34, 34, 44, 58, 58, 66, 44];
  const cell = fit(width - 4 - gaps.reduce((a, b) => a + b), m + 3 * p + 4 * n, 26);
  const used = cell * (m + 3 * p + 4 * n) + gaps.reduce((a, b) => a + b);
  const step = Math.max(m, n) * cell + TITLE + 12;
  const xs = [Math.max(2, Math.round((width - used) / 2))];
  [m, p, p, n, n, n, n].forEach((columns, i) => xs.push(xs[i]! + columns * cell + gaps[i]!));
  const at = (name: MatrixName, column: number, band: number): PlacedMatrix => {
    const matrix = small(shape, name, cell);
    return { ...matrix, x: xs[column]!, y: TITLE + band * step + (step - TITLE - heightOf(matrix)) / 2 };
  };
  const chain = (["scores", "scaled", "masked", "weights"] as const).map((name, i) => at(name, 3 + i, 0.5));
  const maps = PROJECTIONS.flatMap((name, i) => [at(`w_${name}`, 1, i), at(name, 2, i)]);
  const placed = [at("x", 0, 1), ...maps, ...chain, at("output", 7, 1.25)];
  return { width, height: TITLE + 3 * step - 8, placed, connectors: links(shape, placed, across), formulas: [] };
}

function overviewDown(shape: Shape): Layout {
  const { matrices, width } = shape;
  const widest = Math.max(matrices.x.length, matrices.query[0]?.length ?? 0);
  const cell = fit(width - 70, 3 * widest, 25);
  const rows: MatrixName[][] = [
    ["x"], ["w_query", "w_key", "w_value"], ["query", "key", "value"],
    ["scores", "scaled"], ["weights", "masked"], ["output"],
  ];
  const placed: PlacedMatrix[] = [];
  let y = TITLE;
  for (const names of rows) {
    const row = names.map((name) => small(shape, name, cell));
    row.forEach((matrix, i) => {
      matrix.x = Math.round((width * (2 * i + 1)) / (2 * row.length) - widthOf(matrix) / 2);
      if (row.length === 2) matrix.x = Math.round(width * (i === 0 ? 0.22 : 0.64) - widthOf(matrix) / 2);
      if (names[0] === "output") matrix.x = Math.round(width * 0.55 - widthOf(matrix) / 2);
      matrix.y = y;
    });
    placed.push(...row);
    y = Math.max(...row.map(bottom)) + TITLE + 32;
  }
  return { width, height: y - 40, placed, connectors: links(shape, placed, down), formulas: [] };
}

type Route = (from: PlacedMatrix, to: PlacedMatrix, label: Piece[]) => Connector;

function links(shape: Shape, placed: PlacedMatrix[], route: Route): Connector[] {
  const find = (name: MatrixName): PlacedMatrix => placed.find((matrix) => matrix.name === name)!;
  const link = (from: MatrixName, to: MatrixName, label: Piece[] = []): Connector => route(find(from), find(to), label);
  return [
    ...PROJECTIONS.flatMap((name) => [link("x", `w_${name}`), link(`w_${name}`, name)]),
    link("query", "scores"), link("key", "scores"), link("scores", "scaled", scalingLabel(shape)),
    link("scaled", "masked", [upright(shape.causal ? "mask" : "no mask")]),
    link("masked", "weights", [upright("softmax")]),
    link("weights", "output"), link("value", "output"),
  ];
}

function across(from: PlacedMatrix, to: PlacedMatrix, label: Piece[]): Connector {
  const [x0, y0] = [right(from) + 4, from.y + heightOf(from) / 2];
  const [x1, y1] = [to.x - 7, to.y + heightOf(to) / 2];
  const bend = from.name === "value" ? x1 - 40 : (x0 + x1) / 2;
  const path = Math.abs(y0 - y1) < 1 ? `M${x0} ${y0}H${x1}`
    : from.name === "value" ? `M${x0} ${y0}H${bend}C${x1 - 8} ${y0} ${bend} ${y1} ${x1} ${y1}`
    : `M${x0} ${y0}C${bend} ${y0} ${bend} ${y1} ${x1} ${y1}`;
  return {
    from: from.name, to: to.name, path, endX: x1 + 4, endY: y1, toward: "right",
    label, labelX: (x0 + x1) / 2 + 1, labelY: (y0 + y1) / 2 - 8, anchor: "middle",
  };
}

function down(from: PlacedMatrix, to: PlacedMatrix, label: Piece[]): Connector {
  if (from.y === to.y) return sideways(from, to, label);
  const [x0, y0] = [from.x + widthOf(from) / 2, bottom(from) + 4];
  const [x1, y1] = [to.x + widthOf(to) / 2, to.y - TITLE - 2];
  const far = from.name === "value";
  const edge = Math.max(right(from), right(to)) + 4;
  const middle = to.y + heightOf(to) / 2;
  const path = far ? `M${x0} ${y0}C${edge + 30} ${y0 + 60} ${edge + 30} ${to.y} ${right(to) + 7} ${middle}`
    : `M${x0} ${y0}C${x0} ${(y0 + y1) / 2} ${x1} ${(y0 + y1) / 2} ${x1} ${y1}`;
  const end = far ? { endX: right(to) + 3, endY: middle, toward: "left" as const }
    : { endX: x1, endY: y1 + 5, toward: "down" as const };
  const at = { labelX: x1 + 10, labelY: (y0 + y1) / 2 + 2, anchor: "start" as const };
  return { from: from.name, to: to.name, path, ...end, label, ...at };
}

function sideways(from: PlacedMatrix, to: PlacedMatrix, label: Piece[]): Connector {
  const y = from.y + heightOf(from) / 2;
  const forward = from.x < to.x;
  const [x0, x1] = forward ? [right(from) + 4, to.x - 7] : [from.x - 4, right(to) + 7];
  return { from: from.name, to: to.name, path: `M${x0} ${y}H${x1}`, endX: x1 + (forward ? 4 : -4), endY: y,
    toward: forward ? "right" : "left", label, labelX: (x0 + x1) / 2, labelY: y - 8, anchor: "middle" };
}
