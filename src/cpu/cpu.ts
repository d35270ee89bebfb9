// The processor as the machine, loaders and debuggers see it: loads cpu.wasm, gives a typed view of its state and runs it.
// Access through this class costs nothing; software that owns ring 0 uses `ring0`, where everything is charged.
import {
  A20_MASK,
  ACTIVITY,
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
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CYCLE_DEADLINE,
  CYCLES,
  DOORWAY_PAGE,
  DR,
  EFER,
  EXCEPTION_LOG,
  EXCEPTION_LOG_NEXT,
  EXCEPTION_LOG_STRIDE,
  FPU_FERR,
  FPU_IGNNE,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  INSTRUCTION_DEADLINE,
  INSTRUCTIONS,
  MSR_APIC_BASE,
  MSR_CSTAR,
  MSR_FEATURE_CONTROL,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_PAT,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_OFFSET,
  RAM,
  RANDOM_STATE,
  RFLAGS,
  RIP,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENT_STRIDE,
  SEGMENTS,
  STOP_ARGUMENT,
  SMM,
  SMM_FAILED,
  STOP_DEADLINE,
  STOP_DOORWAY,
  STOP_HALT,
  STOP_REASON,
  STOP_REQUEST,
  STOP_REQUESTED,
  REQUEST_STOP,
  STOP_SHUTDOWN,
  STOP_VMX_ABORT,
  STOP_YIELD,
  X87,
} from '../../asm/layout.ts';
import { type CpuModel, DEFAULT_CPU_MODEL } from '../isa/cpu-models.ts';
import type { CoreExports } from './core-exports.ts';
import type { CpuCounters, CpuStop, Deadline, ExceptionRecord, Segment, TableRegister } from './cpu-state.ts';
import { type CpuFields, loadCpuState, saveCpuState } from './cpu-snapshot.ts';
import { writeModel } from './model-area.ts';
import { NOT_SUPPORTED_NAMES } from './not-supported.ts';
import { Processors } from './processors.ts';
import { Ring0 } from './ring0.ts';

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
const APIC_GLOBAL_ENABLE = 0x800;
const EXCEPTIONS_KEPT = 8;
const VECTORS = 256;
const EXIT_REASONS = 80;

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
  /** Software switched the local APIC of the selected processor on or off as a whole, by IA32_APIC_BASE.EN. */
  localApicEnable?(isEnabled: boolean): void;
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

/** Model-specific registers the host may set, by number (SDM Vol. 4), and where they lie. */
const MSR_PLACES: ReadonlyMap<number, number> = new Map([
  [0x1b, MSR_APIC_BASE],
  [0x3a, MSR_FEATURE_CONTROL],
  [0x10, MSR_TSC_OFFSET],
  [0x174, MSR_SYSENTER_CS],
  [0x175, MSR_SYSENTER_ESP],
  [0x176, MSR_SYSENTER_EIP],
  [0x277, MSR_PAT],
  [0xc000_0080, EFER],
  [0xc000_0081, MSR_STAR],
  [0xc000_0082, MSR_LSTAR],
  [0xc000_0083, MSR_CSTAR],
  [0xc000_0084, MSR_FMASK],
  [0xc000_0102, MSR_KERNEL_GS_BASE],
]);

/** The processor with its RAM. There may be several: then this is the selected one, and `processors` has the others. */
export class Cpu {
  readonly memory: WebAssembly.Memory;
  /** All of the core's memory. */
  readonly view: DataView;
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
  readonly #core: CoreExports;
  readonly #ramSize: number;
  #notSupported: CpuHost['notSupported'];

