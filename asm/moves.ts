// Generic handlers: data movement, exchange, conditional moves and sets, flag instructions without privilege
// (SDM Vol. 2, each instruction's page).
import { GPR } from './layout';
import * as op from './gen/ops';
import { FORM_OPERANDS, OPERAND_WIDTH, WIDTH_B, WIDTH_W } from './gen/tables';
import { faulted } from './globals';
import { changeFlags, carry, DF, setCarry, setStatusFlags, setZero, statusFlags } from './flags';
import { addressMask, effectiveAddress, getRegister32, operandSize, R_RM, segmentNumber } from './record';
import {
  operandBytes,
  operandSlot,
  readAccumulator,
  readMemory,
  readModify,
  readModifyAt,
  readOperand,
  readReg,
  readRm,
  readSlot,
  writeAccumulator,
  writeModified,
  writeOperand,
  writeReg,
  writeSlot,
} from './operand';
import { add, sub } from './ops/arithmetic';
import { condition } from './ops/condition';
import { spin } from './processors/wait';
import { interceptPause } from './vmx/intercepts';
import { finish } from './system/finish';
import { cmpxchg16b } from './long-mode/compare-exchange';

function mov(r: usize, form: usize): void {
  const v = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (!faulted) writeOperand(r, load<u8>(form + FORM_OPERANDS), v);
}

function swapBytes(v: u64, size: u32): u64 {
  if (size == 4) return bswap<u32>(u32(v));
  if (size == 2) return bswap<u16>(u16(v));
  return bswap<u64>(v);
}

function movbe(r: usize, form: usize): void {
  const v = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (!faulted) writeOperand(r, load<u8>(form + FORM_OPERANDS), swapBytes(v, operandSize(r)));
}

/** MOVZX, MOVSX, MOVSXD. */
function extend(operation: u32, r: usize, form: usize): void {
  const second = load<u8>(form + FORM_OPERANDS + 1);
  let v = readOperand(r, second);
  if (faulted) return;
  if (operation == op.OP_MOVSX) {
    const width = load<u8>(OPERAND_WIDTH + second);
    v = u64(width == WIDTH_B ? i64(i8(v)) : width == WIDTH_W ? i64(i16(v)) : i64(i32(v)));
  }
  writeReg(r, operandSize(r), v);
}

function cbw(r: usize): void {
  const size = operandSize(r);
  if (size == 2) writeAccumulator(2, u64(i64(<i8>load<i8>(GPR))));
  else if (size == 4) writeAccumulator(4, u64(i64(load<i16>(GPR))));
  else writeAccumulator(8, u64(i64(load<i32>(GPR))));
}

function cwd(r: usize): void {
  const size = operandSize(r);
  const negative = size == 2 ? load<i16>(GPR) < 0 : size == 4 ? load<i32>(GPR) < 0 : load<i64>(GPR) < 0;
  writeSlot(GPR + 16, size, negative ? u64.MAX_VALUE : 0);
}

function xlat(r: usize): void {
  const ea = (load<u64>(GPR + 24) + load<u8>(GPR)) & addressMask(r);
  const v = readMemory(segmentNumber(r), ea, 1);
  if (!faulted) store<u8>(GPR, u8(v));
}

function xchg(r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const slot = operandSlot(r, load<u8>(form + FORM_OPERANDS + 1));
  const a = readModify(r, first);
  if (faulted) return;
  writeModified(size, readSlot(slot, size));
  if (!faulted) writeSlot(slot, size, a);
}

function addSized(size: u32, a: u64, b: u64): u64 {
  if (size == 4) return add<u32>(u32(a), u32(b));
  if (size == 1) return add<u8>(u8(a), u8(b));
  if (size == 2) return add<u16>(u16(a), u16(b));
  return add<u64>(a, b);
}

function compareSized(size: u32, a: u64, b: u64): void {
  if (size == 4) sub<u32>(u32(a), u32(b));
  else if (size == 1) sub<u8>(u8(a), u8(b));
  else if (size == 2) sub<u16>(u16(a), u16(b));
  else sub<u64>(a, b);
}

function xadd(r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const a = readModify(r, first);
  if (faulted) return;
  const b = readReg(r, size);
  const sum = addSized(size, a, b);
  // the register first: with both operands the same register the sum wins
  writeReg(r, size, a);
  writeModified(size, sum);
}

