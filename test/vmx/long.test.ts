// VMX in IA-32e mode: a 64-bit host with 64-bit and 32-bit guests. Expected values: SDM Vol. 3C "VM Entries", "VM Exits",
// "VMX Instruction Reference"; walk lengths n·m + n + m from Bhargava et al., ASPLOS 2008.
import { describe, expect, test } from 'vitest';
import { entryCheck } from '../../src/cpu/entry-checks/entry-checks.ts';
import { failedEntryCheck, peekVmcs, vmxMode } from '../../src/cpu/vmcs.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import type { CpuStop } from '../../src/cpu/cpu.ts';
import {
  CODE,
  DOORWAY,
  GDT,
  IDT,
  KERNEL_CODE,
  KERNEL_CODE_32,
  KERNEL_DATA,
  LongMachine,
  PML4,
  STACK,
  TSS,
  TSS_LIMIT,
  TSS_SELECTOR,
} from '../system/long-machine.ts';
import { ENTRY_CONTROLS, EXIT, EXIT_CONTROLS, PIN, PRIMARY, REVISION } from './machine.ts';

const VMXON_REGION = 0x200000;
const VMCS_REGION = 0x201000;
const VIRTUAL_APIC = 0x202000;
const EPT = 0x210000;
/** Page tables of 4 KiB pages for the guest, and a 32-bit page directory. */
const SMALL = 0x220000;
const DIRECTORY_32 = 0x230000;
const POINTER = 0x100000;
const CR0 = 0x8001_0033;
const CR4 = 0x2020;
const LMA_LME_NXE = 0xd00n;

class LongVmx extends LongMachine {
  constructor() {
    super();
    const { cpu, memory } = this;
    cpu.cr4 = CR4;
    for (const region of [VMXON_REGION, VMCS_REGION]) memory.setUint32(region, REVISION, true);
    cpu.ring0.vmxon(this.pointer(VMXON_REGION));
    cpu.ring0.vmclear(this.pointer(VMCS_REGION));
    if (cpu.ring0.vmptrld(this.pointer(VMCS_REGION)) !== 'succeed') throw new Error('no VMX operation');
    this.set(F.F_PIN_CONTROLS, PIN);
    this.set(F.F_PRIMARY_CONTROLS, PRIMARY);
    this.set(F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_HOST_64);
    this.set(F.F_ENTRY_CONTROLS, ENTRY_CONTROLS | F.ENTRY_IA32E);
    this.set(F.F_VMCS_LINK, -1n);
    for (let n = 0; n < 6; n++) this.set(F.F_HOST_SELECTOR + 2 * n, n === 1 ? KERNEL_CODE : KERNEL_DATA);
    this.set(F.F_HOST_TR_SELECTOR, TSS_SELECTOR);
    for (const [cr0, cr3, cr4] of [
      [F.F_HOST_CR0, F.F_HOST_CR3, F.F_HOST_CR4],
      [F.F_GUEST_CR0, F.F_GUEST_CR3, F.F_GUEST_CR4],
    ] as const) {
      this.set(cr0, CR0);
      this.set(cr3, PML4);
      this.set(cr4, CR4);
    }
    this.set(F.F_HOST_GDTR_BASE, GDT);
    this.set(F.F_HOST_IDTR_BASE, IDT);
    this.set(F.F_HOST_TR_BASE, TSS);
    this.set(F.F_HOST_RSP, STACK);
    this.set(F.F_HOST_RIP, DOORWAY + EXIT);
    this.#guest();
  }