  private constructor(memory: WebAssembly.Memory, core: CoreExports, options: CpuOptions) {
    this.memory = memory;
    this.view = new DataView(memory.buffer);
    this.ram = new Uint8Array(memory.buffer, RAM, options.ramSize);
    const romSize = options.romSize ?? 0;
    this.rom = new Uint8Array(memory.buffer, RAM + options.ramSize, romSize);
    this.registers = new BigUint64Array(memory.buffer, GPR, GENERAL_REGISTERS);
    this.floatingPoint = new Uint8Array(memory.buffer, X87, FPU_FERR - X87);
    this.#core = core;
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
      localApicEnable: (isEnabled: number) => host.localApicEnable?.(isEnabled !== 0),
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
      this.#core.run();
      const stop = this.#stop();
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
    this.#core.flushAllBanks();
    this.#core.flushBlocks();
  }

  /** The physical page an instruction fetch from which stops `run`; undefined for none. */
  setDoorway(physicalPage: number | undefined): void {
    this.view.setUint32(DOORWAY_PAGE, physicalPage === undefined ? 0 : physicalPage + 1, true);
    this.#core.flushBlocks();
  }

  /** Cycles per cost class, by the numbers of src/isa/cost-classes.ts. */
  setCosts(costs: Uint32Array): void {
    costs.forEach((cost, cls) => {
      this.view.setUint32(COSTS + 4 * cls, cost, true);
    });
    this.#core.flushBlocks();
  }

  /** After RAM was changed from outside: drops decoded code in [address, address + length). */
  notePhysicalWrite(address: number, length: number): void {
    this.#core.notePhysicalWrite(address >>> 0, Math.floor(address / HIGH), length);
  }

  /** Drops all decoded code. */
  flushBlocks(): void {
    this.#core.flushBlocks();
  }

  /** Drops all cached translations. */
  flushTlb(): void {
    this.#core.flushAllBanks();
  }

  /** PAGE_RAM, PAGE_MMIO or PAGE_ROM of asm/layout.ts for a physical page of RAM. */
  setPageKind(page: number, kind: number): void {
    this.#core.setPageKind(page, kind);
    this.#core.flushAllBanks();
    this.#core.flushBlocks();
  }

  /** Physical address of a linear one by the present page tables, without side effects; undefined if not present. */
  translate(linear: number): number | undefined {
    const low = this.#core.translate(linear, 0) >>> 0;
    if (this.view.getInt32(CALL_FAULT, true) !== -1) return undefined;
    return this.view.getUint32(CALL_RESULT_HIGH, true) * HIGH + low;
  }

  /** Low 32 bits of a general register. */
  reg(n: number): number {
    return this.view.getUint32(GPR + 8 * n, true);
  }

  /** Sets a general register, zero-extended. */
  setReg(n: number, value: number): void {
    this.view.setUint32(GPR + 8 * n, value, true);
    this.view.setUint32(GPR + 8 * n + 4, 0, true);
  }

  reg64(n: number): bigint {
    return this.view.getBigUint64(GPR + 8 * n, true);
  }

  setReg64(n: number, value: bigint): void {
    this.view.setBigUint64(GPR + 8 * n, value, true);
  }

  get eip(): number {
    return this.view.getUint32(RIP, true);
  }

  set eip(value: number) {
    this.view.setBigUint64(RIP, BigInt(value >>> 0), true);
  }

  get rip(): bigint {
    return this.view.getBigUint64(RIP, true);
  }

  set rip(value: bigint) {
    this.view.setBigUint64(RIP, value, true);
  }

  get eflags(): number {
    this.#core.syncFlags();
    return this.view.getUint32(RFLAGS, true);
  }

  set eflags(value: number) {
    this.view.setBigUint64(RFLAGS, BigInt((value | 2) >>> 0), true);
    this.#core.loadFlags();
  }

  get cr0(): number {
    return this.view.getUint32(CR0, true);
  }

  set cr0(value: number) {
    this.#setControl(CR0, value);
  }

  get cr2(): number {
    return this.view.getUint32(CR2, true);
  }

  set cr2(value: number) {
    this.view.setBigUint64(CR2, BigInt(value >>> 0), true);
  }

