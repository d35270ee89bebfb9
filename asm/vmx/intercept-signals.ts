// INIT and start-up signals in VMX operation (SDM Vol. 3C "Other Causes of VM Exits"; Vol. 3A "MP Initialization"): the
// rest of the core asks here before it acts on one.
import { ACTIVITY, VMX_ROOT } from '../layout';
import { vmExit } from './exit';
import { inNonRoot } from './non-root';
import { WAIT_FOR_SIPI } from './intercept-events';
import * as F from './vmcs-fields';

/** INIT stays pending in VMX root operation, and in a guest that waits for a start-up signal. */
export function initBlocked(): bool {
  return load<u32>(VMX_ROOT) == 1 || (inNonRoot() && load<u32>(ACTIVITY) == WAIT_FOR_SIPI);
}

/** An INIT that is not blocked has arrived. True: it caused a VM exit instead of resetting the processor. */
export function interceptInit(): bool {
  if (!inNonRoot()) return false;
  vmExit(F.REASON_INIT, 0);
  return true;
}

/**
 * A start-up signal with this vector has arrived. True: it is dealt with, by a VM exit of a guest that waits for it, or
 * ignored as VMX operation does otherwise.
 */
export function interceptSipi(vector: u32): bool {
  if (!load<u32>(VMX_ROOT)) return false;
  if (inNonRoot() && load<u32>(ACTIVITY) == WAIT_FOR_SIPI) vmExit(F.REASON_SIPI, vector);
  return true;
}
