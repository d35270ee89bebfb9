// A test machine with further tasks: TSSs of both widths beside the one the machine starts with (SDM Vol. 3A "Task-State
// Segment (TSS)", "16-Bit Task-State Segment (TSS)"). A new task's first instruction lies in the doorway.
import {
  CODE_SELECTORS,
  DATA_SELECTORS,
  type Descriptor,
  DOORWAY,
  FREE,
  LDT_SELECTOR,
  TestMachine,
} from './machine.ts';

/** Where the new tasks of the tests lie, and their selectors. */
export const TASK_A = FREE;
export const TASK_B = FREE + 8;
/** A task gate. */
export const GATE = FREE + 0x10;
/** Descriptors from here on are free. */
export const FREE_TASK = FREE + 0x18;
export const BASE_A = 0x40000;
export const BASE_B = 0x41000;
/** Offset in the doorway of a new task's first instruction. */
export const ARRIVAL = 0x300;
export const STACK_A = 0x50000;

export const BUSY = 2;
export const NT = 0x4000;

/** A task's state as its TSS holds it. */
export interface TaskState {
  readonly link?: number;
  readonly cr3?: number;
  readonly eip?: number;
  readonly eflags?: number;
  /** EAX ECX EDX EBX ESP EBP ESI EDI. */
  readonly registers?: readonly number[];
  readonly es?: number;
  readonly cs?: number;
  readonly ss?: number;
  readonly ds?: number;
  readonly fs?: number;
  readonly gs?: number;
  readonly ldt?: number;
  readonly trap?: number;
}

export const REGISTERS = [0x11111111, 0x22222222, 0x33333333, 0x44444444, STACK_A, 0x66666666, 0x77777777, 0x88888888];

const DEFAULTS: Required<TaskState> = {
  link: 0,
  cr3: 0,
  eip: DOORWAY + ARRIVAL,
  eflags: 2,
  registers: REGISTERS,
  es: DATA_SELECTORS[0],
  cs: CODE_SELECTORS[0],
  ss: DATA_SELECTORS[0],
  ds: DATA_SELECTORS[0],
  fs: DATA_SELECTORS[0],
  gs: DATA_SELECTORS[0],
  ldt: LDT_SELECTOR,
  trap: 0,
};

export class TaskMachine extends TestMachine {
  /** A 32-bit TSS and its descriptor. */
  task32(selector: number, base: number, state: TaskState = {}, descriptor: Partial<Descriptor> = {}): void {
    const s = { ...DEFAULTS, ...state };
    const { memory } = this;
    memory.setUint16(base, s.link, true);
    memory.setUint32(base + 0x1c, s.cr3, true);
    memory.setUint32(base + 0x20, s.eip, true);
    memory.setUint32(base + 0x24, s.eflags, true);
    s.registers.forEach((value, n) => {
      memory.setUint32(base + 0x28 + 4 * n, value, true);
    });
    [s.es, s.cs, s.ss, s.ds, s.fs, s.gs, s.ldt].forEach((value, n) => {
      memory.setUint32(base + 0x48 + 4 * n, value, true);
    });
    memory.setUint16(base + 0x64, s.trap, true);
    this.descriptor(selector, { type: 9, base, limit: 0x67, big: false, ...descriptor });
  }

  /** A 16-bit TSS and its descriptor. */
  task16(selector: number, base: number, state: TaskState = {}, descriptor: Partial<Descriptor> = {}): void {
    const s = { ...DEFAULTS, ...state };
    const { memory } = this;
    memory.setUint16(base, s.link, true);
    memory.setUint16(base + 0x0e, s.eip, true);
    memory.setUint16(base + 0x10, s.eflags, true);
    s.registers.forEach((value, n) => {
      memory.setUint16(base + 0x12 + 2 * n, value & 0xffff, true);
    });
    [s.es, s.cs, s.ss, s.ds, s.ldt].forEach((value, n) => {
      memory.setUint16(base + 0x22 + 2 * n, value, true);
    });
    this.descriptor(selector, { type: 1, base, limit: 0x2b, big: false, ...descriptor });
  }

  /** The state that was saved in a 32-bit TSS. */
  saved32(base: number): Required<TaskState> {
    const { memory } = this;
    const selector = (n: number) => memory.getUint16(base + 0x48 + 4 * n, true);
    return {
      link: memory.getUint16(base, true),
      cr3: memory.getUint32(base + 0x1c, true),
      eip: memory.getUint32(base + 0x20, true),
      eflags: memory.getUint32(base + 0x24, true),
      registers: Array.from({ length: 8 }, (_, n) => memory.getUint32(base + 0x28 + 4 * n, true)),
      es: selector(0),
      cs: selector(1),
      ss: selector(2),
      ds: selector(3),
      fs: selector(4),
      gs: selector(5),
      ldt: selector(6),
      trap: memory.getUint16(base + 0x64, true),
    };
  }

  /** Is the TSS marked busy in its descriptor? */
  isBusy(selector: number): boolean {
    return (this.accessByte(selector) & BUSY) !== 0;
  }

  /** The present general registers. */
  get registers(): number[] {
    return Array.from({ length: 8 }, (_, n) => this.cpu.reg(n));
  }

  /** Assembles, runs, and expects to arrive at a new task's first instruction. */
  arrive(text: string): void {
    this.program(text);
    const stop = this.run();
    if (stop.reason !== 'doorway' || stop.entry !== ARRIVAL) throw new Error(`no task switch: ${JSON.stringify(stop)}`);
  }
}
