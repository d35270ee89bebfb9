// Operands of an emulated instruction: read, write, address (SDM Vol. 2 "Instruction Format"). Sizes are 1, 2 or 4 bytes.

import type { AccessSize } from '../host-access.ts';
import type { GuestContext } from './context.ts';
import { type GuestInstruction, operandOffset, operandSegment } from './instruction.ts';
import { segmentLinear } from './segments.ts';

/** Register operand of the given size; 8-bit registers 4..7 are AH CH DH BH. */
export function readRegister(context: GuestContext, n: number, size: AccessSize): number {
  if (size === 4) return context.reg(n);
  if (size === 2) return context.reg(n) & 0xffff;
  return n < 4 ? context.reg(n) & 0xff : (context.reg(n - 4) >>> 8) & 0xff;
}

/** The other way; the rest of the register stays. */
export function writeRegister(context: GuestContext, n: number, size: AccessSize, value: number): void {
  if (size === 4) context.setReg(n, value >>> 0);
  else if (size === 2) context.setReg(n, ((context.reg(n) & 0xffff_0000) | (value & 0xffff)) >>> 0);
  else if (n < 4) context.setReg(n, ((context.reg(n) & 0xffff_ff00) | (value & 0xff)) >>> 0);
  else context.setReg(n - 4, ((context.reg(n - 4) & 0xffff_00ff) | ((value & 0xff) << 8)) >>> 0);
}

/** Linear address of the memory operand, checked for an access of `size` bytes. */
export function memoryOperand(
  context: GuestContext,
  instruction: GuestInstruction,
  size: number,
  write: boolean,
  plus = 0,
): number {
  const mask = instruction.addressSize === 2 ? 0xffff : 0xffff_ffff;
  const offset = ((operandOffset(instruction, (n) => context.reg(n)) + plus) & mask) >>> 0;
  return segmentLinear(context, operandSegment(instruction), offset, size, write);
}

/** The ModRM.rm operand. */
export function readRm(context: GuestContext, instruction: GuestInstruction, size: AccessSize): number {
  const modrm = instruction.modrm!;
  if (!modrm.isMemory) return readRegister(context, modrm.rm, size);
  return context.memory.read(memoryOperand(context, instruction, size, false), size, context.vcpu.cpl === 3);
}

/** Writes the ModRM.rm operand. @throws GuestFault */
export function writeRm(context: GuestContext, instruction: GuestInstruction, size: AccessSize, value: number): void {
  const modrm = instruction.modrm!;
  if (!modrm.isMemory) writeRegister(context, modrm.rm, size, value);
  else context.memory.write(memoryOperand(context, instruction, size, true), size, value, context.vcpu.cpl === 3);
}
