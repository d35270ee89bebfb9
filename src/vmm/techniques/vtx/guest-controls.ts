// What a change of the guest's control registers, EFER or time-stamp counter means for the VMCS and the shadow tables
// (SDM Vol. 3C "Guest/Host Masks and Read Shadows for CR0 and CR4", "Time-Stamp Counter Offset").

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { ControlChange } from '../../emulate/context.ts';
import type { ShadowPaging } from '../../shadow-paging.ts';
import type { PagingMode } from '../../technique.ts';
import { CR0_PG, CR0_WP, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE, type Vcpu } from '../../vcpu.ts';
import { dropTranslations, entryControls, realCr0, realCr4 } from './vmcs-setup.ts';

/** What linear addresses mean depends on these. */
const TRANSLATING: ReadonlySet<ControlChange> = new Set(['cr0', 'cr3', 'cr4', 'efer']);

/** Carries changes of the virtual CPU into the VMCS. */
export class GuestControls {
  readonly #access: Ring0;
  readonly #vcpu: Vcpu;
  readonly #paging: PagingMode;
  readonly #shadow: ShadowPaging | undefined;
  readonly #becomeLongHost: () => void;
  /** Transitions keep the translations of the guest (VPID). */
  isTagged = false;
  /** The VMM is in IA-32e mode. */
  isLongHost = false;
  /** CR0 before the change at hand. */
  lastCr0: number;

  constructor(
    access: Ring0,
    vcpu: Vcpu,
    paging: PagingMode,
    shadow: ShadowPaging | undefined,
    becomeLongHost: () => void,
  ) {
    this.#access = access;
    this.#becomeLongHost = becomeLongHost;
    this.#vcpu = vcpu;
    this.#paging = paging;
    this.#shadow = shadow;
    this.lastCr0 = vcpu.cr0;
  }

  changed(what: ControlChange): void {
    this.#apply(what);
    if (this.isTagged && TRANSLATING.has(what)) dropTranslations(this.#access);
  }

  #apply(what: ControlChange): void {
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
        this.#changedEfer();
        return;
      case 'dr':
        this.#changedTime();
        return;
      default:
    }
  }

  #changedEfer(): void {
    const { efer } = this.#vcpu;
    if (efer & EFER_LME && !this.isLongHost) {
      this.isLongHost = true;
      this.#becomeLongHost();
    }
    if (!this.#shadow || this.isLongHost) this.#writeMode();
    this.#shadow?.flush();
  }

  /** EFER and "IA-32e mode guest". Shadow tables always have NX. */
  #writeMode(): void {
    const { efer, longMode } = this.#vcpu;
    const real = longMode ? EFER_NXE | EFER_LME | EFER_LMA : EFER_NXE;
    this.#access.vmwrite(F.F_GUEST_EFER, this.#shadow ? (efer & EFER_SCE) | real : efer);
    if (!this.isLongHost) return;
    this.#access.vmwrite(F.F_ENTRY_CONTROLS, entryControls('ept') | (longMode ? F.ENTRY_IA32E : 0));
  }

  #changedCr0(): void {
    const { cr0 } = this.#vcpu;
    this.#access.vmwrite(F.F_GUEST_CR0, realCr0(this.#paging, cr0));
    this.#access.vmwrite(F.F_CR0_SHADOW, cr0);
    const changed = cr0 ^ this.lastCr0;
    this.lastCr0 = cr0;
    if (changed & CR0_PG && this.isLongHost) this.#writeMode();
    if (changed & CR0_WP) this.#shadow?.flush();
    else if (changed & CR0_PG) this.#shadow?.activate();
  }

  #changedTime(): void {
    const { tscOffset } = this.#vcpu;
    this.#access.vmwrite(F.F_TSC_OFFSET, tscOffset >>> 0, Math.floor(tscOffset / 2 ** 32) >>> 0);
  }
}
