// VM exits of instructions that came after VMX: RDRAND, RDSEED, INVPCID, XSETBV (SDM Vol. 3C "Instructions That Cause VM
// Exits"). As in intercepts.ts the caller has made its own checks before, and returns at once when the answer is true.
import { raise, UD } from '../fault';
import { regNumber } from '../record';
import { exitForInstruction, noteInformation } from './exit';
import { displacementOf, operandInformation, randomInformation } from './information';
import { exitIf, inNonRoot, primary, secondary } from './non-root';
import * as F from './vmcs-fields';

export function interceptRdrand(r: usize): bool {
  return exitRandom(r, <u32>F.CPU2_RDRAND, F.REASON_RDRAND);
}

export function interceptRdseed(r: usize): bool {
  return exitRandom(r, <u32>F.CPU2_RDSEED, F.REASON_RDSEED);
}

function exitRandom(r: usize, control: u32, reason: u32): bool {
  if (!(secondary() & control)) return false;
  noteInformation(randomInformation(r));
  exitForInstruction(reason, 0, r);
  return true;
}

/** INVPCID is undefined in a guest without "enable INVPCID" (then `faulted` is set), and exits with INVLPG. */
export function interceptInvpcid(r: usize): bool {
  if (!inNonRoot()) return false;
  if (!(secondary() & <u32>F.CPU2_INVPCID)) {
    raise(UD, 0);
    return true;
  }
  if (!(primary() & <u32>F.CPU_INVLPG)) return false;
  noteInformation(operandInformation(r) | (regNumber(r) << 28));
  exitForInstruction(F.REASON_INVPCID, displacementOf(r), r);
  return true;
}

export function interceptXsetbv(r: usize): bool {
  return exitIf(inNonRoot(), F.REASON_XSETBV, 0, r);
}
