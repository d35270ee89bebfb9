// Which instructions exit, under which control, with which qualification, and which never do. Expected values: SDM Vol. 3C
// "Instructions That Cause VM Exits", "Changes to Instruction Behavior in VMX Non-Root Operation", "Recording VM-Exit
// Information".
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE, DATA } from '../system/machine.ts';
import { APIC_ACCESS, IO_BITMAP_A, IO_BITMAP_B, MSR_BITMAP, VIRTUAL_APIC, VmxMachine } from './machine.ts';

const VMCALL = 18;

/** The guest runs `text` and then VMCALL: its exit says that `text` did not. */
function finishes(m: VmxMachine, text: string): void {
  const exit = m.guest(`${text}\nvmcall`);
  expect(exit?.reason, text).toBe(VMCALL);
}

describe('unconditional exits', () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ['cpuid', F.REASON_CPUID, 2],
    ['invd', F.REASON_INVD, 2],
    ['vmcall', F.REASON_VMCALL, 3],
    ['vmlaunch', F.REASON_VMLAUNCH, 3],
    ['vmresume', F.REASON_VMRESUME, 3],
    ['vmxoff', F.REASON_VMXOFF, 3],
    ['vmread eax, ecx', F.REASON_VMREAD, 3],
    ['vmwrite ecx, eax', F.REASON_VMWRITE, 3],
    ['vmptrst [eax]', F.REASON_VMPTRST, 3],
    ['vmptrld [eax]', F.REASON_VMPTRLD, 3],
    ['vmclear [eax]', F.REASON_VMCLEAR, 4],
    ['vmxon [eax]', F.REASON_VMXON, 4],
    ['invept ecx, [eax]', F.REASON_INVEPT, 5],
    ['invvpid ecx, [eax]', F.REASON_INVVPID, 5],
  ];

  test.each(cases)('%s', (text, reason, length) => {
    expect(VmxMachine.ready().guest(text)).toMatchObject({ reason, length, rip: CODE });
  });

  test('VMCALL exits in ring 3 too', () => {
    const m = VmxMachine.ready();
    m.guestRing(3);
    expect(m.guest('vmcall')).toMatchObject({ reason: VMCALL });
  });

  test('an instruction that exits is neither executed nor counted', () => {
    const m = VmxMachine.ready();
    m.program('nop\ncpuid');
    m.enter();
    const before = m.cpu.instructions;
    m.cpu.setReg(0, 0x1234);
    m.run();
    expect(m.cpu.instructions).toBe(before + 1);
    expect(m.cpu.reg(0)).toBe(0x1234);
  });
});

describe('conditional exits', () => {
  const cases: readonly (readonly [string, number, number, number])[] = [
    ['hlt', F.F_PRIMARY_CONTROLS, F.CPU_HLT, F.REASON_HLT],
    ['rdtsc', F.F_PRIMARY_CONTROLS, F.CPU_RDTSC, F.REASON_RDTSC],
    ['rdpmc', F.F_PRIMARY_CONTROLS, F.CPU_RDPMC, F.REASON_RDPMC],
    ['pause', F.F_PRIMARY_CONTROLS, F.CPU_PAUSE, F.REASON_PAUSE],
    ['monitor', F.F_PRIMARY_CONTROLS, F.CPU_MONITOR, F.REASON_MONITOR],
    ['mwait', F.F_PRIMARY_CONTROLS, F.CPU_MWAIT, F.REASON_MWAIT],
    ['invlpg [0x5000]', F.F_PRIMARY_CONTROLS, F.CPU_INVLPG, F.REASON_INVLPG],
    ['mov cr3, eax', F.F_PRIMARY_CONTROLS, F.CPU_CR3_LOAD, F.REASON_CR_ACCESS],
    ['mov ebx, cr3', F.F_PRIMARY_CONTROLS, F.CPU_CR3_STORE, F.REASON_CR_ACCESS],
    ['mov dr0, eax', F.F_PRIMARY_CONTROLS, F.CPU_MOV_DR, F.REASON_MOV_DR],
    ['mov ebx, dr6', F.F_PRIMARY_CONTROLS, F.CPU_MOV_DR, F.REASON_MOV_DR],
    ['wbinvd', F.F_SECONDARY_CONTROLS, F.CPU2_WBINVD, F.REASON_WBINVD],
    ['sgdt [0x20000]', F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE, F.REASON_GDTR_IDTR],
    ['lidt [0x20000]', F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE, F.REASON_GDTR_IDTR],
    ['sldt ax', F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE, F.REASON_LDTR_TR],
    ['ltr ax', F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE, F.REASON_LDTR_TR],
    ['in al, 0x80', F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO, F.REASON_IO],
  ];

  test.each(cases)('%s exits when its control is set', (text, field, bits, reason) => {
    const m = VmxMachine.ready();
    m.enable(field, bits);
    expect(m.guest(text)).toMatchObject({ reason, rip: CODE });
  });

  test.each([
    'rdtsc',
    'pause',
    'invlpg [0x5000]',
    'mov ebx, cr3',
    'mov cr3, ebx',
    'mov ebx, dr6',
    'wbinvd',
    'sgdt [0x20000]',
    'str ax',
    'in al, 0x80',
  ])('%s does not exit when its control is clear', (text) => finishes(VmxMachine.ready(), `mov ebx, cr3\n${text}`));
});

