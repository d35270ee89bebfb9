// The TLB miss of an instruction that has a case of its own in a run loop: the page is entered, and the case tried again. Only
// the access that the generic handler would make first is made here, so that everything happens in the same order; what is
// neither an ordinary miss of an ordinary access nor an ordinary page fault is left to it.
import {
  CPL,
  GPR,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_END,
  SS,
  TLB_WRITE,
} from './layout';
import { tlbBase } from './globals';
import * as hot from './hot';
import * as long from './long-mode/hot';
import { faultQuickly, missQuickly } from './quick-walk';
import { R_BASE, R_DISP, R_INDEX, R_OP, R_SCALE, R_SEGMENT } from './record';
import { TLB_INVALID, TLB_NEVER } from './tlb';

const RSP: usize = GPR + 32;

/** How a case accesses memory first: its memory operand, or the stack; the size in bytes in the low bits. */
const READ: u32 = 0x10;
const WRITE: u32 = 0x20;
const PUSH: u32 = 0x40;
const POP: u32 = 0x80;
const SIZE: u32 = 0xf;

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

function noteCases(): void {
  for (let n = hot.ADD32_RR; n < hot.CMP32_RR; n += 5) noteShapes(ACCESSES, n, WRITE, 4);
  for (let n = hot.ADD8_RR; n < hot.CMP8_RR; n += 5) noteShapes(ACCESSES, n, WRITE, 1);
  noteShapes(ACCESSES, hot.CMP32_RR, READ, 4);
  noteShapes(ACCESSES, hot.CMP8_RR, READ, 1);
  noteShapes(ACCESSES, hot.TEST32_RR, READ, 4);
  noteShapes(ACCESSES, hot.TEST8_RR, READ, 1);
  noteShapes(ACCESSES, hot.MOV8_RR, WRITE, 1);
  noteShapes(ACCESSES, hot.MOV16_RR, WRITE, 2);
  noteShapes(ACCESSES, hot.MOV32_RR, WRITE, 4);
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
  noteShapes(LONG_ACCESSES, long.MOV8_RR, WRITE, 1);
  noteShapes(LONG_ACCESSES, long.MOV16_RR, WRITE, 2);
  noteShapes(LONG_ACCESSES, long.MOV32_RR, WRITE, 4);
  noteShapes(LONG_ACCESSES, long.MOV64_RR, WRITE, 8);
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
  const user = load<u32>(CPL) == 3;
  if (missQuickly(linear, u32(isWrite), user)) return true;
  faultQuickly(linear, u32(isWrite), user);
  return false;
}

/** Does the miss of an access to segment:ea within the segment. */
function missIn(cache: usize, ea: u32, size: u32, isWrite: bool): bool {
  if (u64(ea) + size > load<u64>(cache + (isWrite ? SEGMENT_WRITE_END : SEGMENT_READ_END))) return false;
  return miss(ea + load<u32>(cache, SEGMENT_BASE), size, isWrite);
}

/** Did record `r` of 32-bit code fail because of a TLB miss that is dealt with now? If not, it may have raised #PF. */
export function refill(r: usize): bool {
  const access: u32 = load<u8>(ACCESSES + load<u16>(r, R_OP));
  if (!access) return false;
  const size = access & SIZE;
  if (access & (READ | WRITE)) {
    const index = load<u32>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE);
    const ea = load<u32>(load<u16>(r, R_BASE)) + index + load<u32>(r, R_DISP);
    return missIn(load<u16>(r, R_SEGMENT), ea, size, (access & WRITE) != 0);
  }
  const isPush = (access & PUSH) != 0;
  return missIn(SEGMENTS + SS * SEGMENT_STRIDE, load<u32>(RSP) - (isPush ? size : 0), size, isPush);
}

function missCanonical(linear: u64, size: u32, isWrite: bool): bool {
  return i64(linear << 16) >> 16 == i64(linear) && miss(linear, size, isWrite);
}

/** The same of 64-bit code. */
export function refillLong(r: usize): bool {
  const access: u32 = load<u8>(LONG_ACCESSES + load<u16>(r, R_OP));
  if (!access) return false;
  const size = access & SIZE;
  if (access & (READ | WRITE)) {
    const index = load<u64>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE);
    const ea = load<u64>(load<u16>(r, R_BASE)) + index + u64(i64(load<i32>(r, R_DISP)));
    return missCanonical(ea, size, (access & WRITE) != 0);
  }
  const isPush = (access & PUSH) != 0;
  return missCanonical(load<u64>(RSP) - (isPush ? size : 0), size, isPush);
}
