// How an unmasked x87 exception is reported (SDM Vol. 1 "Handling x87 FPU Exceptions in Software" and the appendix
// "Guidelines for Writing SIMD/x87 FPU Exception Handlers": "MS-DOS Compatibility Sub-mode"): natively as #MF, or with CR0.NE
// clear on the pin FERR#. Then the next waiting instruction stops the processor until an interrupt, unless IGNNE# is asserted.
import { ACTIVITY, CR0, FPU_FERR, FPU_IGNNE, INTERRUPTIBILITY, RIP } from '../layout';
import { armBreak } from '../breaks';
import { publishTime } from '../charge';
import { MF, raise } from '../fault';
import { current, leave, unfinished } from '../globals';
import { floatingPointError } from '../host';
import { recordRip } from '../record';
import { BLOCKED_BY_MOV_SS, BLOCKED_BY_STI, cancelStep, HALTED } from '../system/events';
import { ES, status } from './stack';

const CR0_NE: u32 = 0x20;

/** A waiting instruction is about to execute: false when it does not, because #MF is raised or the processor waits. */
export function mayContinue(): bool {
  if (!(status() & ES)) return true;
  if (load<u32>(CR0) & CR0_NE) {
    raise(MF, 0);
    return false;
  }
  if (load<u32>(FPU_IGNNE)) return true;
  store<u64>(RIP, recordRip(current));
  store<u32>(ACTIVITY, HALTED);
  // the shadow of STI or MOV SS does not hold back the interrupt that is waited for
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
  cancelStep();
  unfinished = true;
  leave = true;
  return false;
}

/** Drives FERR# after an instruction that may have changed the pending exceptions, their masks or CR0.NE. */
export function driveError(): void {
  const level = u32((status() & ES) != 0 && !(load<u32>(CR0) & CR0_NE));
  if (level == load<u32>(FPU_FERR)) return;
  store<u32>(FPU_FERR, level);
  publishTime();
  floatingPointError(level);
  armBreak();
}
