// What comes first: the fault of an instruction or its VM exit; and how exits meet the delivery of events. Expected values:
// SDM Vol. 3C "Relative Priority of Faults and VM Exits", "Instructions That Cause VM Exits Conditionally", "Information for
// VM Exits That Occur During Event Delivery".
import { describe, expect, test } from 'vitest';
import { CONTROL, FIELD, TestGuest } from './guest.ts';
import { CODE, DATA, DOORWAY, FREE, TSS } from './machine.ts';

const EXCEPTION = 0;
const EXTERNAL_INTERRUPT = 1;
const TRIPLE_FAULT = 2;
const TASK_SWITCH = 9;
const CPUID = 10;
const HLT = 12;
const CR_ACCESS = 28;
const DR_ACCESS = 29;
const IO = 30;
const RDMSR = 31;

/** CPUID in ring 0 marks "no exit happened before". */
const MARK = '\ncpuid';

describe('faults that come before exits', () => {
  const user = (text: string, fields: Record<number, number> = {}) => {
    const m = new TestGuest();
    m.ring(3);
    return m.exitOf(text, { [FIELD.exceptionBitmap]: (1 << 13) | (1 << 6), ...fields });
  };

  test('#GP of a privileged instruction at CPL 3 comes before its exit', () => {
    const got = user('hlt', { [FIELD.primary]: CONTROL.hlt });
    expect(got).toMatchObject({ reason: EXCEPTION, interruption: 0x80000b0d, error: 0, rip: CODE });
    expect(user('rdmsr')).toMatchObject({ reason: EXCEPTION });
    expect(user('mov eax, cr3')).toMatchObject({ reason: EXCEPTION });
  });

  test('I/O permission comes before the exit, the exit before page faults', () => {
    const m = new TestGuest();
    m.interceptPort(0x60);
    m.ring(3);
    expect(m.exitOf('in al, 0x60', { [FIELD.exceptionBitmap]: 1 << 13 })).toMatchObject({ reason: EXCEPTION });
    const allowed = new TestGuest();
    allowed.interceptPort(0x60);
    allowed.ring(3, 0x3002);
    expect(allowed.exitOf('in al, 0x60')).toMatchObject({ reason: IO, qualification: 0x600048, length: 2 });
  });

  test('#UD of a register that does not exist comes before the exit', () => {
    expect(user('db 0x0f, 0x20, 0xc8')).toMatchObject({ reason: EXCEPTION, interruption: 0x80000306 });
  });
});

describe('exits that come before faults', () => {
  test('MOV DR exits even at CPL 3', () => {
    const m = new TestGuest();
    m.ring(3);
    const got = m.exitOf('mov eax, dr7', { [FIELD.primary]: CONTROL.movDr });
    expect(got).toMatchObject({ reason: DR_ACCESS, qualification: 0x17, rip: CODE });
  });

  test('a CR0 write that would be #GP exits if the mask asks for it', () => {
    const m = new TestGuest();
    const got = m.exitOf('mov eax, 0x80000000\nbad: mov cr0, eax', { [FIELD.cr0Mask]: 1, [FIELD.cr0Shadow]: 1 });
    expect(got).toMatchObject({ reason: CR_ACCESS, qualification: 0, rip: m.label('bad') });
  });

  test('without it, clearing a bit that VMX fixes is #GP(0)', () => {
    const m = new TestGuest();
    const text = 'mov eax, 0x80000001\nbad: mov cr0, eax';
    expect(m.exitOf(text, { [FIELD.exceptionBitmap]: 1 << 13 })).toMatchObject({
      reason: EXCEPTION,
      error: 0,
      rip: m.label('bad'),
    });
  });

  test('RDMSR of an MSR that does not exist exits outside the bitmap ranges', () => {
    const m = new TestGuest();
    expect(m.exitOf('mov ecx, 0x40000000\nrdmsr')).toMatchObject({ reason: RDMSR });
  });
});

