// What goes wrong in a task switch, and in which task it is reported. Expected values: SDM Vol. 3A "Task Switching" (table
// "Exception Conditions Checked During a Task Switch"), "Interrupt 10—Invalid TSS Exception (#TS)", Vol. 2 "CALL", "JMP",
// "INT n/INTO/INT3/INT1", "IRET/IRETD/IRETQ" (TASK-GATE, TASK-STATE-SEGMENT, TASK-RETURN).
import { describe, expect, test } from 'vitest';
import { CS, LDTR, SS, TR } from '../../asm/layout.ts';
import { CODE, CODE_SELECTORS, DATA_SELECTORS, DOORWAY, LDT_SELECTOR, STACKS, TSS, TSS_SELECTOR } from './machine.ts';
import { LongMachine, FREE as LONG_FREE } from './long-machine.ts';
import {
  ARRIVAL,
  BASE_A,
  FREE_TASK,
  GATE,
  NT,
  STACK_A,
  TASK_A,
  TASK_B,
  TaskMachine,
  type TaskState,
} from './task-machine.ts';

const [TS, NP, SS_FAULT, GP, PF, DF] = [10, 11, 12, 13, 14, 8];
const CR0_TS = 8;

/** Nothing of the old task has changed. */
function expectOldTask(m: TaskMachine): void {
  expect(m.cpu.segment(TR)).toMatchObject({ selector: TSS_SELECTOR, base: TSS });
  expect(m.isBusy(TSS_SELECTOR)).toBe(true);
  expect(m.saved32(TSS).eip).toBe(0);
  expect(m.cpu.cr0 & CR0_TS).toBe(0);
}

describe('faults of the old task', () => {
  const JMP = `jmp ${TASK_A}:0`;
  const CALL = `call ${TASK_A}:0`;
  test.each([
    ['JMP to a busy TSS', JMP, { type: 11 }, GP],
    ['CALL to a busy TSS', CALL, { type: 11 }, GP],
    ['CALL to a busy 16-bit TSS', CALL, { type: 3 }, GP],
    ['a TSS that is not present', JMP, { present: false }, NP],
    ['a 32-bit TSS with a limit below 67H', CALL, { limit: 0x66 }, TS],
    ['a 16-bit TSS with a limit below 2BH', JMP, { type: 1, limit: 0x2a }, TS],
  ] as const)('%s', (_, text, descriptor, vector) => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {}, descriptor);
    const busy = m.isBusy(TASK_A);
    expect(m.deliver(text)).toMatchObject({ vector, error: TASK_A, eip: CODE, cs: CODE_SELECTORS[0] });
    expectOldTask(m);
    expect(m.isBusy(TASK_A)).toBe(busy);
  });

  test.each([
    ['a TSS whose DPL is below CPL', TASK_A | 3, GP, TASK_A],
    ['a task gate whose DPL is below CPL', GATE | 3, GP, GATE],
  ] as const)('%s', (_, selector, vector, error) => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.callGate(GATE, { type: 5, selector: TASK_A, offset: 0 });
    m.ring(3);
    expect(m.deliver(`call ${selector}:0`, { outer: true })).toMatchObject({ vector, error, eip: CODE });
  });

  test.each([
    ['is not present', { selector: TASK_A, present: false }, NP, GATE],
    ['names the LDT', { selector: TASK_A | 4 }, GP, TASK_A | 4],
    ['is null', { selector: 0 }, GP, 0],
    ['names a descriptor beyond the GDT', { selector: 0x1000 }, GP, 0x1000],
    ['names a data segment', { selector: DATA_SELECTORS[0] }, GP, DATA_SELECTORS[0]],
    ['names a busy TSS', { selector: TSS_SELECTOR }, GP, TSS_SELECTOR],
  ] as const)('a task gate that %s', (_, gate, vector, error) => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.callGate(GATE, { type: 5, offset: 0, ...gate });
    expect(m.deliver(`jmp ${GATE}:0`)).toMatchObject({ vector, error, eip: CODE });
    expectOldTask(m);
  });

  test.each([
    ['null', 0, {}, 0],
    ['in the LDT', TASK_A | 4, {}, TASK_A | 4],
    ['beyond the GDT', 0x1000, {}, 0x1000],
    ['of an available TSS', TASK_A, { type: 9 }, TASK_A],
    ['of a TSS that is too short', TASK_A, { type: 11, limit: 0x40 }, TASK_A],
  ] as const)('IRET with a link that is %s is #TS', (_, link, descriptor, error) => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {}, descriptor);
    m.memory.setUint16(TSS, link, true);
    m.ring(0, NT | 2);
    expect(m.deliver('iretd')).toMatchObject({ vector: TS, error, eip: CODE });
    expectOldTask(m);
  });

  test('IRET to a TSS that is not present is #NP', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {}, { type: 11, present: false });
    m.memory.setUint16(TSS, TASK_A, true);
    m.ring(0, NT | 2);
    expect(m.deliver('iretd')).toMatchObject({ vector: NP, error: TASK_A, eip: CODE });
  });

  test('a fault on the way to an exception handler has EXT set, and is contributory', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {}, { present: false });
    m.gate(6, { type: 5, selector: TASK_A, offset: 0 });
    expect(m.deliver('ud2')).toMatchObject({ vector: NP, error: TASK_A | 1, eip: CODE });
    const double = new TaskMachine();
    double.task32(TASK_A, BASE_A, {}, { present: false });
    double.gate(GP, { type: 5, selector: TASK_A, offset: 0 });
    expect(double.deliver('mov ax, 0x1234\nbad: mov ds, ax')).toMatchObject({ vector: DF, error: 0 });
  });

  test('an old TSS that cannot hold the state is #TS', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: 0x5e });
    expect(m.deliver(`jmp ${TASK_A}:0`)).toMatchObject({ vector: TS, error: TSS_SELECTOR, eip: CODE });
  });
});

