// What transfers through gates and back have in common when they go as usual: all that they read and write is in the TLB,
// descriptors have their accessed bits, no check fails, nobody watches. usual-gate.ts, usual-return.ts and those of asm/long-mode
// do them in one piece, or change nothing and leave them to the general code, which has all the rules (interrupt.ts, iret.ts).
// Here are only conditions under which no rule has anything to say: a masked half of a descriptor stands for many of them.
import {
  CPL,
  CS,
  GDTR_BASE,
  GDTR_LIMIT,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_READ_END,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENT_WRITE_END,
  SS,
} from '../layout';
import { noteInstructionCounts } from '../charge';
import { segmentCache, systemPlace } from '../memory';
import { guardsOpen } from '../smap';
import { inNonRoot } from '../vmx/non-root';
import { recordsBranches } from './branch-records';
import { limitOf } from './segment';

// the upper half of a descriptor: those bits of the mask that are set have to be, all others must not
/** Present, nonconforming code that has been accessed. */
const CODE: u32 = 0x9900;
const CODE_MASK: u32 = 0x9d00;
/** Present, writable data that does not expand down and has been accessed. */
const STACK: u32 = 0x9300;
const STACK_MASK: u32 = 0x9f00;
const BIG: u32 = 0x40_0000;
const READABLE: u32 = 0x200;
/** L, and L and D. */
const LONG: u32 = 0x20_0000;
const LONG_MASK: u32 = 0x60_0000;

/** Does nobody have to hear of a transfer: a VMM, branch records, guards of SMAP that have to close? */
// @ts-ignore: decorator
@inline
export function isUnwatched(): bool {
  return !guardsOpen && !inNonRoot() && !recordsBranches();
}

/** Host address of a selector's descriptor if it is one of the GDT and can be read at once, else 0. */
// @ts-ignore: decorator
@inline
export function descriptorAtHand(selector: u32): usize {
  const offset = selector & 0xfff8;
  if (!offset || selector & 4 || offset + 7 > load<u32>(GDTR_LIMIT)) return 0;
  return systemPlace(load<u64>(GDTR_BASE) + offset, 8);
}

/** DPL of a descriptor or gate, by its upper half. */
// @ts-ignore: decorator
@inline
export function levelOf(high: u32): u32 {
  return (high >> 13) & 3;
}

// @ts-ignore: decorator
@inline
export function isUsualCode(high: u32): bool {
  return (high & CODE_MASK) == CODE;
}

/** The same of 64-bit code: L without D. */
// @ts-ignore: decorator
@inline
export function isUsualLongCode(high: u32): bool {
  return (high & (CODE_MASK | LONG_MASK)) == (CODE | LONG);
}

/** Is it a stack for this privilege level? */
// @ts-ignore: decorator
@inline
export function isUsualStack(high: u32, level: u32): bool {
  return (high & (STACK_MASK | (3 << 13))) == (STACK | (level << 13));
}

/** Is it one whose pointer has 32 bits? */
// @ts-ignore: decorator
@inline
export function isUsualStack32(high: u32, level: u32): bool {
  return isUsualStack(high, level) && (high & BIG) != 0;
}

// @ts-ignore: decorator
@inline
export function baseOfBoth(both: u64): u64 {
  return ((both >> 16) & 0xff_ffff) | ((both >> 32) & 0xff00_0000);
}

// @ts-ignore: decorator
@inline
export function limitOfBoth(both: u64): u32 {
  return limitOf(u32(both), u32(both >> 32));
}

// @ts-ignore: decorator
@inline
function fill(cache: usize, selector: u32, both: u64, readEnd: u64, writeEnd: u64): void {
  store<u32>(cache, selector, SEGMENT_SELECTOR);
  store<u32>(cache, u32(both >> 40) & 0xf0ff, SEGMENT_RIGHTS);
  store<u64>(cache, baseOfBoth(both), SEGMENT_BASE);
  store<u32>(cache, limitOfBoth(both), SEGMENT_LIMIT);
  store<u64>(cache, readEnd, SEGMENT_READ_END);
  store<u64>(cache, writeEnd, SEGMENT_WRITE_END);
}

/** Loads CS with a descriptor that `isUsualCode`. The caller sees to CPL, and to a change between 32-bit and 64-bit code. */
// @ts-ignore: decorator
@inline
export function loadUsualCode(selector: u32, both: u64): void {
  fill(segmentCache(CS), selector, both, u32(both >> 32) & READABLE ? u64(limitOfBoth(both)) + 1 : 0, 0);
}

/** Loads SS with a descriptor that `isUsualStack`. */
// @ts-ignore: decorator
@inline
export function loadUsualStack(selector: u32, both: u64): void {
  const end = u64(limitOfBoth(both)) + 1;
  fill(segmentCache(SS), selector, both, end, end);
}

/** CPL becomes another one: code is credited to it from now on. */
// @ts-ignore: decorator
@inline
export function changeUsualLevel(level: u32): void {
  store<u32>(CPL, level);
  noteInstructionCounts();
}
