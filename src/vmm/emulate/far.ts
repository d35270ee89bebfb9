// Far transfers and returns of the guest: JMP, CALL, RET through segments and call gates, IRET, SYSENTER and SYSEXIT
// (SDM Vol. 2 "CALL", "JMP", "RET", "IRET", "SYSENTER", "SYSEXIT"). Task gates and TSS are reported as not supported.

import { GuestFault, VECTOR_GP, VECTOR_NP, VECTOR_TS } from '../host-access.ts';
import {
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_VM,
  RIGHTS_CODE,
  RIGHTS_PRESENT,
  RIGHTS_S,
  rightsDpl,
  SS,
  type VirtualSegment,
  CS,
} from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { in8086Mode, inRealMode, interruptReturn8086, return8086, transfer8086 } from './mode-8086.ts';
import {
  checkStack,
  dropInnerSegments,
  loadCode,
  requireDescriptor,
  type Descriptor,
  isNull,
  unpackSegment,
} from './segments.ts';
import { GuestStack } from './stack.ts';

const ESP = 4;
const MSR_SYSENTER_CS = 0x174;
const MSR_SYSENTER_ESP = 0x175;
const MSR_SYSENTER_EIP = 0x176;
/** EFLAGS bits POPF and IRET can change at CPL 0. */
const FLAGS_WRITABLE = 0x24_7fd5;
const CALL_GATE_16 = 4;
const CALL_GATE_32 = 12;

function isCode(rights: number): boolean {
  return (rights & (RIGHTS_S | RIGHTS_CODE)) === (RIGHTS_S | RIGHTS_CODE);
}

function checkTarget(segment: VirtualSegment, offset: number): void {
  if (offset > segment.limit) throw new GuestFault(VECTOR_GP, 0);
}

/** The stack for privilege level `level` from the guest's TSS. */
export function stackFromTss(
  context: GuestContext,
  level: number,
  external = 0,
): { selector: number; pointer: number } {
  const { tr } = context.vcpu;
  const wide = (tr.rights & 8) !== 0;
  const at = wide ? 4 + 8 * level : 2 + 4 * level;
  if (at + (wide ? 7 : 3) > tr.limit) throw new GuestFault(VECTOR_TS, (tr.selector & 0xfffc) | external);
  const base = (tr.base + at) >>> 0;
  const pointer = context.memory.read(base, wide ? 4 : 2);
  return { pointer, selector: context.memory.read((base + (wide ? 4 : 2)) >>> 0, 2) };
}

