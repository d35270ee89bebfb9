// Virtual time. It is the cycle count of the CPU model and nothing else: TSC, PIT, LAPIC, RTC and ACPI timer all
// derive from it, so a run depends on its inputs only. Events are declared once by name and are state: a snapshot
// holds when each is due.

import type { Fields, Stateful } from './stateful.ts';
import { FieldError } from './stateful.ts';

/** A named moment in virtual time at which a device wants to act. */
export interface ClockEvent {
  readonly name: string;
  /** Cycle count at which the event fires, undefined while it is not scheduled. */
  readonly due: number | undefined;
  /** Fires at `cycles` (or as soon as the clock looks, if that is past). Replaces an earlier schedule. */
  schedule(cycles: number): void;
  cancel(): void;
}

class DeclaredEvent implements ClockEvent {
  readonly name: string;
  readonly fire: () => void;
  due: number | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock, name: string, fire: () => void) {
    this.#clock = clock;
    this.name = name;
    this.fire = fire;
  }

  schedule(cycles: number): void {
    this.due = Math.ceil(cycles);
    this.#clock.changed();
  }

  cancel(): void {
    if (this.due === undefined) return;
    this.due = undefined;
    this.#clock.changed();
  }
}

/** What a clock needs to know. */
export interface ClockOptions {
  /** Cycles a second. */
  readonly frequencyHz: number;
  /** The cycle counter; must be exact also while a device callback runs. */
  readonly cycles: () => number;
  /** Name in snapshots. */
  readonly name?: string;
}

/** Virtual time and the events waiting for it. */
export class Clock implements Stateful {
  readonly name: string;
  readonly version = 1;
  readonly frequencyHz: number;
  /** Called when the next deadline may have changed, so that a running CPU can be told. */
  onDeadlineChange: ((cycles: number) => void) | undefined;
  readonly #cycles: () => number;
  readonly #events: DeclaredEvent[] = [];
  #next = Number.POSITIVE_INFINITY;

  constructor(options: ClockOptions) {
    this.name = options.name ?? 'clock';
    this.frequencyHz = options.frequencyHz;
    this.#cycles = options.cycles;
  }

  /** Cycles since power-on. */
  now(): number {
    return this.#cycles();
  }

  /** Whole nanoseconds since power-on. */
  nanoseconds(): number {
    return this.ticks(1_000_000_000);
  }

  /** Declares an event; a device does this once, in its constructor. */
  event(name: string, fire: () => void): ClockEvent {
    if (this.#events.some((event) => event.name === name)) throw new Error(`clock event ${name} is declared twice`);
    const event = new DeclaredEvent(this, name, fire);
    this.#events.push(event);
    return event;
  }

  /** When the next event is due, Infinity for never. */
  nextDeadline(): number {
    return this.#next;
  }

  /** Fires every event that is due, in order of time and then of declaration. */
  runDue(): void {
    const now = this.now();
    while (this.#next <= now) {
      const event = this.#events.find((candidate) => candidate.due === this.#next)!;
      event.due = undefined;
      this.changed();
      event.fire();
    }
  }

  /** How many whole periods of an oscillator of `hertz` have passed at cycle count `cycles`. */
  ticks(hertz: number, cycles = this.now()): number {
    return scale(cycles, this.frequencyHz, hertz, false);
  }

  /** The first cycle count at which `ticks(hertz)` is `ticks`. */
  cyclesOfTick(hertz: number, ticks: number): number {
    return scale(ticks, hertz, this.frequencyHz, true);
  }

  save(): Fields {
    const due: Fields = {};
    for (const event of this.#events) if (event.due !== undefined) due[event.name] = event.due;
    return { frequencyHz: this.frequencyHz, due };
  }

  load(fields: Fields): void {
    if (fields.frequencyHz !== this.frequencyHz) {
      throw new FieldError(
        `the clock ran at ${String(fields.frequencyHz)} Hz, this machine's runs at ${this.frequencyHz} Hz`,
      );
    }
    const due = new Map(Object.entries((fields.due ?? {}) as Fields));
    for (const event of this.#events) {
      const when = due.get(event.name);
      event.due = typeof when === 'number' ? when : undefined;
      due.delete(event.name);
    }
    if (due.size > 0) throw new FieldError(`clock event ${[...due.keys()].join(', ')} does not exist in this machine`);
    this.changed();
  }

  /** Recomputes the next deadline. For events only. */
  changed(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const event of this.#events) if (event.due !== undefined && event.due < next) next = event.due;
    if (next === this.#next) return;
    this.#next = next;
    this.onDeadlineChange?.(next);
  }
}

/** value x to / from, exact, rounded down or up. The second step leaves doubles when its product would not fit. */
function scale(value: number, from: number, to: number, up: boolean): number {
  if (from === to) return value;
  const whole = Math.floor(value / from);
  const product = (value - whole * from) * to;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % from;
    return whole * to + (product - rest) / from + (up && rest > 0 ? 1 : 0);
  }
  const exact = BigInt(value - whole * from) * BigInt(to) + (up ? BigInt(from) - 1n : 0n);
  return whole * to + Number(exact / BigInt(from));
}
