// Names and texts of programs are bytes; inside the kernel they are strings that lose nothing.

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
const encoder = new TextEncoder();

/** Texts of up to so many bytes are remembered, by a digest of them: programs use the same names again and again. */
const LONGEST_KNOWN = 64;
const SLOTS = 1024;
const KNOWN: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = [];

/** Bytes of a name as a string; bytes that are no UTF-8 survive as lone surrogates U+DC80 to U+DCFF. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length > LONGEST_KNOWN) return decode(bytes);
  let digest = bytes.length;
  for (let n = 0; n < bytes.length; n++) digest = Math.imul(digest ^ bytes[n]!, 0x0100_0193);
  const slot = (digest ^ (digest >>> 15)) & (SLOTS - 1);
  const known = KNOWN[slot];
  if (known !== undefined && areSame(known.bytes, bytes)) return known.text;
  const text = decode(bytes);
  KNOWN[slot] = { bytes: bytes.slice(), text };
  return text;
}

function areSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}

function decode(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
}

/** The bytes of a name. */
export function encodeText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encoder.encode(text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}
