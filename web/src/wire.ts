// From one safetensors blob to a result: arrays as typed arrays, 0-d tensors as numbers, the rest as JSON.
import { UnrolledError, type Field, type Json, type NdArray, type Provenance, type Result, type Values } from "./contracts";

interface Tensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

interface Head {
  figure: string;
  panel: string;
  knobs: Record<string, Json>;
  provenance: Provenance[];
  data: Record<string, Json>;
}

/** The blob of one panel. Throws UnrolledError when the bytes are not what they should be. */
export function decode(bytes: Uint8Array): Result {
  const { head, tensors, body } = open(bytes);
  const data: Record<string, Field> = {};
  for (const [name, skeleton] of Object.entries(head.data)) data[name] = fill(skeleton, tensors, body);
  return { figure: head.figure, panel: head.panel, knobs: head.knobs, provenance: head.provenance, data, bytes };
}

function open(bytes: Uint8Array): { head: Head; tensors: Record<string, Tensor>; body: Uint8Array } {
  if (bytes.length < 8) throw broken("it is shorter than its header");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > bytes.length - 8) throw broken("its header is cut off");
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const { __metadata__: metadata, ...tensors } = JSON.parse(text) as { __metadata__?: { figure?: string } };
  if (!metadata?.figure) throw broken("it has no figure in its metadata");
  const head = JSON.parse(metadata.figure) as Head;
  return { head, tensors: tensors as Record<string, Tensor>, body: bytes.subarray(8 + length) };
}

function fill(skeleton: Json, tensors: Record<string, Tensor>, body: Uint8Array): Field {
  if (Array.isArray(skeleton)) return skeleton.map((entry) => fill(entry, tensors, body));
  if (skeleton === null || typeof skeleton !== "object") return skeleton;
  const name = skeleton["$"];
  if (typeof name === "string" && Object.keys(skeleton).length === 1) return read(name, tensors, body);
  const filled: { [key: string]: Field } = {};
  for (const [key, entry] of Object.entries(skeleton)) filled[key] = fill(entry, tensors, body);
  return filled;
}

function read(name: string, tensors: Record<string, Tensor>, body: Uint8Array): NdArray | number {
  const tensor = tensors[name];
  if (!tensor) throw broken(`it lacks the array ${name}`);
  const [start, end] = tensor.data_offsets;
  if (end > body.length) throw broken(`the array ${name} is cut off`);
  const values = view(tensor.dtype, body.subarray(start, end));
  if (tensor.shape.length === 0) return values[0] ?? NaN;
  return { dtype: tensor.dtype, shape: tensor.shape, values };
}

/** Typed views need their own alignment; the blob's header has any length, so what is not aligned is copied. */
function view(dtype: string, raw: Uint8Array): Values {
  const size = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2 }[dtype] ?? 1;
  const part = raw.byteOffset % size === 0 ? raw : raw.slice();
  const count = part.byteLength / size;
  switch (dtype) {
    case "F64":
      return new Float64Array(part.buffer, part.byteOffset, count);
    case "F32":
      return new Float32Array(part.buffer, part.byteOffset, count);
    case "I32":
      return new Int32Array(part.buffer, part.byteOffset, count);
    case "I64":
      return Float64Array.from(new BigInt64Array(part.buffer, part.byteOffset, count), Number);
    case "F16":
      return Float32Array.from(new Uint16Array(part.buffer, part.byteOffset, count), half);
    case "U8":
    case "BOOL":
      return part;
    default:
      throw broken(`it holds numbers of the unknown kind ${dtype}`);
  }
}

/** IEEE 754 half precision. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function broken(why: string): UnrolledError {
  return new UnrolledError(`The answer cannot be read: ${why}. Reload the page; if it stays, the server's version differs.`, "BadAnswer");
}