  #guest(): void {
    for (let n = 0; n < 6; n++) {
      this.set(F.F_GUEST_SELECTOR + 2 * n, n === 1 ? KERNEL_CODE : KERNEL_DATA);
      this.set(F.F_GUEST_RIGHTS + 2 * n, n === 1 ? 0xa09b : 0xc093);
      this.set(F.F_GUEST_LIMIT + 2 * n, 0xffff_ffff);
    }
    this.set(F.F_GUEST_RIGHTS + 12, 0x1_0000);
    this.set(F.F_GUEST_SELECTOR + 14, TSS_SELECTOR);
    this.set(F.F_GUEST_RIGHTS + 14, 0x8b);
    this.set(F.F_GUEST_BASE + 14, TSS);
    this.set(F.F_GUEST_LIMIT + 14, TSS_LIMIT);
    this.set(F.F_GUEST_GDTR_BASE, GDT);
    this.set(F.F_GUEST_GDTR_LIMIT, 0x1ff);
    this.set(F.F_GUEST_IDTR_BASE, IDT);
    this.set(F.F_GUEST_IDTR_LIMIT, 0xfff);
    this.set(F.F_GUEST_DR7, 0x400);
    this.set(F.F_GUEST_RSP, STACK);
    this.set(F.F_GUEST_RIP, CODE);
    this.set(F.F_GUEST_RFLAGS, 2);
  }

  pointer(value: number): number {
    this.quad(POINTER, BigInt(value));
    return POINTER;
  }

  set(field: number, value: number | bigint): void {
    const wide = BigInt.asUintN(64, BigInt(value));
    this.cpu.ring0.vmwrite(field, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
  }

  field(encoding: number): bigint {
    return peekVmcs(this.cpu, encoding);
  }

  enable(field: number, bits: number): void {
    this.set(field, (Number(this.field(field)) | bits) >>> 0);
    if (field === F.F_SECONDARY_CONTROLS) this.enable(F.F_PRIMARY_CONTROLS, F.CPU_SECONDARY);
  }

  get failed(): string | undefined {
    return entryCheck(failedEntryCheck(this.cpu))?.name;
  }

  /** Runs `text` as the guest; the basic exit reason, or undefined when it did not exit. */
  guest(text: string, mode: 32 | 64 = 64): number | undefined {
    this.program(text, mode);
    const result = this.cpu.ring0.vmlaunch();
    if (result !== 'succeed') throw new Error(`VM entry: ${result} ${this.failed}`);
    return this.exitOf(this.run());
  }

  exitOf(stop: CpuStop): number | undefined {
    return stop.reason === 'doorway' && stop.entry === EXIT ? Number(this.field(F.F_EXIT_REASON)) : undefined;
  }

  /** A 32-bit guest with 4 MiB pages. */
  guest32(): void {
    for (let n = 0; n < 1024; n++) this.memory.setUint32(DIRECTORY_32 + n * 4, (n * 0x400000 + 0xe7) >>> 0, true);
    this.set(F.F_ENTRY_CONTROLS, ENTRY_CONTROLS);
    this.set(F.F_GUEST_RIGHTS + 2, 0xc09b);
    this.set(F.F_GUEST_SELECTOR + 2, KERNEL_CODE_32);
    this.set(F.F_GUEST_CR3, DIRECTORY_32);
    this.set(F.F_GUEST_CR4, 0x2010);
  }

  /** EPT identity of the first 8 MiB in 4 KiB pages. */
  ept(): void {
    this.quad(EPT, BigInt(EPT + 0x1000) | 7n);
    this.quad(EPT + 0x1000, BigInt(EPT + 0x2000) | 7n);
    for (let n = 0; n < 4; n++) {
      const table = EPT + 0x3000 + n * 0x1000;
      this.quad(EPT + 0x2000 + n * 8, BigInt(table) | 7n);
      for (let k = 0; k < 512; k++) this.quad(table + k * 8, BigInt(n * 0x200000 + k * 0x1000) | 0x37n);
    }
    this.enable(F.F_SECONDARY_CONTROLS, F.CPU2_EPT);
    this.set(F.F_EPTP, EPT | 0x1e);
  }
}

