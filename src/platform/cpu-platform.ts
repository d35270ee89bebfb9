// The kernel's platform on the software CPU: programs run in ring 3 in long mode and come back through real gates, SYSCALL
// and the doorway page; the kernel goes back to them by IRETQ. Implements src/kernel/platform.ts.
import { type Cpu, Cpu as Processor, type CpuStop } from '../cpu/cpu.ts';
import type { Fault } from '../cpu/cpu-state.ts';
import { costNumber } from '../cpu/ring0.ts';
import {
  type Context,
  FS_BASE,
  GENERAL_REGISTERS,
  type Breakpoints,
  DR6_BREAKPOINTS,
  DR6_SINGLE_STEP,
  GS_BASE,
  type Moment,
  PAGE_SIZE,
  type PageTable,
  type PhysicalMemory,
  type Platform,
  R11,
  RCX,
  RIP,
  RSP,
  type Stop,
  TLS,
  TLS_ENTRIES,
  type TableFrames,
} from '../kernel/platform.ts';
import {
  BOOT_PML4_PAGE,
  DOORWAY_PAGE,
  ENTRY_SYSCALL,
  ENTRY_SYSENTER,
  FIRST_FRAME,
  GDT,
  IDT,
  KERNEL_CODE,
  KERNEL_DATA,
  kernelAddress,
  OPERAND_PAGE,
  STACK_TOP,
  SYSTEM_CALL_VECTOR,
  TIMER_VECTOR,
  TLS_FIRST,
  TSS_SELECTOR,
  USER_CODE,
  USER_CODE_32,
  USER_DATA,
  writeKernelRegion,
} from './kernel-region.ts';
import { LongPageTable, type TableHost } from './page-table.ts';

const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5] as const;
const FLAT = { base: 0, limit: 0xffff_ffff };
const DEBUG = 1;
/** DR7 with no breakpoint enabled, and the bits that enable them. */
const DR7_NONE = 0x400;
const DR7_ENABLED = 0xff;
const INTERRUPT_FLAG = 0x200;
const PAGE_FAULT = 14;
/** NT in the flags. */
const NESTED_TASK = 0x4000;
/** Exceptions that push an error code (SDM Vol. 3 "Exception and Interrupt Vectors"). */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
/** RIP, CS, RFLAGS, RSP, SS. */
const FRAME_SIZE = 40;
const FRAME_ADDRESS = STACK_TOP.address - BigInt(FRAME_SIZE);
const FRAME = STACK_TOP.physical - FRAME_SIZE;
const FRAME_QUAD = FRAME / 8;
const IRETQ = [0x48, 0xcf];
const EFER_SYSCALL_LONG_MODE_NX = 0xd01n;
const FREQUENCY = 1_000_000_000;
const [MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP] = [0x174, 0x175, 0x176];
const [MSR_STAR, MSR_LSTAR, MSR_FMASK] = [0xc000_0081, 0xc000_0082, 0xc000_0084];
/** TF, IF, DF, NT and AC are cleared by SYSCALL, as Linux has it. */
const SYSCALL_FLAGS_CLEARED = 0x4_4700;
/** A null selector, loaded. */
const UNUSABLE = { selector: 0, rights: 0x1_0000, base: 0, limit: 0 } as const;
const NONE = 0xffff_ffff;
/** What the entry code of a 64-bit kernel pushes, and its exit code pops. */
const PUSHED_REGISTERS = GENERAL_REGISTERS - 1;
const [COST_STACK, COST_LOAD, COST_STORE, COST_MOVE, COST_OPERATION] = (
  ['stack', 'load', 'store', 'string-iteration', 'software-emulation'] as const
).map(costNumber) as [number, number, number, number, number];
/** What FXSAVE and FXRSTOR move when the processor goes to another task. */
const FLOATING_POINT_BYTES = 512;

/** What a platform is made of. */
export interface CpuPlatformOptions {
  /** Bytes of memory, whole pages. */
  readonly memory: number;
  /** Cycles per cost class (src/isa/cost-classes.ts), and a second of them; one cycle each and 1 GHz if absent. */
  readonly costs?: Uint32Array;
  readonly frequencyHz?: number;
}

/** The processor such a platform has, before anything is set up. */
export function createProcessor(module: WebAssembly.Module, { memory }: CpuPlatformOptions): Cpu {
  return Processor.create(module, {
    ramSize: memory,
    host: {
      portRead: () => NONE,
      portWrite: () => {},
      mmioRead: () => NONE,
      mmioWrite: () => {},
      interruptAcknowledge: () => TIMER_VECTOR,
    },
  });
}

