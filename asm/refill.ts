// The TLB miss of an instruction that has a case of its own in a run loop: the page is entered, and the case tried again. Only
// the access that the generic handler would make first is made here, so that everything happens in the same order; what is
// neither an ordinary miss of an ordinary access nor an ordinary page fault is left to it. Plain stores to pages that hold decoded
// code are made here, too.
import {
  CPL,
  GPR,
  RAM,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_END,
  SS,
  TLB_WRITE,
} from './layout';
import { noteStore } from './code-changes';
import { tlbBase } from './globals';
import * as hot from './hot';
import * as long from './long-mode/hot';
import { tlbEntry } from './memory';
import { MISS_DONE, missQuickly } from './quick-walk';
import { R_BASE, R_DISP, R_IMM, R_INDEX, R_OP, R_REG, R_SCALE, R_SEGMENT, RECORD_SIZE } from './record';
import { TLB_CODE, TLB_INVALID, TLB_NEVER } from './tlb';

const RSP: usize = GPR + 32;

/** How a case accesses memory first: its memory operand, or the stack; the size in bytes in the low bits. */
const READ: u32 = 0x10;
const WRITE: u32 = 0x20;
const PUSH: u32 = 0x40;
const POP: u32 = 0x80;
const SIZE: u32 = 0xf;
/** The whole of it is a store of a register or of an immediate. */
const STORE: u32 = WRITE | READ;
const STORE_IMMEDIATE: u32 = WRITE | PUSH;

/** u8 per case of asm/hot.ts and of asm/long-mode/hot.ts; 0: not known here. */
const ACCESSES: usize = memory.data(512);
const LONG_ACCESSES: usize = memory.data(512);

function note(table: usize, n: u32, access: u32): void {
  store<u8>(table + n, u8(access));
}

/** The shapes of a two-operand instruction; `access` is that to a memory operand which is its destination. */
function noteShapes(table: usize, first: u32, access: u32, size: u32): void {
  note(table, first + hot.RM, READ | size);
  note(table, first + hot.MR, access | size);
  note(table, first + hot.MI, access | size);
}

function noteMoves(table: usize, first: u32, size: u32): void {
  note(table, first + hot.RM, READ | size);
  note(table, first + hot.MR, STORE | size);
  note(table, first + hot.MI, STORE_IMMEDIATE | size);
}

function noteCases(): void {
  for (let n = hot.ADD32_RR; n < hot.CMP32_RR; n += 5) noteShapes(ACCESSES, n, WRITE, 4);
  for (let n = hot.ADD8_RR; n < hot.CMP8_RR; n += 5) noteShapes(ACCESSES, n, WRITE, 1);
  noteShapes(ACCESSES, hot.CMP32_RR, READ, 4);
  noteShapes(ACCESSES, hot.CMP8_RR, READ, 1);
  noteShapes(ACCESSES, hot.TEST32_RR, READ, 4);
  noteShapes(ACCESSES, hot.TEST8_RR, READ, 1);
  noteMoves(ACCESSES, hot.MOV8_RR, 1);
  noteMoves(ACCESSES, hot.MOV16_RR, 2);
  noteMoves(ACCESSES, hot.MOV32_RR, 4);
  note(ACCESSES, hot.MOVZX8_RM, READ | 1);
  note(ACCESSES, hot.MOVZX16_RM, READ | 2);
  note(ACCESSES, hot.MOVSX8_RM, READ | 1);
  note(ACCESSES, hot.MOVSX16_RM, READ | 2);
  note(ACCESSES, hot.INC32_M, WRITE | 4);
  note(ACCESSES, hot.DEC32_M, WRITE | 4);
  note(ACCESSES, hot.IMUL32_RM, READ | 4);
  note(ACCESSES, hot.JMP32_M, READ | 4);
  note(ACCESSES, hot.CALL32_M, READ | 4);
  note(ACCESSES, hot.PUSH32_R, PUSH | 4);
  note(ACCESSES, hot.PUSH32_I, PUSH | 4);
  note(ACCESSES, hot.PUSH32_M, READ | 4);
  note(ACCESSES, hot.POP32_R, POP | 4);
  note(ACCESSES, hot.RET32, POP | 4);
}