describe('INVPCID', () => {
  const text = 'mov ecx, 2\ninvpcid ecx, [0x20000]';

  test('is undefined without "enable INVPCID"', () => {
    const m = VmxMachine.ready();
    m.program(text);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 6 });
    expect(m.mode).toBe(2);
  });

  test('runs with it, and exits with INVLPG exiting as well', () => {
    const runs = VmxMachine.ready();
    runs.enable(F.F_SECONDARY_CONTROLS, F.CPU2_INVPCID);
    finishes(runs, text);
    const exits = VmxMachine.ready();
    exits.enable(F.F_SECONDARY_CONTROLS, F.CPU2_INVPCID);
    exits.enable(F.F_PRIMARY_CONTROLS, F.CPU_INVLPG);
    expect(exits.guest(text)).toMatchObject({ reason: F.REASON_INVPCID, rip: CODE + 5 });
    expect(exits.field(F.F_QUALIFICATION)).toBe(0x20000);
    expect(exits.field(F.F_EXIT_INFORMATION) >>> 28).toBe(1);
  });

  test('above CPL 0 the fault comes before the exit', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_INVPCID);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_INVLPG);
    m.guestRing(3);
    m.program(text);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 13 });
  });
});

describe('instructions that never exit', () => {
  const ring0 = [
    'cli',
    'sti\nnop',
    'pushfd\npopfd',
    'int 0x30',
    'lar eax, cx',
    'lsl eax, cx',
    'smsw ax',
    'clts',
    'push cs\npush 0x10100\nretf',
    'mov ax, ss',
    'verr ax',
    'lgdt [0x20000]',
    'str ax',
    'mov cr2, eax',
  ];

  test('run through', () => {
    for (const text of ring0) {
      const m = VmxMachine.ready();
      m.memory.setUint16(DATA, 0x1ff, true);
      m.memory.setUint32(DATA + 2, 0x1000, true);
      if (text === 'int 0x30') {
        // the doorway behind the guest's own gate, not HOST_RIP
        m.program(text);
        expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x30 });
        expect(m.mode).toBe(2);
      } else if (text.endsWith('retf')) {
        m.program('vmcall', 0x10100);
        expect(m.guest(text)).toMatchObject({ reason: VMCALL, rip: 0x10100 });
      } else finishes(m, text);
    }
  });

  test('SYSENTER and SYSEXIT', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_SYSENTER_CS, 0x08);
    m.set(F.F_GUEST_SYSENTER_ESP, 0x30000);
    m.set(F.F_GUEST_SYSENTER_EIP, 0x10100);
    m.program('vmcall', 0x10100);
    expect(m.guest('sysenter')).toMatchObject({ reason: VMCALL, rip: 0x10100 });
  });

  test('IRET', () => {
    const m = VmxMachine.ready();
    m.program('vmcall', 0x10100);
    expect(m.guest('pushfd\npush cs\npush 0x10100\niretd')).toMatchObject({ reason: VMCALL, rip: 0x10100 });
  });
});

