// The seam between the kernel and the processor: "run this task until it makes a system call, faults or its time is up".
// The kernel knows nothing else of the processor; src/platform implements this on the software CPU.

/** Width of a task's programs: i386 ones run in compatibility mode, amd64 ones in 64-bit mode. */
export type Abi = 'i386' | 'amd64';

/** Why a task stopped running. */
export type Stop =
  /**
   * INT 0x80, SYSENTER or SYSCALL; the registers hold number and arguments as the ABI of the gate says. SYSENTER keeps
   * neither instruction nor stack pointer: the kernel knows where they are.
   */
  | { readonly kind: 'system-call'; readonly gate: 'int80' | 'sysenter' | 'syscall' }
  /** An exception other than a page fault; of a debug exception also why, in bits of DR6. */
  | { readonly kind: 'exception'; readonly vector: number; readonly error: number; readonly debug?: number }
  | { readonly kind: 'page-fault'; readonly address: number; readonly error: number }
  /** The time given is used up. */
  | { readonly kind: 'time' };

/** Bits of a page fault's error code (SDM Vol. 3 "Page-Fault Exceptions"). */
export const FAULT_PRESENT = 1;
export const FAULT_WRITE = 2;
export const FAULT_FETCH = 16;

/** What a page may be used for. */
export interface PageRights {
  readonly write: boolean;
  readonly execute: boolean;
}

/** The page tables of one address space. Addresses are multiples of PAGE_SIZE below USER_END. */
export interface PageTable {
  /** Maps a page to a frame, replacing what was there. */
  map(address: number, frame: number, rights: PageRights): void;
  /** Removes a page. */
  unmap(address: number): void;
  /** The frame and rights of a page that is mapped. */
  lookup(address: number): Mapping | undefined;
  /** The frame of a page that can be read, or written; NOT_MAPPED or NOT_WRITABLE when it cannot. */
  frameOf(address: number, isWrite: boolean): Frame;
  /** Calls `visit` for every mapped page of [start, end), in order. */
  forEach(start: number, end: number, visit: (address: number, mapping: Mapping) => void): void;
  /** Gives the frames of the tables back; nothing may be mapped any more. */
  destroy(): void;
}

/** Why a page has no frame to be used: no frame has these numbers. */
export const NOT_MAPPED = -1;
export const NOT_WRITABLE = -2;

/** What a page is mapped to. */
export interface Mapping extends PageRights {
  readonly frame: number;
  /** Written since it was mapped. */
  readonly dirty: boolean;
  readonly accessed: boolean;
}

export const PAGE_SIZE = 4096;
/** First address a program cannot have. */
export const USER_END: Readonly<Record<Abi, number>> = { amd64: 0x7fff_ffff_f000, i386: 0xffff_e000 };

/** A frame number; frame n is the physical page at n * PAGE_SIZE. */
export type Frame = number;

/** The physical memory of the processor, by frames. */
export interface PhysicalMemory {
  /** All of it; frame n lies at n * PAGE_SIZE. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First frame the kernel may hand out, and the frame after the last. */
  readonly first: Frame;
  readonly end: Frame;
  /** The kernel wrote into a frame: code decoded from it is out of date. */
  written(frame: Frame): void;
}

/** Where the processor's tables for address spaces come from. */
export interface TableFrames {
  allocate(): Frame;
  release(frame: Frame): void;
}

/** A point of a run: whichever is reached first. */
export interface Moment {
  readonly cycles?: number;
  readonly instructions?: number;
}

/** The processor as the kernel sees it. */
export interface Platform {
  readonly memory: PhysicalMemory;
  /** Modelled cycles so far: what all clocks derive from. */
  readonly cycles: number;
  readonly instructions: number;
  readonly frequencyHz: number;
  createPageTable(frames: TableFrames): PageTable;
  /**
   * Runs a task from its context, which afterwards holds its new state; at most until `cycles`. At `pause` it stops as well,
   * without the task or the clock noticing; then its state is in the processor, and only `resume` may follow.
   */
  run(context: Context, table: PageTable, cycles: number, pause?: Moment): Stop | undefined;
  /** Goes on with the task that was paused. */
  resume(context: Context, cycles: number, pause?: Moment): Stop | undefined;
  /** Idle until `cycles`. */
  skipTo(cycles: number): void;
  /** Charges work of the kernel: `bytes` moved, and a number of its own operations. */
  charge(bytes: number, operations: number): void;
}

/** General registers in the order of their encoding (SDM Vol. 2 "ModR/M and SIB Bytes"). */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;

/** What lies behind the sixteen: the instruction pointer, bases of segments, descriptors set by set_thread_area(2). */
export const RIP = 16;
export const FS_BASE = 17;
export const GS_BASE = 18;
export const TLS = 19;
export const TLS_ENTRIES = 3;