describe('masks and shadows', () => {
  test('MOV from CR0 and SMSW read the shadow, a write keeps masked bits', () => {
    const m = new TestGuest();
    const fields = { [FIELD.cr0Mask]: 0x10000, [FIELD.cr0Shadow]: 0 };
    const got = m.exitOf(`mov eax, cr0\nmov ebx, eax\nor eax, 8\nmov cr0, eax\nsmsw ecx${MARK}`, fields);
    expect(got.reason).toBe(CPUID);
    expect(m.cpu.reg(3)).toBe(0x80000031);
    expect(m.cpu.reg(1)).toBe(0x80000039);
    expect(m.cpu.ring0.vmread(0x6800)).toBe(0x80010039);
  });
});

describe('exceptions and interrupts', () => {
  test('INT n does not exit and is delivered in the guest', () => {
    const m = new TestGuest();
    m.program('handler: cpuid', 0x14000);
    m.gate(0x30, { type: 14, selector: 8, offset: 0x14000 });
    expect(m.exitOf('int 0x30', { [FIELD.exceptionBitmap]: 0xffffffff })).toMatchObject({
      reason: CPUID,
      rip: 0x14000,
    });
  });

  test('INT3 exits by the bitmap with its length', () => {
    const m = new TestGuest();
    expect(m.exitOf('nop\nhere: int3', { [FIELD.exceptionBitmap]: 1 << 3 })).toMatchObject({
      reason: EXCEPTION,
      interruption: 0x80000603,
      length: 1,
      rip: CODE + 1,
    });
  });

  test('#PF exits with the linear address, and CR2 stays', () => {
    const m = new TestGuest();
    m.cpu.cr2 = 0x1234;
    const got = m.exitOf('mov eax, [0x12345678]', { [FIELD.exceptionBitmap]: 1 << 14 });
    expect(got).toMatchObject({ reason: EXCEPTION, interruption: 0x80000b0e, error: 0, qualification: 0x12345678 });
    expect(m.cpu.cr2).toBe(0x1234);
  });

  test('a fault while another exception is delivered exits with IDT-vectoring information', () => {
    const m = new TestGuest();
    m.gate(13, { type: 14, selector: FREE, offset: DOORWAY });
    m.descriptor(FREE, { type: 0x1b, present: false });
    const got = m.exitOf('mov ax, 0xff8\nbad: mov ds, ax', { [FIELD.exceptionBitmap]: 1 << 11 });
    expect(got).toMatchObject({
      reason: EXCEPTION,
      interruption: 0x80000b0b,
      error: FREE | 1,
      vectoring: 0x80000b0d,
      rip: m.label('bad'),
    });
    expect(m.cpu.ring0.vmread(FIELD.vectoringError)).toBe(0xff8);
  });

  test('a fault while INT n is delivered reports the INT and its length', () => {
    const m = new TestGuest();
    m.gate(0x30, { type: 14, selector: 8, offset: DOORWAY, present: false });
    expect(m.exitOf('int 0x30', { [FIELD.exceptionBitmap]: 1 << 11 })).toMatchObject({
      reason: EXCEPTION,
      interruption: 0x80000b0b,
      error: 0x30 * 8 + 2,
      vectoring: 0x80000430,
      length: 2,
      rip: CODE,
    });
  });

  test('a triple fault is an exit, not a shutdown', () => {
    const m = new TestGuest();
    m.cpu.idtr = { base: 0x2000, limit: 0 };
    expect(m.exitOf('ud2')).toMatchObject({ reason: TRIPLE_FAULT });
  });

  test('external-interrupt exiting does not look at IF', () => {
    const m = new TestGuest();
    m.program('nop');
    m.enter({ [FIELD.pin]: 1 });
    m.cpu.setIntr(true);
    expect(m.exit()).toMatchObject({ reason: EXTERNAL_INTERRUPT, rip: CODE });
  });

  test('a task gate in the IDT is a task-switch exit, with the event that was being delivered', () => {
    const m = new TestGuest();
    m.descriptor(FREE, { type: 9, base: DATA, limit: 0x67 });
    m.gate(0x30, { type: 5, selector: FREE, offset: 0 });
    const qualification = (0xc0000000 | FREE) >>> 0;
    const vectoring = 0x80000430;
    expect(m.exitOf('int 0x30')).toMatchObject({ reason: TASK_SWITCH, qualification, vectoring, length: 2, rip: CODE });
    const fault = new TestGuest();
    fault.descriptor(FREE, { type: 9, base: DATA, limit: 0x67 });
    fault.gate(13, { type: 5, selector: FREE, offset: 0 });
    const got = fault.exitOf('mov eax, 0x1234\nbad: mov ds, ax');
    expect(got).toMatchObject({ reason: TASK_SWITCH, qualification, vectoring: 0x80000b0d, rip: fault.label('bad') });
    expect(fault.cpu.ring0.vmread(FIELD.vectoringError)).toBe(0x1234);
  });

  test('IRET with NT set is a task-switch exit to the task in the link field', () => {
    const m = new TestGuest();
    m.descriptor(FREE, { type: 11, base: DATA, limit: 0x67 });
    m.memory.setUint16(TSS, FREE, true);
    m.ring(0, 0x4002);
    expect(m.exitOf('iretd')).toMatchObject({ reason: TASK_SWITCH, qualification: 0x40000000 | FREE, length: 1 });
  });

  // SDM Vol. 3C "Treatment of Task Switches": checks 1 to 4
  test.each([
    ['a busy TSS', { type: 11, base: DATA, limit: 0x67 }, 13],
    ['a TSS not present', { type: 9, base: DATA, limit: 0x67, present: false }, 11],
    ['a TSS too short', { type: 9, base: DATA, limit: 0x66 }, 10],
  ] as const)('%s faults in the guest instead of causing an exit', (_, descriptor, vector) => {
    const m = new TestGuest();
    m.descriptor(FREE, descriptor);
    m.program(`jmp ${FREE}:0`);
    m.enter();
    expect(m.delivered(m.run())).toMatchObject({ vector, error: FREE, eip: CODE });
  });
});

