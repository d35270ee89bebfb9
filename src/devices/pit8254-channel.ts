// One counter of the 8254. Nothing counts down here: what the counter would show follows from the tick at which it was
// loaded, so a channel costs nothing until somebody looks.
// Truth: Intel 8254 data sheet (order 231164), "Mode Definitions" and "Operation Common to All Modes".

import type { Fields } from '../machine/stateful.ts';
import { booleanField, numberField, numbersField } from '../machine/stateful.ts';

const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;
const NEVER = -1;

/** One of the three counters. All times are ticks of the timer's input clock. */
export class PitChannel {
  gate: boolean;
  #mode = 0;
  #bcd = false;
  #access = 3;
  /** Count in use, 1 to 0x10000 (10000 in BCD). */
  #count = 0x10000;
  /** Tick at which the count was loaded, NEVER before the first load or trigger. */
  #start = NEVER;
  /** Modes 0 and 4: ticks already counted when the gate fell, NEVER while it counts. */
  #heldAt = NEVER;
  /** A count that will be loaded later: at tick #pendingAt (modes 2, 3) or at the next trigger (modes 1, 5). */
  #pending = 0;
  #pendingAt = NEVER;
  /** First byte of a two-byte write, NEVER for none. */
  #lowByte = NEVER;
  /** The next read of a two-byte count gives the high byte. */
  #readsHigh = false;
  #latchedCount: number[] = [];
  #latchedStatus = NEVER;

  constructor(gate: boolean) {
    this.gate = gate;
  }

  /** Control word for this channel: mode, access and base; the counter waits for a count. */
  setMode(word: number, _now: number): void {
    const mode = (word >> 1) & 7;
    this.#mode = mode > 5 ? mode - 4 : mode;
    this.#bcd = (word & 1) !== 0;
    this.#access = (word >> 4) & 3;
    this.#start = NEVER;
    this.#heldAt = NEVER;
    this.#pending = 0;
    this.#pendingAt = NEVER;
    this.#lowByte = NEVER;
    this.#readsHigh = false;
    this.#latchedCount = [];
    this.#latchedStatus = NEVER;
  }

