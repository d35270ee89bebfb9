// Transfers of control after which the same run loop goes on when nothing has to be looked at between blocks, and the other
// frequent instructions of the system of which that is true: they change only what may interrupt the next instruction.
import {
  ACTIVITY,
  CPL,
  INTERRUPTIBILITY,
  INTR_LINE,
  NMI_PENDING,
  PENDING_DEBUG,
  RIP,
  SMI_PENDING,
  STOP_REQUESTED,
  TLB_USER,
} from '../layout';
import { findTarget, findTarget64, jumpGeneration, updateContext } from '../jumps';
import { isArmed } from '../breaks';
import {
  OP_CLI,
  OP_INT1,
  OP_INVLPG,
  OP_JMP_FAR,
  OP_POPF,
  OP_SYSENTER,
  OP_SYSRET,
} from '../gen/ops';
import { AC, changeFlags, hasFlag, RF, TF, VIP } from '../flags';
import {
  code64,
  cyclesLeft,
  faulted,
  injecting,
  inScratch,
  instructionsLeft,
  leave,
  otherFlags,
  tlbBank,
  tlbBase,
  unfinished,
} from '../globals';
import { F_IN, F_INT, F_IRET, F_OUT, F_SYSCALL, F_SYSENTER, F_SYSEXIT } from '../frequent';
import { H_DEAD, H_END } from '../hot';
import { leaveFaulted } from '../leave';
import { syscall, sysret } from '../long-mode/system-call';
import { startupPending } from '../processors/startup';
import { FLAG_LONG, R_FLAGS, R_LINK, R_OP, RECORD_SIZE, restCost, restCount } from '../record';
import { chooseTlb, refreshDeadline } from '../run';
import { guardsOpen } from '../smap';
import { inNonRoot } from '../vmx/non-root';
import { recordsBranches } from './branch-records';
import { codeBreakpoints, dataBreakpoints } from './debug-registers';
import { systemOp } from './dispatch';
import { BLOCKED_BY_MOV_SS, BLOCKED_BY_STI, isAlone } from './events';
import { deliverFaultAsUsual } from './exception';
import { finish } from './finish';
import { readPort, writePort } from './io';
import { iret } from './iret';
import { intN } from './software-interrupts';
import { sysenter, sysexit } from './sysenter';

/** Does the operation transfer control between segments or privilege levels? */
// @ts-ignore: decorator
@inline
export function isTransfer(operation: u32): bool {
  return (operation >= OP_JMP_FAR && operation <= OP_INT1) || (operation >= OP_SYSENTER && operation <= OP_SYSRET);
}

/** Executes such an operation. Returns the record to go on with, or 0. */
export function transferOp(operation: u32, r: usize): usize {
  systemOp(operation, r);
  return leave && !faulted ? onwards(r) : 0;
}

/** Executes an operation by its number of asm/frequent.ts. Returns the record to go on with, or 0. */
export function frequentOp(number: u32, r: usize): usize {
  const jumps = jumpGeneration;
  switch (number) {
    case F_IN:
      if (readPort(r)) return behindPort(r, jumps);
      break;
    case F_OUT:
      if (writePort(r)) return behindPort(r, jumps);
      break;
    case F_INT:
      intN(r);
      break;
    case F_IRET:
      iret(r);
      break;
    case F_SYSENTER:
      sysenter();
      break;
    case F_SYSEXIT:
      sysexit(r);
      break;
    case F_SYSCALL:
      syscall(r);
      break;
    default:
      sysret(r);
  }
  return leave && !faulted ? goOn(r) : 0;
}

/**
 * Could anything come between the instruction that is done and the one at RIP, but RF? It may also be nothing: the run loop
 * looks closer then.
 */
// @ts-ignore: decorator
@inline
function isInterrupted(): bool {
  const pending =
    load<u32>(INTR_LINE) |
    load<u32>(NMI_PENDING) |
    load<u32>(PENDING_DEBUG) |
    load<u32>(ACTIVITY) |
    load<u32>(SMI_PENDING) |
    load<u32>(STOP_REQUESTED) |
    (load<u32>(INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) |
    (u32(otherFlags) & (TF | VIP));
  const watched =
    u32(startupPending()) | u32(inNonRoot()) | u32(codeBreakpoints) | u32(recordsBranches()) | u32(isArmed());
  return (pending | watched) != 0;
}

/** Chooses the TLB arrays of the present privilege where none of them has to be closed. */
// @ts-ignore: decorator
@inline
function chooseArrays(): void {
  if (guardsOpen || dataBreakpoints || hasFlag(AC)) chooseTlb();
  else tlbBase = load<u32>(CPL) == 3 ? tlbBank + TLB_USER : tlbBank;
}

/** The record of the block at RIP if the run loop would come to it at once, else 0; `r` says which of the two loops runs. */
// @ts-ignore: decorator
@inline
function nextRecord(r: usize): usize {
  const resumes = hasFlag(RF);
  if (isInterrupted() || (resumes && !isAlone())) return 0;
  if (code64 != ((load<u8>(r, R_FLAGS) & FLAG_LONG) != 0)) return 0;
  updateContext();
  chooseArrays();
  const rip = load<u64>(RIP);
  const t = code64 ? findTarget64(rip) : findTarget(rip);
  if (!t || load<u16>(t, R_OP) == H_DEAD) return 0;
  // the block is entered for certain when RF goes
  if (resumes) {
    if (cyclesLeft < i64(restCost(t)) || instructionsLeft < i64(restCount(t))) return 0;
    changeFlags(RF, 0);
  }
  return t;
}

/**
 * The record to go on with after `r`, which is done and has stored RIP, if the jump cache knows it and the run loop would
 * come back to it at once; else 0 with `leave` set.
 */
export function onwards(r: usize): usize {
  return goOn(r);
}
// @ts-ignore: decorator
@inline
function goOn(r: usize): usize {
  if (inScratch || injecting || unfinished || load<u16>(r + RECORD_SIZE, R_OP) != H_END) return 0;
  const t = nextRecord(r);
  if (t) leave = false;
  return t;
}

/**
 * The record to go on with behind IN or OUT: that of the next block, if one is linked, or 0, which is the end of this block, if
 * nothing has to be looked at. `jumps`: the jump cache before the device heard of it, which may have dropped all code.
 */
function behindPort(r: usize, jumps: u64): usize {
  if (!isArmed()) {
    // the device may have moved the deadline
    refreshDeadline();
    const isEnd = load<u16>(r + RECORD_SIZE, R_OP) == H_END;
    if (isEnd && jumps == jumpGeneration && !isInterrupted()) return load<u32>(r + RECORD_SIZE, R_LINK);
  }
  finish(r);
  return 0;
}

/** `onwards` behind those other operations of the system of which it is worth it. */
export function systemOnwards(operation: u32, r: usize): usize {
  return operation == OP_INVLPG || operation == OP_CLI || operation == OP_POPF ? onwards(r) : 0;
}

/**
 * Leaves `r`, which raised a fault. The record of the handler to go on with if the fault could be delivered at once, as for
 * `onwards`; else 0: the loop is left, and the fault may still have to be delivered.
 */
export function faultOnwards(r: usize): usize {
  leaveFaulted(r);
  return !inScratch && deliverFaultAsUsual() ? nextRecord(r) : 0;
}
