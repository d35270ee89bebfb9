// The registers of the processor as the host sees them (SDM Vol. 3A "System Architecture Overview"): what it reads and writes
// costs nothing, and what depends on a register is brought up to date.
import {
  ACTIVITY,
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  DR,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
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
  RFLAGS,
  RIP,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENT_STRIDE,
} from '../../asm/layout.ts';
import type { CoreExports } from './core-exports.ts';
import type { Segment, TableRegister } from './cpu-state.ts';

const HIGH = 2 ** 32;
/** IA32_APIC_BASE: enabled, and in x2APIC mode. */
const APIC_MODE = 0xc00;
const XAPIC_MODE = 0x800;

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

/** The registers of the selected processor. */
export abstract class CpuRegisters {
  /** All of the core's memory. */
  readonly view: DataView;
  protected readonly core: CoreExports;

  protected constructor(view: DataView, core: CoreExports) {
    this.view = view;
    this.core = core;
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
    this.core.syncFlags();
    return this.view.getUint32(RFLAGS, true);
  }

  set eflags(value: number) {
    this.view.setBigUint64(RFLAGS, BigInt((value | 2) >>> 0), true);
    this.core.loadFlags();
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
    this.core.recomputeSegments();
  }

  /** Physical address of the local APIC's registers, undefined while they are in no memory (SDM Vol. 3 "Relocating the Local APIC Registers"). */
  get apicBase(): number | undefined {
    const low = this.view.getUint32(MSR_APIC_BASE, true);
    if ((low & APIC_MODE) !== XAPIC_MODE) return undefined;
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

  /** The same for all of a breakpoint's address. */
  setBreakpoint(n: number, address: bigint): void {
    this.view.setBigUint64(DR + 8 * n, address, true);
    this.core.recomputeSegments();
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
    this.core.recomputeSegments();
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
    this.core.recomputeSegments();
  }

  /** A model-specific register by number. @throws RangeError for one the host has no access to */
  msr(number: number): bigint {
    return this.view.getBigUint64(msrPlace(number), true);
  }

  /** @throws RangeError for a register the host has no access to */
  setMsr(number: number, value: bigint): void {
    this.view.setBigUint64(msrPlace(number), value, true);
    this.core.recomputeSegments();
  }

  #setControl(place: number, value: number): void {
    this.view.setBigUint64(place, BigInt(value >>> 0), true);
    this.core.recomputeSegments();
  }

  #table(base: number, limit: number): TableRegister {
    return { base: this.view.getUint32(base, true), limit: this.view.getUint32(limit, true) };
  }

  #setTable(base: number, limit: number, value: TableRegister): void {
    this.view.setBigUint64(base, BigInt(value.base >>> 0), true);
    this.view.setUint32(limit, value.limit, true);
  }
}

function msrPlace(number: number): number {
  const place = MSR_PLACES.get(number);
  if (place === undefined) throw new RangeError(`the host has no access to MSR 0x${number.toString(16)}`);
  return place;
}