  /** All 64 bits of CR2. */
  get cr2Wide(): bigint {
    return this.view.getBigUint64(CR2, true);
  }

  set cr2Wide(value: bigint) {
    this.view.setBigUint64(CR2, value, true);
  }

  get cr3(): number {
    return this.view.getUint32(CR3, true);
  }

  set cr3(value: number) {
    this.#setControl(CR3, value);
  }

  get cr4(): number {
    return this.view.getUint32(CR4, true);
  }

  set cr4(value: number) {
    this.#setControl(CR4, value);
  }

  get cpl(): number {
    return this.view.getUint32(CPL, true);
  }

  set cpl(value: number) {
    this.view.setUint32(CPL, value, true);
    this.#core.recomputeSegments();
  }

  /** INTR can have an effect: interrupts are enabled, or VMX non-root operation may turn it into a VM exit. */
  get isInterruptible(): boolean {
    this.#core.syncFlags();
    return this.processors.isInterruptible;
  }

  /** Physical address of the local APIC's registers, undefined while it is switched off (SDM Vol. 3 "Relocating the Local APIC Registers"). */
  get apicBase(): number | undefined {
    const low = this.view.getUint32(MSR_APIC_BASE, true);
    if ((low & APIC_GLOBAL_ENABLE) === 0) return undefined;
    return this.view.getUint32(MSR_APIC_BASE + 4, true) * HIGH + ((low & ~0xfff) >>> 0);
  }

  /** VMX activity state: 0 active, 1 HLT, 2 shutdown, 3 wait for SIPI. */
  get activity(): number {
    return this.view.getUint32(ACTIVITY, true);
  }

  set activity(value: number) {
    this.view.setUint32(ACTIVITY, value, true);
  }

  dr(n: number): number {
    return this.view.getUint32(DR + 8 * n, true);
  }

  setDr(n: number, value: number): void {
    this.#setControl(DR + 8 * n, value);
  }

  get gdtr(): TableRegister {
    return this.#table(GDTR_BASE, GDTR_LIMIT);
  }

  set gdtr(value: TableRegister) {
    this.#setTable(GDTR_BASE, GDTR_LIMIT, value);
  }

  get idtr(): TableRegister {
    return this.#table(IDTR_BASE, IDTR_LIMIT);
  }

  set idtr(value: TableRegister) {
    this.#setTable(IDTR_BASE, IDTR_LIMIT, value);
  }

  /** Segment register ES CS SS DS FS GS TR LDTR (0 to 7). */
  segment(n: number): Segment {
    const at = SEGMENTS + n * SEGMENT_STRIDE;
    return {
      selector: this.view.getUint32(at + SEGMENT_SELECTOR, true),
      rights: this.view.getUint32(at + SEGMENT_RIGHTS, true),
      base: this.view.getUint32(at + SEGMENT_BASE, true),
      limit: this.view.getUint32(at + SEGMENT_LIMIT, true),
    };
  }

  /** The selector in a segment register. */
  selector(n: number): number {
    return this.view.getUint32(SEGMENTS + n * SEGMENT_STRIDE + SEGMENT_SELECTOR, true);
  }

  setSegment(n: number, { selector, rights, base, limit }: Segment): void {
    const at = SEGMENTS + n * SEGMENT_STRIDE;
    this.view.setUint32(at + SEGMENT_SELECTOR, selector, true);
    this.view.setUint32(at + SEGMENT_RIGHTS, rights, true);
    this.view.setBigUint64(at + SEGMENT_BASE, BigInt(base < 0 ? base >>> 0 : base), true);
    this.view.setUint32(at + SEGMENT_LIMIT, limit, true);
    this.#core.recomputeSegments();
  }

