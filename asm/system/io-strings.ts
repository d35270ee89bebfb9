// INS and OUTS, alone and repeated (SDM Vol. 2 "INS/INSB/INSW/INSD", "OUTS/OUTSB/OUTSW/OUTSD"). Every iteration touches a
// device, so every iteration ends the block: the instruction is executed again until its count is used up.
import { ES } from '../layout';
import { armBreak } from '../breaks';
import { charge } from '../charge';
import { DF, hasFlag } from '../flags';
import { COST_PORT_READ, COST_PORT_WRITE, COST_STRING_ITERATION } from '../gen/costs';
import { OPERAND_XB, OPERAND_YB } from '../gen/tables';
import { faulted } from '../globals';
import { linearForWrite, probeWrite } from '../memory';
import { readMemory, writeMemory } from '../operand';
import {
  addressMask,
  addressSize,
  cpl,
  getRegister,
  getRegister32,
  hasRep,
  operandSize,
  segmentNumber,
  setRegisterSized,
} from '../record';
import { interceptIo } from '../vmx/intercepts';
import { finish, finishLater } from './finish';
import { formOperand, mayUsePort, transferIn, transferOut } from './io';
import { IO_INS, IO_OUTS, noteIo, stringType } from './io-restart';
import { effectiveBase } from '../long-mode/state';
import { linear32 } from './state';

const ECX: u32 = 1;
const ESI: u32 = 6;
const EDI: u32 = 7;

function step(r: usize, register: u32, size: u32): void {
  const delta = hasFlag(DF) ? -i64(size) : i64(size);
  setRegisterSized(register, getRegister(register) + u64(delta), addressSize(r));
}

/** Counts one iteration; the instruction is finished, or its next iteration follows. */
function endIteration(r: usize): void {
  charge(COST_STRING_ITERATION, 1);
  if (!hasRep(r)) {
    finish(r);
    return;
  }
  const left = (getRegister(ECX) - 1) & addressMask(r);
  setRegisterSized(ECX, left, addressSize(r));
  if (left) finishLater(r);
  else finish(r);
}

function isUsedUp(r: usize): bool {
  return hasRep(r) && (getRegister(ECX) & addressMask(r)) == 0;
}

export function ins(r: usize): void {
  if (isUsedUp(r)) {
    finish(r);
    return;
  }
  const size = formOperand(r, 0) == OPERAND_YB ? 1 : min<u32>(operandSize(r), 4);
  const port = getRegister32(2) & 0xffff;
  const ea = getRegister(EDI) & addressMask(r);
  const target = linear32(effectiveBase(ES) + ea);
  if (!mayUsePort(port, size) || interceptIo(r, port, size, true, true, hasRep(r), false, target)) return;
  const linear = linearForWrite(ES, ea, size);
  if (faulted) return;
  // nothing is read from the device unless it can be stored
  probeWrite(linear, size, cpl() == 3);
  if (faulted) return;
  charge(COST_PORT_READ, 1);
  noteIo(r, port, size, stringType(r, IO_INS), target);
  const value = transferIn(port, size);
  armBreak();
  writeMemory(ES, ea, size, value);
  if (faulted) return;
  step(r, EDI, size);
  endIteration(r);
}

export function outs(r: usize): void {
  if (isUsedUp(r)) {
    finish(r);
    return;
  }
  const size = formOperand(r, 1) == OPERAND_XB ? 1 : min<u32>(operandSize(r), 4);
  const port = getRegister32(2) & 0xffff;
  const seg = segmentNumber(r);
  const ea = getRegister(ESI) & addressMask(r);
  const source = linear32(effectiveBase(seg) + ea);
  if (!mayUsePort(port, size) || interceptIo(r, port, size, false, true, hasRep(r), false, source)) return;
  const value = u32(readMemory(seg, ea, size));
  if (faulted) return;
  charge(COST_PORT_WRITE, 1);
  noteIo(r, port, size, stringType(r, IO_OUTS), source);
  transferOut(port, size, value);
  armBreak();
  step(r, ESI, size);
  endIteration(r);
}
