// The guest as the VMM and its instruction emulator see it: registers in the VMCS, read when they are asked for and
// written back before VM entry, so that each exit pays for the VMREADs and VMWRITEs it needs and no others.

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { Machine } from '../../../pc/machine.ts';
import type { VmmCounters } from '../../counters.ts';
import type { Domain } from '../../domain.ts';
import type { ControlChange, GuestContext } from '../../emulate/context.ts';
import type { GuestMemory } from '../../guest-memory.ts';
import { GuestFault } from '../../host-access.ts';
import { AREA_OFFSET, regionLinear } from '../../host-memory.ts';
import type { PagingMode } from '../../technique.ts';
import { ESP, FLAG_IF, FLAG_IOPL, type TableRegister, type Vcpu, type VirtualSegment } from '../../vcpu.ts';
import { CR0_MASK, CR4_MASK } from './vmcs-setup.ts';

/** Bits of EFLAGS that arithmetic changes, and DF. */
const ARITHMETIC = 0xcd5;
const MSR_EFER = 0xc000_0080;
const LDTR = 6;
const TR = 7;

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

/** A register of the VMCS: unread, read, or changed. */
class CachedField {
  readonly #access: Ring0;
  readonly #field: number;
  #value: number | undefined;
  #dirty = false;

  constructor(access: Ring0, field: number) {
    this.#access = access;
    this.#field = field;
  }

  get(): number {
    this.#value ??= this.#access.vmread(this.#field);
    return this.#value;
  }

  set(value: number): void {
    this.#dirty ||= this.#value !== value;
    this.#value = value >>> 0;
  }

  /** Before VM entry: writes what changed and forgets the rest. */
  commit(): void {
    if (this.#dirty) this.#access.vmwrite(this.#field, this.#value!);
    this.#value = undefined;
    this.#dirty = false;
  }
}

/** The guest of one VMCS. */
export class VmcsGuest implements GuestContext {
  readonly access: Ring0;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
  readonly domain: Domain;
  readonly counters: VmmCounters;
  readonly scratch = regionLinear(AREA_OFFSET + 0xf00);
  readonly #p: VmcsGuestParts;
  readonly #rip: CachedField;
  readonly #rsp: CachedField;
  readonly #flags: CachedField;
  readonly interruptibility: CachedField;
  readonly #segments = new Map<number, VirtualSegment>();

  constructor(parts: VmcsGuestParts) {
    this.#p = parts;
    this.access = parts.access;
    this.vcpu = parts.vcpu;
    this.memory = parts.memory;
    this.domain = parts.domain;
    this.counters = parts.counters;
    this.#rip = new CachedField(parts.access, F.F_GUEST_RIP);
    this.#rsp = new CachedField(parts.access, F.F_GUEST_RSP);
    this.#flags = new CachedField(parts.access, F.F_GUEST_RFLAGS);
    this.interruptibility = new CachedField(parts.access, F.F_GUEST_INTERRUPTIBILITY);
  }

