// Exceptions and interrupts for the guest of a VMCS: injection at the next VM entry, events whose delivery an exit
// interrupted, interrupt and NMI windows (SDM Vol. 3C "Event Injection", "Information for VM Exits That Occur During
// Event Delivery").

import * as F from '../../../cpu/vmcs-fields.ts';
import type { Fields } from '../../../machine/stateful.ts';
import { booleanField, numberField } from '../../../machine/stateful.ts';
import { vectorName } from '../../counters.ts';
import { deliver, nextVector } from '../../emulate/deliver.ts';
import { type GuestFault, VECTOR_DF, VECTOR_NMI, VECTOR_PF } from '../../host-access.ts';
import type { PagingMode } from '../../technique.ts';
import { CR0_PE, FLAG_IF, FLAG_RF } from '../../vcpu.ts';
import type { EventInformation } from './exits.ts';
import type { VmcsGuest } from './vmcs-guest.ts';
import { primaryControls } from './vmcs-setup.ts';

/** Interruptibility state. */
export const BLOCKED_BY_STI = 1;
export const BLOCKED_BY_MOV_SS = 2;
export const BLOCKED_BY_STI_OR_MOV_SS = 3;
export const BLOCKED_BY_NMI = 8;
const VALID = 0x8000_0000;
const HAS_ERROR = 0x800;
const TYPE_EXTERNAL = 0;
const TYPE_NMI = 2;
export const TYPE_EXCEPTION = 3;
/** Types from here on belong to an instruction with a length. */
export const TYPE_SOFTWARE = 4;

/** An event for the next VM entry. */
interface Injection {
  readonly info: number;
  readonly error: number | undefined;
  readonly length: number;
}

/** What is put before the guest. */
export class GuestEvents {
  readonly #guest: VmcsGuest;
  readonly #paging: PagingMode;
  /** Event whose delivery the exit at hand interrupted, with the length of its instruction. */
  interrupted: EventInformation | undefined;
  interruptedLength = 0;
  /** A virtual chip asks for an NMI. */
  nmiPending = false;
  #injection: Injection | undefined;
  /** Window exiting as it stands in the VMCS. */
  #windows = 0;

  constructor(guest: VmcsGuest, paging: PagingMode) {
    this.#guest = guest;
    this.#paging = paging;
  }

  /** Something is put before the guest at the next VM entry. */
  get isInjecting(): boolean {
    return this.#injection !== undefined;
  }

  get #interruptFlag(): boolean {
    return (this.#guest.flags & FLAG_IF) !== 0;
  }

  /** Something that ends a HLT is there. */
  get wakes(): boolean {
    return this.nmiPending || (this.#guest.domain.interruptPending && this.#interruptFlag);
  }

  /** The guest in HLT can be woken by an interrupt. */
  get isWakeable(): boolean {
    return this.#interruptFlag;
  }

  /** The exit had nothing to do with the event it interrupted: deliver that once more. */
  deliverAgain(): void {
    const event = this.interrupted;
    if (!event) return;
    // the page fault that interrupted the delivery left RF set; a fault delivered again sets it itself
    this.#guest.flags = (this.#guest.flags & ~FLAG_RF) >>> 0;
    this.#put(event.vector, event.type, event.error, event.type >= TYPE_SOFTWARE ? this.interruptedLength : 0);
  }

  /**
   * Puts an exception before the guest, combined with the event whose delivery was interrupted. False: triple fault.
   */
  raise(fault: GuestFault): boolean {
    const first = this.interrupted;
    if (first?.type === TYPE_EXCEPTION) {
      const next = nextVector(first.vector, fault.vector);
      if (next === 'shutdown') return false;
      if (next === 'double') {
        this.#put(VECTOR_DF, TYPE_EXCEPTION, 0, 0);
        return true;
      }
    }
    if (fault.vector === VECTOR_PF) this.#guest.vcpu.cr2 = fault.address ?? 0;
    this.#put(fault.vector, TYPE_EXCEPTION, fault.error, 0);
    return true;
  }

  #put(vector: number, type: number, error: number | undefined, length: number): void {
    // real-address mode has no error codes
    const pushed = this.#guest.vcpu.cr0 & CR0_PE ? error : undefined;
    const info = (VALID | (pushed === undefined ? 0 : HAS_ERROR) | (type << 8) | vector) >>> 0;
    this.#injection = { info, error: pushed, length };
  }

  /** Injects a waiting NMI or interrupt where the guest takes one, else watches for the window. */
  offerInterrupts(): void {
    const guest = this.#guest;
    let windows = 0;
    if (this.nmiPending) {
      if (this.#injection || guest.interruptibility & (BLOCKED_BY_STI_OR_MOV_SS | BLOCKED_BY_NMI)) {
        windows |= F.CPU_NMI_WINDOW;
      } else {
        this.nmiPending = false;
        this.#put(VECTOR_NMI, TYPE_NMI, undefined, 0);
      }
    }
    if (guest.domain.interruptPending) {
      const isOpen = this.#interruptFlag && !(guest.interruptibility & BLOCKED_BY_STI_OR_MOV_SS);
      if (this.#injection || !isOpen) windows |= F.CPU_INTERRUPT_WINDOW;
      else this.#put(guest.domain.platform.acknowledge(), TYPE_EXTERNAL, undefined, 0);
    }
    if (windows === this.#windows) return;
    this.#windows = windows;
    guest.access.vmwrite(F.F_PRIMARY_CONTROLS, (primaryControls(this.#paging) | windows) >>> 0);
  }

  /** An INT3 or the like that exited before it was delivered. */
  raiseSoftware(vector: number, length: number): void {
    this.#put(vector, TYPE_SOFTWARE, undefined, length);
  }

  /** Before VM entry: writes the event into the VMCS, or delivers it. False: triple fault. */
  commit(): boolean {
    const event = this.#injection;
    if (!event) return true;
    this.#injection = undefined;
    const { access, counters, real } = this.#guest;
    if (real?.active) return this.#deliverInSoftware(event);
    counters.add('injected', vectorName(event.info & 0xff));
    access.vmwrite(F.F_ENTRY_INTERRUPTION, event.info);
    if (event.error !== undefined) access.vmwrite(F.F_ENTRY_ERROR_CODE, event.error);
    if (event.length) access.vmwrite(F.F_ENTRY_LENGTH, event.length);
    return true;
  }

  /** Imitated real-address mode: the processor would go through the IDT of protected mode. */
  #deliverInSoftware({ info, length }: Injection): boolean {
    const guest = this.#guest;
    const type = (info >>> 8) & 7;
    const start = guest.eip;
    if (type >= TYPE_SOFTWARE) guest.eip = (start + length) & 0xffff;
    guest.interruptibility &= ~BLOCKED_BY_STI_OR_MOV_SS;
    if (type === TYPE_NMI) guest.interruptibility |= BLOCKED_BY_NMI;
    const kind = type >= TYPE_SOFTWARE ? 'software' : type === TYPE_EXCEPTION ? 'fault' : 'external';
    return deliver(guest, { vector: info & 0xff, kind, start });
  }

  save(): Fields {
    return { windows: this.#windows, nmiPending: this.nmiPending };
  }

  load(fields: Fields): void {
    this.#windows = numberField(fields, 'windows');
    this.nmiPending = booleanField(fields, 'nmiPending');
  }
}
