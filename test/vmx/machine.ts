// A CPU in VMX root operation with a complete VMCS, for the tests of VMX: host and guest in 32-bit protected mode on the
// same identity-mapped memory. VM exits arrive at doorway offset EXIT, events through the guest's own IDT at their vector.
import { failedEntryCheck, peekVmcs, vmxMode } from '../../src/cpu/vmcs.ts';
import { entryCheck } from '../../src/cpu/entry-checks/entry-checks.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import type { CpuStop } from '../../src/cpu/cpu.ts';
import {
  CODE,
  CODE_SELECTORS,
  DATA_SELECTORS,
  DOORWAY,
  GDT,
  IDT,
  STACKS,
  TestMachine,
  TSS,
  TSS_SELECTOR,
} from '../system/machine.ts';

export const VMXON_REGION = 0x200000;
export const VMCS_REGION = 0x201000;
export const OTHER_REGION = 0x202000;
export const IO_BITMAP_A = 0x203000;
export const IO_BITMAP_B = 0x204000;
export const MSR_BITMAP = 0x205000;
export const VIRTUAL_APIC = 0x206000;
export const APIC_ACCESS = 0x207000;
export const MSR_AREA = 0x208000;
/** Page directory of 4 MiB pages, identity, user and writable. */
export const DIRECTORY = 0x210000;
export const EPT = 0x220000;
const POINTER = 0x100000;
export const EXIT = 0x400;
const CR0 = 0x8001_0031;
const CR4 = 0x2010;
export const REVISION = 0x616e6901;

// Controls with exactly the reserved bits set.
export const PIN = 0x16;
export const PRIMARY = 0x0400_6172;
export const EXIT_CONTROLS = 0x0003_6dfb;
export const ENTRY_CONTROLS = 0x0000_11fb;

/** What an exit recorded. */
export interface Exit {
  readonly reason: number;
  readonly qualification: number;
  readonly rip: number;
  readonly length: number;
}

export class VmxMachine extends TestMachine {
  #launched = false;

  constructor() {
    super();
    for (let n = 0; n < 1024; n++) this.memory.setUint32(DIRECTORY + n * 4, (n * 0x400000 + 0xe7) >>> 0, true);
    this.cpu.cr3 = DIRECTORY;
    this.cpu.cr4 = CR4;
    this.cpu.cr0 = CR0;
    for (const region of [VMXON_REGION, VMCS_REGION, OTHER_REGION]) this.memory.setUint32(region, REVISION, true);
  }

  /** A CPU in root operation with a VMCS that enters the guest at CODE. */
  static ready(): VmxMachine {
    const m = new VmxMachine();
    const { ring0 } = m.cpu;
    ring0.vmxon(m.pointer(VMXON_REGION));
    ring0.vmclear(m.pointer(VMCS_REGION));
    if (ring0.vmptrld(m.pointer(VMCS_REGION)) !== 'succeed') throw new Error('no VMX operation');
    m.#controls();
    m.#host();
    m.#guest();
    return m;
  }

  /** Puts a 64-bit pointer where an instruction can find it. */
  pointer(value: number): number {
    this.memory.setBigUint64(POINTER, BigInt(value), true);
    return POINTER;
  }

  set(field: number, value: number | bigint): void {
    const wide = BigInt.asUintN(64, BigInt(value));
    this.cpu.ring0.vmwrite(field, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
  }

  /** Sets bits of a control field. */
  enable(field: number, bits: number): void {
    this.set(field, (this.field(field) | bits) >>> 0);
    if (field === F.F_SECONDARY_CONTROLS) this.enable(F.F_PRIMARY_CONTROLS, F.CPU_SECONDARY);
  }

  field(encoding: number): number {
    return Number(peekVmcs(this.cpu, encoding));
  }

  get mode(): 0 | 1 | 2 {
    return vmxMode(this.cpu);
  }

  /** Name of the VM-entry check that failed last. */
  get failed(): string | undefined {
    return entryCheck(failedEntryCheck(this.cpu))?.name;
  }

  #controls(): void {
    this.set(F.F_PIN_CONTROLS, PIN);
    this.set(F.F_PRIMARY_CONTROLS, PRIMARY);
    this.set(F.F_EXIT_CONTROLS, EXIT_CONTROLS);
    this.set(F.F_ENTRY_CONTROLS, ENTRY_CONTROLS);
    this.set(F.F_VMCS_LINK, -1n);
    this.set(F.F_IO_BITMAP_A, IO_BITMAP_A);
    this.set(F.F_IO_BITMAP_B, IO_BITMAP_B);
    this.set(F.F_MSR_BITMAP, MSR_BITMAP);
    this.set(F.F_VIRTUAL_APIC, VIRTUAL_APIC);
    this.set(F.F_APIC_ACCESS, APIC_ACCESS);
  }

