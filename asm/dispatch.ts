// The interpreter's hot loop: one switch over decoded records with the common 32-bit instructions inlined
// (one function, because V8 calls cost more than the work of a case: 3 to 4 times slower when measured). A case that cannot go its
// fast way (TLB miss, device, page crossing, unlinked branch, fault) breaks out of the switch with t = 0, and the generic
// handler does the whole instruction again from the start; a branch breaks out with t = the record to go on with.
//
// Of the case with the last number V8 lays the end in front of the loop's head (loop rotation), and the head from 64 bytes on. If
// that end is longer than some 18 bytes, as behind a call that made it spill, the jump through the table straddles a cache
// line, and every case is a quarter slower when measured. So NOP has the last number.
import {
  GPR,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_END,
  SS,
  TLB_WRITE,
} from './layout';
import { current, cyclesLeft, faulted, instructionsLeft, leave, pageRip, tlbBase } from './globals';
import {
  R_BASE,
  R_COST,
  R_COUNT,
  R_DISP,
  R_FALL,
  R_IMM,
  R_INDEX,
  R_LINK,
  R_OP,
  R_REG,
  R_RM,
  R_SCALE,
  R_SEGMENT,
  RECORD_SIZE,
  recordNextRip,
} from './record';
import { COUNT_INSTRUCTIONS } from './constants';
import { leaveAfter, leaveBefore, leaveRefused } from './leave';
import { mayRefill, refill } from './refill';
import { findLinked, findTarget } from './jumps';
import { execute } from './execute';
import { adc, add, and, dec, inc, neg, not, or, sbb, sub, xor } from './ops/arithmetic';
import { rol, ror, sar, shl, shr } from './ops/shift';
import { imul, mul } from './ops/multiply';
import { overflow, parity, sign, zero } from './flags';
import { operandBytes } from './fpu/hot';
import { fastPush, fastRead, fastTwo, fastWrite } from './fpu/fast';
import { quickOther, quickPush, quickRead, quickTwo, quickWrite } from './fpu/quick';
import { shuffleDoublewords } from './simd/fast';
import { repeatQuickly } from './string-quick';
import { isUsable, register } from './simd/hot';
import { multiplyEven, packed, shift, unpackLowB } from './simd/packed';
import { doubles, isPlainConversion, packedDoubles, quickArithmetic, scalarDoubles } from './simd/quick';
import { faultOnwards } from './system/onwards';
import { below, belowOrEqual, condition, less, lessOrEqual } from './ops/condition';
import {
  ADC32_MI,
  ADC32_MR,
  ADC32_RI,
  ADC32_RM,
  ADC32_RR,
  ADC8_MI,
  ADC8_MR,
  ADC8_RI,
  ADC8_RM,
  ADC8_RR,
  ADD32_MI,
  ADD32_MR,
  ADD32_RI,
  ADD32_RM,
  ADD32_RR,
  ADD8_MI,
  ADD8_MR,
  ADD8_RI,
  ADD8_RM,
  ADD8_RR,
  AND32_MI,
  AND32_MR,
  AND32_RI,
  AND32_RM,
  AND32_RR,
  AND8_MI,
  AND8_MR,
  AND8_RI,
  AND8_RM,
  AND8_RR,
  CALL32,
  CALL32_M,
  CALL32_R,
  CDQ,
  CMOV32_RR,
  CMP32_MI,
  CMP32_MR,
  CMP32_RI,
  CMP32_RI_JA,
  CMP32_RI_JAE,
  CMP32_RI_JB,
  CMP32_RI_JBE,
  CMP32_RI_JE,
  CMP32_RI_JG,
  CMP32_RI_JGE,
  CMP32_RI_JL,
  CMP32_RI_JLE,
  CMP32_RI_JNE,
  CMP32_RM,
  CMP32_RR,
  CMP32_RR_JA,
  CMP32_RR_JAE,
  CMP32_RR_JB,
  CMP32_RR_JBE,
  CMP32_RR_JE,
  CMP32_RR_JG,
  CMP32_RR_JGE,
  CMP32_RR_JL,
  CMP32_RR_JLE,
  CMP32_RR_JNE,
  CMP8_MI,
  CMP8_MR,
  CMP8_RI,
  CMP8_RI_JE,
  CMP8_RI_JNE,
  CMP8_RM,
  CMP8_RR,
  DEC32_M,
  DEC32_R,
  DEC32_R_JE,
  DEC32_R_JNE,
  H_BREAK,
  H_DEAD,
  H_END,
  IMUL32_RM,
  IMUL32_RR,
  IMUL32_RRI,
  INC32_M,
  INC32_R,
  JA32,
  JAE32,
  JB32,
  JBE32,
  JE32,
  JG32,
  JGE32,
  JL32,
  JLE32,
  JMP32,
  JMP32_M,
  JMP32_R,
  JNE32,
  JNO32,
  JNP32,
  JNS32,
  JO32,
  JP32,
  JS32,
  LEA32,
  LEAVE32,
  MI,
  MOV16_MI,
  MOV16_MR,
  MOV16_RI,
  MOV16_RM,
  MOV16_RR,
  MOV32_MI,
  MOV32_MR,
  MOV32_RI,
  MOV32_RM,
  MOV32_RR,
  MOV8_MI,
  MOV8_MR,
  MOV8_RI,
  MOV8_RM,
  MOV8_RR,
  MOVSX16_RM,
  MOVSX16_RR,
  MOVSX8_RM,
  MOVSX8_RR,
  MOVZX16_RM,
  MOVZX16_RR,
  MOVZX8_RM,
  MOVZX8_RR,
  MR,
  MUL32_R,
  NEG32_R,
  NOP,
  NOT32_R,
  OR32_MI,
  OR32_MR,
  OR32_RI,
  OR32_RM,
  OR32_RR,
  OR8_MI,
  OR8_MR,
  OR8_RI,
  OR8_RM,
  OR8_RR,
  POP32_R,
  PUSH32_I,
  PUSH32_M,
  PUSH32_R,
  REPEAT,
  RET32,
  RI,
  RM,
  ROL32_RI,
  ROR32_RI,
  RR,
  SAR32_RC,
  SAR32_RI,
  SBB32_MI,
  SBB32_MR,
  SBB32_RI,
  SBB32_RM,
  SBB32_RR,
  SBB8_MI,
  SBB8_MR,
  SBB8_RI,
  SBB8_RM,
  SBB8_RR,
  SETCC_R,
  SHL32_RC,
  SHL32_RI,
  SHR32_RC,
  SHR32_RI,
  SSE_CVTSI2SD,
  SSE_CVTTSD2SI,
  SSE_FLOAT,
  SSE_FLOAT_M16,
  SSE_FLOAT_M4,
  SSE_FLOAT_M8,
  SSE_LOAD,
  SSE_LOAD_ALIGNED,
  SSE_LOAD_DOUBLE,
  SSE_LOAD_SINGLE,
  SSE_MOVE,
  SSE_PACKED,
  SSE_PACKED_M,
  SSE_PADDB,
  SSE_PADDD,
  SSE_PADDQ,
  SSE_PADDW,
  SSE_PAND,
  SSE_PANDN,
  SSE_PCMPEQB,
  SSE_PCMPEQD,
  SSE_PMADDWD,
  SSE_PMULUDQ,
  SSE_POR,
  SSE_PSHUFD,
  SSE_PSLLD,
  SSE_PSRLD,
  SSE_PSUBB,
  SSE_PSUBD,
  SSE_PSUBQ,
  SSE_PSUBW,
  SSE_PUNPCKLBW,
  SSE_PXOR,
  SSE_SHIFT,
  SSE_STORE,
  SSE_STORE_ALIGNED,
  SSE_STORE_DOUBLE,
  SSE_STORE_SINGLE,
  SSE_UNPCKLPD,
  SUB32_MI,
  SUB32_MR,
  SUB32_RI,
  SUB32_RM,
  SUB32_RR,
  SUB8_MI,
  SUB8_MR,
  SUB8_RI,
  SUB8_RM,
  SUB8_RR,
  TEST32_MI,
  TEST32_MR,
  TEST32_RI,
  TEST32_RR,
  TEST32_RR_JE,
  TEST32_RR_JNE,
  TEST8_MI,
  TEST8_MR,
  TEST8_RI,
  TEST8_RR,
  TEST8_RR_JE,
  TEST8_RR_JNE,
  X87_OTHER,
  X87_PUSH,
  X87_READ,
  X87_TWO,
  X87_WRITE,
  XCHG32_RR,
  XOR32_MI,
  XOR32_MR,
  XOR32_RI,
  XOR32_RM,
  XOR32_RR,
  XOR8_MI,
  XOR8_MR,
  XOR8_RI,
  XOR8_RM,
  XOR8_RR,
} from './hot';

