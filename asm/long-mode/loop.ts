// The hot loop of 64-bit code: as asm/dispatch.ts for 32-bit code, with a switch of its own, so that neither mode makes the
// other's function longer. A case that cannot go its fast way breaks out of the switch with
// t = 0, and the generic handler does the whole instruction again from the start; a branch breaks out with t = the record to
// go on with. An address that is not canonical matches no TLB entry.
import { GPR, TLB_WRITE } from '../layout';
import { findLinked64, findTarget64 } from '../jumps';
import { COUNT_INSTRUCTIONS } from '../constants';
import { execute } from '../execute';
import { overflow, parity, sign, zero } from '../flags';
import { current, cyclesLeft, faulted, instructionsLeft, leave, tlbBase } from '../globals';
import { leaveAfter, leaveBefore, leaveRefused } from '../leave';
import { adc, add, and, dec, inc, neg, not, or, sbb, sub, xor } from '../ops/arithmetic';
import { below, belowOrEqual, condition, less, lessOrEqual } from '../ops/condition';
import { imul, mul } from '../ops/multiply';
import { rol, ror, sar, shl, shr } from '../ops/shift';
import { mayRefillLong, refillLong } from '../refill';
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
  RECORD_SIZE,
  recordNextRip,
} from '../record';
import { operandBytes } from '../fpu/hot';
import { fastPush, fastRead, fastTwo, fastWrite } from '../fpu/fast';
import { quickOther, quickPush, quickRead, quickTwo, quickWrite } from '../fpu/quick';
import { shuffleDoublewords } from '../simd/fast';
import { repeatQuickly } from '../string-quick';
import { isUsable, register } from '../simd/hot';
import { multiplyEven, packed, shift, unpackLowB } from '../simd/packed';
import { doubles, isPlainConversion, packedDoubles, quickArithmetic, scalarDoubles } from '../simd/quick';
import { faultOnwards } from '../system/onwards';
import * as hot from './hot';

const RSP: usize = GPR + 32;
const RBP: usize = GPR + 40;

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
/** The immediate; 32 bits sign-extend to 64. */
// @ts-ignore: decorator
@inline
function imm<T>(r: usize): T {
  if (sizeof<T>() == 8) return <T>load<i32>(r, R_IMM);
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

/** Effective address; the base of RIP-relative ones is PAGE_RIP. The marks in R_SCALE lie above the bits of a shift count. */
// @ts-ignore: decorator
@inline
function address(r: usize): u64 {
  return (
    load<u64>(load<u16>(r, R_BASE)) +
    (load<u64>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE)) +
    u64(i64(load<i32>(r, R_DISP)))
  );
}

