// What is to happen at a time: sleeping tasks and timers, in the order of their deadlines.

/** Something that happens at a number of cycles. */
export interface Timer {
  /** Stays as it is while the timer runs. */
  deadline: number;
  expire(): void;
}

/** Timers that run. */
export class Timers {
  readonly #timers = new Set<Timer>();

  /** What `next` gives; undefined while it has to be looked for. */
  #next: number | undefined = Number.POSITIVE_INFINITY;

  start(timer: Timer): void {
    this.#timers.add(timer);
    if (this.#next !== undefined && timer.deadline < this.#next) this.#next = timer.deadline;
  }

  stop(timer: Timer): void {
    if (this.#timers.delete(timer) && timer.deadline === this.#next) this.#next = undefined;
  }

  /** Cycles at which the next one is due. */
  get next(): number {
    if (this.#next !== undefined) return this.#next;
    let next = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#timers) next = Math.min(next, deadline);
    this.#next = next;
    return next;
  }

  /** Lets those expire that are due, earliest first. */
  runDue(cycles: number): void {
    if (this.next > cycles) return;
    const due = [...this.#timers].filter(({ deadline }) => deadline <= cycles);
    due.sort((a, b) => a.deadline - b.deadline);
    for (const timer of due) {
      this.stop(timer);
      timer.expire();
    }
  }
}
