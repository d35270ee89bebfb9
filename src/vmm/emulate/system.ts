// Privileged and sensitive instructions on the virtual CPU, by operation name of the opcode table. What each does is the
// SDM's (Vol. 2 "Instruction Set Reference"), with the virtual registers in place of the real ones.

import { guestFeatures } from '../guest-cpuid.ts';
import type { AccessSize } from '../host-access.ts';
import { GuestFault, VECTOR_GP, VECTOR_NP, VECTOR_UD } from '../host-access.ts';
import {
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR4_PAE,
  CS,
  EAX,
  EBX,
  ECX,
  EDX,
  EFER_LMA,
  EFER_LME,
  FLAG_VM,
  FLAG_ZF,
  MSR_EFER,
  RIGHTS_LONG,
  RIGHTS_PRESENT,
  SS,
} from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { farReturn, farTransfer, interruptReturn, mergeFlags, sysenter, sysexit } from './far.ts';
import type { GuestInstruction } from './instruction.ts';
import { readMsr, writeMsr } from './msrs.ts';
import { memoryOperand, readRegister, readRm, writeRegister, writeRm } from './operands.ts';
import {
  checkSegment,
  isNull,
  loadSegment,
  nullSegment,
  queryDescriptor,
  requireDescriptor,
  unpackSegment,
} from './segments.ts';
import { GuestStack } from './stack.ts';

/** Executes one instruction; `context.eip` is already behind it. */
export type SystemHandler = (context: GuestContext, instruction: GuestInstruction) => void;

function requireRing0(context: GuestContext): void {
  if (context.vcpu.cpl !== 0) throw new GuestFault(VECTOR_GP, 0);
}

function requireIopl(context: GuestContext): void {
  if (context.vcpu.cpl > context.vcpu.iopl) throw new GuestFault(VECTOR_GP, 0);
}

/** MOV to CR0, LMSW, CLTS: legality, then the change (SDM Vol. 3 "Control Registers"). */
export function writeCr0(context: GuestContext, value: number): void {
  const { vcpu } = context;
  const paged = (value & CR0_PG) !== 0;
  if (paged && !(value & CR0_PE)) throw new GuestFault(VECTOR_GP, 0);
  if (value & 0x2000_0000 && !(value & 0x4000_0000)) throw new GuestFault(VECTOR_GP, 0);
  if (!(value & CR0_PE) && !context.runsRealMode) {
    context.notSupported('a switch of the guest to real-address mode');
    throw new GuestFault(VECTOR_GP, 0);
  }
  const switches = paged !== ((vcpu.cr0 & CR0_PG) !== 0);
  if (switches && vcpu.efer & EFER_LME) switchLongMode(context, paged);
  else if (switches && paged && vcpu.cr4 & CR4_PAE) loadPdptes(context, vcpu.cr3);
  vcpu.cr0 = ((value & 0xe005_003f) | 0x10) >>> 0;
  context.changed('cr0');
}

/** Paging goes on or off with EFER.LME set (SDM Vol. 3A "Initializing IA-32e Mode"). */
function switchLongMode(context: GuestContext, paged: boolean): void {
  const { vcpu } = context;
  const isLongCode = (context.segment(CS).rights & RIGHTS_LONG) !== 0;
  if (paged ? !(vcpu.cr4 & CR4_PAE) || isLongCode : vcpu.longMode && isLongCode) throw new GuestFault(VECTOR_GP, 0);
  vcpu.msrs.set(MSR_EFER, [paged ? vcpu.efer | EFER_LMA : vcpu.efer & ~EFER_LMA, 0]);
}

/** MOV to CR3. @throws GuestFault #GP(0) with reserved bits in the PDPTEs */
export function writeCr3(context: GuestContext, value: number): void {
  const { vcpu } = context;
  if (vcpu.cr4 & CR4_PAE && vcpu.cr0 & CR0_PG && !vcpu.longMode) loadPdptes(context, value);
  vcpu.cr3 = value >>> 0;
  context.changed('cr3');
}

/** MOV to CR4. @throws GuestFault #GP(0) */
export function writeCr4(context: GuestContext, value: number): void {
  const { vcpu } = context;
  if (value & ~0x7ff || (vcpu.longMode && !(value & CR4_PAE))) throw new GuestFault(VECTOR_GP, 0);
  if ((value ^ vcpu.cr4) & CR4_PAE && vcpu.cr0 & CR0_PG && value & CR4_PAE) loadPdptes(context, vcpu.cr3);
  vcpu.cr4 = value >>> 0;
  context.changed('cr4');
}

