// Exceptions raised by the guest: bounced to its kernel, or answered by emulating the privileged instruction that caused
// them (Barham et al. 2003, section 3.2.2 "CPU"; Xen public header "arch-x86/xen.h", trap_info).

import { vectorName } from '../../counters.ts';
import {
  PF_USER,
  VECTOR_AC,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_NMI,
  VECTOR_NP,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_SS,
  VECTOR_TS,
  VECTOR_UD,
} from '../../host-access.ts';
import { VCPU_INFO } from '../../xen/abi.ts';
import { SHARED_INFO_MFN } from './layout.ts';
import { emulatePrivileged, emulateForced } from './privileged.ts';
import type { Xen } from './xen.ts';

const WITH_ERROR = new Set([VECTOR_DF, VECTOR_TS, VECTOR_NP, VECTOR_SS, VECTOR_GP, VECTOR_PF, VECTOR_AC]);
const VECTOR_MC = 18;
/** Work of deciding what an exception is. */
const DECIDE_WORK = 6;
/** Error code of a fault on an IDT entry by INT n: bit 1; bit 0 (external) is clear. */
const ERROR_IDT = 2;
const DR6_CLEAR = 0xffff_0ff0;

/** Handles exception `vector` from the guest. */
export function handleException(xen: Xen, vector: number): void {
  xen.cpu.charge('alu', DECIDE_WORK);
  switch (vector) {
    case VECTOR_PF:
      pageFault(xen);
      return;
    case VECTOR_GP:
      generalProtection(xen);
      return;
    case VECTOR_UD:
      if (!emulateForced(xen)) xen.bounceException(vector);
      return;
    case VECTOR_DB:
      debug(xen);
      return;
    case VECTOR_NM:
      deviceNotAvailable(xen);
      return;
    case VECTOR_BP:
    case VECTOR_OF:
      softwareTrap(xen, vector, 0);
      return;
    case VECTOR_NMI:
      return;
    case VECTOR_DF:
    case VECTOR_MC:
      xen.crash(`${vectorName(vector)} at ${xen.where()}`);
      return;
    default:
      xen.bounceException(vector, WITH_ERROR.has(vector) ? xen.frame.error : undefined);
      return;
  }
}

function pageFault(xen: Xen): void {
  const { cpu, machine } = xen;
  cpu.charge('cr-read');
  const address = machine.cpu.cr2 >>> 0;
  const error = xen.frame.error;
  xen.trace('paging', () => `page fault for 0x${address.toString(16)} (${error.toString(16)}) at ${xen.where()}`);
  cpu.storePhysical(SHARED_INFO_MFN * 0x1000 + VCPU_INFO.archCr2, 4, address);
  xen.counters.add('paging', (error & PF_USER) !== 0 ? 'page fault of user mode' : 'page fault of the kernel');
  xen.bounceException(VECTOR_PF, error);
}

function generalProtection(xen: Xen): void {
  const error = xen.frame.error;
  if ((error & 7) === ERROR_IDT) {
    // INT n through a gate that is the hypervisor's: the guest's own table decides.
    const vector = error >>> 3;
    xen.cpu.charge('load', 2);
    const trap = xen.state.traps[vector];
    if (trap !== undefined && trap.dpl >= (xen.frame.cs & 3)) {
      softwareTrap(xen, vector, 2);
      return;
    }
  } else if (error === 0 && emulatePrivileged(xen)) {
    return;
  }
  xen.bounceException(VECTOR_GP, error);
}

/** INT n, INT3, INTO: the frame points behind the instruction. */
function softwareTrap(xen: Xen, vector: number, length: number): void {
  if (length !== 0) xen.frame.eip = xen.frame.eip + length;
  xen.bounceException(vector);
}

/** DR6 is the guest's to see through get_debugreg. */
function debug(xen: Xen): void {
  xen.cpu.charge('dr-access', 2);
  xen.state.debugRegisters[6] = xen.machine.cpu.dr(6) >>> 0;
  xen.machine.cpu.setDr(6, DR6_CLEAR);
  xen.bounceException(VECTOR_DB);
}

/** The first use of the FPU after fpu_taskswitch(1). */
function deviceNotAvailable(xen: Xen): void {
  xen.cpu.execute([0x0f, 0x06]); // clts
  if (!xen.state.taskSwitched) return;
  xen.state.taskSwitched = false;
  xen.bounceException(VECTOR_NM);
}
