// Random bytes as code: uniform ones, and ones weighted towards what decoders and system code get wrong: floods of prefixes,
// the 0F maps, groups with system instructions, x87 escapes, VMX; and real instructions with bytes changed.
import type { Pool } from './pool.ts';
import type { Random } from './random.ts';

const PREFIXES = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65];
const REX = Array.from({ length: 16 }, (_, n) => 0x40 + n);
/** One-byte opcodes that transfer control, load segments, change flags or repeat. */
const SPECIAL = [
  ...[0x07, 0x17, 0x1f, 0x8e, 0x8c, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0xc2, 0xc3, 0xc4, 0xc5, 0xc8, 0xc9, 0xca, 0xcb, 0xcc],
  ...[0xcd, 0xce, 0xcf, 0xe0, 0xe3, 0xe4, 0xe6, 0xea, 0xec, 0xee, 0xf1, 0xf4, 0xfa, 0xfb, 0xfc, 0xfd, 0xff, 0x62, 0x63],
  ...[0x6c, 0x6e, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xd4, 0xd7, 0xf6, 0xf7, 0xfe],
];
/** Second bytes after 0F with system, VMX, MSR and state instructions. */
const SYSTEM_0F = [
  ...[0x00, 0x00, 0x01, 0x01, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x0d, 0x20, 0x21, 0x22, 0x23, 0x22],
  ...[0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x77, 0x78, 0x79, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa, 0xae, 0xae, 0xb2, 0xb4],
  ...[0xb5, 0xc3, 0xc7, 0xc7, 0xc7, 0xff, 0xb9],
];

function prefixed(random: Random, wide: boolean): number[] {
  const count = random.oneIn(10) ? random.below(16) : random.below(3);
  const bytes = Array.from({ length: count }, () => random.pick(PREFIXES));
  if (wide && random.oneIn(2)) bytes.push(random.pick(REX));
  return bytes;
}

function opcode(random: Random): number[] {
  switch (random.below(8)) {
    case 0:
      return [0x0f, random.u32() & 0xff];
    case 1:
      return [0x0f, random.pick(SYSTEM_0F)];
    case 2:
      return [0x0f, random.pick([0x38, 0x3a]), random.u32() & 0xff];
    case 3:
      return [0xd8 + random.below(8)];
    case 4:
    case 5:
      return [random.pick(SPECIAL)];
    default:
      return [random.u32() & 0xff];
  }
}

/** An instruction that is more or less one. */
function shaped(random: Random, wide: boolean): number[] {
  const bytes = [...prefixed(random, wide), ...opcode(random)];
  const tail = 1 + random.below(6);
  for (let n = 0; n < tail; n++)
    bytes.push(random.oneIn(3) ? random.pick([0, 1, 0xff, 0x80, 0xc0, 0x04, 0x25]) : random.u32() & 0xff);
  return bytes;
}

function mutated(pool: Pool, random: Random): number[] {
  const kind = random.pick(['integer', 'branch', 'vector', 'x87', 'system', 'vmx', 'idiom', 'idiom'] as const);
  const bytes = [...random.pick(pool[kind]).bytes];
  if (random.oneIn(2)) bytes[random.below(bytes.length)] = random.u32() & 0xff;
  if (random.oneIn(8)) bytes.unshift(random.pick(PREFIXES));
  return bytes;
}

/** `length` bytes of code. */
export function fuzzBytes(pool: Pool, wide: boolean, length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  const style = random.below(4);
  for (let at = 0; at < length; ) {
    const piece = style === 0 ? [random.u32() & 0xff] : style === 1 ? shaped(random, wide) : mutated(pool, random);
    for (const byte of piece) if (at < length) bytes[at++] = byte;
  }
  return bytes;
}
