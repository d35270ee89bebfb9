// Instructions of 64-bit code that touch a device register or a traced page, and port accesses (SDM Vol. 2 "Instruction
// Format", Vol. 1 "Memory Operand Addressing in 64-Bit Mode"). As in 32-bit code arithmetic is not restated: the processor
// runs the instruction itself on a copy of its memory operand.

import { decode } from '../../isa/decode.ts';
import type { Instruction, MemoryOperand } from '../../isa/instruction.ts';
import type { AccessSize } from '../host-access.ts';
import { GuestFault, VECTOR_GP, VECTOR_SS, VECTOR_UD } from '../host-access.ts';
import { EAX, ECX, EDI, EDX, ESI, FLAG_DF, FLAG_RF, FS, SS } from '../vcpu.ts';
import { type GuestContext, NotEmulated } from './context.ts';
import { DECODE_WORK, DISPATCH_WORK, type EmulationResult } from './emulator.ts';
import { portIn, portOut } from './io.ts';

/** A guest that may be in 64-bit code. Linear addresses are numbers of their 48 significant bits. */
export interface LongContext extends GuestContext {
  rip: bigint;
  reg64(n: number): bigint;
  setReg64(n: number, value: bigint): void;
}

const LONGEST = 15;
const ELEMENTS_AT_ONCE = 4096;
const LINEAR_BITS = 48;
const LEGACY_PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const ADDRESS_SIZE = 0x67;
const OPERAND_SIZE = 0x66;
/** F2 and F3 are parts of opcodes here. */
const REPEAT = 0xf2;
/** ModRM and SIB of a plain 32-bit displacement. */
const ABSOLUTE = 4;
const NO_BASE_OR_INDEX = 0x25;

/** The 64 bits of a linear address given as its 48 significant ones. */
export function canonical(linear: number): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(LINEAR_BITS, BigInt(linear)));
}

/** The 48 significant bits of a linear address. */
export function significant(linear: bigint): number {
  return Number(BigInt.asUintN(LINEAR_BITS, linear));
}

/** Linear address of segment:offset; only FS and GS have a base. Throws #GP or #SS for one that is not canonical. */
function linearOf(context: LongContext, segment: number, offset: bigint): number {
  const base = segment >= FS ? canonical(context.segment(segment).base) : 0n;
  const linear = BigInt.asUintN(64, base + offset);
  if (canonical(significant(linear)) !== linear) throw new GuestFault(segment === SS ? VECTOR_SS : VECTOR_GP, 0);
  return significant(linear);
}

function readRegister(context: LongContext, n: number, size: number): bigint {
  return BigInt.asUintN(8 * size, context.reg64(n));
}

/** A 32-bit result clears the upper half, narrower ones leave the rest alone. */
function writeRegister(context: LongContext, n: number, size: number, value: bigint): void {
  const bits = 8 * size;
  const kept = size >= 4 ? 0n : (context.reg64(n) >> BigInt(bits)) << BigInt(bits);
  context.setReg64(n, kept | BigInt.asUintN(bits, value));
}

function readMemory(context: LongContext, linear: number, size: number): bigint {
  const user = context.vcpu.cpl === 3;
  if (size < 8) return BigInt(context.memory.read(linear, size as AccessSize, user) >>> 0);
  const low = context.memory.read(linear, 4, user) >>> 0;
  return BigInt(low) | (BigInt(context.memory.read(linear + 4, 4, user) >>> 0) << 32n);
}

function writeMemory(context: LongContext, linear: number, size: number, value: bigint): void {
  const user = context.vcpu.cpl === 3;
  context.memory.probeWrite(linear, size, user);
  const low = Number(BigInt.asUintN(32, value));
  context.memory.write(linear, Math.min(size, 4) as AccessSize, low, user);
  if (size === 8) context.memory.write(linear + 4, 4, Number(BigInt.asUintN(32, value >> 32n)), user);
}

function offsetOf(context: LongContext, operand: MemoryOperand): bigint {
  let offset = operand.wideDisplacement ?? BigInt(operand.displacement);
  if (operand.ripRelative) offset += context.rip;
  if (operand.base !== undefined) offset += context.reg64(operand.base);
  if (operand.index !== undefined) offset += context.reg64(operand.index) * BigInt(operand.scale);
  return BigInt.asUintN(operand.addressSize, offset);
}

