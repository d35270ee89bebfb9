// Names and texts of programs are bytes; inside the kernel they are strings that lose nothing.

const decoder = new TextDecoder('utf-8', { fatal: false });
const encoder = new TextEncoder();

/** Bytes of a name as a string; bytes that are no UTF-8 survive as lone surrogates U+DC80 to U+DCFF. */
export function decodeText(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
}

/** The bytes of a name. */
export function encodeText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encoder.encode(text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}