describe('debug state', () => {
  test('#DB of a data breakpoint exits with its bits, and DR6 stays', () => {
    const m = new TestGuest();
    const text = `mov eax, ${DATA}\nmov dr0, eax\nmov eax, 0x10402\nmov dr7, eax\nmov [${DATA}], al\nnext: nop`;
    const got = m.exitOf(text, { [FIELD.exceptionBitmap]: 2 });
    expect(got).toMatchObject({ reason: EXCEPTION, interruption: 0x80000301, rip: m.label('next') });
    expect(got.qualification & 0x600f).toBe(1);
    expect(m.cpu.dr(6)).toBe(0xffff0ff0);
  });

  test('HLT in the shadow of MOV SS exits with the shadow saved', () => {
    const m = new TestGuest();
    const got = m.exitOf('mov ax, ss\nmov ss, ax\nhlt', { [FIELD.primary]: CONTROL.hlt });
    expect(got.reason).toBe(HLT);
    expect(m.cpu.ring0.vmread(FIELD.guestInterruptibility)).toBe(2);
  });
});

describe('IRET and NMIs', () => {
  test('a fault of the IRET that ended blocking by NMI says so', () => {
    const m = new TestGuest();
    m.gate(2, { type: 14, selector: 8, offset: 0x14000 });
    m.program('mov dword [esp+4], 0\nbad: iretd', 0x14000);
    m.program('nop');
    m.enter({ [FIELD.exceptionBitmap]: 1 << 13 });
    m.cpu.raiseNmi();
    expect(m.exit()).toMatchObject({ reason: EXCEPTION, interruption: 0x80001b0d });
    expect(m.cpu.ring0.vmread(FIELD.guestInterruptibility) & 8).toBe(0);
  });
});
