// The host's local APIC timer: programmed to what the domain waits for, and while the domain runs to the end of its slice
// at the latest, so that no guest keeps the processor (SDM Vol. 3 "APIC Timer").

import { APIC_EOI, APIC_TIMER_INITIAL, LAPIC_BUS_HZ } from '../devices/lapic.ts';
import type { Fields } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';
import type { Machine } from '../pc/machine.ts';
import { LAPIC_BASE } from '../pc/platform.ts';
import { VECTOR_SPURIOUS, VECTOR_TIMER } from './host-memory.ts';

/** The scheduler looks at who runs at least this often (Barham et al. 2003, section 4.5: slices of 5 ms). */
const SLICE_NANOSECONDS = 5_000_000;
const TIMER_MAXIMUM = 0xffff_ffff;
const SOON = -1;
const NEVER = -2;

/** Timer interrupts for the hypervisor. */
export class HostTimer {
  readonly #machine: Machine;
  /** Cycle count the timer is programmed to. */
  #due = Number.POSITIVE_INFINITY;
  /** Cycle count at which the guest's slice ends. */
  #sliceEnd = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Ends the interrupt that entered the hypervisor. */
  acknowledge(vector: number): void {
    if (vector === VECTOR_SPURIOUS) return;
    if (vector === VECTOR_TIMER) this.#due = Number.POSITIVE_INFINITY;
    this.#machine.cpu.ring0.storePhysical(LAPIC_BASE + APIC_EOI, 4, 0);
  }

  /** Programs the timer: `wanted` is a cycle count, Infinity for never; a domain that runs has its slice. */
  program(wanted: number, runs: boolean): void {
    const { clock, cpu } = this.#machine;
    let due = wanted;
    if (runs) {
      if (this.#sliceEnd <= clock.now()) {
        this.#sliceEnd = clock.now() + Math.round((SLICE_NANOSECONDS * clock.frequencyHz) / 1e9);
      }
      due = Math.min(due, this.#sliceEnd);
    }
    if (due === this.#due) return;
    this.#due = due;
    let ticks = 0;
    if (due !== Number.POSITIVE_INFINITY) {
      const wait = Math.max(due - clock.now(), 0);
      ticks = Math.min(Math.max(Math.ceil((wait * LAPIC_BUS_HZ) / clock.frequencyHz), 1), TIMER_MAXIMUM);
    }
    cpu.ring0.storePhysical(LAPIC_BASE + APIC_TIMER_INITIAL, 4, ticks);
  }

  /** Something came from outside: the interrupt that brought it enters the hypervisor at once. Not charged. */
  interruptSoon(): void {
    this.#due = SOON;
    this.#machine.platform.mmioWrite(LAPIC_BASE + APIC_TIMER_INITIAL, 4, 1);
  }

  save(): Fields {
    return { due: Number.isFinite(this.#due) ? this.#due : NEVER, sliceEnd: this.#sliceEnd };
  }

  load(fields: Fields): void {
    const due = numberField(fields, 'due');
    this.#due = due === NEVER ? Number.POSITIVE_INFINITY : due;
    this.#sliceEnd = numberField(fields, 'sliceEnd');
  }
}
