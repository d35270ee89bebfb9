// The VMX instructions: faults, VMfail and error numbers. Expected values: SDM Vol. 3C "VMX Instruction Reference", "VM
// Instruction Error Numbers".
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE } from '../system/machine.ts';
import { OTHER_REGION, VMCS_REGION, VmxMachine, VMXON_REGION } from './machine.ts';

const CF = 1;
const ZF = 0x40;
const STATUS = 0x8d5;

/** Runs root-mode code that ends in `int 0x30`; status flags and, for VMfailValid, the error number. */
function root(m: VmxMachine, text: string): { flags: number; error: number; vector: number } {
  m.program(`${text}\nint 0x30`);
  m.cpu.eip = CODE;
  m.cpu.setReg(4, 0x30000);
  const got = m.delivered(m.run());
  return { flags: got.eflags & STATUS, error: m.field(F.F_INSTRUCTION_ERROR), vector: got.vector };
}

describe('VMXON', () => {
  const vmxon = (m: VmxMachine, region = VMXON_REGION) => root(m, `vmxon [${m.pointer(region)}]`);

  test('is undefined while CR4.VMXE is clear', () => {
    const m = new VmxMachine();
    m.cpu.cr4 = 0x10;
    expect(vmxon(m).vector).toBe(6);
  });

  test('enters root operation', () => {
    const m = new VmxMachine();
    expect(vmxon(m)).toMatchObject({ flags: 0, vector: 0x30 });
    expect(m.mode).toBe(1);
  });

  test('is #GP(0) with CR0.NE clear, which VMX operation requires', () => {
    const m = new VmxMachine();
    m.cpu.cr0 = 0x8001_0011;
    expect(vmxon(m).vector).toBe(13);
  });

  test('is #GP(0) outside ring 0', () => {
    const m = new VmxMachine();
    m.ring(3);
    expect(m.deliver(`vmxon [${m.pointer(VMXON_REGION)}]`, { outer: true })).toMatchObject({ vector: 13, error: 0 });
  });

  test('fails invalid for a region that is not aligned or has the wrong revision', () => {
    expect(vmxon(new VmxMachine(), VMXON_REGION + 8).flags).toBe(CF);
    expect(vmxon(new VmxMachine(), 0x300000).flags).toBe(CF);
  });

  test('in root operation is error 15', () => {
    expect(vmxon(VmxMachine.ready())).toMatchObject({ flags: ZF, error: 15 });
  });

  test('then CR4.VMXE, CR0.PG and CR0.NE are fixed', () => {
    const m = VmxMachine.ready();
    expect(root(m, 'mov eax, 0x10\nmov cr4, eax').vector).toBe(13);
    expect(root(m, 'mov eax, 0x11\nmov cr0, eax').vector).toBe(13);
  });
});

