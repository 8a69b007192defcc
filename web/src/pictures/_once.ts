// An answer is made into numbers once, however often it is drawn.
import type { Result } from "../contracts";

/** The same function, which remembers what it made of an answer for as long as that lives. */
export function once<T>(make: (result: Result) => T): (result: Result) => T {
  const kept = new WeakMap<Result, T>();
  return (result) => {
    if (!kept.has(result)) kept.set(result, make(result));
    return kept.get(result) as T;
  };
}
