// Instructions that touch a device register or a traced page: any with a ModRM memory operand, moves of AL/EAX, string
// moves and stores, pushes and calls. Arithmetic is not restated here: the instruction is run by the CPU itself, once,
// with its memory operand replaced by bytes of the VMM's, and the result carried back.

import type { AccessSize } from '../host-access.ts';
import { EAX, ECX, EDI, ESI, FLAG_DF } from '../vcpu.ts';
import { type GuestContext, NotEmulated } from './context.ts';
import { type GuestInstruction, operandOffset, operandSegment } from './instruction.ts';
import { memoryOperand, readRegister, readRm, writeRegister, writeRm } from './operands.ts';
import { segmentLinear } from './segments.ts';
import { GuestStack } from './stack.ts';

/** Executes the instruction; `context.eip` is already behind it. */
export function emulateMemoryAccess(context: GuestContext, instruction: GuestInstruction): void {
  const handler = SPECIAL[instruction.op];
  if (handler) handler(context, instruction);
  else throughScratch(context, instruction);
}

/** Size of the ModRM or offset operand from its operand code. */
function operandBytes(instruction: GuestInstruction): AccessSize | 8 {
  if (instruction.op === 'cmpxchg8b') return 8;
  const code = instruction.form.codes.find(({ kind }) => kind === 'rm' || kind === 'memory' || kind === 'offset');
  switch (code?.width) {
    case 'b':
      return 1;
    case 'w':
    case 'x':
      return 2;
    case 'd':
      return 4;
    case 'v':
    case 'z':
    case 'y':
    case 'n':
      return instruction.operandSize;
    default:
      throw new NotEmulated(instruction.op);
  }
}

/** Instructions with a memory operand that must never run on the VMM's own authority. */
function isVmx(instruction: GuestInstruction): boolean {
  return instruction.op.startsWith('vm') || instruction.op.startsWith('inv');
}

/** Runs the instruction on a copy of its memory operand. */
function throughScratch(context: GuestContext, instruction: GuestInstruction): void {
  const { modrm, bytes } = instruction;
  if (!modrm?.isMemory || instruction.repeat !== 0 || isVmx(instruction)) throw new NotEmulated(instruction.op);
  if (instruction.form.map === 1 && (instruction.form.opcode & 0xe7) === 0xa3) {
    bitString(context, instruction);
    return;
  }
  const size = operandBytes(instruction);
  const use = instruction.form.memory ?? (instruction.form.codes[0]?.kind === 'rm' ? 'rw' : 'r');
  if (use === 'address') throw new NotEmulated(instruction.op);
  const writes = use === 'w' || use === 'rw';
  const linear = memoryOperand(context, instruction, size, writes);
  const opcode = bytes.slice(instruction.opcodeAt, instruction.opcodeEnd);
  const code = scratchCode(context, instruction, opcode, modrm.reg, bytes.slice(instruction.immediateAt));
  runOnScratch(context, code, linear, size, use !== 'w', writes);
}

/** BT, BTS, BTR and BTC with the bit's number in a register: it reaches beyond the operand, in both directions. */
function bitString(context: GuestContext, instruction: GuestInstruction): void {
  const modrm = instruction.modrm!;
  const size = instruction.operandSize;
  const mask = instruction.addressSize === 2 ? 0xffff : 0xffff_ffff;
  const wide = readRegister(context, modrm.reg, size);
  const number = size === 2 ? (wide << 16) >> 16 : wide | 0;
  const element = size === 4 ? (number >> 5) * 4 : (number >> 4) * 2;
  const offset = ((operandOffset(instruction, (n) => context.reg(n)) + element) & mask) >>> 0;
  const digit = 4 + ((instruction.form.opcode >> 3) & 3);
  const writes = digit !== 4;
  const linear = segmentLinear(context, operandSegment(instruction), offset, size, writes);
  const code = scratchCode(context, instruction, [0x0f, 0xba], digit, [number & (8 * size - 1)]);
  runOnScratch(context, code, linear, size, true, writes);
}