describe('faults come before exits', () => {
  test('RDMSR, HLT, INVLPG, MOV CR in ring 3 are #GP(0), not an exit', () => {
    for (const text of ['rdmsr', 'hlt', 'invlpg [0]', 'mov eax, cr3', 'lgdt [0]']) {
      const m = VmxMachine.ready();
      m.guestRing(3);
      m.enable(F.F_PRIMARY_CONTROLS, F.CPU_HLT | F.CPU_INVLPG | F.CPU_CR3_STORE);
      m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE);
      m.program(text);
      expect(m.go(), text).toMatchObject({ reason: 'doorway', entry: 13 });
      expect(m.mode).toBe(2);
    }
  });

  test('a port denied by the TSS faults, an allowed one exits', () => {
    const m = VmxMachine.ready();
    m.guestRing(3);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO);
    m.program('in al, 0x80');
    expect(m.go()).toMatchObject({ entry: 13 });
  });

  test('MOV DR is the exception: it exits before its own faults', () => {
    const m = VmxMachine.ready();
    m.guestRing(3);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MOV_DR);
    expect(m.guest('mov eax, dr0')).toMatchObject({ reason: F.REASON_MOV_DR, qualification: 0x10 });
  });
});

describe('exit qualification', () => {
  const of = (text: string, prepare: (m: VmxMachine) => void): number => {
    const m = VmxMachine.ready();
    prepare(m);
    return m.guest(text)!.qualification;
  };
  const io = (m: VmxMachine): void => m.enable(F.F_PRIMARY_CONTROLS, F.CPU_UNCONDITIONAL_IO);

  test('of port accesses', () => {
    expect(of('in al, 0x71', io)).toBe(0x0071_0048);
    expect(of('mov dx, 0x3f8\nout dx, eax', io)).toBe(0x03f8_0003);
    expect(of('mov dx, 0x3f8\nin ax, dx', io)).toBe(0x03f8_0009);
    expect(of('mov ecx, 2\nmov dx, 0x1f0\nrep insw', io)).toBe(0x01f0_0039);
    expect(of('mov dx, 0x1f0\noutsb', io)).toBe(0x01f0_0010);
  });

  test('of control-register accesses', () => {
    const all = (m: VmxMachine): void => {
      m.enable(F.F_PRIMARY_CONTROLS, F.CPU_CR3_LOAD | F.CPU_CR3_STORE);
      m.set(F.F_CR0_MASK, 0xffff_ffff);
      m.set(F.F_CR0_SHADOW, 0x8001_0039);
      m.set(F.F_CR4_MASK, 0xffff_ffff);
    };
    expect(of('mov cr3, edi', all)).toBe(0x703);
    expect(of('mov ebp, cr3', all)).toBe(0x513);
    expect(of('mov cr0, eax', all)).toBe(0);
    expect(of('mov eax, 0x10\nmov cr4, eax', all)).toBe(4);
    expect(of('clts', all)).toBe(0x20);
    expect(of('mov ax, 5\nlmsw ax', all)).toBe(0x0005_0030);
  });

  test('of INVLPG is the linear address, of LGDT the displacement, of MOV DR the registers', () => {
    expect(of('mov ecx, 4\ninvlpg [ecx + 0x5000]', (m) => m.enable(F.F_PRIMARY_CONTROLS, F.CPU_INVLPG))).toBe(0x5004);
    const table = (m: VmxMachine): void => m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE);
    expect(of('lgdt [ecx + 0x5000]', table)).toBe(0x5000);
    expect(of('mov dr7, esi', (m) => m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MOV_DR))).toBe(0x607);
  });

  test('instruction information of memory operands', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_DESCRIPTOR_TABLE);
    m.guest('sidt [ebx + esi * 4 + 8]');
    // scale 4, 32-bit address, 32-bit operand, DS, index ESI, base EBX, SIDT
    expect(m.field(F.F_EXIT_INFORMATION)).toBe(
      2 | (1 << 7) | (1 << 11) | (3 << 15) | (6 << 18) | (3 << 23) | (1 << 28),
    );
    const v = VmxMachine.ready();
    v.guest('vmread eax, ecx');
    expect(v.field(F.F_EXIT_INFORMATION)).toBe((0 << 3) | 0x400 | (1 << 28));
  });
});