  /** Writes back what changed; the next use reads again. */
  commit(): void {
    for (const field of [this.#rip, this.#rsp, this.#flags, this.interruptibility]) field.commit();
    this.#segments.clear();
  }

  reg(n: number): number {
    return n === ESP ? this.#rsp.get() : this.access.reg(n);
  }

  setReg(n: number, value: number): void {
    if (n === ESP) this.#rsp.set(value >>> 0);
    else this.access.setReg(n, value >>> 0);
  }

  get eip(): number {
    return this.#rip.get();
  }

  set eip(value: number) {
    this.#rip.set(value);
  }

  get flags(): number {
    return this.#flags.get();
  }

  set flags(value: number) {
    this.#flags.set(value);
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
    return {
      selector: access.vmread(F.F_GUEST_SELECTOR + 2 * n),
      rights: access.vmread(F.F_GUEST_RIGHTS + 2 * n),
      base: access.vmread(F.F_GUEST_BASE + 2 * n),
      limit: access.vmread(F.F_GUEST_LIMIT + 2 * n),
    };
  }

  #writeSegment(n: number, { selector, rights, base, limit }: VirtualSegment): void {
    this.access.vmwrite(F.F_GUEST_SELECTOR + 2 * n, selector);
    this.access.vmwrite(F.F_GUEST_RIGHTS + 2 * n, rights);
    this.access.vmwrite(F.F_GUEST_BASE + 2 * n, base);
    this.access.vmwrite(F.F_GUEST_LIMIT + 2 * n, limit);
  }

  setSegment(n: number, segment: VirtualSegment): void {
    this.#segments.set(n, segment);
    this.#writeSegment(n, segment);
  }

  /** CPL, IF and IOPL for the emulator. */
  syncPrivilege(): void {
    this.vcpu.cpl = (this.access.vmread(F.F_GUEST_RIGHTS + 4) >>> 5) & 3;
    const { flags } = this;
    this.vcpu.interruptFlag = (flags & FLAG_IF) !== 0;
    this.vcpu.iopl = (flags & FLAG_IOPL) >>> 12;
  }

  /** Bits of CR0 and CR4 that the guest changes without an exit; CR3 and PDPTEs too under EPT. */
  syncControlRegisters(): void {
    const { access, vcpu } = this;
    const { paging } = this.#p;
    const merge = (own: number, real: number, mask: number): number => ((own & mask) | (real & ~mask)) >>> 0;
    vcpu.cr0 = merge(vcpu.cr0, access.vmread(F.F_GUEST_CR0), CR0_MASK[paging]);
    vcpu.cr4 = merge(vcpu.cr4, access.vmread(F.F_GUEST_CR4), CR4_MASK[paging]);
    if (paging !== 'ept') return;
    vcpu.cr3 = access.vmread(F.F_GUEST_CR3);
    if (!(vcpu.cr4 & 0x20) || !vcpu.paging) return;
    vcpu.pdpte = [0, 1, 2, 3].map((n) => {
      const entry = access.vmread64(F.F_GUEST_PDPTE + 2 * n);
      return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
    });
  }

  /** GDTR, IDTR, LDTR and TR, which the guest loads without an exit. */
  syncTables(): void {
    const { access, vcpu } = this;
    const table = (base: number, limit: number): TableRegister => ({ base: access.vmread(base), limit: access.vmread(limit) });
    vcpu.gdtr = table(F.F_GUEST_GDTR_BASE, F.F_GUEST_GDTR_LIMIT);
    vcpu.idtr = table(F.F_GUEST_IDTR_BASE, F.F_GUEST_IDTR_LIMIT);
    vcpu.ldtr = this.#readSegment(LDTR);
    vcpu.tr = this.#readSegment(TR);
  }

  changed(what: ControlChange): void {
    const { access, vcpu } = this;
    switch (what) {
      case 'gdtr':
        access.vmwrite(F.F_GUEST_GDTR_BASE, vcpu.gdtr.base);
        access.vmwrite(F.F_GUEST_GDTR_LIMIT, vcpu.gdtr.limit);
        return;
      case 'idtr':
        access.vmwrite(F.F_GUEST_IDTR_BASE, vcpu.idtr.base);
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

  /** The guest's EFER as it wrote it. */
  get efer(): number {
    return this.vcpu.msrs.get(MSR_EFER)?.[0] ?? 0;
  }

  invlpg(linear: number): void {
    this.#p.invlpg(linear);
  }

  readScratch(size: 1 | 2 | 4): number {
    return this.access.load(this.scratch, size);
  }

  writeScratch(size: 1 | 2 | 4, value: number): void {
    this.access.store(this.scratch, size, value);
  }

  executeOnBehalf(bytes: readonly number[]): void {
    const { cpu } = this.#p.machine;
    const stack = cpu.reg(ESP);
    cpu.setReg(ESP, this.reg(ESP));
    cpu.eflags = (this.flags & ARITHMETIC) | 2;
    const fault = this.access.execute(bytes);
    this.flags = ((this.flags & ~ARITHMETIC) | (cpu.eflags & ARITHMETIC)) >>> 0;
    this.setReg(ESP, cpu.reg(ESP));
    cpu.setReg(ESP, stack);
    cpu.eflags = 2;
    if (fault) throw new GuestFault(fault.vector, fault.vector === 0 ? undefined : fault.error);
  }

  notSupported(what: string): void {
    this.#p.notSupported(what);
  }
}
