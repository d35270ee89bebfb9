// Generic handlers: the stack (SDM Vol. 2 "PUSH", "POP", "PUSHA/PUSHAD", "POPA/POPAD", "ENTER", "LEAVE").
import { GPR, SS } from './layout';
import * as op from './gen/ops';
import { FORM_OPERANDS } from './gen/tables';
import { faulted } from './globals';
import {
  push,
  pop,
  readStack,
  RSP,
  setStackPointer,
  stackMask,
  writeStack,
  linearForWrite,
  probeWrite,
} from './memory';
import { cpl, immediate, immediate2, operandSize, setRegisterSized } from './record';
import { GP, raise } from './fault';
import { readOperand, readSlot, writeOperand, writeSlot } from './operand';
import { in8086Mode } from './system/mode-8086';

const RBP: usize = GPR + 40;

function pushOp(r: usize, form: usize): void {
  const v = readOperand(r, load<u8>(form + FORM_OPERANDS));
  if (!faulted) push(v, operandSize(r));
}

/** A memory destination addressed by ESP sees it already incremented. */
function popOp(r: usize, form: usize): void {
  const size = operandSize(r);
  const before = load<u64>(RSP);
  const v = pop(size);
  if (faulted) return;
  writeOperand(r, load<u8>(form + FORM_OPERANDS), v);
  if (faulted) store<u64>(RSP, before);
}

/**
 * SP is 7, 9, 11, 13 or 15: a word of PUSHA would straddle the end of the segment. In real-address and virtual-8086 mode that
 * is #GP, not #SS.
 */
function isCrooked(sp: u64): bool {
  return (sp & 0xfff1) == 1 && (sp & 0xe) >= 6 && in8086Mode();
}

function pusha(r: usize): void {
  const size = operandSize(r);
  const mask = stackMask();
  let sp = load<u64>(RSP);
  if (isCrooked(sp)) {
    raise(GP, 0);
    return;
  }
  for (let n: u32 = 0; n < 8; n++) {
    sp = (sp - size) & mask;
    writeStack(sp, readSlot(GPR + (n << 3), size), size);
    if (faulted) return;
  }
  setStackPointer(sp);
}

/** A fault in the middle leaves the registers before it loaded and ESP alone, as processors do. */
function popa(r: usize): void {
  const size = operandSize(r);
  const mask = stackMask();
  const sp = load<u64>(RSP) & mask;
  for (let n: u32 = 0; n < 8; n++) {
    const v = readStack((sp + n * size) & mask, size);
    if (faulted) return;
    if (n != 3) writeSlot(GPR + ((7 - n) << 3), size, v);
  }
  setStackPointer((sp + 8 * size) & mask);
}

/** ENTER: the frame pointer, a display of up to 31 older ones, and room for locals. */
function enter(r: usize): void {
  const size = operandSize(r);
  const mask = stackMask();
  const locals = u64(immediate(r)) & 0xffff;
  const level = immediate2(r) & 31;
  let sp = (load<u64>(RSP) - size) & mask;
  writeStack(sp, load<u64>(RBP), size);
  if (faulted) return;
  // with a 16-bit stack the upper half of ESP goes along
  const frame = sp | (load<u64>(RSP) & ~mask);
  if (level) {
    let bp = load<u64>(RBP);
    for (let n: u32 = 1; n < level; n++) {
      bp = (bp - size) & mask;
      const v = readStack(bp & mask, size);
      if (faulted) return;
      sp = (sp - size) & mask;
      writeStack(sp, v, size);
      if (faulted) return;
    }
    sp = (sp - size) & mask;
    writeStack(sp, frame, size);
    if (faulted) return;
  }
  sp = (sp - locals) & mask;
  // the new top of the stack must be writable
  const linear = linearForWrite(SS, sp, size);
  if (faulted) return;
  probeWrite(linear, size, cpl() == 3);
  if (faulted) return;
  setRegisterSized(5, frame, size);
  setStackPointer(sp);
}

function leaveOp(r: usize): void {
  const size = operandSize(r);
  const mask = stackMask();
  const bp = load<u64>(RBP) & mask;
  const v = readStack(bp, size);
  if (faulted) return;
  setStackPointer((bp + size) & mask);
  setRegisterSized(5, v, size);
}

/** Executes a stack operation; false if it is none of them. */
export function stackOp(operation: u32, r: usize, form: usize): bool {
  switch (operation) {
    case op.OP_PUSH:
      pushOp(r, form);
      return true;
    case op.OP_POP:
      popOp(r, form);
      return true;
    case op.OP_PUSHA:
      pusha(r);
      return true;
    case op.OP_POPA:
      popa(r);
      return true;
    case op.OP_ENTER:
      enter(r);
      return true;
    case op.OP_LEAVE:
      leaveOp(r);
      return true;
  }
  return false;
}
