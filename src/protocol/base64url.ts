const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const valueOf = new Map([...ALPHABET].map((letter, value) => [letter, value]));

/** RFC 4648 section 5, without padding. (`btoa` is no part of the language, and this module must be.) */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const letters = Math.min(4, Math.ceil(((bytes.length - i) * 8) / 6));
    for (let k = 0; k < letters; k += 1) text += ALPHABET[(group >> (18 - 6 * k)) & 63]!;
  }
  return text;
}

/** The bytes, or nothing when `text` is not exactly what `encodeBase64url` writes. */
export function decodeBase64url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let bits = 0;
  let buffer = 0;
  let offset = 0;
  for (const letter of text) {
    const value = valueOf.get(letter);
    if (value === undefined) return undefined;
    buffer = ((buffer << 6) | value) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[offset] = (buffer >> bits) & 0xff;
    offset += 1;
  }
  // One value, one text: leftover bits must be zero.
  return (buffer & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
