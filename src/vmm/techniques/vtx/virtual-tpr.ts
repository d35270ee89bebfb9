// The task-priority register under a TPR shadow: the guest reads and writes it in the virtual-APIC page without an
// exit, the VMM keeps its virtual local APIC in step (SDM Vol. 3C "TPR Virtualization").

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import { APIC_IRR, APIC_TPR } from '../../../devices/lapic.ts';
import { LAPIC_BASE } from '../../../pc/platform.ts';
import type { Domain } from '../../domain.ts';
import { VIRTUAL_TPR } from './vmcs-setup.ts';

/** TPR of one virtual CPU. */
export class VirtualTpr {
  readonly #access: Ring0;
  readonly #domain: Domain;
  /** TPR threshold as it stands in the VMCS. */
  threshold = 0;

  constructor(access: Ring0, domain: Domain) {
    this.#access = access;
    this.#domain = domain;
  }

  /** After an exit: what the guest wrote. */
  load(): void {
    const { platform } = this.#domain;
    const tpr = this.#access.loadPhysical(VIRTUAL_TPR, 4) & 0xff;
    if (tpr !== platform.lapic.taskPriority) platform.mmioWrite(LAPIC_BASE + APIC_TPR, 4, tpr);
  }

  /** Before entry: the TPR for the guest to read, and the threshold below which a waiting interrupt wants an exit. */
  store(): void {
    const tpr = this.#domain.platform.lapic.taskPriority;
    this.#access.storePhysical(VIRTUAL_TPR, 4, tpr);
    const threshold = Math.min(tpr >> 4 ? this.#waitingClass() : 0, tpr >> 4);
    if (threshold === this.threshold) return;
    this.threshold = threshold;
    this.#access.vmwrite(F.F_TPR_THRESHOLD, threshold);
  }

  /** Priority class of the highest request of the virtual APIC. */
  #waitingClass(): number {
    const { lapic } = this.#domain.platform;
    for (let word = 7; word >= 0; word--) {
      const bits = lapic.read(APIC_IRR + 16 * word, 4) >>> 0;
      if (bits) return (word * 32 + 31 - Math.clz32(bits)) >> 4;
    }
    return 0;
  }
}
