// Instructions of the system after which the same run loop goes on when nothing has to be looked at between blocks: those
// that transfer control, and the frequent ones that change only what may interrupt the next instruction.
import { RIP, STOP_REQUESTED } from '../layout';
import { findTarget, findTarget64, isArmed, updateContext } from '../blocks';
import { OP_CLI, OP_INT1, OP_INVLPG, OP_JMP_FAR, OP_POPF, OP_SYSENTER, OP_SYSRET } from '../gen/ops';
import { changeFlags, hasFlag, RF } from '../flags';
import { code64, cyclesLeft, injecting, inScratch, instructionsLeft, leave, unfinished } from '../globals';
import { H_DEAD, H_END } from '../hot';
import { FLAG_LONG, R_FLAGS, R_OP, RECORD_SIZE, restCost, restCount } from '../record';
import { chooseTlb } from '../run';
import { eventsPending, onlyResumes, stepping } from './events';
import { isVirtualInterruptDue } from './virtual-8086';

/** May execution go on without leaving the run loop after this operation? No device has seen it, and no deadline has changed. */
// @ts-ignore: decorator
@inline
export function goesOnwards(operation: u32): bool {
  return (
    (operation >= OP_JMP_FAR && operation <= OP_INT1) ||
    (operation >= OP_SYSENTER && operation <= OP_SYSRET) ||
    operation == OP_INVLPG ||
    operation == OP_CLI ||
    operation == OP_POPF
  );
}

/** Could anything come between the instruction that is done and the one at RIP? */
function isInterrupted(): bool {
  return isArmed() || eventsPending() || load<u32>(STOP_REQUESTED) != 0 || isVirtualInterruptDue();
}

/**
 * The record to go on with after `r`, which is done and has stored RIP, if the jump cache knows it and the run loop would
 * come back to it at once; else 0 with `leave` set.
 */
export function onwards(r: usize): usize {
  if (inScratch || injecting || unfinished || load<u16>(r + RECORD_SIZE, R_OP) != H_END) return 0;
  if (isInterrupted() || (stepping() && !onlyResumes())) return 0;
  if (code64 != ((load<u8>(r, R_FLAGS) & FLAG_LONG) != 0)) return 0;
  updateContext();
  chooseTlb();
  const rip = load<u64>(RIP);
  const t = code64 ? findTarget64(rip) : findTarget(rip);
  if (!t || load<u16>(t, R_OP) == H_DEAD) return 0;
  // the block is entered for certain when RF goes
  if (hasFlag(RF)) {
    if (cyclesLeft < i64(restCost(t)) || instructionsLeft < i64(restCount(t))) return 0;
    changeFlags(RF, 0);
  }
  leave = false;
  return t;
}
