// How the text of a claim is folded.
import { folded } from "./path_length_layout";

export const NARROW = 560;
export const LINE = 18;

/** Lines of text of `size` px in so many px. */
export const lines = (text: string, room: number, size = 13.5): string[] => folded(text, room + 24, size * 0.515);