function loadPdptes(context: GuestContext, cr3: number): void {
  const base = (cr3 & 0xffff_ffe0) >>> 0;
  const entries: [number, number][] = [];
  for (let n = 0; n < 4; n++) {
    const low = context.memory.readPhysical(base + n * 8, 4);
    const high = context.memory.readPhysical(base + n * 8 + 4, 4);
    if (low & 1 && (low & 0x1e6 || high & 0xffff_fff0)) throw new GuestFault(VECTOR_GP, 0);
    entries.push([low, high]);
  }
  context.vcpu.pdpte = entries;
}

function movToCr(context: GuestContext, { modrm }: GuestInstruction): void {
  requireRing0(context);
  const value = context.reg(modrm!.rm);
  switch (modrm!.reg) {
    case 0:
      writeCr0(context, value);
      return;
    case 2:
      context.vcpu.cr2 = value;
      return;
    case 3:
      writeCr3(context, value);
      return;
    case 4:
      writeCr4(context, value);
      return;
    default:
      throw new GuestFault(VECTOR_UD);
  }
}

function movFromCr(context: GuestContext, { modrm }: GuestInstruction): void {
  requireRing0(context);
  const { vcpu } = context;
  const value = [vcpu.cr0, undefined, vcpu.cr2, vcpu.cr3, vcpu.cr4][modrm!.reg];
  if (value === undefined) throw new GuestFault(VECTOR_UD);
  context.setReg(modrm!.rm, value >>> 0);
}

function debugRegister(context: GuestContext, reg: number): number {
  requireRing0(context);
  if (reg === 4 || reg === 5) {
    if (context.vcpu.cr4 & 8) throw new GuestFault(VECTOR_UD);
    return reg + 2;
  }
  return reg;
}

function table(context: GuestContext, instruction: GuestInstruction, which: 'gdtr' | 'idtr'): void {
  requireRing0(context);
  const limitAt = memoryOperand(context, instruction, 6, false);
  const limit = context.memory.read(limitAt, 2);
  const base = context.memory.read((limitAt + 2) >>> 0, 4);
  context.vcpu[which] = { limit, base: instruction.operandSize === 2 ? base & 0xff_ffff : base };
  context.changed(which);
}

function storeTable(context: GuestContext, instruction: GuestInstruction, which: 'gdtr' | 'idtr'): void {
  const at = memoryOperand(context, instruction, 6, true);
  const user = context.vcpu.cpl === 3;
  context.memory.write(at, 2, context.vcpu[which].limit, user);
  context.memory.write((at + 2) >>> 0, 4, context.vcpu[which].base, user);
}

/** SLDT, STR, SMSW, MOV r/m, Sreg: 16 bits to memory, zero-extended to a register. */
function storeSelector(context: GuestContext, instruction: GuestInstruction, value: number): void {
  const modrm = instruction.modrm!;
  if (modrm.isMemory) writeRm(context, instruction, 2, value & 0xffff);
  else writeRegister(context, modrm.rm, instruction.operandSize, value);
}

