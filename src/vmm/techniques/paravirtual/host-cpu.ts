// What the hypervisor does to the real processor. The CPU's Ring0 fits this interface; every call is charged.

import type { HostAccess, HostFault } from '../../host-access.ts';

/** Charged access to registers, memory and privileged instructions. */
export interface HostCpu extends HostAccess {
  /** Undefined when it went through; a fault left the state as it was. */
  iret(): Pick<HostFault, 'vector' | 'error'> | undefined;
  /** Executes one instruction in ring 0. */
  execute(bytes: readonly number[]): Pick<HostFault, 'vector' | 'error'> | undefined;
}
