// What is to happen at a time: sleeping tasks and timers, in the order of their deadlines.

/** Something that happens at a number of cycles. */
export interface Timer {
  deadline: number;
  expire(): void;
}

/** Timers that run. */
export class Timers {
  readonly #timers = new Set<Timer>();

  start(timer: Timer): void {
    this.#timers.add(timer);
  }

  stop(timer: Timer): void {
    this.#timers.delete(timer);
  }

  /** Cycles at which the next one is due. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#timers) next = Math.min(next, deadline);
    return next;
  }

  /** Lets those expire that are due, earliest first. */
  runDue(cycles: number): void {
    const due = [...this.#timers].filter(({ deadline }) => deadline <= cycles);
    due.sort((a, b) => a.deadline - b.deadline);
    for (const timer of due) {
      this.#timers.delete(timer);
      timer.expire();
    }
  }
}