function lldt(context: GuestContext, instruction: GuestInstruction): void {
  requireRing0(context);
  const selector = readRm(context, instruction, 2);
  if (isNull(selector)) {
    context.vcpu.ldtr = nullSegment(selector);
  } else {
    if (selector & 4) throw new GuestFault(VECTOR_GP, selector & 0xfffc);
    const descriptor = requireDescriptor(context, selector);
    if ((descriptor.rights & 0x1f) !== 2) throw new GuestFault(VECTOR_GP, selector & 0xfffc);
    if (!(descriptor.rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, selector & 0xfffc);
    context.vcpu.ldtr = unpackSegment(descriptor);
  }
  context.changed('ldtr');
}

function ltr(context: GuestContext, instruction: GuestInstruction): void {
  requireRing0(context);
  const selector = readRm(context, instruction, 2);
  if (isNull(selector)) throw new GuestFault(VECTOR_GP, 0);
  if (selector & 4) throw new GuestFault(VECTOR_GP, selector & 0xfffc);
  const descriptor = requireDescriptor(context, selector);
  const type = descriptor.rights & 0x1f;
  if (type !== 1 && type !== 9) throw new GuestFault(VECTOR_GP, selector & 0xfffc);
  if (!(descriptor.rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, selector & 0xfffc);
  context.memory.write((descriptor.address + 5) >>> 0, 1, (descriptor.rights & 0xff) | 2);
  context.vcpu.tr = unpackSegment({ ...descriptor, rights: descriptor.rights | 2 });
  context.changed('tr');
}

function setZero(context: GuestContext, on: boolean): void {
  context.flags = on ? (context.flags | FLAG_ZF) >>> 0 : (context.flags & ~FLAG_ZF) >>> 0;
}

function query(context: GuestContext, instruction: GuestInstruction): void {
  const op = instruction.op as 'lar' | 'lsl' | 'verr' | 'verw';
  const descriptor = queryDescriptor(context, readRm(context, instruction, 2), op);
  setZero(context, descriptor !== undefined);
  if (!descriptor) return;
  const size: AccessSize = instruction.operandSize;
  if (op === 'lar') writeRegister(context, instruction.modrm!.reg, size, descriptor.high & 0x00ff_ff00);
  if (op === 'lsl') writeRegister(context, instruction.modrm!.reg, size, unpackSegment(descriptor).limit);
}

function loadFar(context: GuestContext, instruction: GuestInstruction, n: number): void {
  const size: AccessSize = instruction.operandSize;
  const at = memoryOperand(context, instruction, size + 2, false);
  const user = context.vcpu.cpl === 3;
  const offset = context.memory.read(at, size, user);
  loadSegment(context, n, context.memory.read((at + size) >>> 0, 2, user));
  writeRegister(context, instruction.modrm!.reg, size, offset);
}

function far(context: GuestContext, instruction: GuestInstruction, call: boolean): void {
  const size: 2 | 4 = instruction.operandSize;
  let offset: number;
  let selector: number;
  if (instruction.modrm) {
    const at = memoryOperand(context, instruction, size + 2, false);
    const user = context.vcpu.cpl === 3;
    offset = context.memory.read(at, size, user);
    selector = context.memory.read((at + size) >>> 0, 2, user);
  } else {
    const at = instruction.immediateAt;
    const { bytes } = instruction;
    offset = bytes[at]! | (bytes[at + 1]! << 8);
    if (size === 4) offset = (offset | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
    selector = bytes[at + size]! | (bytes[at + size + 1]! << 8);
  }
  farTransfer(context, selector, offset, size, call ? { next: context.eip } : undefined);
}

/** Segment register named by an opcode: PUSH ES is 06, 0F A0 is PUSH FS. */
function fixedSegment(instruction: GuestInstruction): number {
  return (instruction.form.opcode >> 3) & 7;
}

function popSegment(context: GuestContext, instruction: GuestInstruction): void {
  const stack = new GuestStack(context);
  const selector = stack.pop(instruction.operandSize) & 0xffff;
  const n = fixedSegment(instruction);
  const segment = checkSegment(context, n, selector);
  stack.commit();
  context.setSegment(n, segment);
  if (n === SS) shadowNext(context);
}

/** No interrupt before the instruction that follows. */
function shadowNext(context: GuestContext): void {
  context.vcpu.shadowAddress = (context.segment(1).base + context.eip) >>> 0;
}

function cpuid(context: GuestContext): void {
  const leaf = context.reg(EAX);
  context.executeOnBehalf([0x0f, 0xa2]);
  const answer = { ebx: context.reg(EBX), ecx: context.reg(ECX), edx: context.reg(EDX) };
  const { ebx, ecx, edx } = guestFeatures(leaf, answer);
  context.setReg(EBX, ebx);
  context.setReg(ECX, ecx);
  context.setReg(EDX, edx);
}

function rdtsc(context: GuestContext): void {
  if (context.vcpu.cr4 & 4) requireRing0(context);
  context.executeOnBehalf([0x0f, 0x31]);
  const value = BigInt(context.reg(EDX)) * 0x1_0000_0000n + BigInt(context.reg(EAX)) + BigInt(context.vcpu.tscOffset);
  context.setReg(EAX, Number(value & 0xffff_ffffn));
  context.setReg(EDX, Number((value >> 32n) & 0xffff_ffffn));
}

function lmsw(context: GuestContext, instruction: GuestInstruction): void {
  requireRing0(context);
  const value = readRm(context, instruction, 2) & 15;
  writeCr0(context, ((context.vcpu.cr0 & ~0xe) | value) >>> 0);
}

function sti(context: GuestContext): void {
  requireIopl(context);
  if (!context.vcpu.interruptFlag) shadowNext(context);
  context.vcpu.interruptFlag = true;
}

/** Handlers by operation name. Port I/O and strings are in io.ts. */
export const SYSTEM_HANDLERS: Readonly<Record<string, SystemHandler>> = {
  mov_to_cr: movToCr,
  mov_from_cr: movFromCr,
  mov_to_dr: (context, { modrm }) => {
    const n = debugRegister(context, modrm!.reg);
    context.vcpu.dr[n] = n === 6 ? (context.reg(modrm!.rm) & 0xe00f) | 0xffff_0ff0 : context.reg(modrm!.rm);
    if (n === 7) context.vcpu.dr[7] = (context.vcpu.dr[7]! & 0xffff_2fff) | 0x400;
    context.changed('dr');
  },
  mov_from_dr: (context, { modrm }) => {
    context.setReg(modrm!.rm, context.vcpu.dr[debugRegister(context, modrm!.reg)]! >>> 0);
  },
  clts: (context) => {
    requireRing0(context);
    writeCr0(context, (context.vcpu.cr0 & ~CR0_TS) >>> 0);
  },
  lmsw,
  smsw: (context, instruction) => {
    const wide = !instruction.modrm!.isMemory && instruction.operandSize === 4;
    storeSelector(context, instruction, wide ? context.vcpu.cr0 : context.vcpu.cr0 & 0xffff);
  },
  invlpg: (context, instruction) => {
    requireRing0(context);
    if (!instruction.modrm!.isMemory) throw new GuestFault(VECTOR_UD);
    context.invlpg(memoryOperandAddress(context, instruction));
  },
  invd: requireRing0,
  wbinvd: requireRing0,
  hlt: (context) => {
    requireRing0(context);
    context.vcpu.halted = true;
  },
  cli: (context) => {
    requireIopl(context);
    context.vcpu.interruptFlag = false;
  },
  sti,
  pushf: (context, instruction) => {
    const stack = new GuestStack(context);
    stack.push(instruction.operandSize, context.flags & 0x00fc_ffff & ~FLAG_VM);
    stack.commit();
  },
  popf: (context, instruction) => {
    const stack = new GuestStack(context);
    const value = stack.pop(instruction.operandSize);
    stack.commit();
    context.flags = mergeFlags(context, value, instruction.operandSize);
  },
  lgdt: (context, instruction) => table(context, instruction, 'gdtr'),
  lidt: (context, instruction) => table(context, instruction, 'idtr'),
  sgdt: (context, instruction) => storeTable(context, instruction, 'gdtr'),
  sidt: (context, instruction) => storeTable(context, instruction, 'idtr'),
  sldt: (context, instruction) => storeSelector(context, instruction, context.vcpu.ldtr.selector),
  str: (context, instruction) => storeSelector(context, instruction, context.vcpu.tr.selector),
  lldt,
  ltr,
  lar: query,
  lsl: query,
  verr: query,
  verw: query,
  arpl: (context, instruction) => {
    const destination = readRm(context, instruction, 2);
    const source = readRegister(context, instruction.modrm!.reg, 2);
    const adjust = (destination & 3) < (source & 3);
    if (adjust) writeRm(context, instruction, 2, (destination & 0xfffc) | (source & 3));
    setZero(context, adjust);
  },
  mov_from_segment: (context, instruction) =>
    storeSelector(context, instruction, context.segment(instruction.modrm!.reg).selector),
  mov_to_segment: (context, instruction) => {
    const n = instruction.modrm!.reg;
    if (n === 1 || n > 5) throw new GuestFault(VECTOR_UD);
    loadSegment(context, n, readRm(context, instruction, 2));
    if (n === SS) shadowNext(context);
  },
  push_segment: (context, instruction) => {
    const stack = new GuestStack(context);
    stack.push(instruction.operandSize, context.segment(fixedSegment(instruction)).selector);
    stack.commit();
  },
  pop_segment: popSegment,
  les: (context, instruction) => loadFar(context, instruction, 0),
  lss: (context, instruction) => loadFar(context, instruction, 2),
  lds: (context, instruction) => loadFar(context, instruction, 3),
  lfs: (context, instruction) => loadFar(context, instruction, 4),
  lgs: (context, instruction) => loadFar(context, instruction, 5),
  jmp_far: (context, instruction) => far(context, instruction, false),
  call_far: (context, instruction) => far(context, instruction, true),
  ret_far: (context, instruction) =>
    farReturn(context, instruction.operandSize, instruction.immediateSize === 2 ? instruction.immediate & 0xffff : 0),
  iret: (context, instruction) => interruptReturn(context, instruction.operandSize),
  sysenter,
  sysexit,
  rdmsr: (context) => {
    requireRing0(context);
    const [low, high] = readMsr(context, context.reg(ECX));
    context.setReg(EAX, low);
    context.setReg(EDX, high);
  },
  wrmsr: (context) => {
    requireRing0(context);
    writeMsr(context, context.reg(ECX), context.reg(EAX), context.reg(EDX));
  },
  rdtsc,
  cpuid,
};

function memoryOperandAddress(context: GuestContext, instruction: GuestInstruction): number {
  const { override, modrm, addressSize } = instruction;
  let offset = modrm!.displacement;
  if (modrm!.base >= 0) offset += context.reg(modrm!.base);
  if (modrm!.index >= 0) offset += Math.imul(context.reg(modrm!.index), modrm!.scale);
  const segment = override >= 0 ? override : modrm!.base === 4 || modrm!.base === 5 ? SS : 3;
  return (context.segment(segment).base + (addressSize === 2 ? offset & 0xffff : offset)) >>> 0;
}
