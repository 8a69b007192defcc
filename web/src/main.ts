// Enhances the page that the server rendered: the bar, the figures, the guesses, the keyboard, the address.
import "./styles/main.css";
import type { FigureState, PageData } from "./contracts";
import { asking } from "./ask";
import { mount } from "./mount";
import { defaults } from "./state";

const data = JSON.parse(document.getElementById("page")?.textContent || "null") as PageData | null;
if (data) {
  for (const element of document.querySelectorAll<HTMLElement>(".figure[data-figure]")) {
    const figure = data.figures.find((one) => one.name === element.dataset["figure"]);
    if (!figure) continue;
    const given = JSON.parse(element.dataset["state"] || "{}") as Partial<FigureState>;
    const state: FigureState = {
      text: given.text ?? data.defaults.text,
      target: given.target ?? "",
      models: given.models ?? data.defaults.models,
      panel: given.panel ?? figure.panels[0]?.name ?? "",
      knobs: { ...defaults(figure), ...given.knobs },
      view: given.view ?? {},
    };
    mount(element, { figure, state, ask: asking(figure.name), onState: () => {} });
  }
}
