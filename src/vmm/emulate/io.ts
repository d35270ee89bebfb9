// Port I/O of the guest against its virtual chips: permission by CPL, IOPL and the I/O permission bitmap of its TSS,
// IN, OUT, INS, OUTS (SDM Vol. 1 "Input/Output").

import type { AccessSize } from '../host-access.ts';
import { GuestFault, VECTOR_GP } from '../host-access.ts';
import { ECX, EDI, EDX, ESI, FLAG_DF } from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import type { GuestInstruction } from './instruction.ts';
import { readRegister, writeRegister } from './operands.ts';
import { segmentLinear } from './segments.ts';
import type { SystemHandler } from './system.ts';

/** Work of the VMM around one port access: find the chip, call it. */
const DEVICE_WORK = 40;

/** Throws #GP(0) unless the guest may touch the ports. */
function checkPorts(context: GuestContext, port: number, size: number): void {
  const { vcpu, memory } = context;
  if (vcpu.cpl <= vcpu.iopl) return;
  const { tr } = vcpu;
  if ((tr.rights & 0xd) !== 9 || tr.limit < 103) throw new GuestFault(VECTOR_GP, 0);
  const at = memory.read((tr.base + 102) >>> 0, 2) + (port >>> 3);
  if (at + 1 > tr.limit) throw new GuestFault(VECTOR_GP, 0);
  const bits = memory.read((tr.base + at) >>> 0, 2) >>> (port & 7);
  if (bits & ((1 << size) - 1)) throw new GuestFault(VECTOR_GP, 0);
}

function size(instruction: GuestInstruction): AccessSize {
  return instruction.form.opcode & 1 ? instruction.operandSize : 1;
}

function port(context: GuestContext, instruction: GuestInstruction): number {
  return instruction.immediateSize === 1 ? instruction.immediate & 0xff : context.reg(EDX) & 0xffff;
}

/** Reads a port of the virtual chips. */
export function portIn(context: GuestContext, number: number, bytes: AccessSize): number {
  context.access.charge('alu', DEVICE_WORK);
  return context.domain.platform.portRead(number, bytes) >>> 0;
}

/** Writes a port of the virtual chips. */
export function portOut(context: GuestContext, number: number, bytes: AccessSize, value: number): void {
  context.access.charge('alu', DEVICE_WORK);
  context.domain.platform.portWrite(number, bytes, value);
}

/** One element per call; a repeated instruction stays at its EIP until ECX is 0. */
function stringIo(context: GuestContext, instruction: GuestInstruction): void {
  const bytes = size(instruction);
  const isIn = instruction.op === 'ins';
  const narrow = instruction.addressSize === 2;
  const mask = narrow ? 0xffff : 0xffff_ffff;
  const count = context.reg(ECX) & mask;
  if (instruction.repeat !== 0 && count === 0) return;
  const number = context.reg(EDX) & 0xffff;
  checkPorts(context, number, bytes);
  const pointer = isIn ? EDI : ESI;
  const segment = isIn ? 0 : instruction.override >= 0 ? instruction.override : 3;
  const linear = segmentLinear(context, segment, (context.reg(pointer) & mask) >>> 0, bytes, isIn);
  const user = context.vcpu.cpl === 3;
  if (isIn) {
    context.memory.probeWrite(linear, bytes, user);
    context.memory.write(linear, bytes, portIn(context, number, bytes), user);
  } else {
    portOut(context, number, bytes, context.memory.read(linear, bytes, user));
  }
  const step = context.flags & FLAG_DF ? -bytes : bytes;
  writeRegister(context, pointer, narrow ? 2 : 4, context.reg(pointer) + step);
  if (instruction.repeat !== 0) {
    writeRegister(context, ECX, narrow ? 2 : 4, count - 1);
    if (count - 1 !== 0) context.eip = (context.eip - instruction.length) >>> 0;
  }
}

/** Handlers by operation name. */
export const IO_HANDLERS: Readonly<Record<string, SystemHandler>> = {
  in: (context, instruction) => {
    const number = port(context, instruction);
    const bytes = size(instruction);
    checkPorts(context, number, bytes);
    writeRegister(context, 0, bytes, portIn(context, number, bytes));
  },
  out: (context, instruction) => {
    const number = port(context, instruction);
    const bytes = size(instruction);
    checkPorts(context, number, bytes);
    portOut(context, number, bytes, readRegister(context, 0, bytes));
  },
  ins: stringIo,
  outs: stringIo,
};
