// For a projector, with ?present: one stop a screen (a heading, a question, a figure), keys and buttons from one to the next.
import { typing } from "./keys";

const STOPS = ".prose > h1, .prose > h2, .prose > .guess, .prose > .figure, .prose > section:not(.teacher, .sources)";
const NEXT = ["PageDown", "ArrowRight", " "];
const BEFORE = ["PageUp", "ArrowLeft"];

export function present(page: Document): void {
  if (!page.documentElement.classList.contains("present")) return;
  const stops = [...page.querySelectorAll<HTMLElement>(STOPS)];
  for (const link of page.querySelectorAll<HTMLAnchorElement>("nav a[href], a.mark")) link.href = presenting(link.href, true);
  const bar = controls(page, (step) => go(stops, step));
  page.body.append(bar);
  page.addEventListener("keydown", (event) => {
    const step = NEXT.includes(event.key) ? 1 : BEFORE.includes(event.key) ? -1 : 0;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || page.querySelector("dialog[open]") || typing(event.target)) return;
    if (event.key === "Escape") location.assign(presenting(location.href, false));
    if (step === 0 || (!event.key.startsWith("Page") && busy(event.target))) return;
    event.preventDefault();
    go(stops, step);
  });
}

/** The address with or without the large type. */
export function presenting(address: string, on: boolean): string {
  const url = new URL(address);
  if (on) url.searchParams.set("present", "");
  else url.searchParams.delete("present");
  return url.href.replace("present=", "present");
}

/** Whether arrows and the space bar mean something where the focus is. */
function busy(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, select, summary, svg, [tabindex='0'], [role='tab']") !== null;
}

function go(stops: HTMLElement[], step: number): void {
  const line = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
  const tops = stops.map((stop) => stop.getBoundingClientRect().top - line);
  const to = step > 0 ? tops.findIndex((top) => top > 4) : tops.findLastIndex((top) => top < -4);
  const stop = stops[to];
  if (!stop) return window.scrollTo({ top: step > 0 ? document.body.scrollHeight : 0 });
  stop.scrollIntoView({ block: "start" });
  stop.tabIndex = -1;
  stop.focus({ preventScroll: true });
}

function controls(page: Document, turn: (step: number) => void): HTMLElement {
  const bar = page.createElement("div");
  bar.className = "presenting";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Presentation");
  const button = (label: string, act: () => void): void => {
    const made = Object.assign(page.createElement("button"), { type: "button", className: "plain", textContent: label });
    made.addEventListener("click", act);
    bar.append(made);
  };
  button("Back", () => turn(-1));
  button("Next", () => turn(1));
  button("Leave", () => location.assign(presenting(location.href, false)));
  return bar;
}
