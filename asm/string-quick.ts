// The first thing the generic handler (strings.ts) tries; as a case of the run loops' switch it made all other cases a quarter
// slower when measured. Repeated string instructions that are short: REP MOVS and STOS upwards inside one page that the
// TLB maps directly, REPE/REPNE CMPS and SCAS that end inside it, before the deadline (SDM Vol. 1 "String Operations"). Whatever is
// different is refused before anything has changed, and the generic handler (strings.ts) does it from the start.
import {
  COSTS,
  ES,
  GPR,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_END,
  SEGMENTS,
  TLB_WRITE,
} from './layout';
import { chargeCycles } from './charge';
import { DF, hasFlag } from './flags';
import { COST_STRING_ITERATION } from './gen/costs';
import { FORM_OP, FORM_OPERANDS } from './gen/tables';
import { OP_CMPS, OP_LODS, OP_MOVS, OP_SCAS } from './gen/ops';
import { code64, cyclesLeft, inScratch, tlbBase } from './globals';
import { fastHost } from './memory';
import { operandBytes, readSlot } from './operand';
import { addressSize, hasRep, hasRepne, R_IMM, R_SEGMENT, restCost } from './record';
import { compareElements, compareRun, copy, fill } from './string-runs';

const RCX: usize = GPR + 8;
const RSI: usize = GPR + 48;
const RDI: usize = GPR + 56;
const PAGE: u32 = 0x1000;

/** u8 each: MOVES and so on, 0 for a record that was not prepared; log2 of the element's size; REPE (not REPNE). */
const R_STRING: usize = R_IMM;
const R_STRING_LOG: usize = R_IMM + 1;
const R_STRING_EQUAL: usize = R_IMM + 2;
const STORES: u32 = 1;
const MOVES: u32 = 2;
const SCANS: u32 = 3;
const COMPARES: u32 = 4;

/** Prepares a record of code with addresses of `size` bytes. False: the generic handler does it from the start. */
export function prepareString(r: usize, form: usize, size: u32): bool {
  const operation: u32 = load<u16>(form, FORM_OP);
  if (operation < OP_MOVS || operation > OP_SCAS || operation == OP_LODS) return false;
  if (!hasRep(r) || addressSize(r) != size) return false;
  const n: u32 = operation == OP_MOVS ? MOVES : operation == OP_CMPS ? COMPARES : operation == OP_SCAS ? SCANS : STORES;
  store<u8>(r, u8(n), R_STRING);
  store<u8>(r, u8(ctz(operandBytes(r, load<u8>(form + FORM_OPERANDS + u32(n == SCANS))))), R_STRING_LOG);
  store<u8>(r, u8(!hasRepne(r)), R_STRING_EQUAL);
  return true;
}

/** Linear address of cache:ea in 32-bit code. */
// @ts-ignore: decorator
@inline
function linear32(cache: usize, ea: u32): u64 {
  return u64(ea + load<u32>(cache, SEGMENT_BASE));
}

// @ts-ignore: decorator
@inline
function isInSegment(cache: usize, ea: u32, bytes: u32, bound: usize): bool {
  return u64(ea) + bytes <= load<u64>(cache + bound);
}

/** How many elements are looked at: those up to the end of the page, but not more than `n`. */
// @ts-ignore: decorator
@inline
function untilPageEnd(linear: u64, n: u32, log: u32): u32 {
  return min<u32>(n, (PAGE - (u32(linear) & (PAGE - 1))) >> log);
}

/** Does the deadline lie behind `n` iterations? They are charged. */
// @ts-ignore: decorator
@inline
function isInTime(r: usize, n: u32): bool {
  const cycles = i64(load<u32>(COSTS + (COST_STRING_ITERATION << 2))) * n;
  if (cycles > cyclesLeft + restCost(r)) return false;
  chargeCycles(u64(cycles));
  return true;
}

/**
 * How many of `n` elements CMPS and SCAS compare until they end, with flags set and time charged; 0 if they do not end there.
 * `isAll`: they end after n in any case.
 */
