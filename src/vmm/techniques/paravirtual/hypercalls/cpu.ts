// Hypercalls about the virtual CPU: traps, callbacks, stacks, debug registers, and the return from handlers
// (Xen public headers "xen.h", "arch-x86/xen.h", "callback.h").

import {
  CALLBACKOP_REGISTER,
  CALLBACKOP_UNREGISTER,
  CALLBACKTYPE_EVENT,
  CALLBACKTYPE_FAILSAFE,
  HYPERVISOR_VIRT_START,
  TRAP_INFO_SIZE,
  TRAP_MASKS_EVENTS,
} from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM } from '../../../xen/errno.ts';
import { FLAG_IF } from '../../../vcpu.ts';
import { segmentBase } from '../bounce.ts';
import { isGuestCodeSelector } from '../descriptors.ts';
import { hypervisorGate } from '../host.ts';
import { IDT_OFFSET, TSS_OFFSET, xenPhysical } from '../layout.ts';
import type { Callback, TrapHandler } from '../guest-state.ts';
import type { Xen } from '../xen.ts';

const EAX = 0;
const CR0_TS = 0x8;
const CR0_RUNNING = 0x8001_0031; // PG, WP, NE, ET, PE
/** The vector that may go straight to the guest kernel: its system calls. */
const DIRECT_VECTOR = 0x80;

/** set_trap_table(list): the list ends with address 0; no list removes all handlers. */
export function setTrapTable(xen: Xen, args: readonly number[]): number {
  const [list] = args as [number];
  const { traps } = xen.state;
  if (list === 0) {
    traps.fill(undefined);
    writeGate(xen, undefined);
    return 0;
  }
  for (let at = list; ; at += TRAP_INFO_SIZE) {
    if (at !== list && xen.isOverdue()) {
      xen.continueWith([at]);
      return 0;
    }
    const entry = xen.copy.readWords(at, 2);
    if (entry === undefined) return -EFAULT;
    const [first, address] = entry as [number, number];
    if (address === 0) return 0;
    const cs = first >>> 16;
    if (!isGuestCodeSelector(cs)) return -EPERM;
    const flags = (first >>> 8) & 0xff;
    const vector = first & 0xff;
    const handler: TrapHandler = { dpl: flags & 3, masksEvents: (flags & TRAP_MASKS_EVENTS) !== 0, cs, address };
    xen.cpu.charge('store', 2);
    traps[vector] = handler;
    if (vector === DIRECT_VECTOR) writeGate(xen, handler);
  }
}

/**
 * INT 0x80 goes straight from ring 3 to the guest kernel through a trap gate of the real IDT: the CPU switches to the
 * stack in SS1:ESP1. A handler that wants events masked cannot have that, for no gate masks events.
 */
function writeGate(xen: Xen, handler: TrapHandler | undefined): void {
  const at = xenPhysical(IDT_OFFSET) + DIRECT_VECTOR * 8;
  let [low, high] = hypervisorGate(DIRECT_VECTOR);
  if (handler !== undefined && !handler.masksEvents) {
    low = ((handler.address & 0xffff) | (handler.cs << 16)) >>> 0;
    high = ((handler.address & 0xffff_0000) | 0x8f00 | (handler.dpl << 13)) >>> 0;
  }
  xen.memory.store(at, low);
  xen.memory.store(at + 4, high);
}

/** stack_switch(ss, esp): where traps from user mode put their frames. */
export function stackSwitch(xen: Xen, args: readonly number[]): number {
  const [ss, esp] = args as [number, number];
  if ((ss & 3) !== 1 || segmentBase(xen.cpu, ss) === undefined) return -EPERM;
  xen.state.kernelSs = ss & 0xffff;
  xen.state.kernelSp = esp;
  xen.memory.store(xenPhysical(TSS_OFFSET) + 12, esp);
  xen.memory.store(xenPhysical(TSS_OFFSET) + 16, ss & 0xffff);
  return 0;
}

/** set_callbacks(event cs, event address, failsafe cs, failsafe address). */
export function setCallbacks(xen: Xen, args: readonly number[]): number {
  const [eventCs, eventAddress, failsafeCs, failsafeAddress] = args as [number, number, number, number];
  if (!isGuestCodeSelector(eventCs) || !isGuestCodeSelector(failsafeCs)) return -EPERM;
  setCallback(xen, xen.state.eventCallback, eventCs, eventAddress);
  setCallback(xen, xen.state.failsafeCallback, failsafeCs, failsafeAddress);
  return 0;
}

