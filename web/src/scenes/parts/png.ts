// A picture of palette indices as a PNG file, without a canvas: the same bytes in a page and in a bare engine. PNG
// (third edition) with colour type 3; zlib blocks are stored, not compressed (RFC 1950 and 1951), since pictures are small.

export type Colour = readonly [red: number, green: number, blue: number];

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const BLOCK = 0xffff; // bytes that one stored block can hold
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `indices`: row by row, into the palette of 256 colours at most. Index `clear`, if given, is seen through. */
export function png(width: number, height: number, indices: Uint8Array, palette: readonly Colour[], clear?: number): Uint8Array {
  const lines = new Uint8Array(height * (width + 1)); // each line begins with its filter: none
  for (let y = 0; y < height; y++) lines.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const size = new Uint8Array(13);
  const view = new DataView(size.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  size.set([8, 3], 8);
  const alpha = Uint8Array.from(palette, (_, i) => (i === clear ? 0 : 255));
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", size),
    chunk("PLTE", Uint8Array.from(palette.flat())),
    ...(clear === undefined ? [] : [chunk("tRNS", alpha)]),
    chunk("IDAT", stored(lines)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** The file as an address that needs no other file. */
export function dataUrl(file: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < file.length; i += 3) {
    const [a, b = 0, c = 0] = [file[i] as number, file[i + 1], file[i + 2]];
    const bits = (a << 16) | (b << 8) | c;
    const four = [18, 12, 6, 0].map((shift) => ALPHABET[(bits >> shift) & 63]).join("");
    parts.push(i + 2 < file.length ? four : four.slice(0, file.length - i + 1).padEnd(4, "="));
  }
  return `data:image/png;base64,${parts.join("")}`;
}

function stored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK) {
    const part = bytes.subarray(at, at + BLOCK);
    const n = part.length;
    parts.push(Uint8Array.of(at + BLOCK >= bytes.length ? 1 : 0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255), part);
  }
  return joined([...parts, big(adler(bytes))]);
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const body = joined([Uint8Array.from(name, (letter) => letter.charCodeAt(0)), data]);
  return joined([big(data.length), body, big(crc(body))]);
}

function adler(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; ) {
    for (const end = Math.min(bytes.length, i + 3800); i < end; i++) b += a += bytes[i] as number; // no overflow so far
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 255] as number);
  return (sum ^ 0xffffffff) >>> 0;
}

function big(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
