// IA32_DEBUGCTL: single-stepping on branches (BTF) and last-branch records (LBR) (SDM Vol. 3B "Last Branch, Interrupt, and
// Exception Recording Overview", "Single-Stepping on Branches"). While either is asked for instructions run one by one, so that
// the run loop knows nothing of them. Records hold offsets in the code segment.
import {
  MSR_DEBUGCTL,
  MSR_LBR_FROM,
  MSR_LBR_TO,
  MSR_LBR_TOP,
  MSR_LER_FROM,
  MSR_LER_TO,
  RIP,
} from '../layout';
import { SCRATCH } from '../block-memory';
import { FORMS, FORM_OP, FORM_SIZE } from '../gen/tables';
import * as op from '../gen/ops';
import { ripMask } from '../globals';
import { condition } from '../ops/condition';
import { R_FORM, R_LENGTH } from '../record';

/** Bits of IA32_DEBUGCTL. */
export const DEBUGCTL_LBR: u64 = 1;
export const DEBUGCTL_BTF: u64 = 2;
/** Records in the stack. */
const DEPTH: u64 = 4;

/** Are branches recorded? */
// @ts-ignore: decorator
@inline
export function recordsBranches(): bool {
  return (load<u64>(MSR_DEBUGCTL) & DEBUGCTL_LBR) != 0;
}

// RIP, and its mask, when the lone instruction started.
let start: u64 = 0;
let startMask: u64 = 0;

/** Before a lone instruction. */
export function noteStart(): void {
  start = load<u64>(RIP);
  startMask = ripMask;
}

/** Has the lone instruction that just ended transferred control? Also a taken branch to the next instruction has. */
function hasBranched(): bool {
  const operation: u32 = load<u16>(FORMS + <usize>load<u16>(SCRATCH, R_FORM) * FORM_SIZE, FORM_OP);
  if (operation >= op.OP_JO && operation <= op.OP_JG) return condition(operation - op.OP_JO);
  if (operation >= op.OP_JMP && operation <= op.OP_IRET) return true;
  return load<u64>(RIP) != ((start + load<u8>(SCRATCH, R_LENGTH)) & startMask);
}

/** After a lone instruction: records a branch. True: a single-step trap is due if TF was set. */
export function noteEnd(): bool {
  const control = load<u64>(MSR_DEBUGCTL);
  if (!(control & (DEBUGCTL_LBR | DEBUGCTL_BTF))) return true;
  const branched = hasBranched();
  if (branched && control & DEBUGCTL_LBR) record(start, load<u64>(RIP));
  return branched || !(control & DEBUGCTL_BTF);
}

function record(from: u64, to: u64): void {
  const top = (load<u64>(MSR_LBR_TOP) + 1) & (DEPTH - 1);
  store<u64>(MSR_LBR_TOP, top);
  store<u64>(MSR_LBR_FROM + (usize(top) << 3), from);
  store<u64>(MSR_LBR_TO + (usize(top) << 3), to);
}

/** An event has been delivered through the IDT from `from`: the branch before it is kept apart. #DB ends recording first. */
export function noteEvent(from: u64, isDebug: bool): void {
  if (isDebug) store<u64>(MSR_DEBUGCTL, load<u64>(MSR_DEBUGCTL) & ~(DEBUGCTL_LBR | DEBUGCTL_BTF));
  if (!recordsBranches()) return;
  const top = usize(load<u64>(MSR_LBR_TOP)) << 3;
  store<u64>(MSR_LER_FROM, load<u64>(MSR_LBR_FROM + top));
  store<u64>(MSR_LER_TO, load<u64>(MSR_LBR_TO + top));
  record(from, load<u64>(RIP));
}

/** Place of a branch-record MSR, 0 if it is none. The P6 has one record, the newest; later processors a stack of four. */
export function branchMsrPlace(msr: u32): usize {
  const top = usize(load<u64>(MSR_LBR_TOP)) << 3;
  if (msr >= 0x40 && msr < 0x44) return MSR_LBR_FROM + (usize(msr - 0x40) << 3);
  if (msr >= 0x60 && msr < 0x64) return MSR_LBR_TO + (usize(msr - 0x60) << 3);
  if (msr == 0x1c9) return MSR_LBR_TOP;
  if (msr == 0x1db) return MSR_LBR_FROM + top;
  if (msr == 0x1dc) return MSR_LBR_TO + top;
  if (msr == 0x1dd) return MSR_LER_FROM;
  return msr == 0x1de ? MSR_LER_TO : 0;
}

/** WRMSR: the records of the stack may be written, all others are read-only. False: it is #GP(0). */
export function isBranchMsrWritable(msr: u32): bool {
  return msr < 0x64;
}
