// Whose turn it is, when there are several processors. They run one after another in one thread: always the one that is
// furthest behind, until it is a quantum ahead of the next. Clock events and input come between turns, when everybody has
// reached their time. Who runs when follows from the state of the machine alone, never from how a run is cut into pieces.

import type { Processors } from '../cpu/processors.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

/** Cycles by which a processor may get ahead of the others. */
const QUANTUM = 10_000;

/** What there is to do now. */
export type Turn = 'run' | 'look-again' | 'all-asleep';

/** Gives turns to processors. A processor that is alone, or the only one awake, has a turn without end. */
export class Turns implements Stateful {
  readonly name = 'turns';
  readonly version = 1;
  readonly #processors: Processors;
  /** Cycle count at which the present turn ends, 0 between turns. */
  #end = 0;

  constructor(processors: Processors) {
    this.#processors = processors;
  }

  /** Nobody is in the middle of a turn: events and input may come. Selects who is next, for the clock to show their time. */
  between(): boolean {
    if (this.#processors.count === 1) return true;
    if (this.#end !== 0) return false;
    this.#processors.select(this.#processors.furthestBehind() ?? this.#processors.furthestAhead());
    return true;
  }

  /** Begins a turn, or goes on with the present one. */
  begin(): Turn {
    const processors = this.#processors;
    if (processors.count === 1 || this.#end !== 0) return 'run';
    const next = processors.furthestBehind();
    if (next === undefined) return 'all-asleep';
    // an event has woken somebody whose clock shows another time
    if (next !== processors.selected) return 'look-again';
    const other = processors.furthestBehind(next);
    const othersTime = other === undefined ? Number.POSITIVE_INFINITY : processors.time(other);
    processors.setOthersTime(othersTime);
    if (other !== undefined) this.#end = othersTime + QUANTUM;
    return 'run';
  }

  /** Cycle count at which the present turn ends. */
  get end(): number {
    return this.#end === 0 ? Number.POSITIVE_INFINITY : this.#end;
  }

  /** The turn is over: its time has come, an event is due, or the processor yields or halts. */
  finish(): void {
    this.#end = 0;
  }

  save(): Fields {
    return { end: this.#end };
  }

  load(fields: Fields): void {
    this.#end = numberField(fields, 'end');
  }
}
