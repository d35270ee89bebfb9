// A machine with several processors for tests in assembly: each is put at its code in flat 32-bit protected mode, with a
// stack of its own and one IDT for all, or starts by INIT and start-up messages as on a PC.
import { CS } from '../../asm/layout.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { type CpuModel, DEFAULT_CPU_MODEL } from '../../src/cpu/cpu.ts';
import { enterProtectedMode } from '../../src/pc/boot-state.ts';
import type { MachineStop } from '../../src/pc/exit.ts';
import { Machine } from '../../src/pc/machine.ts';
import { loadCore } from '../core.ts';

export const CODE = 0x10000;
export const DATA = 0x40000;
const GDT = 0x1000;
const IDT = 0x2000;
const STACKS = 0x80000;
const STACK_SIZE = 0x1000;
const CODE_SELECTOR = 0x08;
const INTERRUPT_GATE = 0x8e00;
/** Data of a processor that no other uses. */
const ACTIVE = 0;

/** Ends the run with an exit status. */
export const END = 'mov al, 0\n mov dx, 0xf4\n out dx, al';

export class SmpMachine {
  readonly machine: Machine;
  readonly memory: DataView;
  symbols: ReadonlyMap<string, number> = new Map();

  constructor(processors: number, model: CpuModel = DEFAULT_CPU_MODEL) {
    this.machine = new Machine(loadCore(), { memory: 0x400000, processors, model });
    const { ram } = this.machine.cpu;
    this.memory = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    const descriptors = [0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300];
    descriptors.forEach((word, index) => {
      this.memory.setUint32(GDT + 4 * index, word, true);
    });
  }

  /** Assembles `text` at CODE. */
  program(text: string, at = CODE, mode: 16 | 32 = 32): void {
    const { bytes, symbols } = assembleProgram(text, { origin: at, mode });
    this.machine.cpu.ram.set(bytes, at);
    this.machine.cpu.notePhysicalWrite(at, bytes.length);
    this.symbols = new Map([...this.symbols, ...symbols]);
  }

  label(name: string): number {
    const address = this.symbols.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return address;
  }

  /** Interrupts of a vector go to a label. */
  gate(vector: number, name: string): void {
    const offset = this.label(name);
    this.memory.setUint32(IDT + 8 * vector, ((CODE_SELECTOR << 16) | (offset & 0xffff)) >>> 0, true);
    this.memory.setUint32(IDT + 8 * vector + 4, ((offset & 0xffff0000) | INTERRUPT_GATE) >>> 0, true);
  }

  /** Puts a processor at a label, running. */
  start(processor: number, name: string): void {
    const { cpu } = this.machine;
    cpu.processors.select(processor);
    enterProtectedMode(cpu, this.label(name));
    cpu.setSegment(CS, { selector: CODE_SELECTOR, rights: 0xc09b, base: 0, limit: 0xffffffff });
    cpu.gdtr = { base: GDT, limit: 23 };
    cpu.idtr = { base: IDT, limit: 0x7ff };
    cpu.setReg(4, STACKS + STACK_SIZE * (processor + 1));
    cpu.activity = ACTIVE;
    cpu.processors.wake(processor);
    cpu.processors.select(0);
  }

  /** Starts processor n at `cpuN`, for all of them. */
  startAll(): void {
    for (let n = 0; n < this.machine.cpu.processors.count; n++) this.start(n, `cpu${n}`);
  }

  run(instructions = 10_000_000): MachineStop {
    return this.machine.runUntil({ instructions });
  }

  /** Runs in pieces of so many instructions. */
  runInPieces(piece: number, instructions = 10_000_000): MachineStop {
    for (;;) {
      const before = this.machine.cpu.instructions;
      const stop = this.machine.runUntil({ instructions: Math.min(before + piece, instructions) });
      if (stop.reason !== 'limit' || this.machine.cpu.instructions >= instructions) return stop;
    }
  }

  word(address: number): number {
    return this.memory.getUint32(address, true);
  }

  /** Instructions and cycles of each processor. */
  counts(): number[][] {
    const { processors } = this.machine.cpu;
    return Array.from({ length: processors.count }, (_, n) => [processors.instructions(n), processors.time(n)]);
  }
}
