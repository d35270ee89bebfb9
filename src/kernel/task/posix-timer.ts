// A timer of a process that sends a signal (timer_create(2), timer_settime(2), timer_getoverrun(2)).
import { SI_TIMER } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup, sendSignalToTask } from '../signal/send.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import type { Timer } from '../timers.ts';
import type { CpuTimeKind, CpuTimer } from './cpu-timers.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** Where a timer's time comes from: the time of day, or what somebody uses of the processor. */
export type TimerClock =
  | { readonly kind: 'monotonic' }
  | { readonly kind: 'cpu'; readonly of: Task | ThreadGroup; readonly counts: CpuTimeKind };

/** What to do when it expires. */
export interface Notification {
  readonly signal: number;
  readonly value: bigint;
  /** The thread that gets the signal; undefined for the process. */
  readonly task: Task | undefined;
  /** SIGEV_NONE: nothing. */
  readonly isSilent: boolean;
}

const MOST_OVERRUNS = 0x7fff_ffff;

/** What a timer on processor time waits for. */
class UsedTime implements CpuTimer {
  readonly #timer: PosixTimer;
  expires = 0;

  constructor(timer: PosixTimer) {
    this.#timer = timer;
  }

  get of(): Task | ThreadGroup {
    return this.#timer.of!;
  }

  get kind(): CpuTimeKind {
    const { clock } = this.#timer;
    return clock.kind === 'cpu' ? clock.counts : 'all';
  }

  expire(): void {
    this.#timer.expire();
  }
}

/** A POSIX timer. Times are nanoseconds of its clock: CLOCK_MONOTONIC, or CPU time. */
export class PosixTimer implements Timer {
  deadline = Number.POSITIVE_INFINITY;
  readonly id: number;
  /** Number of its clock, as timer_create was given it. */
  readonly clockId: number;
  readonly clock: TimerClock;
  #expires: bigint | undefined;
  #interval = 0n;
  /** The signal that was sent last; expirations while it waits are counted in it. */
  #sent: (SignalInfo & { overrun: number }) | undefined;
  readonly #notification: Notification;
  readonly #kernel: Kernel;
  readonly #group: ThreadGroup;

  constructor(
    kernel: Kernel,
    group: ThreadGroup,
    options: { id: number; clockId: number; clock: TimerClock; notification: Notification },
  ) {
    this.#kernel = kernel;
    this.#group = group;
    this.id = options.id;
    this.clockId = options.clockId;
    this.clock = options.clock;
    this.#notification = options.notification;
  }

  /** Time of its clock. */
  get now(): bigint {
    const { clock } = this;
    if (clock.kind === 'monotonic') return this.#kernel.monotonic;
    return this.#kernel.nanoseconds(this.of!.userCycles + (clock.counts === 'all' ? this.of!.systemCycles : 0));
  }

  get of(): Task | ThreadGroup | undefined {
    return this.clock.kind === 'cpu' ? this.clock.of : undefined;
  }

  /** Time left and interval. */
  get value(): { left: bigint; interval: bigint } {
    if (this.#expires === undefined) return { left: 0n, interval: this.#interval };
    let left = this.#expires - this.now;
    // a timer without a signal is not run: what it would have done is calculated
    if (left <= 0n && this.#notification.isSilent && this.#interval > 0n)
      left += (-left / this.#interval + 1n) * this.#interval;
    if (left <= 0n) left = this.#notification.isSilent ? 0n : 1n;
    return { left, interval: this.#interval };
  }

  /** Expirations since the last signal beyond the one it told of. */
  get overrun(): number {
    return this.#sent?.overrun ?? 0;
  }

  /** Arms the timer for a moment of its clock; undefined disarms it. */
  set(expires: bigint | undefined, interval: bigint): void {
    this.stop();
    this.#interval = interval;
    this.#expires = expires;
    this.#sent = undefined;
    this.#arm();
  }

  stop(): void {
    this.#kernel.timers.stop(this);
    this.#group.cpuTimers.stop(this.#cpuTimer);
  }

  expire(): void {
    this.#notify();
    if (this.#interval === 0n) this.#expires = undefined;
    else this.#expires = this.#expires! + this.#interval;
    this.#arm();
  }

  readonly #cpuTimer = new UsedTime(this);

  #arm(): void {
    if (this.#expires === undefined || this.#notification.isSilent) return;
    const cycles = this.#kernel.cyclesAt(this.#expires);
    if (this.clock.kind === 'cpu') {
      this.#cpuTimer.expires = cycles;
      this.#group.cpuTimers.start(this.#cpuTimer);
    } else {
      this.deadline = cycles;
      this.#kernel.timers.start(this);
    }
  }

  #notify(): void {
    const { signal, value, task } = this.#notification;
    const pending = task === undefined ? this.#group.pending : task.pending;
    if (this.#sent !== undefined && pending.queue.includes(this.#sent)) {
      this.#sent.overrun = Math.min(this.#sent.overrun + 1, MOST_OVERRUNS);
      return;
    }
    this.#sent = { signal, code: SI_TIMER, timerId: this.id, value, overrun: 0 };
    if (task === undefined) sendSignalToGroup(this.#kernel, this.#group, this.#sent);
    else sendSignalToTask(this.#kernel, task, this.#sent);
  }
}
