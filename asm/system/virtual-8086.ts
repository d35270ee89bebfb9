// Into virtual-8086 mode and out of it, and what EFLAGS.IOPL and the virtual-mode extensions make of its sensitive
// instructions (SDM Vol. 3B "8086 Emulation": "Entering Virtual-8086 Mode", "Class 1—Hardware Interrupt and Exception
// Handling in Virtual-8086 Mode", "Class 2—Maskable Hardware Interrupt Handling in Virtual-8086 Mode Using the Virtual
// Interrupt Mechanism", "Class 3—Software Interrupt Handling in Virtual-8086 Mode", "Protected-Mode Virtual Interrupts").
import { CS, DS, ES, FS, GS, INTERRUPTIBILITY, SS, TR } from '../layout';
import { charge } from '../charge';
import { GP, raise } from '../fault';
import { changeFlags, DF, getFlags, hasFlag, IF, iopl, NT, RF, setFlags, STATUS_FLAGS, TF, VIF, VIP } from '../flags';
import { COST_IRET_OUTER } from '../gen/costs';
import { faulted, leave, otherFlags } from '../globals';
import { pop, push, readSlow, readStack, readSystem, RSP } from '../memory';
import { cpl, operandSize, setRegister } from '../record';
import { cancelStep } from './events';
import { finishAt } from './finish';
import { ioMapBase } from './io';
import { frameFlags, inVirtual8086, iretReal, leaveTo, loadRealSegment, readFrame } from './mode-8086';
import { nullSegment, setCpl, stackMask } from './segment';
import { framePush, stackPointer } from './stack-frame';
import {
  CR4_PVI,
  CR4_VME,
  cr4,
  IOPL_MASK,
  linear32,
  segmentBase,
  segmentLimit,
  segmentRights,
  segmentSelector,
} from './state';
import { enterVector } from './vector-table';
import { noteMonitorTrap } from '../vmx/intercept-events';

/** A doubleword of the IRET frame, counted from EIP. Then `if (faulted) return`. */
function frameWord(n: u32): u32 {
  return u32(readStack((stackPointer() + 4 * n) & stackMask(segmentRights(SS)), 4));
}

/** IRETD at CPL 0 found VM = 1 in the flags `image`: the frame goes on with ESP, SS, ES, DS, FS and GS. */
export function returnToVirtual8086(ip: u64, selector: u32, image: u32): void {
  const pointer = frameWord(3);
  if (faulted) return;
  const stack = frameWord(4);
  if (faulted) return;
  const es = frameWord(5);
  if (faulted) return;
  const ds = frameWord(6);
  if (faulted) return;
  const fs = frameWord(7);
  if (faulted) return;
  const gs = frameWord(8);
  if (faulted) return;
  if (ip > 0xffff) {
    raise(GP, 0);
    return;
  }
  setFlags(image);
  setCpl(3);
  loadRealSegment(CS, selector);
  loadRealSegment(SS, stack & 0xffff);
  loadRealSegment(ES, es & 0xffff);
  loadRealSegment(DS, ds & 0xffff);
  loadRealSegment(FS, fs & 0xffff);
  loadRealSegment(GS, gs & 0xffff);
  setRegister(4, u64(pointer));
  charge(COST_IRET_OUTER, 1);
  finishAt(ip);
}

/** Pushes the data segment registers of virtual-8086 mode, the first items of a handler's frame. */
export function pushVirtualSegments(size: u32): bool {
  return (
    framePush(segmentSelector(GS), size) &&
    framePush(segmentSelector(FS), size) &&
    framePush(segmentSelector(DS), size) &&
    framePush(segmentSelector(ES), size)
  );
}

/** Their paragraph numbers mean nothing to the handler. */
export function dropVirtualSegments(): void {
  nullSegment(ES, 0);
  nullSegment(DS, 0);
  nullSegment(FS, 0);
  nullSegment(GS, 0);
}

/** CPL is above IOPL: do CLI and STI work on VIF, by VME in virtual-8086 mode or by PVI at CPL 3 in protected mode? */
export function hasVirtualInterrupts(): bool {
  return cpl() == 3 && (cr4() & (inVirtual8086() ? CR4_VME : CR4_PVI)) != 0;
}

