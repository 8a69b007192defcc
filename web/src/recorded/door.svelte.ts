// An exported site's way to answer: from files of recorded answers beside the pages. They are scripts, because a page
// that was opened from disk may load scripts and nothing else.
import type { Figure, MountProps, RecordedPage } from "../contracts";
import type { Page } from "../page.svelte";
import { Held } from "./held.svelte";
import { bytesOf, unpack } from "./unpack";

declare global {
  var unrolledFigures: Figure[] | undefined; // of schema/NAME.js
  var unrolledRecorded: ((name: string, base64: string) => void) | undefined;
}

const arrived = new Map<string, (bytes: Uint8Array<ArrayBuffer>) => void>();
const wanted = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
globalThis.unrolledRecorded = (name, base64) => arrived.get(name)?.(bytesOf(base64));

export function recordedDoor(recorded: RecordedPage, figure: Figure, element: HTMLElement, page: Page): Pick<MountProps, "ask" | "stops" | "live" | "embed"> {
  const load = (name: string) => file(`${recorded.root}recorded/${name}.js`, name);
  const pack = recorded.packs[figure.name];
  const kept = async () => (pack ? unpack(await load(pack), load) : []);
  const held = new Held(figure, { kept, live: recorded.live[figure.name] ?? {} }, (model) => page.takesTarget(model));
  const id = element.dataset["id"] ?? figure.name;
  const alone = recorded.embeds[id];
  return { ask: held.ask, stops: held.stops, live: false, ...(alone ? { embed: () => embedding(new URL(recorded.root + alone, location.href).href, figure, element) } : {}) };
}

/** What the file gave, fetched once however often it is wanted. */
function file(source: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const made = wanted.get(name) ?? new Promise<Uint8Array<ArrayBuffer>>((give, fail) => {
    const script = document.createElement("script");
    arrived.set(name, give);
    script.src = source;
    script.onerror = () => fail(new Error(`${source} is missing beside this page`));
    document.head.append(script);
  });
  wanted.set(name, made);
  return made;
}

/** The tag that shows this figure on a page of one's own, as high as it is here, copied. */
async function embedding(address: string, figure: Figure, element: HTMLElement): Promise<string> {
  const words = figure.question.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const source = (location.protocol === "file:" ? address.replace(/^.*\/(?=embed\/)/, "https://YOUR-HOST/") : address).replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const tag = `<iframe src="${source}" title="${words}" width="100%" height="${Math.ceil(element.offsetHeight) + 90}" loading="lazy" style="border: 0"></iframe>`;
  try {
    await navigator.clipboard.writeText(tag);
    return "Copied: the tag that shows this figure on a page of yours.";
  } catch {
    return tag;
  }
}
