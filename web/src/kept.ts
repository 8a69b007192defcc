// The text and the models that the reader chose, kept by the browser from one chapter to the next and to a later visit.
const PLACE = "unrolled.chosen";
const MOST = 100_000; // characters

export interface Chosen {
  text?: string;
  models?: string[];
}

/** Nothing where the browser keeps nothing, or where what it kept is not ours. */
export function kept(): Chosen {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Record<string, unknown>;
    const { text, models } = found;
    const names = Array.isArray(models) ? models.filter((name) => typeof name === "string" && name !== "") : [];
    return { ...(typeof text === "string" && text !== "" ? { text } : {}), ...(names.length > 0 ? { models: names } : {}) };
  } catch {
    return {};
  }
}

/** Adds to what is kept; an empty text or no model takes it out. */
export function keep(chosen: Chosen): void {
  const all = { ...kept(), ...chosen };
  if (!all.text || all.text.length > MOST) delete all.text;
  if (!all.models?.length) delete all.models;
  try {
    if (all.text === undefined && all.models === undefined) localStorage.removeItem(PLACE);
    else localStorage.setItem(PLACE, JSON.stringify(all));
  } catch {
    // the choice holds for this page
  }
}
