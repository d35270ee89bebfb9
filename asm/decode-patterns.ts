// Decoding by example. Most instructions of a program differ from ones already decoded only in displacement and immediate. A
// pattern is what `decodeFully` (decode.ts) gave for an opcode with its REX, ModRM and SIB bytes, but for these two and the
// place in the page: learn-patterns.ts makes one of every instruction that is decoded fully, and the next of its kind is done
// without asking what it is, because cold code would mispredict nearly every question. Instructions with prefixes other than
// REX and 16-bit code have no patterns. A pattern lies where a hash of those bytes says, and gives way to another one there.
import { CODE_CACHE } from './layout';
import { R_LENGTH } from './record';

const PATTERN_SIZE: usize = 64;
const PATTERN_COUNT: usize = 0x4000;
const PATTERNS: usize = CODE_CACHE;

// A pattern begins with the record of an instruction at offset 0 whose displacement and immediate are 0. Behind it there are two
// vectors for the second half of the record, of which only the lanes of displacement and immediate count:
/** The bits of either (none if there is none); in the other lanes u32 key, u32 all ones for what is relative to the next instruction. */
export const P_MASKS: usize = 32;
export const P_KEY: usize = 32;
export const P_RELATIVE: usize = 44;
/** The sign bit of either if it is narrower than the field of the record; in the other lanes where they lie behind the opcode. */
export const P_SIGNS: usize = 48;
export const P_DISPLACEMENT_AT: usize = 48;
export const P_IMMEDIATE_AT: usize = 49;
/** u8: 1 if the instruction is the last of its block. */
export const P_ENDS_BLOCK: usize = 50;
/** Numbers of the two lanes. */
export const LANE_DISPLACEMENT: u8 = 1;
export const LANE_IMMEDIATE: u8 = 2;

// A kind of instruction: code class, 0F map, opcode.
const KIND_CLASS: u32 = 9;
const KIND_TWO_BYTE: u32 = 0x100;
const CLASS_32: u32 = 1 << KIND_CLASS;
const CLASS_LONG: u32 = 2 << KIND_CLASS;
/** With REX, whose lower half is added. */
const CLASS_REX: u32 = 16 << KIND_CLASS;
/** Added to the key of a pattern whose instruction has not the length that kind and ModRM tell. */
const IRREGULAR: u32 = 1 << 31;

// The length of an instruction, which the next one waits for, follows from its kind and ModRM alone, without a look at the pattern;
// of most from its first two bytes.
/**
 * u32 by kind: bits 2:0 and 31:16 all ones if a ModRM byte follows the opcode; bits 7:4 the bytes of the immediate; bits 15:8 where
 * to look for patterns.
 */
const KINDS: usize = PATTERNS + PATTERN_COUNT * PATTERN_SIZE;
const KIND_COUNT: usize = 32 << KIND_CLASS;
const KIND_MODRM: u32 = 0xffff0007;
const KIND_IMMEDIATE: u32 = 4;
const KIND_HASH: u32 = 0xff00;
/**
 * u8 by the first two bytes of an instruction, of 32-bit and behind that of 64-bit code: bits 3:0 its length, without ModRM, SIB
 * and displacement if bit 7 says that the third byte is ModRM. 0: not known, or more has to be looked at.
 */
const LENGTHS: usize = KINDS + KIND_COUNT * 4;
const LENGTHS_SIZE: usize = 0x10000;
const LENGTH_BYTES: u32 = 15;
const LENGTH_MODRM: u32 = 0x80;
/** u32 by ModRM: bits 2:0 the bytes of it, of SIB and displacement; bits 31:16 all ones for it, and for SIB if that follows. */
const MODRM: usize = LENGTHS + 2 * LENGTHS_SIZE;
const MODRM_BYTES: u32 = 7;
export const PATTERNS_END: usize = MODRM + 0x400;

/** Is the instruction that was decoded last the last of its block? Set by `decode`. */
export let endsBlock: u32 = 0;

/** Costs have changed, or which instructions there are. */
export function forgetPatterns(): void {
  memory.fill(PATTERNS, 0, MODRM - PATTERNS);
}

function fillModrm(): void {
  for (let modrm: u32 = 0; modrm < 256; modrm++) store<u32>(MODRM + (modrm << 2), describeModrm(modrm));
}

