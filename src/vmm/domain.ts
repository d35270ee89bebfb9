// A domain: guest RAM at an offset in the machine's RAM and a set of virtual chips of its own. The chips' clock is fed by
// the machine's cycle counter, but their events happen only when the VMM looks (`update`); so the VMM keeps the host's
// local APIC timer programmed to the next of them and a guest can never keep the CPU (SDM Vol. 3 "APIC Timer").

import { type BootOptions, loadMultiboot } from '../boot/multiboot.ts';
import { checkRom, placeRom } from '../boot/rom.ts';
import { Clock } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { fieldsField } from '../machine/stateful.ts';
import { runFirmware } from '../pc/firmware.ts';
import { writeFirmwareTables } from '../pc/firmware-tables.ts';
import type { Machine } from '../pc/machine.ts';
import { LAPIC_BASE, LAPIC_LENGTH, Platform } from '../pc/platform.ts';
import { GUEST_BASE } from './host-memory.ts';
import type { BoardOptions } from './technique.ts';

const MEBIBYTE = 0x10_0000;
const FOUR_GIB = 2 ** 32;

/** What a domain is made of. */
export interface DomainParts {
  readonly machine: Machine;
  /** Guest RAM in bytes. */
  readonly memory: number;
  readonly serialOut: (byte: number) => void;
  /** A ROM and ports for those who test it. Host memory for the ROM follows that of the guest's RAM. */
  readonly board?: BoardOptions;
  /** A virtual chip reset the CPU or sent an NMI. */
  readonly nmi?: () => void;
}

/** Guest memory, virtual chips, virtual time. */
export class Domain implements Stateful {
  readonly name = 'domain';
  readonly version = 1;
  readonly machine: Machine;
  #romStart = Number.POSITIVE_INFINITY;
  #lowRomStart = Number.POSITIVE_INFINITY;
  /** Bytes of guest RAM; guest-physical addresses from here on are chips or nothing. */
  readonly ramSize: number;
  readonly clock: Clock;
  readonly platform: Platform;
  /** Level of the virtual INTR pin. */
  interruptPending = false;
  /** The guest ended the run. */
  ended = false;
  /** Called when the INTR pin rises while the VMM is not running (input arrived): it wants to be entered. */
  kick: (() => void) | undefined;

  constructor(parts: DomainParts) {
    const { rom, post, debugConsole } = parts.board ?? {};
    this.machine = parts.machine;
    this.ramSize = parts.memory;
    if (rom) {
      checkRom(rom);
      this.#romStart = FOUR_GIB - rom.length;
      const at = GUEST_BASE + this.ramSize;
      this.#lowRomStart = placeRom(rom, parts.machine.cpu.ram.subarray(at, at + rom.length), this.ram);
    }
    this.clock = new Clock({
      frequencyHz: parts.machine.clock.frequencyHz,
      cycles: () => parts.machine.clock.now(),
      name: 'domain clock',
    });
    this.platform = new Platform({
      clock: this.clock,
      input: parts.machine.input,
      memorySize: parts.memory,
      interrupt: (level) => {
        this.interruptPending = level;
        if (level) this.kick?.();
      },
      exit: (exit) => {
        this.ended = true;
        parts.machine.end(exit);
      },
      serialOut: parts.serialOut,
      hasRom: rom !== undefined,
      ...(post === undefined ? {} : { postPort: post.port, post: post.write }),
      ...(debugConsole === undefined ? {} : { debugConsole }),
      name: 'domain platform',
      ...(parts.nmi === undefined ? {} : { nmi: parts.nmi }),
    });
  }

  /** Host-physical address of a guest-physical address in RAM or ROM. */
  hostPhysical(guestPhysical: number): number {
    if (guestPhysical >= this.#romStart) return GUEST_BASE + this.ramSize + (guestPhysical - this.#romStart);
    return GUEST_BASE + guestPhysical;
  }

  isRam(guestPhysical: number): boolean {
    return guestPhysical < this.ramSize && !this.isRom(guestPhysical);
  }

  /** The ROM below 4 GiB, and its end below 1 MiB. */
  isRom(guestPhysical: number): boolean {
    const isLow = guestPhysical >= this.#lowRomStart && guestPhysical < MEBIBYTE;
    return isLow || (guestPhysical >= this.#romStart && guestPhysical < FOUR_GIB);
  }

  /** Guest-physical addresses of the ROM's first byte, and of the part seen below 1 MiB; Infinity without one. */
  get romStart(): number {
    return this.#romStart;
  }

  /** The page of the virtual local APIC. */
  isLocalApic(guestPhysical: number): boolean {
    return guestPhysical >= LAPIC_BASE && guestPhysical < LAPIC_BASE + LAPIC_LENGTH;
  }

  /** Guest RAM, for loaders and debuggers: nothing is charged. */
  get ram(): Uint8Array {
    return this.machine.cpu.ram.subarray(GUEST_BASE, GUEST_BASE + this.ramSize);
  }

  /** Loads a multiboot image; returns the entry point and the address of the boot information. */
  loadMultiboot(image: Uint8Array, options: BootOptions): { entry: number; info: number } {
    const loaded = loadMultiboot(image, this.ram, options);
    writeFirmwareTables(this.ram, this.machine.cpu.model, 1);
    this.machine.cpu.flushBlocks();
    runFirmware(this.platform.bus, LAPIC_BASE);
    return loaded;
  }

  /** Lets the virtual chips act up to now. */
  update(): void {
    this.platform.runDue();
  }

  /** Cycle count at which a virtual chip wants to act next; Infinity for never. */
  get nextEvent(): number {
    return this.platform.nextEvent();
  }

  save(): Fields {
    return { clock: this.clock.save(), platform: this.platform.save(), interruptPending: this.interruptPending };
  }

  load(fields: Fields): void {
    this.clock.load(fieldsField(fields, 'clock'));
    this.platform.load(fieldsField(fields, 'platform'));
    this.interruptPending = this.platform.interruptPending;
  }
}
