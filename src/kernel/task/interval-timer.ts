// ITIMER_REAL of a process (setitimer(2), alarm(2)): SIGALRM at a time, and again after an interval.
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import type { Timer } from '../timers.ts';
import { type CpuTimeKind, type CpuTimer, usedCycles } from './cpu-timers.ts';
import type { ThreadGroup } from './thread-group.ts';

/** The timer; nanoseconds of CLOCK_MONOTONIC. */
export class IntervalTimer implements Timer {
  deadline = Number.POSITIVE_INFINITY;
  /** When it expires next; undefined while it is disarmed. */
  #expires: bigint | undefined;
  #interval = 0n;
  readonly #kernel: Kernel;
  readonly #group: ThreadGroup;

  constructor(kernel: Kernel, group: ThreadGroup) {
    this.#kernel = kernel;
    this.#group = group;
  }

  /** Time left and interval. */
  get value(): { left: bigint; interval: bigint } {
    const left = this.#expires === undefined ? 0n : this.#expires - this.#kernel.monotonic;
    return { left: left > 0n ? left : 0n, interval: this.#interval };
  }

  /** Arms the timer, or disarms it with a value of 0. */
  set(value: bigint, interval: bigint): void {
    this.#kernel.timers.stop(this);
    this.#interval = interval;
    this.#arm(value === 0n ? undefined : this.#kernel.monotonic + value);
  }

  expire(): void {
    const next = this.#expires! + this.#interval;
    this.#arm(this.#interval === 0n ? undefined : next);
    sendSignalToGroup(this.#kernel, this.#group, { signal: SIGNAL.SIGALRM, code: SI_KERNEL });
  }

  #arm(expires: bigint | undefined): void {
    this.#expires = expires;
    if (expires === undefined) return;
    this.deadline = this.#kernel.cyclesAt(expires);
    this.#kernel.timers.start(this);
  }
}

/** ITIMER_VIRTUAL or ITIMER_PROF: a signal when the process has used so much of the processor. */
export class CpuIntervalTimer implements CpuTimer {
  expires = 0;
  readonly of: ThreadGroup;
  readonly kind: CpuTimeKind;
  #isRunning = false;
  #interval = 0n;
  readonly #kernel: Kernel;
  readonly #signal: number;

  constructor(kernel: Kernel, group: ThreadGroup, kind: CpuTimeKind, signal: number) {
    this.#kernel = kernel;
    this.of = group;
    this.kind = kind;
    this.#signal = signal;
  }

  /** Time left and interval. */
  get value(): { left: bigint; interval: bigint } {
    const left = this.#isRunning ? Math.max(this.expires - usedCycles(this.of, this.kind), 1) : 0;
    return { left: this.#kernel.nanoseconds(left), interval: this.#interval };
  }

  /** Arms the timer, or disarms it with a value of 0. */
  set(value: bigint, interval: bigint): void {
    this.of.cpuTimers.stop(this);
    this.#interval = interval;
    this.#isRunning = value > 0n;
    if (!this.#isRunning) return;
    this.expires = usedCycles(this.of, this.kind) + this.#kernel.cyclesAt(value);
    this.of.cpuTimers.start(this);
  }

  expire(): void {
    this.#isRunning = this.#interval > 0n;
    if (this.#isRunning) {
      this.expires += this.#kernel.cyclesAt(this.#interval);
      this.of.cpuTimers.start(this);
    }
    sendSignalToGroup(this.#kernel, this.of, { signal: this.#signal, code: SI_KERNEL });
  }
}
