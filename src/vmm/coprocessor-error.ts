// x87 errors of guests that want them as IRQ 13: the processor under a VMM always reports them natively, as #MF, so the VMM
// moves the pins of the virtual PC for a guest whose CR0.NE is clear (SDM Vol. 1, appendix on x87 exception handlers).

import type { Domain } from './domain.ts';
import { VECTOR_MF } from './host-access.ts';
import { CR0_NE, type Vcpu } from './vcpu.ts';

/**
 * Latches IRQ 13 for a #MF that the guest is not to see. True: done, and the instruction is tried again; until the guest has
 * taken the interrupt and cleared the error it gets no further, as on the bare machine.
 */
export function latchCoprocessorError(vector: number, vcpu: Vcpu, domain: Domain): boolean {
  if (vector !== VECTOR_MF || vcpu.cr0 & CR0_NE) return false;
  // whether the error before this one was cleared is not seen, so the pin falls now
  domain.platform.coprocessorError.setError(false);
  domain.platform.coprocessorError.setError(true);
  return true;
}