function compareUntilEnd(r: usize, from: usize, to: usize, n: u32, isAll: bool): u32 {
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const size = <u32>1 << log;
  const wanted = load<u8>(r, R_STRING_EQUAL) != 0;
  const done = compareRun(size, from, to, n, wanted);
  const last: usize = (done - 1) << log;
  const a = readSlot(from ? from + last : GPR, size);
  const b = readSlot(to + last, size);
  if (!isAll && (a == b) == wanted) return 0;
  if (!isInTime(r, done)) return 0;
  compareElements(size, a, b);
  return done;
}

/** In 32-bit code, with 32-bit addresses. False: nothing has happened. */
function repeat32(r: usize): bool {
  const count = load<u32>(RCX);
  if (!count || hasFlag(DF)) return false;
  const operation: u32 = load<u8>(r, R_STRING);
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const source: usize = load<u16>(r, R_SEGMENT);
  const target: usize = SEGMENTS + ES * SEGMENT_STRIDE;
  const si = load<u32>(RSI);
  const di = load<u32>(RDI);
  let done = count;
  let from: usize = 0;
  if (operation <= MOVES) {
    const bytes = count << log;
    if (count > PAGE || !isInSegment(target, di, bytes, SEGMENT_WRITE_END)) return false;
    const to = fastHost(tlbBase + TLB_WRITE, linear32(target, di), bytes);
    if (operation == MOVES) {
      if (!isInSegment(source, si, bytes, SEGMENT_READ_END)) return false;
      from = fastHost(tlbBase, linear32(source, si), bytes);
      if (!from) return false;
    }
    if (!to || !isInTime(r, count)) return false;
    if (operation == MOVES) copy(to, from, bytes, <u32>1 << log);
    else fill(to, bytes, <u32>1 << log);
  } else {
    let n = untilPageEnd(linear32(target, di), count, log);
    if (operation == COMPARES) {
      n = untilPageEnd(linear32(source, si), n, log);
      if (!n || !isInSegment(source, si, n << log, SEGMENT_READ_END)) return false;
      from = fastHost(tlbBase, linear32(source, si), n << log);
      if (!from) return false;
    }
    if (!n || !isInSegment(target, di, n << log, SEGMENT_READ_END)) return false;
    const to = fastHost(tlbBase, linear32(target, di), n << log);
    if (!to) return false;
    done = compareUntilEnd(r, from, to, n, n == count);
    if (!done) return false;
  }
  store<u64>(RCX, u64(count - done));
  store<u64>(RDI, u64(di + (done << log)));
  if (from) store<u64>(RSI, u64(si + (done << log)));
  return true;
}

/** In 64-bit code, with 64-bit addresses in segments without base. */
function repeat64(r: usize): bool {
  const count = load<u64>(RCX);
  if (!count || hasFlag(DF)) return false;
  const operation: u32 = load<u8>(r, R_STRING);
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const si = load<u64>(RSI);
  const di = load<u64>(RDI);
  let done = u32(count);
  let from: usize = 0;
  if (operation <= MOVES) {
    if (count > PAGE) return false;
    const bytes = done << log;
    const to = fastHost(tlbBase + TLB_WRITE, di, bytes);
    if (operation == MOVES) {
      from = fastHost(tlbBase, si, bytes);
      if (!from) return false;
    }
    if (!to || !isInTime(r, done)) return false;
    if (operation == MOVES) copy(to, from, bytes, <u32>1 << log);
    else fill(to, bytes, <u32>1 << log);
  } else {
    let n = untilPageEnd(di, u32(min<u64>(count, PAGE)), log);
    if (operation == COMPARES) {
      n = untilPageEnd(si, n, log);
      if (!n) return false;
      from = fastHost(tlbBase, si, n << log);
      if (!from) return false;
    }
    if (!n) return false;
    const to = fastHost(tlbBase, di, n << log);
    if (!to) return false;
    done = compareUntilEnd(r, from, to, n, n == count);
    if (!done) return false;
  }
  store<u64>(RCX, count - done);
  store<u64>(RDI, di + (done << log));
  if (from) store<u64>(RSI, si + (done << log));
  return true;
}

/** Does a prepared record, all of it. False: nothing has happened. */
export function repeatQuickly(r: usize): bool {
  if (inScratch || !load<u8>(r, R_STRING)) return false;
  return code64 ? repeat64(r) : repeat32(r);
}
