// The kernel's platform on the software CPU: programs run in ring 3 in long mode and come back through real gates, SYSCALL
// and the doorway page; the kernel goes back to them by IRETQ. Implements src/kernel/platform.ts.
import { type Cpu, Cpu as Processor, type CpuStop } from '../cpu/cpu.ts';
import type { Fault } from '../cpu/cpu-state.ts';
import type { Context, Moment, PageTable, PhysicalMemory, Platform, Stop, TableFrames } from '../kernel/platform.ts';
import { PAGE_SIZE } from '../kernel/platform.ts';
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

const RSP = 4;
const RCX = 1;
const R11 = 11;
const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5] as const;
const FLAT = { base: 0, limit: 0xffff_ffff };
const DEBUG = 1;
const DR6_SINGLE_STEP = 0x4000;
const INTERRUPT_FLAG = 0x200;
const PAGE_FAULT = 14;
/** Exceptions that push an error code (SDM Vol. 3 "Exception and Interrupt Vectors"). */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
/** RIP, CS, RFLAGS, RSP, SS. */
const FRAME_SIZE = 40;
const FRAME_ADDRESS = STACK_TOP.address - BigInt(FRAME_SIZE);
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
const GENERAL_REGISTERS = 15;
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
  readonly #tables: TableHost;
  #table: LongPageTable | undefined;
  /** The floating-point state the processor has. */
  #floatingPoint: Uint8Array | undefined;

  constructor(module: WebAssembly.Module, options: CpuPlatformOptions) {
    this.cpu = createProcessor(module, options);
    this.frequencyHz = options.frequencyHz ?? FREQUENCY;
    if (options.costs) this.cpu.setCosts(options.costs);
    const { ram } = this.cpu;
    this.#view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    this.memory = {
      bytes: ram,
      view: this.#view,
      first: FIRST_FRAME,
      end: options.memory / PAGE_SIZE,
      written: (frame) => this.cpu.notePhysicalWrite(frame * PAGE_SIZE, PAGE_SIZE),
    };
    this.#tables = {
      memory: this.#view,
      changed: (table, address) => this.#forget(table, address),
      chargeEntries: (reads, writes) => {
        this.cpu.ring0.charge('load', reads);
        if (writes > 0) this.cpu.ring0.charge('store', writes);
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
    if (bytes > 0) ring0.charge('string-iteration', Math.ceil(bytes / 8));
    if (operations > 0) ring0.charge('software-emulation', operations);
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
    cpu.setReg64(RSP, STACK_TOP.address);
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
    cpu.ring0.charge('stack', GENERAL_REGISTERS);
    if (this.#floatingPoint !== context.floatingPoint) {
      this.charge(2 * FLOATING_POINT_BYTES, 0);
      cpu.floatingPoint.set(context.floatingPoint);
      this.#floatingPoint = context.floatingPoint;
    }
    this.#loadSegments(context);
    const frame = STACK_TOP.physical - FRAME_SIZE;
    const isLong = context.abi === 'amd64';
    this.#view.setBigUint64(frame, context.rip, true);
    this.#setWord(frame + 8, isLong ? USER_CODE : USER_CODE_32);
    this.#setWord(frame + 16, context.rflags);
    this.#view.setBigUint64(frame + 24, context.reg64(RSP), true);
    this.#setWord(frame + 32, USER_DATA);
    cpu.registers.set(context.registers);
    cpu.setReg64(RSP, FRAME_ADDRESS);
    return cpu.ring0.execute(IRETQ);
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
      this.#loadBase(FS, context.fsBase);
      this.#loadBase(GS, context.gsBase);
      return;
    }
    for (let n = 0; n < context.tls.length; n++)
      this.#view.setBigUint64(GDT.physical + 8 * (TLS_FIRST + n), context.tls[n]!, true);
    const { ds, es, fs, gs } = context.selectors;
    cpu.keepSegment(DS, this.#segmentFor(ds));
    cpu.keepSegment(ES, this.#segmentFor(es));
    cpu.keepSegment(FS, this.#segmentFor(fs));
    cpu.keepSegment(GS, this.#segmentFor(gs));
  }

  /** A segment that has nothing but a base. */
  #loadBase(n: number, base: bigint): void {
    const { selector, rights, limit } = this.cpu.segment(n);
    const isAsBefore = selector === UNUSABLE.selector && rights === UNUSABLE.rights && limit === UNUSABLE.limit;
    if (isAsBefore && this.cpu.segmentBase(n) === base) return;
    this.cpu.setSegment(n, UNUSABLE);
    this.cpu.setSegmentBase(n, base);
  }

  /** What a data segment register holds after a load of this selector from the GDT. */
  #segmentFor(selector: number): { selector: number; rights: number; base: number; limit: number } {
    const isNull = (selector & ~3) === 0;
    const isReadable = (selector & ~7) >= (USER_DATA & ~7) && (selector & 4) === 0;
    if (isNull || !isReadable) return { ...UNUSABLE, selector: isNull ? selector : 0 };
    const at = GDT.physical + (selector & ~7);
    const low = this.#view.getUint32(at, true);
    const high = this.#view.getUint32(at + 4, true);
    const limit = (low & 0xffff) | (high & 0xf_0000);
    return {
      selector,
      rights: ((high >>> 8) & 0xf0ff) | 1,
      base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
      limit: high & 0x80_0000 ? ((limit << 12) | 0xfff) >>> 0 : limit,
    };
  }

  /** Takes the task's state out of the processor and says why it is here. */
  #leave(context: Context, stop: CpuStop): Stop {
    if (stop.reason !== 'doorway') throw new Error(`the processor stopped because of ${stop.reason}`);
    const { cpu } = this;
    cpu.ring0.charge('stack', GENERAL_REGISTERS);
    context.registers.set(cpu.registers);
    context.floatingPoint.set(cpu.floatingPoint);
    if (context.abi === 'amd64') {
      context.fsBase = cpu.segmentBase(FS);
      context.gsBase = cpu.segmentBase(GS);
    } else {
      const { selectors } = context;
      selectors.ds = cpu.segment(DS).selector;
      selectors.es = cpu.segment(ES).selector;
      selectors.fs = cpu.segment(FS).selector;
      selectors.gs = cpu.segment(GS).selector;
    }
    if (stop.entry === ENTRY_SYSCALL) {
      context.rip = context.reg64(RCX);
      context.rflags = context.reg32(R11);
      cpu.setReg64(RSP, STACK_TOP.address);
      return { kind: 'system-call', gate: 'syscall' };
    }
    if (stop.entry === ENTRY_SYSENTER) return this.#fromSysenter(context, cpu.eflags);
    return this.#fromGate(context, stop.entry);
  }

  /** RIP and RSP are lost, and the kernel finds them as it can; of the flags IF is lost. */
  #fromSysenter(context: Context, flags: number): Stop {
    context.rflags = flags | INTERRUPT_FLAG;
    this.cpu.setReg64(RSP, STACK_TOP.address);
    return { kind: 'system-call', gate: 'sysenter' };
  }

  #fromGate(context: Context, vector: number): Stop {
    const error = WITH_ERROR.has(vector) ? this.#view.getUint32(STACK_TOP.physical - FRAME_SIZE - 8, true) : 0;
    const frame = STACK_TOP.physical - FRAME_SIZE;
    // SYSENTER leaves TF as it is: a single step is reported before the kernel's first instruction
    if (vector === DEBUG && (this.#view.getUint16(frame + 8, true) & 3) === 0) {
      this.#takeSingleStep();
      return this.#fromSysenter(context, this.#view.getUint32(frame + 16, true));
    }
    context.rip = this.#view.getBigUint64(frame, true);
    context.rflags = this.#view.getUint32(frame + 16, true);
    context.setReg64(RSP, this.#view.getBigUint64(frame + 24, true));
    if (vector === SYSTEM_CALL_VECTOR) return { kind: 'system-call', gate: 'int80' };
    if (vector === TIMER_VECTOR) return { kind: 'time' };
    if (vector === PAGE_FAULT) return { kind: 'page-fault', address: this.#faultAddress(), error };
    if (vector === DEBUG) return { kind: 'exception', vector, error, isSingleStep: this.#takeSingleStep() };
    return { kind: 'exception', vector, error };
  }

  /** DR6.BS, which the processor sets and never clears. */
  #takeSingleStep(): boolean {
    const status = this.cpu.dr(6);
    this.cpu.setDr(6, status & ~DR6_SINGLE_STEP);
    return (status & DR6_SINGLE_STEP) !== 0;
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
