// Real-time clock and CMOS memory. The date starts at the machine's option and runs in virtual time; flags are worked
// out when somebody looks, and an event waits only for an interrupt that is enabled.
// Truth: Motorola MC146818A data sheet, "Registers", "Interrupts", "Update Cycle"; memory-size bytes as PC firmware
// leaves them (IBM PC AT Technical Reference, "Real-Time Clock/CMOS RAM").

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Clock, ClockEvent } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, bytesField, numberField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import { fieldsOfDate, isAlarmAt, RTC_TIME_REGISTERS, secondsOfFields } from './rtc-date.ts';

const OSCILLATOR_HZ = 32_768;
/** Update in progress is announced 244 microseconds before the update, which takes 1984 microseconds. */
const UPDATE_TICKS = 73;

const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const A_UPDATING = 0x80;
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
const C_IRQ = 0x80;
const D_VALID = 0x80;
const SECONDS_A_DAY = 86_400;

/** How the chip is tied to the machine. */
export interface CmosOptions {
  readonly clock: Clock;
  readonly irq8: Wire;
  /** RAM in bytes. */
  readonly memorySize: number;
  /** Date at power-on, ISO 8601 in UTC. */
  readonly date: string;
}

/** Index port 0x70 and data port 0x71. */
export class Cmos implements PortDevice, Stateful {
  readonly name = 'cmos';
  readonly version = 1;
  readonly #clock: Clock;
  readonly #irq8: Wire;
  readonly #event: ClockEvent;
  /** 128 bytes; the date in it is only up to date while the SET bit stops the clock. */
  readonly #memory = new Uint8Array(128);
  #index = 0;
  /** Seconds since 1970 at oscillator tick 0. */
  #epoch: number;
  #flags = 0;
  /** Oscillator tick up to which #flags is worked out. */
  #settled = 0;
  #irqLevel = false;

