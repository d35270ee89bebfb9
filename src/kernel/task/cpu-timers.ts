// What happens when a task or a process has used so much of the processor: ITIMER_VIRTUAL and ITIMER_PROF (setitimer(2)),
// timers of CPU-time clocks (timer_create(2)), RLIMIT_CPU (getrlimit(2)).
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** Which time counts: that in user mode, or all. */
export type CpuTimeKind = 'user' | 'all';

/** Cycles a task or process has used. */
export function usedCycles(of: Task | ThreadGroup, kind: CpuTimeKind): number {
  return kind === 'user' ? of.userCycles : of.userCycles + of.systemCycles;
}

/** A timer on the time that a task or process uses. */
export interface CpuTimer {
  readonly of: Task | ThreadGroup;
  readonly kind: CpuTimeKind;
  /** Cycles used at which it expires. */
  expires: number;
  expire(): void;
}

/** The timers of a process that run. */
export class CpuTimers {
  readonly #timers = new Set<CpuTimer>();

  start(timer: CpuTimer): void {
    this.#timers.add(timer);
  }

  stop(timer: CpuTimer): void {
    this.#timers.delete(timer);
  }

  /** Cycles the task may run until one of them expires. */
  left(task: Task): number {
    let left = Number.POSITIVE_INFINITY;
    if (this.#timers.size === 0) return left;
    for (const { of, kind, expires } of this.#timers)
      if (of === task || of === task.group) left = Math.min(left, Math.max(expires - usedCycles(of, kind), 1));
    return left;
  }

  /** Lets those expire whose time has been used. */
  runDue(): void {
    if (this.#timers.size === 0) return;
    for (const timer of [...this.#timers]) {
      if (usedCycles(timer.of, timer.kind) < timer.expires) continue;
      this.#timers.delete(timer);
      timer.expire();
    }
  }
}