/** Checks a code segment named directly by a far JMP or CALL. */
function directCode(context: GuestContext, descriptor: Descriptor): void {
  const { rights, selector } = descriptor;
  const { cpl } = context.vcpu;
  const error = selector & 0xfffc;
  const dpl = rightsDpl(rights);
  if (rights & 4 ? dpl > cpl : (selector & 3) > cpl || dpl !== cpl) throw new GuestFault(VECTOR_GP, error);
  if (!(rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, error);
}

/** Far JMP or CALL; `next` is the return address of a CALL. */
export function farTransfer(
  context: GuestContext,
  selector: number,
  offset: number,
  size: 2 | 4,
  call: { next: number } | undefined,
): void {
  if (in8086Mode(context)) {
    transfer8086(context, selector, offset, size, call);
    return;
  }
  const descriptor = requireDescriptor(context, selector);
  const { rights } = descriptor;
  if (isCode(rights)) {
    directCode(context, descriptor);
    checkTarget(unpackSegment(descriptor), offset);
    if (call) {
      const stack = new GuestStack(context);
      stack.push(size, context.segment(CS).selector);
      stack.push(size, call.next);
      stack.commit();
    }
    loadCode(context, descriptor, context.vcpu.cpl);
    context.eip = offset;
    return;
  }
  const type = rights & 0x1f;
  if (type === CALL_GATE_16 || type === CALL_GATE_32) {
    callGate(context, descriptor, call);
    return;
  }
  if ([1, 9, 5].includes(type)) context.notSupported('a task switch by the guest');
  throw new GuestFault(VECTOR_GP, selector & 0xfffc);
}

function callGate(context: GuestContext, gate: Descriptor, call: { next: number } | undefined): void {
  const { vcpu } = context;
  const error = gate.selector & 0xfffc;
  const dpl = rightsDpl(gate.rights);
  if (dpl < vcpu.cpl || dpl < (gate.selector & 3)) throw new GuestFault(VECTOR_GP, error);
  if (!(gate.rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, error);
  const wide = (gate.rights & 8) !== 0;
  const size = wide ? 4 : 2;
  const offset = ((gate.low & 0xffff) | (wide ? gate.high & 0xffff_0000 : 0)) >>> 0;
  const target = gate.low >>> 16;
  if (isNull(target)) throw new GuestFault(VECTOR_GP, 0);
  const code = requireDescriptor(context, target);
  const targetDpl = rightsDpl(code.rights);
  if (!isCode(code.rights) || targetDpl > vcpu.cpl) throw new GuestFault(VECTOR_GP, target & 0xfffc);
  const conforming = (code.rights & 4) !== 0;
  if (!call && !conforming && targetDpl !== vcpu.cpl) throw new GuestFault(VECTOR_GP, target & 0xfffc);
  if (!(code.rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, target & 0xfffc);
  checkTarget(unpackSegment(code), offset);
  if (call && !conforming && targetDpl < vcpu.cpl) {
    innerCall(context, code, targetDpl, size, gate.high & 31, call.next);
  } else {
    if (call) {
      const stack = new GuestStack(context);
      stack.push(size, context.segment(CS).selector);
      stack.push(size, call.next);
      stack.commit();
    }
    loadCode(context, code, vcpu.cpl);
  }
  context.eip = offset;
}

function innerCall(
  context: GuestContext,
  code: Descriptor,
  level: number,
  size: 2 | 4,
  parameters: number,
  next: number,
): void {
  const { selector, pointer } = stackFromTss(context, level);
  if (isNull(selector)) throw new GuestFault(VECTOR_TS, 0);
  const segment = checkStack(context, selector, level, VECTOR_TS);
  const old = new GuestStack(context);
  const oldPointer = context.reg(ESP);
  const words: number[] = [];
  for (let n = 0; n < parameters; n++) words.push(old.pop(size));
  const stack = new GuestStack(context, segment, pointer);
  stack.push(size, context.segment(SS).selector);
  stack.push(size, oldPointer);
  for (const word of words.reverse()) stack.push(size, word);
  stack.push(size, context.segment(CS).selector);
  stack.push(size, next);
  loadCode(context, code, level);
  context.setSegment(SS, { ...segment, selector: (selector & 0xfffc) | level });
  stack.commit();
}

/** Checks the code segment a return goes to. */
function returnCode(context: GuestContext, selector: number): Descriptor {
  if (isNull(selector)) throw new GuestFault(VECTOR_GP, 0);
  const descriptor = requireDescriptor(context, selector);
  const { rights } = descriptor;
  const error = selector & 0xfffc;
  const rpl = selector & 3;
  const dpl = rightsDpl(rights);
  if (!isCode(rights) || rpl < context.vcpu.cpl) throw new GuestFault(VECTOR_GP, error);
  if (rights & 4 ? dpl > rpl : dpl !== rpl) throw new GuestFault(VECTOR_GP, error);
  if (!(rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, error);
  return descriptor;
}

/** Goes to an outer level: CS and SS change, inner data segments are dropped. */
function returnOuter(context: GuestContext, code: Descriptor, selector: number, pointer: number): void {
  const level = code.selector & 3;
  if (isNull(selector)) throw new GuestFault(VECTOR_GP, 0);
  const stack = checkStack(context, selector, level, VECTOR_GP);
  loadCode(context, code, level);
  context.setSegment(SS, { ...stack, selector: (selector & 0xfffc) | level });
  const narrow = !(stack.rights & 0x4000);
  context.setReg(ESP, narrow ? ((context.reg(ESP) & 0xffff_0000) | (pointer & 0xffff)) >>> 0 : pointer);
  dropInnerSegments(context);
}

/** RETF. */
export function farReturn(context: GuestContext, size: 2 | 4, release: number): void {
  if (in8086Mode(context)) {
    return8086(context, size, release);
    return;
  }
  const stack = new GuestStack(context);
  const offset = stack.pop(size);
  const code = returnCode(context, stack.pop(size) & 0xffff);
  checkTarget(unpackSegment(code), offset);
  stack.release(release);
  if ((code.selector & 3) > context.vcpu.cpl) {
    const pointer = stack.pop(size);
    const selector = stack.pop(size) & 0xffff;
    returnOuter(context, code, selector, (pointer + release) >>> 0);
  } else {
    loadCode(context, code, context.vcpu.cpl);
    stack.commit();
  }
  context.eip = offset;
}

/** IRET in real-address mode, and in protected mode without a nested task. */
export function interruptReturn(context: GuestContext, size: 2 | 4): void {
  const { vcpu } = context;
  if (inRealMode(context)) {
    context.flags = mergeFlags(context, interruptReturn8086(context, size), size, true);
    return;
  }
  if (context.flags & FLAG_NT) {
    context.notSupported('a return to a nested task');
    throw new GuestFault(VECTOR_GP, 0);
  }
  const stack = new GuestStack(context);
  const offset = stack.pop(size);
  const selector = stack.pop(size) & 0xffff;
  const popped = stack.pop(size);
  if (size === 4 && popped & FLAG_VM && vcpu.cpl === 0) {
    context.notSupported('virtual-8086 mode');
    throw new GuestFault(VECTOR_GP, 0);
  }
  const code = returnCode(context, selector);
  checkTarget(unpackSegment(code), offset);
  const flags = mergeFlags(context, popped, size, true);
  if ((selector & 3) > vcpu.cpl) {
    const pointer = stack.pop(size);
    returnOuter(context, code, stack.pop(size) & 0xffff, pointer);
  } else {
    loadCode(context, code, vcpu.cpl);
    stack.commit();
  }
  context.flags = flags;
  context.eip = offset;
}

/** The new EFLAGS after POPF or IRET of `value`, as CPL and IOPL allow. */
export function mergeFlags(context: GuestContext, value: number, size: 2 | 4, iret = false): number {
  const { cpl, iopl } = context.vcpu;
  let mask = FLAGS_WRITABLE | (iret ? 0x1_0000 : 0);
  if (size === 2) mask &= 0xffff;
  if (cpl > 0) mask &= ~FLAG_IOPL;
  if (cpl > iopl) mask &= ~FLAG_IF;
  let flags = (context.flags & ~mask) | (value & mask) | 2;
  if (!iret && size === 4) flags &= ~0x1_0000;
  return flags >>> 0;
}

function flat(selector: number, rights: number): VirtualSegment {
  return { selector, rights, base: 0, limit: 0xffff_ffff };
}

/** SYSENTER: flat ring-0 code and stack from the MSRs. */
export function sysenter(context: GuestContext): void {
  const { vcpu } = context;
  // Three virtual MSRs are read, two segment registers written.
  context.access.charge('load', 3);
  context.access.charge('alu', 10);
  const selector = vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0;
  if (isNull(selector)) throw new GuestFault(VECTOR_GP, 0);
  vcpu.interruptFlag = false;
  vcpu.cpl = 0;
  context.setSegment(CS, flat(selector & 0xfffc, 0xc09b));
  context.setSegment(SS, flat(((selector & 0xfffc) + 8) & 0xffff, 0xc093));
  context.setReg(ESP, vcpu.msrs.get(MSR_SYSENTER_ESP)?.[0] ?? 0);
  context.eip = vcpu.msrs.get(MSR_SYSENTER_EIP)?.[0] ?? 0;
}

/** SYSEXIT: flat ring-3 code and stack, EIP from EDX, ESP from ECX. */
export function sysexit(context: GuestContext): void {
  const { vcpu } = context;
  context.access.charge('load', 1);
  context.access.charge('alu', 10);
  const selector = vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0;
  if (isNull(selector) || vcpu.cpl !== 0) throw new GuestFault(VECTOR_GP, 0);
  vcpu.cpl = 3;
  const [offset, pointer] = [context.reg(2), context.reg(1)];
  context.setSegment(CS, flat(((selector & 0xfffc) + 16) | 3, 0xc0fb));
  context.setSegment(SS, flat(((selector & 0xfffc) + 24) | 3, 0xc0f3));
  context.setReg(ESP, pointer);
  context.eip = offset;
}
