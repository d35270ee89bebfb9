// What translated code emulates without the VMM, as it counts it itself in the shared area.
import type { Field } from '../../../machine/stateful.ts';
import type { VmmCounters } from '../../counters.ts';
import * as area from './area.ts';
import type { SharedArea } from './shared-area.ts';

const COUNTED = [
  [area.LATCH_READS, 'port read in the cache'],
  [area.TASK_PRIORITY_WRITES, 'task priority written in the cache'],
] as const;

/** Brings those counts to the counters of the VMM. */
export class CacheCounts {
  readonly #area: SharedArea;
  readonly #counters: VmmCounters;
  /** Count at the last look, by offset in the area. */
  readonly #seen = new Map<number, number>();

  constructor(shared: SharedArea, counters: VmmCounters) {
    this.#area = shared;
    this.#counters = counters;
  }

  /** Adds what came since the last look; looking costs nothing. */
  look(): void {
    for (const [offset, name] of COUNTED) {
      const count = this.#area.peek(offset);
      const seen = this.#seen.get(offset) ?? 0;
      if (count !== seen) this.#counters.add('translation', name, (count - seen) >>> 0);
      this.#seen.set(offset, count);
    }
  }

  save(): Field {
    return [...this.#seen].map(([offset, count]) => [offset, count]);
  }

  restore(saved: Field): void {
    this.#seen.clear();
    for (const [offset, count] of saved as [number, number][]) this.#seen.set(offset, count);
  }
}
