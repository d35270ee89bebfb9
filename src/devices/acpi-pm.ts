// ACPI power management registers: event block, control block (power off) and timer.
// Truth: ACPI specification, "ACPI Register Model" ("PM1 Event Grouping", "PM1 Control Grouping", "Power Management
// Timer"). Sleep type 0 with SLP_EN is "soft off" here, at the ports and with the value an Intel 82371AB (PIIX4) has.

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Clock, ClockEvent } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, numberField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';

export const PM_TIMER_HZ = 3_579_545;
/** The timer has 24 bits and says so by an interrupt each time bit 23 changes. */
const TIMER_RANGE = 0x1000000;
const TIMER_HALF = 0x800000;

const STATUS = 0; // PM1_STS, PM1_EN, PM1_CNT: offsets of 16-bit registers
const ENABLE = 2;
const CONTROL = 4;
const TIMER = 8;
const TIMER_STATUS = 0x0001;
const CONTROL_SCI = 0x0001;
const CONTROL_SLEEP = 0x2000;
const SLEEP_TYPE_OFF = 0;

/** How the block is tied to the machine. */
export interface AcpiPmOptions {
  readonly clock: Clock;
  readonly sci: Wire;
  readonly powerOff: () => void;
}

/** Twelve ports: status, enable, control, a gap, timer. */
export class AcpiPm implements PortDevice, Stateful {
  readonly name = 'acpi-pm';
  readonly version = 1;
  readonly #clock: Clock;
  readonly #options: AcpiPmOptions;
  readonly #event: ClockEvent;
  #status = 0;
  #enable = 0;
  #control = CONTROL_SCI;
  /** Half periods of the timer that were already noticed. */
  #halves = 0;
  #sciLevel = false;

  constructor(options: AcpiPmOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#event = options.clock.event('acpi timer', () => this.#update());
  }

  read(offset: number, size: AccessSize): number {
    this.#settle();
    const registers = [this.#status, this.#enable, this.#control, 0];
    const at = offset & ~1;
    const value =
      offset >= TIMER
        ? this.#clock.ticks(PM_TIMER_HZ) % TIMER_RANGE
        : ((registers[at >> 1] ?? 0) | ((registers[(at >> 1) + 1] ?? 0) << 16)) >>> 0;
    const shifted = value >>> (8 * (offset - (offset >= TIMER ? TIMER : at)));
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#settle();
    for (let byte = 0; byte < size; byte++) this.#writeByte(offset + byte, (value >>> (8 * byte)) & 0xff);
    this.#update();
  }

  save(): Fields {
    return {
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      halves: this.#halves,
      sciLevel: this.#sciLevel,
    };
  }

  load(fields: Fields): void {
    this.#status = numberField(fields, 'status');
    this.#enable = numberField(fields, 'enable');
    this.#control = numberField(fields, 'control');
    this.#halves = numberField(fields, 'halves');
    this.#sciLevel = booleanField(fields, 'sciLevel');
  }

  #writeByte(offset: number, byte: number): void {
    const shift = 8 * (offset & 1);
    const merge = (register: number): number => (register & ~(0xff << shift)) | (byte << shift);
    switch (offset & ~1) {
      case STATUS:
        this.#status &= ~(byte << shift); // a one clears
        break;
      case ENABLE:
        this.#enable = merge(this.#enable) & 0x0721;
        break;
      case CONTROL: {
        const control = merge(this.#control);
        this.#control = control & 0x1c07; // SLP_EN reads as zero
        const isSleep = (control & CONTROL_SLEEP) !== 0 && shift === 8;
        if (isSleep && ((control >> 10) & 7) === SLEEP_TYPE_OFF) this.#options.powerOff();
      }
    }
  }

  /** Bit 23 of the timer changes once a half period. */
  #settle(): void {
    const halves = Math.floor(this.#clock.ticks(PM_TIMER_HZ) / TIMER_HALF);
    if (halves !== this.#halves) this.#status |= TIMER_STATUS;
    this.#halves = halves;
  }

  #update(): void {
    this.#settle();
    const level = (this.#control & CONTROL_SCI) !== 0 && (this.#status & this.#enable) !== 0;
    if (level !== this.#sciLevel) {
      this.#sciLevel = level;
      this.#options.sci(level);
    }
    if ((this.#enable & TIMER_STATUS) === 0) this.#event.cancel();
    else this.#event.schedule(this.#clock.cyclesOfTick(PM_TIMER_HZ, (this.#halves + 1) * TIMER_HALF));
  }
}
