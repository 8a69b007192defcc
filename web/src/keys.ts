// The page's keys: / to the text or the search, [ and ] between chapters, ? for help. Nowhere where letters are typed.

export function listenToKeys(to: { text: () => boolean; help: () => void }): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const act = { "/": () => to.text() || document.querySelector<HTMLElement>("form.search input")?.focus(), "?": to.help, "[": () => turn(-1), "]": () => turn(1) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])");
}

/** To the chapter before or after; from any other page to the first. */
function turn(step: 1 | -1): void {
  const inside = document.querySelector("article[data-chapter]") !== null;
  const rel = step > 0 ? "next" : "prev";
  document.querySelector<HTMLAnchorElement>(inside ? `nav.turn a[rel="${rel}"]` : "nav.contents [data-chapter] a")?.click();
}
