// RDTSC, RDTSCP, RDPMC (SDM Vol. 3B "Time-Stamp Counter", Vol. 2 "RDPMC").
import { MSR_TSC_AUX } from '../layout';
import { GP, raise } from '../fault';
import { mustWait } from '../processors/wait';
import { cpl, setRegister } from '../record';
import { interceptRdpmc, interceptRdtsc, interceptRdtscp } from '../vmx/intercepts';
import { tscAdjustment } from '../vmx/guest-view';
import { timeStampCounter } from './msr';
import { CR4_PCE, CR4_TSD, cr4 } from './state';

function mayReadTime(): bool {
  if (!cpl() || !(cr4() & CR4_TSD)) return !mustWait();
  raise(GP, 0);
  return false;
}

function setTime(): void {
  const time = timeStampCounter() + tscAdjustment();
  setRegister(0, time & 0xffffffff);
  setRegister(2, time >> 32);
}

export function rdtsc(r: usize): void {
  if (!mayReadTime() || interceptRdtsc(r)) return;
  setTime();
}

export function rdtscp(r: usize): void {
  if (!mayReadTime() || interceptRdtscp(r)) return;
  setTime();
  setRegister(1, load<u64>(MSR_TSC_AUX) & 0xffffffff);
}

/** There are no performance counters, so every counter number is #GP(0). */
export function rdpmc(r: usize): void {
  if ((!cpl() || cr4() & CR4_PCE) && interceptRdpmc(r)) return;
  raise(GP, 0);
}
