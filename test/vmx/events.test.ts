// Events: injection at VM entry, exits between instructions, IDT-vectoring information, host interrupts, the timer.
// Expected values: SDM Vol. 3C "Event Injection", "Other Causes of VM Exits", "Information for VM Exits That Occur During
// Event Delivery", "VMX-Preemption Timer".
import { describe, expect, test } from 'vitest';
import { INIT_PENDING, INTERRUPTIBILITY, STARTUP_PENDING, STARTUP_VALID } from '../../asm/layout.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { preemptionTimerDue } from '../../src/cpu/vmcs.ts';
import { CODE, DATA, DOORWAY, TSS_STACKS } from '../system/machine.ts';
import { EXIT, EXIT_CONTROLS, MSR_AREA, PIN, VmxMachine } from './machine.ts';

const VALID = 0x8000_0000;
const IF = 0x200;
const DIRECTORY = 0x210000;

function inject(m: VmxMachine, info: number, error = 0, length = 0): void {
  m.set(F.F_ENTRY_INTERRUPTION, (VALID | info) >>> 0);
  m.set(F.F_ENTRY_ERROR_CODE, error);
  m.set(F.F_ENTRY_LENGTH, length);
}

/** Makes linear 16-20 MiB not present. */
function unmap(m: VmxMachine): void {
  m.memory.setUint32(DIRECTORY + 4 * 4, 0, true);
}

describe('event injection', () => {
  test('an external interrupt goes through the IDT of the guest', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.delivered(m.go())).toMatchObject({ vector: 0x20, eip: CODE, eflags: IF | 2 });
  });

  test('the exit that follows clears the valid bit of the VM-entry interruption information', () => {
    const m = VmxMachine.ready();
    m.gate(0x20, { type: 14, selector: 8, offset: 0x14000 });
    m.program('vmcall', 0x14000);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.exitOf(m.go())).toMatchObject({ reason: 18, rip: 0x14000 });
    expect(m.field(F.F_ENTRY_INTERRUPTION)).toBe(0x20);
  });

  test('a hardware exception pushes its error code, and RF', () => {
    const m = VmxMachine.ready();
    inject(m, 0xb0d, 0x1234);
    expect(m.delivered(m.go())).toMatchObject({ vector: 13, error: 0x1234, eip: CODE, eflags: 0x10002 });
  });

  test('a software interrupt returns behind its instruction', () => {
    const m = VmxMachine.ready();
    inject(m, 0x440, 0, 2);
    expect(m.delivered(m.go())).toMatchObject({ vector: 0x40, eip: CODE + 2 });
  });

  test('to a ring-3 guest switches to the stack of its TSS', () => {
    const m = VmxMachine.ready();
    m.guestRing(3);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.delivered(m.go(), { outer: true })).toMatchObject({ vector: 0x20, cs: 0x3b, esp: 0x33000, ss: 0x43 });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 20);
  });

  test('an NMI blocks further NMIs', () => {
    const m = VmxMachine.ready();
    inject(m, 0x202);
    expect(m.go()).toMatchObject({ entry: 2 });
    expect(m.cpu.view.getUint32(INTERRUPTIBILITY, true) & 8).toBe(8);
  });

  test('wakes a guest in HLT', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_ACTIVITY, 1);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x20 });
  });
});

describe('IDT-vectoring information', () => {
  test('names the injected event when its delivery exits', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 14);
    m.set(F.F_GUEST_RSP, 0x1000100);
    unmap(m);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    inject(m, 0x20);
    expect(m.exitOf(m.go())).toMatchObject({ reason: 0, qualification: 0x10000fc, rip: CODE });
    expect(m.field(F.F_IDT_VECTORING)).toBe(0x8000_0020);
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0b0e);
  });

  test('names INT n with the length of the instruction', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 14);
    m.set(F.F_GUEST_RSP, 0x1000100);
    unmap(m);
    expect(m.guest('int 0x55')).toMatchObject({ reason: 0, length: 2, rip: CODE });
    expect(m.field(F.F_IDT_VECTORING)).toBe(0x8000_0455);
  });

  test('names an exception with its error code', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 14);
    m.set(F.F_GUEST_RSP, 0x1000100);
    unmap(m);
    m.guest('mov eax, 0x1f8\nmov ds, ax');
    expect(m.field(F.F_IDT_VECTORING)).toBe(0x8000_0b0d);
    expect(m.field(F.F_IDT_VECTORING_ERROR)).toBe(0x1f8);
  });

  test('is clear for a double fault that exits directly', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXCEPTION_BITMAP, 1 << 8);
    m.set(F.F_GUEST_RSP, 0x1000100);
    unmap(m);
    expect(m.guest('mov eax, 0x1f8\nmov ds, ax')).toMatchObject({ reason: 0 });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0b08);
    expect(m.field(F.F_IDT_VECTORING)).toBe(0);
  });
});