function setCallback(xen: Xen, callback: Callback, cs: number, address: number): void {
  xen.cpu.charge('store', 2);
  callback.cs = cs & 0xffff;
  callback.address = address;
}

/** callback_op(command, {type, flags, cs, address}). */
export function callbackOp(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  const words = xen.copy.readWords(argument, command === CALLBACKOP_REGISTER ? 3 : 1);
  if (words === undefined) return -EFAULT;
  const type = words[0]! & 0xffff;
  if (type !== CALLBACKTYPE_EVENT && type !== CALLBACKTYPE_FAILSAFE) {
    xen.warn(`The guest used callback type ${type}, which is not available to a 32-bit guest here; it got ENOSYS.`);
    return -ENOSYS;
  }
  const callback = type === CALLBACKTYPE_EVENT ? xen.state.eventCallback : xen.state.failsafeCallback;
  if (command === CALLBACKOP_UNREGISTER) {
    setCallback(xen, callback, 0, 0);
    return 0;
  }
  if (command !== CALLBACKOP_REGISTER) return -ENOSYS;
  if (!isGuestCodeSelector(words[1]!)) return -EPERM;
  setCallback(xen, callback, words[1]!, words[2]!);
  return 0;
}

/** fpu_taskswitch(set). */
export function fpuTaskswitch(xen: Xen, args: readonly number[]): number {
  const set = args[0] !== 0;
  xen.state.taskSwitched = set;
  xen.cpu.writeCr0((CR0_RUNNING | (set ? CR0_TS : 0)) >>> 0);
  return 0;
}

const DR7_RESERVED = 0xd800;
const DR7_GENERAL_DETECT = 0x2000;

/** set_debugreg(number, value): no breakpoint inside the hypervisor, no trap on debug registers. */
export function setDebugreg(xen: Xen, args: readonly number[]): number {
  const [number, given] = args as [number, number];
  let value = given;
  if (number <= 3) {
    if (value >= HYPERVISOR_VIRT_START) return -EPERM;
  } else if (number === 6) {
    value = (value & 0xe00f) | 0xffff_0ff0;
  } else if (number === 7) {
    value = (value & ~(DR7_RESERVED | DR7_GENERAL_DETECT)) | 0x400;
    for (let i = 0; i < 4; i++) {
      // Breakpoints on I/O are not given to guests.
      if (((value >>> (16 + i * 4)) & 3) === 2 && ((value >>> (i * 2)) & 3) !== 0) return -EPERM;
    }
  } else {
    return -EINVAL;
  }
  xen.state.debugRegisters[number] = value >>> 0;
  const saved = xen.cpu.reg(EAX);
  xen.cpu.setReg(EAX, value >>> 0);
  xen.cpu.execute([0x0f, 0x23, 0xc0 | (number << 3)]);
  xen.cpu.setReg(EAX, saved);
  return 0;
}

/** get_debugreg(number). */
export function getDebugreg(xen: Xen, args: readonly number[]): number {
  const number = args[0]!;
  xen.cpu.charge('dr-access');
  return xen.state.debugRegisters[number] ?? -EINVAL;
}

/**
 * iret: EAX, EIP, CS, EFLAGS and, for user mode, ESP and SS are on the guest kernel's stack. EFLAGS.IF says whether events
 * are masked afterwards.
 */
export function iretHypercall(xen: Xen): void {
  const { frame, copy, cpu, events } = xen;
  const esp = frame.esp;
  const base = segmentBase(cpu, frame.ss) ?? 0;
  const words = copy.readWords((base + esp) >>> 0, 4);
  if (words === undefined) {
    xen.crash(`its stack cannot be read for the iret hypercall at ${xen.where()}`);
    return;
  }
  const [eax, eip, csWord, eflags] = words as [number, number, number, number];
  const cs = csWord & 0xffff;
  if ((cs & 3) === 0) {
    xen.crash(`it asked to return to ring 0 (CS 0x${cs.toString(16)}) at ${xen.where()}`);
    return;
  }
  if ((cs & 3) > 1) {
    const outer = copy.readWords((base + esp + 16) >>> 0, 2);
    if (outer === undefined) {
      xen.crash(`its stack cannot be read for the iret hypercall at ${xen.where()}`);
      return;
    }
    frame.esp = outer[0]!;
    frame.ss = outer[1]!;
  } else {
    frame.esp = esp + 16;
  }
  frame.eip = eip;
  frame.cs = cs;
  frame.eflags = xen.guestFlags(eflags);
  cpu.setReg(EAX, eax);
  events.upcallMasked = (eflags & FLAG_IF) === 0;
}
