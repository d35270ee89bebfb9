// Guests in real-address mode ("unrestricted guest") and in virtual-8086 mode: VM entry, exits, events. Expected values: SDM
// Vol. 3C "Unrestricted Guests", "Checks on Guest Segment Registers", "Event Injection", "Information for VM Exits Due to
// Vectored Events", "Information for VM Exits Due to Instruction Execution".
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE, DATA, DOORWAY, TSS, TSS_STACKS } from '../system/machine.ts';
import { EPT, type Exit, VmxMachine } from './machine.ts';

const ALL = 7;
const WRITE_BACK = 6 << 3;
const CS = 2;
const SS = 4;
const DS = 6;
const VM = 0x2_0000;
const IF = 0x200;
const STACK_SEGMENT = 0x3000;
const VALID = 0x8000_0000;

/** Segments of 64 KBytes: code at CODE, stack at 0x30000, data at DATA. */
function paragraphs(m: VmxMachine, rights: number): void {
  const selectors = [DATA >> 4, CODE >> 4, STACK_SEGMENT, DATA >> 4, 0, 0];
  for (const [n, selector] of selectors.entries()) {
    m.set(F.F_GUEST_SELECTOR + 2 * n, selector);
    m.set(F.F_GUEST_BASE + 2 * n, selector << 4);
    m.set(F.F_GUEST_LIMIT + 2 * n, 0xffff);
    m.set(F.F_GUEST_RIGHTS + 2 * n, rights);
  }
  m.set(F.F_GUEST_RIP, 0);
  m.set(F.F_GUEST_RSP, 0x1000);
  // vectors lead to the doorway
  for (let vector = 0; vector < 256; vector++) m.memory.setUint32(4 * vector, (DOORWAY << 12) | vector, true);
}

function real(): VmxMachine {
  const m = VmxMachine.ready();
  const put = (at: number, value: number): void => m.memory.setBigUint64(at, BigInt(value), true);
  put(EPT, (EPT + 0x1000) | ALL);
  put(EPT + 0x1000, (EPT + 0x2000) | ALL);
  for (let n = 0; n < 2; n++) put(EPT + 0x2000 + n * 8, (EPT + 0x3000 + n * 0x1000) | ALL);
  for (let n = 0; n < 1024; n++) put(EPT + 0x3000 + n * 8, (n * 0x1000) | ALL | WRITE_BACK);
  m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_EPT | F.CPU2_UNRESTRICTED_GUEST);
  m.set(F.F_EPTP, EPT | 0x1e);
  m.set(F.F_GUEST_CR0, 0x30);
  m.set(F.F_GUEST_CR4, 0x2000);
  m.set(F.F_GUEST_IDTR_BASE, 0);
  m.set(F.F_GUEST_IDTR_LIMIT, 0x3ff);
  paragraphs(m, 0x93);
  return m;
}

function v86(ioPrivilege = 0): VmxMachine {
  const m = VmxMachine.ready();
  m.set(F.F_GUEST_RFLAGS, VM | (ioPrivilege << 12) | 2);
  paragraphs(m, 0xf3);
  return m;
}

function run(m: VmxMachine, text: string): Exit | undefined {
  m.program(text, CODE, 16);
  return m.exitOf(m.go());
}

/** The instruction pointer of a label. */
function at(m: VmxMachine, label: string): number {
  return m.label(label) - CODE;
}

function words(m: VmxMachine, count: number): number[] {
  const top = m.cpu.reg(4) & 0xffff;
  return Array.from({ length: count }, (_, n) => m.memory.getUint16((STACK_SEGMENT << 4) + top + 2 * n, true));
}

function inject(m: VmxMachine, info: number, length = 0): void {
  m.set(F.F_ENTRY_INTERRUPTION, (VALID | info) >>> 0);
  m.set(F.F_ENTRY_LENGTH, length);
  m.program('nop', CODE, 16);
}

