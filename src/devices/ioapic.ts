// The I/O APIC: 24 interrupt pins, each with an entry of the redirection table that says to which processors it goes.
// Truth: Intel 82093AA I/O Advanced Programmable Interrupt Controller data sheet (290566), "Register Description".

import type { AccessSize, MmioDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField, numbersField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import type { ApicBus, ApicDestination } from '../machine/apic-bus.ts';
import { DELIVER_EXTERNAL, DELIVER_FIXED, DELIVER_LOWEST } from '../machine/apic-bus.ts';

export const IOAPIC_PINS = 24;
/** Register select, and the window on the register selected. */
export const IOAPIC_SELECT = 0x00;
export const IOAPIC_WINDOW = 0x10;
/** Registers behind the window. */
export const IOAPIC_ID = 0;
export const IOAPIC_VERSION = 1;
export const IOAPIC_ARBITRATION = 2;
export const IOAPIC_TABLE = 0x10;

const VERSION = 0x11 | ((IOAPIC_PINS - 1) << 16);
const REDIRECTION_POLARITY = 0x2000;
const REDIRECTION_REMOTE_IRR = 0x4000;
const REDIRECTION_LEVEL = 0x8000;
const REDIRECTION_MASKED = 0x10000;
/** Delivery status and remote IRR are read only. */
const REDIRECTION_WRITABLE = 0x1afff;

/** One I/O APIC. */
export class IoApic implements MmioDevice, Stateful {
  readonly name = 'ioapic';
  readonly version = 1;
  readonly #bus: ApicBus;
  #id: number;
  #select = 0;
  readonly #low = new Uint32Array(IOAPIC_PINS).fill(REDIRECTION_MASKED);
  readonly #high = new Uint32Array(IOAPIC_PINS);
  /** Levels of the pins, one bit each. */
  #pins = 0;

  /** `id` is the APIC ID that firmware gave it. */
  constructor(bus: ApicBus, id: number) {
    this.#bus = bus;
    this.#id = id;
    bus.onEndOfInterrupt = (vector) => this.#endOfInterrupt(vector);
  }

  /** The wire of a pin. */
  pin(pin: number): Wire {
    return (level) => this.#setPin(pin, level);
  }

  read(offset: number, size: AccessSize): number {
    if ((offset & 0xf) > 3) return 0;
    const register = offset & ~3;
    const value = register === IOAPIC_SELECT ? this.#select : register === IOAPIC_WINDOW ? this.#readSelected() : 0;
    const shifted = value >>> (8 * (offset & 3));
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  write(offset: number, _size: AccessSize, value: number): void {
    if (offset === IOAPIC_SELECT) this.#select = value & 0xff;
    else if (offset === IOAPIC_WINDOW) this.#writeSelected(value >>> 0);
  }

  save(): Fields {
    return { id: this.#id, select: this.#select, low: [...this.#low], high: [...this.#high], pins: this.#pins };
  }

  load(fields: Fields): void {
    this.#id = numberField(fields, 'id');
    this.#select = numberField(fields, 'select');
    this.#low.set(numbersField(fields, 'low'));
    this.#high.set(numbersField(fields, 'high'));
    this.#pins = numberField(fields, 'pins');
  }

  #readSelected(): number {
    const at = this.#select - IOAPIC_TABLE;
    if (at >= 0 && at < 2 * IOAPIC_PINS) return (at & 1) === 0 ? this.#low[at >> 1]! : this.#high[at >> 1]!;
    if (this.#select === IOAPIC_VERSION) return VERSION;
    return this.#select === IOAPIC_ID || this.#select === IOAPIC_ARBITRATION ? this.#id << 24 : 0;
  }

  #writeSelected(value: number): void {
    const at = this.#select - IOAPIC_TABLE;
    if (this.#select === IOAPIC_ID) this.#id = (value >>> 24) & 0xf;
    if (at < 0 || at >= 2 * IOAPIC_PINS) return;
    const pin = at >> 1;
    this.#passExternal(pin, false);
    if ((at & 1) === 1) {
      this.#high[pin] = value & 0xff000000;
    } else {
      const isLevel = (value & REDIRECTION_LEVEL) !== 0;
      // an edge-triggered entry has no remote IRR: switching to it and back acknowledges a level-triggered interrupt
      const remote = isLevel ? this.#low[pin]! & REDIRECTION_REMOTE_IRR : 0;
      this.#low[pin] = (value & REDIRECTION_WRITABLE) | remote;
    }
    this.#passExternal(pin, this.#isActive(pin));
    if ((this.#low[pin]! & REDIRECTION_LEVEL) !== 0) this.#request(pin);
  }

  #setPin(pin: number, level: boolean): void {
    const before = this.#isActive(pin);
    this.#pins = (level ? this.#pins | (1 << pin) : this.#pins & ~(1 << pin)) >>> 0;
    const active = this.#isActive(pin);
    if (active === before) return;
    this.#passExternal(pin, active);
    if (active) this.#request(pin);
  }

  /** The pin is asserted, by the polarity of its entry. */
  #isActive(pin: number): boolean {
    const isHigh = ((this.#pins >>> pin) & 1) === 1;
    return isHigh !== ((this.#low[pin]! & REDIRECTION_POLARITY) !== 0);
  }

  #mode(pin: number): number {
    return (this.#low[pin]! >> 8) & 7;
  }

  #destination(pin: number): ApicDestination {
    return { destination: this.#high[pin]! >>> 24, isLogical: (this.#low[pin]! & 0x800) !== 0 };
  }

  /** An ExtINT entry passes the level on: the processor fetches the vector from the 8259 pair itself. */
  #passExternal(pin: number, level: boolean): void {
    if (this.#mode(pin) !== DELIVER_EXTERNAL || (this.#low[pin]! & REDIRECTION_MASKED) !== 0) return;
    this.#bus.setExternal(this.#destination(pin), level);
  }

  /** Sends the interrupt of an asserted pin, unless it is masked or, level triggered, still being serviced. */
  #request(pin: number): void {
    const entry = this.#low[pin]!;
    const mode = this.#mode(pin);
    if ((entry & REDIRECTION_MASKED) !== 0 || mode === DELIVER_EXTERNAL || !this.#isActive(pin)) return;
    // only fixed and lowest-priority interrupts can be level triggered
    const isLevel = (entry & REDIRECTION_LEVEL) !== 0 && (mode === DELIVER_FIXED || mode === DELIVER_LOWEST);
    if (isLevel && (entry & REDIRECTION_REMOTE_IRR) !== 0) return;
    const accepted = this.#bus.send(this.#destination(pin), { mode, vector: entry & 0xff, isLevel });
    if (isLevel && accepted) this.#low[pin] = entry | REDIRECTION_REMOTE_IRR;
  }

  #endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const entry = this.#low[pin]!;
      if ((entry & REDIRECTION_REMOTE_IRR) === 0 || (entry & 0xff) !== vector) continue;
      this.#low[pin] = entry & ~REDIRECTION_REMOTE_IRR;
      this.#request(pin);
    }
  }
}
