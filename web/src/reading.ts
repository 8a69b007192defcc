// Which chapters were read to the end, and which was open last: kept by this browser, shown in the contents.
const PLACE = "unrolled.read";

interface Kept {
  read: string[];
  last: string;
}

/** Marks what was read; a chapter is read when its foot has been seen. */
export function followReading(page: Document): void {
  const article = page.querySelector<HTMLElement>("article[data-chapter]");
  const here = article?.dataset["chapter"];
  mark(page, kept());
  reveal(page.querySelector<HTMLElement>("nav.contents"));
  if (!here) return;
  keep({ ...kept(), last: here });
  const foot = page.querySelector("nav.turn");
  if (!foot) return;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting) || scrollY === 0) return; // what is on its way down the page was not read
    seen.disconnect();
    keep({ read: [...new Set([...kept().read, here])], last: here });
    mark(page, kept());
  });
  seen.observe(foot);
}

/** Where the contents are longer than the screen: the page that is open stands in them. */
function reveal(contents: HTMLElement | null): void {
  const here = contents?.querySelector<HTMLElement>("[aria-current]");
  if (contents && here && contents.scrollHeight > contents.clientHeight) contents.scrollTop = here.offsetTop - contents.clientHeight / 2;
}

export function forgetReading(page: Document): void {
  keep({ read: [], last: "" });
  mark(page, kept());
}

function kept(): Kept {
  try {
    const { read, last } = JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Record<string, unknown>;
    const names = Array.isArray(read) ? read.filter((name) => typeof name === "string") : [];
    return { read: names, last: typeof last === "string" ? last : "" };
  } catch {
    return { read: [], last: "" };
  }
}

function keep(now: Kept): void {
  try {
    if (now.last === "" && now.read.length === 0) localStorage.removeItem(PLACE);
    else localStorage.setItem(PLACE, JSON.stringify(now));
  } catch {
    // a browser that keeps nothing: nothing is marked
  }
}

function mark(page: Document, { read, last }: Kept): void {
  for (const item of page.querySelectorAll<HTMLElement>("li[data-chapter]")) {
    const done = read.includes(item.dataset["chapter"] ?? "");
    item.classList.toggle("read", done);
    item.querySelector(".done")?.remove();
    if (done) item.querySelector("a")?.append(Object.assign(page.createElement("i"), { className: "done", textContent: " (read)" }));
  }
  goOn(page, read, last);
}

/** On the front page: where the reader was, or what comes after it. */
function goOn(page: Document, read: string[], last: string): void {
  const place = page.querySelector<HTMLElement>(".go-on");
  const all = [...page.querySelectorAll<HTMLElement>(".chapters li[data-chapter]")];
  if (!place || all.length === 0) return;
  const at = all.findIndex((item) => item.dataset["chapter"] === last);
  const goal = all[at >= 0 && read.includes(last) ? at + 1 : at];
  const done = all.filter((item) => read.includes(item.dataset["chapter"] ?? "")).length;
  place.hidden = at < 0;
  place.replaceChildren(...(goal ? ["Go on with ", linkLike(page, goal), ". "] : []), `${done} of ${all.length} chapters read; only this browser knows.`);
}

function linkLike(page: Document, item: HTMLElement): HTMLAnchorElement {
  const link = page.createElement("a");
  link.setAttribute("href", item.querySelector("a")?.getAttribute("href") ?? "");
  link.textContent = item.querySelector("b")?.textContent ?? "";
  return link;
}