export const GENERAL_REGISTERS = 16;
const REGISTERS = TLS + TLS_ENTRIES;
/** Upper halves of numbers that are exact: from -2^53 to 2^53. */
const EXACT_HIGH = 0x20_0000;
/** The core's layout: R0 to R7 in 16 bytes each, XMM0 to XMM15, then the control words. */
const FLOATING_POINT_SIZE = 428;
const FLOATING_POINT_CONTROL = 0x180;
const FLOATING_POINT_STATUS = 0x184;
const FLOATING_POINT_MXCSR = 0x18c;

/** DR0 to DR3 and DR7; they are replaced as a whole. */
export interface Breakpoints {
  readonly addresses: readonly bigint[];
  readonly control: number;
}

/** Bits of DR6: breakpoints that were met, and a single step (SDM Vol. 3 "Debug Status Register (DR6)"). */
export const DR6_BREAKPOINTS = 15;
export const DR6_SINGLE_STEP = 0x4000;

/** The user-mode registers of a task, as plain data. */
export class Context {
  /** Sixteen general registers and what lies behind them, as the processor keeps them. */
  readonly registers = new BigUint64Array(REGISTERS);
  readonly #view = new DataView(this.registers.buffer);
  /** x87 and SSE state, opaque to the kernel but for signal frames. */
  floatingPoint: Uint8Array;
  rflags = 0x202;
  abi: Abi = 'amd64';
  /** Data segment selectors; meaningful for i386 programs, which address thread-local storage by them. */
  selectors = { ds: 0, es: 0, fs: 0, gs: 0 };
  /** Breakpoints a tracer has set. */
  breakpoints: Breakpoints | undefined;

  constructor(floatingPoint = initialFloatingPoint()) {
    this.floatingPoint = floatingPoint;
  }

  get rip(): bigint {
    return this.reg64(RIP);
  }

  set rip(value: bigint) {
    this.setReg64(RIP, value);
  }

  get fsBase(): bigint {
    return this.reg64(FS_BASE);
  }

  set fsBase(value: bigint) {
    this.setReg64(FS_BASE, value);
  }

  get gsBase(): bigint {
    return this.reg64(GS_BASE);
  }

  set gsBase(value: bigint) {
    this.setReg64(GS_BASE, value);
  }

  /** A register as a signed 64-bit number; exact up to 53 bits, which all addresses and sizes have. */
  reg(n: number): number {
    return this.#view.getInt32(8 * n + 4, true) * 0x1_0000_0000 + this.#view.getUint32(8 * n, true);
  }

  reg32(n: number): number {
    return this.#view.getUint32(8 * n, true);
  }

  /** A register as a signed 64-bit number; a bigint where a number would not be exact. */
  exact(n: number): number | bigint {
    const high = this.#view.getInt32(8 * n + 4, true);
    if (high < -EXACT_HIGH || high >= EXACT_HIGH) return this.#view.getBigInt64(8 * n, true);
    return high * 0x1_0000_0000 + this.#view.getUint32(8 * n, true);
  }

  reg64(n: number): bigint {
    return this.#view.getBigUint64(8 * n, true);
  }

  setReg(n: number, value: number): void {
    this.setReg32(n, value);
    this.#view.setUint32(8 * n + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  /** Writes the lower half; the upper one becomes zero. */
  setReg32(n: number, value: number): void {
    this.#view.setUint32(8 * n, value >>> 0, true);
    this.#view.setUint32(8 * n + 4, 0, true);
  }

  /** The upper half of a register. */
  high32(n: number): number {
    return this.#view.getUint32(8 * n + 4, true);
  }

  /** Writes a register by halves. */
  setHalves(n: number, low: number, high: number): void {
    this.#view.setUint32(8 * n, low, true);
    this.#view.setUint32(8 * n + 4, high, true);
  }

  setReg64(n: number, value: bigint): void {
    this.#view.setBigUint64(8 * n, value, true);
  }

  /** x87 control and status word, and MXCSR. */
  get fpuControl(): number {
    return this.#floatingPointWord(FLOATING_POINT_CONTROL) & 0xffff;
  }

  get fpuStatus(): number {
    return this.#floatingPointWord(FLOATING_POINT_STATUS) & 0xffff;
  }

  get mxcsr(): number {
    return this.#floatingPointWord(FLOATING_POINT_MXCSR);
  }

  #floatingPointWord(at: number): number {
    const { buffer, byteOffset } = this.floatingPoint;
    return new DataView(buffer, byteOffset).getUint32(at, true);
  }

  /** A copy for a new task. */
  clone(): Context {
    const copy = new Context(this.floatingPoint.slice());
    copy.registers.set(this.registers);
    copy.rflags = this.rflags;
    copy.abi = this.abi;
    copy.selectors = { ...this.selectors };
    return copy;
  }
}

/** State after FNINIT and with the MXCSR of a new program: all exceptions masked, registers empty. */
function initialFloatingPoint(): Uint8Array {
  const bytes = new Uint8Array(FLOATING_POINT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(FLOATING_POINT_CONTROL, 0x37f, true);
  view.setUint32(FLOATING_POINT_MXCSR, 0x1f80, true);
  return bytes;
}