  constructor({ clock, irq8, memorySize, date }: CmosOptions) {
    this.#clock = clock;
    this.#irq8 = irq8;
    this.#epoch = Math.floor(Date.parse(date) / 1000);
    if (Number.isNaN(this.#epoch)) throw new RangeError(`"${date}" is not an ISO 8601 date`);
    this.#event = clock.event('cmos interrupt', () => this.#update());
    this.#memory[REGISTER_A] = 0x26;
    this.#memory[REGISTER_B] = 0x02;
    this.#memory[REGISTER_D] = D_VALID;
    this.#describeMemory(memorySize);
  }

  read(offset: number, _size: AccessSize): number {
    if (offset === 0) return 0xff; // the index port cannot be read
    switch (this.#index) {
      case REGISTER_A:
        return (this.#memory[REGISTER_A]! & 0x7f) | (this.#isUpdating() ? A_UPDATING : 0);
      case REGISTER_C:
        return this.#readFlags();
      case REGISTER_D:
        return D_VALID;
      default:
        if (this.#isTimeRegister(this.#index) && !this.#isStopped) this.#refreshTime();
        return this.#memory[this.#index]!;
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const byte = value & 0xff;
    if (offset === 0) {
      this.#index = byte & 0x7f;
      return;
    }
    if (this.#index === REGISTER_C || this.#index === REGISTER_D) return; // read only
    this.#settle();
    if (this.#index === REGISTER_B) this.#writeControl(byte);
    else if (this.#isTimeRegister(this.#index)) this.#writeTime(byte);
    else this.#memory[this.#index] = this.#index === REGISTER_A ? byte & 0x7f : byte;
    this.#update();
  }

  save(): Fields {
    return {
      memory: this.#memory.slice(),
      index: this.#index,
      epoch: this.#epoch,
      flags: this.#flags,
      settled: this.#settled,
      irqLevel: this.#irqLevel,
    };
  }

  load(fields: Fields): void {
    this.#memory.set(bytesField(fields, 'memory'));
    this.#index = numberField(fields, 'index');
    this.#epoch = numberField(fields, 'epoch');
    this.#flags = numberField(fields, 'flags');
    this.#settled = numberField(fields, 'settled');
    this.#irqLevel = booleanField(fields, 'irqLevel');
  }

  get #isStopped(): boolean {
    return (this.#memory[REGISTER_B]! & B_SET) !== 0;
  }

  #ticks(): number {
    return this.#clock.ticks(OSCILLATOR_HZ);
  }

  #isTimeRegister(index: number): boolean {
    return RTC_TIME_REGISTERS.includes(index);
  }

  #isUpdating(): boolean {
    return !this.#isStopped && this.#ticks() % OSCILLATOR_HZ >= OSCILLATOR_HZ - UPDATE_TICKS;
  }

  /** Copies the running date into the registers. */
  #refreshTime(): void {
    const seconds = this.#epoch + Math.floor(this.#ticks() / OSCILLATOR_HZ);
    for (const [register, value] of fieldsOfDate(seconds, this.#memory[REGISTER_B]!)) this.#memory[register] = value;
  }

  #writeTime(byte: number): void {
    if (!this.#isStopped) this.#refreshTime();
    this.#memory[this.#index] = byte;
    if (!this.#isStopped) this.#setClock();
  }

  /** The registers say what time it is now. */
  #setClock(): void {
    const elapsed = Math.floor(this.#ticks() / OSCILLATOR_HZ);
    this.#epoch = secondsOfFields(this.#memory, this.#memory[REGISTER_B]!) - elapsed;
  }

  #writeControl(byte: number): void {
    const wasStopped = this.#isStopped;
    if (!wasStopped) this.#refreshTime();
    // Setting SET also clears the enable of the update-ended interrupt.
    this.#memory[REGISTER_B] = (byte & B_SET) !== 0 ? byte & ~B_UPDATE : byte;
    if (wasStopped && !this.#isStopped) this.#setClock();
  }

  /** Oscillator ticks between periodic interrupts, 0 for none: register A bits 3:0. */
  get #period(): number {
    const rate = this.#memory[REGISTER_A]! & 0x0f;
    if (rate === 0) return 0;
    return rate <= 2 ? 1 << (rate + 6) : 1 << (rate - 1);
  }

  /** Works out which flags have come up since the last time. */
  #settle(): void {
    const now = this.#ticks();
    const from = this.#settled;
    this.#settled = now;
    const period = this.#period;
    if (period !== 0 && Math.floor(now / period) > Math.floor(from / period)) this.#flags |= B_PERIODIC;
    const lastSecond = Math.floor(now / OSCILLATOR_HZ);
    const firstSecond = Math.floor(from / OSCILLATOR_HZ) + 1;
    if (this.#isStopped || lastSecond < firstSecond) return;
    this.#flags |= B_UPDATE;
    if (this.#alarmBetween(firstSecond, lastSecond) !== undefined) this.#flags |= B_ALARM;
  }

  /** The first second in [first, last] at which the alarm registers match; it repeats every day. */
  #alarmBetween(first: number, last: number): number | undefined {
    const end = Math.min(last, first + SECONDS_A_DAY);
    for (let second = first; second <= end; second++) if (isAlarmAt(this.#epoch + second, this.#memory)) return second;
    return undefined;
  }

  #readFlags(): number {
    this.#settle();
    const flags = this.#flags;
    const irq = (flags & this.#memory[REGISTER_B]! & 0x70) !== 0 ? C_IRQ : 0;
    this.#flags = 0;
    this.#update();
    return flags | irq;
  }

  /** Drives IRQ 8 and waits for the next moment at which it could rise. */
  #update(): void {
    this.#settle();
    const enabled = this.#memory[REGISTER_B]! & 0x70;
    const level = (this.#flags & enabled) !== 0;
    if (level !== this.#irqLevel) {
      this.#irqLevel = level;
      this.#irq8(level);
    }
    const next = level ? undefined : this.#nextTick(enabled);
    if (next === undefined) this.#event.cancel();
    else this.#event.schedule(this.#clock.cyclesOfTick(OSCILLATOR_HZ, next));
  }

  #nextTick(enabled: number): number | undefined {
    const now = this.#settled;
    const second = Math.floor(now / OSCILLATOR_HZ) + 1;
    const period = this.#period;
    let next: number | undefined;
    if ((enabled & B_PERIODIC) !== 0 && period !== 0) next = (Math.floor(now / period) + 1) * period;
    if (this.#isStopped) return next;
    if ((enabled & B_UPDATE) !== 0) next = Math.min(next ?? Number.POSITIVE_INFINITY, second * OSCILLATOR_HZ);
    if ((enabled & B_ALARM) !== 0) {
      const alarm = this.#alarmBetween(second, second + SECONDS_A_DAY);
      if (alarm !== undefined) next = Math.min(next ?? Number.POSITIVE_INFINITY, alarm * OSCILLATOR_HZ);
    }
    return next;
  }

  /** Base memory, memory above 1 MiB in KiB, above 16 MiB in 64 KiB, and the checksum firmware keeps over them. */
  #describeMemory(size: number): void {
    const extended = Math.min(0xffff, Math.max(0, (size >> 10) - 1024));
    const above16 = Math.min(0xffff, Math.max(0, Math.floor((size - 0x1000000) / 0x10000)));
    const words = [
      [0x15, 640],
      [0x17, extended],
      [0x30, extended],
      [0x34, above16],
    ] as const;
    for (const [register, value] of words) {
      this.#memory[register] = value & 0xff;
      this.#memory[register + 1] = value >> 8;
    }
    const sum = this.#memory.subarray(0x10, 0x2e).reduce((total, byte) => total + byte, 0);
    this.#memory[0x2e] = (sum >> 8) & 0xff;
    this.#memory[0x2f] = sum & 0xff;
  }
}
