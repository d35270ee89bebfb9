// The processor as the machine, loaders and debuggers see it: loads cpu.wasm, gives a typed view of its state and runs it.
// Access through this class costs nothing; software that owns ring 0 uses `ring0`, where everything is charged.
import {
  A20_MASK,
  CALL_FAULT,
  CALL_RESULT_HIGH,
  COSTS,
  COUNT_EPT_REFERENCES,
  COUNT_NON_ROOT_INSTRUCTIONS,
  COUNT_TLB_FLUSHES,
  COUNT_TLB_MISSES,
  COUNT_USER_INSTRUCTIONS,
  COUNT_VECTORS,
  COUNT_VM_EXITS,
  COUNT_WALK_REFERENCES,
  CYCLE_DEADLINE,
  CYCLES,
  DOORWAY_PAGE,
  EXCEPTION_LOG,
  EXCEPTION_LOG_NEXT,
  EXCEPTION_LOG_STRIDE,
  FPU_FERR,
  FPU_IGNNE,
  GPR,
  INSTRUCTION_DEADLINE,
  INSTRUCTIONS,
  RAM,
  RANDOM_STATE,
  SMM,
  SMM_FAILED,
  STOP_REQUESTED,
  REQUEST_STOP,
  X87,
} from '../../asm/layout.ts';
import { type CpuModel, DEFAULT_CPU_MODEL } from '../isa/cpu-models.ts';
import type { CoreExports } from './core-exports.ts';
import type { CpuCounters, CpuStop, Deadline, ExceptionRecord } from './cpu-state.ts';
import { type CpuFields, loadCpuState, saveCpuState } from './cpu-snapshot.ts';
import { writeModel } from './model-area.ts';
import { NOT_SUPPORTED_NAMES } from './not-supported.ts';
import { Processors } from './processors.ts';
import { CpuRegisters } from './registers.ts';
import { Ring0 } from './ring0.ts';
import { readStop } from './stop.ts';

export { PAGE_ROM } from '../../asm/layout.ts';
export type { CpuModelName } from '../isa/cpu-model-names.ts';
export { type CpuModel, DEFAULT_CPU_MODEL, findCpuModel } from '../isa/cpu-models.ts';
export type { CpuCounters, CpuStop, Deadline, ExceptionRecord, Segment, TableRegister } from './cpu-state.ts';

const GENERAL_REGISTERS = 16;
const WASM_PAGE = 0x10000;
const MOST_WASM_PAGES = 0x10000;
/** V8 replaces no running function: the core returns this often so that its optimized code gets a chance. */
const SLICE = 1_000_000;
const HIGH = 2 ** 32;
const EXCEPTIONS_KEPT = 8;
const VECTORS = 256;
const EXIT_REASONS = 80;

/** Modes of a local APIC, by their numbers in the core. */
const LOCAL_APIC_MODES = ['disabled', 'xapic', 'x2apic'] as const;
export type LocalApicMode = (typeof LOCAL_APIC_MODES)[number];

/** What the processor is wired to. */
export interface CpuHost {
  portRead(port: number, size: 1 | 2 | 4): number;
  portWrite(port: number, size: 1 | 2 | 4, value: number): void;
  mmioRead(address: number, size: 1 | 2 | 4): number;
  mmioWrite(address: number, size: 1 | 2 | 4, value: number): void;
  /** The INTA cycle: gives the vector of the interrupt that INTR announced. */
  interruptAcknowledge(): number;
  /** The level of the FERR# pin changed: an x87 exception is reported outside the processor. */
  floatingPointError?(level: boolean): void;
  /** Software changed the mode of the selected processor's local APIC, by IA32_APIC_BASE. */
  localApicMode?(mode: LocalApicMode): void;
  /** A register of that local APIC in x2APIC mode, by its offset in xAPIC mode. */
  localApicRead?(register: number): number;
  /** WRMSR to one of them; false when a reserved bit is set or it is read only. */
  localApicWrite?(register: number, low: number, high: number): boolean;
  /** IA32_TSC_DEADLINE names a cycle count, or undefined for none; true when the timer waits for it. */
  localApicDeadline?(cycles: number | undefined): boolean;
  /** Something this version does not have was met; `detail` is the address or number concerned. */
  notSupported?(what: string, detail: number): void;
}

