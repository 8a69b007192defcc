// The search: the page is the whole index, and shows of it what has all of the words typed, the best first.
interface Entry {
  item: HTMLElement;
  title: string[];
  about: string[];
  words: string[];
}

const WEIGHTS = { title: 4, about: 2, words: 1 } as const;

export function enableSearch(page: Document): void {
  const field = page.querySelector<HTMLInputElement>(".finding form.search input");
  const count = page.querySelector<HTMLElement>(".finding .count");
  if (!field || !count) return;
  const entries = [...page.querySelectorAll<HTMLElement>(".finding [data-words]")].map(entryOf);
  const groups = [...page.querySelectorAll<HTMLElement>(".finding section")];
  const show = (): void => {
    const asked = folded(field.value);
    const found = entries.map((entry) => ({ entry, score: scoreOf(entry, asked) })).filter(({ score }) => score > 0);
    found.sort((a, b) => b.score - a.score);
    for (const { item } of entries) item.hidden = true;
    for (const { entry } of found) {
      entry.item.hidden = false;
      entry.item.parentElement?.append(entry.item);
    }
    for (const group of groups) group.hidden = !found.some(({ entry }) => group.contains(entry.item));
    const first = (group: HTMLElement): number => found.findIndex(({ entry }) => group.contains(entry.item));
    if (asked.length > 0) groups.toSorted((a, b) => first(a) - first(b)).forEach((group) => group.parentElement?.append(group));
    count.textContent = asked.length === 0 ? `${entries.length} entries` : found.length === 0 ? "Nothing has all of these words." : `${found.length} found`;
  };
  const remember = (): void => {
    const address = new URL(location.href);
    if (field.value.trim() === "") address.searchParams.delete("q");
    else address.searchParams.set("q", field.value);
    history.replaceState(history.state, "", address);
  };
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.form?.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", () => (show(), remember()));
  show();
}

/** As finding.py folds: words without case and accents. */
export function folded(text: string): string[] {
  return text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}_]+/gu) ?? [];
}

function entryOf(item: HTMLElement): Entry {
  const said = (part: string): string[] => folded(item.querySelector(part)?.textContent ?? "");
  return { item, title: said("a"), about: said("span"), words: (item.dataset["words"] ?? "").split(" ") };
}

/** 0 when a word is nowhere; a whole word counts more than the beginning of one. */
function scoreOf(entry: Entry, asked: string[]): number {
  let sum = asked.length === 0 ? 1 : 0;
  for (const word of asked) {
    const best = Math.max(...(["title", "about", "words"] as const).map((part) => WEIGHTS[part] * fit(entry[part], word)));
    if (best === 0) return 0;
    sum += best;
  }
  return sum;
}

function fit(words: string[], asked: string): number {
  if (words.includes(asked)) return 1.5;
  return words.some((word) => word.startsWith(asked)) ? 1 : 0;
}
