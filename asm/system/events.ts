// Everything that can happen between two instructions, in the order of SDM Vol. 3A "Prioritization of Concurrent Events",
// and the single-step machinery (SDM Vol. 3B "Single-Step Exception Condition").
import {
  ACTIVITY,
  CS,
  INTERRUPTIBILITY,
  INTR_LINE,
  MSR_DEBUGCTL,
  NMI_PENDING,
  OTHERS_TIME,
  PENDING_DEBUG,
  RIP,
} from '../layout';
import { exactInstructions, publishTime } from '../charge';
import { raiseDebug } from '../fault';
import { changeFlags, hasFlag, IF, RF, TF } from '../flags';
import { interruptAcknowledge } from '../host';
import { inNonRoot } from '../vmx/non-root';
import {
  interceptEachInstruction,
  interceptBeforeTraps,
  interceptExternalInterrupt,
  interceptNmi,
  interceptWindow,
  noteMonitorTrap,
  WAIT_FOR_SIPI,
} from '../vmx/intercept-events';
import { endMonitorWait } from '../processors/monitor';
import { startupPending, takeStartup } from '../processors/startup';
import { codeBreakpoints, DR6_BS, DR6_BT, matchBreakpoints } from './debug-registers';
import { DEBUGCTL_BTF, noteEnd, noteStart, recordsBranches } from './branch-records';
import { deliverEvent, EVENT_EXTERNAL, EVENT_NMI } from './interrupt';
import { enterSmm, smiDue } from './smm';
import { effectiveBase } from '../long-mode/state';
import { linearMask } from '../paging';

/** Bits of INTERRUPTIBILITY. */
export const BLOCKED_BY_STI: u32 = 1;
export const BLOCKED_BY_MOV_SS: u32 = 2;
export const BLOCKED_BY_NMI: u32 = 8;
/** Activity states. */
export const ACTIVE: u32 = 0;
export const HALTED: u32 = 1;

/** DR6 conditions in PENDING_DEBUG that make a #DB: B0-B3, BS, BT. */
const DEBUG_TRAPS: u32 = 0xc00f;

/** Cheap question in front of `checkEvents`: could anything be pending? */
export function eventsPending(): bool {
  return (
    (load<u32>(INTR_LINE) | load<u32>(NMI_PENDING) | load<u32>(PENDING_DEBUG) | load<u32>(ACTIVITY)) != 0 ||
    startupPending() ||
    smiDue() ||
    inNonRoot()
  );
}

/** An event ends HLT and MWAIT. */
function wake(): void {
  store<u32>(ACTIVITY, ACTIVE);
  endMonitorWait();
}

/**
 * Between instructions: INIT, debug traps, VMX windows, NMI, INTR. Wakes HLT. True: something was delivered, exited or
 * faulted, so start again at the top of the outer loop (`faulted` first). False: go on with the instruction at RIP, or stop
 * with STOP_HALT if ACTIVITY is not 0.
 */
export function checkEvents(): bool {
  if (startupPending() && takeStartup()) return true;
  // nothing but a start-up signal ends that state
  if (load<u32>(ACTIVITY) == WAIT_FOR_SIPI) return false;
  // the trap on a task switch comes before SMI, all others behind it
  if (smiDue() && !(load<u32>(PENDING_DEBUG) & DR6_BT)) {
    enterSmm();
    endMonitorWait();
    return true;
  }
  if (inNonRoot() && interceptBeforeTraps()) return true;
  const blocked = load<u32>(INTERRUPTIBILITY);
  const debug = load<u32>(PENDING_DEBUG) & DEBUG_TRAPS;
  if (debug && !(blocked & BLOCKED_BY_MOV_SS)) {
    store<u32>(PENDING_DEBUG, 0);
    wake();
    raiseDebug(debug);
    return true;
  }
  if (inNonRoot() && interceptWindow()) return true;
  if (load<u32>(NMI_PENDING) && !(blocked & (BLOCKED_BY_NMI | BLOCKED_BY_MOV_SS | BLOCKED_BY_STI))) {
    if (interceptNmi()) return true;
    store<u32>(NMI_PENDING, 0);
    wake();
    store<u32>(INTERRUPTIBILITY, blocked | BLOCKED_BY_NMI);
    deliverEvent((EVENT_NMI << 8) | 2, 0, 0);
    return true;
  }
  // INTR wakes a halted processor, not one in shutdown
  if (!load<u32>(INTR_LINE) || load<u32>(ACTIVITY) > HALTED) return false;
  if (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) return false;
  if (inNonRoot() && interceptExternalInterrupt()) return true;
  if (!hasFlag(IF)) return false;
  wake();
  publishTime();
  deliverEvent((EVENT_EXTERNAL << 8) | interruptAcknowledge(), 0, 0);
  return true;
}