describe('host interrupts', () => {
  test('exit whatever IF is, acknowledged if the control says so', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PIN_CONTROLS, F.PIN_EXTERNAL_INTERRUPT);
    m.enable(F.F_EXIT_CONTROLS, F.EXIT_ACKNOWLEDGE_INTERRUPT);
    m.interruptVector = 0xf0;
    m.cpu.setIntr(true);
    expect(m.guest('nop')).toMatchObject({ reason: F.REASON_EXTERNAL_INTERRUPT, rip: CODE });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_00f0);
  });

  test('stay pending for the host without acknowledgement', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PIN_CONTROLS, F.PIN_EXTERNAL_INTERRUPT);
    m.cpu.setIntr(true);
    expect(m.guest('nop')).toMatchObject({ reason: F.REASON_EXTERNAL_INTERRUPT });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0);
    expect(m.cpu.eflags & IF).toBe(0);
  });

  test('without the control the guest takes them itself', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    m.cpu.setIntr(true);
    m.program('nop');
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x20 });
  });

  test('an NMI exits with vector 2 and type 2', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PIN_CONTROLS, F.PIN_NMI);
    m.cpu.raiseNmi();
    expect(m.guest('nop')).toMatchObject({ reason: 0 });
    expect(m.field(F.F_EXIT_INTERRUPTION)).toBe(0x8000_0202);
  });
});

describe('windows', () => {
  test('interrupt window: at the first instruction boundary with IF set and no shadow', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_INTERRUPT_WINDOW);
    m.program('nop\nsti\nshadow: nop\nopen: nop');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_INTERRUPT_WINDOW, rip: m.label('open') });
  });

  test('NMI window: when virtual NMIs are not blocked', () => {
    const m = VmxMachine.ready();
    m.set(F.F_PIN_CONTROLS, PIN | F.PIN_NMI | F.PIN_VIRTUAL_NMIS);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_NMI_WINDOW);
    m.set(F.F_GUEST_INTERRUPTIBILITY, 8);
    m.program('nop\npushfd\npush cs\npush dword after\niretd\nafter: nop');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_NMI_WINDOW, rip: m.label('after') });
  });

  test('a start-up message ends wait-for-SIPI with an exit, an INIT stays pending', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_ACTIVITY, 3);
    m.cpu.processors.raiseInit(0);
    expect(m.go().reason).toBe('halt');
    m.cpu.view.setUint32(STARTUP_PENDING, STARTUP_VALID | 0x9a, true);
    m.cpu.view.setUint32(INIT_PENDING, 0, true);
    expect(m.exitOf(m.run())).toMatchObject({ reason: F.REASON_SIPI, qualification: 0x9a });
    expect(m.field(F.F_GUEST_ACTIVITY)).toBe(3);
  });

  test('INIT exits from a running guest, and waits while the host runs', () => {
    const m = VmxMachine.ready();
    m.program('jmp $');
    m.enter();
    m.cpu.processors.raiseInit(0);
    expect(m.exitOf(m.run(10))).toMatchObject({ reason: F.REASON_INIT, rip: CODE });
    m.cpu.processors.raiseInit(0);
    m.cpu.eip = CODE;
    m.run(10);
    expect(m.cpu.eip).toBe(CODE);
  });

  test('an INIT that waited for the end of VMX operation is taken right behind VMXOFF', () => {
    const m = VmxMachine.ready();
    m.program(`mov byte ptr [${DATA}], 1\n vmxoff\n mov byte ptr [${DATA}], 2\n jmp $`);
    m.cpu.processors.raiseInit(0);
    m.cpu.eip = CODE;
    m.run(2);
    expect([m.mode, m.cpu.ram[DATA], m.cpu.eip]).toEqual([0, 1, CODE + 10]);
    m.run(10);
    // CR0 after INIT: ET, and CD and NW as they were
    expect([m.cpu.ram[DATA], m.cpu.cr0]).toEqual([1, 0x10]);
  });

  test('a pending monitor trap leaves pending debug exceptions alone', () => {
    const m = VmxMachine.ready();
    m.set(F.F_GUEST_PENDING_DEBUG, 0x4000);
    inject(m, 0x700);
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_MONITOR_TRAP, rip: CODE });
    expect(m.field(F.F_GUEST_PENDING_DEBUG)).toBe(0x4000);
    expect(m.delivered(m.go())).toMatchObject({ vector: 1, eip: CODE });
  });

  test.each([
    ['shutdown', 2],
    ['wait-for-SIPI', 3],
  ])('a TPR below the threshold is not looked at in %s', (_name, activity) => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_TPR_SHADOW);
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_APIC_ACCESSES);
    m.set(F.F_TPR_THRESHOLD, 1);
    m.set(F.F_GUEST_ACTIVITY, activity);
    expect(m.go().reason).toBe('halt');
  });

  test('wait-for-SIPI is left by nothing that wakes other states', () => {
    const m = VmxMachine.ready();
    m.set(F.F_PIN_CONTROLS, PIN | F.PIN_EXTERNAL_INTERRUPT | F.PIN_NMI | F.PIN_VIRTUAL_NMIS | F.PIN_PREEMPTION_TIMER);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_NMI_WINDOW | F.CPU_INTERRUPT_WINDOW | F.CPU_MONITOR_TRAP);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    m.set(F.F_GUEST_ACTIVITY, 3);
    m.cpu.setIntr(true);
    m.cpu.raiseNmi();
    expect(m.go().reason).toBe('halt');
    expect(m.mode).toBe(2);
  });
});