describe('page faults', () => {
  const TABLE = 0x61000;
  function paged(absent: number, bits = 0): TaskMachine {
    const m = new TaskMachine();
    m.memory.setUint32(TABLE - 0x1000, TABLE | 7, true);
    for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
    m.memory.setUint32(TABLE + (absent >>> 12) * 4, (absent & ~0xfff) | bits, true);
    m.cpu.cr3 = TABLE - 0x1000;
    m.cpu.cr0 = 0x80010011;
    m.cpu.flushTlb();
    return m;
  }

  test.each([
    ['the new TSS', 0x44000, 0, 0x44000, 0],
    ['the second page of the new TSS', 0x45000, 0, 0x45000, 0],
    ['the old TSS', 0x3000, 0, 0x3020, 2],
    ['the old TSS, write-protected', 0x3000, 1, 0x3020, 3],
  ] as const)('on %s belong to the old task', (_, absent, bits, cr2, error) => {
    const m = paged(absent, bits);
    const base = absent === 0x45000 ? 0x44fc0 : 0x44000;
    m.task32(TASK_A, base, { cr3: TABLE - 0x1000 });
    expect(m.deliver(`call ${TASK_A}:0`)).toMatchObject({ vector: PF, error, eip: CODE });
    // the end of the limit is what is tried
    expect(m.cpu.cr2 & ~0xfff).toBe(cr2 & ~0xfff);
    expectOldTask(m);
    expect(m.isBusy(TASK_A)).toBe(false);
  });

  test('on a write-protected new TSS come with CALL, which writes the link, and not with JMP', () => {
    const call = paged(0x44000, 1);
    call.task32(TASK_A, 0x44000, { cr3: TABLE - 0x1000 });
    expect(call.deliver(`call ${TASK_A}:0`)).toMatchObject({ vector: PF, error: 3, eip: CODE });
    expect(call.cpu.cr2).toBe(0x44000);
    expectOldTask(call);
    const jmp = paged(0x44000, 1);
    jmp.task32(TASK_A, 0x44000, { cr3: TABLE - 0x1000 });
    jmp.arrive(`jmp ${TASK_A}:0`);
  });

  test('on the LDT of the new task belong to the new task', () => {
    const m = paged(0x46000);
    m.descriptor(FREE_TASK, { type: 2, base: 0x46000, limit: 0xff });
    m.task32(TASK_A, BASE_A, { cr3: TABLE - 0x1000, ldt: FREE_TASK, ds: 0x0c });
    expect(m.deliver(`jmp ${TASK_A}:0`)).toMatchObject({ vector: PF, error: 0, eip: DOORWAY + ARRIVAL });
    expect(m.cpu.cr2).toBe(0x46008);
    expect(m.cpu.segment(TR).selector).toBe(TASK_A);
  });
});

