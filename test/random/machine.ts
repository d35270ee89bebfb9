// The machine the random programs run on: one processor whose whole state is put back between programs by copying, devices
// that answer from a counter and raise INTR, NMI or a stop when they are written.
import {
  BANK_HEADER,
  BANK_HEADER_END,
  BANK_IN_USE,
  BANKS_PER_CPU,
  CPL,
  RFLAGS,
  STATE_BASE,
  STATE_END,
  TLB_BANK_SIZE,
  TLB_BANKS,
} from '../../asm/layout.ts';
import { Cpu, type CpuStop } from '../../src/cpu/cpu.ts';
import type { CpuFields } from '../../src/cpu/cpu-snapshot.ts';
import { loadCore } from '../core.ts';
import type { Program } from './program.ts';
import { RAM_SIZE } from './world.ts';

/** RAM and devices end here; what lies behind in the core's memory must never change. */
const CANARY_SIZE = 0x10000;
const CANARY = Buffer.alloc(CANARY_SIZE, 0xa5);

/** What the devices have seen: every access in order, as a digest. */
export class Devices {
  count = 0;
  digest = 0;

  note(what: number, address: number, value: number): void {
    this.count++;
    this.digest = Math.imul(this.digest ^ what ^ Math.imul(address, 0x9e3779b1) ^ value, 0x85ebca6b) >>> 0;
  }

  /** What the next read gives. */
  answer(size: number): number {
    const value = Math.imul(this.count + 1, 0x9e3779b1) >>> 0;
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }
}

export class RandomMachine {
  readonly cpu: Cpu;
  readonly state: Uint8Array;
  devices = new Devices();
  /** Why the last run ended. */
  reason: CpuStop['reason'] = 'deadline';
  readonly #canary: Uint8Array;
  readonly #fresh: CpuFields;
  readonly #template: (program: Program) => Uint8Array;

  /**
   * `template` gives the RAM a program starts from, without its code. A second processor waits for its start-up message,
   * and CPUID does not tell of it: the state area is that of a processor alone.
   */
  constructor(template: (program: Program) => Uint8Array, processors: 1 | 2 = 1) {
    this.#template = template;
    this.cpu = Cpu.create(loadCore(), {
      ramSize: RAM_SIZE,
      processors,
      host: {
        portRead: (port, size) => {
          this.devices.note(1, port, size);
          return this.devices.answer(size);
        },
        portWrite: (port, size, value) => {
          this.devices.note(2 + size, port, value);
          this.#signal(value & 0xff);
        },
        mmioRead: (address, size) => {
          this.devices.note(7, address, size);
          return this.devices.answer(size);
        },
        mmioWrite: (address, size, value) => this.devices.note(8 + size, address, value),
        interruptAcknowledge: () => {
          this.cpu.setIntr(false);
          this.devices.note(13, 0, 0);
          return 0x20 + (this.devices.count & 7);
        },
      },
    });
    this.#fresh = this.cpu.save();
    this.state = new Uint8Array(this.cpu.memory.buffer, STATE_BASE, STATE_END - STATE_BASE);
    this.#canary = new Uint8Array(this.cpu.memory.buffer, this.cpu.ram.byteOffset + RAM_SIZE, CANARY_SIZE);
    this.#canary.set(CANARY);
  }

  #signal(value: number): void {
    if (value === 1) this.cpu.setIntr(true);
    else if (value === 2) this.cpu.raiseNmi();
    else if (value === 3) this.cpu.requestStop();
  }

  /** Everything as the program starts from it. */
  start(program: Program): void {
    const { cpu } = this;
    this.#emptyTlb();
    cpu.ram.set(this.#template(program));
    for (const { at, bytes } of program.tables) cpu.ram.set(bytes, at);
    for (const { at, bytes } of program.code) cpu.ram.set(bytes, at);
    cpu.notePhysicalWrite(0, RAM_SIZE);
    this.state.set(program.state);
    this.takeOver();
    this.devices = new Devices();
  }

  /** As after reset: the first bank empty, the others not in use. */
  #emptyTlb(): void {
    const { cpu } = this;
    const others = Array.from({ length: BANKS_PER_CPU - 1 }, (_, n) => TLB_BANKS + (n + 1) * TLB_BANK_SIZE);
    if (others.some((bank) => cpu.view.getUint32(bank + BANK_IN_USE, true))) cpu.load(this.#fresh);
    else cpu.flushTlb();
    const first = this.#fresh.tlb0 as Uint8Array;
    new Uint8Array(cpu.memory.buffer, TLB_BANKS, BANK_HEADER_END).set(first.subarray(BANK_HEADER), BANK_HEADER);
  }

  /** The core takes over what was written into the state area. */
  takeOver(): void {
    const { cpu } = this;
    cpu.eflags = cpu.view.getUint32(RFLAGS, true);
    cpu.cpl = cpu.view.getUint32(CPL, true);
  }

  /** Gives the second processor its turn, which it has no use for. */
  lookAtOther(): void {
    const { cpu } = this;
    cpu.processors.select(1);
    const { reason } = cpu.run({});
    if (reason !== 'halt') throw new Error(`the idle processor stopped because of ${reason}`);
    cpu.processors.select(0);
  }

  /** Continues where another machine stands. */
  continueFrom(other: RandomMachine): void {
    const fields = other.cpu.save();
    this.cpu.ram.set(other.cpu.ram);
    this.cpu.load(fields);
    this.devices = other.devices;
  }

  /** False once something wrote behind the end of RAM. */
  canaryLives(): boolean {
    return Buffer.compare(CANARY, this.#canary) === 0;
  }
}