/** Length of ModRM, SIB and displacement. */
function modRmLength(modrm: number, sib: number): number {
  const mod = modrm >> 6;
  const hasSib = (modrm & 7) === 4;
  const base = hasSib ? sib & 7 : modrm & 7;
  const displacement = mod === 1 ? 1 : mod === 2 || (mod === 0 && base === 5) ? 4 : 0;
  return 1 + (hasSib ? 1 : 0) + displacement;
}

/** The instruction with the scratch bytes as its memory operand. */
function scratchCode(context: LongContext, instruction: Instruction, bytes: Uint8Array): number[] {
  let at = 0;
  const prefixes: number[] = [];
  for (; LEGACY_PREFIXES.has(bytes[at]!); at++) {
    const prefix = bytes[at]!;
    if (prefix === OPERAND_SIZE || prefix >= REPEAT) prefixes.push(prefix);
  }
  const { rex } = instruction.prefixes;
  if (rex) {
    at++;
    // X and B belong to the address
    prefixes.push(rex & ~3);
  }
  const { map } = instruction.form;
  const opcode = bytes.slice(at, at + (map === 0 ? 1 : map === 1 ? 2 : 3));
  const modrmAt = at + opcode.length;
  const modrm = bytes[modrmAt]!;
  const immediate = bytes.slice(modrmAt + modRmLength(modrm, bytes[modrmAt + 1] ?? 0), instruction.length);
  const place = [0, 8, 16, 24].map((shift) => (context.scratch >>> shift) & 0xff);
  return [ADDRESS_SIZE, ...prefixes, ...opcode, (modrm & 0x38) | ABSOLUTE, NO_BASE_OR_INDEX, ...place, ...immediate];
}

function throughScratch(context: LongContext, instruction: Instruction, bytes: Uint8Array): void {
  const { form } = instruction;
  const operand = instruction.operands.find((candidate) => candidate.type === 'memory');
  const use = form.memory ?? (form.codes[0]?.kind === 'rm' ? 'rw' : 'r');
  const isForeign = form.op.startsWith('vm') || form.op.startsWith('inv');
  if (!operand || operand.implicit || use === 'address' || isForeign) throw new NotEmulated(form.op);
  const { size } = operand;
  if (![1, 2, 4, 8, 16].includes(size)) throw new NotEmulated(form.op);
  const linear = linearOf(context, operand.segment, offsetOf(context, operand));
  const user = context.vcpu.cpl === 3;
  const unit = Math.min(size, 4) as AccessSize;
  const writes = use !== 'r';
  for (let at = 0; at < size && use !== 'w'; at += unit) {
    context.writeScratch(unit, context.memory.read(linear + at, unit, user), at);
  }
  if (writes) context.memory.probeWrite(linear, size, user);
  context.executeOnBehalf(scratchCode(context, instruction, bytes));
  for (let at = 0; at < size && writes; at += unit) {
    context.memory.write(linear + at, unit, context.readScratch(unit, at), user);
  }
}

/** MOV between the accumulator and an absolute address. */
function offsetMove(context: LongContext, { form, operands, operandSize }: Instruction): void {
  const operand = operands.find((candidate) => candidate.type === 'memory')!;
  const size = form.opcode & 1 ? operandSize / 8 : 1;
  const linear = linearOf(context, operand.segment, offsetOf(context, operand));
  if (form.opcode & 2) writeMemory(context, linear, size, readRegister(context, EAX, size));
  else writeRegister(context, EAX, size, readMemory(context, linear, size));
}

/** One element of a string instruction. */
type Element = (context: LongContext, instruction: Instruction, size: number) => void;

function advance(context: LongContext, { addressSize }: Instruction, register: number, size: number): void {
  const step = BigInt(context.flags & FLAG_DF ? -size : size);
  writeRegister(context, register, addressSize / 8, context.reg64(register) + step);
}

function pointer(context: LongContext, { addressSize, segment }: Instruction, register: number): number {
  const offset = BigInt.asUintN(addressSize, context.reg64(register));
  return linearOf(context, register === ESI ? (segment ?? 3) : 0, offset);
}