function describeModrm(modrm: u32): u32 {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod == 3) return 0xff0001;
  const displacement: u32 = mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0;
  return rm == 4 ? 0xffff0002 + displacement : 0xff0001 + displacement;
}

// Code is u32 for 32-bit code and u64 for 64-bit code: each has a function of its own, because asc would make one of two copies.

/** Is it 64-bit code? */
// @ts-ignore: decorator
@inline
function isLong<Code>(): bool {
  return sizeof<Code>() == 8;
}

/** Kind of an instruction so far: of its first byte. */
// @ts-ignore: decorator
@inline
function classOf<Code>(byte: u32): u32 {
  if (!isLong<Code>()) return CLASS_32;
  return isRex(byte) ? CLASS_REX | ((byte & 15) << KIND_CLASS) : CLASS_LONG;
}

// @ts-ignore: decorator
@inline
function isRex(byte: u32): bool {
  return (byte & 0xf0) == 0x40;
}

/** What is known of instructions of a kind and with this ModRM byte: bytes of address, and bits of `next` that count. */
// @ts-ignore: decorator
@inline
function partsOf(known: u32, next: u32): u32 {
  return known & load<u32>((next & 0xff) << 2, MODRM);
}

/** Where in PATTERNS the pattern is for these bits of ModRM and SIB. */
// @ts-ignore: decorator
@inline
function patternAt(known: u32, bits: u32): usize {
  return usize((((known & KIND_HASH) >> 2) ^ bits) & (PATTERN_COUNT - 1)) << 6;
}

/** Where LENGTHS has the instructions that begin with these two bytes. */
// @ts-ignore: decorator
@inline
function lengthAt<Code>(first: u32, second: u32): usize {
  return (isLong<Code>() ? LENGTHS + LENGTHS_SIZE : LENGTHS) + usize(first | (second << 8));
}

/** The length by LENGTHS, or 0. */
// @ts-ignore: decorator
@inline
function quickLength<Code>(code: usize): u32 {
  const known: u32 = load<u8>(lengthAt<Code>(load<u16>(code), 0));
  const modrm = load<u32>(<u32>load<u8>(code, 2) << 2, MODRM) & MODRM_BYTES;
  return (known & LENGTH_BYTES) + (modrm & -(known >> 7));
}

/** Enters the lengths of a kind of instruction that is known now; `first` is the first byte, which may be REX. */
function noteLengths<Code>(first: u32, isTwoByte: bool, opcode: u32, known: u32): void {
  const immediate = (known >> KIND_IMMEDIATE) & 15;
  const marks = known & KIND_MODRM ? LENGTH_MODRM : 0;
  const hasRex = isLong<Code>() && isRex(first);
  // 0F behind REX takes a closer look
  if (hasRex && isTwoByte) return;
  if (hasRex || isTwoByte) {
    store<u8>(lengthAt<Code>(first, opcode), u8(marks | (2 + immediate)));
    return;
  }
  for (let second: u32 = 0; second < 256; second++) {
    const address = marks ? load<u32>(second << 2, MODRM) & MODRM_BYTES : 0;
    store<u8>(lengthAt<Code>(first, second), u8(1 + address + immediate));
  }
}

/**
 * `decode` for an instruction with a pattern, of which 15 bytes may be read. 0: there is none yet, and it has to be decoded fully.
 */
// @ts-ignore: decorator
@inline
export function decodeByPattern<Code>(r: usize, code: usize, offset: u32): u32 {
  let opcode: u32 = load<u8>(code);
  let kind = classOf<Code>(opcode);
  let p = code + 1;
  if (isLong<Code>()) {
    p += usize(isRex(opcode));
    opcode = load<u8>(p - 1);
  }
  if (opcode == 0x0f) {
    kind |= KIND_TWO_BYTE;
    opcode = load<u8>(p++);
  }
  kind |= opcode;
  const known = load<u32>(kind << 2, KINDS);
  const next: u32 = load<u16>(p);
  const parts = partsOf(known, next);
  let length = quickLength<Code>(code);
  if (!length) length = u32(p - code) + (parts & MODRM_BYTES) + ((known >> KIND_IMMEDIATE) & 15);
  const bits = next & (parts >> 16);
  const pattern = patternAt(known, bits);
  const key = (kind << 16) | bits;
  if (load<u32>(pattern, PATTERNS + P_KEY) != key) return decodeIrregular<Code>(r, pattern, key, p, offset);
  return fill<Code>(r, pattern, p, offset, length) ? length : 0;
}

