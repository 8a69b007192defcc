// A result's arrays as numpy's .npz: a zip (stored, not compressed) of .npy files, one an array, lists as name.0, name.1.
import type { Field, NdArray, Result } from "../contracts";
import { isArray } from "./tables";

const KINDS: Record<string, string> = { F64: "<f8", F32: "<f4", F16: "<f4", I64: "<i8", I32: "<i4", U8: "|u1", BOOL: "|b1" };

export function npz(result: Result): Uint8Array<ArrayBuffer> {
  const files: [string, Uint8Array][] = [];
  for (const [name, value] of Object.entries(result.data)) collect(name, value, files);
  return zip(files);
}

function collect(name: string, value: Field, files: [string, Uint8Array][]): void {
  if (isArray(value)) files.push([`${name}.npy`, array(value)]);
  else if (typeof value === "number") files.push([`${name}.npy`, npy("<f8", [], new Float64Array([value]))]);
  else if (typeof value === "boolean") files.push([`${name}.npy`, npy("|b1", [], new Uint8Array([Number(value)]))]);
  else if (typeof value === "string") files.push([`${name}.npy`, strings([value], [])]);
  else if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) {
    files.push([`${name}.npy`, strings(value, [value.length])]);
  } else if (Array.isArray(value)) value.forEach((one, i) => collect(`${name}.${i}`, one, files));
}

function array({ dtype, shape, values }: NdArray): Uint8Array {
  const whole = dtype === "I64" ? BigInt64Array.from(values as Float64Array, (one) => BigInt(one)) : values;
  return npy(KINDS[dtype] ?? "<f8", shape, whole);
}

/** Text as numpy keeps it: every string four bytes a character, padded to the longest. */
function strings(texts: string[], shape: number[]): Uint8Array {
  const points = texts.map((text) => Array.from(text, (one) => one.codePointAt(0) ?? 0));
  const width = Math.max(1, ...points.map((one) => one.length));
  const flat = new Uint32Array(width * texts.length);
  points.forEach((one, i) => flat.set(one, i * width));
  return npy(`<U${width}`, shape, flat);
}

function npy(kind: string, shape: number[], values: ArrayBufferView): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const head = `{'descr': '${kind}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11) + "\n";
  const bytes = new Uint8Array(10 + padded.length + values.byteLength);
  bytes.set([0x93, 78, 85, 77, 80, 89, 1, 0, padded.length & 255, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 10 + padded.length);
  return bytes;
}

function zip(files: [string, Uint8Array][]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const path = new TextEncoder().encode(name);
    const shared = [20, 0, 0, 0x21, crc32(content), content.length, content.length]; // version, flags, method, 1980-01-01
    const local = record(0x04034b50, [], shared, path.length, []);
    directory.push(record(0x02014b50, [20], shared, path.length, [offset]), path);
    parts.push(local, path, content);
    offset += local.length + path.length + content.length;
  }
  const size = directory.reduce((sum, one) => sum + one.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(join([...parts, ...directory, new Uint8Array(end.buffer)]));
}

/** A zip's header: signature, [made by], version, flags, method, time, date, crc, sizes, lengths, [… offset]. */
function record(signature: number, made: number[], shared: number[], path: number, offset: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(30 + (offset.length ? 16 : 0)));
  let at = 4;
  const put = (value: number, width: 2 | 4) => {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  };
  const [version = 20, flags = 0, method = 0, date = 0, crc = 0, packed = 0, size = 0] = shared;
  view.setUint32(0, signature, true);
  for (const one of made) put(one, 2);
  for (const one of [version, flags, method, 0, date]) put(one, 2);
  for (const one of [crc, packed, size]) put(one, 4);
  for (const one of [path, 0]) put(one, 2);
  if (offset.length) {
    at += 10; // comment, disk, attributes
    put(offset[0] ?? 0, 4);
  }
  return new Uint8Array(view.buffer);
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function join(parts: Uint8Array[]): ArrayBuffer {
  const joined = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined.buffer;
}
