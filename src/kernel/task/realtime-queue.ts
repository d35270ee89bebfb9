// Tasks of SCHED_FIFO and SCHED_RR (sched(7)): the highest priority first, within a priority in the order of their turns.
// They leave a part of each second to the others (/proc/sys/kernel/sched_rt_runtime_us).
import type { Timer, Timers } from '../timers.ts';
import type { Task } from './task.ts';

/** What real-time tasks may have of each second. */
const REALTIME_SHARE = 0.95;

/** What the queue needs of the kernel. */
export interface RealtimeHost {
  readonly timers: Timers;
  readonly platform: { readonly cycles: number; readonly frequencyHz: number };
}

/** Real-time tasks that could run. */
export class RealtimeQueue implements Timer {
  /** The second ends. */
  deadline = Number.POSITIVE_INFINITY;
  readonly #host: RealtimeHost;
  readonly #tasks = new Map<number, Task[]>();
  #used = 0;

  constructor(host: RealtimeHost) {
    this.#host = host;
  }

  /** Cycles that are left of this second. */
  get left(): number {
    return Math.max(0, REALTIME_SHARE * this.#host.platform.frequencyHz - this.#used);
  }

  /** Puts a task in: behind those of its priority, or before them. */
  add(task: Task, first: boolean): void {
    let tasks = this.#tasks.get(task.priority);
    if (tasks === undefined) {
      tasks = [];
      this.#tasks.set(task.priority, tasks);
    }
    if (tasks.includes(task)) return;
    if (first) tasks.unshift(task);
    else tasks.push(task);
  }

  delete(task: Task): void {
    for (const tasks of this.#tasks.values()) if (tasks.includes(task)) tasks.splice(tasks.indexOf(task), 1);
  }

  /** Takes out the next one that may run. */
  next(mayRun: (task: Task) => boolean): Task | undefined {
    return this.prune(mayRun) ? this.#tasks.get(this.#highest)!.shift() : undefined;
  }

  /** Takes out whoever stands before the first that may run; true when there is one. */
  prune(mayRun: (task: Task) => boolean): boolean {
    if (this.left === 0) return false;
    while (this.#tasks.size > 0) {
      const tasks = this.#tasks.get(this.#highest)!;
      while (tasks.length > 0) {
        if (mayRun(tasks[0]!)) return true;
        tasks.shift();
      }
      this.#tasks.delete(this.#highest);
    }
    return false;
  }

  get #highest(): number {
    return Math.max(...this.#tasks.keys());
  }

  /** A task has had the processor. */
  consume(cycles: number): void {
    const { platform, timers } = this.#host;
    if (this.deadline === Number.POSITIVE_INFINITY) {
      this.deadline = platform.cycles - cycles + platform.frequencyHz;
      timers.start(this);
    }
    this.#used += cycles;
  }

  expire(): void {
    this.#used = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }
}