describe('preemption timer', () => {
  const timed = (value: number): VmxMachine => {
    const m = VmxMachine.ready();
    m.enable(F.F_PIN_CONTROLS, F.PIN_PREEMPTION_TIMER);
    m.set(F.F_PREEMPTION_TIMER, value);
    return m;
  };

  test('ends a HLT of the guest', () => {
    const m = timed(10);
    m.program('cli\nhlt');
    expect(m.go().reason).toBe('halt');
    const due = preemptionTimerDue(m.cpu);
    expect(due).toBeGreaterThan(m.cpu.cycles);
    m.cpu.skipTo(due);
    expect(m.exitOf(m.run())).toMatchObject({ reason: F.REASON_PREEMPTION_TIMER });
    expect(m.field(F.F_GUEST_ACTIVITY)).toBe(1);
    expect(preemptionTimerDue(m.cpu)).toBe(Number.POSITIVE_INFINITY);
  });

  test('takes the CPU from a guest that loops with interrupts off', () => {
    const m = timed(10);
    m.program('cli\nloop: jmp loop');
    m.enter();
    const before = m.cpu.cycles;
    expect(m.exitOf(m.run(1_000_000))).toMatchObject({ reason: F.REASON_PREEMPTION_TIMER });
    expect(m.cpu.cycles - before).toBeGreaterThanOrEqual(320);
  });

  test('of 0 exits before the first instruction', () => {
    const m = timed(0);
    expect(m.guest('nop')).toMatchObject({ reason: F.REASON_PREEMPTION_TIMER, rip: CODE });
  });

  test('is saved on exit if the control says so', () => {
    const m = timed(1000);
    m.set(F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_SAVE_PREEMPTION_TIMER);
    m.guest('vmcall');
    expect(m.field(F.F_PREEMPTION_TIMER)).toBeLessThan(1001);
    expect(m.field(F.F_PREEMPTION_TIMER)).toBeGreaterThan(900);
  });
});

