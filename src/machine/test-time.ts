// Virtual time for tests without a processor: the test says how many cycles pass.

import { Clock } from './clock.ts';

/** A clock that only moves when told to. */
export class TestTime {
  cycles = 0;
  readonly clock: Clock;

  constructor(frequencyHz = 1_193_182) {
    this.clock = new Clock({ frequencyHz, cycles: () => this.cycles });
  }

  /** Lets `cycles` pass; every event fires exactly when it is due. */
  advance(cycles: number): void {
    const end = this.cycles + cycles;
    while (this.clock.nextDeadline() <= end) {
      this.cycles = Math.max(this.cycles, this.clock.nextDeadline());
      this.clock.runDue();
    }
    this.cycles = end;
  }
}