/** Runs tasks on a processor of its own. */
export class CpuPlatform implements Platform {
  readonly cpu: Cpu;
  readonly memory: PhysicalMemory;
  readonly frequencyHz: number;
  readonly #view: DataView;
  /** The same memory by quadwords. */
  readonly #quads: BigUint64Array;
  readonly #tables: TableHost;
  #table: LongPageTable | undefined;
  /** The floating-point state the processor has. */
  #floatingPoint: Uint8Array | undefined;
  /** The breakpoints the processor has, if it has any. */
  #breakpoints: Breakpoints | undefined;

  constructor(module: WebAssembly.Module, options: CpuPlatformOptions) {
    this.cpu = createProcessor(module, options);
    this.frequencyHz = options.frequencyHz ?? FREQUENCY;
    if (options.costs) this.cpu.setCosts(options.costs);
    const { ram } = this.cpu;
    this.#view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    this.#quads = new BigUint64Array(ram.buffer, ram.byteOffset, ram.byteLength / 8);
    this.memory = {
      bytes: ram,
      view: this.#view,
      first: FIRST_FRAME,
      end: options.memory / PAGE_SIZE,
      written: (frame) => this.cpu.notePhysicalWrite(frame * PAGE_SIZE, PAGE_SIZE),
    };
    this.#tables = {
      memory: this.#view,
      bytes: ram,
      changed: (table, address) => this.#forget(table, address),
      chargeEntries: (reads, writes) => {
        this.cpu.ring0.chargeNumber(COST_LOAD, reads);
        if (writes > 0) this.cpu.ring0.chargeNumber(COST_STORE, writes);
      },
      chargeTable: () => this.charge(PAGE_SIZE, 0),
    };
    this.#start();
  }

  get cycles(): number {
    return this.cpu.cycles;
  }

  get instructions(): number {
    return this.cpu.instructions;
  }

  createPageTable(frames: TableFrames): PageTable {
    return new LongPageTable(this.#tables, frames);
  }

  skipTo(cycles: number): void {
    this.cpu.skipTo(cycles);
  }

  charge(bytes: number, operations: number): void {
    const { ring0 } = this.cpu;
    if (bytes > 0) ring0.chargeNumber(COST_MOVE, Math.ceil(bytes / 8));
    if (operations > 0) ring0.chargeNumber(COST_OPERATION, operations);
  }

  run(context: Context, table: PageTable, cycles: number, pause?: Moment): Stop | undefined {
    const fault = this.#enter(context, table as LongPageTable);
    if (fault !== undefined) return { kind: 'exception', ...fault };
    return this.resume(context, cycles, pause);
  }

  resume(context: Context, cycles: number, pause?: Moment): Stop | undefined {
    let stop = this.cpu.run({ instructions: pause?.instructions, cycles: Math.min(cycles, pause?.cycles ?? cycles) });
    if (stop.reason === 'deadline') {
      if (this.cpu.cycles < cycles) return undefined;
      // the timer interrupt takes the processor away from the task
      this.cpu.setIntr(true);
      stop = this.cpu.run({});
      this.cpu.setIntr(false);
    }
    return this.#leave(context, stop);
  }

  /** The processor's tables and mode; the work of a boot loader, before time begins. */
  #start(): void {
    const { cpu } = this;
    writeKernelRegion(this.#view);
    cpu.cr4 = 0x6a0; // PAE, PGE, OSFXSR, OSXMMEXCPT
    cpu.setMsr(0xc000_0080, EFER_SYSCALL_LONG_MODE_NX);
    cpu.cr3 = BOOT_PML4_PAGE * PAGE_SIZE;
    cpu.cr0 = 0x8005_0033; // PG, AM, WP, NE, ET, MP, PE
    cpu.setSegment(CS, { selector: KERNEL_CODE, rights: 0xa09b, ...FLAT });
    for (const n of [SS, DS, ES, FS, GS]) cpu.setSegment(n, { selector: KERNEL_DATA, rights: 0xc093, ...FLAT });
    cpu.cpl = 0;
    cpu.eflags = 2;
    cpu.registers[RSP] = STACK_TOP.address;
    const { ring0 } = cpu;
    const operand = OPERAND_PAGE * PAGE_SIZE;
    for (const [table, load] of [
      [GDT, () => ring0.lgdt(operand)],
      [IDT, () => ring0.lidt(operand)],
    ] as const) {
      this.#view.setUint16(operand, table.limit, true);
      this.#view.setBigUint64(operand + 2, table.address, true);
      load();
    }
    if (ring0.ltr(TSS_SELECTOR)) throw new Error('the task register cannot be loaded');
    cpu.setMsr(MSR_SYSENTER_CS, BigInt(KERNEL_CODE));
    cpu.setMsr(MSR_SYSENTER_ESP, STACK_TOP.address);
    cpu.setMsr(MSR_SYSENTER_EIP, kernelAddress(DOORWAY_PAGE) + BigInt(ENTRY_SYSENTER));
    const syscall = kernelAddress(DOORWAY_PAGE) + BigInt(ENTRY_SYSCALL);
    cpu.setMsr(MSR_LSTAR, syscall);
    cpu.setMsr(MSR_STAR, (BigInt(USER_CODE_32) << 48n) | (BigInt(KERNEL_CODE) << 32n));
    cpu.setMsr(MSR_FMASK, BigInt(SYSCALL_FLAGS_CLEARED));
    cpu.setDoorway(DOORWAY_PAGE);
  }

  /**
   * Loads a context and goes to user mode by IRETQ. Where that cannot go, because a program has chosen an address that is not
   * canonical, the exception is the program's.
   */
  #enter(context: Context, table: LongPageTable): Fault | undefined {
    const { cpu } = this;
    if (this.#table !== table) {
      cpu.ring0.writeCr3(table.root * PAGE_SIZE);
      this.#table = table;
    }
    cpu.ring0.chargeNumber(COST_STACK, PUSHED_REGISTERS);
    if (this.#floatingPoint !== context.floatingPoint) {
      this.charge(2 * FLOATING_POINT_BYTES, 0);
      cpu.floatingPoint.set(context.floatingPoint);
      this.#floatingPoint = context.floatingPoint;
    }
    if (context.breakpoints !== undefined || cpu.dr(7) & DR7_ENABLED) this.#loadBreakpoints(context.breakpoints);
    this.#loadSegments(context);
    const { registers } = context;
    const isLong = context.abi === 'amd64';
    this.#quads[FRAME_QUAD] = registers[RIP]!;
    this.#setWord(FRAME + 8, isLong ? USER_CODE : USER_CODE_32);
    this.#setWord(FRAME + 16, context.rflags);
    this.#quads[FRAME_QUAD + 3] = registers[RSP]!;
    this.#setWord(FRAME + 32, USER_DATA);
    for (let n = 0; n < GENERAL_REGISTERS; n++) cpu.registers[n] = registers[n]!;
    cpu.registers[RSP] = FRAME_ADDRESS;
    return cpu.ring0.execute(IRETQ);
  }

  #loadBreakpoints(wanted: Breakpoints | undefined): void {
    if (wanted !== undefined && wanted === this.#breakpoints) return;
    const { cpu } = this;
    wanted?.addresses.forEach((address, n) => {
      cpu.setBreakpoint(n, address);
    });
    cpu.setDr(7, wanted === undefined ? DR7_NONE : wanted.control | DR7_NONE);
    this.#breakpoints = wanted;
  }

  /** Writes a quadword whose upper half is zero. */
  #setWord(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, 0, true);
  }

  /** Data segments, and thread-local storage by MSR (amd64) or by descriptors (i386). */
  #loadSegments(context: Context): void {
    const { cpu } = this;
    if (context.abi === 'amd64') {
      cpu.keepSegment(DS, UNUSABLE);
      cpu.keepSegment(ES, UNUSABLE);
      cpu.keepSegment(FS, UNUSABLE, context.reg32(FS_BASE), context.high32(FS_BASE));
      cpu.keepSegment(GS, UNUSABLE, context.reg32(GS_BASE), context.high32(GS_BASE));
      return;
    }
    const { registers, selectors } = context;
    for (let n = 0; n < TLS_ENTRIES; n++) this.#quads[GDT.physical / 8 + TLS_FIRST + n] = registers[TLS + n]!;
    this.#keepSelector(DS, selectors.ds);
    this.#keepSelector(ES, selectors.es);
    this.#keepSelector(FS, selectors.fs);
    this.#keepSelector(GS, selectors.gs);
  }

  /** A data segment register holds what a load of this selector from the GDT gives. */
  #keepSelector(n: number, selector: number): void {
    const isNull = (selector & ~3) === 0;
    const isReadable = (selector & ~7) >= (USER_DATA & ~7) && (selector & 4) === 0;
    if (isNull || !isReadable) {
      this.cpu.keepSegment(n, isNull && selector !== 0 ? { ...UNUSABLE, selector } : UNUSABLE);
      return;
    }
    const at = GDT.physical + (selector & ~7);
    const low = this.#view.getUint32(at, true);
    const high = this.#view.getUint32(at + 4, true);
    const limit = (low & 0xffff) | (high & 0xf_0000);
    this.cpu.keepSegment(n, {
      selector,
      rights: ((high >>> 8) & 0xf0ff) | 1,
      base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
      limit: high & 0x80_0000 ? ((limit << 12) | 0xfff) >>> 0 : limit,
    });
  }

  /** Takes the task's state out of the processor and says why it is here. */
  #leave(context: Context, stop: CpuStop): Stop {
    if (stop.reason !== 'doorway') throw new Error(`the processor stopped because of ${stop.reason}`);
    const { cpu } = this;
    const { registers } = context;
    cpu.ring0.chargeNumber(COST_STACK, PUSHED_REGISTERS);
    for (let n = 0; n < GENERAL_REGISTERS; n++) registers[n] = cpu.registers[n]!;
    context.floatingPoint.set(cpu.floatingPoint);
    if (context.abi === 'amd64') {
      context.setHalves(FS_BASE, cpu.segmentBaseLow(FS), cpu.segmentBaseHigh(FS));
      context.setHalves(GS_BASE, cpu.segmentBaseLow(GS), cpu.segmentBaseHigh(GS));
    } else {
      const { selectors } = context;
      selectors.ds = cpu.selector(DS);
      selectors.es = cpu.selector(ES);
      selectors.fs = cpu.selector(FS);
      selectors.gs = cpu.selector(GS);
    }
    if (stop.entry === ENTRY_SYSCALL) {
      registers[RIP] = registers[RCX]!;
      context.rflags = context.reg32(R11);
      cpu.registers[RSP] = STACK_TOP.address;
      return { kind: 'system-call', gate: 'syscall' };
    }
    if (stop.entry === ENTRY_SYSENTER) return this.#fromSysenter(context, cpu.eflags);
    return this.#fromGate(context, stop.entry);
  }

  /**
   * RIP and RSP are lost, and the kernel finds them as it can; of the flags IF is lost. NT stays set, with which the IRETQ to the
   * next program would fail: the kernel clears it.
   */
  #fromSysenter(context: Context, flags: number): Stop {
    context.rflags = flags | INTERRUPT_FLAG;
    this.cpu.eflags = flags & ~NESTED_TASK;
    this.cpu.registers[RSP] = STACK_TOP.address;
    return { kind: 'system-call', gate: 'sysenter' };
  }

  #fromGate(context: Context, vector: number): Stop {
    const error = WITH_ERROR.has(vector) ? this.#view.getUint32(FRAME - 8, true) : 0;
    const { registers } = context;
    // SYSENTER leaves TF as it is: a single step is reported before the kernel's first instruction
    if (vector === DEBUG && (this.#view.getUint16(FRAME + 8, true) & 3) === 0) {
      this.#takeDebugStatus();
      return this.#fromSysenter(context, this.#view.getUint32(FRAME + 16, true));
    }
    registers[RIP] = this.#quads[FRAME_QUAD]!;
    context.rflags = this.#view.getUint32(FRAME + 16, true);
    registers[RSP] = this.#quads[FRAME_QUAD + 3]!;
    if (vector === SYSTEM_CALL_VECTOR) return { kind: 'system-call', gate: 'int80' };
    if (vector === TIMER_VECTOR) return { kind: 'time' };
    if (vector === PAGE_FAULT) return { kind: 'page-fault', address: this.#faultAddress(), error };
    if (vector === DEBUG) return { kind: 'exception', vector, error, debug: this.#takeDebugStatus() };
    return { kind: 'exception', vector, error };
  }

  /** What the processor sets in DR6 and never clears. */
  #takeDebugStatus(): number {
    const status = this.cpu.dr(6);
    const told = DR6_SINGLE_STEP | DR6_BREAKPOINTS;
    this.cpu.setDr(6, status & ~told);
    return status & told;
  }

  #faultAddress(): number {
    return Number(this.cpu.cr2Wide);
  }

  /** A translation changed: the TLB forgets it if it may hold it. */
  #forget(table: LongPageTable, address: number): void {
    if (table !== this.#table) return;
    if (address < 0x1_0000_0000) this.cpu.ring0.invlpg(address);
    else {
      // the charged interface takes 32-bit addresses
      this.#table = undefined;
    }
  }
}
