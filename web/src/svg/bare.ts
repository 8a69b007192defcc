// What a bare JavaScript engine lacks of what the wire's reader uses. Imported for its effect, before anything else.

/** UTF-8 to text, as the language itself can: through the escapes of URIs. */
class Utf8 {
  decode(bytes: Uint8Array): string {
    const PART = 8192;
    let escapes = "";
    for (let i = 0; i < bytes.length; i += PART) escapes += Array.from(bytes.subarray(i, i + PART), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    return decodeURIComponent(escapes);
  }
}

globalThis.TextDecoder ??= Utf8 as unknown as typeof TextDecoder;
