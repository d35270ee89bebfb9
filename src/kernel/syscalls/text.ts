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

/** Bytes from 0x80 on that belong to no character. */
const STRAY = 0xdc00;

function decode(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  let whole = '';
  for (let at = 0; at < bytes.length; ) {
    const character = characterAt(bytes, at);
    whole += character ?? String.fromCharCode(STRAY + bytes[at]!);
    at += character === undefined ? 1 : encoder.encode(character).length;
  }
  return whole;
}

/** The character whose bytes these are; undefined when they are not those of one. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const text = decoder.decode(bytes.subarray(at, at + length));
  return text.codePointAt(0) === 0xfffd && !isReplacement(bytes, at) ? undefined : text;
}

/** Whether they are those of U+FFFD itself, which the decoder puts in the place of what is no character. */
function isReplacement(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}

/** The bytes of a name. */
export function encodeText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/u.test(text)) return encoder.encode(text);
  const parts = text.split(/([\udc80-\udcff])/u);
  const bytes = parts.flatMap((part, n) => (n % 2 === 1 ? [part.charCodeAt(0) - STRAY] : [...encoder.encode(part)]));
  return Uint8Array.from(bytes);
}

/** Whether a name has more bytes than that. A unit of a string is one to three. */
export function isLongerThan(text: string, most: number): boolean {
  return text.length > most || (3 * text.length > most && encodeText(text).length > most);
}
