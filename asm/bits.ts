// Generic handlers: shifts, rotates, bit tests and scans (SDM Vol. 2, each instruction's page).
import * as op from './gen/ops';
import { FORM_OPERANDS, KIND_IMMEDIATE, OPERAND_KIND } from './gen/tables';
import { faulted } from './globals';
import { setCarry, setZero } from './flags';
import { addressMask, effectiveAddress, immediate, isMemory, operandSize, segmentNumber } from './record';
import {
  operandBytes,
  readMemory,
  readModify,
  readModifyAt,
  readOperand,
  readReg,
  readRm,
  writeModified,
  writeOperand,
  writeReg,
} from './operand';
import { shiftBy, shld, shrd } from './ops/shift';
import { countBits, highestBit, lowestBit, lzcnt, tzcnt } from './ops/bit';

function shiftOp(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const count = u32(readOperand(r, load<u8>(form + FORM_OPERANDS + 1)));
  const a = readModify(r, first);
  if (faulted) return;
  // numbers of the encoding: ROL ROR RCL RCR SHL SHR - SAR
  const n = operation == op.OP_SAR ? 7 : operation - op.OP_ROL;
  let v: u64 = 0;
  if (size == 4) v = shiftBy<u32>(n, u32(a), count);
  else if (size == 1) v = shiftBy<u8>(n, u8(a), count);
  else if (size == 2) v = shiftBy<u16>(n, u16(a), count);
  else v = shiftBy<u64>(n, a, count);
  writeModified(size, v);
}

function doubleShiftOp(operation: u32, r: usize, form: usize): void {
  const size = operandSize(r);
  const count = u32(readOperand(r, load<u8>(form + FORM_OPERANDS + 2)));
  const b = readReg(r, size);
  const a = readModify(r, load<u8>(form + FORM_OPERANDS));
  if (faulted) return;
  let v: u64 = 0;
  const isLeft = operation == op.OP_SHLD;
  if (size == 4) v = isLeft ? shld<u32>(u32(a), u32(b), count) : shrd<u32>(u32(a), u32(b), count);
  else if (size == 2) v = isLeft ? shld<u16>(u16(a), u16(b), count) : shrd<u16>(u16(a), u16(b), count);
  else v = isLeft ? shld<u64>(a, b, count) : shrd<u64>(a, b, count);
  writeModified(size, v);
}

/** BT BTS BTR BTC. A register offset reaches memory beyond the operand: it moves the address by whole operands. */
function bitTestOp(operation: u32, r: usize, form: usize): void {
  const size = operandSize(r);
  const bits = size << 3;
  const isImmediate = load<u8>(OPERAND_KIND + load<u8>(form + FORM_OPERANDS + 1)) == KIND_IMMEDIATE;
  const offset = isImmediate ? u64(immediate(r)) : readReg(r, size);
  const bit = offset & u64(bits - 1);
  let a: u64 = 0;
  if (isMemory(r)) {
    let ea = effectiveAddress(r);
    if (!isImmediate) {
      const signed = size == 2 ? i64(i16(offset)) : size == 4 ? i64(i32(offset)) : i64(offset);
      ea = (ea + u64(signed >> (size == 2 ? 4 : size == 4 ? 5 : 6)) * size) & addressMask(r);
    }
    if (operation == op.OP_BT) a = readMemory(segmentNumber(r), ea, size);
    else a = readModifyAt(segmentNumber(r), ea, size);
    if (faulted) return;
  } else a = operation == op.OP_BT ? readRm(r, size) : readModify(r, load<u8>(form + FORM_OPERANDS));
  const mask = (<u64>1) << bit;
  const old = u32((a >> bit) & 1);
  if (operation == op.OP_BTS) writeModified(size, a | mask);
  else if (operation == op.OP_BTR) writeModified(size, a & ~mask);
  else if (operation == op.OP_BTC) writeModified(size, a ^ mask);
  if (!faulted) setCarry(old);
}

/** BSF and BSR: a zero source sets ZF and leaves the destination alone. */
function scanOp(operation: u32, r: usize): void {
  const size = operandSize(r);
  const a = readRm(r, size);
  if (faulted) return;
  setZero(a == 0);
  if (a) writeReg(r, size, operation == op.OP_BSF ? lowestBit<u64>(a) : highestBit<u64>(a));
}

function countOne<T>(operation: u32, a: T): T {
  if (operation == op.OP_TZCNT) return tzcnt<T>(a);
  if (operation == op.OP_LZCNT) return lzcnt<T>(a);
  return countBits<T>(a);
}

function countOp(operation: u32, r: usize, form: usize): void {
  const size = operandSize(r);
  const a = readRm(r, size);
  if (faulted) return;
  let v: u64 = 0;
  if (size == 4) v = countOne<u32>(operation, u32(a));
  else if (size == 2) v = countOne<u16>(operation, u16(a));
  else v = countOne<u64>(operation, a);
  writeOperand(r, load<u8>(form + FORM_OPERANDS), v);
}

export function bitOp(operation: u32, r: usize, form: usize): void {
  if (operation <= op.OP_SAR) shiftOp(operation, r, form);
  else if (operation <= op.OP_SHRD) doubleShiftOp(operation, r, form);
  else if (operation <= op.OP_BTC) bitTestOp(operation, r, form);
  else if (operation <= op.OP_BSR) scanOp(operation, r);
  else countOp(operation, r, form);
}