describe('64-bit guests', () => {
  test('run 64-bit code and exit to a 64-bit host', () => {
    const m = new LongVmx();
    expect(m.guest('mov rax, 0x123456789abcdef0\nmov r15, rax\nvmcall')).toBe(F.REASON_VMCALL);
    expect(m.cpu.reg64(15)).toBe(0x1234_5678_9abc_def0n);
    expect(m.field(F.F_GUEST_RIP)).toBe(BigInt(CODE + 13));
    expect(m.cpu.msr(0xc000_0080) & LMA_LME_NXE).toBe(LMA_LME_NXE);
    expect(m.cpu.segment(1).rights).toBe(0xa09b);
    expect(vmxMode(m.cpu)).toBe(1);
  });

  test('wide values survive: RSP, SYSENTER and FS base', () => {
    const m = new LongVmx();
    const high = 0xffff_8000_0000_1000n;
    m.set(F.F_GUEST_BASE + 8, high);
    m.set(F.F_GUEST_RSP, high);
    m.guest('vmcall');
    expect(m.field(F.F_GUEST_BASE + 8)).toBe(high);
    expect(m.field(F.F_GUEST_RSP)).toBe(high);
  });

  test('RIP of the instruction information and qualification are 64 bits wide', () => {
    const m = new LongVmx();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_INVLPG);
    expect(m.guest('mov rax, 0xffff800000001234\ninvlpg [rax]')).toBe(F.REASON_INVLPG);
    expect(m.field(F.F_QUALIFICATION)).toBe(0xffff_8000_0000_1234n);
  });

  test('an exit from compatibility code keeps IA-32e mode in the entry controls', () => {
    const m = new LongVmx();
    m.set(F.F_GUEST_RIGHTS + 2, 0xc09b);
    m.set(F.F_GUEST_SELECTOR + 2, KERNEL_CODE_32);
    expect(m.guest('mov eax, 7\ncpuid', 32)).toBe(F.REASON_CPUID);
    expect(Number(m.field(F.F_ENTRY_CONTROLS)) & F.ENTRY_IA32E).toBe(F.ENTRY_IA32E);
  });

  test('events are injected through 16-byte gates', () => {
    const m = new LongVmx();
    m.set(F.F_GUEST_RFLAGS, 0x202);
    m.set(F.F_ENTRY_INTERRUPTION, 0x8000_0020);
    m.program('nop');
    m.cpu.ring0.vmlaunch();
    expect(m.frame(m.run())).toMatchObject({ vector: 0x20, rip: BigInt(CODE), cs: KERNEL_CODE, rsp: BigInt(STACK) });
  });
});

describe('32-bit guests of a 64-bit host', () => {
  test('run outside IA-32e mode, and the host is back in it after the exit', () => {
    const m = new LongVmx();
    m.guest32();
    expect(m.guest('mov eax, 0x80000031\nmov ebx, cr0\nvmcall', 32)).toBe(F.REASON_VMCALL);
    expect(m.cpu.reg(3)).toBe(CR0);
    expect(Number(m.field(F.F_ENTRY_CONTROLS)) & F.ENTRY_IA32E).toBe(0);
    expect(m.cpu.msr(0xc000_0080) & LMA_LME_NXE).toBe(LMA_LME_NXE);
  });

  test('EFER can be switched by the controls', () => {
    const m = new LongVmx();
    m.guest32();
    m.enable(F.F_ENTRY_CONTROLS, F.ENTRY_LOAD_EFER);
    m.enable(F.F_EXIT_CONTROLS, F.EXIT_LOAD_EFER | F.EXIT_SAVE_EFER);
    m.set(F.F_HOST_EFER, 0xd01n);
    m.set(F.F_GUEST_EFER, 0);
    expect(m.guest('vmcall', 32)).toBe(F.REASON_VMCALL);
    expect(m.field(F.F_GUEST_EFER)).toBe(0n);
    expect(m.cpu.msr(0xc000_0080)).toBe(0xd01n);
  });
});

describe('VM-entry checks of IA-32e mode', () => {
  const cases: readonly (readonly [string, (m: LongVmx) => void])[] = [
    ['host-address-space', (m) => m.set(F.F_EXIT_CONTROLS, EXIT_CONTROLS)],
    ['host-cr4', (m) => m.set(F.F_HOST_CR4, 0x20)],
    ['host-pae', (m) => m.set(F.F_HOST_CR4, 0x2010)],
    ['host-rip', (m) => m.set(F.F_HOST_RIP, 0x100_0000_0000_0000n)],
    ['guest-ia32e', (m) => m.set(F.F_GUEST_CR4, 0x2000)],
    ['cs-long', (m) => m.set(F.F_GUEST_RIGHTS + 2, 0xe09b)],
    ['tr-type', (m) => m.set(F.F_GUEST_RIGHTS + 14, 0x83)],
    ['guest-rip', (m) => m.set(F.F_GUEST_RIP, 0x100_0000_0000_0000n)],
  ];

  test.each(cases)('%s', (name, change) => {
    const m = new LongVmx();
    change(m);
    m.program('nop');
    m.cpu.ring0.vmlaunch();
    expect(m.failed).toBe(name);
  });

  test('a canonical RIP above 4 GiB passes in 64-bit code and not in compatibility code', () => {
    const high = 0xffff_8000_0000_0000n;
    const long = new LongVmx();
    long.set(F.F_GUEST_RIP, high);
    long.cpu.ring0.vmlaunch();
    expect(long.failed).toBeUndefined();
    const compatibility = new LongVmx();
    compatibility.set(F.F_GUEST_RIGHTS + 2, 0xc09b);
    compatibility.set(F.F_GUEST_RIP, high);
    compatibility.cpu.ring0.vmlaunch();
    expect(compatibility.failed).toBe('guest-rip');
  });
});

