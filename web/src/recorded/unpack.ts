// Many answers from one small file: the way back from unrolled/packing.py, byte for byte.
import type { Question } from "../contracts";

/** One question, and its answer in pieces, or the sentence that says why there is none. */
export interface Kept {
  panel: string;
  question: Question;
  answer: () => Promise<Uint8Array>;
  error: { error: string; kind: string } | null;
}

type Listed = [panel: string, question: Question, held: number[] | { error: string; kind: string }];
type Piece = [at: number | string, length: number, size: number]; // a place in this pack, or the name of a shared piece

/** `shared` gives a large piece, still compressed, by its name. */
export async function unpack(packed: Uint8Array<ArrayBuffer>, shared: (name: string) => Promise<Uint8Array<ArrayBuffer>>): Promise<Kept[]> {
  const content = await inflated(packed);
  const start = 4 + new DataView(content.buffer).getUint32(0, true);
  const index = JSON.parse(new TextDecoder().decode(content.subarray(4, start))) as { answers: Listed[]; pieces: Piece[] };
  const piece = async (number: number): Promise<Uint8Array> => {
    const [at, length, size] = index.pieces[number] as Piece;
    const raw = typeof at === "string" ? await inflated(await shared(at)) : content.subarray(start + at, start + at + length);
    return ordered(raw, size);
  };
  return index.answers.map(([panel, question, held]) => ({
    panel, question,
    answer: async () => joined(await Promise.all(Array.isArray(held) ? held.map(piece) : [])),
    error: Array.isArray(held) ? null : held,
  }));
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Numbers of `size` bytes from all their first bytes, then all their second bytes … */
function ordered(raw: Uint8Array, size: number): Uint8Array {
  if (size === 1) return raw;
  const count = raw.length / size;
  const made = new Uint8Array(raw.length);
  for (let byte = 0; byte < size; byte++) for (let i = 0; i < count; i++) made[i * size + byte] = raw[byte * count + i] as number;
  return made;
}

function joined(parts: Uint8Array[]): Uint8Array {
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}