describe('a guest in real-address mode', () => {
  test('runs, and its exits save the segments as real mode loaded them', () => {
    const m = real();
    m.memory.setUint16(0x4_0010, 0xbeef, true);
    expect(run(m, 'mov ax, 0x4000\nmov ds, ax\nmov bx, [0x10]\nhere: cpuid')).toMatchObject({
      reason: F.REASON_CPUID,
      rip: at(m, 'here'),
      length: 2,
    });
    expect(m.cpu.reg(3)).toBe(0xbeef);
    expect(m.field(F.F_GUEST_SELECTOR + DS)).toBe(0x4000);
    expect(m.field(F.F_GUEST_BASE + DS)).toBe(0x4_0000);
    expect(m.field(F.F_GUEST_RIGHTS + DS)).toBe(0x93);
    expect(m.field(F.F_GUEST_CR0)).toBe(0x30);
    expect(m.cpu.cr0 & 1).toBe(1);
  });

  test('goes on where it was', () => {
    const m = real();
    run(m, 'mov cx, 1\nvmcall\nnext: mov cx, 2\nvmcall');
    expect(m.cpu.reg(1)).toBe(1);
    m.set(F.F_GUEST_RIP, at(m, 'next'));
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_VMCALL });
    expect(m.cpu.reg(1)).toBe(2);
  });

  test('keeps segments larger than 64 KBytes', () => {
    const m = real();
    m.set(F.F_GUEST_LIMIT + DS, 0xffff_ffff);
    m.set(F.F_GUEST_RIGHTS + DS, 0x8093);
    m.memory.setUint32(0x31_0000, 0x1234_5678, true);
    m.set(F.F_GUEST_BASE + DS, 0);
    m.set(F.F_GUEST_SELECTOR + DS, 0);
    expect(run(m, 'mov esi, 0x310000\nmov eax, [esi]\nvmcall')).toMatchObject({ reason: F.REASON_VMCALL });
    expect(m.cpu.reg(0)).toBe(0x1234_5678);
  });

  test('switches to protected mode and back by itself when CR0.PE is its own', () => {
    const m = real();
    m.set(F.F_GUEST_GDTR_LIMIT, 0x1ff);
    const text = `
      mov eax, cr0
      or al, 1
      mov cr0, eax
      mov bx, 0x10
      mov es, bx
      mov edi, 0x300000
      mov dword [es:edi], 0x600d
      and al, 0xfe
      mov cr0, eax
      mov bx, 0x2000
      mov es, bx
      int 0x21`;
    m.program(text, CODE, 16);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x21 });
    expect(m.memory.getUint32(0x30_0000, true)).toBe(0x600d);
    expect(m.cpu.segment(0)).toMatchObject({ base: 0x2_0000, limit: 0xffff_ffff });
  });

  test('takes injected interrupts through its vector table', () => {
    const m = real();
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(words(m, 3)).toEqual([0, CODE >> 4, IF | 2]);
    expect(m.cpu.eflags & IF).toBe(0);
  });

  test('takes injected exceptions without error codes, software interrupts behind the instruction', () => {
    const gp = real();
    inject(gp, 0x30d);
    expect(gp.go()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(words(gp, 3)).toEqual([0, CODE >> 4, 2]);
    const int = real();
    inject(int, 0x421, 2);
    expect(int.go()).toMatchObject({ reason: 'doorway', entry: 0x21 });
    expect(words(int, 3)).toEqual([2, CODE >> 4, 2]);
  });

  test('an injected error code fails the entry', () => {
    const m = real();
    inject(m, 0xb0d);
    expect(m.enter()).toBe('fail-valid');
    expect(m.failed).toBe('event-deliver-error');
  });

  test('exits because of exceptions have no error code', () => {
    const m = real();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 13);
    expect(run(m, 'here: mov ax, [0xffff]')).toMatchObject({ reason: F.REASON_EXCEPTION_NMI, rip: at(m, 'here') });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(VALID + 0x30d);
  });

  test('an exit in the delivery of INT n names the interrupt and its length', () => {
    const m = real();
    m.memory.setBigUint64(EPT + 0x3000 + (STACK_SEGMENT >> 8) * 8, 0n, true);
    expect(run(m, 'here: int 0x40')).toMatchObject({ reason: F.REASON_EPT_VIOLATION, rip: at(m, 'here'), length: 2 });
    expect(m.field(F.F_IDT_VECTORING)).toBe(VALID + 0x440);
  });

  test('an exception interrupted in its delivery is reported without an error code', () => {
    const m = real();
    m.memory.setBigUint64(EPT + 0x3000 + (STACK_SEGMENT >> 8) * 8, 0n, true);
    expect(run(m, 'mov ax, [0xffff]')).toMatchObject({ reason: F.REASON_EPT_VIOLATION });
    expect(m.field(F.F_IDT_VECTORING)).toBe(VALID + 0x30d);
  });

  test('string I/O and descriptor tables report 16-bit addressing', () => {
    const m = real();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO);
    expect(run(m, 'mov dx, 0x80\nmov si, 0x12\ndb 0x26, 0x6e')).toMatchObject({ reason: F.REASON_IO });
    // address size 16, segment ES
    expect(m.field(F.F_EXIT_INFORMATION) & 0x3_8380).toBe(0);
    expect(m.field(F.F_GUEST_LINEAR)).toBe(DATA + 0x12);
    const table = real();
    table.enable(F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE);
    expect(run(table, 'lgdt [bx+si+0x10]')).toMatchObject({ reason: F.REASON_GDTR_IDTR, qualification: 0x10 });
    // LGDT, base BX, index SI, segment DS, operand and address size 16
    expect(table.field(F.F_EXIT_INFORMATION)).toBe((2 << 28) | (3 << 23) | (6 << 18) | (3 << 15));
  });

  test('has VMCALL but no other VMX instruction', () => {
    const m = real();
    expect(run(m, 'vmcall')).toMatchObject({ reason: F.REASON_VMCALL });
    const other = real();
    other.program('vmlaunch', CODE, 16);
    expect(other.go()).toMatchObject({ reason: 'doorway', entry: 6 });
  });

  test('a triple fault exits', () => {
    const m = real();
    m.set(F.F_GUEST_IDTR_LIMIT, 0);
    expect(run(m, 'int 0x21')).toMatchObject({ reason: F.REASON_TRIPLE_FAULT });
  });

  test('single steps: the trap comes through vector 1', () => {
    const m = real();
    m.set(F.F_GUEST_RFLAGS, 0x102);
    m.program('nop\none: nop', CODE, 16);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 1 });
    expect(words(m, 3)).toEqual([1, CODE >> 4, 0x102]);
  });

  test('blocking by MOV SS reaches the VMCS', () => {
    const m = real();
    expect(run(m, `mov ax, ${STACK_SEGMENT}\nmov ss, ax\nvmcall`)).toMatchObject({ reason: F.REASON_VMCALL });
    expect(m.field(F.F_GUEST_INTERRUPTIBILITY)).toBe(2);
    expect(m.field(F.F_GUEST_BASE + SS)).toBe(STACK_SEGMENT << 4);
  });
});

