// MOV, PUSH and POP of segment registers, LDS LES LFS LGS LSS (SDM Vol. 2 of each).
import { INTERRUPTIBILITY, SS } from '../layout';
import { UD, raise } from '../fault';
import { OPERAND_ES } from '../gen/tables';
import { faulted } from '../globals';
import { push, readStack, RSP, stackMask } from '../memory';
import { readRm, writeReg, writeRm } from '../operand';
import { isMemory, operandSize, regNumber } from '../record';
import { BLOCKED_BY_MOV_SS } from './events';
import { farOffset, farSelector, readFarPointer } from './far';
import { finish } from './finish';
import { formOperand } from './io';
import { loadSegment } from './segment';
import { segmentSelector } from './state';

/** MOV SS and POP SS hold interrupts and debug exceptions off for one instruction. */
function blockAfterStackLoad(): void {
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | BLOCKED_BY_MOV_SS);
}

export function movFromSegment(r: usize): void {
  const seg = regNumber(r);
  if (seg > 5) raise(UD, 0);
  else writeRm(r, isMemory(r) ? 2 : operandSize(r), segmentSelector(seg));
}

export function movToSegment(r: usize): void {
  const seg = regNumber(r);
  if (seg > 5 || seg == 1) {
    raise(UD, 0);
    return;
  }
  const selector = u32(readRm(r, 2));
  if (faulted) return;
  loadSegment(seg, selector);
  if (faulted) return;
  if (seg != SS) return;
  finish(r);
  blockAfterStackLoad();
}

/** The segment register that the opcode itself names. */
function fixedSegment(r: usize): u32 {
  return formOperand(r, 0) - OPERAND_ES;
}

export function pushSegment(r: usize): void {
  push(segmentSelector(fixedSegment(r)), operandSize(r));
}

export function popSegment(r: usize): void {
  const seg = fixedSegment(r);
  const size = operandSize(r);
  const mask = stackMask();
  const pointer = load<u64>(RSP) & mask;
  const selector = u32(readStack(pointer, size)) & 0xffff;
  if (faulted) return;
  loadSegment(seg, selector);
  if (faulted) return;
  // as wide as the stack was that the selector came from
  if (mask == 0xffff) store<u16>(RSP, u16(pointer + size));
  else store<u64>(RSP, (pointer + size) & mask);
  if (seg != SS) return;
  finish(r);
  blockAfterStackLoad();
}

export function loadFarPointer(r: usize, seg: u32): void {
  if (!readFarPointer(r)) return;
  loadSegment(seg, farSelector());
  if (faulted) return;
  writeReg(r, operandSize(r), farOffset());
  if (seg == SS) finish(r);
}
