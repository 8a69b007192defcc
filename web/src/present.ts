// For a projector, with ?present: one stop a screen (a heading, a question, a figure), keys and buttons from one to the next.
import { typing } from "./keys";

const STOPS = ".prose > h1, .prose > h2, .prose > .guess, .prose > .figure, .prose > section:not(.teacher, .sources)";
const NEXT = ["PageDown", "ArrowRight", " "];
const BEFORE = ["PageUp", "ArrowLeft"];

export function present(page: Document): void {
  if (!page.documentElement.classList.contains("present")) return;
  const stops = [...page.querySelectorAll<HTMLElement>(STOPS)];
  for (const link of page.querySelectorAll<HTMLAnchorElement>("nav a[href], a.mark")) link.href = presenting(link.href, true);
  for (const figure of page.querySelectorAll<HTMLElement>(".prose > .figure")) new ResizeObserver(() => fit(figure)).observe(figure);
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

const [LARGEST, LEAST, LONG] = [1.6, 0.9, 1.3]; // of the type, on 1080 lines; with less the last rows of a room read nothing

/** As large as goes on one screen, within reason; a figure that is wider apart at another size is measured there. What would
 *  be small and still too long takes more than one screen instead, and can be read. */
function fit(figure: HTMLElement): void {
  const enlarge = (by: number): void => figure.style.setProperty("--zoom", by.toFixed(1));
  const [room, share] = [innerHeight - lineOf() - 24, innerHeight / 1080];
  for (let by = LARGEST; by > LEAST * share - 0.05; by -= 0.1) {
    enlarge(by);
    if (figure.getBoundingClientRect().height <= room) return;
  }
  enlarge(LONG * share);
}

/** How far down the page what is scrolled to comes to stand. */
function lineOf(): number {
  return parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
}

/** Whether arrows and the space bar mean something where the focus is. */
function busy(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, select, summary, svg, [tabindex='0'], [role='tab']") !== null;
}

/** To the next stop, or on through one that is longer than the screen; back to the beginning of this one, or to the one before. */
function go(stops: HTMLElement[], step: number): void {
  const line = lineOf();
  const tops = stops.map((stop) => stop.getBoundingClientRect().top - line);
  const here = stops[tops.findLastIndex((top) => top <= 4)];
  if (step > 0 && here && here.getBoundingClientRect().bottom > innerHeight) return window.scrollBy({ top: 0.85 * (innerHeight - line) });
  const to = step > 0 ? tops.findIndex((top) => top > 4) : tops.findLastIndex((top) => top < -4);
  const stop = stops[to];
  if (!stop) return window.scrollTo({ top: step > 0 ? document.body.scrollHeight : 0 });
  stop.scrollIntoView({ block: "start" });
  stop.tabIndex = -1;
  stop.focus({ preventScroll: true });
}

function controls(page: Document, turn: (step: number) => void): HTMLElement {
  const bar = page.createElement("nav");
  bar.className = "presenting";
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
