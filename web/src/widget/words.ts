// The words above a figure that stands alone: its text, to be edited or only read.
import type { Figure } from "../contracts";

/** Does any panel read a text? A figure shows the other one of a pair itself. */
export function reads(figure: Figure): boolean {
  return figure.panels.some(({ inputs }) => inputs.includes("text") || inputs.includes("pair"));
}

/** A field for a text, which says every change; gives what sets it from outside. */
export function field(into: HTMLElement, label: string, change: (text: string) => void): (text: string) => void {
  const row = document.createElement("label");
  const name = document.createElement("span");
  const area = document.createElement("textarea");
  row.className = "asked";
  name.textContent = label;
  area.rows = 1;
  area.spellcheck = false;
  area.addEventListener("input", () => change(area.value.toWellFormed()));
  for (const kind of ["keydown", "keyup", "keypress"]) area.addEventListener(kind, (event) => event.stopPropagation()); // not the notebook's
  row.append(name, area);
  into.append(row);
  return (text) => {
    if (area.value !== text) area.value = text;
  };
}