const RSP: usize = GPR + 32;

// @ts-ignore: decorator
@inline
function destination<T>(r: usize): T {
  return load<T>(load<u16>(r, R_BASE));
}
// @ts-ignore: decorator
@inline
function source<T>(r: usize): T {
  return load<T>(load<u16>(r, R_INDEX));
}
// @ts-ignore: decorator
@inline
function reg<T>(r: usize): T {
  return load<T>(load<u16>(r, R_REG));
}
// @ts-ignore: decorator
@inline
function rm<T>(r: usize): T {
  return load<T>(load<u16>(r, R_RM));
}
// @ts-ignore: decorator
@inline
function imm<T>(r: usize): T {
  return load<T>(r, R_IMM);
}
/** Register write: 32 bits zero-extend to 64. */
// @ts-ignore: decorator
@inline
function put<T>(slot: usize, v: T): void {
  if (sizeof<T>() == 4) store<u64>(slot, u64(v));
  else store<T>(slot, v);
}
// @ts-ignore: decorator
@inline
function setDestination<T>(r: usize, v: T): void {
  put<T>(load<u16>(r, R_BASE), v);
}
// @ts-ignore: decorator
@inline
function setReg<T>(r: usize, v: T): void {
  put<T>(load<u16>(r, R_REG), v);
}
// @ts-ignore: decorator
@inline
function setRm<T>(r: usize, v: T): void {
  put<T>(load<u16>(r, R_RM), v);
}

