// The local vector table of a local APIC: what becomes of the interrupts that arise in the processor itself and on its two pins.
// Truth: SDM Vol. 3 "Local Vector Table", "Local APIC State After It Has Been Software Disabled".

import { DELIVER_EXTERNAL, DELIVER_NMI } from '../machine/apic-bus.ts';
import { APIC_LVT_ERROR, APIC_LVT_LINT0, APIC_LVT_TIMER, LVT_WRITABLE } from './lapic-registers.ts';
import { lvtWritable } from './x2apic.ts';

const MASKED = 0x10000;
const PERIODIC = 0x20000;
const DEADLINE = 0x40000;

/** Its entries, by the offsets of their registers. */
export class LocalVectors {
  readonly #entries = new Map<number, number>();
  readonly #hasDeadline: boolean;

  /** `hasDeadline`: the timer has a TSC-deadline mode. */
  constructor(hasDeadline: boolean) {
    this.#hasDeadline = hasDeadline;
    for (const offset of Object.keys(LVT_WRITABLE)) this.#entries.set(Number(offset), MASKED);
  }

  /** The entry at an offset; undefined where there is another register. */
  read(offset: number): number | undefined {
    return this.#entries.get(offset);
  }

  /** Writes an entry; as long as the APIC is disabled by software, all stay masked. */
  write(offset: number, value: number, isEnabled: boolean): void {
    const writable = lvtWritable(offset, this.#hasDeadline)!;
    this.#entries.set(offset, (value & writable) | (isEnabled ? 0 : MASKED));
  }

  /** Masks all as they are. */
  mask(): void {
    for (const [offset, entry] of this.#entries) this.#entries.set(offset, entry | MASKED);
  }

  /** As after power-up. */
  reset(): void {
    for (const offset of this.#entries.keys()) this.#entries.set(offset, MASKED);
  }

  /** The timer's entry, unless it is masked. */
  get timer(): number | undefined {
    return this.#unmasked(APIC_LVT_TIMER);
  }

  get isPeriodic(): boolean {
    return (this.#entries.get(APIC_LVT_TIMER)! & PERIODIC) !== 0;
  }

  get isDeadline(): boolean {
    return (this.#entries.get(APIC_LVT_TIMER)! & DEADLINE) !== 0;
  }

  /** What happens to the pin of the 8259 pair, unless it is masked. */
  get lint0(): number | undefined {
    return this.#unmasked(APIC_LVT_LINT0);
  }

  /** The pin is passed on to the processor as it is, and the 8259 pair says the vector. */
  get isLint0External(): boolean {
    return this.lint0 !== undefined && deliveryMode(this.lint0) === DELIVER_EXTERNAL;
  }

  /** The pin is an NMI (a watchdog's wiring). */
  get isLint0Nmi(): boolean {
    return this.lint0 !== undefined && deliveryMode(this.lint0) === DELIVER_NMI;
  }

  /** What tells of errors, unless it is masked. */
  get error(): number | undefined {
    return this.#unmasked(APIC_LVT_ERROR);
  }

  #unmasked(offset: number): number | undefined {
    const entry = this.#entries.get(offset)!;
    return (entry & MASKED) === 0 ? entry : undefined;
  }

  save(): number[] {
    return [...this.#entries.values()];
  }

  load(entries: readonly number[]): void {
    [...this.#entries.keys()].forEach((offset, index) => {
      this.#entries.set(offset, entries[index] ?? MASKED);
    });
  }
}

/** How an entry, or a command, delivers. */
export function deliveryMode(entry: number): number {
  return (entry >> 8) & 7;
}
