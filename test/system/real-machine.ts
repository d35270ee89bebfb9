// A test machine in real-address or virtual-8086 mode: the program lies in a segment of its own, and every way out (the
// interrupt vector table in real-address mode, the IDT in virtual-8086 mode) leads to the doorway.
import { CS, DS, ES, FS, GS, SS } from '../../asm/layout.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import type { CpuStop } from '../../src/cpu/cpu.ts';
import { CODE, DATA, DOORWAY, TestMachine } from './machine.ts';

/** Paragraph numbers of the program's segments. */
export const CODE_PARAGRAPH = CODE >> 4;
export const DATA_PARAGRAPH = DATA >> 4;
export const EXTRA_PARAGRAPH = 0x2800;
export const STACK_PARAGRAPH = 0x3400;
export const STACK_POINTER = 0x1000;
export const VM = 0x20000;

/** What an interrupt in real-address mode pushed. */
export interface RealFrame {
  readonly vector: number;
  readonly ip: number;
  readonly cs: number;
  readonly flags: number;
}

abstract class Machine8086 extends TestMachine {
  /** Segments of 64 KBytes with the given access rights. */
  protected segments(rights: number): void {
    const { cpu } = this;
    const load = (segment: number, paragraph: number) =>
      cpu.setSegment(segment, { selector: paragraph, rights, base: paragraph * 16, limit: 0xffff });
    load(CS, CODE_PARAGRAPH);
    load(DS, DATA_PARAGRAPH);
    load(ES, EXTRA_PARAGRAPH);
    load(SS, STACK_PARAGRAPH);
    load(FS, 0);
    load(GS, 0);
    cpu.setReg(4, STACK_POINTER);
    cpu.eip = 0;
  }

  /** Assembles 16-bit code at an offset of the code segment; labels are offsets. */
  override program(text: string, offset = 0): void {
    const { bytes, symbols } = assembleProgram(text, { origin: offset, mode: 16 });
    this.cpu.ram.set(bytes, CODE + offset);
    this.cpu.notePhysicalWrite(CODE + offset, bytes.length);
    this.symbols = symbols;
  }

  /** A far pointer in the vector table at address 0. */
  vector(n: number, paragraph: number, offset: number): void {
    this.memory.setUint16(n * 4, offset, true);
    this.memory.setUint16(n * 4 + 2, paragraph, true);
  }

  /** Assembles and runs until the program leaves its mode or stops. */
  go(text: string): CpuStop {
    this.program(text);
    return this.run();
  }
}

/** In real-address mode. Vector n leads to the doorway's entry n. */
export class RealMachine extends Machine8086 {
  constructor() {
    super();
    for (let n = 0; n < 256; n++) this.vector(n, DOORWAY >> 4, n);
    this.cpu.cr0 = 0x10;
    this.cpu.idtr = { base: 0, limit: 0x3ff };
    this.reset();
  }

  /** The program's state at its start. */
  reset(): void {
    this.cpu.activity = 0;
    this.cpu.eflags = 2;
    this.segments(0x93);
  }

  /** Assembles, runs to the doorway and reads the frame. */
  interrupted(text: string): RealFrame {
    const stop = this.go(text);
    if (stop.reason !== 'doorway') throw new Error(`stopped because of ${stop.reason}, not at the doorway`);
    const [ip, cs, flags] = this.stack(3, 2) as [number, number, number];
    return { vector: stop.entry, ip, cs, flags };
  }
}

/** What the monitor of virtual-8086 mode finds on its stack. */
export interface VirtualFrame {
  readonly vector: number;
  readonly error?: number;
  readonly eip: number;
  readonly cs: number;
  readonly eflags: number;
  readonly esp: number;
  readonly ss: number;
  readonly es: number;
  readonly ds: number;
  readonly fs: number;
  readonly gs: number;
}

/** In virtual-8086 mode, with the protected-mode tables of `TestMachine`. */
export class VirtualMachine extends Machine8086 {
  constructor(eflags = 2) {
    super();
    this.virtual(eflags);
  }

  /** The program's state with these flags (VM is added). */
  virtual(eflags = 2): void {
    this.cpu.cpl = 3;
    this.cpu.eflags = eflags | VM;
    this.segments(0xf3);
  }

  /** Assembles, runs to the doorway and reads the 32-bit frame. */
  monitored(text: string): VirtualFrame {
    const stop = this.go(text);
    const { vector, error, eip, cs, eflags } = this.delivered(stop);
    const words = this.stack(10);
    if (error !== undefined) words.shift();
    const [esp, ss, es, ds, fs, gs] = words.slice(3) as [number, number, number, number, number, number];
    return { vector, ...(error === undefined ? {} : { error }), eip, cs, eflags, esp, ss, es, ds, fs, gs };
  }
}