/** 32-bit effective address. */
// @ts-ignore: decorator
@inline
function address(r: usize): u32 {
  return (
    load<u32>(load<u16>(r, R_BASE)) + (load<u32>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE)) + load<u32>(r, R_DISP)
  );
}

/** Host address for an access to `size` bytes at segment:ea, 0 if it has to take the slow path. */
// @ts-ignore: decorator
@inline
function hostOfBytes(cache: usize, ea: u32, size: u32, bound: usize, array: usize): usize {
  const linear = ea + load<u32>(cache, SEGMENT_BASE);
  const entry = tlbBase + array + ((linear >> 6) & 0xffc0);
  if (u64(ea) + size > load<u64>(cache + bound)) return 0;
  if (load<u64>(entry) != u64((linear + (size - 1)) & 0xfffff000)) return 0;
  return linear + load<u32>(entry, 8);
}
/** The same for a read or write of T. */
// @ts-ignore: decorator
@inline
function hostOf<T>(cache: usize, ea: u32, bound: usize, array: usize): usize {
  return hostOfBytes(cache, ea, sizeof<T>(), bound, array);
}
// @ts-ignore: decorator
@inline
function readHost<T>(r: usize): usize {
  return hostOf<T>(load<u16>(r, R_SEGMENT), address(r), SEGMENT_READ_END, 0);
}
// @ts-ignore: decorator
@inline
function writeHost<T>(r: usize): usize {
  return hostOf<T>(load<u16>(r, R_SEGMENT), address(r), SEGMENT_WRITE_END, TLB_WRITE);
}
/** Where a 32-bit push would write. */
// @ts-ignore: decorator
@inline
function pushHost(): usize {
  return hostOf<u32>(SEGMENTS + SS * SEGMENT_STRIDE, load<u32>(RSP) - 4, SEGMENT_WRITE_END, TLB_WRITE);
}
/** Where a 32-bit pop with stack pointer `sp` would read. */
// @ts-ignore: decorator
@inline
function popHost(sp: u32): usize {
  return hostOf<u32>(SEGMENTS + SS * SEGMENT_STRIDE, sp, SEGMENT_READ_END, 0);
}
// @ts-ignore: decorator
@inline
function movePointer(n: u32): void {
  store<u64>(RSP, (u64(load<u32>(RSP)) + n) & 0xffffffff);
}