function noteLongCases(): void {
  for (let n = long.ADD32_RR; n < long.CMP32_RR; n += 5) noteShapes(LONG_ACCESSES, n, WRITE, 4);
  for (let n = long.ADD64_RR; n < long.CMP64_RR; n += 5) noteShapes(LONG_ACCESSES, n, WRITE, 8);
  noteShapes(LONG_ACCESSES, long.CMP8_RR, READ, 1);
  noteShapes(LONG_ACCESSES, long.CMP32_RR, READ, 4);
  noteShapes(LONG_ACCESSES, long.CMP64_RR, READ, 8);
  noteShapes(LONG_ACCESSES, long.TEST8_RR, READ, 1);
  noteShapes(LONG_ACCESSES, long.TEST32_RR, READ, 4);
  noteShapes(LONG_ACCESSES, long.TEST64_RR, READ, 8);
  noteMoves(LONG_ACCESSES, long.MOV8_RR, 1);
  noteMoves(LONG_ACCESSES, long.MOV16_RR, 2);
  noteMoves(LONG_ACCESSES, long.MOV32_RR, 4);
  noteMoves(LONG_ACCESSES, long.MOV64_RR, 8);
  note(LONG_ACCESSES, long.MOVZX8_RM, READ | 1);
  note(LONG_ACCESSES, long.MOVZX16_RM, READ | 2);
  note(LONG_ACCESSES, long.MOVSX8_32_RM, READ | 1);
  note(LONG_ACCESSES, long.MOVSX16_32_RM, READ | 2);
  note(LONG_ACCESSES, long.MOVSX8_64_RM, READ | 1);
  note(LONG_ACCESSES, long.MOVSX16_64_RM, READ | 2);
  note(LONG_ACCESSES, long.MOVSXD_RM, READ | 4);
  note(LONG_ACCESSES, long.INC32_M, WRITE | 4);
  note(LONG_ACCESSES, long.DEC32_M, WRITE | 4);
  note(LONG_ACCESSES, long.INC64_M, WRITE | 8);
  note(LONG_ACCESSES, long.DEC64_M, WRITE | 8);
  note(LONG_ACCESSES, long.IMUL32_RM, READ | 4);
  note(LONG_ACCESSES, long.IMUL64_RM, READ | 8);
  note(LONG_ACCESSES, long.JMP_M, READ | 8);
  note(LONG_ACCESSES, long.CALL_M, READ | 8);
  note(LONG_ACCESSES, long.PUSH_R, PUSH | 8);
  note(LONG_ACCESSES, long.PUSH_I, PUSH | 8);
  note(LONG_ACCESSES, long.PUSH_M, READ | 8);
  note(LONG_ACCESSES, long.POP_R, POP | 8);
  note(LONG_ACCESSES, long.RET, POP | 8);
}

/** Once, after the memory was created. */
export function initializeRefill(): void {
  noteCases();
  noteLongCases();
}

/** Does the miss of an access inside one page, if it is a miss and an ordinary one. False: it may have raised #PF. */
function miss(linear: u64, size: u32, isWrite: bool): bool {
  const tag = load<u64>(tlbBase + ((usize(linear) >> 6) & 0xffc0) + (isWrite ? TLB_WRITE : 0));
  if ((u32(linear) & 0xfff) + size > 0x1000 || tlbBase == TLB_NEVER) return false;
  // a hit that only the generic handler can use
  if (tag != TLB_INVALID && !((tag ^ linear) >> 12)) return false;
  return missQuickly(linear, u32(isWrite), load<u32>(CPL) == 3) == MISS_DONE;
}

