// Who shares a processor fairly: entities (tasks, and groups of them) with a weight and a virtual time, which is the time
// they have had, divided by their weight. The one that has had least runs next (Documentation/scheduler/sched-design-CFS.rst).
import { NORMAL_WEIGHT } from './scheduling.ts';

/** Something that shares the processor with others of its queue. */
export interface Entity {
  weight: number;
  virtualTime: number;
}

/** Entities that could run, in the order in which they came. */
export class FairQueue<E extends Entity> {
  readonly #entities = new Set<E>();
  /** Virtual time of the queue: never goes back. Who comes in starts near it. */
  now = 0;

  has(entity: E): boolean {
    return this.#entities.has(entity);
  }

  /** Puts an entity in. One that was away gets at most `credit` for it. */
  add(entity: E, credit: number): void {
    if (this.#entities.has(entity)) return;
    entity.virtualTime = Math.max(entity.virtualTime, this.now - credit);
    this.#entities.add(entity);
  }

  delete(entity: E): void {
    this.#entities.delete(entity);
  }

  /** The entity that has had least; of several the one that has waited longest. */
  first(): E | undefined {
    let best: E | undefined;
    for (const entity of this.#entities) if (best === undefined || entity.virtualTime < best.virtualTime) best = entity;
    if (best !== undefined) this.now = Math.max(this.now, best.virtualTime);
    return best;
  }
}

/** The entity has had the processor for some cycles. */
export function charge(entity: Entity, cycles: number): void {
  entity.virtualTime += (cycles * NORMAL_WEIGHT) / entity.weight;
}
