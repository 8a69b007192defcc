// The one ramp of attention weights: from paper to ink-blue, or to warm light in dark mode. A colour is as far along
// as the square root of its weight, so that a tenth can be told from nothing; the key beside a picture says so.
import type { Scheme } from "../../svg/colours";
import { dataUrl, png, type Colour } from "./png";

/** --ramp-0 and --ramp-1 of the page's stylesheet: pixels cannot ask it. */
export const ENDS: Record<Scheme, [Colour, Colour]> = {
  light: [[0xf7, 0xf4, 0xee], [0x0d, 0x3f, 0x66]],
  dark: [[0x1f, 0x23, 0x29], [0xff, 0xe2, 0xb0]],
};
export const STEPS = 255; // of the ramp; one more index is for what is seen through
export const HIDDEN = 255;

/** 0 to 1 -> step of the ramp, 0 to 254. */
export function step(weight: number): number {
  return Math.round((STEPS - 1) * share(weight));
}

/** How far along the ramp a weight is, 0 to 1. */
export function share(weight: number): number {
  return weight > 0 ? Math.sqrt(Math.min(1, weight)) : 0;
}

/** The ramp's colours; the last index is for what is hidden. */
export function palette(scheme: Scheme): Colour[] {
  const [from, to] = ENDS[scheme];
  const mix = (i: number): Colour => [0, 1, 2].map((c) => Math.round((from[c] as number) + (((to[c] as number) - (from[c] as number)) * i) / (STEPS - 1))) as unknown as Colour;
  return [...Array.from({ length: STEPS }, (_, i) => mix(i)), from];
}

export function picture(width: number, height: number, indices: Uint8Array, scheme: Scheme): string {
  return dataUrl(png(width, height, indices, palette(scheme), HIDDEN));
}
