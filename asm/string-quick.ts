// The case of the run loops for repeated string instructions: REP MOVS and STOS upwards through pages that the TLB maps
// directly, REPE/REPNE CMPS and SCAS that end inside one, before the deadline (SDM Vol. 1 "String Operations"). What is different is
// left to the generic handler (strings.ts), which goes on with the iterations that remain.
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
import { code64, current, cyclesLeft, inScratch, tlbBase } from './globals';
import { fastHost } from './memory';
import { operandBytes, readSlot } from './operand';
import { addressSize, hasRep, hasRepne, R_IMM, R_SEGMENT, restCost } from './record';
import { compareElements, compareRun, copy, fill, LONG } from './string-runs';

const RCX: usize = GPR + 8;
const RSI: usize = GPR + 48;
const RDI: usize = GPR + 56;
const TARGET: usize = SEGMENTS + ES * SEGMENT_STRIDE;
const PAGE: u32 = 0x1000;

/** u8 each: MOVES and so on; log2 of the element's size; REPE (not REPNE). */
const R_STRING: usize = R_IMM;
const R_STRING_LOG: usize = R_IMM + 1;
const R_STRING_EQUAL: usize = R_IMM + 2;
const STORES: u32 = 1;
const MOVES: u32 = 2;
const SCANS: u32 = 3;
const COMPARES: u32 = 4;

/** Has the record the case? Its addresses are of `size` bytes. */
export function isQuickString(r: usize, form: usize, size: u32): bool {
  const operation: u32 = load<u16>(form, FORM_OP);
  if (operation < OP_MOVS || operation > OP_SCAS || operation == OP_LODS) return false;
  if (!hasRep(r) || addressSize(r) != size) return false;
  const n: u32 = operation == OP_MOVS ? MOVES : operation == OP_CMPS ? COMPARES : operation == OP_SCAS ? SCANS : STORES;
  store<u8>(r, u8(n), R_STRING);
  store<u8>(r, u8(ctz(operandBytes(r, load<u8>(form + FORM_OPERANDS + u32(n == SCANS))))), R_STRING_LOG);
  store<u8>(r, u8(!hasRepne(r)), R_STRING_EQUAL);
  return true;
}

/** Linear address of cache:ea. In 64-bit code the segments have no base. */
// @ts-ignore: decorator
@inline
function linear<T>(cache: usize, ea: T): u64 {
  return sizeof<T>() == 8 ? u64(ea) : u64(u32(ea) + load<u32>(cache, SEGMENT_BASE));
}

// @ts-ignore: decorator
@inline
function isInSegment<T>(cache: usize, ea: T, bytes: u32, bound: usize): bool {
  return sizeof<T>() == 8 || u64(ea) + bytes <= load<u64>(cache + bound);
}

/** How many elements are looked at: those up to the end of the page, but not more than `n`. */
// @ts-ignore: decorator
@inline
function untilPageEnd(linear: u64, n: u32, log: u32): u32 {
  return min<u32>(n, (PAGE - (u32(linear) & (PAGE - 1))) >> log);
}

// @ts-ignore: decorator
@inline
function cyclesOf(n: u32): i64 {
  return i64(load<u32>(COSTS + (COST_STRING_ITERATION << 2))) * n;
}

/** Does the deadline lie behind `n` iterations? */
// @ts-ignore: decorator
@inline
function isInTime(r: usize, n: u32): bool {
  return cyclesOf(n) <= cyclesLeft + restCost(r);
}

/** REP MOVS and STOS inside one page, nearly always; whatever else there is goes page by page. */
// @ts-ignore: decorator
@inline
function move<T>(r: usize, count: u32, isMove: bool): bool {
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const source: usize = load<u16>(r, R_SEGMENT);
  const bytes = count << log;
  const si = load<T>(RSI);
  const di = load<T>(RDI);
  if (!isInTime(r, count)) return false;
  if (count > PAGE || !isInSegment<T>(TARGET, di, bytes, SEGMENT_WRITE_END)) return movePages(r, count, isMove);
  const to = fastHost(tlbBase + TLB_WRITE, linear<T>(TARGET, di), bytes);
  if (!to) return movePages(r, count, isMove);
  if (isMove) {
    if (!isInSegment<T>(source, si, bytes, SEGMENT_READ_END)) return movePages(r, count, isMove);
    const from = fastHost(tlbBase, linear<T>(source, si), bytes);
    if (!from) return movePages(r, count, isMove);
    store<u64>(RSI, u64(si + <T>bytes));
    copy(to, from, bytes, <u32>1 << log);
  } else fill(to, bytes, <u32>1 << log);
  store<u64>(RCX, 0);
  store<u64>(RDI, u64(di + <T>bytes));
  chargeCycles(u64(cyclesOf(count)));
  return true;
}