/** TF, RF and the interrupt shadows as they were when the lone instruction started. */
let traps: bool = false;
let resumes: bool = false;
let shadows: u32 = 0;
/** `cancelStep` was called since the instruction started. */
let cancelled: bool = false;
/** Instructions retired before it. */
let retired: u64 = 0;

/**
 * True while instructions have to run one by one between `stepStart` and `stepEnd`: TF, RF, code breakpoints, branch records,
 * the shadow of STI or MOV SS, the VMX monitor trap flag.
 */
export function stepping(): bool {
  return hasFlag(RF) || isWatched();
}

/** Is there anything but RF that makes instructions run one by one? */
function isWatched(): bool {
  return (
    hasFlag(TF) ||
    codeBreakpoints ||
    recordsBranches() ||
    (load<u32>(INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) != 0 ||
    (inNonRoot() && interceptEachInstruction())
  );
}

/**
 * Has RF no meaning for the instruction at RIP but to be cleared by it? It may then be the first of a block. An instruction
 * that has to wait for other processors needs RF back.
 */
export function onlyResumes(): bool {
  return !isWatched() && isAlone();
}

/** Does no other processor run? */
// @ts-ignore: decorator
@inline
export function isAlone(): bool {
  return load<u64>(OTHERS_TIME) == u64.MAX_VALUE;
}

/** Code breakpoints, which come before every fault of the instruction, its fetch included. True: #DB was raised. */
export function breaksHere(): bool {
  if (!codeBreakpoints || hasFlag(RF) || load<u32>(INTERRUPTIBILITY) & BLOCKED_BY_MOV_SS) return false;
  const matched = matchBreakpoints((effectiveBase(CS) + load<u64>(RIP)) & linearMask, 1, 0);
  if (matched) raiseDebug(matched);
  return matched != 0;
}

/** Before a lone instruction. */
export function stepStart(): void {
  cancelled = false;
  noteStart();
  traps = hasFlag(TF);
  resumes = hasFlag(RF);
  retired = exactInstructions();
  shadows = load<u32>(INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS);
  changeFlags(RF, 0);
}

/**
 * After a lone instruction that did not fault. A REP instruction between two iterations has not been retired: it resumes
 * with RF set, so that its breakpoint does not match again.
 */
export function stepEnd(finished: bool): void {
  if (cancelled) return;
  noteMonitorTrap();
  const now = load<u32>(INTERRUPTIBILITY);
  if (finished && exactInstructions() != retired) store<u32>(INTERRUPTIBILITY, now & ~shadows);
  else changeFlags(0, RF);
  // a REP instruction between two iterations is no branch
  const isDue = finished ? noteEnd() : (load<u64>(MSR_DEBUGCTL) & DEBUGCTL_BTF) == 0;
  if (traps && isDue) store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | DR6_BS);
  traps = false;
}

/** The lone instruction has to wait for other processors: it was not executed. */
export function undoStepStart(): void {
  if (resumes) changeFlags(0, RF);
  cancelStep();
}

/** SYSCALL and SYSRET look at TF when they are done: whoever masks it is not trapped, whoever gets it back is at once. */
export function trapByNewFlags(): void {
  traps = false;
  if (hasFlag(TF)) store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | DR6_BS);
}

/** An event was delivered through the IDT or by a VM exit or entry: the instruction that did it makes no single-step trap. */
export function cancelStep(): void {
  cancelled = true;
  traps = false;
  shadows = 0;
}