/** VIF and VIP are both set at the start of an instruction: #GP(0) (IRET or a task switch has brought that about). */
export function isVirtualInterruptDue(): bool {
  return (u32(otherFlags) & (VIF | VIP)) == (VIF | VIP) && iopl() < 3 && hasVirtualInterrupts();
}

/** Are PUSHF, POPF and IRET sensitive now: virtual-8086 mode with IOPL below 3? */
export function areFlagsSensitive(): bool {
  return inVirtual8086() && iopl() < 3;
}

/** Only the 16-bit forms have a virtual meaning. #GP(0) for the others and without VME. */
function isVirtualized(size: u32): bool {
  if (size == 2 && cr4() & CR4_VME) return true;
  raise(GP, 0);
  return false;
}

/** FLAGS as the program sees it: IF is VIF, IOPL is 3. */
function virtualFlags(): u64 {
  return (getFlags() & ~u64(IF)) | IOPL_MASK | (hasFlag(VIF) ? IF : 0);
}

/** #GP(0) for an image that would start single steps or let a pending interrupt in. */
function mayTake(image: u32): bool {
  if (!(image & TF) && !(image & IF && hasFlag(VIP))) return true;
  raise(GP, 0);
  return false;
}

function takeVirtualFlags(image: u32): void {
  const mask = STATUS_FLAGS | TF | DF | NT | VIF;
  setFlags((getFlags() & ~u64(mask)) | (image & mask & ~VIF) | (image & IF ? VIF : 0));
}

export function pushVirtualFlags(r: usize): void {
  const size = operandSize(r);
  if (isVirtualized(size)) push(virtualFlags(), size);
}

export function popVirtualFlags(r: usize): void {
  const size = operandSize(r);
  if (!isVirtualized(size)) return;
  const before = load<u64>(RSP);
  const image = u32(pop(size));
  if (faulted) return;
  if (mayTake(image)) takeVirtualFlags(image);
  else store<u64>(RSP, before);
}

/** IRET in virtual-8086 mode. */
export function iretVirtual8086(r: usize): void {
  const size = operandSize(r);
  if (iopl() == 3) {
    iretReal(r);
    return;
  }
  if (!isVirtualized(size) || !readFrame(size, true) || !mayTake(frameFlags)) return;
  leaveTo(3 * size);
  takeVirtualFlags(frameFlags);
}

/** Is the vector's bit in the software interrupt redirection bit map clear? It lies below the I/O permission bit map. */
function isRedirected(vector: u32): bool {
  const map = ioMapBase();
  if (faulted) return false;
  const at = map - 32 + (vector >> 3);
  if (at > segmentLimit(TR)) {
    raise(GP, 0);
    return false;
  }
  const bits = u32(readSystem<u8>(linear32(segmentBase(TR) + at)));
  return !faulted && !((bits >> (vector & 7)) & 1);
}

/** To the handler in the program's own vector table at address 0, which is read like any of the program's memory. */
function enterProgramHandler(vector: u32, ip: u64): void {
  const target = u32(readSlow(vector << 2, 4, true));
  if (faulted) return;
  const isVirtual = iopl() < 3;
  if (!enterVector(target, isVirtual ? virtualFlags() : getFlags(), ip)) return;
  changeFlags(TF | RF | (isVirtual ? VIF : IF), 0);
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~3);
  cancelStep();
  noteMonitorTrap();
  leave = true;
}

/**
 * INT n in virtual-8086 mode, `next` being behind it: redirected to the program's own vector table, or #GP(0) with IOPL
 * below 3. False: it goes through the IDT.
 */
export function interruptVirtual8086(next: u64, vector: u32): bool {
  if (cr4() & CR4_VME) {
    const here = isRedirected(vector);
    if (faulted) return true;
    if (here) {
      enterProgramHandler(vector, next);
      return true;
    }
  }
  if (iopl() == 3) return false;
  raise(GP, 0);
  return true;
}
