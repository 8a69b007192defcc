// Attention weights -> the pixels that show them. One step of the ramp a weight; nothing is smoothed or averaged here.
import type { Scheme } from "../svg/colours";
import type { HeadMap, Overview } from "./heads_data";
import type { Grid } from "./heads_layout";
import { HIDDEN, picture, step } from "./parts/ramp";

export interface Pixels {
  href: string;
  width: number; // in pixels of the file
  height: number;
}

const LEVELS = Uint8Array.from({ length: 256 }, (_, byte) => step(byte / 255)); // of the thumbnails' bytes

/** All thumbnails in one image, as far apart as the grid wants them. */
export function atlas({ layers, heads, rows, blocks, pixels }: Overview, grid: Grid, scheme: Scheme): Pixels {
  const [across, down] = grid.across ? [layers, heads] : [heads, layers];
  const [pitchX, pitchY] = [blocks + grid.gaps[0], rows + grid.gaps[1]];
  const [width, height] = [across * pitchX - grid.gaps[0], down * pitchY - grid.gaps[1]];
  const indices = new Uint8Array(width * height).fill(HIDDEN);
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const [column, row] = grid.across ? [layer, head] : [head, layer];
      const from = (layer * heads + head) * rows * blocks;
      for (let i = 0; i < rows; i++) {
        const to = (row * pitchY + i) * width + column * pitchX;
        for (let j = 0; j < blocks; j++) indices[to + j] = LEVELS[pixels[from + i * blocks + j] as number] as number;
      }
    }
  }
  return { href: picture(width, height, indices, scheme), width, height };
}

/** One head's tile, a pixel a weight. */
export function tile({ weights, queries, keys }: HeadMap, scheme: Scheme): Pixels {
  const [width, height] = [keys.length, queries.length];
  return { href: picture(width, height, Uint8Array.from({ length: width * height }, (_, i) => step(weights[i] as number)), scheme), width, height };
}

/** The whole map in small. */
export function small({ navigation: { rows, blocks, pixels } }: HeadMap, scheme: Scheme): Pixels {
  return { href: picture(blocks, rows, Uint8Array.from({ length: rows * blocks }, (_, i) => LEVELS[pixels[i] as number] as number), scheme), width: blocks, height: rows };
}

/** The ramp itself from 0 to 1, evenly by weight's root. */
export function key(scheme: Scheme): Pixels {
  const width = 64;
  return { href: picture(width, 1, Uint8Array.from({ length: width }, (_, i) => step((i / (width - 1)) ** 2)), scheme), width, height: 1 };
}
