// What every figure's picture is made from, on the page and off it. One file a figure, `pictures/NAME.ts`, exports
//     questions(state)  what to ask so that the picture can be drawn; without it, the shown panel with its knobs
//     draw(seen)        the scene and its props: a pure function, used by the view and by the command line alike
import type { Component } from "svelte";
import type { FigureState, Json, Result } from "../contracts";
import type { Look } from "../looks";
import type { Scheme } from "../svg/colours";

export interface Seen {
  state: FigureState;
  results: Record<string, Result | undefined>;
  width: number; // px that the scene may take
  row: number; // px of one row of a list: a finger needs more than a mouse
  look: (model: string) => Look;
  scheme?: Scheme; // for what is drawn as pixels: these cannot ask the stylesheet; light without
}

export interface Drawn<Props extends object = Record<string, unknown>> {
  scene: Component<never>;
  props: Props & { title: string };
}

/** What a scene gets, besides its own numbers, whose parts are pointed at and walked through (parts/picks.ts). */
export interface Picked {
  chosen: string; // the part that is looked at
  label: (pick: string) => string; // what is said of a part
  width: number;
  title: string;
}

export interface Asked {
  panel: string;
  knobs: Record<string, Json>; // besides those of the state
}

export interface Picture {
  questions?: (state: FigureState) => Asked[];
  also?: (state: FigureState) => Asked[]; // what the view asks besides, on its way to the picture
  picks?: Record<string, string[]>; // by panel, whole numbers that a reader chooses in the picture itself: a row, a head
  draw: (seen: Seen) => Drawn<object> | null;
}

export const MOUSE = 30;
export const FINGER = 44;
