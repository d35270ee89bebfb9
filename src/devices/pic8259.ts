// 8259A Programmable Interrupt Controller, the master and slave pair of a PC with the edge/level control registers.
// Truth: Intel 8259A data sheet (order 231468), "Programming the 8259A" and "Operation Command Words"; ELCR from the
// Intel 82371SB (PIIX3) data sheet, "Edge/Level Control Registers".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, fieldsField, numberField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';

const ICW1 = 0x10;
const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const ICW1_LTIM = 0x08;
const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;
const OCW3 = 0x08;
/** Line of the master that the slave drives. */
const CASCADE = 2;

type InitialisationWord = 'none' | 'icw2' | 'icw3' | 'icw4';
const WORDS: readonly InitialisationWord[] = ['none', 'icw2', 'icw3', 'icw4'];

/** One 8259A. */
class Chip8259 implements PortDevice {
  /** What the pair does when the request to the CPU (or the master) may have changed. */
  onChange: () => void = () => {};
  /** The slave answers the second INTA pulse when its line wins. */
  cascade: Chip8259 | undefined;
  /** Lines that are level triggered (ELCR). */
  levelTriggered = 0;
  inService = 0;
  #lines = 0;
  #requests = 0;
  #mask = 0;
  #vectorBase = 0;
  /** The line with the lowest priority; the one after it has the highest. */
  #lowest = 7;
  #expects: InitialisationWord = 'none';
  #wantsIcw4 = false;
  #single = false;
  #allLevel = false;
  #autoEoi = false;
  #rotateOnAutoEoi = false;
  #specialMask = false;
  #specialFullyNested = false;
  #readsInService = false;
  #poll = false;

  setLine(line: number, level: boolean): void {
    const bit = 1 << line;
    const before = this.#lines;
    this.#lines = level ? before | bit : before & ~bit;
    if (level && (before & bit) === 0) this.#requests |= bit;
    // A request is withdrawn when its line falls before the acknowledge: the CPU then sees the default IR7.
    if (!level) this.#requests &= ~bit;
    this.onChange();
  }

  /** INT pin. */
  get output(): boolean {
    return this.#winner() !== undefined;
  }

  /** Both INTA pulses: the vector. */
  acknowledge(): number {
    const line = this.#winner();
    if (line === undefined) return this.#vectorBase | 7;
    this.#accept(line);
    if (this.cascade === undefined || line !== CASCADE) return this.#vectorBase | line;
    const vector = this.cascade.acknowledge();
    // The slave's INT falls, and rises again if it has another request.
    const isStillWanting = this.cascade.output ? 1 << CASCADE : 0;
    this.#lines = (this.#lines & ~(1 << CASCADE)) | isStillWanting;
    this.#requests |= isStillWanting;
    return vector;
  }

  read(offset: number, _size: AccessSize): number {
    if (this.#poll) {
      this.#poll = false;
      const line = this.#winner();
      if (line === undefined) return 0;
      this.#accept(line);
      this.onChange();
      return 0x80 | line;
    }
    if ((offset & 1) === 1) return this.#mask;
    return this.#readsInService ? this.inService : this.#pending();
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const byte = value & 0xff;
    if ((offset & 1) === 1) this.#writeData(byte);
    else if ((byte & ICW1) !== 0) this.#initialise(byte);
    else if ((byte & OCW3) !== 0) this.#controlWord3(byte);
    else this.#controlWord2(byte);
    this.onChange();
  }

