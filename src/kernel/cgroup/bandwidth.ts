// The cap of a group on CPU time: a quota in each period; who has used it up waits for the next one
// (Documentation/scheduler/sched-bwc.rst, cgroup-v2.rst "cpu.max").
import type { Timer, Timers } from '../timers.ts';

/** What the cap needs of the kernel. */
export interface BandwidthHost {
  readonly timers: Timers;
  readonly platform: { readonly cycles: number };
}

/** Times are in cycles. */
export class Bandwidth implements Timer {
  quota = Number.POSITIVE_INFINITY;
  period: number;
  burst = 0;
  deadline = Number.POSITIVE_INFINITY;
  /** nr_periods, nr_throttled, nr_bursts of cpu.stat. */
  periods = 0;
  throttledPeriods = 0;
  bursts = 0;
  /** Time used beyond the quota. */
  burstTime = 0;
  /** What is left in this period; negative when the last piece of work took longer. */
  #left = Number.POSITIVE_INFINITY;
  /** What was left when the period began. */
  #atStart = Number.POSITIVE_INFINITY;
  #isActive = false;
  #wasUsed = false;
  #throttledSince: number | undefined;
  #throttledTime = 0;
  readonly #host: BandwidthHost;
  readonly #released: () => void;

  /** `released` is called when the group may run again. */
  constructor(host: BandwidthHost, period: number, released: () => void) {
    this.#host = host;
    this.period = period;
    this.#released = released;
  }

  get isThrottled(): boolean {
    return this.#throttledSince !== undefined;
  }

  /** Cycles the group may have before it is throttled. */
  get left(): number {
    return this.#left;
  }

  get throttledTime(): number {
    const since = this.#throttledSince;
    return this.#throttledTime + (since === undefined ? 0 : this.#host.platform.cycles - since);
  }

  /** A new cap. */
  set(quota: number, period: number, burst: number): void {
    this.quota = quota;
    this.period = period;
    this.burst = burst;
    this.stop();
    this.#left = quota;
    this.#atStart = quota;
    this.#release();
  }

  /** The group has had the processor. */
  consume(cycles: number): void {
    if (this.quota === Number.POSITIVE_INFINITY) return;
    this.#wasUsed = true;
    this.#left -= cycles;
    if (!this.#isActive) this.#start();
    if (this.#left <= 0) this.#throttledSince ??= this.#host.platform.cycles;
  }

  /** A period is over. */
  expire(): void {
    this.periods++;
    if (this.isThrottled) this.throttledPeriods++;
    const isIdle = !this.#wasUsed && !this.isThrottled;
    this.#wasUsed = false;
    this.#refill();
    if (this.#left > 0) this.#release();
    if (isIdle) this.#isActive = false;
    else {
      this.deadline += this.period;
      this.#host.timers.start(this);
    }
  }

  /** The group is gone. */
  stop(): void {
    this.#host.timers.stop(this);
    this.#isActive = false;
  }

  #start(): void {
    this.#isActive = true;
    this.deadline = this.#host.platform.cycles + this.period;
    this.#host.timers.start(this);
  }

  #refill(): void {
    const beyond = this.#atStart - Math.max(0, this.#left) - this.quota;
    if (beyond > 0) {
      this.bursts++;
      this.burstTime += beyond;
    }
    this.#left = Math.min(this.#left + this.quota, this.quota + this.burst);
    this.#atStart = this.#left;
  }

  #release(): void {
    if (this.#throttledSince === undefined) return;
    this.#throttledTime += this.#host.platform.cycles - this.#throttledSince;
    this.#throttledSince = undefined;
    this.#released();
  }
}