/** The destination is always written: with the source, or with what it held. */
function cmpxchg(r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const a = readModify(r, first);
  if (faulted) return;
  const accumulator = readAccumulator(size);
  compareSized(size, accumulator, a);
  if (accumulator == a) writeModified(size, readReg(r, size));
  else {
    // only memory is written back: a register destination keeps its upper half
    if (!load<u16>(r, R_RM)) writeModified(size, a);
    writeAccumulator(size, a);
  }
}

function cmpxchg8b(r: usize): void {
  if (operandSize(r) == 8) {
    cmpxchg16b(r);
    return;
  }
  const a = readModifyAt(segmentNumber(r), effectiveAddress(r), 8);
  if (faulted) return;
  const expected = (u64(getRegister32(2)) << 32) | getRegister32(0);
  const equal = a == expected;
  writeModified(8, equal ? (u64(getRegister32(1)) << 32) | getRegister32(3) : a);
  if (faulted) return;
  if (!equal) {
    writeSlot(GPR, 4, a);
    writeSlot(GPR + 16, 4, a >> 32);
  }
  setZero(equal);
}

/** BSWAP; of a 16-bit register it is undefined and gives 0. */
function bswapOp(r: usize): void {
  const size = operandSize(r);
  const slot: usize = load<u16>(r, R_RM);
  writeSlot(slot, size, size == 2 ? 0 : swapBytes(readSlot(slot, size), size));
}

/** The source is read even if the condition is false; a 32-bit destination is zero-extended in any case. */
function cmov(r: usize, n: u32): void {
  const size = operandSize(r);
  const v = readRm(r, size);
  if (!faulted) writeReg(r, size, condition(n) ? v : readReg(r, size));
}

function flagOp(operation: u32): void {
  switch (operation) {
    case op.OP_CLC:
      setCarry(0);
      break;
    case op.OP_STC:
      setCarry(1);
      break;
    case op.OP_CMC:
      setCarry(carry() ^ 1);
      break;
    case op.OP_CLD:
      changeFlags(DF, 0);
      break;
    case op.OP_STD:
      changeFlags(0, DF);
      break;
    case op.OP_LAHF:
      store<u8>(GPR + 1, u8((statusFlags() & 0xd5) | 2));
      break;
    case op.OP_SAHF:
      setStatusFlags((statusFlags() & ~0xd5) | (load<u8>(GPR + 1) & 0xd5));
      break;
    case op.OP_SALC:
      store<u8>(GPR, carry() ? 0xff : 0);
  }
}

export function moveOp(operation: u32, r: usize, form: usize): void {
  if (operation >= op.OP_SETO && operation <= op.OP_SETG) {
    writeOperand(r, load<u8>(form + FORM_OPERANDS), u64(condition(operation - op.OP_SETO)));
    return;
  }
  if (operation >= op.OP_CMOVO && operation <= op.OP_CMOVG) {
    cmov(r, operation - op.OP_CMOVO);
    return;
  }
  if (operation >= op.OP_CLC && operation <= op.OP_SALC) {
    flagOp(operation);
    return;
  }
  switch (operation) {
    case op.OP_MOV:
      mov(r, form);
      break;
    case op.OP_MOVBE:
      movbe(r, form);
      break;
    case op.OP_MOVZX:
    case op.OP_MOVSX:
      extend(operation, r, form);
      break;
    case op.OP_LEA:
      writeReg(r, operandSize(r), effectiveAddress(r));
      break;
    case op.OP_CBW:
      cbw(r);
      break;
    case op.OP_CWD:
      cwd(r);
      break;
    case op.OP_XLAT:
      xlat(r);
      break;
    case op.OP_XCHG:
      xchg(r, form);
      break;
    case op.OP_XADD:
      xadd(r, form);
      break;
    case op.OP_CMPXCHG:
      cmpxchg(r, form);
      break;
    case op.OP_CMPXCHG8B:
      cmpxchg8b(r);
      break;
    case op.OP_BSWAP:
      bswapOp(r);
      break;
    case op.OP_PAUSE:
      if (interceptPause(r)) break;
      spin();
      finish(r);
      break;
    case op.OP_CLFLUSH:
      readMemory(segmentNumber(r), effectiveAddress(r), 1);
      break;
  }
}
