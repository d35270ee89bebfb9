// The interpreter's hot loop: one switch over decoded records with the common 32-bit instructions inlined (ENGINE
// "Recommended design" 1; the length limit of the function matters more than that of the file). A case that cannot go its
// fast way (TLB miss, device, page crossing, unlinked branch, fault) breaks out of the switch with t = 0, and the generic
// handler does the whole instruction again from the start; a branch breaks out with t = the record to go on with.
import { GPR, SEGMENTS, SEGMENT_BASE, SEGMENT_READ_END, SEGMENT_STRIDE, SEGMENT_WRITE_END, SS, TLB_ARRAY_SIZE } from './layout';
import { current, cyclesLeft, faulted, instructionsLeft, leave, tlbBase } from './globals';
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
import { leaveAfter, leaveBefore, leaveFaulted, leaveRefused } from './leave';
import { findTarget } from './blocks';
import { execute } from './execute';
import { adc, add, and, dec, inc, neg, not, or, sbb, sub, xor } from './ops/arithmetic';
import { rol, ror, sar, shl, shr } from './ops/shift';
import { imul, mul } from './ops/multiply';
import { overflow, parity, sign, zero } from './flags';
import { below, belowOrEqual, condition, less, lessOrEqual } from './ops/condition';
import {
  ADC32,
  ADC8,
  ADD32,
  ADD8,
  AND32,
  AND8,
  CALL32,
  CALL32_M,
  CALL32_R,
  CDQ,
  CMOV32_RR,
  CMP32,
  CMP8,
  DEC32_M,
  DEC32_R,
  H_BREAK,
  H_DEAD,
  H_END,
  IMUL32_RM,
  IMUL32_RR,
  IMUL32_RRI,
  INC32_M,
  INC32_R,
  J32,
  JMP32,
  JMP32_M,
  JMP32_R,
  LEA32,
  LEAVE32,
  MI,
  MOV16,
  MOV32,
  MOV8,
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
  OR32,
  OR8,
  POP32_R,
  PUSH32_I,
  PUSH32_M,
  PUSH32_R,
  RET32,
  RI,
  RM,
  ROL32_RI,
  ROR32_RI,
  RR,
  SAR32_RC,
  SAR32_RI,
  SBB32,
  SBB8,
  SETCC_R,
  SHL32_RC,
  SHL32_RI,
  SHR32_RC,
  SHR32_RI,
  SUB32,
  SUB8,
  TEST32,
  TEST8,
  XCHG32_RR,
  XOR32,
  XOR8,
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

/** Host address for a read or write of T at segment:ea, 0 if it has to take the slow path. */
// @ts-ignore: decorator
@inline
function hostOf<T>(cache: usize, ea: u32, bound: usize, array: usize): usize {
  const linear = ea + load<u32>(cache, SEGMENT_BASE);
  const entry = tlbBase + array + ((linear >> 8) & 0x3ff0);
  if (u64(ea) + sizeof<T>() > load<u64>(cache + bound)) return 0;
  if (load<u64>(entry) != u64((linear + (sizeof<T>() - 1)) & 0xfffff000)) return 0;
  return linear + load<u32>(entry, 8);
}
// @ts-ignore: decorator
@inline
function readHost<T>(r: usize): usize {
  return hostOf<T>(load<u16>(r, R_SEGMENT), address(r), SEGMENT_READ_END, 0);
}
// @ts-ignore: decorator
@inline
function writeHost<T>(r: usize): usize {
  return hostOf<T>(load<u16>(r, R_SEGMENT), address(r), SEGMENT_WRITE_END, TLB_ARRAY_SIZE);
}
/** Where a 32-bit push would write. */
// @ts-ignore: decorator
@inline
function pushHost(): usize {
  return hostOf<u32>(SEGMENTS + SS * SEGMENT_STRIDE, load<u32>(RSP) - 4, SEGMENT_WRITE_END, TLB_ARRAY_SIZE);
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
  store<u64>(RSP, u64(load<u32>(RSP) + n));
}

/** Executes blocks from record `r`, whose block has been paid for, until something has to be looked at outside. */
export function dispatch(start: usize): void {
  let r = start;
  let t: usize = 0;
  let value: u32 = 0;
  let next: u32 = 0;
  for (;;) {
    switch (u32(load<u16>(r, R_OP))) {
      case ADD32 + RR:
        setDestination<u32>(r, add<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32 + RI:
        setDestination<u32>(r, add<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, add<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case ADD32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, add<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, add<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32 + RR:
        setDestination<u32>(r, or<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32 + RI:
        setDestination<u32>(r, or<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, or<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case OR32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, or<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case OR32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, or<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32 + RR:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32 + RI:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, adc<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case ADC32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, adc<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, adc<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32 + RR:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32 + RI:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, sbb<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case SBB32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sbb<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sbb<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32 + RR:
        setDestination<u32>(r, and<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32 + RI:
        setDestination<u32>(r, and<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, and<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case AND32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, and<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case AND32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, and<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32 + RR:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32 + RI:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, sub<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case SUB32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sub<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, sub<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32 + RR:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32 + RI:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, xor<u32>(reg<u32>(r), load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case XOR32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, xor<u32>(load<u32>(t), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, xor<u32>(load<u32>(t), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case CMP32 + RR:
        sub<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32 + RI:
        sub<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(reg<u32>(r), load<u32>(t));
        r += RECORD_SIZE;
        continue;
      case CMP32 + MR:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(load<u32>(t), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case CMP32 + MI:
        t = readHost<u32>(r);
        if (!t) break;
        sub<u32>(load<u32>(t), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case ADD8 + RR:
        setDestination<u8>(r, add<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8 + RI:
        setDestination<u8>(r, add<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, add<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case ADD8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, add<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADD8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, add<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8 + RR:
        setDestination<u8>(r, or<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8 + RI:
        setDestination<u8>(r, or<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, or<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case OR8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, or<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case OR8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, or<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8 + RR:
        setDestination<u8>(r, adc<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8 + RI:
        setDestination<u8>(r, adc<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, adc<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case ADC8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, adc<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case ADC8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, adc<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8 + RR:
        setDestination<u8>(r, sbb<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8 + RI:
        setDestination<u8>(r, sbb<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, sbb<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case SBB8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sbb<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SBB8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sbb<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8 + RR:
        setDestination<u8>(r, and<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8 + RI:
        setDestination<u8>(r, and<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, and<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case AND8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, and<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case AND8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, and<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8 + RR:
        setDestination<u8>(r, sub<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8 + RI:
        setDestination<u8>(r, sub<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, sub<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case SUB8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sub<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case SUB8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, sub<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8 + RR:
        setDestination<u8>(r, xor<u8>(destination<u8>(r), source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8 + RI:
        setDestination<u8>(r, xor<u8>(destination<u8>(r), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, xor<u8>(reg<u8>(r), load<u8>(t)));
        r += RECORD_SIZE;
        continue;
      case XOR8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, xor<u8>(load<u8>(t), reg<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case XOR8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, xor<u8>(load<u8>(t), imm<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case CMP8 + RR:
        sub<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8 + RI:
        sub<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(reg<u8>(r), load<u8>(t));
        r += RECORD_SIZE;
        continue;
      case CMP8 + MR:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(load<u8>(t), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case CMP8 + MI:
        t = readHost<u8>(r);
        if (!t) break;
        sub<u8>(load<u8>(t), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32 + RR:
        and<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32 + RI:
        and<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32 + MR:
        t = readHost<u32>(r);
        if (!t) break;
        and<u32>(load<u32>(t), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST32 + MI:
        t = readHost<u32>(r);
        if (!t) break;
        and<u32>(load<u32>(t), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8 + RR:
        and<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8 + RI:
        and<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8 + MR:
        t = readHost<u8>(r);
        if (!t) break;
        and<u8>(load<u8>(t), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case TEST8 + MI:
        t = readHost<u8>(r);
        if (!t) break;
        and<u8>(load<u8>(t), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32 + RR:
        setDestination<u32>(r, source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32 + RI:
        setDestination<u32>(r, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32 + RM:
        t = readHost<u32>(r);
        if (!t) break;
        setReg<u32>(r, load<u32>(t));
        r += RECORD_SIZE;
        continue;
      case MOV32 + MR:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV32 + MI:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8 + RR:
        setDestination<u8>(r, source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8 + RI:
        setDestination<u8>(r, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8 + RM:
        t = readHost<u8>(r);
        if (!t) break;
        setReg<u8>(r, load<u8>(t));
        r += RECORD_SIZE;
        continue;
      case MOV8 + MR:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV8 + MI:
        t = writeHost<u8>(r);
        if (!t) break;
        store<u8>(t, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16 + RR:
        setDestination<u16>(r, source<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16 + RI:
        setDestination<u16>(r, imm<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16 + RM:
        t = readHost<u16>(r);
        if (!t) break;
        setReg<u16>(r, load<u16>(t));
        r += RECORD_SIZE;
        continue;
      case MOV16 + MR:
        t = writeHost<u16>(r);
        if (!t) break;
        store<u16>(t, reg<u16>(r));
        r += RECORD_SIZE;
        continue;
      case MOV16 + MI:
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
      case INC32_M:
        t = writeHost<u32>(r);
        if (!t) break;
        store<u32>(t, inc<u32>(load<u32>(t)));
        r += RECORD_SIZE;
        continue;
      case DEC32_R:
        setRm<u32>(r, dec<u32>(rm<u32>(r)));
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
      case SHL32_RC:
        setDestination<u32>(r, shl<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case SHR32_RI:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case SHR32_RC:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case SAR32_RI:
        setDestination<u32>(r, sar<u32>(destination<u32>(r), imm<u32>(r)));
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
        t = load<u32>(r, R_LINK);
        if (!t) break;
        value = pushHost();
        if (!value) {
          t = 0;
          break;
        }
        store<u32>(value, u32(recordNextRip(r)));
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
      case J32 + 0:
        if (overflow()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 1:
        if (overflow()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 2:
        if (below()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 3:
        if (below()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 4:
        if (zero()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 5:
        if (zero()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 6:
        if (belowOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 7:
        if (belowOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 8:
        if (sign()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 9:
        if (sign()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 10:
        if (parity()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 11:
        if (parity()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 12:
        if (less()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 13:
        if (less()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case J32 + 14:
        if (lessOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case J32 + 15:
        if (lessOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case H_END:
        t = load<u32>(r, R_LINK);
        break;
      case H_DEAD:
        leaveBefore(r);
        return;
      case H_BREAK:
        leaveBefore(r);
        return;
      default:
        t = 0;
    }
    if (!t) {
      current = r;
      t = execute(r);
      if (faulted) {
        leaveFaulted(r);
        return;
      }
      if (leave) {
        leaveAfter(r);
        return;
      }
      if (!t) {
        r += RECORD_SIZE;
        continue;
      }
    }
    // enter the block at t: pay for all of it, or look outside
    const cycles = cyclesLeft - i64(load<u32>(t, R_COST));
    const instructions = instructionsLeft - i64(load<u8>(t, R_COUNT));
    r = t;
    if ((cycles | instructions) < 0) {
      leaveRefused(r);
      return;
    }
    cyclesLeft = cycles;
    instructionsLeft = instructions;
  }
}
