// A prediction before the reveal: any answer marks itself and shows what is so.

export function enhanceGuesses(root: ParentNode): void {
  for (const guess of root.querySelectorAll<HTMLElement>(".guess")) {
    const reveal = guess.querySelector<HTMLElement>(".reveal");
    const answers = [...guess.querySelectorAll<HTMLButtonElement>(":scope > button")];
    if (!reveal) continue;
    reveal.setAttribute("role", "status");
    for (const answer of answers) {
      answer.setAttribute("aria-pressed", "false");
      answer.addEventListener("click", () => {
        for (const one of answers) one.setAttribute("aria-pressed", String(one === answer));
        reveal.hidden = false;
      });
    }
  }
}
