// Event channels of a domain: the bits in shared_info by which the hypervisor tells the guest that something happened,
// and what each channel is bound to (Xen public header "event_channel.h"; Barham et al. 2003, section 3.2 "Control
// transfer: hypercalls and events").

import type { Fields, Stateful } from '../../../machine/stateful.ts';
import { listField } from '../../../machine/stateful.ts';
import {
  EVENT_CHANNELS,
  EVTCHNSTAT_CLOSED,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_IPI,
  EVTCHNSTAT_UNBOUND,
  EVTCHNSTAT_VIRQ,
  SHARED_INFO,
  VCPU_INFO,
} from '../../xen/abi.ts';

/** The shared_info page as the hypervisor reaches it: charged. */
export interface SharedInfo {
  load(offset: number, size: 1 | 4): number;
  store(offset: number, size: 1 | 4, value: number): void;
}

/** What a channel is bound to. */
export type Binding =
  | { readonly kind: 'unbound'; readonly remote: number }
  | { readonly kind: 'virq'; readonly virq: number }
  | { readonly kind: 'ipi' }
  /** A channel to the hypervisor's own console back end. */
  | { readonly kind: 'console' }
  /** A channel to the store, which nobody answers. */
  | { readonly kind: 'store' };

/** The channels of the one virtual CPU. */
export class EventChannels implements Stateful {
  readonly name = 'event channels';
  readonly version = 1;
  readonly #shared: SharedInfo;
  readonly #bindings: (Binding | undefined)[] = [];

  constructor(shared: SharedInfo) {
    this.#shared = shared;
  }

  /** Binds the lowest free channel; undefined when there is none. Channel 0 is never used. */
  bind(binding: Binding): number | undefined {
    for (let port = 1; port < EVENT_CHANNELS; port++) {
      if (this.#bindings[port] !== undefined) continue;
      this.#bindings[port] = binding;
      return port;
    }
    return undefined;
  }

  binding(port: number): Binding | undefined {
    return this.#bindings[port];
  }

  /** The channel of a virtual interrupt. */
  virqPort(virq: number): number | undefined {
    const port = this.#bindings.findIndex((binding) => binding?.kind === 'virq' && binding.virq === virq);
    return port < 0 ? undefined : port;
  }

  close(port: number): boolean {
    if (this.#bindings[port] === undefined) return false;
    this.#bindings[port] = undefined;
    this.#changeBit(SHARED_INFO.eventPending, port, false);
    return true;
  }

  closeAll(): void {
    this.#bindings.length = 0;
  }

  /** The number that EVTCHNOP_status gives. */
  status(port: number): number {
    const binding = this.#bindings[port];
    switch (binding?.kind) {
      case undefined:
        return EVTCHNSTAT_CLOSED;
      case 'unbound':
        return EVTCHNSTAT_UNBOUND;
      case 'virq':
        return EVTCHNSTAT_VIRQ;
      case 'ipi':
        return EVTCHNSTAT_IPI;
      case 'console':
      case 'store':
        return EVTCHNSTAT_INTERDOMAIN;
    }
  }

  /** Makes a channel pending; true if it was not. */
  raise(port: number): boolean {
    if (!this.#changeBit(SHARED_INFO.eventPending, port, true)) return false;
    if (!this.isMasked(port)) this.#announce(port);
    return true;
  }

  raiseVirq(virq: number): void {
    const port = this.virqPort(virq);
    if (port !== undefined) this.raise(port);
  }

  unmask(port: number): void {
    if (!this.#changeBit(SHARED_INFO.eventMask, port, false)) return;
    if (this.isPending(port)) this.#announce(port);
  }

  isPending(port: number): boolean {
    return (this.#word(SHARED_INFO.eventPending, port) & (1 << (port & 31))) !== 0;
  }

  isMasked(port: number): boolean {
    return (this.#word(SHARED_INFO.eventMask, port) & (1 << (port & 31))) !== 0;
  }

  /** An event waits for the virtual CPU. */
  get upcallPending(): boolean {
    return this.#shared.load(VCPU_INFO.upcallPending, 1) !== 0;
  }

  get upcallMasked(): boolean {
    return this.#shared.load(VCPU_INFO.upcallMask, 1) !== 0;
  }

  set upcallMasked(masked: boolean) {
    this.#shared.store(VCPU_INFO.upcallMask, 1, masked ? 1 : 0);
  }

  save(): Fields {
    return { bindings: Array.from(this.#bindings, (binding) => (binding === undefined ? null : { ...binding })) };
  }

  load(fields: Fields): void {
    const bindings = listField(fields, 'bindings').map((binding) => (binding as Binding | null) ?? undefined);
    this.#bindings.splice(0, this.#bindings.length, ...bindings);
  }

  #announce(port: number): void {
    const word = this.#shared.load(VCPU_INFO.pendingSelector, 4);
    this.#shared.store(VCPU_INFO.pendingSelector, 4, (word | (1 << (port >>> 5))) >>> 0);
    this.#shared.store(VCPU_INFO.upcallPending, 1, 1);
  }

  #word(array: number, port: number): number {
    return this.#shared.load(array + (port >>> 5) * 4, 4);
  }

  /** True if the bit changed. */
  #changeBit(array: number, port: number, value: boolean): boolean {
    const word = this.#word(array, port);
    const bit = 1 << (port & 31);
    if (((word & bit) !== 0) === value) return false;
    this.#shared.store(array + (port >>> 5) * 4, 4, (value ? word | bit : word & ~bit) >>> 0);
    return true;
  }
}
