// Many iterations of a string instruction at once, on host memory (SDM Vol. 1 "String Operations"): as many as lie in one page
// that the TLB maps directly, inside the segment, upwards, and start before the deadline. What comes out is what one
// iteration after the other gives; whatever is unusual is left to those.
import {
  COSTS,
  ES,
  GPR,
  PROCESSORS,
  RAM,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_WRITE_END,
  TLB_WRITE,
} from './layout';
import { code64, cyclesLeft, inScratch, tlbBase } from './globals';
import { DF, hasFlag } from './flags';
import { COST_STRING_ITERATION } from './gen/costs';
import { OP_CMPS, OP_LODS, OP_MOVS, OP_SCAS, OP_STOS } from './gen/ops';
import { H_DEAD } from './hot';
import { effectiveBase } from './long-mode/state';
import { fastHost, segmentCache, tlbEntry } from './memory';
import { readAccumulator, readSlot, writeAccumulator } from './operand';
import { sub } from './ops/arithmetic';
import { linearMask } from './paging';
import { noteWrite } from './physical';
import { addressMask, addressSize, getRegister, R_OP, restCost, segmentNumber, setRegisterSized } from './record';
import { isScratchPage } from './run';
import { TLB_CODE } from './tlb';

const ESI: u32 = 6;
const EDI: u32 = 7;
/** Longer blocks are worth a call of the host's memory.copy. */
export const LONG: usize = 256;

/** Sets the flags of a comparison of two elements. */
export function compareElements(size: u32, a: u64, b: u64): void {
  if (size == 4) sub<u32>(u32(a), u32(b));
  else if (size == 1) sub<u8>(u8(a), u8(b));
  else if (size == 2) sub<u16>(u16(a), u16(b));
  else sub<u64>(a, b);
}

/** Where the elements that `reach` found lie. */
let place: usize = 0;

/**
 * Host address of [linear, linear + bytes) in a page that only has to be written slowly because it holds decoded code: code that
 * would be overwritten is dropped. 0 if there is another reason, or if the running instruction `r` is dropped with it.
 */
function placeInCode(r: usize, linear: u64, bytes: u32): usize {
  const entry = tlbEntry(tlbBase + TLB_WRITE, linear);
  // another processor may wait for the very line that one of the iterations writes (MONITOR)
  if (load<u64>(entry) != ((linear & ~0xfff) | TLB_CODE) || load<u32>(PROCESSORS) > 1) return 0;
  const host = usize(linear) + load<usize>(entry, 8);
  noteWrite(host - RAM, bytes);
  return load<u16>(r, R_OP) == u16(H_DEAD) ? 0 : host;
}

/** How many of `n` elements from seg:ea upwards can be accessed at once: 0 if not all that are in the page. */
function reach(r: usize, seg: u32, ea: u64, size: u32, n: u32, write: bool): u32 {
  const mask = addressMask(r);
  const linear = (effectiveBase(seg) + ea) & linearMask;
  n = min<u32>(n, (0x1000 - (u32(linear) & 0xfff)) >> ctz(size));
  const bytes = n << ctz(size);
  if (n < 2 || ea + bytes - 1 > mask) return 0;
  if (!code64 && ea + bytes > load<u64>(segmentCache(seg) + (write ? SEGMENT_WRITE_END : SEGMENT_READ_END))) return 0;
  place = fastHost(write ? tlbBase + TLB_WRITE : tlbBase, linear, bytes);
  if (!place && write) place = placeInCode(r, linear, bytes);
  if (!place || (write && inScratch && isScratchPage(place))) return 0;
  return n;
}

/** How many of `count` iterations start before the deadline. */
function inTime(r: usize, count: u64): u32 {
  const n = u32(min<u64>(count, 0x1000));
  const cost = i64(load<u32>(COSTS + (COST_STRING_ITERATION << 2)));
  const left = cyclesLeft + restCost(r);
  if (i64(n) * cost <= left) return n;
  return left > 0 ? u32((left + cost - 1) / cost) : 0;
}

/** Copies upwards, element after element: what was copied already may be copied again. */
function copyElements(to: usize, from: usize, bytes: usize, size: u32): void {
  for (let at: usize = 0; at < bytes; at += size) {
    if (size == 1) store<u8>(to + at, load<u8>(from + at));
    else if (size == 2) store<u16>(to + at, load<u16>(from + at));
    else if (size == 4) store<u32>(to + at, load<u32>(from + at));
    else store<u64>(to + at, load<u64>(from + at));
  }
}

/** Copies `bytes` bytes, elements of `size` bytes one after the other. */
export function copy(to: usize, from: usize, bytes: usize, size: u32): void {
  if (to > from && to < from + bytes) copyElements(to, from, bytes, size);
  else if (bytes > LONG) memory.copy(to, from, bytes);
  else {
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) v128.store(to + at, v128.load(from + at));
    if (bytes & 8) {
      store<u64>(to + at, load<u64>(from + at));
      at += 8;
    }
    if (bytes & 4) {
      store<u32>(to + at, load<u32>(from + at));
      at += 4;
    }
    if (bytes & 2) {
      store<u16>(to + at, load<u16>(from + at));
      at += 2;
    }
    if (bytes & 1) store<u8>(to + at, load<u8>(from + at));
  }
}

