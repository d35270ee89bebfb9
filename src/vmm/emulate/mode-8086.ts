// Segments, far transfers and interrupts of real-address mode, and the segments of virtual-8086 mode: no descriptors
// (SDM Vol. 3B "8086 Emulation"; Vol. 2 "JMP", "CALL", "RET", "IRET", "INT n").

import { GuestFault, VECTOR_GP } from '../host-access.ts';
import {
  CR0_PE,
  CS,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  RIGHTS_DB,
  RIGHTS_G,
  RIGHTS_PRESENT,
  RIGHTS_UNUSABLE,
  type VirtualSegment,
} from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { GuestStack } from './stack.ts';

/** Present, read/write, accessed: every segment after RESET, CS too. */
export const REAL_RIGHTS = 0x93;
/** The same with DPL 3. */
export const VIRTUAL_RIGHTS = 0xf3;
export const LIMIT_64K = 0xffff;

/** Real-address mode. */
export function inRealMode({ vcpu }: GuestContext): boolean {
  return (vcpu.cr0 & CR0_PE) === 0;
}

/** Selectors are paragraph numbers. */
export function in8086Mode(context: GuestContext): boolean {
  return inRealMode(context) || (context.flags & FLAG_VM) !== 0;
}

/**
 * What a load of segment register `n` puts into it. In real-address mode only the base changes: limit and attributes stay
 * as protected mode left them, except that CS may always be written and that an unusable segment becomes a plain one.
 */
export function segment8086(context: GuestContext, n: number, selector: number): VirtualSegment {
  const base = selector << 4;
  if (!inRealMode(context)) return { selector, rights: VIRTUAL_RIGHTS, base, limit: LIMIT_64K };
  const { rights, limit } = context.segment(n);
  if (rights & RIGHTS_UNUSABLE || !(rights & RIGHTS_PRESENT)) {
    return { selector, rights: REAL_RIGHTS, base, limit: LIMIT_64K };
  }
  return { selector, rights: n === CS ? (rights & (RIGHTS_DB | RIGHTS_G)) | REAL_RIGHTS : rights, base, limit };
}

/** CS keeps its limit whatever is loaded. */
function checkTarget(context: GuestContext, offset: number, bound = 0xffff_ffff): void {
  if (offset > bound || offset > context.segment(CS).limit) throw new GuestFault(VECTOR_GP, 0);
}

function enter(context: GuestContext, selector: number, offset: number): void {
  context.setSegment(CS, segment8086(context, CS, selector));
  context.eip = offset;
}

/** Far JMP or CALL; `next` is the return address of a CALL. */
export function transfer8086(
  context: GuestContext,
  selector: number,
  offset: number,
  size: 2 | 4,
  call: { next: number } | undefined,
): void {
  checkTarget(context, offset, call ? 0xffff : undefined);
  if (call) {
    const stack = new GuestStack(context);
    stack.push(size, context.segment(CS).selector);
    stack.push(size, call.next);
    stack.commit();
  }
  enter(context, selector, offset);
}

/** RETF. */
export function return8086(context: GuestContext, size: 2 | 4, release: number): void {
  const stack = new GuestStack(context);
  const offset = stack.pop(size);
  const selector = stack.pop(size) & 0xffff;
  checkTarget(context, offset);
  stack.release(release);
  stack.commit();
  enter(context, selector, offset);
}

/** IRET in real-address mode; gives the flags image. */
export function interruptReturn8086(context: GuestContext, size: 2 | 4): number {
  const stack = new GuestStack(context);
  const offset = stack.pop(size);
  const selector = stack.pop(size) & 0xffff;
  const image = stack.pop(size);
  checkTarget(context, offset, 0xffff);
  stack.commit();
  enter(context, selector, offset);
  return image;
}

/** Delivers an event in real-address mode through the table of far pointers. There are no error codes. */
export function deliver8086(context: GuestContext, vector: number): void {
  const { idtr } = context.vcpu;
  if (vector * 4 + 3 > idtr.limit) throw new GuestFault(VECTOR_GP, 0);
  const target = context.memory.read((idtr.base + vector * 4) >>> 0, 4);
  const stack = new GuestStack(context);
  stack.push(2, context.flags);
  stack.push(2, context.segment(CS).selector);
  stack.push(2, context.eip);
  checkTarget(context, target & 0xffff);
  stack.commit();
  enter(context, target >>> 16, target & 0xffff);
  context.flags = (context.flags & ~(FLAG_TF | FLAG_IF | FLAG_RF | FLAG_AC)) >>> 0;
}