/** Host address of `bytes` bytes at cache:ea inside one page, 0 if they cannot be reached at once. */
function reach(cache: usize, ea: u64, bytes: u32, bound: usize, array: usize): usize {
  if (code64) return fastHost(tlbBase + array, ea, bytes);
  return isInSegment<u32>(cache, u32(ea), bytes, bound) ? fastHost(tlbBase + array, linear<u32>(cache, u32(ea)), bytes) : 0;
}

/** REP MOVS and STOS page by page, before the deadline. False: some iterations are left. */
function movePages(r: usize, count: u32, isMove: bool): bool {
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const source: usize = load<u16>(r, R_SEGMENT);
  const mask: u64 = code64 ? u64.MAX_VALUE : u32.MAX_VALUE;
  const targetBase: u64 = code64 ? 0 : load<u32>(TARGET, SEGMENT_BASE);
  const sourceBase: u64 = code64 ? 0 : load<u32>(source, SEGMENT_BASE);
  let si = load<u64>(RSI) & mask;
  let di = load<u64>(RDI) & mask;
  let left = count;
  let filled: usize = 0;
  let filledBytes: u32 = 0;
  do {
    let n = untilPageEnd(di + targetBase, left, log);
    if (isMove) n = untilPageEnd(si + sourceBase, n, log);
    const bytes = n << log;
    const from = n && isMove ? reach(source, si, bytes, SEGMENT_READ_END, 0) : 0;
    const to = n ? reach(TARGET, di, bytes, SEGMENT_WRITE_END, TLB_WRITE) : 0;
    if (!to || (isMove && !from)) break;
    if (isMove) copy(to, from, bytes, <u32>1 << log);
    else if (bytes >= LONG && bytes <= filledBytes) memory.copy(to, filled, bytes);
    else {
      fill(to, bytes, <u32>1 << log);
      filled = to;
      filledBytes = bytes;
    }
    di = (di + bytes) & mask;
    si = (si + bytes) & mask;
    left -= n;
  } while (left);
  if (left == count) return false;
  store<u64>(RCX, left);
  store<u64>(RDI, di);
  if (isMove) store<u64>(RSI, si);
  chargeCycles(u64(cyclesOf(count - left)));
  return !left;
}

/** REPE/REPNE CMPS and SCAS if they end inside the page. False: nothing has happened. */
// @ts-ignore: decorator
@inline
function compare<T>(r: usize, count: u32, hasSource: bool): bool {
  const log: u32 = load<u8>(r, R_STRING_LOG);
  const source: usize = load<u16>(r, R_SEGMENT);
  const si = load<T>(RSI);
  const di = load<T>(RDI);
  let n = untilPageEnd(linear<T>(TARGET, di), count, log);
  let from: usize = 0;
  if (hasSource) {
    n = untilPageEnd(linear<T>(source, si), n, log);
    if (!n || !isInSegment<T>(source, si, n << log, SEGMENT_READ_END)) return false;
    from = fastHost(tlbBase, linear<T>(source, si), n << log);
    if (!from) return false;
  }
  if (!n || !isInSegment<T>(TARGET, di, n << log, SEGMENT_READ_END)) return false;
  const to = fastHost(tlbBase, linear<T>(TARGET, di), n << log);
  if (!to) return false;
  const done = compareUntilEnd(r, from, to, n, n == count);
  if (!done) return false;
  store<u64>(RCX, u64(load<T>(RCX) - done));
  store<u64>(RDI, u64(di + (<T>done << log)));
  if (hasSource) store<u64>(RSI, u64(si + (<T>done << log)));
  chargeCycles(u64(cyclesOf(done)));
  return true;
}

/**
 * How many of `n` elements CMPS and SCAS compare until they end, with flags set; 0 if they do not end there or not in time.
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
  if ((!isAll && (a == b) == wanted) || !isInTime(r, done)) return 0;
  compareElements(size, a, b);
  return done;
}

// @ts-ignore: decorator
@inline
function repeat<T>(r: usize): bool {
  const count = u64(load<T>(RCX));
  if (!count) return true;
  const operation: u32 = load<u8>(r, R_STRING);
  if (operation <= MOVES) return count <= u32.MAX_VALUE && move<T>(r, u32(count), operation == MOVES);
  return compare<T>(r, u32(min<u64>(count, PAGE)), operation == COMPARES);
}

/**
 * Does the iterations of a record that has the case, or some of them, and sets `current`. False: some are left. A
 * function for both loops, because one of each would become part of it.
 */
export function repeatQuickly(r: usize): bool {
  current = r;
  if (inScratch || hasFlag(DF)) return false;
  return code64 ? repeat<u64>(r) : repeat<u32>(r);
}
