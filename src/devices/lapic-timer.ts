// The local APIC's timer: counts the bus clock, divided, from the initial count to zero, once or again and again; or waits
// for a cycle count. Truth: SDM Vol. 3 "APIC Timer", "TSC-Deadline Mode".

import type { Clock, ClockEvent } from '../machine/clock.ts';
import type { Fields } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

/** The timer counts the processor's bus clock. */
export const LAPIC_BUS_HZ = 200_000_000;

/** How the timer is tied to its local APIC. */
export interface LapicTimerOptions {
  /** Of its events. */
  readonly name: string;
  readonly expired: () => void;
  /** It waits for no cycle count any more: it has come, or the timer was stopped. */
  readonly deadlineOver: () => void;
}

/** One timer. Nothing counts down: the count follows from the bus tick at which the timer was started. */
export class LapicTimer {
  /** Mode bit of the timer's LVT entry. */
  isPeriodic: () => boolean = () => false;
  /** Divide configuration register. */
  divide = 0;
  initialCount = 0;
  readonly #clock: Clock;
  readonly #event: ClockEvent;
  readonly #deadline: ClockEvent;
  readonly #options: LapicTimerOptions;
  /** Bus tick at which the timer was started. */
  #start = 0;

  constructor(clock: Clock, options: LapicTimerOptions) {
    const { name, expired, deadlineOver } = options;
    this.#clock = clock;
    this.#options = options;
    this.#event = clock.event(name, () => {
      if (this.isPeriodic()) this.#restart();
      expired();
    });
    this.#deadline = clock.event(`${name} deadline`, () => {
      deadlineOver();
      expired();
    });
  }

  get currentCount(): number {
    if (this.initialCount === 0) return 0;
    const counted = Math.floor((this.#now() - this.#start) / this.#divisor);
    return counted >= this.initialCount ? 0 : this.initialCount - counted;
  }

  /** Writing the initial count starts the timer; zero stops it. */
  start(initialCount: number): void {
    this.initialCount = initialCount;
    this.#start = this.#now();
    if (initialCount === 0) this.#event.cancel();
    else this.#schedule();
  }

  /** Waits for a cycle count, or for none; true if it is yet to come. One that is past fires at once. */
  setDeadline(cycles: number | undefined): boolean {
    this.#deadline.cancel();
    if (cycles === undefined) return false;
    const isAhead = cycles > this.#clock.now();
    if (isAhead) this.#deadline.schedule(cycles);
    else this.#options.expired();
    return isAhead;
  }

  /** Stops both ways of waiting. */
  stop(): void {
    this.start(0);
    if (this.#deadline.due === undefined) return;
    this.#deadline.cancel();
    this.#options.deadlineOver();
  }

  /** A new divider takes effect at once; what was counted so far stays counted. */
  setDivide(divide: number): void {
    const isCounting = this.#event.due !== undefined;
    const counted = this.initialCount - this.currentCount;
    this.divide = divide;
    if (!isCounting) return;
    this.#start = this.#now() - counted * this.#divisor;
    this.#schedule();
  }

  save(): Fields {
    return { initialCount: this.initialCount, divide: this.divide, start: this.#start };
  }

  load(fields: Fields): void {
    this.initialCount = numberField(fields, 'initialCount');
    this.divide = numberField(fields, 'divide');
    this.#start = numberField(fields, 'start');
  }

  /** Bus ticks for one count: bits 3, 1 and 0. */
  get #divisor(): number {
    const code = ((this.divide >> 1) & 4) | (this.divide & 3);
    return code === 7 ? 1 : 2 << code;
  }

  #now(): number {
    return this.#clock.ticks(LAPIC_BUS_HZ);
  }

  #schedule(): void {
    const end = this.#start + this.initialCount * this.#divisor;
    this.#event.schedule(this.#clock.cyclesOfTick(LAPIC_BUS_HZ, end));
  }

  /** The next period begins where the last one ended, so that nothing drifts. */
  #restart(): void {
    const period = this.initialCount * this.#divisor;
    this.#start += period * Math.max(1, Math.floor((this.#now() - this.#start) / period));
    this.#schedule();
  }
}