/** The instruction with the scratch bytes as its operand. SS is the VMM's own flat segment whatever the guest has in DS. */
function scratchCode(
  context: GuestContext,
  instruction: GuestInstruction,
  opcode: Iterable<number>,
  reg: number,
  immediate: Iterable<number>,
): number[] {
  const at = context.scratch;
  const operandPrefix = instruction.operandSize === 2 ? [0x66] : [];
  const address = [at & 0xff, (at >>> 8) & 0xff, (at >>> 16) & 0xff, at >>> 24];
  // 64-bit code has plain addresses of 32 bits behind a SIB byte alone
  if (context.isLongHost) return [0x67, ...operandPrefix, ...opcode, (reg << 3) | 4, 0x25, ...address, ...immediate];
  return [0x36, ...operandPrefix, ...opcode, (reg << 3) | 5, ...address, ...immediate];
}

function runOnScratch(
  context: GuestContext,
  code: readonly number[],
  linear: number,
  size: number,
  reads: boolean,
  writes: boolean,
): void {
  const user = context.vcpu.cpl === 3;
  const unit: AccessSize = size === 8 ? 4 : (size as AccessSize);
  for (let at = 0; at < size && reads; at += unit) {
    context.writeScratch(unit, context.memory.read(linear + at, unit, user), at);
  }
  if (writes) context.memory.probeWrite(linear, size, user);
  context.executeOnBehalf(code);
  for (let at = 0; at < size && writes; at += unit) {
    context.memory.write(linear + at, unit, context.readScratch(unit, at), user);
  }
}

function offsetMove(context: GuestContext, instruction: GuestInstruction): void {
  const { opcode } = instruction.form;
  if (instruction.modrm || instruction.form.map !== 0 || opcode < 0xa0 || opcode > 0xa3) {
    plainMove(context, instruction);
    return;
  }
  const size: AccessSize = opcode & 1 ? instruction.operandSize : 1;
  const offset = instruction.addressSize === 2 ? instruction.immediate & 0xffff : instruction.immediate >>> 0;
  const segment = instruction.override >= 0 ? instruction.override : 3;
  const isStore = (opcode & 2) !== 0;
  const linear = segmentLinear(context, segment, offset, size, isStore);
  const user = context.vcpu.cpl === 3;
  if (isStore) context.memory.write(linear, size, readRegister(context, EAX, size), user);
  else writeRegister(context, EAX, size, context.memory.read(linear, size, user));
}

/** MOV between registers, memory and immediates. */
function plainMove(context: GuestContext, instruction: GuestInstruction): void {
  const { opcode, map } = instruction.form;
  const { modrm } = instruction;
  if (map !== 0 || !modrm) throw new NotEmulated(instruction.op);
  const size: AccessSize = opcode & 1 ? instruction.operandSize : 1;
  if (opcode === 0x88 || opcode === 0x89) writeRm(context, instruction, size, readRegister(context, modrm.reg, size));
  else if (opcode === 0x8a || opcode === 0x8b)
    writeRegister(context, modrm.reg, size, readRm(context, instruction, size));
  else if (opcode === 0xc6 || opcode === 0xc7) writeRm(context, instruction, size, instruction.immediate);
  else throughScratch(context, instruction);
}

/** A repeated instruction does so many elements before the guest may be interrupted: a page of bytes. */
const ELEMENTS_AT_ONCE = 4096;

/** Up to ELEMENTS_AT_ONCE elements; a repeated instruction stays at its EIP until ECX is 0, so a fault is precise. */
function stringMove(context: GuestContext, instruction: GuestInstruction): void {
  if (instruction.repeat === 0) {
    moveElement(context, instruction);
    return;
  }
  const narrow = instruction.addressSize === 2;
  const mask = narrow ? 0xffff : 0xffff_ffff;
  const next = context.eip;
  let left = (context.reg(ECX) & mask) >>> 0;
  // Until the last element is done, EIP is that of the instruction: an element that faults leaves it there.
  for (let done = 0; left > 0 && done < ELEMENTS_AT_ONCE; done++) {
    moveElement(context, instruction);
    left--;
    writeRegister(context, ECX, narrow ? 2 : 4, left);
  }
  context.eip = left === 0 ? next : (next - instruction.length) >>> 0;
}