describe('bitmaps', () => {
  test('I/O bitmaps choose the ports; an access that covers one of them exits', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_IO_BITMAPS | F.CPU_UNCONDITIONAL_IO);
    m.memory.setUint8(IO_BITMAP_A + (0x72 >> 3), 1 << 2);
    m.memory.setUint8(IO_BITMAP_B, 2);
    finishes(m, 'in al, 0x71\nmov dx, 0x8000\nin al, dx');
    expect(m.guest('in ax, 0x71')).toMatchObject({ reason: F.REASON_VMCALL });
  });

  test('a wide access over an intercepted port and one over port 0xffff exit', () => {
    const wide = VmxMachine.ready();
    wide.enable(F.F_PRIMARY_CONTROLS, F.CPU_IO_BITMAPS);
    wide.memory.setUint8(IO_BITMAP_A + (0x72 >> 3), 1 << 2);
    expect(wide.guest('in ax, 0x71')).toMatchObject({ reason: F.REASON_IO });
    const wraps = VmxMachine.ready();
    wraps.enable(F.F_PRIMARY_CONTROLS, F.CPU_IO_BITMAPS);
    expect(wraps.guest('mov dx, 0xffff\nin ax, dx')).toMatchObject({ reason: F.REASON_IO });
  });

  test('MSR bitmap: read low, write low, read high; numbers outside both ranges exit', () => {
    const msr = (text: string, number: number, set?: [at: number, bit: number]): number => {
      const m = VmxMachine.ready();
      m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MSR_BITMAPS);
      if (set) m.memory.setUint8(MSR_BITMAP + set[0], 1 << set[1]);
      return m.guest(`mov ecx, ${number}\nxor eax, eax\nxor edx, edx\n${text}\nvmcall`)!.reason;
    };
    expect(msr('rdmsr', 0x174)).toBe(VMCALL);
    expect(msr('rdmsr', 0x174, [0x174 >> 3, 0x174 & 7])).toBe(F.REASON_RDMSR);
    expect(msr('wrmsr', 0x174, [0x174 >> 3, 0x174 & 7])).toBe(VMCALL);
    expect(msr('wrmsr', 0x174, [2048 + (0x174 >> 3), 0x174 & 7])).toBe(F.REASON_WRMSR);
    expect(msr('rdmsr', 0xc000_0080, [1024 + (0x80 >> 3), 0])).toBe(F.REASON_RDMSR);
    expect(msr('rdmsr', 0x4000_0000)).toBe(F.REASON_RDMSR);
  });

  test('without a bitmap every RDMSR exits', () => {
    expect(VmxMachine.ready().guest('mov ecx, 0x174\nrdmsr')).toMatchObject({ reason: F.REASON_RDMSR });
  });
});

