// Bounce frames: how an exception or an event reaches the guest kernel. The hypervisor writes the frame that a gate would
// have pushed onto the guest kernel's stack, and changes its own frame so that its IRET goes to the handler
// (Barham et al. 2003, section 3.2.2 "CPU"; Xen public header "arch-x86/xen-x86_32.h": saved_upcall_mask beside CS).

import { HYPERVISOR_VIRT_START } from '../../xen/abi.ts';
import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../../vcpu.ts';
import type { GuestFrame } from './guest-frame.ts';
import type { HostCpu } from './host-cpu.ts';
import { GDT_LINEAR, LDT_LINEAR } from './layout.ts';

/** Where to, and what goes with it. */
export interface BounceTarget {
  readonly cs: number;
  readonly address: number;
  readonly errorCode?: number;
  /** The failsafe callback also gets the data segments. */
  readonly dataSegments?: readonly number[];
}

/** What a bounce works on. */
export interface BounceParts {
  readonly cpu: HostCpu;
  readonly frame: GuestFrame;
  readonly kernelSs: number;
  readonly kernelSp: number;
  /** Events are masked in the interrupted context. */
  readonly masked: boolean;
}

const DESCRIPTOR_FLAT = 0xe021;

/** Writes the frame; false when the guest kernel's stack cannot take it. */
export function bounce(parts: BounceParts, target: BounceTarget): boolean {
  const { cpu, frame } = parts;
  const cs = frame.cs;
  const eflags = frame.eflags;
  const words = [frame.eip, cs | (parts.masked ? 0x1_0000 : 0), (eflags & ~FLAG_IF) | (parts.masked ? 0 : FLAG_IF)];
  const fromKernel = (cs & 3) === 1;
  const ss = fromKernel ? frame.ss : parts.kernelSs;
  let esp = fromKernel ? frame.esp : parts.kernelSp;
  if (!fromKernel) words.push(frame.esp, frame.ss);
  if (target.errorCode !== undefined) words.unshift(target.errorCode);
  if (target.dataSegments !== undefined) words.unshift(...target.dataSegments);
  esp = (esp - words.length * 4) >>> 0;
  const base = segmentBase(cpu, ss);
  if (base === undefined) return false;
  for (let i = words.length - 1; i >= 0; i--) {
    const at = (base + esp + i * 4) >>> 0;
    if (at + 4 > HYPERVISOR_VIRT_START || !cpu.tryStore(at, 4, words[i]! >>> 0)) return false;
  }
  if (!fromKernel) frame.ss = ss;
  frame.esp = esp;
  frame.cs = target.cs;
  frame.eip = target.address;
  frame.eflags = eflags & ~(FLAG_VM | FLAG_RF | FLAG_NT | FLAG_TF);
  return true;
}

/** Base of a segment by its selector; undefined when there is no such descriptor. */
export function segmentBase(cpu: HostCpu, selector: number): number | undefined {
  if ((selector & ~3) === (DESCRIPTOR_FLAT & ~3)) return 0;
  if ((selector & ~3) === 0) return undefined;
  const at = ((selector & 4 ? LDT_LINEAR : GDT_LINEAR) + (selector & 0xfff8)) >>> 0;
  const low = cpu.tryLoad(at, 4);
  const high = cpu.tryLoad(at + 4, 4);
  if (low === undefined || high === undefined || (high & 0x8000) === 0) return undefined;
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
}
