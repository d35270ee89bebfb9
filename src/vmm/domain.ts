// A domain: guest RAM at an offset in the machine's RAM and a set of virtual chips of its own. The chips' clock is fed by
// the machine's cycle counter, but their events happen only when the VMM looks (`update`); so the VMM keeps the host's
// local APIC timer programmed to the next of them and a guest can never keep the CPU (SDM Vol. 3 "APIC Timer").

import { loadMultiboot } from '../boot/multiboot.ts';
import { Clock } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { fieldsField } from '../machine/stateful.ts';
import { runFirmware } from '../pc/firmware.ts';
import { writeFirmwareTables } from '../pc/firmware-tables.ts';
import type { Machine } from '../pc/machine.ts';
import { LAPIC_BASE, LAPIC_LENGTH, Platform } from '../pc/platform.ts';
import { GUEST_BASE } from './host-memory.ts';

/** What a domain is made of. */
export interface DomainParts {
  readonly machine: Machine;
  /** Guest RAM in bytes. */
  readonly memory: number;
  readonly serialOut: (byte: number) => void;
  /** A virtual chip reset the CPU or sent an NMI. */
  readonly nmi?: () => void;
}

/** Guest memory, virtual chips, virtual time. */
export class Domain implements Stateful {
  readonly name = 'domain';
  readonly version = 1;
  readonly machine: Machine;
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
    this.machine = parts.machine;
    this.ramSize = parts.memory;
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
      name: 'domain platform',
      ...(parts.nmi === undefined ? {} : { nmi: parts.nmi }),
    });
  }

  /** Host-physical address of a guest-physical address in RAM. */
  hostPhysical(guestPhysical: number): number {
    return GUEST_BASE + guestPhysical;
  }

  isRam(guestPhysical: number): boolean {
    return guestPhysical < this.ramSize;
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
  loadMultiboot(image: Uint8Array, commandLine: string): { entry: number; info: number } {
    const loaded = loadMultiboot(image, this.ram, { commandLine });
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
