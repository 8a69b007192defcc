// The one way a figure gets into a page, a notebook or an exported site.
import { mount as mountComponent, unmount } from "svelte";
import type { MountProps, Mounted } from "./contracts";
import Frame from "./parts/Frame.svelte";

/** Replaces the element's content by the figure. */
export function mount(element: HTMLElement, props: MountProps): Mounted {
  element.replaceChildren();
  const frame = mountComponent(Frame, { target: element, props });
  return {
    update: (state) => frame.update(state),
    destroy: () => void unmount(frame),
  };
}