describe('state across transitions', () => {
  test('MSR areas: stored on exit, loaded on entry and exit', () => {
    const m = VmxMachine.ready();
    const entry = (at: number, msr: number, value: number): void => {
      m.memory.setUint32(at, msr, true);
      m.memory.setUint32(at + 8, value, true);
    };
    entry(MSR_AREA, 0x277, 0x0406);
    entry(MSR_AREA + 0x100, 0x277, 0);
    entry(MSR_AREA + 0x200, 0x277, 0x0606);
    m.set(F.F_ENTRY_MSR_LOAD, MSR_AREA);
    m.set(F.F_ENTRY_MSR_LOAD_COUNT, 1);
    m.set(F.F_EXIT_MSR_STORE, MSR_AREA + 0x100);
    m.set(F.F_EXIT_MSR_STORE_COUNT, 1);
    m.set(F.F_EXIT_MSR_LOAD, MSR_AREA + 0x200);
    m.set(F.F_EXIT_MSR_LOAD_COUNT, 1);
    m.guest('vmcall');
    expect(m.memory.getUint32(MSR_AREA + 0x108, true)).toBe(0x0406);
    expect(m.cpu.msr(0x277)).toBe(0x0606n);
  });

  // SDM Vol. 3C "Saving MSRs": the MSR's own value; the offset belongs to RDTSC, RDTSCP and RDMSR ("TSC Offset")
  test('the TSC is stored without the offset that the guest reads it with', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_TSC_OFFSETTING | F.CPU_MSR_BITMAPS);
    m.set(F.F_TSC_OFFSET, 0x40_0000_0000n);
    m.memory.setUint32(MSR_AREA, 0x10, true);
    m.set(F.F_EXIT_MSR_STORE, MSR_AREA);
    m.set(F.F_EXIT_MSR_STORE_COUNT, 1);
    m.guest('mov ecx, 0x10\nrdmsr\nvmcall');
    expect(m.cpu.reg(2)).toBe(0x40);
    expect(m.memory.getUint32(MSR_AREA + 12, true)).toBe(0);
    expect(m.memory.getUint32(MSR_AREA + 8, true)).toBeGreaterThan(m.cpu.reg(0));
  });

  // VM entry checks these addresses; software can change the region behind its back
  test('an MSR area beyond the physical-address width reaches no memory of the host', () => {
    const m = VmxMachine.ready();
    m.go(0);
    m.set(F.F_EXIT_MSR_LOAD_COUNT, 1);
    m.set(F.F_EXIT_MSR_LOAD, 0xfff0_0000_0000_1000n);
    m.program('vmcall');
    expect(m.run()).toMatchObject({ reason: 'vmx-abort' });
  });

  test('guest registers are saved: segments, tables, RFLAGS, RSP, DR7', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_SAVE_DEBUG);
    m.memory.setUint16(0x20000, 0x77, true);
    m.memory.setUint32(0x20002, 0x3000, true);
    m.guest('lidt [0x20000]\nmov eax, 0x21\nmov fs, ax\nmov eax, 0x402\nmov dr7, eax\npush 1\nstc\nvmcall');
    expect(m.field(F.F_GUEST_IDTR_BASE)).toBe(0x3000);
    expect(m.field(F.F_GUEST_IDTR_LIMIT)).toBe(0x77);
    expect(m.field(F.F_GUEST_SELECTOR + 8)).toBe(0x21);
    expect(m.field(F.F_GUEST_RIGHTS + 8)).toBe(0xc0b3);
    expect(m.field(F.F_GUEST_DR7)).toBe(0x402);
    expect(m.field(F.F_GUEST_RSP)).toBe(0x30000 - 4);
    expect(m.field(F.F_GUEST_RFLAGS) & 1).toBe(1);
    expect(m.cpu.dr(7)).toBe(0x400);
  });

  test('HLT in the guest keeps the CPU halted until an event exits', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PIN_CONTROLS, F.PIN_EXTERNAL_INTERRUPT);
    m.program('hlt\nafter: nop');
    expect(m.go()).toMatchObject({ reason: 'halt' });
    m.cpu.setIntr(true);
    expect(m.exitOf(m.run())).toMatchObject({ reason: F.REASON_EXTERNAL_INTERRUPT, rip: m.label('after') });
    expect(m.field(F.F_GUEST_ACTIVITY)).toBe(1);
  });

  test('entry and exit cost what the profile says', () => {
    const m = VmxMachine.ready();
    const costs = new Uint32Array(128);
    m.cpu.setCosts(costs);
    m.program('vmcall');
    m.go();
    m.set(F.F_GUEST_RIP, CODE);
    m.memory.setUint8(DOORWAY, 0);
    const start = m.cpu.cycles;
    m.go();
    expect(m.cpu.cycles).toBeGreaterThanOrEqual(start);
    expect(m.cpu.counters().vmExits[18]).toBe(2);
    expect(EXIT).toBe(0x400);
  });

  test('a VMX abort stops the machine and leaves its indicator', () => {
    const m = VmxMachine.ready();
    m.set(F.F_EXIT_MSR_LOAD, MSR_AREA);
    m.set(F.F_EXIT_MSR_LOAD_COUNT, 1);
    m.memory.setUint32(MSR_AREA, 0xdead, true);
    m.program('vmcall');
    expect(m.go()).toMatchObject({ reason: 'vmx-abort' });
    expect(m.memory.getUint32(0x201004, true)).toBe(4);
  });
});