  #host(): void {
    for (let n = 0; n < 6; n++) this.set(F.F_HOST_SELECTOR + 2 * n, n === 1 ? CODE_SELECTORS[0] : DATA_SELECTORS[0]);
    this.set(F.F_HOST_TR_SELECTOR, TSS_SELECTOR);
    this.set(F.F_HOST_CR0, CR0);
    this.set(F.F_HOST_CR3, DIRECTORY);
    this.set(F.F_HOST_CR4, CR4);
    this.set(F.F_HOST_GDTR_BASE, GDT);
    this.set(F.F_HOST_IDTR_BASE, IDT);
    this.set(F.F_HOST_TR_BASE, TSS);
    this.set(F.F_HOST_RSP, STACKS[0]);
    this.set(F.F_HOST_RIP, DOORWAY + EXIT);
  }

  #guest(): void {
    for (let n = 0; n < 8; n++) {
      this.set(F.F_GUEST_LIMIT + 2 * n, n === 7 ? 0x20ff : n === 6 ? 0 : 0xffffffff);
      this.set(F.F_GUEST_BASE + 2 * n, n === 7 ? TSS : 0);
    }
    this.guestRing(0);
    this.set(F.F_GUEST_SELECTOR + 14, TSS_SELECTOR);
    this.set(F.F_GUEST_RIGHTS + 14, 0x8b);
    this.set(F.F_GUEST_RIGHTS + 12, 0x10000);
    this.set(F.F_GUEST_CR0, CR0);
    this.set(F.F_GUEST_CR3, DIRECTORY);
    this.set(F.F_GUEST_CR4, CR4);
    this.set(F.F_GUEST_GDTR_BASE, GDT);
    this.set(F.F_GUEST_GDTR_LIMIT, 0x1ff);
    this.set(F.F_GUEST_IDTR_BASE, IDT);
    this.set(F.F_GUEST_IDTR_LIMIT, 0x7ff);
    this.set(F.F_GUEST_DR7, 0x400);
    this.set(F.F_GUEST_RSP, STACKS[0]);
    this.set(F.F_GUEST_RIP, CODE);
    this.set(F.F_GUEST_RFLAGS, 2);
  }

  /** Flat segments of a ring. */
  guestRing(level: 0 | 3): void {
    const dpl = level << 5;
    for (let n = 0; n < 6; n++) {
      this.set(F.F_GUEST_SELECTOR + 2 * n, n === 1 ? CODE_SELECTORS[level] : DATA_SELECTORS[level]);
      this.set(F.F_GUEST_RIGHTS + 2 * n, (n === 1 ? 0xc09b : 0xc093) | dpl);
    }
    this.set(F.F_GUEST_RSP, STACKS[level]);
  }

  /** VM entry: VMLAUNCH first, VMRESUME after. */
  enter(): 'succeed' | 'fail-invalid' | 'fail-valid' {
    const { ring0 } = this.cpu;
    const result = this.#launched ? ring0.vmresume() : ring0.vmlaunch();
    if (result === 'succeed' && this.mode === 2) this.#launched = true;
    return result;
  }

  /** Enters the guest and runs to the next stop. */
  go(instructions = 1000): CpuStop {
    const result = this.enter();
    if (result !== 'succeed')
      throw new Error(`VM entry: ${result}, error ${this.field(F.F_INSTRUCTION_ERROR)}, ${this.failed}`);
    return this.run(instructions);
  }

  /** Runs `text` as the guest until it exits or stops otherwise; undefined when it did not exit. */
  guest(text: string, instructions = 1000): Exit | undefined {
    this.program(text);
    return this.exitOf(this.go(instructions));
  }

  exitOf(stop: CpuStop): Exit | undefined {
    if (stop.reason !== 'doorway' || stop.entry !== EXIT) return undefined;
    return {
      reason: this.field(F.F_EXIT_REASON),
      qualification: this.field(F.F_QUALIFICATION),
      rip: this.field(F.F_GUEST_RIP),
      length: this.field(F.F_EXIT_LENGTH),
    };
  }
}