describe('VMX instructions outside VMX operation and ring 0', () => {
  const texts = [
    'vmcall',
    'vmlaunch',
    'vmresume',
    'vmxoff',
    'vmread eax, ecx',
    'vmwrite ecx, eax',
    'vmclear [0x100000]',
    'vmptrld [0x100000]',
    'vmptrst [0x100000]',
  ];

  test.each(texts)('%s is #UD outside VMX operation', (text) => {
    expect(root(new VmxMachine(), text).vector).toBe(6);
  });

  test.each(texts)('%s is #GP(0) in root operation outside ring 0', (text) => {
    const m = VmxMachine.ready();
    m.ring(3);
    expect(m.deliver(text, { outer: true })).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('VMCLEAR, VMPTRLD, VMPTRST', () => {
  test('VMCLEAR refuses a misaligned pointer (2) and the VMXON pointer (3)', () => {
    const m = VmxMachine.ready();
    expect(root(m, `vmclear [${m.pointer(VMCS_REGION + 4)}]`)).toMatchObject({ flags: ZF, error: 2 });
    expect(root(m, `vmclear [${m.pointer(VMXON_REGION)}]`)).toMatchObject({ flags: ZF, error: 3 });
  });

  test('VMPTRLD refuses a misaligned pointer (9), the VMXON pointer (10), another revision (11)', () => {
    const m = VmxMachine.ready();
    expect(root(m, `vmptrld [${m.pointer(VMCS_REGION + 4)}]`)).toMatchObject({ flags: ZF, error: 9 });
    expect(root(m, `vmptrld [${m.pointer(VMXON_REGION)}]`)).toMatchObject({ flags: ZF, error: 10 });
    expect(root(m, `vmptrld [${m.pointer(0x300000)}]`)).toMatchObject({ flags: ZF, error: 11 });
    expect(root(m, `vmptrld [${m.pointer(0x10_0000_0000)}]`)).toMatchObject({ flags: ZF, error: 9 });
  });

  test('VMCLEAR of the current VMCS leaves none: VMREAD fails invalid', () => {
    const m = VmxMachine.ready();
    expect(root(m, `vmclear [${m.pointer(VMCS_REGION)}]`).flags).toBe(0);
    expect(root(m, 'vmread eax, ecx').flags).toBe(CF);
    expect(root(m, 'vmlaunch').flags).toBe(CF);
  });

  test('VMPTRST stores the current-VMCS pointer', () => {
    const m = VmxMachine.ready();
    expect(root(m, 'vmptrst [0x100010]').flags).toBe(0);
    expect(m.memory.getBigUint64(0x100010, true)).toBe(BigInt(VMCS_REGION));
  });

  test('each VMCS keeps its own fields', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_RIP, 0x1111);
    expect(m.cpu.ring0.vmclear(m.pointer(OTHER_REGION))).toBe('succeed');
    expect(m.cpu.ring0.vmptrld(m.pointer(OTHER_REGION))).toBe('succeed');
    m.set(F.F_GUEST_RIP, 0x2222);
    m.cpu.ring0.vmptrld(m.pointer(VMCS_REGION));
    expect(m.cpu.ring0.vmread(F.F_GUEST_RIP)).toBe(0x1111);
  });
});

describe('VMREAD and VMWRITE', () => {
  const write = (m: VmxMachine, field: number, value: number) =>
    root(m, `mov ecx, ${field}\nmov eax, ${value}\nvmwrite ecx, eax`);
  const read = (m: VmxMachine, field: number) => {
    const result = root(m, `mov ecx, ${field}\nvmread eax, ecx`);
    return { ...result, value: m.cpu.reg(0) };
  };

  test('a field that does not exist is error 12, writing exit information error 13', () => {
    const m = VmxMachine.ready();
    expect(read(m, 0x2016)).toMatchObject({ flags: ZF, error: 12 });
    expect(read(m, 0x6801)).toMatchObject({ flags: ZF, error: 12 });
    expect(read(m, 0x1_0000)).toMatchObject({ flags: ZF, error: 12 });
    expect(write(m, F.F_EXIT_REASON, 1)).toMatchObject({ flags: ZF, error: 13 });
  });

  test('a 16-bit field keeps 16 bits', () => {
    const m = VmxMachine.ready();
    write(m, F.F_GUEST_SELECTOR, 0x1234_5678);
    expect(read(m, F.F_GUEST_SELECTOR).value).toBe(0x5678);
  });

  test('a 64-bit field is written in halves: the full encoding clears the high one', () => {
    const m = VmxMachine.ready();
    write(m, F.F_TSC_OFFSET, 0x1111_1111);
    write(m, F.F_TSC_OFFSET + 1, 0x2222_2222);
    expect(m.cpu.ring0.vmread64(F.F_TSC_OFFSET)).toBe(0x2222_2222_1111_1111n);
    expect(read(m, F.F_TSC_OFFSET + 1).value).toBe(0x2222_2222);
    write(m, F.F_TSC_OFFSET, 3);
    expect(m.cpu.ring0.vmread64(F.F_TSC_OFFSET)).toBe(3n);
  });

  test('every field named to software exists', () => {
    const m = VmxMachine.ready();
    for (const [name, encoding] of Object.entries(F)) {
      if (name.startsWith('F_')) expect(read(m, encoding), name).toMatchObject({ flags: 0 });
    }
  });

  test('operands in memory', () => {
    const m = VmxMachine.ready();
    root(m, `mov dword [0x100020], 0x777\nmov ecx, ${F.F_GUEST_RSP}\nvmwrite ecx, [0x100020]\nvmread [0x100024], ecx`);
    expect(m.memory.getUint32(0x100024, true)).toBe(0x777);
  });
});

describe('VMLAUNCH and VMRESUME', () => {
  test('VMRESUME of a VMCS that was not launched is error 5, VMLAUNCH of one that was error 4', () => {
    const m = VmxMachine.ready();
    expect(root(m, 'vmresume')).toMatchObject({ flags: ZF, error: 5 });
    expect(m.guest('hlt\ncpuid')?.reason ?? m.guest('cpuid')?.reason).toBeDefined();
    expect(root(m, 'vmlaunch')).toMatchObject({ flags: ZF, error: 4 });
  });

  test('are error 26 while MOV SS blocks events', () => {
    const m = VmxMachine.ready();
    expect(root(m, 'mov eax, 0x10\nmov ss, ax\nvmlaunch')).toMatchObject({ flags: ZF, error: 26 });
  });

  test('VMCALL in root operation is error 1', () => {
    expect(root(VmxMachine.ready(), 'vmcall')).toMatchObject({ flags: ZF, error: 1 });
  });

  test('a guest entered by a real VMLAUNCH exits to HOST_RIP with the host state loaded', () => {
    const m = VmxMachine.ready();
    m.program('cpuid');
    m.program('vmlaunch', 0x14000);
    m.cpu.eip = 0x14000;
    expect(m.exitOf(m.run())).toMatchObject({ reason: F.REASON_CPUID, rip: CODE, length: 2 });
    expect(m.cpu.segment(1).limit).toBe(0xffffffff);
    expect(m.cpu.idtr.limit).toBe(0xffff);
    expect(m.cpu.reg(4)).toBe(0x30000);
    expect(m.cpu.eflags).toBe(2);
  });
});

describe('VMXOFF, INVEPT, INVVPID', () => {
  test('VMXOFF leaves VMX operation', () => {
    const m = VmxMachine.ready();
    expect(root(m, 'vmxoff').flags).toBe(0);
    expect(m.mode).toBe(0);
    expect(root(m, 'vmxoff').vector).toBe(6);
  });

  test('INVEPT and INVVPID check type and descriptor (28)', () => {
    const m = VmxMachine.ready();
    const with16 = (text: string, type: number, low: number, high: number) => {
      m.memory.setBigUint64(0x100040, BigInt(low), true);
      m.memory.setBigUint64(0x100048, BigInt(high), true);
      return root(m, `mov ecx, ${type}\n${text} ecx, [0x100040]`);
    };
    expect(with16('invept', 2, 0, 0).flags).toBe(0);
    expect(with16('invept', 1, 0x22001e, 0).flags).toBe(0);
    expect(with16('invept', 1, 5, 0)).toMatchObject({ flags: ZF, error: 28 });
    expect(with16('invept', 0, 0, 0)).toMatchObject({ flags: ZF, error: 28 });
    expect(with16('invvpid', 1, 1, 0).flags).toBe(0);
    expect(with16('invvpid', 1, 0, 0)).toMatchObject({ flags: ZF, error: 28 });
    expect(with16('invvpid', 4, 1, 0)).toMatchObject({ flags: ZF, error: 28 });
  });
});

describe('capability MSRs', () => {
  test('allowed settings are what VM entry accepts, IA32_VMX_BASIC names the revision', () => {
    const m = new VmxMachine();
    const rdmsr = (msr: number) => {
      root(m, `mov ecx, ${msr}\nrdmsr`);
      return [m.cpu.reg(0), m.cpu.reg(2)];
    };
    expect(rdmsr(0x480)).toEqual([0x616e6901, 0x00d81000]);
    expect(rdmsr(0x48d)[0]).toBe(0x16);
    expect(rdmsr(0x481)[0]).toBe(0x16);
    expect(rdmsr(0x482)[0]).toBe(0x0401e172);
    expect(rdmsr(0x48e)[0]).toBe(0x04006172);
    expect(rdmsr(0x486)[0]).toBe(0x80000021);
    expect(rdmsr(0x488)[0]).toBe(0x2000);
    for (let msr = 0x480; msr <= 0x490; msr++) expect(root(m, `mov ecx, ${msr}\nrdmsr`).vector).toBe(0x30);
    expect(root(m, `mov ecx, 0x491\nrdmsr`).vector).toBe(13);
    expect(root(m, `mov ecx, 0x480\nwrmsr`).vector).toBe(13);
  });
});