  save(): Fields {
    return {
      lines: this.#lines,
      requests: this.#requests,
      inService: this.inService,
      mask: this.#mask,
      levelTriggered: this.levelTriggered,
      vectorBase: this.#vectorBase,
      lowest: this.#lowest,
      expects: WORDS.indexOf(this.#expects),
      wantsIcw4: this.#wantsIcw4,
      single: this.#single,
      allLevel: this.#allLevel,
      autoEoi: this.#autoEoi,
      rotateOnAutoEoi: this.#rotateOnAutoEoi,
      specialMask: this.#specialMask,
      specialFullyNested: this.#specialFullyNested,
      readsInService: this.#readsInService,
      poll: this.#poll,
    };
  }

  load(fields: Fields): void {
    this.#lines = numberField(fields, 'lines');
    this.#requests = numberField(fields, 'requests');
    this.inService = numberField(fields, 'inService');
    this.#mask = numberField(fields, 'mask');
    this.levelTriggered = numberField(fields, 'levelTriggered');
    this.#vectorBase = numberField(fields, 'vectorBase');
    this.#lowest = numberField(fields, 'lowest');
    this.#expects = WORDS[numberField(fields, 'expects')] ?? 'none';
    this.#wantsIcw4 = booleanField(fields, 'wantsIcw4');
    this.#single = booleanField(fields, 'single');
    this.#allLevel = booleanField(fields, 'allLevel');
    this.#autoEoi = booleanField(fields, 'autoEoi');
    this.#rotateOnAutoEoi = booleanField(fields, 'rotateOnAutoEoi');
    this.#specialMask = booleanField(fields, 'specialMask');
    this.#specialFullyNested = booleanField(fields, 'specialFullyNested');
    this.#readsInService = booleanField(fields, 'readsInService');
    this.#poll = booleanField(fields, 'poll');
  }

  /** Interrupt request register: latched edges, and level-triggered lines as they are. */
  #pending(): number {
    const level = this.#allLevel ? 0xff : this.levelTriggered;
    return (this.#requests & ~level) | (this.#lines & level);
  }

  /** The line that would be acknowledged now, undefined if nothing may interrupt. */
  #winner(): number | undefined {
    const wanting = this.#pending() & ~this.#mask;
    if (wanting === 0) return undefined;
    const blocking = this.#specialMask ? this.inService & ~this.#mask : this.inService;
    for (let step = 1; step <= 8; step++) {
      const line = (this.#lowest + step) & 7;
      const bit = 1 << line;
      const isOpenCascade = this.#specialFullyNested && this.cascade !== undefined && line === CASCADE;
      if ((blocking & bit) !== 0 && !isOpenCascade) {
        if (this.#specialMask) continue;
        return undefined;
      }
      if ((wanting & bit) !== 0) return line;
    }
    return undefined;
  }

  #accept(line: number): void {
    const bit = 1 << line;
    this.#requests &= ~bit;
    if (!this.#autoEoi) this.inService |= bit;
    else if (this.#rotateOnAutoEoi) this.#lowest = line;
  }

  #initialise(icw1: number): void {
    this.#requests = 0;
    this.#mask = 0;
    this.inService = 0;
    this.#lowest = 7;
    this.#specialMask = false;
    this.#readsInService = false;
    this.#poll = false;
    this.#autoEoi = false;
    this.#rotateOnAutoEoi = false;
    this.#specialFullyNested = false;
    this.#wantsIcw4 = (icw1 & ICW1_IC4) !== 0;
    this.#single = (icw1 & ICW1_SNGL) !== 0;
    this.#allLevel = (icw1 & ICW1_LTIM) !== 0;
    this.#expects = 'icw2';
  }

  #writeData(byte: number): void {
    switch (this.#expects) {
      case 'none':
        this.#mask = byte;
        return;
      case 'icw2':
        this.#vectorBase = byte & 0xf8;
        this.#expects = this.#single ? (this.#wantsIcw4 ? 'icw4' : 'none') : 'icw3';
        return;
      case 'icw3': // which line the slave is on is soldered here
        this.#expects = this.#wantsIcw4 ? 'icw4' : 'none';
        return;
      case 'icw4':
        this.#autoEoi = (byte & ICW4_AEOI) !== 0;
        this.#specialFullyNested = (byte & ICW4_SFNM) !== 0;
        this.#expects = 'none';
    }
  }

  #controlWord2(byte: number): void {
    const level = byte & 7;
    switch (byte >> 5) {
      case 0b000:
        this.#rotateOnAutoEoi = false;
        break;
      case 0b001:
        this.#endOfInterrupt(this.#highestInService(), false);
        break;
      case 0b011:
        this.#endOfInterrupt(level, false);
        break;
      case 0b100:
        this.#rotateOnAutoEoi = true;
        break;
      case 0b101:
        this.#endOfInterrupt(this.#highestInService(), true);
        break;
      case 0b110:
        this.#lowest = level;
        break;
      case 0b111:
        this.#endOfInterrupt(level, true);
    }
  }

  #controlWord3(byte: number): void {
    if ((byte & 0x40) !== 0) this.#specialMask = (byte & 0x20) !== 0;
    if ((byte & 0x02) !== 0) this.#readsInService = (byte & 0x01) !== 0;
    if ((byte & 0x04) !== 0) this.#poll = true;
  }

  #endOfInterrupt(line: number | undefined, rotate: boolean): void {
    if (line === undefined) return;
    this.inService &= ~(1 << line);
    if (rotate) this.#lowest = line;
  }

  /** In special mask mode a non-specific EOI does not see levels that are masked. */
  #highestInService(): number | undefined {
    const candidates = this.#specialMask ? this.inService & ~this.#mask : this.inService;
    for (let step = 1; step <= 8; step++) {
      const line = (this.#lowest + step) & 7;
      if ((candidates & (1 << line)) !== 0) return line;
    }
    return undefined;
  }
}

/** How the pair is tied to the processor. */
export interface Pic8259Options {
  readonly interrupt: Wire;
}

/** The two 8259A of a PC: sixteen lines in, one INT pin out. */
export class Pic8259 implements Stateful {
  readonly name = 'pic8259';
  readonly version = 1;
  /** Ports 0x20, 0x21. */
  readonly master: PortDevice;
  /** Ports 0xa0, 0xa1. */
  readonly slave: PortDevice;
  /** Ports 0x4d0, 0x4d1: which lines are level triggered; the timer, keyboard, cascade, RTC and FPU lines cannot be. */
  readonly edgeLevel: PortDevice;
  readonly #chips: readonly [Chip8259, Chip8259];

  constructor({ interrupt }: Pic8259Options) {
    const master = new Chip8259();
    const slave = new Chip8259();
    master.cascade = slave;
    slave.onChange = () => master.setLine(CASCADE, slave.output);
    master.onChange = () => interrupt(master.output);
    const chips = [master, slave] as const;
    const legal = [0xf8, 0xde];
    this.master = master;
    this.slave = slave;
    this.edgeLevel = {
      read: (offset) => chips[offset as 0 | 1].levelTriggered,
      write: (offset, _size, value) => {
        const chip = chips[offset as 0 | 1];
        chip.levelTriggered = value & legal[offset]!;
        chip.onChange();
      },
    };
    this.#chips = chips;
  }

  /** Interrupt request line 0 to 15. Line 2 of the master is the cascade and has no wire. */
  line(irq: number): Wire {
    return (level) => this.#chips[irq < 8 ? 0 : 1].setLine(irq & 7, level);
  }

  /** The INTA cycle. With nothing to give it answers the spurious vector (IR7 of the chip that was asked). */
  acknowledge(): number {
    const [master] = this.#chips;
    const vector = master.acknowledge();
    master.onChange();
    return vector;
  }

  save(): Fields {
    return { master: this.#chips[0].save(), slave: this.#chips[1].save() };
  }

  load(fields: Fields): void {
    this.#chips[0].load(fieldsField(fields, 'master'));
    this.#chips[1].load(fieldsField(fields, 'slave'));
  }
}
