// Which task runs next: the one that has had least of the processor for its weight (sched(7) SCHED_OTHER).
import { isKilled } from '../signal/signal-set.ts';
import type { Task } from './task.ts';

/** Weight of nice 0; each step changes it by a quarter (sched(7) "The nice value"). */
const NORMAL_WEIGHT = 1024;
const STEP = 1.25;

/** Weight of a nice value. */
export function niceWeight(nice: number): number {
  return NORMAL_WEIGHT / STEP ** nice;
}

/** Tasks that could run. */
export class RunQueue {
  readonly #tasks = new Set<Task>();
  /** Virtual time of the task that ran last: what a task that slept starts from. */
  #now = 0;

  add(task: Task): void {
    task.virtualTime = Math.max(task.virtualTime, this.#now);
    this.#tasks.add(task);
  }

  /** Takes the next task out. */
  next(): Task | undefined {
    let best: Task | undefined;
    for (const task of this.#tasks) {
      if (task.state !== 'running' || (task.isFrozen && !isKilled(task))) this.#tasks.delete(task);
      else if (best === undefined || task.virtualTime < best.virtualTime) best = task;
    }
    if (best !== undefined) {
      this.#tasks.delete(best);
      this.#now = best.virtualTime;
    }
    return best;
  }

  /** The task used the processor. */
  account(task: Task, cycles: number): void {
    task.virtualTime += (cycles * NORMAL_WEIGHT) / niceWeight(task.nice);
  }
}
