// What a change of the guest's control registers, EFER or time-stamp counter means for the VMCS and the shadow tables
// (SDM Vol. 3C "Guest/Host Masks and Read Shadows for CR0 and CR4", "Time-Stamp Counter Offset").

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { ControlChange } from '../../emulate/context.ts';
import type { ShadowPaging } from '../../shadow-paging.ts';
import type { PagingMode } from '../../technique.ts';
import { CR0_PG, CR0_WP, type Vcpu } from '../../vcpu.ts';
import { realCr0, realCr4 } from './vmcs-setup.ts';

const MSR_EFER = 0xc000_0080;

/** Carries changes of the virtual CPU into the VMCS. */
export class GuestControls {
  readonly #access: Ring0;
  readonly #vcpu: Vcpu;
  readonly #paging: PagingMode;
  readonly #shadow: ShadowPaging | undefined;
  /** CR0 before the change at hand. */
  lastCr0: number;

  constructor(access: Ring0, vcpu: Vcpu, paging: PagingMode, shadow: ShadowPaging | undefined) {
    this.#access = access;
    this.#vcpu = vcpu;
    this.#paging = paging;
    this.#shadow = shadow;
    this.lastCr0 = vcpu.cr0;
  }

  changed(what: ControlChange): void {
    switch (what) {
      case 'cr0':
        this.#changedCr0();
        return;
      case 'cr3':
        this.#shadow?.activate();
        return;
      case 'cr4':
        this.#access.vmwrite(F.F_GUEST_CR4, realCr4(this.#paging, this.#vcpu.cr4));
        this.#access.vmwrite(F.F_CR4_SHADOW, this.#vcpu.cr4);
        this.#shadow?.activate();
        return;
      case 'efer':
        if (this.#shadow) this.#shadow.flush();
        else this.#access.vmwrite(F.F_GUEST_EFER, this.#vcpu.msrs.get(MSR_EFER)?.[0] ?? 0);
        return;
      case 'dr':
        this.#changedTime();
        return;
      default:
    }
  }

  #changedCr0(): void {
    const { cr0 } = this.#vcpu;
    this.#access.vmwrite(F.F_GUEST_CR0, realCr0(this.#paging, cr0));
    this.#access.vmwrite(F.F_CR0_SHADOW, cr0);
    const changed = cr0 ^ this.lastCr0;
    this.lastCr0 = cr0;
    if (changed & CR0_WP) this.#shadow?.flush();
    else if (changed & CR0_PG) this.#shadow?.activate();
  }

  #changedTime(): void {
    const { tscOffset } = this.#vcpu;
    this.#access.vmwrite(F.F_TSC_OFFSET, tscOffset >>> 0, Math.floor(tscOffset / 2 ** 32) >>> 0);
  }
}