/** Host address of `size` bytes through the TLB array at offset `array`, 0 if it has to take the slow path. */
// @ts-ignore: decorator
@inline
function hostOfBytes(linear: u64, size: u32, array: usize): usize {
  const entry = tlbBase + array + ((u32(linear) >> 6) & 0xffc0);
  if (load<u64>(entry) != ((linear + (size - 1)) & ~0xfff)) return 0;
  return u32(linear) + load<u32>(entry, 8);
}
/** The same for an access of T. */
// @ts-ignore: decorator
@inline
function hostOf<T>(linear: u64, array: usize): usize {
  return hostOfBytes(linear, sizeof<T>(), array);
}
// @ts-ignore: decorator
@inline
function readHost<T>(r: usize): usize {
  return hostOf<T>(address(r), 0);
}
// @ts-ignore: decorator
@inline
function writeHost<T>(r: usize): usize {
  return hostOf<T>(address(r), TLB_WRITE);
}
/** Where a push would write. */
// @ts-ignore: decorator
@inline
function pushHost(): usize {
  return hostOf<u64>(load<u64>(RSP) - 8, TLB_WRITE);
}
// @ts-ignore: decorator
@inline
function movePointer(n: i64): void {
  store<u64>(RSP, load<u64>(RSP) + u64(n));
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

/** Executes blocks from record `r`, whose block has been paid for, until something has to be looked at outside. */
export function dispatchLong(start: usize): void {
  let r = start;
  let t: usize = 0;
  let h: usize = 0;
  let value: u64 = 0;
  let next: u64 = 0;
  for (;;) {
    t = 0;
    switch (u32(load<u16>(r, R_OP))) {
      case hot.L_DEAD:
        leaveBefore(r);
        return;
      case hot.L_BREAK:
        leaveBefore(r);
        return;
      case hot.L_END:
        t = load<u32>(r, R_LINK);
        break;
      case hot.ADD32_RR:
        setDestination<u32>(r, add<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD32_RI:
        setDestination<u32>(r, add<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, add<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, add<u32>(load<u32>(h), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, add<u32>(load<u32>(h), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR32_RR:
        setDestination<u32>(r, or<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR32_RI:
        setDestination<u32>(r, or<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, or<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.OR32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, or<u32>(load<u32>(h), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, or<u32>(load<u32>(h), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADC32_RR:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADC32_RI:
        setDestination<u32>(r, adc<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SBB32_RR:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SBB32_RI:
        setDestination<u32>(r, sbb<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND32_RR:
        setDestination<u32>(r, and<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND32_RI:
        setDestination<u32>(r, and<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, and<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.AND32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, and<u32>(load<u32>(h), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, and<u32>(load<u32>(h), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB32_RR:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB32_RI:
        setDestination<u32>(r, sub<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, sub<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, sub<u32>(load<u32>(h), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, sub<u32>(load<u32>(h), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR32_RR:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), source<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR32_RI:
        setDestination<u32>(r, xor<u32>(destination<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, xor<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, xor<u32>(load<u32>(h), reg<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, xor<u32>(load<u32>(h), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.CMP32_RR:
        sub<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP32_RI:
        sub<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        sub<u32>(reg<u32>(r), load<u32>(h));
        r += RECORD_SIZE;
        continue;
      case hot.CMP32_MR:
        h = readHost<u32>(r);
        if (!h) break;
        sub<u32>(load<u32>(h), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP32_MI:
        h = readHost<u32>(r);
        if (!h) break;
        sub<u32>(load<u32>(h), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.ADD64_RR:
        setDestination<u64>(r, add<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD64_RI:
        setDestination<u64>(r, add<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, add<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, add<u64>(load<u64>(h), reg<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADD64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, add<u64>(load<u64>(h), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR64_RR:
        setDestination<u64>(r, or<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR64_RI:
        setDestination<u64>(r, or<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, or<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.OR64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, or<u64>(load<u64>(h), reg<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.OR64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, or<u64>(load<u64>(h), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADC64_RR:
        setDestination<u64>(r, adc<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.ADC64_RI:
        setDestination<u64>(r, adc<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SBB64_RR:
        setDestination<u64>(r, sbb<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SBB64_RI:
        setDestination<u64>(r, sbb<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND64_RR:
        setDestination<u64>(r, and<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND64_RI:
        setDestination<u64>(r, and<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, and<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.AND64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, and<u64>(load<u64>(h), reg<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.AND64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, and<u64>(load<u64>(h), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB64_RR:
        setDestination<u64>(r, sub<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB64_RI:
        setDestination<u64>(r, sub<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, sub<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, sub<u64>(load<u64>(h), reg<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SUB64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, sub<u64>(load<u64>(h), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR64_RR:
        setDestination<u64>(r, xor<u64>(destination<u64>(r), source<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR64_RI:
        setDestination<u64>(r, xor<u64>(destination<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, xor<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, xor<u64>(load<u64>(h), reg<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.XOR64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, xor<u64>(load<u64>(h), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.CMP64_RR:
        sub<u64>(destination<u64>(r), source<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP64_RI:
        sub<u64>(destination<u64>(r), imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        sub<u64>(reg<u64>(r), load<u64>(h));
        r += RECORD_SIZE;
        continue;
      case hot.CMP64_MR:
        h = readHost<u64>(r);
        if (!h) break;
        sub<u64>(load<u64>(h), reg<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP64_MI:
        h = readHost<u64>(r);
        if (!h) break;
        sub<u64>(load<u64>(h), imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP8_RR:
        sub<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP8_RI:
        sub<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP8_RM:
        h = readHost<u8>(r);
        if (!h) break;
        sub<u8>(reg<u8>(r), load<u8>(h));
        r += RECORD_SIZE;
        continue;
      case hot.CMP8_MR:
        h = readHost<u8>(r);
        if (!h) break;
        sub<u8>(load<u8>(h), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMP8_MI:
        h = readHost<u8>(r);
        if (!h) break;
        sub<u8>(load<u8>(h), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST8_RR:
        and<u8>(destination<u8>(r), source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST8_RI:
        and<u8>(destination<u8>(r), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST8_MR:
        h = readHost<u8>(r);
        if (!h) break;
        and<u8>(load<u8>(h), reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST8_MI:
        h = readHost<u8>(r);
        if (!h) break;
        and<u8>(load<u8>(h), imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST32_RR:
        and<u32>(destination<u32>(r), source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST32_RI:
        and<u32>(destination<u32>(r), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST32_MR:
        h = readHost<u32>(r);
        if (!h) break;
        and<u32>(load<u32>(h), reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST32_MI:
        h = readHost<u32>(r);
        if (!h) break;
        and<u32>(load<u32>(h), imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST64_RR:
        and<u64>(destination<u64>(r), source<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST64_RI:
        and<u64>(destination<u64>(r), imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST64_MR:
        h = readHost<u64>(r);
        if (!h) break;
        and<u64>(load<u64>(h), reg<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.TEST64_MI:
        h = readHost<u64>(r);
        if (!h) break;
        and<u64>(load<u64>(h), imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV8_RR:
        setDestination<u8>(r, source<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV8_RI:
        setDestination<u8>(r, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV8_RM:
        h = readHost<u8>(r);
        if (!h) break;
        setReg<u8>(r, load<u8>(h));
        r += RECORD_SIZE;
        continue;
      case hot.MOV8_MR:
        h = writeHost<u8>(r);
        if (!h) break;
        store<u8>(h, reg<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV8_MI:
        h = writeHost<u8>(r);
        if (!h) break;
        store<u8>(h, imm<u8>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV16_RR:
        setDestination<u16>(r, source<u16>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV16_RI:
        setDestination<u16>(r, imm<u16>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV16_RM:
        h = readHost<u16>(r);
        if (!h) break;
        setReg<u16>(r, load<u16>(h));
        r += RECORD_SIZE;
        continue;
      case hot.MOV16_MR:
        h = writeHost<u16>(r);
        if (!h) break;
        store<u16>(h, reg<u16>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV16_MI:
        h = writeHost<u16>(r);
        if (!h) break;
        store<u16>(h, imm<u16>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV32_RR:
        setDestination<u32>(r, source<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV32_RI:
        setDestination<u32>(r, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, load<u32>(h));
        r += RECORD_SIZE;
        continue;
      case hot.MOV32_MR:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV32_MI:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, imm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_RR:
        setDestination<u64>(r, source<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_RI:
        setDestination<u64>(r, imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, load<u64>(h));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_MR:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, reg<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_MI:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, imm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.MOV64_RI64:
        setDestination<u64>(r, u64(load<u32>(r, R_IMM)) | (u64(load<u32>(r, R_DISP)) << 32));
        r += RECORD_SIZE;
        continue;
      case hot.MOVZX8_RR:
        setDestination<u32>(r, u32(source<u8>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVZX8_RM:
        h = readHost<u8>(r);
        if (!h) break;
        setReg<u32>(r, u32(load<u8>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVZX16_RR:
        setDestination<u32>(r, u32(source<u16>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVZX16_RM:
        h = readHost<u16>(r);
        if (!h) break;
        setReg<u32>(r, u32(load<u16>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX8_32_RR:
        setDestination<u32>(r, u32(source<i8>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX8_32_RM:
        h = readHost<i8>(r);
        if (!h) break;
        setReg<u32>(r, u32(load<i8>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX16_32_RR:
        setDestination<u32>(r, u32(source<i16>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX16_32_RM:
        h = readHost<i16>(r);
        if (!h) break;
        setReg<u32>(r, u32(load<i16>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX8_64_RR:
        setDestination<u64>(r, u64(source<i8>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX8_64_RM:
        h = readHost<i8>(r);
        if (!h) break;
        setReg<u64>(r, u64(load<i8>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX16_64_RR:
        setDestination<u64>(r, u64(source<i16>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSX16_64_RM:
        h = readHost<i16>(r);
        if (!h) break;
        setReg<u64>(r, u64(load<i16>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSXD_RR:
        setDestination<u64>(r, u64(source<i32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MOVSXD_RM:
        h = readHost<i32>(r);
        if (!h) break;
        setReg<u64>(r, u64(load<i32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.LEA32:
        setReg<u32>(r, u32(address(r)));
        r += RECORD_SIZE;
        continue;
      case hot.LEA64:
        setReg<u64>(r, address(r));
        r += RECORD_SIZE;
        continue;
      case hot.INC32_R:
        setRm<u32>(r, inc<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.DEC32_R:
        setRm<u32>(r, dec<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.INC32_M:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, inc<u32>(load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.DEC32_M:
        h = writeHost<u32>(r);
        if (!h) break;
        store<u32>(h, dec<u32>(load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.NEG32_R:
        setRm<u32>(r, neg<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.NOT32_R:
        setRm<u32>(r, not<u32>(rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.INC64_R:
        setRm<u64>(r, inc<u64>(rm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.DEC64_R:
        setRm<u64>(r, dec<u64>(rm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.INC64_M:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, inc<u64>(load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.DEC64_M:
        h = writeHost<u64>(r);
        if (!h) break;
        store<u64>(h, dec<u64>(load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.NEG64_R:
        setRm<u64>(r, neg<u64>(rm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.NOT64_R:
        setRm<u64>(r, not<u64>(rm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SHL32_RI:
        setDestination<u32>(r, shl<u32>(destination<u32>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SHR32_RI:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SAR32_RI:
        setDestination<u32>(r, sar<u32>(destination<u32>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SHL32_RC:
        setDestination<u32>(r, shl<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.SHR32_RC:
        setDestination<u32>(r, shr<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.SAR32_RC:
        setDestination<u32>(r, sar<u32>(destination<u32>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.ROL32_RI:
        setDestination<u32>(r, rol<u32>(destination<u32>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.ROR32_RI:
        setDestination<u32>(r, ror<u32>(destination<u32>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SHL64_RI:
        setDestination<u64>(r, shl<u64>(destination<u64>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SHR64_RI:
        setDestination<u64>(r, shr<u64>(destination<u64>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SAR64_RI:
        setDestination<u64>(r, sar<u64>(destination<u64>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SHL64_RC:
        setDestination<u64>(r, shl<u64>(destination<u64>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.SHR64_RC:
        setDestination<u64>(r, shr<u64>(destination<u64>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.SAR64_RC:
        setDestination<u64>(r, sar<u64>(destination<u64>(r), load<u8>(GPR + 8)));
        r += RECORD_SIZE;
        continue;
      case hot.ROL64_RI:
        setDestination<u64>(r, rol<u64>(destination<u64>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.ROR64_RI:
        setDestination<u64>(r, ror<u64>(destination<u64>(r), load<u32>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL32_RR:
        setReg<u32>(r, imul<u32>(reg<u32>(r), rm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL32_RM:
        h = readHost<u32>(r);
        if (!h) break;
        setReg<u32>(r, imul<u32>(reg<u32>(r), load<u32>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL32_RRI:
        setReg<u32>(r, imul<u32>(rm<u32>(r), imm<u32>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MUL32_R:
        mul<u32>(rm<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL64_RR:
        setReg<u64>(r, imul<u64>(reg<u64>(r), rm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL64_RM:
        h = readHost<u64>(r);
        if (!h) break;
        setReg<u64>(r, imul<u64>(reg<u64>(r), load<u64>(h)));
        r += RECORD_SIZE;
        continue;
      case hot.IMUL64_RRI:
        setReg<u64>(r, imul<u64>(rm<u64>(r), imm<u64>(r)));
        r += RECORD_SIZE;
        continue;
      case hot.MUL64_R:
        mul<u64>(rm<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CDQ:
        store<u64>(GPR + 16, u64(u32(load<i32>(GPR) >> 31)));
        r += RECORD_SIZE;
        continue;
      case hot.CQO:
        store<i64>(GPR + 16, load<i64>(GPR) >> 63);
        r += RECORD_SIZE;
        continue;
      case hot.CDQE:
        store<i64>(GPR, i64(load<i32>(GPR)));
        r += RECORD_SIZE;
        continue;
      case hot.NOP:
        r += RECORD_SIZE;
        continue;
      case hot.SETCC_R:
        store<u8>(load<u16>(r, R_RM), u8(condition(load<u32>(r, R_IMM))));
        r += RECORD_SIZE;
        continue;
      case hot.CMOV32_RR:
        setReg<u32>(r, condition(load<u32>(r, R_IMM)) ? rm<u32>(r) : reg<u32>(r));
        r += RECORD_SIZE;
        continue;
      case hot.CMOV64_RR:
        setReg<u64>(r, condition(load<u32>(r, R_IMM)) ? rm<u64>(r) : reg<u64>(r));
        r += RECORD_SIZE;
        continue;
      case hot.PUSH_R:
        h = pushHost();
        if (!h) break;
        store<u64>(h, rm<u64>(r));
        movePointer(-8);
        r += RECORD_SIZE;
        continue;
      case hot.PUSH_I:
        h = pushHost();
        if (!h) break;
        store<u64>(h, imm<u64>(r));
        movePointer(-8);
        r += RECORD_SIZE;
        continue;
      case hot.PUSH_M:
        h = readHost<u64>(r);
        if (!h) break;
        value = load<u64>(h);
        h = pushHost();
        if (!h) break;
        store<u64>(h, value);
        movePointer(-8);
        r += RECORD_SIZE;
        continue;
      case hot.POP_R:
        h = hostOf<u64>(load<u64>(RSP), 0);
        if (!h) break;
        value = load<u64>(h);
        movePointer(8);
        setRm<u64>(r, value);
        r += RECORD_SIZE;
        continue;
      case hot.LEAVE:
        value = load<u64>(RBP);
        h = hostOf<u64>(value, 0);
        if (!h) break;
        store<u64>(RSP, value + 8);
        store<u64>(RBP, load<u64>(h));
        r += RECORD_SIZE;
        continue;
      case hot.CALL:
        h = pushHost();
        if (!h) break;
        value = recordNextRip(r);
        t = load<u32>(r, R_LINK);
        if (!t) t = findLinked64(r, value + imm<u64>(r), R_LINK);
        if (!t) break;
        store<u64>(h, value);
        movePointer(-8);
        break;
      case hot.RET:
        h = hostOf<u64>(load<u64>(RSP), 0);
        if (!h) break;
        t = findTarget64(load<u64>(h));
        if (t) movePointer(8 + i64(load<u32>(r, R_IMM)));
        break;
      case hot.JMP:
        t = load<u32>(r, R_LINK);
        if (!t) t = findLinked64(r, recordNextRip(r) + imm<u64>(r), R_LINK);
        break;
      case hot.JMP_R:
        t = findTarget64(rm<u64>(r));
        break;
      case hot.JMP_M:
        h = readHost<u64>(r);
        if (h) t = findTarget64(load<u64>(h));
        break;
      case hot.CALL_R:
        h = pushHost();
        if (!h) break;
        value = recordNextRip(r);
        t = findTarget64(rm<u64>(r));
        if (!t) break;
        store<u64>(h, value);
        movePointer(-8);
        break;
      case hot.CALL_M:
        h = readHost<u64>(r);
        if (!h) break;
        next = load<u64>(h);
        h = pushHost();
        if (!h) break;
        value = recordNextRip(r);
        t = findTarget64(next);
        if (!t) break;
        store<u64>(h, value);
        movePointer(-8);
        break;
      case hot.JO:
        if (overflow()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JNO:
        if (overflow()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JB:
        if (below()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JAE:
        if (below()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JE:
        if (zero()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JNE:
        if (zero()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JBE:
        if (belowOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JA:
        if (belowOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JS:
        if (sign()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JNS:
        if (sign()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JP:
        if (parity()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JNP:
        if (parity()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JL:
        if (less()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JGE:
        if (less()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.JLE:
        if (lessOrEqual()) t = load<u32>(r, R_LINK);
        else t = load<u32>(r, R_FALL);
        break;
      case hot.JG:
        if (lessOrEqual()) t = load<u32>(r, R_FALL);
        else t = load<u32>(r, R_LINK);
        break;
      case hot.SSE_MOVE:
        if (!isUsable()) break;
        v128.store(load<u16>(r, R_BASE), v128.load(load<u16>(r, R_INDEX)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_LOAD_ALIGNED:
        h = readHost<v128>(r);
        if (!h || h & 15 || !isUsable()) break;
        v128.store(register(r, R_REG), v128.load(h));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_LOAD:
        h = readHost<v128>(r);
        if (!h || !isUsable()) break;
        v128.store(register(r, R_REG), v128.load(h));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_STORE_ALIGNED:
        h = writeHost<v128>(r);
        if (!h || h & 15 || !isUsable()) break;
        v128.store(h, v128.load(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_STORE:
        h = writeHost<v128>(r);
        if (!h || !isUsable()) break;
        v128.store(h, v128.load(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_LOAD_SINGLE:
        h = readHost<u32>(r);
        if (!h || !isUsable()) break;
        v128.store(register(r, R_REG), v128.load_zero<u32>(h));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_LOAD_DOUBLE:
        h = readHost<u64>(r);
        if (!h || !isUsable()) break;
        v128.store(register(r, R_REG), v128.load_zero<u64>(h));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_STORE_SINGLE:
        h = writeHost<u32>(r);
        if (!h || !isUsable()) break;
        store<u32>(h, load<u32>(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_STORE_DOUBLE:
        h = writeHost<u64>(r);
        if (!h || !isUsable()) break;
        store<u64>(h, load<u64>(register(r, R_REG)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_FLOAT:
        if (!isUsable()) break;
        if (!doubles(load<u32>(r, R_IMM), load<u16>(r, R_BASE), load<u16>(r, R_INDEX))) {
          if (!quickArithmetic(load<u32>(r, R_IMM), load<u16>(r, R_BASE), load<u16>(r, R_INDEX))) break;
        }
        r += RECORD_SIZE;
        continue;
      case hot.SSE_FLOAT_M16:
        h = readHost<v128>(r);
        if (!h || h & 15 || !isUsable()) break;
        if (!packedDoubles(load<u32>(r, R_IMM), register(r, R_REG), h)) {
          if (!quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), h)) break;
        }
        r += RECORD_SIZE;
        continue;
      case hot.SSE_FLOAT_M4:
        h = readHost<u32>(r);
        if (!h || !isUsable() || !quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), h)) break;
        r += RECORD_SIZE;
        continue;
      case hot.SSE_FLOAT_M8:
        h = readHost<u64>(r);
        if (!h || !isUsable()) break;
        if (!scalarDoubles(load<u32>(r, R_IMM), register(r, R_REG), h)) {
          if (!quickArithmetic(load<u32>(r, R_IMM), register(r, R_REG), h)) break;
        }
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PACKED:
        if (!isUsable()) break;
        h = load<u16>(r, R_BASE);
        v128.store(h, packed(load<u32>(r, R_IMM), v128.load(h), v128.load(load<u16>(r, R_INDEX)), false));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PACKED_M:
        h = readHost<v128>(r);
        if (!h || h & 15 || !isUsable()) break;
        v128.store(
          register(r, R_REG),
          packed(load<u32>(r, R_IMM), v128.load(register(r, R_REG)), v128.load(h), false),
        );
        r += RECORD_SIZE;
        continue;
      case hot.SSE_SHIFT:
        if (!isUsable()) break;
        h = load<u16>(r, R_BASE);
        v128.store(h, shift(load<u32>(r, R_DISP), v128.load(h), u64(load<u8>(r, R_IMM))));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSHUFD:
        if (!isUsable()) break;
        shuffleDoublewords(load<u16>(r, R_BASE), load<u16>(r, R_INDEX), load<u8>(r, R_IMM));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_CVTSI2SD:
        if (!isUsable()) break;
        store<f64>(load<u16>(r, R_BASE), f64(load<i32>(load<u16>(r, R_RM))));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_CVTTSD2SI:
        if (!isUsable() || !isPlainConversion(load<f64>(load<u16>(r, R_INDEX)))) break;
        setReg<u32>(r, u32(i32(load<f64>(load<u16>(r, R_INDEX)))));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PADDB:
        if (!isUsable()) break;
        setXmmDestination(r, i8x16.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PADDW:
        if (!isUsable()) break;
        setXmmDestination(r, i16x8.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PADDD:
        if (!isUsable()) break;
        setXmmDestination(r, i32x4.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PADDQ:
        if (!isUsable()) break;
        setXmmDestination(r, i64x2.add(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSUBB:
        if (!isUsable()) break;
        setXmmDestination(r, i8x16.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSUBW:
        if (!isUsable()) break;
        setXmmDestination(r, i16x8.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSUBD:
        if (!isUsable()) break;
        setXmmDestination(r, i32x4.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSUBQ:
        if (!isUsable()) break;
        setXmmDestination(r, i64x2.sub(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PAND:
        if (!isUsable()) break;
        setXmmDestination(r, v128.and(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PANDN:
        if (!isUsable()) break;
        setXmmDestination(r, v128.andnot(xmmSource(r), xmmDestination(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_POR:
        if (!isUsable()) break;
        setXmmDestination(r, v128.or(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PXOR:
        if (!isUsable()) break;
        setXmmDestination(r, v128.xor(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PCMPEQB:
        if (!isUsable()) break;
        setXmmDestination(r, i8x16.eq(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PCMPEQD:
        if (!isUsable()) break;
        setXmmDestination(r, i32x4.eq(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PUNPCKLBW:
        if (!isUsable()) break;
        setXmmDestination(r, unpackLowB(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PMULUDQ:
        if (!isUsable()) break;
        setXmmDestination(r, multiplyEven(xmmDestination(r), xmmSource(r), false));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PMADDWD:
        if (!isUsable()) break;
        setXmmDestination(r, i32x4.dot_i16x8_s(xmmDestination(r), xmmSource(r)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_UNPCKLPD:
        if (!isUsable()) break;
        setXmmDestination(r, i64x2.shuffle(xmmDestination(r), xmmSource(r), 0, 2));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSLLD:
        if (!isUsable()) break;
        setXmmDestination(r, load<u8>(r, R_IMM) > 31 ? i64x2.splat(0) : i32x4.shl(xmmDestination(r), load<u8>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.SSE_PSRLD:
        if (!isUsable()) break;
        setXmmDestination(r, load<u8>(r, R_IMM) > 31 ? i64x2.splat(0) : i32x4.shr_u(xmmDestination(r), load<u8>(r, R_IMM)));
        r += RECORD_SIZE;
        continue;
      case hot.X87_TWO:
        if (!fastTwo(r) && !quickTwo(r)) break;
        r += RECORD_SIZE;
        continue;
      case hot.X87_PUSH:
        if (!fastPush(r) && !quickPush(r)) break;
        r += RECORD_SIZE;
        continue;
      case hot.X87_OTHER:
        if (!quickOther(r)) break;
        r += RECORD_SIZE;
        continue;
      case hot.X87_READ:
        next = address(r);
        h = hostOfBytes(next, operandBytes(r), 0);
        if (!h || (!fastRead(r, next, h) && !quickRead(r, next, h))) break;
        r += RECORD_SIZE;
        continue;
      case hot.X87_WRITE:
        next = address(r);
        h = hostOfBytes(next, operandBytes(r), TLB_WRITE);
        if (!h || (!fastWrite(r, next, h) && !quickWrite(r, next, h))) break;
        r += RECORD_SIZE;
        continue;
      case hot.REPEAT:
        if (!repeatQuickly(r)) break;
        r += RECORD_SIZE;
        continue;
      default:
        break;
    }
    if (!t) {
      current = r;
      if (mayRefillLong(r)) {
        t = refillLong(r);
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