/** What a processor is made of. */
export interface CpuOptions {
  /** Bytes of RAM from physical address 0. */
  readonly ramSize: number;
  /** Bytes of ROM, whole pages, that end at physical address 4 GiB; none if absent. */
  readonly romSize?: number;
  /** How many processors share the RAM, 1 if absent. */
  readonly processors?: number;
  readonly host: CpuHost;
  /** Which processor it is; the one with all features if absent. */
  readonly model?: CpuModel | undefined;
  /** What RDRAND and RDSEED start from; 0 if absent. */
  readonly seed?: number | undefined;
}

/** The processor with its RAM. There may be several: then this is the selected one, and `processors` has the others. */
export class Cpu extends CpuRegisters {
  readonly memory: WebAssembly.Memory;
  /** Physical memory from address 0. After writing code into it, call `notePhysicalWrite` or `flushBlocks`. */
  readonly ram: Uint8Array;
  /** The ROM below 4 GiB, to be filled before the processor runs. */
  readonly rom: Uint8Array;
  /** The sixteen general registers, to be copied as a whole. */
  readonly registers: BigUint64Array;
  /** x87 and SSE registers with their control words, as the core keeps them. */
  readonly floatingPoint: Uint8Array;
  readonly ring0: Ring0;
  readonly model: CpuModel;
  readonly processors: Processors;
  readonly #ramSize: number;
  #notSupported: CpuHost['notSupported'];

  private constructor(memory: WebAssembly.Memory, core: CoreExports, options: CpuOptions) {
    super(new DataView(memory.buffer), core);
    this.memory = memory;
    this.ram = new Uint8Array(memory.buffer, RAM, options.ramSize);
    const romSize = options.romSize ?? 0;
    this.rom = new Uint8Array(memory.buffer, RAM + options.ramSize, romSize);
    this.registers = new BigUint64Array(memory.buffer, GPR, GENERAL_REGISTERS);
    this.floatingPoint = new Uint8Array(memory.buffer, X87, FPU_FERR - X87);
    this.#ramSize = options.ramSize;
    this.model = options.model ?? DEFAULT_CPU_MODEL;
    this.#notSupported = options.host.notSupported;
    this.ring0 = new Ring0(core, this.view, { get: () => this.eflags });
    core.setRamSize(options.ramSize % HIGH, Math.floor(options.ramSize / HIGH));
    if (romSize > 0) core.setRomSize(romSize);
    core.initialize();
    this.view.setBigUint64(A20_MASK, 0xffff_ffff_ffff_ffffn, true);
    for (let cls = 0; cls < 128; cls++) this.view.setUint32(COSTS + 4 * cls, 1, true);
    writeModel(this.view, this.model);
    this.processors = new Processors(core, this.view, options.processors ?? 1);
    // each has a generator of its own
    for (let n = 0; n < this.processors.count; n++)
      this.view.setBigUint64(this.processors.place(n, RANDOM_STATE), BigInt((options.seed ?? 0) + n), true);
  }

