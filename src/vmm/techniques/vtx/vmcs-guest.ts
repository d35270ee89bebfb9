// The guest as the VMM and its instruction emulator see it. What every exit handler looks at is copied from the VMCS on
// exit and back before entry; the emulator gets the segment registers as well. Every copy is a charged VMREAD or
// VMWRITE ("ten or more in a typical VMM", Agesen et al., USENIX ATC 2012).

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { Machine } from '../../../pc/machine.ts';
import type { VmmCounters } from '../../counters.ts';
import type { Domain } from '../../domain.ts';
import type { ControlChange } from '../../emulate/context.ts';
import { canonical, type LongContext, significant } from '../../emulate/long.ts';
import type { GuestMemory } from '../../guest-memory.ts';
import { GuestFault } from '../../host-access.ts';
import { AREA_OFFSET, regionLinear } from '../../host-memory.ts';
import type { PagingMode } from '../../technique.ts';
import {
  CR0_PE,
  CS,
  EAX,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  ESP,
  FLAG_IF,
  FLAG_IOPL,
  MSR_EFER,
  RIGHTS_LONG,
  SS,
  type TableRegister,
  type Vcpu,
  type VirtualSegment,
} from '../../vcpu.ts';
import { RealMode } from './real-mode.ts';
import { CR0_MASK, CR4_MASK } from './vmcs-setup.ts';

/** Bits of EFLAGS that arithmetic changes, and DF. */
const ARITHMETIC = 0xcd5;
const LDTR = 6;
const TR = 7;
const LOW = 0xffff_ffffn;

/** What the guest context needs from the VMM around it. */
export interface VmcsGuestParts {
  readonly machine: Machine;
  readonly access: Ring0;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
  readonly domain: Domain;
  readonly counters: VmmCounters;
  readonly paging: PagingMode;
  readonly changed: (what: ControlChange) => void;
  readonly invlpg: (linear: number) => void;
  readonly notSupported: (what: string) => void;
}

/** The guest of one VMCS. */
export class VmcsGuest implements LongContext {
  readonly access: Ring0;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
  readonly domain: Domain;
  readonly counters: VmmCounters;
  readonly scratch = regionLinear(AREA_OFFSET + 0xf00);
  readonly #p: VmcsGuestParts;
  /** The context of the last exit: RIP, RSP, RFLAGS, interruptibility, CPL and code size come from here. */
  #rip = 0n;
  #rsp = 0n;
  #flags = 2;
  interruptibility = 0;
  readonly runsRealMode = true;
  readonly eferBits = EFER_SCE | EFER_LME | EFER_NXE;
  /** The VMM is in IA-32e mode, and its guest may be. */
  isLongHost = false;
  /** The guest is in 64-bit code. */
  code64 = false;
  /** Imitates real-address mode where the processor cannot run it. */
  readonly real: RealMode | undefined;
  readonly #segments = new Map<number, VirtualSegment>();

  constructor(parts: VmcsGuestParts) {
    this.#p = parts;
    this.access = parts.access;
    this.vcpu = parts.vcpu;
    this.memory = parts.memory;
    this.domain = parts.domain;
    this.counters = parts.counters;
    this.real = parts.paging === 'shadow' ? new RealMode(parts.access) : undefined;
  }

  /** After an exit: copies the guest's context. */
  loadContext(): void {
    const { access, vcpu } = this;
    this.#segments.clear();
    this.#rip = this.#read(F.F_GUEST_RIP);
    this.#rsp = this.#read(F.F_GUEST_RSP);
    const flags = access.vmread(F.F_GUEST_RFLAGS);
    this.#flags = this.real?.seenFlags(flags) ?? flags;
    this.interruptibility = access.vmread(F.F_GUEST_INTERRUPTIBILITY);
    vcpu.cpl = this.real?.active ? 0 : (access.vmread(F.F_GUEST_RIGHTS + 2 * SS) >>> 5) & 3;
    vcpu.interruptFlag = (this.#flags & FLAG_IF) !== 0;
    vcpu.iopl = (this.#flags & FLAG_IOPL) >>> 12;
    this.#loadControlRegisters();
    this.code64 = vcpu.longMode && (access.vmread(F.F_GUEST_RIGHTS + 2 * CS) & RIGHTS_LONG) !== 0;
  }

  /** A field of natural width. */
  #read(field: number): bigint {
    return this.isLongHost ? this.access.vmread64(field) : BigInt(this.access.vmread(field));
  }

  /** A linear address in a field, as its 48 significant bits. */
  #readLinear(field: number): number {
    return this.isLongHost ? significant(this.access.vmread64(field)) : this.access.vmread(field);
  }

