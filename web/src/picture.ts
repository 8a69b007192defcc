// Pictures without a browser: what a figure's picture asks, and the answers as an SVG file. Compiled for the server
// into scenes.js, which the command line runs in a bare JavaScript engine.
import "./svg/bare";
import { render } from "svelte/server";
import type { Component } from "svelte";
import type { Figure, FigureState, Result } from "./contracts";
import { aboutOf } from "./about";
import { looksOf } from "./looks";
import { MOUSE, type Asked, type Picture } from "./pictures/_seen";
import { painted, rulesOf, valuesOf, type Values } from "./svg/cascade";
import type { Scheme } from "./svg/colours";
import { file } from "./svg/file";
import { parse, type Tag } from "./svg/parse";
import { decode } from "./wire";

const PICTURES = import.meta.glob<Picture>(["./pictures/*.ts", "!./pictures/_*.ts"], { eager: true });
const SHEETS = import.meta.glob<string>("./styles/*.css", { eager: true, query: "?raw", import: "default" });
const AROUND = ["html", "body", "main", "div.page", "div.figure", "div.frame", "div", "div.picture", "div.view"]; // from the page to the scene

/** Everything that decides what the picture looks like. */
export interface Order {
  figure: Pick<Figure, "name" | "question">;
  state: FigureState;
  width: number;
  scheme: Scheme;
  models: { name: string; architecture: string }[]; // all that the page would list: each has its own look
  answers: Record<string, string>; // panel -> blob, in base64
}

/** What to ask, so that the picture of this state can be drawn. */
export function questions(name: string, state: FigureState): Asked[] {
  return pictureOf(name)?.questions?.(state) ?? [{ panel: state.panel, knobs: {} }];
}

/** What is recorded besides what the picture asks: what the view asks on the way, and what can be chosen in the picture. */
export function besides(name: string, state: FigureState): { also: Asked[]; picks: Record<string, string[]> } {
  return { also: pictureOf(name)?.also?.(state) ?? [], picks: pictureOf(name)?.picks ?? {} };
}

/** The figures that have a picture. */
export function names(): string[] {
  return Object.keys(PICTURES).map((path) => path.slice("./pictures/".length, -".ts".length));
}

/** The SVG file, or null where the answers hold nothing to draw. */
export function draw(order: Order): string | null {
  const { state, width, scheme, figure } = order;
  const results: Record<string, Result> = {};
  for (const [panel, blob] of Object.entries(order.answers)) results[panel] = decode(bytesOf(blob));
  const looks = looksOf(order.models);
  const look = (model: string) => looks[model] ?? { hue: 0, line: 0 };
  const drawn = pictureOf(figure.name)?.draw({ state, results, width, row: MOUSE, look, scheme });
  if (!drawn) return null;
  const { head, body } = render(drawn.scene as unknown as Component<Record<string, unknown>>, { props: drawn.props as Record<string, unknown> });
  const { scene, around, rules } = staged(body, head, state.panel, scheme);
  const [x = 0, y = 0, wide = 0, high = 0] = (scene.attributes["viewBox"] ?? "").split(/\s+/).map(Number);
  const size = { width: Math.round(wide), height: Math.round(high) };
  const paper = around["background-color"] ?? "#ffffff";
  const about = aboutOf(figure.question, state.panel, results[state.panel]);
  return file(painted(scene, rules, around, scheme), { ...size, box: [x, y, wide, high], paper, title: drawn.props.title, about });
}

function pictureOf(name: string): Picture | undefined {
  return PICTURES[`./pictures/${name}.ts`];
}

/** The scene in its place on the page, so that the page's rules find it; `around` is what it inherits there. */
function staged(body: string, head: string, panel: string, scheme: Scheme) {
  const own = Array.from(head.matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g), ([, css]) => css);
  const rules = rulesOf([...pageSheets(), ...own].join("\n"));
  const opened = AROUND.map((place) => place.split(".")).map(([name, kind]) => `<${name}${kind ? ` class="${kind}"` : ""}${kind === "frame" ? ` data-panel="${panel}"` : ""}>`);
  const root = parse(opened.join("") + body);
  let [around, paper]: [Values, string] = [{}, "#ffffff"];
  let at = firstTag(root);
  while (at && at.name !== "svg") {
    around = valuesOf(at, rules, around, scheme);
    const own = around["background-color"] ?? "transparent";
    if (own !== "transparent" && !own.startsWith("rgba(0, 0, 0, 0")) paper = own;
    at = firstTag(at);
  }
  if (!at) throw new Error("The scene has no svg.");
  return { scene: at, around: { ...around, "background-color": paper }, rules };
}

function firstTag(tag: Tag): Tag | undefined {
  return tag.children.find((child): child is Tag => typeof child !== "string");
}

/** The stylesheets in the order in which main.css takes them in. */
function pageSheets(): string[] {
  const order = Array.from((SHEETS["./styles/main.css"] ?? "").matchAll(/@import\s+"\.\/([\w.-]+)"/g), ([, name]) => `./styles/${name}`);
  return order.map((path) => SHEETS[path] ?? "");
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function bytesOf(base64: string): Uint8Array {
  const places = new Uint8Array(128);
  for (let i = 0; i < 64; i++) places[ALPHABET.charCodeAt(i)] = i;
  const text = base64.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  for (let i = 0, at = 0; i < text.length; i += 4) {
    const four = [0, 1, 2, 3].reduce((sum, j) => (sum << 6) | (places[text.charCodeAt(i + j)] ?? 0), 0);
    for (const shift of [16, 8, 0]) if (at < bytes.length) bytes[at++] = (four >> shift) & 255;
  }
  return bytes;
}
