// INIT and start-up messages (SDM Vol. 3A "Multiple-Processor (MP) Initialization", Vol. 3C "Other Causes of VM Exits").
import {
  ACTIVITY,
  CS,
  INIT_PENDING,
  MSR_APIC_BASE,
  RIP,
  SMM,
  STARTUP_PENDING,
  STARTUP_VALID,
} from '../layout';
import { initSystem } from '../system/reset';
import { setSegment } from '../system/segment';
import { initBlocked, interceptInit, interceptSipi } from '../vmx/intercept-signals';
import { WAIT_FOR_SIPI } from '../vmx/intercept-events';
import { disarmMonitor } from './monitor';

/** Bit of IA32_APIC_BASE: the bootstrap processor. */
export const APIC_BASE_BSP: u64 = 0x100;
/** As RESET leaves them: present, writable. */
const RIGHTS_AFTER_RESET: u32 = 0x93;

/** Has INIT or a start-up message arrived? */
// @ts-ignore: decorator
@inline
export function startupPending(): bool {
  return load<u64>(INIT_PENDING) != 0;
}

/** Takes an INIT or a start-up message that is not blocked. True: start again at the top of the outer loop. */
export function takeStartup(): bool {
  const isWaiting = load<u32>(ACTIVITY) == WAIT_FOR_SIPI;
  if (load<u32>(INIT_PENDING)) {
    // INIT waits for the end of system-management mode
    if (initBlocked() || load<u32>(SMM)) return false;
    store<u32>(INIT_PENDING, 0);
    if (isWaiting || interceptInit()) return true;
    disarmMonitor();
    initSystem();
    // the bootstrap processor starts at the reset vector, all others wait
    if (!(load<u64>(MSR_APIC_BASE) & APIC_BASE_BSP)) store<u32>(ACTIVITY, WAIT_FOR_SIPI);
    return true;
  }
  const vector = load<u32>(STARTUP_PENDING) & ~<u32>STARTUP_VALID;
  store<u32>(STARTUP_PENDING, 0);
  if (!isWaiting || interceptSipi(vector)) return true;
  setSegment(CS, vector << 8, RIGHTS_AFTER_RESET, u64(vector) << 12, 0xffff);
  store<u64>(RIP, 0);
  store<u32>(ACTIVITY, 0);
  return true;
}
