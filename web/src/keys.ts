// The page's keys: / to the text, [ and ] between chapters, ? for help. Nowhere where letters are typed.

export function listenToKeys(to: { text: () => void; help: () => void }): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const act = { "/": to.text, "?": to.help, "[": () => turn(-1), "]": () => turn(1) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])");
}

function turn(step: number): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>("nav.contents a[href]")];
  const here = links.findIndex((link) => link.getAttribute("aria-current") || link.closest("[aria-current]") || link.pathname === location.pathname);
  links[here < 0 ? (step > 0 ? 0 : -1) : here + step]?.click();
}