/** The element repeated through 16 bytes. */
function repeated(size: u32): v128 {
  if (size == 4) return i32x4.splat(load<i32>(GPR));
  if (size == 1) return i8x16.splat(load<i8>(GPR));
  if (size == 2) return i16x8.splat(load<i16>(GPR));
  return i64x2.splat(load<i64>(GPR));
}

/** Fills `bytes` bytes with the accumulator's `size` bytes. */
export function fill(to: usize, bytes: usize, size: u32): void {
  const pattern = repeated(size);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    v128.store(to + at, pattern);
    v128.store(to + at, pattern, 16);
    v128.store(to + at, pattern, 32);
    v128.store(to + at, pattern, 48);
  }
  for (; at + 16 <= bytes; at += 16) v128.store(to + at, pattern);
  const rest = u64(i64x2.extract_lane(pattern, 0));
  if (bytes & 8) {
    store<u64>(to + at, rest);
    at += 8;
  }
  if (bytes & 4) {
    store<u32>(to + at, u32(rest));
    at += 4;
  }
  if (bytes & 2) {
    store<u16>(to + at, u16(rest));
    at += 2;
  }
  if (bytes & 1) store<u8>(to + at, u8(rest));
}

/** A bit for each byte of the elements that are equal. */
function equalBytes(size: u32, a: v128, b: v128): u32 {
  if (size == 1) return u32(i8x16.bitmask(i8x16.eq(a, b)));
  if (size == 2) return u32(i8x16.bitmask(i16x8.eq(a, b)));
  if (size == 4) return u32(i8x16.bitmask(i32x4.eq(a, b)));
  return u32(i8x16.bitmask(i64x2.eq(a, b)));
}

/** A bit for each of 16 bytes: equal bytes if elements that differ end the run (`wanted`), else bytes of equal elements. */
// @ts-ignore: decorator
@inline
function equal(size: u32, a: v128, b: v128, wanted: bool): u32 {
  return wanted || size == 1 ? u32(i8x16.bitmask(i8x16.eq(a, b))) : equalBytes(size, a, b);
}

/**
 * How many elements are compared until one is equal (`wanted` false: REPNE) or differs (REPE), that one included, but not
 * more than n. `from` 0 stands for the accumulator.
 */
export function compareRun(size: u32, from: usize, to: usize, n: u32, wanted: bool): u32 {
  const log = ctz(size);
  const bytes: usize = n << log;
  const pattern = repeated(size);
  const flip: u32 = wanted ? 0xffff : 0;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    const ends = equal(size, from ? v128.load(from + at) : pattern, v128.load(to + at), wanted) ^ flip;
    if (ends) return (u32(at + ctz(ends)) >> log) + 1;
  }
  if (at == bytes) return n;
  if (at) {
    // the last 16 bytes, of which the first have been compared
    const last = bytes - 16;
    const ends = equal(size, from ? v128.load(from + last) : pattern, v128.load(to + last), wanted) ^ flip;
    return ends ? (u32(last + ctz(ends)) >> log) + 1 : n;
  }
  for (; at < bytes; at += size) {
    const a = readSlot(from ? from + at : GPR, size);
    if ((a == readSlot(to + at, size)) != wanted) return (u32(at) >> log) + 1;
  }
  return n;
}

/**
 * Does up to `count` iterations and moves the index registers; returns how many, 0 if they have to be done one by one.
 * `wanted` is what ZF has to be for SCAS and CMPS to go on.
 */
export function iterateMany(operation: u32, r: usize, size: u32, count: u64, wanted: bool): u32 {
  if (count < 2 || hasFlag(DF)) return 0;
  const mask = addressMask(r);
  let n = inTime(r, count);
  let from: usize = 0;
  let to: usize = 0;
  const hasSource = operation == OP_MOVS || operation == OP_LODS || operation == OP_CMPS;
  if (hasSource) {
    n = reach(r, segmentNumber(r), getRegister(ESI) & mask, size, n, false);
    if (!n) return 0;
    from = place;
  }
  if (operation != OP_LODS) {
    n = reach(r, ES, getRegister(EDI) & mask, size, n, operation == OP_MOVS || operation == OP_STOS);
    if (!n) return 0;
    to = place;
  }
  if (operation == OP_LODS) writeAccumulator(size, readSlot(from + (n - 1) * size, size));
  else if (operation == OP_MOVS) copy(to, from, n * size, size);
  else if (operation == OP_CMPS || operation == OP_SCAS) {
    n = compareRun(size, from, to, n, wanted);
    const last: usize = (n - 1) * size;
    compareElements(size, from ? readSlot(from + last, size) : readAccumulator(size), readSlot(to + last, size));
  } else fill(to, n * size, size);
  const by = n << ctz(size);
  if (hasSource) setRegisterSized(ESI, getRegister(ESI) + by, addressSize(r));
  if (operation != OP_LODS) setRegisterSized(EDI, getRegister(EDI) + by, addressSize(r));
  return n;
}