describe('CR0 and CR4 masks and shadows', () => {
  const TS = 8;

  test('masked bits read as the shadow, by MOV and SMSW', () => {
    const m = VmxMachine.ready();
    m.set(F.F_CR0_MASK, 0x20 | TS);
    m.set(F.F_CR0_SHADOW, TS);
    m.guest('mov eax, cr0\nsmsw ebx\nvmcall');
    expect(m.cpu.reg(0)).toBe(0x8001_0019);
    expect(m.cpu.reg(3)).toBe(0x8001_0019);
  });

  test('a write exits only if a masked bit differs from the shadow; masked bits keep their value', () => {
    const m = VmxMachine.ready();
    m.set(F.F_CR0_MASK, 0x20);
    finishes(m, 'mov eax, 0x80010019\nmov cr0, eax');
    expect(m.field(F.F_GUEST_CR0)).toBe(0x8001_0039);
    const other = VmxMachine.ready();
    other.set(F.F_CR0_MASK, 0x20);
    expect(other.guest('mov eax, 0x80010031\nmov cr0, eax')).toMatchObject({ reason: F.REASON_CR_ACCESS });
  });

  test('CLTS: exit when the host owns TS and shows it set; no effect when it shows it clear', () => {
    const m = VmxMachine.ready();
    m.set(F.F_CR0_MASK, TS);
    m.set(F.F_CR0_SHADOW, TS);
    expect(m.guest('clts')).toMatchObject({ reason: F.REASON_CR_ACCESS });
    const kept = VmxMachine.ready();
    kept.set(F.F_CR0_MASK, TS);
    kept.set(F.F_GUEST_CR0, 0x8001_0039);
    finishes(kept, 'clts');
    expect(kept.field(F.F_GUEST_CR0)).toBe(0x8001_0039);
  });

  test('CR4.VMXE hidden behind mask and shadow', () => {
    const m = VmxMachine.ready();
    m.set(F.F_CR4_MASK, 0x2000);
    finishes(m, 'mov eax, cr4\nmov ebx, 0x90\nmov cr4, ebx');
    expect(m.cpu.reg(0)).toBe(0x10);
    expect(m.field(F.F_GUEST_CR4)).toBe(0x2090);
  });

  test('without a mask a write that breaks a fixed bit is #GP(0)', () => {
    const m = VmxMachine.ready();
    m.program('mov eax, 0x10\nmov cr4, eax');
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 13 });
  });

  test('CR3 targets do not exit', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_CR3_LOAD);
    m.set(F.F_CR3_TARGET_COUNT, 2);
    m.set(F.F_CR3_TARGET + 2, 0x210000);
    finishes(m, 'mov eax, 0x210000\nmov cr3, eax');
    expect(m.guest('mov eax, 0x211000\nmov cr3, eax')).toMatchObject({ reason: VMCALL });
  });
});

describe('exceptions', () => {
  test('exit by the exception bitmap with vector, type and error code', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 13);
    expect(m.guest('mov eax, 0x1f8\nmov ds, ax')).toMatchObject({ reason: 0, qualification: 0 });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0b0d);
    expect(m.field(F.F_EXIT_ERROR_CODE)).toBe(0x1f8);
    expect(m.field(F.F_GUEST_RFLAGS) & 0x10000).toBe(0x10000);
    expect(m.field(F.F_IDT_VECTORING)).toBe(0);
  });

  test('the others are delivered to the guest', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 13);
    m.program('ud2');
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 6 });
  });

  test('INT3 exits as a software exception with its length, INT n never exits', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 0xffff_ffff);
    expect(m.guest('int3')).toMatchObject({ reason: 0, length: 1, rip: CODE });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0603);
    const n = VmxMachine.ready();
    n.set(F.F_EXCEPTION_BITMAP, 0xffff_ffff);
    n.program('int 3');
    n.program('db 0xcd, 13');
    expect(n.go()).toMatchObject({ entry: 13 });
  });

  test('a page fault exits with its address as qualification, and CR2 is left alone', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 14);
    m.memory.setUint32(0x210000 + 4 * 4, 0, true);
    m.cpu.cr2 = 0x77;
    expect(m.guest('mov eax, [0x1000010]')).toMatchObject({ reason: 0, qualification: 0x100_0010 });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0b0e);
    expect(m.field(F.F_EXIT_ERROR_CODE)).toBe(0);
    expect(m.cpu.cr2).toBe(0x77);
  });

  test.each([
    [1, 0, 0, 'exit'],
    [1, 2, 2, 'guest'],
    [0, 2, 2, 'exit'],
    [0, 0, 0, 'guest'],
  ])(
    'page-fault error-code mask and match: bit %i, mask %i, match %i of a read fault: %s',
    (bit, mask, match, where) => {
      const m = VmxMachine.ready();
      m.set(F.F_EXCEPTION_BITMAP, bit << 14);
      m.set(F.F_PF_ERROR_MASK, mask);
      m.set(F.F_PF_ERROR_MATCH, match);
      m.memory.setUint32(0x210000 + 4 * 4, 0, true);
      m.program('mov eax, [0x1000010]');
      expect(m.go()).toMatchObject({ reason: 'doorway', entry: where === 'exit' ? 0x400 : 14 });
    },
  );

  test('a triple fault is exit reason 2', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_IDTR_LIMIT, 0);
    expect(m.guest('ud2')).toMatchObject({ reason: F.REASON_TRIPLE_FAULT });
    expect(m.field(F.F_IDT_VECTORING)).toBe(0);
  });

  test('a task switch always exits', () => {
    const m = VmxMachine.ready();
    m.descriptor(0x58, { type: 0x09, base: 0x5000, limit: 0x67 });
    m.program('nop\ninc eax\nhere: jmp 0x58:0');
    expect(m.exitOf(m.go())).toMatchObject({
      rip: m.label('here'),
      length: 7,
      reason: F.REASON_TASK_SWITCH,
      qualification: 0x8000_0058 >>> 0,
    });
  });
});

