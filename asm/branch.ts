// Near transfers of control (SDM Vol. 2 "Jcc", "JMP", "CALL", "RET", "LOOP/LOOPcc") and the linking of blocks.
import { CPL, CS, RIP, SEGMENT_LIMIT, STOP_REQUESTED } from './layout';
import * as op from './gen/ops';
import {
  code64,
  cyclesLeft,
  faulted,
  inScratch,
  injecting,
  instructionsLeft,
  leave,
  pageRip,
  ripMask,
} from './globals';
import { GP, raise } from './fault';
import { zero } from './flags';
import { findLinked, findLinked64, findTarget, findTarget64 } from './jumps';
import { nextFirstRun, prepareFirstRun, prepareTarget } from './blocks';
import { isFirstRunRecord } from './first-runs';
import { H_END } from './hot';
import { effectiveBase, isCanonical } from './long-mode/state';
import { push, readStack, RSP, segmentCache, setStackPointer, stackMask } from './memory';
import { readRm } from './operand';
import { condition } from './ops/condition';
import { fetchHit, linearMask, walkPhysical } from './paging';
import { MISS_DONE, missQuickly } from './quick-walk';
import {
  addressMask,
  addressSize,
  getRegister,
  immediate,
  operandSize,
  R_FALL,
  R_IMM,
  R_LINK,
  R_OP,
  RECORD_SIZE,
  recordNextRip,
  recordRip,
  setRegisterSized,
} from './record';
import { eventsPending, stepping } from './system/events';
import { finish } from './system/finish';
import { isVirtualInterruptDue } from './system/virtual-8086';

/** #GP(0) for a target outside the code segment, in 64-bit code for one that is not canonical. True: it may be reached. */
function targetAllowed(target: u64): bool {
  if (mayFetch(target)) return true;
  raise(GP, 0);
  return false;
}

/** Record at `target` if the jump cache knows it, else 0. */
function find(r: usize, target: u64, link: usize): usize {
  if (code64) return link ? findLinked64(r, target, link) : findTarget64(target);
  return link ? findLinked(r, target, link) : findTarget(target);
}

/**
 * Goes to `target` (already checked). `link`, if not 0, is the field of the branch's record that remembers the target's
 * record when both lie in one page.
 */
function goTo(r: usize, target: u64, link: usize): usize {
  if (!inScratch) {
    let t: usize = 0;
    // code that runs for the first time mostly goes on in its page
    if (link && !load<u32>(r + link) && target - pageRip < 0x1000) t = prepareFirstRun(target);
    if (!t) t = find(r, target, link);
    if (t) return t;
    const page = pageRip;
    t = prepareTarget(target);
    if (t && !isFirstRunRecord(t)) {
      // it can be linked
      pageRip = page;
      t = find(r, target, link);
    }
    if (t) return t;
  }
  store<u64>(RIP, target);
  leave = true;
  return 0;
}

/** Execution runs off the end of a block. */
export function endBlock(r: usize): usize {
  if (injecting) {
    leave = true;
    return 0;
  }
  if (isFirstRunRecord(r)) {
    const t = nextFirstRun(r);
    if (t) return t;
  }
  return goTo(r, recordRip(r), R_LINK);
}

/**
 * The record behind `r`, a MOV to CR3: nothing but what addresses mean has changed, so that there is nothing to look at between
 * the blocks unless there was before. Its fetch misses the TLB then and there; if the page is the same as before, the end of the
 * block leads on. 0 with `leave`: the run loop is left after all.
 */
export function refetch(r: usize): usize {
  const rip = recordNextRip(r);
  const isDue = min<i64>(cyclesLeft, instructionsLeft) <= 0 || load<u32>(STOP_REQUESTED) || eventsPending();
  if (injecting || inScratch || isDue || stepping() || isVirtualInterruptDue()) {
    finish(r);
    return 0;
  }
  const linear = (effectiveBase(CS) + rip) & linearMask;
  const user = load<u32>(CPL) == 3;
  let physical = fetchHit(linear, user);
  if (physical == u64.MAX_VALUE && mayFetch(rip) && missQuickly(linear, 2, user) == MISS_DONE) physical = walkPhysical;
  const end = r + RECORD_SIZE;
  if (load<u16>(end, R_OP) != H_END || physical >> 12 != load<u32>(end, R_IMM)) return goTo(r, rip, 0);
  const known: usize = load<u32>(end, R_LINK);
  return known ? known : goTo(end, rip, R_LINK);
}

/** Is there an instruction at `rip` at all, by segment limit or canonical form? */
function mayFetch(rip: u64): bool {
  return code64 ? isCanonical(rip) : rip <= u64(load<u32>(segmentCache(CS), SEGMENT_LIMIT));
}

/** Target of a relative branch, truncated to the operand size. */
// @ts-ignore: decorator
@inline
function relativeTarget(r: usize): u64 {
  if (code64) return recordNextRip(r) + u64(immediate(r));
  const target = (pageRip + u64(i64(load<i32>(r, R_IMM)))) & ripMask;
  return operandSize(r) == 2 ? target & 0xffff : target;
}

function conditional(r: usize, taken: bool): usize {
  if (!taken) return goTo(r, recordNextRip(r), R_FALL);
  const target = relativeTarget(r);
  return targetAllowed(target) ? goTo(r, target, R_LINK) : 0;
}

/** LOOP, LOOPE, LOOPNE and JCXZ. The count is committed only if the branch does not fault. */
function loopOp(operation: u32, r: usize): usize {
  const mask = addressMask(r);
  let count = getRegister(1) & mask;
  if (operation == op.OP_JCXZ) return conditional(r, count == 0);
  count = (count - 1) & mask;
  let taken = count != 0;
  if (operation == op.OP_LOOPE) taken = taken && zero();
  else if (operation == op.OP_LOOPNE) taken = taken && !zero();
  const t = conditional(r, taken);
  if (!faulted) setRegisterSized(1, count, addressSize(r));
  return t;
}

function call(r: usize, target: u64, link: usize): usize {
  if (!targetAllowed(target)) return 0;
  push(recordNextRip(r), operandSize(r));
  return faulted ? 0 : goTo(r, target, link);
}

function ret(r: usize): usize {
  const size = operandSize(r);
  const mask = stackMask();
  const sp = load<u64>(RSP) & mask;
  const target = readStack(sp, size);
  if (faulted || !targetAllowed(target)) return 0;
  setStackPointer((sp + size + u64(immediate(r))) & mask);
  return goTo(r, target, 0);
}

/** Executes a near branch; returns the record to go on with, or 0 with `leave` or `faulted`. */
export function branchOp(operation: u32, r: usize, form: usize): usize {
  if (operation <= op.OP_JG) return conditional(r, condition(operation - op.OP_JO));
  if (operation <= op.OP_JCXZ) return loopOp(operation, r);
  switch (operation) {
    case op.OP_JMP: {
      const target = relativeTarget(r);
      return targetAllowed(target) ? goTo(r, target, R_LINK) : 0;
    }
    case op.OP_CALL:
      return call(r, relativeTarget(r), R_LINK);
    case op.OP_JMP_INDIRECT: {
      const target = readRm(r, operandSize(r));
      return !faulted && targetAllowed(target) ? goTo(r, target, 0) : 0;
    }
    case op.OP_CALL_INDIRECT: {
      const target = readRm(r, operandSize(r));
      return faulted ? 0 : call(r, target, 0);
    }
    default:
      return ret(r);
  }
}
