// The host's local APIC timer, set to the next event of the guest's virtual chips: its interrupt is a VM exit, so a
// guest can never keep the CPU (SDM Vol. 3A "APIC Timer", Vol. 3C "External-Interrupt Exiting").

import { APIC_EOI, APIC_TIMER_INITIAL, LAPIC_BUS_HZ } from '../../../devices/lapic.ts';
import type { Machine } from '../../../pc/machine.ts';
import { LAPIC_BASE } from '../../../pc/platform.ts';
import type { HostAccess } from '../../host-access.ts';
import { VECTOR_SPURIOUS, VECTOR_TIMER } from '../../host-memory.ts';

/** Seconds after which the VMM wants the processor back. */
const TIME_SLICE = 0.01;
const MAXIMUM = 0xffff_ffff;
/** The timer was used for something else: program it whatever is due. */
const UNKNOWN = -1;

/** One-shot deadline in cycles of the machine's clock. */
export class HostTimer {
  readonly #machine: Machine;
  readonly #access: HostAccess;
  /** What the timer was last set to; Infinity for off. */
  due = Number.POSITIVE_INFINITY;

  constructor(machine: Machine, access: HostAccess) {
    this.#machine = machine;
    this.#access = access;
  }

  /**
   * Before the guest runs: an interrupt comes when `due` is reached, and after a time slice at the latest, whatever the
   * guest does. A timer that runs out earlier anyway is left alone.
   */
  limit(due: number): void {
    const { clock } = this.#machine;
    const slice = clock.now() + Math.floor(clock.frequencyHz * TIME_SLICE);
    if (due < this.due || this.due === UNKNOWN || this.due > slice) this.program(Math.min(due, slice));
  }

  /** Sets the timer to a cycle count unless it stands there already. */
  program(due: number): void {
    if (due === this.due) return;
    this.due = due;
    let ticks = 0;
    if (due !== Number.POSITIVE_INFINITY) {
      const { clock } = this.#machine;
      const wait = Math.max(due - clock.now(), 0);
      ticks = Math.min(Math.max(Math.ceil((wait * LAPIC_BUS_HZ) / clock.frequencyHz), 1), MAXIMUM);
    }
    this.#access.storePhysical(LAPIC_BASE + APIC_TIMER_INITIAL, 4, ticks);
  }

  /** A host interrupt was taken: ends it at the local APIC. */
  acknowledge(vector: number): void {
    if (vector === VECTOR_SPURIOUS) return;
    if (vector === VECTOR_TIMER) this.due = Number.POSITIVE_INFINITY;
    this.#access.storePhysical(LAPIC_BASE + APIC_EOI, 4, 0);
  }

  /** Input from outside has arrived for the guest: the interrupt that brought it is due at once. */
  fire(): void {
    this.due = UNKNOWN;
    this.#machine.platform.mmioWrite(LAPIC_BASE + APIC_TIMER_INITIAL, 4, 1);
  }
}