/** The same for an instruction whose length its pattern knows. */
function decodeIrregular<Code>(r: usize, pattern: usize, key: u32, p: usize, offset: u32): u32 {
  if (load<u32>(pattern, PATTERNS + P_KEY) != (key | IRREGULAR)) return 0;
  const length: u32 = load<u8>(pattern, PATTERNS + R_LENGTH);
  return fill<Code>(r, pattern, p, offset, length) ? length : 0;
}

/** Makes the record of an instruction of `length` bytes whose opcode ends at `p`. False: it does not fit the pattern. */
// @ts-ignore: decorator
@inline
function fill<Code>(r: usize, pattern: usize, p: usize, offset: u32, length: u32): bool {
  const none = i32x4.splat(0);
  const found = v128.load_lane<u32>(p + load<u8>(pattern, PATTERNS + P_DISPLACEMENT_AT), none, LANE_DISPLACEMENT);
  const both = v128.load_lane<u32>(p + load<u8>(pattern, PATTERNS + P_IMMEDIATE_AT), found, LANE_IMMEDIATE);
  const signs = v128.load(pattern, PATTERNS + P_SIGNS);
  const values = i32x4.sub(v128.xor(v128.and(both, v128.load(pattern, PATTERNS + P_MASKS)), signs), signs);
  const relative = (offset + length) & load<u32>(pattern, PATTERNS + P_RELATIVE);
  let sums: v128;
  if (isLong<Code>()) {
    // a displacement relative to RIP becomes relative to the start of the page, if that fits
    sums = i32x4.add(values, i32x4.replace_lane(none, LANE_DISPLACEMENT, relative));
    if (i32x4.bitmask(v128.andnot(sums, values)) & (1 << LANE_DISPLACEMENT)) return false;
  } else {
    sums = i32x4.add(values, i32x4.replace_lane(none, LANE_IMMEDIATE, relative));
  }
  endsBlock = load<u8>(pattern, PATTERNS + P_ENDS_BLOCK);
  v128.store(r, v128.or(v128.load(pattern, PATTERNS), i32x4.replace_lane(none, 1, offset)));
  v128.store(r, i32x4.add(sums, v128.load(pattern, PATTERNS + 16)), 16);
  return true;
}

/**
 * Where the pattern belongs of the instruction at `code` of `length` bytes, `immediate` of them an immediate, whose opcode ends at
 * `p`; P_KEY is stored. 0: it is another kind of instruction than the ones before with this opcode.
 */
export function placeForPattern<Code>(
  code: usize,
  p: usize,
  isTwoByte: bool,
  hasModrm: bool,
  immediate: u32,
  length: u32,
): usize {
  if (!load<u32>(MODRM)) fillModrm();
  const opcode: u32 = load<u8>(p - 1);
  const kind = classOf<Code>(load<u8>(code)) | (isTwoByte ? KIND_TWO_BYTE : 0) | opcode;
  const usual = hasModrm ? KIND_MODRM : 0;
  const place = KINDS + (kind << 2);
  const hash = ((kind * 0x9e3779b1) >> 16) & KIND_HASH;
  if (!load<u32>(place)) {
    store<u32>(place, usual | (immediate << KIND_IMMEDIATE) | hash);
    noteLengths<Code>(load<u8>(code), isTwoByte, opcode, load<u32>(place));
  }
  const known = load<u32>(place);
  if ((known & KIND_MODRM) != usual) return 0;
  const next: u32 = load<u16>(p);
  const parts = partsOf(known, next);
  const bits = next & (parts >> 16);
  const isRegular = u32(p - code) + (parts & MODRM_BYTES) + ((known >> KIND_IMMEDIATE) & 15) == length;
  const pattern = PATTERNS + patternAt(known, bits);
  store<u32>(pattern, (kind << 16) | bits | (isRegular ? 0 : IRREGULAR), P_KEY);
  return pattern;
}
