import { render } from "svelte/server";
import Scene from "./scenes/attention_variance.svelte";
export function draw(): string { const d=[4,8,16]; const m={d_k:d,variance:d,variance_error:d,scaled_variance:d,scaled_variance_error:d,gradient:d,scaled_gradient:d,largest_weight:d,scaled_largest_weight:d}; const r = render(Scene as any, {props:{measured:m}}); return r.head+"\n"+r.body; }
