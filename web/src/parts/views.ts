// A figure's view is found by its name: src/views/NAME.svelte, loaded when it is needed.
import type { Component } from "svelte";
import type { ViewProps } from "../contracts";

const found = import.meta.glob<{ default: Component<ViewProps> }>("../views/*.svelte");

/** The view of a figure, or null when there is none: the frame then shows its tables. */
export async function loadView(name: string): Promise<Component<ViewProps> | null> {
  const load = found[`../views/${name}.svelte`];
  return load ? (await load()).default : null;
}