  #write(field: number, value: bigint): void {
    this.access.vmwrite(field, Number(value & LOW), Number(value >> 32n));
  }

  /** Before an entry, or when the host goes idle: copies it back. */
  storeContext(): void {
    const { access, real } = this;
    real?.enter(this);
    this.#write(F.F_GUEST_RIP, this.#rip);
    this.#write(F.F_GUEST_RSP, this.#rsp);
    access.vmwrite(F.F_GUEST_RFLAGS, real?.runFlags(this.flags) ?? this.flags);
    access.vmwrite(F.F_GUEST_INTERRUPTIBILITY, this.interruptibility);
  }

  reg(n: number): number {
    return n === ESP ? Number(this.#rsp & LOW) : this.access.reg(n);
  }

  setReg(n: number, value: number): void {
    if (n === ESP) this.#rsp = BigInt(value >>> 0);
    else this.access.setReg(n, value >>> 0);
  }

  reg64(n: number): bigint {
    return n === ESP ? this.#rsp : this.access.reg64(n);
  }

  setReg64(n: number, value: bigint): void {
    if (n === ESP) this.#rsp = value;
    else this.access.setReg64(n, value);
  }

  get eip(): number {
    return Number(this.#rip & LOW);
  }

  set eip(value: number) {
    this.#rip = BigInt(value >>> 0);
  }

  get rip(): bigint {
    return this.#rip;
  }

  set rip(value: bigint) {
    this.#rip = BigInt.asUintN(64, value);
  }

  /** The instruction at RIP is done. */
  advance(length: number): void {
    if (this.code64) this.rip += BigInt(length);
    else this.eip += length;
  }

  /** The emulated CLI and STI change the virtual interrupt flag alone. */
  get flags(): number {
    return ((this.#flags & ~FLAG_IF) | (this.vcpu.interruptFlag ? FLAG_IF : 0)) >>> 0;
  }

  set flags(value: number) {
    this.#flags = value >>> 0;
    this.vcpu.interruptFlag = (value & FLAG_IF) !== 0;
    this.vcpu.iopl = (value & FLAG_IOPL) >>> 12;
  }

  segment(n: number): VirtualSegment {
    let segment = this.#segments.get(n);
    if (!segment) {
      segment = this.#readSegment(n);
      this.#segments.set(n, segment);
    }
    return segment;
  }

  #readSegment(n: number): VirtualSegment {
    const { access } = this;
    const segment = {
      selector: access.vmread(F.F_GUEST_SELECTOR + 2 * n),
      rights: access.vmread(F.F_GUEST_RIGHTS + 2 * n),
      base: this.#readLinear(F.F_GUEST_BASE + 2 * n),
      limit: access.vmread(F.F_GUEST_LIMIT + 2 * n),
    };
    return this.real?.active && n < LDTR ? this.real.seenSegment(n, segment) : segment;
  }

  #writeSegment(n: number, { selector, rights, base, limit }: VirtualSegment): void {
    this.access.vmwrite(F.F_GUEST_SELECTOR + 2 * n, selector);
    this.access.vmwrite(F.F_GUEST_RIGHTS + 2 * n, rights);
    this.#write(F.F_GUEST_BASE + 2 * n, canonical(base));
    this.access.vmwrite(F.F_GUEST_LIMIT + 2 * n, limit);
  }

  setSegment(n: number, segment: VirtualSegment): void {
    this.#segments.set(n, segment);
    if (this.real?.active) this.real.isStale = true;
    else this.#writeSegment(n, segment);
  }

  /** The emulator works on a whole virtual CPU: all six segment registers. */
  loadSegments(): void {
    for (let n = 0; n < 6; n++) this.segment(n);
  }

  /** Bits of CR0 and CR4 that the guest changes without an exit; CR3 and PDPTEs too under EPT. */
  #loadControlRegisters(): void {
    const { access, vcpu } = this;
    const { paging } = this.#p;
    const merge = (own: number, real: number, mask: number): number => ((own & mask) | (real & ~mask)) >>> 0;
    vcpu.cr0 = merge(vcpu.cr0, access.vmread(F.F_GUEST_CR0), CR0_MASK[paging]);
    vcpu.cr4 = merge(vcpu.cr4, access.vmread(F.F_GUEST_CR4), CR4_MASK[paging]);
    if (paging !== 'ept') return;
    if (this.isLongHost) vcpu.msrs.set(MSR_EFER, [access.vmread(F.F_GUEST_EFER), 0]);
    vcpu.cr3 = access.vmread(F.F_GUEST_CR3);
    if (!(vcpu.cr4 & 0x20) || !vcpu.paging || vcpu.longMode) return;
    vcpu.pdpte = [0, 1, 2, 3].map((n) => {
      const entry = access.vmread64(F.F_GUEST_PDPTE + 2 * n);
      return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
    });
  }

  /** GDTR, IDTR, LDTR and TR, which the guest loads without an exit (but not in imitated real-address mode). */
  loadTables(): void {
    if (this.real?.active) return;
    const { access, vcpu } = this;
    const table = (base: number, limit: number): TableRegister => ({
      base: this.#readLinear(base),
      limit: access.vmread(limit),
    });
    vcpu.gdtr = table(F.F_GUEST_GDTR_BASE, F.F_GUEST_GDTR_LIMIT);
    vcpu.idtr = table(F.F_GUEST_IDTR_BASE, F.F_GUEST_IDTR_LIMIT);
    vcpu.ldtr = this.#readSegment(LDTR);
    vcpu.tr = this.#readSegment(TR);
  }

  changed(what: ControlChange): void {
    const { access, vcpu, real } = this;
    if (what === 'cr0') this.#changedMode();
    if (real?.active && ['gdtr', 'idtr', 'ldtr', 'tr'].includes(what)) {
      real.isStale = true;
      return;
    }
    switch (what) {
      case 'gdtr':
        this.#write(F.F_GUEST_GDTR_BASE, canonical(vcpu.gdtr.base));
        access.vmwrite(F.F_GUEST_GDTR_LIMIT, vcpu.gdtr.limit);
        return;
      case 'idtr':
        this.#write(F.F_GUEST_IDTR_BASE, canonical(vcpu.idtr.base));
        access.vmwrite(F.F_GUEST_IDTR_LIMIT, vcpu.idtr.limit);
        return;
      case 'ldtr':
        this.#writeSegment(LDTR, vcpu.ldtr);
        return;
      case 'tr':
        this.#writeSegment(TR, vcpu.tr);
        return;
      default:
        this.#p.changed(what);
    }
  }

  #changedMode(): void {
    const { real } = this;
    const isReal = (this.vcpu.cr0 & CR0_PE) === 0;
    if (!real || real.active === isReal) return;
    if (isReal) real.begin(this);
    else real.end(this);
  }

  invlpg(linear: number): void {
    this.#p.invlpg(linear);
  }

  readScratch(size: 1 | 2 | 4, at = 0): number {
    return this.access.load(this.scratch + at, size);
  }

  writeScratch(size: 1 | 2 | 4, value: number, at = 0): void {
    this.access.store(this.scratch + at, size, value);
  }

  executeOnBehalf(bytes: readonly number[]): void {
    const { cpu } = this.#p.machine;
    const stack = cpu.reg64(ESP);
    cpu.setReg64(ESP, this.#rsp);
    cpu.eflags = (this.flags & ARITHMETIC) | 2;
    const fault = this.access.execute(bytes);
    this.flags = ((this.flags & ~ARITHMETIC) | (cpu.eflags & ARITHMETIC)) >>> 0;
    this.#rsp = cpu.reg64(ESP);
    cpu.setReg64(ESP, stack);
    cpu.eflags = 2;
    if (fault) throw new GuestFault(fault.vector, fault.vector === 0 ? undefined : fault.error);
  }

  /** A debug exception that exited has not changed DR6. */
  setDebugStatus(conditions: number): void {
    const saved = this.access.reg64(EAX);
    this.access.execute([0x0f, 0x21, 0xf0]);
    this.access.setReg(EAX, ((this.access.reg(EAX) & ~0xf) | conditions) >>> 0);
    this.access.execute([0x0f, 0x23, 0xf0]);
    this.access.setReg64(EAX, saved);
  }

  notSupported(what: string): void {
    this.#p.notSupported(what);
  }
}