describe('faults of the new task', () => {
  const NOWHERE = 0x1000;
  const USER = { cs: CODE_SELECTORS[3], ss: DATA_SELECTORS[3] };
  /** Name, state, extra descriptor at FREE_TASK, vector, error code. */
  const CASES: [string, TaskState, object | undefined, number, number][] = [
    ['LDT selector beyond the GDT', { ldt: NOWHERE }, undefined, TS, NOWHERE],
    ['LDT selector in the LDT', { ldt: LDT_SELECTOR | 4 }, undefined, TS, LDT_SELECTOR | 4],
    ['LDT selector of a data segment', { ldt: DATA_SELECTORS[0] }, undefined, TS, DATA_SELECTORS[0]],
    ['LDT not present', { ldt: FREE_TASK }, { type: 2, present: false }, TS, FREE_TASK],
    ['null CS', { cs: 0 }, undefined, TS, 0],
    ['CS beyond the GDT', { cs: NOWHERE }, undefined, TS, NOWHERE],
    ['CS of a data segment', { cs: DATA_SELECTORS[0] }, undefined, TS, DATA_SELECTORS[0]],
    ['nonconforming CS with DPL above RPL', { cs: FREE_TASK }, { type: 0x1b, dpl: 3 }, TS, FREE_TASK],
    ['conforming CS with DPL above RPL', { cs: FREE_TASK }, { type: 0x1f, dpl: 3 }, TS, FREE_TASK],
    ['CS not present', { cs: FREE_TASK }, { type: 0x1b, present: false }, NP, FREE_TASK],
  ];
  test.each(CASES)('%s', (_, state, descriptor, vector, error) => {
    const m = new TaskMachine();
    if (descriptor) m.descriptor(FREE_TASK, descriptor as { type: number });
    m.task32(TASK_A, BASE_A, state);
    // the handler has its own task, as the stack of the new one cannot be used yet
    m.task32(TASK_B, 0x44000);
    m.gate(vector, { type: 5, selector: TASK_B, offset: 0 });
    m.arrive(`call ${TASK_A}:0\nnext: nop`);
    expect(m.saved32(TSS).eip).toBe(m.label('next'));
    expect(m.saved32(0x44000).link).toBe(TASK_A);
    expect(m.saved32(BASE_A)).toMatchObject({ eip: DOORWAY + ARRIVAL, link: TSS_SELECTOR });
    expect(m.saved32(BASE_A)).toMatchObject(state.cs === undefined ? {} : { cs: state.cs });
    expect(m.memory.getUint32(STACK_A - 4, true)).toBe(error);
    expect([TSS_SELECTOR, TASK_A, TASK_B].map((task) => m.isBusy(task))).toEqual([true, true, true]);
  });

  test.each([
    ['null SS', { ss: 0 }, undefined, TS, 0],
    ['SS beyond the GDT', { ss: NOWHERE }, undefined, TS, NOWHERE],
    ['SS of a code segment', { ss: CODE_SELECTORS[0] }, undefined, TS, CODE_SELECTORS[0]],
    ['SS that is read-only', { ss: FREE_TASK }, { type: 0x11 }, TS, FREE_TASK],
    ['SS with RPL not CPL', { ss: DATA_SELECTORS[0] | 3 }, undefined, TS, DATA_SELECTORS[0]],
    ['SS with DPL not CPL', { ss: DATA_SELECTORS[3] & ~3 }, undefined, TS, DATA_SELECTORS[3] & ~3],
    ['SS not present', { ss: FREE_TASK }, { type: 0x13, present: false }, SS_FAULT, FREE_TASK],
    ['DS beyond the GDT', { ds: NOWHERE }, undefined, TS, NOWHERE],
    ['ES of a system segment', { es: TSS_SELECTOR }, undefined, TS, TSS_SELECTOR],
    ['FS of code that is not readable', { fs: FREE_TASK }, { type: 0x19 }, TS, FREE_TASK],
    ['GS not present', { gs: FREE_TASK }, { type: 0x13, present: false }, NP, FREE_TASK],
    ['DS with RPL above its DPL', { ds: DATA_SELECTORS[0] | 3 }, undefined, TS, DATA_SELECTORS[0]],
  ] as const)('%s', (_, state, descriptor, vector, error) => {
    const m = new TaskMachine();
    if (descriptor) m.descriptor(FREE_TASK, descriptor);
    m.task32(TASK_A, BASE_A, state);
    m.task32(TASK_B, 0x44000);
    m.gate(vector, { type: 5, selector: TASK_B, offset: 0 });
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.saved32(0x44000).link).toBe(TASK_A);
    expect(m.saved32(BASE_A)).toMatchObject({ eip: DOORWAY + ARRIVAL, ...state });
    expect(m.memory.getUint32(STACK_A - 4, true)).toBe(error);
  });

  test('an inner DS in a task of ring 3 is #TS, through a gate with the stack of that task', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { ...USER, ds: DATA_SELECTORS[0] });
    m.memory.setUint32(BASE_A + 4, STACKS[1], true);
    m.memory.setUint32(BASE_A + 8, DATA_SELECTORS[0], true);
    const got = m.deliver(`jmp ${TASK_A}:0`, { outer: true });
    expect(got).toMatchObject({ vector: TS, error: DATA_SELECTORS[0], eip: DOORWAY + ARRIVAL, ...{ cs: USER.cs } });
    expect(got).toMatchObject({ esp: STACK_A, ss: USER.ss });
    expect(m.cpu.reg(4)).toBe(STACKS[1] - 24);
    expect(m.cpu.segment(CS).selector).toBe(CODE_SELECTORS[0]);
  });

  test('EIP beyond the code segment is #GP(0)', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x1b, limit: 0xffff });
    m.task32(TASK_A, BASE_A, { cs: FREE_TASK });
    expect(m.deliver(`jmp ${TASK_A}:0`)).toMatchObject({ vector: GP, error: 0, eip: DOORWAY + ARRIVAL, cs: FREE_TASK });
  });

  test('no T-flag trap comes before the fault', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { gs: NOWHERE, trap: 1 });
    expect(m.deliver(`jmp ${TASK_A}:0`)).toMatchObject({ vector: TS, error: NOWHERE });
    expect(m.cpu.dr(6) & 0x8000).toBe(0);
  });

  test('a stack without room for the error code is #SS with EXT, a double fault after a contributory exception', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x13, limit: 0xfff });
    m.task32(TASK_A, BASE_A, { ss: FREE_TASK });
    m.gate(GP, { type: 5, selector: TASK_A, offset: 0 });
    m.task32(TASK_B, 0x44000);
    m.gate(DF, { type: 5, selector: TASK_B, offset: 0 });
    m.arrive('mov ax, 0x1234\nmov ds, ax');
    expect(m.saved32(BASE_A).eip).toBe(DOORWAY + ARRIVAL);
    expect(m.saved32(0x44000).link).toBe(TASK_A);
  });

  test('an error on the way from an external interrupt carries EXT', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { gs: NOWHERE });
    m.gate(0x20, { type: 5, selector: TASK_A, offset: 0 });
    m.program('nop');
    m.ring(0, 0x202);
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: TS, error: NOWHERE | 1, eip: DOORWAY + ARRIVAL });
  });

  test('registers behind the one that faulted are unusable and keep their selectors', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { ...USER, ds: DATA_SELECTORS[3], es: NOWHERE, fs: DATA_SELECTORS[3], gs: 0 });
    m.memory.setUint32(BASE_A + 4, STACKS[1], true);
    m.memory.setUint32(BASE_A + 8, DATA_SELECTORS[0], true);
    expect(m.deliver(`jmp ${TASK_A}:0`, { outer: true })).toMatchObject({ vector: TS, error: NOWHERE });
    expect(m.cpu.segment(3)).toMatchObject({ selector: DATA_SELECTORS[3], rights: 0xc0f3 });
    expect(m.cpu.segment(4)).toMatchObject({ selector: DATA_SELECTORS[3], rights: 0x10000 });
    expect(m.cpu.segment(LDTR).selector).toBe(LDT_SELECTOR);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[0]);
  });
});

test('IA-32e mode has no task switch: JMP to a TSS and IRET with NT are #GP (SDM Vol. 3A "Task Management in 64-bit Mode")', () => {
  const m = new LongMachine();
  m.descriptor(LONG_FREE, 0x0000890000000067n, 0n);
  m.program(`jmp far [pointer]\npointer: dd 0\ndw ${LONG_FREE}`);
  expect(m.frame(m.run())).toMatchObject({ vector: GP, error: LONG_FREE });
  m.ring(0, 64, NT | 2);
  expect(m.deliver('iretq')).toMatchObject({ vector: GP, error: 0 });
});
