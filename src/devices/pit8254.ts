// 8254 Programmable Interval Timer with the PC's port 0x61 (gate of channel 2, speaker, refresh toggle).
// Truth: Intel 8254 data sheet (order 231164), "Programming the 8254", "Read Operations" and "Mode Definitions"; port
// 0x61 from the Intel 82371SB (PIIX3) data sheet, "NMI Status and Control Register".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Clock, ClockEvent } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, fieldsField, numberField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import { PitChannel } from './pit8254-channel.ts';

/** Input clock of all three channels. */
export const PIT_HZ = 1_193_182;
/** DRAM refresh asked for every 18 ticks; port 0x61 bit 4 toggles with each. */
const REFRESH_TICKS = 18;
const READ_BACK = 3;

/** How the timer is tied to the machine. */
export interface Pit8254Options {
  readonly clock: Clock;
  /** OUT of channel 0. */
  readonly irq0: Wire;
}

/** The three channels at ports 0x40 to 0x43. */
export class Pit8254 implements PortDevice, Stateful {
  readonly name = 'pit8254';
  readonly version = 1;
  /** Port 0x61. */
  readonly systemControl: PortDevice;
  readonly #clock: Clock;
  readonly #irq0: Wire;
  readonly #channels = [new PitChannel(true), new PitChannel(true), new PitChannel(false)] as const;
  readonly #edge: ClockEvent;
  #speaker = 0;
  #irqLevel = false;

  constructor({ clock, irq0 }: Pit8254Options) {
    this.#clock = clock;
    this.#irq0 = irq0;
    this.#edge = clock.event('pit8254 channel 0', () => this.#edgePassed());
    this.systemControl = {
      read: () => this.#readSystemControl(),
      write: (_offset, _size, value) => {
        this.#speaker = value & 0x0e;
        this.#channels[2].setGate((value & 1) !== 0, this.#now());
      },
    };
  }

  read(offset: number, _size: AccessSize): number {
    const channel = this.#channels[offset];
    return channel === undefined ? 0xff : channel.read(this.#now());
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const now = this.#now();
    const channel = this.#channels[offset];
    if (channel !== undefined) channel.write(value & 0xff, now);
    else this.#control(value & 0xff, now);
    if (offset === 0 || offset === 3) this.#drive();
  }

  save(): Fields {
    const [first, second, third] = this.#channels;
    return {
      channel0: first.save(),
      channel1: second.save(),
      channel2: third.save(),
      speaker: this.#speaker,
      irqLevel: this.#irqLevel,
    };
  }

  load(fields: Fields): void {
    this.#channels.forEach((channel, index) => {
      channel.load(fieldsField(fields, `channel${index}`));
    });
    this.#speaker = numberField(fields, 'speaker');
    this.#irqLevel = booleanField(fields, 'irqLevel');
  }

  #now(): number {
    return this.#clock.ticks(PIT_HZ);
  }

  #control(word: number, now: number): void {
    const select = word >> 6;
    if (select !== READ_BACK) {
      const channel = this.#channels[select as 0 | 1 | 2];
      if ((word & 0x30) === 0) channel.latchCount(now);
      else channel.setMode(word, now);
      return;
    }
    this.#channels.forEach((channel, index) => {
      if ((word & (2 << index)) === 0) return;
      if ((word & 0x20) === 0) channel.latchCount(now);
      if ((word & 0x10) === 0) channel.latchStatus(now);
    });
  }

  /**
   * An edge of OUT is due. Whoever runs the clock may look late (a VMM between two VM exits); when OUT has changed back
   * meanwhile, IRQ 0 still sees the pulse.
   */
  #edgePassed(): void {
    if (this.#channels[0].output(this.#now()) === this.#irqLevel) {
      this.#irq0(!this.#irqLevel);
      this.#irq0(this.#irqLevel);
    }
    this.#drive();
  }

  /** Drives IRQ 0 with OUT of channel 0 and waits for its next edge. */
  #drive(): void {
    const now = this.#now();
    const channel = this.#channels[0];
    const level = channel.output(now);
    if (level !== this.#irqLevel) {
      this.#irqLevel = level;
      this.#irq0(level);
    }
    const next = channel.nextChange(now);
    if (next === undefined) this.#edge.cancel();
    else this.#edge.schedule(this.#clock.cyclesOfTick(PIT_HZ, next));
  }

  #readSystemControl(): number {
    const now = this.#now();
    const gate = this.#channels[2];
    const refresh = Math.floor(now / REFRESH_TICKS) & 1;
    return this.#speaker | (gate.gate ? 1 : 0) | (refresh << 4) | (gate.output(now) ? 0x20 : 0);
  }
}