describe('a guest in virtual-8086 mode', () => {
  test('runs at CPL 3, and its exits save VM and the segments', () => {
    const m = v86();
    expect(run(m, 'mov ax, 0x4000\nmov ds, ax\nhere: cpuid')).toMatchObject({
      reason: F.REASON_CPUID,
      rip: at(m, 'here'),
    });
    expect(m.field(F.F_GUEST_RFLAGS) & VM).toBe(VM);
    expect(m.field(F.F_GUEST_BASE + DS)).toBe(0x4_0000);
    expect(m.field(F.F_GUEST_RIGHTS + DS)).toBe(0xf3);
    expect(m.field(F.F_GUEST_RIGHTS + CS)).toBe(0xf3);
  });

  test('takes injected interrupts at ring 0, with the data segments on the stack', () => {
    const m = v86();
    m.set(F.F_GUEST_RFLAGS, VM | IF | 2);
    inject(m, 0x20);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 36);
    expect(m.stack(9)).toEqual([0, CODE >> 4, VM | IF | 2, 0x1000, STACK_SEGMENT, DATA >> 4, DATA >> 4, 0, 0]);
    expect(m.cpu.cpl).toBe(0);
  });

  test('an injected INT n is subject to IOPL', () => {
    const m = v86(0);
    inject(m, 0x421, 2);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 13 });
    const allowed = v86(3);
    allowed.gate(0x21, { type: 14, selector: 8, offset: DOORWAY + 0x21, dpl: 3 });
    inject(allowed, 0x421, 2);
    expect(allowed.go()).toMatchObject({ reason: 'doorway', entry: 0x21 });
    expect(allowed.stack(2)).toEqual([2, CODE >> 4]);
  });

  test('an injected INT n is redirected to the vector table with VME', () => {
    const m = v86(0);
    m.set(F.F_GUEST_CR4, 0x2011);
    // the redirection bitmap is the 32 bytes below the I/O permission bitmap
    m.memory.setUint16(TSS + 0x66, 0x88, true);
    for (let n = 0; n < 32; n++) m.memory.setUint8(TSS + 0x68 + n, 0);
    inject(m, 0x421, 2);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x21 });
    expect(words(m, 2)).toEqual([2, CODE >> 4]);
    expect(m.cpu.eflags & VM).toBe(VM);
  });

  test('a sensitive instruction can exit as #GP with its error code', () => {
    const m = v86(0);
    m.set(F.F_EXCEPTION_BITMAP, 1 << 13);
    expect(run(m, 'nop\nhere: cli')).toMatchObject({ reason: F.REASON_EXCEPTION_NMI, rip: at(m, 'here') });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(VALID + 0xb0d);
    expect(m.field(F.F_EXIT_ERROR_CODE)).toBe(0);
  });

  test('ports: the permission bitmap of the TSS comes before the exit', () => {
    const m = v86(3);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO);
    m.program('in al, 0x60', CODE, 16);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 13 });
    const allowed = v86(3);
    allowed.enable(F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO);
    allowed.memory.setUint8(TSS + 0x68 + 12, 0);
    expect(run(allowed, 'in al, 0x60')).toMatchObject({ reason: F.REASON_IO, qualification: 0x60_0048 });
  });

  test('VMCALL exits, other VMX instructions are undefined', () => {
    expect(run(v86(), 'vmcall')).toMatchObject({ reason: F.REASON_VMCALL });
    const m = v86();
    m.program('vmxoff', CODE, 16);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 6 });
  });
});
