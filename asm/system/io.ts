// IN, OUT, INS, OUTS: permission, port transfers (SDM Vol. 1 "Input/Output": "I/O Permission Bit Map").
import { TR } from '../layout';
import { publishTime } from '../charge';
import { GP, raise } from '../fault';
import { iopl } from '../flags';
import { FORM_OPERANDS, FORM_SIZE, FORMS, OPERAND_AL, OPERAND_DX } from '../gen/tables';
import { faulted } from '../globals';
import { portRead, portWrite } from '../host';
import { readSystem } from '../memory';
import { mustWait } from '../processors/wait';
import { cpl, getRegister32, immediate, operandSize, R_FORM, setRegisterSized } from '../record';
import { inNonRoot } from '../vmx/non-root';
import { interceptIo } from '../vmx/intercepts';
import { notePortAccess, portBreakpoints } from './debug-registers';
import { isAlone } from './events';
import { finish } from './finish';
import { IO_IMMEDIATE, IO_IN, IO_OUT, noteIo } from './io-restart';
import { inVirtual8086 } from './mode-8086';
import { linear32, RIGHTS_UNUSABLE, segmentBase, segmentLimit, segmentRights } from './state';

/** OPERAND_ constant of operand `i` of the instruction's form. */
export function formOperand(r: usize, i: u32): u32 {
  return load<u8>(FORMS + u32(load<u16>(r, R_FORM)) * FORM_SIZE + FORM_OPERANDS + i);
}

/** Is [port, port + size) allowed now? Raises #GP(0) if not allowed at all. */
export function mayUsePort(port: u32, size: u32): bool {
  const free = cpl() <= iopl() && !inVirtual8086();
  if (free || isInBitmap(port, size)) return !mustWait();
  if (!faulted) raise(GP, 0);
  return false;
}

/** Offset of the I/O permission bit map in the TSS, beyond every limit if it has none. Then `if (faulted) return`. */
export function ioMapBase(): u32 {
  const rights = segmentRights(TR);
  if (rights & RIGHTS_UNUSABLE || (rights & 13) != 9 || segmentLimit(TR) < 103) return u32.MAX_VALUE;
  return u32(readSystem<u16>(linear32(segmentBase(TR) + 102)));
}

/** Looks the ports up in the I/O permission bit map of the (32-bit) TSS. */
function isInBitmap(port: u32, size: u32): bool {
  const map = ioMapBase();
  if (faulted) return false;
  const at = u64(map) + (port >> 3);
  // two bytes are always read, so one byte of ones has to follow the map
  if (at + 1 > u64(segmentLimit(TR))) return false;
  const bits = readSystem<u16>(linear32(segmentBase(TR) + at));
  if (faulted) return false;
  return !((u32(bits) >> (port & 7)) & ((1 << size) - 1));
}

/** Then the run loop has to look whether the device has raised INTR or moved the deadline. */
export function transferIn(port: u32, size: u32): u32 {
  publishTime();
  const value = portRead(port, size);
  if (portBreakpoints) notePortAccess(port, size);
  return size == 4 ? value : value & ((1 << (size << 3)) - 1);
}

/** Like `transferIn`. */
export function transferOut(port: u32, size: u32, value: u32): void {
  publishTime();
  portWrite(port, size, size == 4 ? value : value & ((1 << (size << 3)) - 1));
  if (portBreakpoints) notePortAccess(port, size);
}

function portOf(r: usize, operand: u32): u32 {
  return operand == OPERAND_DX ? getRegister32(2) & 0xffff : u32(immediate(r)) & 0xff;
}

/** May every port be used, and does nobody have to be asked: the bit map, other processors, a VMM? */
// @ts-ignore: decorator
@inline
function isFree(): bool {
  return cpl() <= iopl() && !inVirtual8086() && isAlone() && !inNonRoot();
}

/** IN up to its end. False: it has faulted, or there was a VM exit instead. */
export function readPort(r: usize): bool {
  const size = formOperand(r, 0) == OPERAND_AL ? 1 : min<u32>(operandSize(r), 4);
  const operand = formOperand(r, 1);
  const port = portOf(r, operand);
  const isImmediate = operand != OPERAND_DX;
  if (!isFree()) {
    if (!mayUsePort(port, size) || interceptIo(r, port, size, true, false, false, isImmediate, 0)) return false;
  }
  noteIo(r, port, size, isImmediate ? IO_IN | IO_IMMEDIATE : IO_IN, 0);
  setRegisterSized(0, transferIn(port, size), size);
  return true;
}

/** OUT up to its end. False: it has faulted, or there was a VM exit instead. */
export function writePort(r: usize): bool {
  const operand = formOperand(r, 0);
  const size = formOperand(r, 1) == OPERAND_AL ? 1 : min<u32>(operandSize(r), 4);
  const port = portOf(r, operand);
  const isImmediate = operand != OPERAND_DX;
  if (!isFree()) {
    if (!mayUsePort(port, size) || interceptIo(r, port, size, false, false, false, isImmediate, 0)) return false;
  }
  noteIo(r, port, size, isImmediate ? IO_OUT | IO_IMMEDIATE : IO_OUT, 0);
  transferOut(port, size, getRegister32(0));
  return true;
}

export function portIn(r: usize): void {
  if (readPort(r)) finish(r);
}

export function portOut(r: usize): void {
  if (writePort(r)) finish(r);
}