describe('VMX instructions in 64-bit code', () => {
  test('VMREAD and VMWRITE move 64 bits; an encoding beyond 32 bits names no field', () => {
    const m = new LongVmx();
    m.program(
      `mov ecx, ${F.F_TSC_OFFSET}\nmov rax, 0x1122334455667788\nvmwrite rcx, rax\nvmread rbx, rcx\nmov rcx, 0x100002010\nvmread rdx, rcx\nint 0x30`,
    );
    const { rflags } = m.frame(m.run());
    expect(m.cpu.reg64(3)).toBe(0x1122_3344_5566_7788n);
    expect(rflags & 0x40n).toBe(0x40n);
    expect(m.field(F.F_INSTRUCTION_ERROR)).toBe(12n);
  });

  test('are undefined in compatibility mode', () => {
    const m = new LongVmx();
    m.ring(0, 32);
    expect(m.deliver('vmread eax, ecx', 32).vector).toBe(6);
  });
});

describe('CR8', () => {
  test('exits by its controls', () => {
    const load = new LongVmx();
    load.enable(F.F_PRIMARY_CONTROLS, F.CPU_CR8_LOAD);
    expect(load.guest('mov cr8, rsi')).toBe(F.REASON_CR_ACCESS);
    expect(load.field(F.F_QUALIFICATION)).toBe(0x608n);
    const store = new LongVmx();
    store.enable(F.F_PRIMARY_CONTROLS, F.CPU_CR8_STORE);
    expect(store.guest('mov rdi, cr8')).toBe(F.REASON_CR_ACCESS);
    expect(store.field(F.F_QUALIFICATION)).toBe(0x718n);
  });

  test('with a TPR shadow is bits 7:4 of VTPR, and exits below the threshold', () => {
    const m = new LongVmx();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_TPR_SHADOW);
    m.set(F.F_VIRTUAL_APIC, VIRTUAL_APIC);
    m.memory.setUint32(VIRTUAL_APIC + 0x80, 0x90, true);
    m.set(F.F_TPR_THRESHOLD, 5);
    expect(m.guest('mov rax, cr8\nmov ecx, 7\nmov cr8, rcx\nmov ecx, 3\nmov cr8, rcx\nnop')).toBe(
      F.REASON_TPR_BELOW_THRESHOLD,
    );
    expect(m.cpu.reg64(0)).toBe(9n);
    expect(m.memory.getUint32(VIRTUAL_APIC + 0x80, true)).toBe(0x30);
  });
});

describe('references of a walk', () => {
  const references = (m: LongVmx): { ept: number; guest: number } => {
    m.program('jmp next\nnext: mov rax, [0x300000]\nvmcall');
    m.cpu.ring0.vmlaunch();
    m.run(1);
    const before = m.cpu.counters();
    m.run(1);
    const after = m.cpu.counters();
    return { ept: after.eptReferences - before.eptReferences, guest: after.walkReferences - before.walkReferences };
  };

  /** Guest tables of 4 KiB pages for linear 2 to 4 MiB. */
  const smallPages = (m: LongVmx): void => {
    for (let k = 0; k < 512; k++) m.quad(SMALL + k * 8, BigInt(0x200000 + k * 0x1000) | 7n);
    m.quad(0xa000 + 8, BigInt(SMALL) | 7n);
  };

  test('four guest levels on a four-level EPT: 4·4 + 4 + 4 = 24', () => {
    const m = new LongVmx();
    smallPages(m);
    m.ept();
    expect(references(m)).toEqual({ ept: 20, guest: 4 });
  });

  test('2 MiB guest pages: 3·4 + 3 + 4 = 19', () => {
    const m = new LongVmx();
    m.ept();
    expect(references(m)).toEqual({ ept: 16, guest: 3 });
  });

  test('without EPT: 4', () => {
    const m = new LongVmx();
    smallPages(m);
    expect(references(m)).toEqual({ ept: 0, guest: 4 });
  });
});