/** The operands of an SSE instruction on two registers. */
// @ts-ignore: decorator
@inline
function xmmDestination(r: usize): v128 {
  return v128.load(load<u16>(r, R_BASE));
}
// @ts-ignore: decorator
@inline
function xmmSource(r: usize): v128 {
  return v128.load(load<u16>(r, R_INDEX));
}
// @ts-ignore: decorator
@inline
function setXmmDestination(r: usize, v: v128): void {
  v128.store(load<u16>(r, R_BASE), v);
}

/** Target of a relative branch with 32-bit operand size. */
// @ts-ignore: decorator
@inline
function branchTarget(r: usize): u64 {
  return u64(u32(pageRip) + load<u32>(r, R_IMM));
}

/** Executes blocks from record `r`, whose block has been paid for, until something has to be looked at outside. */
export function dispatch(start: usize): void {
  let r = start;
  let t: usize = 0;
  let value: u32 = 0;
  let next: u32 = 0;
  let a: u32 = 0;
  let b: u32 = 0;
  for (;;) {
    switch (u32(load<u16>(r, R_OP))) {
      case H_DEAD:
        leaveBefore(r);
        return;
      case H_BREAK:
        leaveBefore(r);
        return;
      case H_END:
        // not linked: the generic handler knows whether this is the scratch slot
        t = load<u32>(r, R_LINK);
        break;
      case ADD32_RR:
        setDestination<u32>(r, add<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32_RI:
        setDestination<u32>(r, add<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, add<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case ADD32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, add<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, add<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32_RR:
        setDestination<u32>(r, or<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32_RI:
        setDestination<u32>(r, or<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, or<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case OR32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, or<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, or<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32_RR:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32_RI:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, adc<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case ADC32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, adc<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, adc<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32_RR:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32_RI:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, sbb<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case SBB32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sbb<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sbb<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32_RR:
        setDestination<u32>(r, and<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32_RI:
        setDestination<u32>(r, and<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, and<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case AND32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, and<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, and<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32_RR:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32_RI:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, sub<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case SUB32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sub<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sub<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32_RR:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32_RI:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, xor<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case XOR32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, xor<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, xor<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case CMP32_RR:
        sub<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32_RI:
        sub<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(reg<u32>(r), load<u32>(t));
        r += RECORD_SIZE;
        continue;
      case CMP32_MR:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(load<u32>(t), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32_MI:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(load<u32>(t), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case ADD8_RR:
        setDestination<u8>(r, add<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8_RI:
        setDestination<u8>(r, add<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, add<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case ADD8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, add<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, add<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8_RR:
        setDestination<u8>(r, or<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8_RI:
        setDestination<u8>(r, or<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, or<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case OR8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, or<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, or<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8_RR:
        setDestination<u8>(r, adc<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8_RI:
        setDestination<u8>(r, adc<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, adc<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case ADC8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, adc<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, adc<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8_RR:
        setDestination<u8>(r, sbb<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8_RI:
        setDestination<u8>(r, sbb<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, sbb<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case SBB8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sbb<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sbb<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8_RR:
        setDestination<u8>(r, and<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8_RI:
        setDestination<u8>(r, and<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, and<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case AND8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, and<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, and<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8_RR:
        setDestination<u8>(r, sub<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8_RI:
        setDestination<u8>(r, sub<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, sub<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case SUB8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sub<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sub<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8_RR:
        setDestination<u8>(r, xor<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8_RI:
        setDestination<u8>(r, xor<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, xor<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case XOR8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, xor<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, xor<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case CMP8_RR:
        sub<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8_RI:
        sub<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(reg<u8>(r), load<u8>(t));
        r += RECORD_SIZE;
        continue;
      case CMP8_MR:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(load<u8>(t), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8_MI:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(load<u8>(t), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32_RR:
        and<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32_RI:
        and<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32_MR:
        t = readHost<u32>(r);
        if (!t) break;
        and<u32>(load<u32>(t), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32_MI:
        t = readHost<u32>(r);
        if (!t) break;
        and<u32>(load<u32>(t), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8_RR:
        and<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8_RI:
        and<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8_MR:
        t = readHost<u8>(r);
        if (!t) break;
        and<u8>(load<u8>(t), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8_MI:
        t = readHost<u8>(r);
        if (!t) break;
        and<u8>(load<u8>(t), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32_RR:
        setDestination<u32>(r, source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32_RI:
        setDestination<u32>(r, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, load<u32>(t));
        r += RECORD_SIZE;
        continue;
      case MOV32_MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32_MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8_RR:
        setDestination<u8>(r, source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8_RI:
        setDestination<u8>(r, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, load<u8>(t));
        r += RECORD_SIZE;
        continue;
      case MOV8_MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8_MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16_RR:
        setDestination<u16>(r, source<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16_RI:
        setDestination<u16>(r, imm<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16_RM:
        t = readHost<u16>(r);
        if (!t) break;
        setReg<u16>(r, load<u16>(t));
        r += RECORD_SIZE;
        continue;
      case MOV16_MR:
        t = writeHost<u16>(r);
        if (!t) break;
        store<u16>(t, reg<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16_MI:
        t = writeHost<u16>(r);
        if (!t) break;
        store<u16>(t, imm<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOVZX8_RR:
        setDestination<u32>(r, u32(source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case MOVZX8_RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u32>(r, u32(load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case MOVZX16_RR:
        setDestination<u32>(r, u32(source<u16>(r)));
        r += RECORD_SIZE;
        continue;
      case MOVZX16_RM:
        t = readHost<u16>(r);
        if (!t) break;
        setReg<u32>(r, u32(load<u16>(t)));
        r += RECORD_SIZE;
        continue;
      case MOVSX8_RR:
        setDestination<u32>(r, u32(source<i8>(r)));
        r += RECORD_SIZE;
        continue;
      case MOVSX8_RM:
        t = readHost<i8>(r);
        if (!t) break;
        setReg<u32>(r, u32(load<i8>(t)));
        r += RECORD_SIZE;
        continue;
      case MOVSX16_RR:
        setDestination<u32>(r, u32(source<i16>(r)));
        r += RECORD_SIZE;
        continue;
      case MOVSX16_RM:
        t = readHost<i16>(r);
        if (!t) break;
        setReg<u32>(r, u32(load<i16>(t)));
        r += RECORD_SIZE;
        continue;
      case LEA32:
        setReg<u32>(r, address(r));
        r += RECORD_SIZE;
        continue;
      case INC32_R:
        setRm<u32>(r, inc<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case DEC32_R:
        setRm<u32>(r, dec<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case INC32_M:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, inc<u32>(load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case DEC32_M:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, dec<u32>(load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case NEG32_R:
        setRm<u32>(r, neg<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case NOT32_R:
        setRm<u32>(r, not<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SHL32_RI:
        setDestination<u32>(r, shl<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SHR32_RI:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SAR32_RI:
        setDestination<u32>(r, sar<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SHL32_RC:
        setDestination<u32>(r, shl<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case SHR32_RC:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case SAR32_RC:
        setDestination<u32>(r, sar<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case ROL32_RI:
        setDestination<u32>(r, rol<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ROR32_RI:
        setDestination<u32>(r, ror<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case IMUL32_RR:
        setReg<u32>(r, imul<u32>(reg<u32>(r), rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case IMUL32_RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, imul<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case IMUL32_RRI:
        setReg<u32>(r, imul<u32>(rm<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case MUL32_R:
        mul<u32>(rm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case XCHG32_RR:
        t = source<u32>(r);
        store<u64>(load<u16>(r, R_INDEX), u64(destination<u32>(r)));
        setDestination<u32>(r, u32(t));
        r += RECORD_SIZE;
        continue;
      case CDQ:
        store<u64>(GPR + 16, u64(u32(load<i32>(GPR) >> 31)));
        r += RECORD_SIZE;
        continue;
      case NOP:
        r += RECORD_SIZE;
        continue;
      case SETCC_R:
        store<u8>(load<u16>(r, R_RM), u8(condition(load<u32>(r, R_IMM))));
        r += RECORD_SIZE;
        continue;
      case CMOV32_RR:
        setReg<u32>(r, condition(load<u32>(r, R_IMM)) ? rm<u32>(r) : reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case PUSH32_R:
        t = pushHost();
        if (!t) break;
        store<u32>(t, rm<u32>(r));
        movePointer(-4);
        r += RECORD_SIZE;
        continue;
      case PUSH32_I:
        t = pushHost();
        if (!t) break;
        store<u32>(t, imm<u32>(r));
        movePointer(-4);
        r += RECORD_SIZE;
        continue;
      case PUSH32_M:
        t = readHost<u32>(r);
        if (!t) break;
        value = load<u32>(t);
        t = pushHost();
        if (!t) break;
        store<u32>(t, value);
        movePointer(-4);
        r += RECORD_SIZE;
        continue;
      case POP32_R:
        t = popHost(load<u32>(RSP));
        if (!t) break;
        value = load<u32>(t);
        movePointer(4);
        setRm<u32>(r, value);
        r += RECORD_SIZE;
        continue;
      case LEAVE32:
        value = load<u32>(GPR + 40);
        t = popHost(value);
        if (!t) break;
        store<u64>(RSP, u64(value + 4));
        store<u64>(GPR + 40, u64(load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case CALL32:
        value = pushHost();
        t = 0;
        if (!value) break;
        next = u32(recordNextRip(r));
        t = load<u32>(r, R_LINK);
        if (!t) t = findLinked(r, branchTarget(r), R_LINK);
        if (!t) break;
        store<u32>(value, next);
        movePointer(-4);
        break;
      case RET32:
        t = popHost(load<u32>(RSP));
        if (!t) break;
        t = findTarget(load<u32>(t));
        if (t) movePointer(4 + load<u32>(r, R_IMM));
        break;
      case JMP32:
        t = load<u32>(r, R_LINK);
        if (!t) t = findLinked(r, branchTarget(r), R_LINK);
        break;
      case JMP32_R:
        t = findTarget(rm<u32>(r));
        break;
      case JMP32_M:
        t = readHost<u32>(r);
        if (t) t = findTarget(load<u32>(t));
        break;
      case CALL32_R:
        value = pushHost();
        t = 0;
        if (!value) break;
        next = u32(recordNextRip(r));
        t = findTarget(rm<u32>(r));
        if (!t) break;
        store<u32>(value, next);
        movePointer(-4);
        break;
      case CALL32_M:
        t = readHost<u32>(r);
        if (!t) break;
        value = pushHost();
        if (!value) {
          t = 0;
          break;
        }
        next = u32(recordNextRip(r));
        t = findTarget(load<u32>(t));
        if (!t) break;
        store<u32>(value, next);
        movePointer(-4);
        break;
      case JO32:
        if (overflow()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JNO32:
        if (overflow()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JB32:
        if (below()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JAE32:
        if (below()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JE32:
        if (zero()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JNE32:
        if (zero()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JBE32:
        if (belowOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JA32:
        if (belowOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JS32:
        if (sign()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JNS32:
        if (sign()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JP32:
        if (parity()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JNP32:
        if (parity()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JL32:
        if (less()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JGE32:
        if (less()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case JLE32:
        if (lessOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case JG32:
        if (lessOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case CMP32_RR_JB:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a < b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JAE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a >= b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a == b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JNE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a != b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JBE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a <= b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JA:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a > b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JL:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) < i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JGE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) >= i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JLE:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) <= i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RR_JG:
        a = destination<u32>(r);
        b = source<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) > i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JB:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a < b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JAE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a >= b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a == b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JNE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a != b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JBE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a <= b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JA:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (a > b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JL:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) < i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JGE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) >= i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JLE:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) <= i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP32_RI_JG:
        a = destination<u32>(r);
        b = imm<u32>(r);
        sub<u32>(a, b);
        r += RECORD_SIZE;
        if (i32(a) > i32(b)) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case TEST32_RR_JE:
        a = and<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        if (a == 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case TEST32_RR_JNE:
        a = and<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        if (a != 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case TEST8_RR_JE:
        a = and<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        if (a == 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case TEST8_RR_JNE:
        a = and<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        if (a != 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP8_RI_JE:
        a = destination<u8>(r);
        b = imm<u8>(r);
        sub<u8>(u8(a), u8(b));
        r += RECORD_SIZE;
        if (a == b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case CMP8_RI_JNE:
        a = destination<u8>(r);
        b = imm<u8>(r);
        sub<u8>(u8(a), u8(b));
        r += RECORD_SIZE;
        if (a != b) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case DEC32_R_JE:
        a = dec<u32>(rm<u32>(r));
        setRm<u32>(r, a);
        r += RECORD_SIZE;
        if (a == 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case DEC32_R_JNE:
        a = dec<u32>(rm<u32>(r));
        setRm<u32>(r, a);
        r += RECORD_SIZE;
        if (a != 0) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case SSE_MOVE:
        if (!isUsable()) {
          t = 0;
          break;
        }
        v128.store(load<u16>(r, R_BASE), v128.load(load<u16>(r, R_INDEX)));
        r += RECORD_SIZE;
        continue;
      case SSE_LOAD_ALIGNED:
        t = readHost<v128>(r);
        if (!t || t & 15 || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(register(r, R_REG), v128.load(t));
        r += RECORD_SIZE;
        continue;
      case SSE_LOAD:
        t = readHost<v128>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(register(r, R_REG), v128.load(t));
        r += RECORD_SIZE;
        continue;
      case SSE_STORE_ALIGNED:
        t = writeHost<v128>(r);
        if (!t || t & 15 || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(t, v128.load(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case SSE_STORE:
        t = writeHost<v128>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(t, v128.load(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case SSE_LOAD_SINGLE:
        t = readHost<u32>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(register(r, R_REG), v128.load_zero<u32>(t));
        r += RECORD_SIZE;
        continue;
      case SSE_LOAD_DOUBLE:
        t = readHost<u64>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(register(r, R_REG), v128.load_zero<u64>(t));
        r += RECORD_SIZE;
        continue;
      case SSE_STORE_SINGLE:
        t = writeHost<u32>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        store<u32>(t, load<u32>(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case SSE_STORE_DOUBLE:
        t = writeHost<u64>(r);
        if (!t || !isUsable()) {
          t = 0;
          break;
        }
        store<u64>(t, load<u64>(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case SSE_FLOAT:
        if (
          !isUsable() ||
          (!doubles(load<u32>(r, R_IMM), load<u16>(r, R_BASE), load<u16>(r, R_INDEX)) &&
            !quickArithmetic(load<u32>(r, R_IMM), load<u16>(r, R_BASE), load<u16>(r, R_INDEX)))
        ) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case SSE_FLOAT_M16:
        t = readHost<v128>(r);
        if (
          !t ||
          t & 15 ||
          !isUsable() ||
          (!packedDoubles(load<u32>(r, R_IMM), register(r, R_REG), t) &&
            !quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), t))
        ) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case SSE_FLOAT_M4:
        t = readHost<u32>(r);
        if (!t || !isUsable() || !quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), t)) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case SSE_FLOAT_M8:
        t = readHost<u64>(r);
        if (
          !t ||
          !isUsable() ||
          (!scalarDoubles(load<u32>(r, R_IMM), register(r, R_REG), t) &&
            !quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), t))
        ) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case SSE_PACKED:
        if (!isUsable()) {
          t = 0;
          break;
        }
        t = load<u16>(r, R_BASE);
        v128.store(t, packed(load<u32>(r, R_IMM), v128.load(t), v128.load(load<u16>(r, R_INDEX)), false));
        r += RECORD_SIZE;
        continue;
      case SSE_PACKED_M:
        t = readHost<v128>(r);
        if (!t || t & 15 || !isUsable()) {
          t = 0;
          break;
        }
        v128.store(
          register(r, R_REG),
          packed(load<u32>(r, R_IMM), v128.load(register(r, R_REG)), v128.load(t), false),
        );
        r += RECORD_SIZE;
        continue;
      case SSE_SHIFT:
        if (!isUsable()) {
          t = 0;
          break;
        }
        t = load<u16>(r, R_BASE);
        v128.store(t, shift(load<u32>(r, R_DISP), v128.load(t), u64(load<u8>(r, R_IMM))));
        r += RECORD_SIZE;
        continue;
      case SSE_PSHUFD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        shuffleDoublewords(load<u16>(r, R_BASE), load<u16>(r, R_INDEX), load<u8>(r, R_IMM));
        r += RECORD_SIZE;
        continue;
      case SSE_CVTSI2SD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        store<f64>(load<u16>(r, R_BASE), f64(load<i32>(load<u16>(r, R_RM))));
        r += RECORD_SIZE;
        continue;
      case SSE_CVTTSD2SI:
        if (!isUsable() || !isPlainConversion(load<f64>(load<u16>(r, R_INDEX)))) {
          t = 0;
          break;
        }
        setReg<u32>(r, u32(i32(load<f64>(load<u16>(r, R_INDEX)))));
        r += RECORD_SIZE;
        continue;
      case SSE_PADDB:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i8x16.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PADDW:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i16x8.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PADDD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i32x4.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PADDQ:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i64x2.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PSUBB:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i8x16.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PSUBW:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i16x8.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PSUBD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i32x4.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PSUBQ:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i64x2.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PAND:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, v128.and(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PANDN:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, v128.andnot(xmmSource(r), xmmDestination(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_POR:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, v128.or(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PXOR:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, v128.xor(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PCMPEQB:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i8x16.eq(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PCMPEQD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i32x4.eq(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PUNPCKLBW:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, unpackLowB(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_PMULUDQ:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, multiplyEven(xmmDestination(r), xmmSource(r), false));
        r += RECORD_SIZE;
        continue;
      case SSE_PMADDWD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i32x4.dot_i16x8_s(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case SSE_UNPCKLPD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, i64x2.shuffle(xmmDestination(r), xmmSource(r), 0, 2));
        r += RECORD_SIZE;
        continue;
      case SSE_PSLLD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, load<u8>(r, R_IMM) > 31 ? i64x2.splat(0) : i32x4.shl(xmmDestination(r), load<u8>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case SSE_PSRLD:
        if (!isUsable()) {
          t = 0;
          break;
        }
        setXmmDestination(r, load<u8>(r, R_IMM) > 31 ? i64x2.splat(0) : i32x4.shr_u(xmmDestination(r), load<u8>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case X87_TWO:
        if (!fastTwo(r) && !quickTwo(r)) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case X87_PUSH:
        if (!fastPush(r) && !quickPush(r)) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case X87_OTHER:
        if (!quickOther(r)) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case X87_READ:
        next = address(r);
        t = hostOfBytes(load<u16>(r, R_SEGMENT), next, operandBytes(r), SEGMENT_READ_END, 0);
        if (!t || (!fastRead(r, next, t) && !quickRead(r, next, t))) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case X87_WRITE:
        next = address(r);
        t = hostOfBytes(load<u16>(r, R_SEGMENT), next, operandBytes(r), SEGMENT_WRITE_END, TLB_WRITE);
        if (!t || (!fastWrite(r, next, t) && !quickWrite(r, next, t))) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      case REPEAT:
        if (!repeatQuickly(r)) {
          t = 0;
          break;
        }
        r += RECORD_SIZE;
        continue;
      default:
        t = 0;
    }
    if (!t) {
      current = r;
      if (mayRefill(r)) {
        t = refill(r);
        if (t) {
          r = t;
          continue;
        }
      }
      t = faulted ? 0 : execute(r);
      if (faulted) {
        t = faultOnwards(r);
        if (!t) return;
      } else if (leave) {
        leaveAfter(r);
        return;
      } else if (!t) {
        r += RECORD_SIZE;
        continue;
      }
    }
    // enter the block at t: pay for all of it, or look outside
    const cycles = cyclesLeft - i64(load<u32>(t, R_COST));
    const instructions = COUNT_INSTRUCTIONS ? instructionsLeft - i64(load<u8>(t, R_COUNT)) : 0;
    r = t;
    if ((cycles | instructions) < 0) {
      leaveRefused(r);
      return;
    }
    cyclesLeft = cycles;
    if (COUNT_INSTRUCTIONS) instructionsLeft = instructions;
  }
}
