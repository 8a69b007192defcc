// The page's way to ask: POST one panel, read frames (progress, then the blob or an error), stop by aborting.
import { UnrolledError, type Ask, type Progress } from "./contracts";
import { decode } from "./wire";

const FRAMES = "application/vnd.unrolled.frames";
const PATIENCE = 4; // times that a busy server is asked again before the reader is told

/** An `ask` for one figure of this page's server. */
export function asking(figure: string): Ask {
  return async (panel, question, signal, onProgress) => {
    const path = `/api/figures/${encodeURIComponent(figure)}/${encodeURIComponent(panel)}`;
    return decode(await post(path, question, signal, onProgress));
  };
}

/** Fetches a checkpoint into the server's cache. */
export async function getModel(name: string, signal: AbortSignal, onProgress: (p: Progress) => void): Promise<void> {
  await post(`/api/models/${encodeURIComponent(name)}/get`, {}, signal, onProgress);
}

/** Like fetch, with frames; waits and asks again while the server says it is busy. */
async function post(
  path: string,
  body: object,
  signal: AbortSignal,
  onProgress?: (progress: Progress) => void,
): Promise<Uint8Array> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(path, body, signal);
    if (answer.ok) return frames(answer, onProgress);
    const error = await refusal(answer);
    if (answer.status !== 429 || attempt >= PATIENCE) throw error;
    await pause((error.retryAfter ?? 1) * 1000, signal);
  }
}

async function send(path: string, body: object, signal: AbortSignal): Promise<Response> {
  const headers = { "Content-Type": "application/json", Accept: FRAMES };
  try {
    return await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UnrolledError("The server does not answer. Start it again with `unrolled serve`, then try again.", "NoServer");
  }
}

async function refusal(answer: Response): Promise<UnrolledError> {
  const after = Number(answer.headers.get("Retry-After"));
  const retry = after > 0 ? after : null;
  try {
    const { error, kind } = (await answer.json()) as { error?: string; kind?: string };
    if (error) return new UnrolledError(error, kind ?? "UnrolledError", retry);
  } catch {
    // not JSON: say what is known
  }
  return new UnrolledError(`The server answered ${answer.status} ${answer.statusText} and gave no reason.`, "NoReason", retry);
}

/** Reads `1 byte kind + u32 length + payload` frames to the end; the payload of 'F' is the answer. */
async function frames(answer: Response, onProgress?: (progress: Progress) => void): Promise<Uint8Array> {
  const reader = new Frames(answer.body as ReadableStream<Uint8Array>);
  for (let frame = await reader.next(); frame; frame = await reader.next()) {
    if (frame.kind === "F") return frame.payload;
    const said = JSON.parse(new TextDecoder().decode(frame.payload)) as Progress & { error?: string; kind?: string };
    if (frame.kind === "E") throw new UnrolledError(said.error ?? "The server gave up without a reason.", said.kind ?? "NoReason");
    if (frame.kind === "P") onProgress?.(said);
  }
  throw new UnrolledError("The answer broke off before its end. Try again.", "BrokenOff");
}

class Frames {
  private held = new Uint8Array(0);
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
  }

  async next(): Promise<{ kind: string; payload: Uint8Array } | null> {
    if (!(await this.until(5))) return null;
    const length = new DataView(this.held.buffer, this.held.byteOffset).getUint32(1, true);
    if (!(await this.until(5 + length))) return null;
    const frame = { kind: String.fromCharCode(this.held[0] ?? 0), payload: this.held.slice(5, 5 + length) };
    this.held = this.held.subarray(5 + length);
    return frame;
  }

  private async until(length: number): Promise<boolean> {
    const parts: Uint8Array[] = [this.held];
    let total = this.held.length;
    while (total < length) {
      const { value, done } = await this.reader.read();
      if (done) return false;
      parts.push(value);
      total += value.length;
    }
    if (parts.length > 1) this.held = join(parts, total);
    return true;
  }
}

function join(parts: Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
  });
}