  /** Instantiates the core. @throws RangeError when the host has not enough memory for the RAM */
  static create(module: WebAssembly.Module, options: CpuOptions): Cpu {
    const pages = Math.ceil((RAM + options.ramSize + (options.romSize ?? 0)) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: Math.max(1024, pages), maximum: MOST_WASM_PAGES });
    const { host } = options;
    const size = (value: number): 1 | 2 | 4 => value as 1 | 2 | 4;
    let cpu: Cpu | undefined;
    const env = {
      memory,
      portRead: (port: number, bytes: number) => host.portRead(port, size(bytes)),
      portWrite: (port: number, bytes: number, value: number) => host.portWrite(port, size(bytes), value >>> 0),
      mmioRead: (low: number, high: number, bytes: number) => host.mmioRead(high * HIGH + (low >>> 0), size(bytes)),
      mmioWrite: (low: number, high: number, bytes: number, value: number) =>
        host.mmioWrite(high * HIGH + (low >>> 0), size(bytes), value >>> 0),
      interruptAcknowledge: () => host.interruptAcknowledge(),
      floatingPointError: (level: number) => host.floatingPointError?.(level !== 0),
      localApicMode: (mode: number) => host.localApicMode?.(LOCAL_APIC_MODES[mode]!),
      localApicRead: (register: number) => host.localApicRead?.(register) ?? 0,
      localApicWrite: (register: number, low: number, high: number) =>
        Number(host.localApicWrite?.(register, low >>> 0, high >>> 0) ?? false),
      localApicDeadline: (cycles: number) => Number(host.localApicDeadline?.(cycles < 0 ? undefined : cycles) ?? false),
      notSupported: (what: number, argument: number) => cpu?.notSupported(what, argument >>> 0),
    };
    const instance = new WebAssembly.Instance(module, { env });
    cpu = new Cpu(memory, instance.exports as unknown as CoreExports, options);
    return cpu;
  }

  /** Runs until the deadline or something the host has to deal with. */
  run(deadline: Deadline): CpuStop {
    const cycles = deadline.cycles ?? Number.POSITIVE_INFINITY;
    const instructions = deadline.instructions ?? Number.POSITIVE_INFINITY;
    const rest = this.processors.restInstructions;
    this.#setCount(CYCLE_DEADLINE, cycles);
    for (;;) {
      this.#setCount(INSTRUCTION_DEADLINE, Math.min(instructions, this.instructions + SLICE) - rest);
      this.core.run();
      const stop = readStop(this.view);
      if (stop.reason !== 'deadline') return stop;
      if (this.instructions >= instructions || this.cycles >= this.#count(CYCLE_DEADLINE)) return stop;
    }
  }

  /** Makes `run` return after the instruction that runs now. */
  requestStop(): void {
    this.view.setUint32(STOP_REQUESTED, this.view.getUint32(STOP_REQUESTED, true) | REQUEST_STOP, true);
  }

  /** Brings the deadline of the run in progress to `cycles`; may be called from a device callback. */
  setDeadline(cycles: number): void {
    if (cycles < this.#count(CYCLE_DEADLINE)) this.#setCount(CYCLE_DEADLINE, cycles);
  }

  /** Idle until `cycles`: virtual time passes, nothing is executed. */
  skipTo(cycles: number): void {
    this.#setCount(CYCLES, cycles);
  }

  /** Modelled cycles so far, of the selected processor, exact also inside device callbacks. */
  get cycles(): number {
    return this.#count(CYCLES);
  }

  /** Retired instructions so far, of all processors, exact also inside device callbacks. */
  get instructions(): number {
    return this.#count(INSTRUCTIONS) + this.processors.restInstructions;
  }

  /** Level of the INTR pin. */
  setIntr(level: boolean): void {
    this.processors.setIntr(this.processors.selected, level);
  }

  /** Level of the IGNNE# pin: x87 instructions go on in spite of an error that FERR# reports. */
  setIgnoreError(level: boolean): void {
    this.view.setUint32(FPU_IGNNE, level ? 1 : 0, true);
  }

  /** A system-management interrupt. */
  raiseSmi(): void {
    this.processors.raiseSmi(this.processors.selected);
  }

  /** In system-management mode. */
  get inSmm(): boolean {
    return this.view.getUint32(SMM, true) !== 0;
  }

  /** The field of the state-save map that made RSM shut the processor down. */
  get rsmFailure(): 'CR0' | 'CR4' | 'EFER' | undefined {
    return ([undefined, 'CR4', 'CR0', 'EFER'] as const)[this.view.getUint32(SMM_FAILED, true)];
  }

  raiseNmi(): void {
    this.processors.raiseNmi(this.processors.selected);
  }

  /** The A20 gate: closed, address bit 20 reads as zero. */
  setA20(open: boolean): void {
    this.view.setBigUint64(A20_MASK, open ? 0xffff_ffff_ffff_ffffn : 0xffff_ffff_ffef_ffffn, true);
    this.core.flushAllBanks();
    this.core.flushBlocks();
  }

  /** The physical page an instruction fetch from which stops `run`; undefined for none. */
  setDoorway(physicalPage: number | undefined): void {
    this.view.setUint32(DOORWAY_PAGE, physicalPage === undefined ? 0 : physicalPage + 1, true);
    this.core.flushBlocks();
  }

  /** Cycles per cost class, by the numbers of src/isa/cost-classes.ts. */
  setCosts(costs: Uint32Array): void {
    costs.forEach((cost, cls) => {
      this.view.setUint32(COSTS + 4 * cls, cost, true);
    });
    this.core.flushBlocks();
  }

  /** After RAM was changed from outside: drops decoded code in [address, address + length). */
  notePhysicalWrite(address: number, length: number): void {
    this.core.notePhysicalWrite(address >>> 0, Math.floor(address / HIGH), length);
  }

  /** Drops all decoded code. */
  flushBlocks(): void {
    this.core.flushBlocks();
  }

  /** Drops all cached translations. */
  flushTlb(): void {
    this.core.flushAllBanks();
  }

  /** PAGE_RAM, PAGE_MMIO or PAGE_ROM of asm/layout.ts for a physical page of RAM. */
  setPageKind(page: number, kind: number): void {
    this.core.setPageKind(page, kind);
    this.core.flushAllBanks();
    this.core.flushBlocks();
  }

  /** Physical address of a linear one by the present page tables, without side effects; undefined if not present. */
  translate(linear: number): number | undefined {
    const low = this.core.translate(linear, 0) >>> 0;
    if (this.view.getInt32(CALL_FAULT, true) !== -1) return undefined;
    return this.view.getUint32(CALL_RESULT_HIGH, true) * HIGH + low;
  }

  /** INTR can have an effect: interrupts are enabled, or VMX non-root operation may turn it into a VM exit. */
  get isInterruptible(): boolean {
    this.core.syncFlags();
    return this.processors.isInterruptible;
  }

  /** The last exceptions raised, oldest first, eight at most. */
  exceptions(): ExceptionRecord[] {
    const count = this.view.getUint32(EXCEPTION_LOG_NEXT, true);
    const records: ExceptionRecord[] = [];
    for (let index = Math.max(0, count - EXCEPTIONS_KEPT); index < count; index++) {
      const at = EXCEPTION_LOG + (index % EXCEPTIONS_KEPT) * EXCEPTION_LOG_STRIDE;
      records.push({
        vector: this.view.getUint32(at, true),
        error: this.view.getUint32(at + 4, true),
        rip: this.#count(at + 8),
        cr2: this.#count(at + 16),
      });
    }
    return records;
  }

  /** What the processors counted together. */
  counters(): CpuCounters {
    return {
      instructions: this.instructions,
      cycles: this.cycles,
      userInstructions: this.processors.sum(COUNT_USER_INSTRUCTIONS),
      nonRootInstructions: this.processors.sum(COUNT_NON_ROOT_INSTRUCTIONS),
      vectors: this.#counts(COUNT_VECTORS, VECTORS),
      vmExits: this.#counts(COUNT_VM_EXITS, EXIT_REASONS),
      tlbMisses: this.processors.sum(COUNT_TLB_MISSES),
      walkReferences: this.processors.sum(COUNT_WALK_REFERENCES),
      eptReferences: this.processors.sum(COUNT_EPT_REFERENCES),
      tlbFlushes: this.processors.sum(COUNT_TLB_FLUSHES),
    };
  }

  /** All state but RAM, as named fields. */
  save(): CpuFields {
    this.core.syncFlags();
    return { ...saveCpuState(this.view, this.#ramSize), ...this.processors.save() };
  }

  /** Continues where `save` was called; RAM has to be restored first. */
  load(fields: CpuFields): void {
    this.processors.load(fields);
    loadCpuState(this.view, this.#ramSize, fields);
    this.core.stateLoaded();
    this.processors.loaded();
  }

  private notSupported(what: number, argument: number): void {
    this.#notSupported?.(NOT_SUPPORTED_NAMES[what] ?? `feature ${what}`, argument);
  }

  #count(place: number): number {
    return this.view.getUint32(place, true) + this.view.getUint32(place + 4, true) * HIGH;
  }

  #setCount(place: number, value: number): void {
    const bounded = Math.min(value, Number.MAX_SAFE_INTEGER);
    // not %: of numbers this large it is a loop
    const high = Math.floor(bounded / HIGH);
    this.view.setUint32(place, bounded - high * HIGH, true);
    this.view.setUint32(place + 4, high, true);
  }

  #counts(place: number, length: number): Record<number, number> {
    const counts: Record<number, number> = {};
    for (let index = 0; index < length; index++) {
      const count = this.processors.sum(place + 8 * index);
      if (count > 0) counts[index] = count;
    }
    return counts;
  }
}