/** Stores the low `size` bytes of `v` to a page with decoded code, if `linear` lies in one that can be written at once otherwise. */
function storeToCode(linear: u64, size: u32, v: u64): bool {
  const entry = tlbEntry(tlbBase + TLB_WRITE, linear);
  if (load<u64>(entry) != (((linear + size - 1) & ~0xfff) | TLB_CODE)) return false;
  const host = usize(linear) + load<usize>(entry, 8);
  if (size == 4) store<u32>(host, u32(v));
  else if (size == 8) store<u64>(host, v);
  else if (size == 2) store<u16>(host, u16(v));
  else store<u8>(host, u8(v));
  noteStore(host - RAM, size);
  return true;
}

/** Does what keeps `r` from its access at `linear`. The record to go on with: `r` again, or the one behind it; or 0. */
// @ts-ignore: decorator
@inline
function provide(r: usize, access: u32, linear: u64): usize {
  const size = access & SIZE;
  if ((access & STORE) == STORE) {
    if (storeToCode(linear, size, load<u64>(load<u16>(r, R_REG)))) return r + RECORD_SIZE;
  } else if ((access & STORE_IMMEDIATE) == STORE_IMMEDIATE) {
    if (storeToCode(linear, size, u64(i64(load<i32>(r, R_IMM))))) return r + RECORD_SIZE;
  }
  return miss(linear, size, (access & WRITE) != 0) ? r : 0;
}

/** Is an access to segment:ea within the segment? */
// @ts-ignore: decorator
@inline
function isWithin(cache: usize, ea: u32, size: u32, isWrite: bool): bool {
  return u64(ea) + size <= load<u64>(cache + (isWrite ? SEGMENT_WRITE_END : SEGMENT_READ_END));
}

/** May record `r` of 32-bit code have failed because of a TLB miss, or of decoded code where it stores? */
// @ts-ignore: decorator
@inline
export function mayRefill(r: usize): bool {
  return load<u8>(ACCESSES + load<u16>(r, R_OP)) != 0;
}
/** The same of 64-bit code. */
// @ts-ignore: decorator
@inline
export function mayRefillLong(r: usize): bool {
  return load<u8>(LONG_ACCESSES + load<u16>(r, R_OP)) != 0;
}

/**
 * Did record `r` of 32-bit code, for which `mayRefill`, fail because of that? Then it is dealt with: the record to go on with, which
 * is `r` itself after a miss. Else 0, and it may have raised #PF.
 */
export function refill(r: usize): usize {
  const access: u32 = load<u8>(ACCESSES + load<u16>(r, R_OP));
  const size = access & SIZE;
  const isWrite = (access & WRITE) != 0;
  if (access & (READ | WRITE)) {
    const index = load<u32>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE);
    const ea = load<u32>(load<u16>(r, R_BASE)) + index + load<u32>(r, R_DISP);
    const cache: usize = load<u16>(r, R_SEGMENT);
    return isWithin(cache, ea, size, isWrite) ? provide(r, access, ea + load<u32>(cache, SEGMENT_BASE)) : 0;
  }
  const isPush = (access & PUSH) != 0;
  const stack = SEGMENTS + SS * SEGMENT_STRIDE;
  const pointer = load<u32>(RSP) - (isPush ? size : 0);
  if (!isWithin(stack, pointer, size, isPush)) return 0;
  return miss(pointer + load<u32>(stack, SEGMENT_BASE), size, isPush) ? r : 0;
}

function isUsualAddress(linear: u64): bool {
  return i64(linear << 16) >> 16 == i64(linear);
}

/** The same of 64-bit code. */
export function refillLong(r: usize): usize {
  const access: u32 = load<u8>(LONG_ACCESSES + load<u16>(r, R_OP));
  const size = access & SIZE;
  if (access & (READ | WRITE)) {
    const index = load<u64>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE);
    const ea = load<u64>(load<u16>(r, R_BASE)) + index + u64(i64(load<i32>(r, R_DISP)));
    return isUsualAddress(ea) ? provide(r, access, ea) : 0;
  }
  const isPush = (access & PUSH) != 0;
  const pointer = load<u64>(RSP) - (isPush ? size : 0);
  return isUsualAddress(pointer) && miss(pointer, size, isPush) ? r : 0;
}