describe('RDTSCP', () => {
  test('is undefined without its control, even where the processor has it', () => {
    const m = VmxMachine.ready();
    m.program('rdtscp');
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 6 });
    const enabled = VmxMachine.ready();
    enabled.enable(F.F_SECONDARY_CONTROLS, F.CPU2_RDTSCP);
    finishes(enabled, 'rdtscp');
    enabled.enable(F.F_PRIMARY_CONTROLS, F.CPU_RDTSC);
    enabled.set(F.F_GUEST_RIP, CODE);
    expect(enabled.guest('rdtscp')).toMatchObject({ reason: F.REASON_RDTSCP });
  });
});

describe('TSC offsetting', () => {
  test('RDTSC adds the offset in the guest only', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_TSC_OFFSETTING);
    m.set(F.F_TSC_OFFSET, 0x5_0000_0000n);
    m.guest('rdtsc\nvmcall');
    expect(m.cpu.reg(2)).toBe(5);
  });
});

describe('virtualized APIC accesses', () => {
  const ready = (): VmxMachine => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_TPR_SHADOW);
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_APIC_ACCESSES);
    return m;
  };

  test('the TPR is read from and written to the virtual-APIC page without an exit', () => {
    const m = ready();
    m.memory.setUint32(VIRTUAL_APIC + 0x80, 0x20, true);
    finishes(m, `mov eax, [${APIC_ACCESS + 0x80}]\nmov dword [${APIC_ACCESS + 0x80}], 0x53`);
    expect(m.cpu.reg(0)).toBe(0x20);
    expect(m.memory.getUint32(VIRTUAL_APIC + 0x80, true)).toBe(0x53);
    expect(m.memory.getUint32(APIC_ACCESS + 0x80, true)).toBe(0);
  });

  test('other registers exit with offset and direction', () => {
    expect(ready().guest(`mov eax, [${APIC_ACCESS + 0x20}]`)).toMatchObject({
      reason: F.REASON_APIC_ACCESS,
      qualification: 0x20,
      rip: CODE,
    });
    expect(ready().guest(`mov [${APIC_ACCESS + 0xb0}], eax`)).toMatchObject({
      reason: F.REASON_APIC_ACCESS,
      qualification: 0x10b0,
    });
  });

  test('a TPR below the threshold exits after the instruction', () => {
    const m = ready();
    m.memory.setUint32(VIRTUAL_APIC + 0x80, 0x50, true);
    m.set(F.F_TPR_THRESHOLD, 3);
    m.program(`mov dword [${APIC_ACCESS + 0x80}], 0x40\nmov dword [${APIC_ACCESS + 0x80}], 0x20\nafter: nop`);
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_TPR_BELOW_THRESHOLD, rip: m.label('after') });
  });
});
