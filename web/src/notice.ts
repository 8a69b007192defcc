// Sentences on top of the page, e.g. on what a link said and this page could not do.

export function notice(sentences: string[]): void {
  document.querySelector(".notice")?.remove();
  const box = document.createElement("div");
  box.className = "notice";
  box.setAttribute("role", "status");
  const words = document.createElement("div");
  for (const sentence of sentences.slice(0, 5)) words.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  const close = Object.assign(document.createElement("button"), { type: "button", className: "plain quiet", textContent: "Close" });
  close.addEventListener("click", () => box.remove());
  box.append(words, close);
  document.querySelector(".page")?.prepend(box);
}
