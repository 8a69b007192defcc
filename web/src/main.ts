// Enhances the page that the server rendered: the bar, the figures, the guesses, the keyboard, the address.
import "./styles/main.css";
import { mount as mountComponent } from "svelte";
import { asking } from "./ask";
import { type Figure, type FigureState, type PageData } from "./contracts";
import { enhanceGuesses } from "./guess";
import { kept } from "./kept";
import { listenToKeys } from "./keys";
import { enableSearch } from "./finding";
import { present } from "./present";
import { followReading, forgetReading } from "./reading";
import { mount } from "./mount";
import { notice } from "./notice";
import { recordedDoor } from "./recorded/door.svelte";
import { Page } from "./page.svelte";
import Bar from "./parts/Bar.svelte";
import { copy, defaults, fitting, parse, type Link } from "./state";
import { typesetArticle } from "./typeset";

const MOST = 5; // models side by side

enhanceGuesses(document);
enableSearch(document);
followReading(document);
present(document);
for (const article of document.querySelectorAll(".prose")) typesetArticle(article);
for (const pre of document.querySelectorAll<HTMLElement>(".prose pre")) {
  pre.tabIndex = 0; // what scrolls can be reached by keyboard
  pre.setAttribute("role", "region");
  pre.ariaLabel ??= pre.closest("section")?.querySelector("h2")?.textContent ?? "Code";
}
const data = JSON.parse(document.getElementById("page")?.textContent || "null") as PageData | null;
if (data?.recorded) data.figures = globalThis.unrolledFigures ?? [];
if (data) start(data);

function start(data: PageData): void {
  const page = new Page(data);
  const places = document.querySelectorAll<HTMLElement>(".figure[data-figure]");
  const common = commonOf([...places].map(given), data.defaults);
  page.runs = common.runs;
  for (const element of places) announce(element, page, common);
  const { text, models } = page.figures[0]?.start ?? data.defaults;
  page.own = { text, models };
  [page.text, page.models] = [text, models];
  if (!restore(page) && !data.recorded) carryOn(page, [...places]);

  const target = document.getElementById("bar") as HTMLElement;
  const bar = mountComponent(Bar, { target, props: { page, contents: document.querySelector<HTMLElement>("nav.contents"), forget: () => forgetReading(document) } });
  listenToKeys({ text: () => bar.focusText(), help: () => bar.openHelp() });

  for (const shown of page.figures) {
    const element = [...places].find((one) => idOf(one) === shown.id) as HTMLElement;
    shown.mounted = mount(element, {
      figure: figureOf(data, element) as Figure,
      state: shown.now,
      ...(data.recorded ? recordedDoor(data.recorded, figureOf(data, element) as Figure, element, page) : { ask: asking(element.dataset["figure"] ?? ""), live: true }),
      onState: (state) => page.onState(shown, state),
      look: (model) => page.look(model),
      takesTarget: (model) => page.takesTarget(model),
      runs: { all: () => page.allRuns, again: () => page.lookForRuns() },
      remedy: (error) => page.remedy(error, () => bar.focusText()),
      link: () => page.copyLink(),
    });
  }
  addEventListener("hashchange", () => restore(page));
}

type Common = Pick<FigureState, "text" | "target" | "models" | "runs">;

/** What all figures of a page start with: of each, what the first place that names it says. */
function commonOf(starts: Partial<FigureState>[], defaults: PageData["defaults"]): Common {
  const first = <K extends keyof Common>(name: K): Common[K] | undefined => starts.find((state) => state[name] !== undefined)?.[name];
  return { text: first("text") ?? defaults.text, target: first("target") ?? "", models: first("models") ?? defaults.models, runs: first("runs") ?? defaults.runs };
}

/** Reads one figure's place and starting state; where it names a text or models of its own, it starts with those. */
function announce(element: HTMLElement, page: Page, common: Common): void {
  const figure = figureOf(page.data, element);
  if (!figure) return;
  const state = given(element);
  page.add(idOf(element), {
    ...common,
    text: state.text ?? common.text,
    models: state.models ?? common.models,
    panel: state.panel ?? figure.panels[0]?.name ?? "",
    knobs: { ...defaults(figure), ...state.knobs },
    view: state.view ?? {},
  });
}

/** What a figure's place says of the state that it starts in. */
function given(element: HTMLElement): Partial<FigureState> {
  return JSON.parse(element.dataset["state"] || "{}") as Partial<FigureState>;
}

/** The text and the models that the reader chose on another page or an earlier day, unless this page has its own. */
function carryOn(page: Page, places: HTMLElement[]): void {
  const starts = places.map(given);
  const chosen = kept();
  const known = (chosen.models ?? []).filter((name) => page.knows(name)).slice(0, MOST);
  if (chosen.text && !starts.some((state) => state.text !== undefined)) page.text = chosen.text;
  if (known.length > 0 && !starts.some((state) => state.models !== undefined)) page.models = known;
  for (const shown of page.figures) Object.assign(shown.now, page.text === page.own.text ? {} : { text: page.text }, page.models === page.own.models ? {} : { models: page.models });
  if (page.figures.length > 0) page.remember();
}

/** Makes the page what its address says, if it says something; what cannot be is said in a sentence. */
function restore(page: Page): boolean {
  const link = parse(location.hash);
  if (!link) return false;
  page.text = link.text ?? page.text;
  page.models = link.models?.slice(0, MOST) ?? page.models;
  page.runs = link.runs?.slice(0, 4) ?? page.runs;
  for (const shown of page.figures) {
    const figure = page.data.figures.find((one) => document.querySelector(`[data-figure="${one.name}"][data-id="${CSS.escape(shown.id)}"]`));
    const start = linked(link, shown.id, shown.start, figure);
    shown.now = { ...start, text: link.text ?? start.text, models: link.models?.slice(0, MOST) ?? start.models, runs: page.runs };
    shown.mounted?.update(shown.now);
  }
  for (const id of Object.keys(link.figures)) {
    if (!page.figures.some((shown) => shown.id === id)) link.notes.push(`The link speaks of a figure “${id.slice(0, 40)}”, which is not on this page.`);
  }
  if (link.notes.length > 0) notice(link.notes);
  return true;
}

function linked(link: Link, id: string, start: FigureState, figure: Figure | undefined): FigureState {
  const said = Object.hasOwn(link.figures, id) ? link.figures[id] : undefined;
  const state = copy({ ...start, target: link.target ?? start.target });
  if (!said || !figure) return state;
  const fit = fitting(said, figure, link.notes);
  return { ...state, panel: fit.panel ?? state.panel, knobs: { ...state.knobs, ...fit.knobs }, view: { ...state.view, ...said.view } };
}

function figureOf(data: PageData, element: HTMLElement): Figure | undefined {
  return data.figures.find((one) => one.name === element.dataset["figure"]);
}

function idOf(element: HTMLElement): string {
  return element.dataset["id"] ?? element.dataset["figure"] ?? "";
}