  /** The same, for who loads it again and again: nothing happens when it holds that already. The base may have 64 bits. */
  keepSegment(n: number, segment: Segment, low = segment.base, high = 0): void {
    const at = SEGMENTS + n * SEGMENT_STRIDE;
    const isAsBefore =
      this.view.getUint32(at + SEGMENT_SELECTOR, true) === segment.selector &&
      this.view.getUint32(at + SEGMENT_RIGHTS, true) === segment.rights &&
      this.view.getUint32(at + SEGMENT_BASE, true) === low &&
      this.view.getUint32(at + SEGMENT_BASE + 4, true) === high &&
      this.view.getUint32(at + SEGMENT_LIMIT, true) === segment.limit;
    if (isAsBefore) return;
    this.setSegment(n, segment);
    if (low !== segment.base || high !== 0) this.setSegmentBase(n, (BigInt(high) << 32n) | BigInt(low));
  }

  /** The halves of a segment's base. */
  segmentBaseLow(n: number): number {
    return this.view.getUint32(SEGMENTS + n * SEGMENT_STRIDE + SEGMENT_BASE, true);
  }

  segmentBaseHigh(n: number): number {
    return this.view.getUint32(SEGMENTS + n * SEGMENT_STRIDE + SEGMENT_BASE + 4, true);
  }

  /** All 64 bits of a segment's base: FS and GS have them in long mode. */
  segmentBase(n: number): bigint {
    return this.view.getBigUint64(SEGMENTS + n * SEGMENT_STRIDE + SEGMENT_BASE, true);
  }

  setSegmentBase(n: number, base: bigint): void {
    this.view.setBigUint64(SEGMENTS + n * SEGMENT_STRIDE + SEGMENT_BASE, base, true);
    this.#core.recomputeSegments();
  }

  /** A model-specific register by number. @throws RangeError for one the host has no access to */
  msr(number: number): bigint {
    return this.view.getBigUint64(msrPlace(number), true);
  }

  /** @throws RangeError for a register the host has no access to */
  setMsr(number: number, value: bigint): void {
    this.view.setBigUint64(msrPlace(number), value, true);
    this.#core.recomputeSegments();
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
    this.#core.syncFlags();
    return { ...saveCpuState(this.view, this.#ramSize), ...this.processors.save() };
  }

  /** Continues where `save` was called; RAM has to be restored first. */
  load(fields: CpuFields): void {
    this.processors.load(fields);
    loadCpuState(this.view, this.#ramSize, fields);
    this.#core.stateLoaded();
    this.processors.loaded();
  }

  private notSupported(what: number, argument: number): void {
    this.#notSupported?.(NOT_SUPPORTED_NAMES[what] ?? `feature ${what}`, argument);
  }

  #stop(): CpuStop {
    const reason = this.view.getUint32(STOP_REASON, true);
    switch (reason) {
      case STOP_DEADLINE:
        return { reason: 'deadline' };
      case STOP_HALT:
        return { reason: 'halt' };
      case STOP_DOORWAY:
        return { reason: 'doorway', entry: this.view.getUint32(STOP_ARGUMENT, true) };
      case STOP_SHUTDOWN:
        return { reason: 'shutdown' };
      case STOP_VMX_ABORT:
        return { reason: 'vmx-abort' };
      case STOP_REQUEST:
        return { reason: 'request' };
      case STOP_YIELD:
        return { reason: 'yield' };
      default:
        throw new Error(`the core stopped for the unknown reason ${reason}`);
    }
  }

  #setControl(place: number, value: number): void {
    this.view.setBigUint64(place, BigInt(value >>> 0), true);
    this.#core.recomputeSegments();
  }

  #table(base: number, limit: number): TableRegister {
    return { base: this.view.getUint32(base, true), limit: this.view.getUint32(limit, true) };
  }

  #setTable(base: number, limit: number, value: TableRegister): void {
    this.view.setBigUint64(base, BigInt(value.base >>> 0), true);
    this.view.setUint32(limit, value.limit, true);
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

function msrPlace(number: number): number {
  const place = MSR_PLACES.get(number);
  if (place === undefined) throw new RangeError(`the host has no access to MSR 0x${number.toString(16)}`);
  return place;
}