function moveElement(context: GuestContext, instruction: GuestInstruction): void {
  const bytes: AccessSize = instruction.form.opcode & 1 ? instruction.operandSize : 1;
  const narrow = instruction.addressSize === 2;
  const mask = narrow ? 0xffff : 0xffff_ffff;
  const width = narrow ? 2 : 4;
  const user = context.vcpu.cpl === 3;
  const step = context.flags & FLAG_DF ? -bytes : bytes;
  const source = instruction.override >= 0 ? instruction.override : 3;
  const readSource = (): number =>
    context.memory.read(segmentLinear(context, source, (context.reg(ESI) & mask) >>> 0, bytes, false), bytes, user);
  const destination = (): number => segmentLinear(context, 0, (context.reg(EDI) & mask) >>> 0, bytes, true);
  if (instruction.op === 'lods') {
    writeRegister(context, EAX, bytes, readSource());
    writeRegister(context, ESI, width, context.reg(ESI) + step);
  } else if (instruction.op === 'stos') {
    context.memory.write(destination(), bytes, readRegister(context, EAX, bytes), user);
    writeRegister(context, EDI, width, context.reg(EDI) + step);
  } else {
    context.memory.write(destination(), bytes, readSource(), user);
    writeRegister(context, ESI, width, context.reg(ESI) + step);
    writeRegister(context, EDI, width, context.reg(EDI) + step);
  }
}

function push(context: GuestContext, instruction: GuestInstruction): void {
  const size = instruction.operandSize;
  const { modrm, form } = instruction;
  let value: number;
  if (modrm) value = readRm(context, instruction, size);
  else if (form.immediates.length > 0) value = instruction.immediate >>> 0;
  else
    value = readRegister(
      context,
      form.opcode & 7 ? form.opcode & 7 : instruction.bytes[instruction.opcodeAt]! & 7,
      size,
    );
  const stack = new GuestStack(context);
  stack.push(size, value);
  stack.commit();
}

function pop(context: GuestContext, instruction: GuestInstruction): void {
  const size = instruction.operandSize;
  const stack = new GuestStack(context);
  const value = stack.pop(size);
  const old = context.reg(4);
  stack.commit();
  try {
    if (instruction.modrm) writeRm(context, instruction, size, value);
    else writeRegister(context, instruction.bytes[instruction.opcodeAt]! & 7, size, value);
  } catch (error) {
    context.setReg(4, old);
    throw error;
  }
}

function call(context: GuestContext, instruction: GuestInstruction): void {
  const size = instruction.operandSize;
  const mask = size === 2 ? 0xffff : 0xffff_ffff;
  const target = instruction.modrm ? readRm(context, instruction, size) : context.eip + instruction.immediate;
  const stack = new GuestStack(context);
  stack.push(size, context.eip);
  stack.commit();
  context.eip = (target & mask) >>> 0;
}

function jump(context: GuestContext, instruction: GuestInstruction): void {
  const mask = instruction.operandSize === 2 ? 0xffff : 0xffff_ffff;
  context.eip = (readRm(context, instruction, instruction.operandSize) & mask) >>> 0;
}

function ret(context: GuestContext, instruction: GuestInstruction): void {
  const stack = new GuestStack(context);
  const target = stack.pop(instruction.operandSize);
  if (instruction.immediateSize === 2) stack.release(instruction.immediate & 0xffff);
  stack.commit();
  context.eip = target;
}

function pushAll(context: GuestContext, instruction: GuestInstruction): void {
  const stack = new GuestStack(context);
  const pointer = context.reg(4);
  for (let n = 0; n < 8; n++) stack.push(instruction.operandSize, n === 4 ? pointer : context.reg(n));
  stack.commit();
}

const SPECIAL: Readonly<Record<string, (context: GuestContext, instruction: GuestInstruction) => void>> = {
  mov: offsetMove,
  movs: stringMove,
  stos: stringMove,
  lods: stringMove,
  push,
  pop,
  call,
  call_indirect: call,
  jmp_indirect: jump,
  ret,
  pusha: pushAll,
};
