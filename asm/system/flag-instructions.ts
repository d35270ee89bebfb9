// CLI, STI, PUSHF, POPF, HLT, MONITOR, MWAIT (SDM Vol. 3A "Masking Maskable Hardware Interrupts", Vol. 2 of each).
import { ACTIVITY, INTERRUPTIBILITY, MODEL_EFLAGS, MSR_MISC_ENABLE } from '../layout';
import { GP, raise, UD } from '../fault';
import { AC, changeFlags, DF, getFlags, hasFlag, ID, IF, iopl, NT, RF, setFlags, STATUS_FLAGS, TF, VIF, VIP, VM } from '../flags';
import { faulted } from '../globals';
import { linearForRead, pop, push } from '../memory';
import { readMemory } from '../operand';
import { translate } from '../paging';
import { armMonitor, waitForMonitor } from '../processors/monitor';
import { addressMask, cpl, getRegister, getRegister32, operandSize, segmentNumber } from '../record';
import { interceptHlt, interceptMonitor, interceptMwait } from '../vmx/intercepts';
import { BLOCKED_BY_STI, HALTED } from './events';
import { finish } from './finish';
import { MISC_MONITOR } from './msr';
import { IOPL_MASK } from './state';
import { areFlagsSensitive, hasVirtualInterrupts, popVirtualFlags, pushVirtualFlags } from './virtual-8086';

export function cli(): void {
  if (cpl() <= iopl()) changeFlags(IF, 0);
  else if (hasVirtualInterrupts()) changeFlags(VIF, 0);
  else raise(GP, 0);
}

/** STAC and CLAC are undefined above CPL 0. */
function isSupervisor(): bool {
  if (cpl()) raise(UD, 0);
  return !faulted;
}

export function stac(r: usize): void {
  if (!isSupervisor()) return;
  changeFlags(0, AC);
  finish(r);
}

export function clac(r: usize): void {
  if (!isSupervisor()) return;
  changeFlags(AC, 0);
  finish(r);
}

/** Interrupts stay blocked for one more instruction when IF was clear. */
export function sti(r: usize): void {
  if (cpl() > iopl()) {
    if (hasVirtualInterrupts() && !hasFlag(VIP)) changeFlags(0, VIF);
    else raise(GP, 0);
    return;
  }
  finish(r);
  if (hasFlag(IF)) return;
  changeFlags(0, IF);
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | BLOCKED_BY_STI);
}

export function pushf(r: usize): void {
  if (areFlagsSensitive()) pushVirtualFlags(r);
  else push(getFlags() & ~u64(RF | VM), operandSize(r));
}

export function popf(r: usize): void {
  if (areFlagsSensitive()) {
    popVirtualFlags(r);
    if (!faulted) finish(r);
    return;
  }
  const size = operandSize(r);
  const level = cpl();
  const image = u32(pop(size));
  if (faulted) return;
  let mask = STATUS_FLAGS | TF | DF | NT;
  if (level <= iopl()) mask |= IF;
  if (level == 0) mask |= IOPL_MASK;
  if (size != 2) mask |= AC | (load<u32>(MODEL_EFLAGS) & ID);
  setFlags((getFlags() & ~u64(mask | RF)) | (image & mask));
  finish(r);
}

export function hlt(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  if (interceptHlt(r)) return;
  store<u32>(ACTIVITY, HALTED);
  finish(r);
}

/** MONITOR and MWAIT exist at CPL 0 while IA32_MISC_ENABLE allows them. */
function hasMonitor(): bool {
  if (!cpl() && load<u64>(MSR_MISC_ENABLE) & MISC_MONITOR) return true;
  raise(UD, 0);
  return false;
}

export function monitor(r: usize): void {
  if (!hasMonitor() || interceptMonitor(r)) return;
  if (getRegister32(1)) {
    raise(GP, 0);
    return;
  }
  // the address is checked as for a one-byte read
  const seg = segmentNumber(r);
  const ea = getRegister(0) & addressMask(r);
  readMemory(seg, ea, 1);
  if (faulted) return;
  const physical = translate(linearForRead(seg, ea, 1), 0, false);
  if (faulted) return;
  armMonitor(physical);
  finish(r);
}

export function mwait(r: usize): void {
  if (!hasMonitor() || interceptMwait(r)) return;
  if (getRegister32(1) & ~1) {
    raise(GP, 0);
    return;
  }
  waitForMonitor();
  finish(r);
}