  /** Writes a byte of the count. */
  write(byte: number, now: number): void {
    if (this.#access === ACCESS_LOW) {
      this.#writeCount(byte, now);
    } else if (this.#access === ACCESS_HIGH) {
      this.#writeCount(byte << 8, now);
    } else if (this.#lowByte === NEVER) {
      this.#lowByte = byte;
      if (this.#mode === 0) this.#start = NEVER; // the first byte stops a count in progress
    } else {
      const low = this.#lowByte;
      this.#lowByte = NEVER;
      this.#writeCount((byte << 8) | low, now);
    }
  }

  /** Reads status, latched or running count, in that order. */
  read(now: number): number {
    if (this.#latchedStatus !== NEVER) {
      const status = this.#latchedStatus;
      this.#latchedStatus = NEVER;
      return status;
    }
    const latched = this.#latchedCount.shift();
    if (latched !== undefined) return latched;
    const value = this.#display(now);
    if (this.#access === ACCESS_LOW) return value & 0xff;
    if (this.#access === ACCESS_HIGH) return value >> 8;
    this.#readsHigh = !this.#readsHigh;
    return this.#readsHigh ? value & 0xff : value >> 8;
  }

  /** Counter latch command. A second latch before the first was read changes nothing. */
  latchCount(now: number): void {
    if (this.#latchedCount.length > 0) return;
    const value = this.#display(now);
    if (this.#access === ACCESS_LOW) this.#latchedCount = [value & 0xff];
    else if (this.#access === ACCESS_HIGH) this.#latchedCount = [value >> 8];
    else this.#latchedCount = [value & 0xff, value >> 8];
  }

  /** Status half of the read-back command. */
  latchStatus(now: number): void {
    if (this.#latchedStatus !== NEVER) return;
    this.#settle(now);
    const isNull = this.#pending !== 0 || this.#start === NEVER || now < this.#start;
    const flags = (this.output(now) ? 0x80 : 0) | (isNull ? 0x40 : 0);
    this.#latchedStatus = flags | (this.#access << 4) | (this.#mode << 1) | (this.#bcd ? 1 : 0);
  }

  /** GATE input. */
  setGate(level: boolean, now: number): void {
    if (level === this.gate) return;
    this.#settle(now);
    this.gate = level;
    if (this.#mode === 0 || this.#mode === 4) this.#hold(level, now);
    else if (level) this.#trigger(now);
    else if (this.#mode === 2 || this.#mode === 3) this.#heldAt = 0; // OUT high, counting stopped
  }

  /** OUT pin. */
  output(now: number): boolean {
    this.#settle(now);
    const elapsed = this.#elapsed(now);
    switch (this.#mode) {
      case 0:
        return this.#start !== NEVER && elapsed >= this.#count;
      case 1:
        return this.#start === NEVER || elapsed < 0 || elapsed >= this.#count;
      case 2:
        return !this.#isRunning(elapsed) || elapsed % this.#count !== this.#count - 1;
      case 3:
        return !this.#isRunning(elapsed) || elapsed % this.#count < Math.ceil(this.#count / 2);
      default:
        return this.#start === NEVER || elapsed !== this.#count;
    }
  }

  /** The tick after `now` at which OUT changes next, undefined for never. */
  nextChange(now: number): number | undefined {
    this.#settle(now);
    if (this.#start === NEVER || this.#heldAt !== NEVER) return undefined;
    const elapsed = this.#elapsed(now);
    const phase = elapsed < 0 ? 0 : elapsed % this.#count;
    const period = elapsed < 0 ? this.#start : now - phase;
    switch (this.#mode) {
      case 0:
        return elapsed < this.#count ? this.#start + this.#count : undefined;
      case 1:
        if (elapsed < 0) return this.#start;
        return elapsed < this.#count ? this.#start + this.#count : undefined;
      case 2:
        return period + (phase < this.#count - 1 ? this.#count - 1 : this.#count);
      case 3: {
        const half = Math.ceil(this.#count / 2);
        return period + (phase < half ? half : this.#count);
      }
      default:
        if (elapsed < this.#count) return this.#start + this.#count;
        return elapsed === this.#count ? now + 1 : undefined;
    }
  }

  save(): Fields {
    return {
      gate: this.gate,
      mode: this.#mode,
      bcd: this.#bcd,
      access: this.#access,
      count: this.#count,
      start: this.#start,
      heldAt: this.#heldAt,
      pending: this.#pending,
      pendingAt: this.#pendingAt,
      lowByte: this.#lowByte,
      readsHigh: this.#readsHigh,
      latchedCount: [...this.#latchedCount],
      latchedStatus: this.#latchedStatus,
    };
  }

  load(fields: Fields): void {
    this.gate = booleanField(fields, 'gate');
    this.#mode = numberField(fields, 'mode');
    this.#bcd = booleanField(fields, 'bcd');
    this.#access = numberField(fields, 'access');
    this.#count = numberField(fields, 'count');
    this.#start = numberField(fields, 'start');
    this.#heldAt = numberField(fields, 'heldAt');
    this.#pending = numberField(fields, 'pending');
    this.#pendingAt = numberField(fields, 'pendingAt');
    this.#lowByte = numberField(fields, 'lowByte');
    this.#readsHigh = booleanField(fields, 'readsHigh');
    this.#latchedCount = numbersField(fields, 'latchedCount');
    this.#latchedStatus = numberField(fields, 'latchedStatus');
  }

  #writeCount(raw: number, now: number): void {
    const count = this.#decode(raw);
    this.#settle(now);
    if (this.#mode === 1 || this.#mode === 5) {
      this.#pending = count; // loaded by the next trigger
      return;
    }
    const isPeriodic = this.#mode === 2 || this.#mode === 3;
    if (isPeriodic && this.#start !== NEVER && this.#heldAt === NEVER && now >= this.#start) {
      this.#pending = count;
      this.#pendingAt = this.#endOfCycle(now);
      return;
    }
    this.#count = count;
    this.#start = now + 1;
    this.#heldAt = this.gate ? NEVER : 0;
  }

  /** Rising edge of the gate in modes 1, 2, 3 and 5: the counter is loaded with the next tick. */
  #trigger(now: number): void {
    if (this.#pending !== 0) this.#count = this.#pending;
    else if (this.#start === NEVER && (this.#mode === 1 || this.#mode === 5)) return;
    this.#pending = 0;
    this.#pendingAt = NEVER;
    this.#heldAt = NEVER;
    if (this.#mode === 1 || this.#mode === 5 || this.#start !== NEVER) this.#start = now + 1;
  }

  #hold(level: boolean, now: number): void {
    if (this.#start === NEVER) return;
    if (!level) {
      this.#heldAt = Math.max(0, now - this.#start);
    } else if (this.#heldAt !== NEVER) {
      this.#start = now - this.#heldAt;
      this.#heldAt = NEVER;
    }
  }

  #elapsed(now: number): number {
    return this.#heldAt !== NEVER ? this.#heldAt : now - this.#start;
  }

  #isRunning(elapsed: number): boolean {
    return this.#start !== NEVER && this.#heldAt === NEVER && elapsed >= 0;
  }

  /** When a new count of a periodic mode takes effect: the end of the period, or of the half period in mode 3. */
  #endOfCycle(now: number): number {
    const phase = (now - this.#start) % this.#count;
    const period = now - phase;
    const half = Math.ceil(this.#count / 2);
    return this.#mode === 3 && phase < half ? period + half : period + this.#count;
  }

  /** Brings a pending count into use once its time has come. */
  #settle(now: number): void {
    if (this.#pendingAt === NEVER || now < this.#pendingAt) return;
    const endsHighHalf = this.#mode === 3 && (this.#pendingAt - this.#start) % this.#count !== 0;
    this.#count = this.#pending;
    this.#start = endsHighHalf ? this.#pendingAt - Math.ceil(this.#count / 2) : this.#pendingAt;
    this.#pending = 0;
    this.#pendingAt = NEVER;
  }

  /** What the counting element shows, in the channel's base. */
  #display(now: number): number {
    this.#settle(now);
    const range = this.#bcd ? 10000 : 0x10000;
    const value = this.#value(this.#start === NEVER ? 0 : Math.max(0, this.#elapsed(now))) % range;
    return this.#bcd ? toBcd(value) : value;
  }

  #value(elapsed: number): number {
    const count = this.#count;
    if (this.#mode === 2) return count - (elapsed % count);
    if (this.#mode === 3) {
      const half = Math.ceil(count / 2);
      const phase = elapsed % count;
      return count - (count & 1) - 2 * (phase < half ? phase : phase - half);
    }
    const range = this.#bcd ? 10000 : 0x10000;
    return (((count - elapsed) % range) + range) % range;
  }

  /** A count of 0 stands for the largest; 1 is illegal in the periodic modes and treated as 2. */
  #decode(raw: number): number {
    const value = this.#bcd ? fromBcd(raw) : raw;
    if (value === 0) return this.#bcd ? 10000 : 0x10000;
    return value === 1 && (this.#mode === 2 || this.#mode === 3) ? 2 : value;
  }
}

function fromBcd(value: number): number {
  return (value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15);
}

function toBcd(value: number): number {
  const digit = (weight: number): number => Math.floor(value / weight) % 10;
  return (digit(1000) << 12) | (digit(100) << 8) | (digit(10) << 4) | digit(1);
}
