// Time of a paravirtual guest: the parameters in shared_info from which it computes system time out of the TSC, the
// one-shot timer and the periodic tick (Xen public headers "xen.h", vcpu_time_info, and "vcpu.h"; Barham et al. 2003,
// section 3.3.2 "Time and timers").

import type { Clock } from '../../../machine/clock.ts';
import type { Fields, Stateful } from '../../../machine/stateful.ts';
import { numberField } from '../../../machine/stateful.ts';
import { SHARED_INFO, TIME_INFO, VCPU_INFO } from '../../xen/abi.ts';
import type { SharedInfo } from './event-channels.ts';

const SECOND = 1_000_000_000;
/** Every virtual CPU starts with a tick of 100 Hz. */
const PERIOD_AT_START = 10_000_000;
const NEVER = -1;

/** Multiplier and shift with nanoseconds = (cycles << shift) * multiplier >> 32. */
export function tscScale(frequencyHz: number): { multiplier: number; shift: number } {
  let scaled = frequencyHz;
  let shift = 0;
  while (scaled <= SECOND) {
    scaled *= 2;
    shift++;
  }
  return { multiplier: Number((BigInt(SECOND) << 32n) / BigInt(Math.round(scaled))), shift };
}

/** System time and timers. */
export class Timekeeping implements Stateful {
  readonly name = 'paravirtual time';
  readonly version = 1;
  readonly #clock: Clock;
  readonly #shared: SharedInfo;
  /** Nanoseconds of system time, or NEVER. */
  #singleShot = NEVER;
  #period = PERIOD_AT_START;
  #nextTick = NEVER;
  #poll = NEVER;
  #published = 0;

  constructor(clock: Clock, shared: SharedInfo) {
    this.#clock = clock;
    this.#shared = shared;
  }

  /** Nanoseconds since the machine's power-on. */
  now(): number {
    return this.#clock.nanoseconds();
  }

  /** Writes the time parameters; odd version while they change. */
  publish(): void {
    const { multiplier, shift } = tscScale(this.#clock.frequencyHz);
    const at = VCPU_INFO.time;
    const version = this.#shared.load(at + TIME_INFO.version, 4);
    this.#shared.store(at + TIME_INFO.version, 4, (version + 1) >>> 0);
    const tsc = this.#clock.now();
    this.#published = this.now();
    this.#store64(at + TIME_INFO.tscTimestamp, tsc);
    this.#store64(at + TIME_INFO.systemTime, this.#published);
    this.#shared.store(at + TIME_INFO.tscToSystemMultiplier, 4, multiplier);
    this.#shared.store(at + TIME_INFO.tscShift, 1, shift);
    this.#shared.store(at + TIME_INFO.version, 4, (version + 2) >>> 0);
  }

  /** Writes the date at system time 0. */
  publishWallClock(seconds: number): void {
    this.#shared.store(SHARED_INFO.wallClockVersion, 4, 2);
    this.#shared.store(SHARED_INFO.wallClockSeconds, 4, seconds >>> 0);
    this.#shared.store(SHARED_INFO.wallClockNanoseconds, 4, 0);
  }

  /** One-shot timer at an absolute system time; undefined cancels. */
  setSingleShot(when: number | undefined): void {
    this.#singleShot = when ?? NEVER;
  }

  /** Tick every `period` nanoseconds; undefined stops it. */
  setPeriodic(period: number | undefined): void {
    this.#period = period ?? NEVER;
    this.#nextTick = NEVER;
  }

  /** End of a poll, undefined for none. */
  setPoll(when: number | undefined): void {
    this.#poll = when ?? NEVER;
  }

  /** What has come due: the timer interrupt is to be raised, a poll is over. `bound`: somebody listens to it. */
  expire(bound: boolean): { timer: boolean; poll: boolean } {
    const now = this.now();
    let timer = false;
    if (this.#singleShot !== NEVER && this.#singleShot <= now) {
      this.#singleShot = NEVER;
      timer = true;
    }
    if (bound && this.#period !== NEVER) {
      if (this.#nextTick === NEVER) this.#nextTick = now + this.#period;
      else if (this.#nextTick <= now) {
        timer = true;
        this.#nextTick += this.#period * Math.floor((now - this.#nextTick) / this.#period + 1);
      }
    }
    const poll = this.#poll !== NEVER && this.#poll <= now;
    if (poll) this.#poll = NEVER;
    if (now - this.#published > SECOND) this.publish();
    return { timer, poll };
  }

  /** Cycle count at which something comes due; Infinity for never. */
  nextDeadline(): number {
    const due = [this.#singleShot, this.#nextTick, this.#poll].filter((when) => when !== NEVER);
    return due.length === 0 ? Number.POSITIVE_INFINITY : this.#clock.cyclesOfTick(SECOND, Math.min(...due));
  }

  save(): Fields {
    return {
      singleShot: this.#singleShot,
      period: this.#period,
      nextTick: this.#nextTick,
      poll: this.#poll,
      published: this.#published,
    };
  }

  load(fields: Fields): void {
    this.#singleShot = numberField(fields, 'singleShot');
    this.#period = numberField(fields, 'period');
    this.#nextTick = numberField(fields, 'nextTick');
    this.#poll = numberField(fields, 'poll');
    this.#published = numberField(fields, 'published');
  }

  #store64(at: number, value: number): void {
    this.#shared.store(at, 4, value >>> 0);
    this.#shared.store(at + 4, 4, Math.floor(value / 0x1_0000_0000));
  }
}