const ELEMENTS: Readonly<Record<string, Element>> = {
  movs: (context, instruction, size) => {
    const value = readMemory(context, pointer(context, instruction, ESI), size);
    writeMemory(context, pointer(context, instruction, EDI), size, value);
    advance(context, instruction, ESI, size);
    advance(context, instruction, EDI, size);
  },
  stos: (context, instruction, size) => {
    writeMemory(context, pointer(context, instruction, EDI), size, readRegister(context, EAX, size));
    advance(context, instruction, EDI, size);
  },
  lods: (context, instruction, size) => {
    writeRegister(context, EAX, size, readMemory(context, pointer(context, instruction, ESI), size));
    advance(context, instruction, ESI, size);
  },
  ins: (context, instruction, size) => {
    const linear = pointer(context, instruction, EDI);
    context.memory.probeWrite(linear, size, context.vcpu.cpl === 3);
    const value = portIn(context, context.reg(EDX) & 0xffff, size as AccessSize);
    writeMemory(context, linear, size, BigInt(value));
    advance(context, instruction, EDI, size);
  },
  outs: (context, instruction, size) => {
    const value = readMemory(context, pointer(context, instruction, ESI), size);
    portOut(context, context.reg(EDX) & 0xffff, size as AccessSize, Number(value));
    advance(context, instruction, ESI, size);
  },
};

/** A repeated instruction stays at its RIP until the count is 0, so a fault is precise. */
function string(context: LongContext, instruction: Instruction, element: Element): void {
  const isPort = instruction.form.op === 'ins' || instruction.form.op === 'outs';
  const widest = isPort ? 4 : 8;
  const size = instruction.form.opcode & 1 ? Math.min(instruction.operandSize / 8, widest) : 1;
  if (!instruction.rep) {
    element(context, instruction, size);
    return;
  }
  const bytes = instruction.addressSize / 8;
  let left = readRegister(context, ECX, bytes);
  for (let done = 0; left > 0n && done < ELEMENTS_AT_ONCE; done++) {
    element(context, instruction, size);
    left--;
    writeRegister(context, ECX, bytes, left);
  }
  if (left > 0n) context.rip -= BigInt(instruction.length);
}

/** IN and OUT; the processor has checked that the guest may. */
function port(context: LongContext, { form, operands, operandSize }: Instruction): void {
  const size = (form.opcode & 1 ? Math.min(operandSize / 8, 4) : 1) as AccessSize;
  const immediate = operands.find((operand) => operand.type === 'immediate');
  const number = immediate ? immediate.value & 0xff : context.reg(EDX) & 0xffff;
  if (form.op === 'in') writeRegister(context, EAX, size, BigInt(portIn(context, number, size)));
  else portOut(context, number, size, Number(readRegister(context, EAX, size)));
}

function execute(context: LongContext, instruction: Instruction, bytes: Uint8Array): void {
  const { form } = instruction;
  const element = ELEMENTS[form.op];
  if (element) string(context, instruction, element);
  else if (form.op === 'in' || form.op === 'out') port(context, instruction);
  else if (form.op === 'mov' && form.map === 0 && form.opcode >= 0xa0 && form.opcode <= 0xa3) {
    offsetMove(context, instruction);
  } else throughScratch(context, instruction, bytes);
}

/** Fetches, decodes and emulates the instruction of 64-bit code at RIP. */
export function emulateLong(context: LongContext): EmulationResult {
  const start = context.rip;
  const bytes = context.memory.fetch(significant(start), LONGEST, context.vcpu.cpl === 3);
  context.access.charge('alu', DECODE_WORK + DISPATCH_WORK);
  const instruction = decode(bytes, 0, 64);
  if (!instruction) return { kind: 'fault', fault: new GuestFault(VECTOR_UD) };
  context.rip = BigInt.asUintN(64, start + BigInt(instruction.length));
  context.counters.instructionsEmulated++;
  context.counters.add('emulated', instruction.mnemonic);
  try {
    execute(context, instruction, bytes);
    context.flags = (context.flags & ~FLAG_RF) >>> 0;
    return { kind: 'done' };
  } catch (error) {
    context.rip = start;
    if (error instanceof GuestFault) return { kind: 'fault', fault: error };
    if (error instanceof NotEmulated) return { kind: 'unknown', mnemonic: instruction.mnemonic };
    throw error;
  }
}
