// Hardware task switches. Expected values: SDM Vol. 3A "Task Switching", "Task Linking" (table "Effect of a Task Switch on
// Busy Flag, NT Flag, Previous Task Link Field, and TS Flag"), "Task-Gate Descriptor", "Task-State Segment (TSS)", "16-Bit
// Task-State Segment (TSS)"; Vol. 3B "Debug Status Register (DR6)", "Debug Control Register (DR7)".
import { describe, expect, test } from 'vitest';
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { CODE, CODE_SELECTORS, DATA_SELECTORS, DOORWAY, LDT_SELECTOR, STACKS, TSS, TSS_SELECTOR } from './machine.ts';
import {
  ARRIVAL,
  BASE_A,
  BASE_B,
  FREE_TASK,
  GATE,
  NT,
  REGISTERS,
  STACK_A,
  TASK_A,
  TASK_B,
  TaskMachine,
} from './task-machine.ts';

const IF = 0x200;
const CF = 1;
const RF = 0x10000;
const TF = 0x100;
const CR0_TS = 8;
const PATTERN = 'mov eax, 1\nmov ecx, 2\nmov edx, 3\nmov ebx, 4\nmov ebp, 6\nmov esi, 7\nmov edi, 8';

describe('JMP to a TSS', () => {
  test('saves the old state in the old TSS and loads the new one', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eflags: 0x2 | CF | IF, ds: 0, es: CODE_SELECTORS[0], fs: DATA_SELECTORS[3] });
    m.ring(0, IF | CF | 2);
    m.cpu.setSegment(GS, { selector: DATA_SELECTORS[3], rights: 0xc0f3, base: 0, limit: 0xffffffff });
    m.arrive(`${PATTERN}\njmp ${TASK_A}:0x1234\nnext: nop`);
    expect(m.saved32(TSS)).toMatchObject({
      eip: m.label('next'),
      eflags: IF | CF | 2,
      registers: [1, 2, 3, 4, STACKS[0], 6, 7, 8],
      es: DATA_SELECTORS[0],
      cs: CODE_SELECTORS[0],
      ss: DATA_SELECTORS[0],
      ds: DATA_SELECTORS[0],
      fs: DATA_SELECTORS[0],
      gs: DATA_SELECTORS[3],
    });
    expect(m.registers).toEqual(REGISTERS);
    expect(m.cpu.eip).toBe(DOORWAY + ARRIVAL);
    expect(m.cpu.eflags).toBe(2 | CF | IF);
    expect(m.cpu.segment(ES).selector).toBe(CODE_SELECTORS[0]);
    expect(m.cpu.segment(DS)).toMatchObject({ selector: 0, rights: 0x10000 });
    expect(m.cpu.segment(FS)).toMatchObject({ selector: DATA_SELECTORS[3], rights: 0xc0f3, limit: 0xffffffff });
    expect(m.cpu.segment(LDTR)).toMatchObject({ selector: LDT_SELECTOR, limit: 0xff });
    expect(m.cpu.segment(TR)).toEqual({ selector: TASK_A, rights: 0x8b, base: BASE_A, limit: 0x67 });
  });

  test('marks the old task available and the new one busy, writes no link, leaves NT as loaded, sets CR0.TS', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { link: 0x7777 });
    m.ring(0, NT | 2);
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.isBusy(TSS_SELECTOR)).toBe(false);
    expect(m.isBusy(TASK_A)).toBe(true);
    expect(m.saved32(BASE_A).link).toBe(0x7777);
    expect(m.saved32(TSS).eflags & NT).toBe(NT);
    expect(m.cpu.eflags & NT).toBe(0);
    expect(m.cpu.cr0 & CR0_TS).toBe(CR0_TS);
  });

  test('through a task gate, whose DPL counts and not that of the TSS', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {}, { dpl: 0 });
    m.callGate(GATE, { type: 5, selector: TASK_A, offset: 0, dpl: 3 });
    m.ring(3);
    m.arrive(`jmp ${GATE | 3}:0`);
    expect(m.cpu.cpl).toBe(0);
    expect(m.saved32(TSS)).toMatchObject({ cs: CODE_SELECTORS[3], ss: DATA_SELECTORS[3] });
  });

  test('to a task in ring 3 takes CPL from the RPL of CS', () => {
    const m = new TaskMachine();
    const data = DATA_SELECTORS[3];
    m.task32(TASK_A, BASE_A, { cs: CODE_SELECTORS[3], ss: data, ds: data, es: data, fs: 0, gs: 0 });
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.segment(CS).rights & 0x60).toBe(0x60);
  });

  test('code and data descriptors of the new task become accessed', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x1a });
    m.descriptor(FREE_TASK + 8, { type: 0x12 });
    m.task32(TASK_A, BASE_A, { cs: FREE_TASK, ss: FREE_TASK + 8 });
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.accessByte(FREE_TASK) & 1).toBe(1);
    expect(m.accessByte(FREE_TASK + 8) & 1).toBe(1);
  });

  test('one after another: each task goes on where it left', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.program(`a: inc ecx\njmp ${TSS_SELECTOR}:0\njmp a`, CODE + 0x100);
    m.program(`mov ebx, 3\nl: jmp ${TASK_A}:0\ndec ebx\njnz l\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: ARRIVAL });
    expect(m.saved32(BASE_A).registers[1]).toBe(REGISTERS[1]! + 3);
    expect(m.isBusy(TASK_A)).toBe(false);
    expect(m.isBusy(TSS_SELECTOR)).toBe(true);
  });
});

describe('CALL to a TSS and IRET from it', () => {
  test('CALL leaves the old task busy, links it and sets NT', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { link: 0x7777 });
    m.arrive(`call ${TASK_A}:0\nnext: nop`);
    expect(m.isBusy(TSS_SELECTOR)).toBe(true);
    expect(m.isBusy(TASK_A)).toBe(true);
    expect(m.saved32(BASE_A).link).toBe(TSS_SELECTOR);
    expect(m.saved32(TSS)).toMatchObject({ eip: m.label('next'), eflags: 2, registers: m.saved32(TSS).registers });
    expect(m.saved32(TSS).registers[4]).toBe(STACKS[0]);
    expect(m.cpu.eflags).toBe(NT | 2);
    expect(m.cpu.cr0 & CR0_TS).toBe(CR0_TS);
  });

  test('IRET goes back, frees the task it leaves and clears NT in its saved flags', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.program('mov eax, 5\niretd', CODE + 0x100);
    m.arrive(`call ${TASK_A}:0\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.isBusy(TASK_A)).toBe(false);
    expect(m.isBusy(TSS_SELECTOR)).toBe(true);
    expect(m.saved32(BASE_A)).toMatchObject({ eip: CODE + 0x100 + 6, eflags: 2, link: TSS_SELECTOR });
    expect(m.saved32(BASE_A).registers[0]).toBe(5);
    expect(m.cpu.segment(TR).selector).toBe(TSS_SELECTOR);
    expect(m.cpu.eflags & NT).toBe(0);
    expect(m.cpu.reg(4)).toBe(STACKS[0]);
  });

  test('a task that was called goes on behind its IRET when it is called again', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.program('again: add ebx, 7\niretd\njmp again', CODE + 0x100);
    m.arrive(`call ${TASK_A}:0\ncall ${TASK_A}:0\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.saved32(BASE_A).registers[3]).toBe(REGISTERS[3]! + 14);
  });

  test('nested twice, the chain of links leads back', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.task32(TASK_B, BASE_B, { eip: CODE + 0x200 });
    m.program(`call ${TASK_B}:0\niretd`, CODE + 0x100);
    m.program('mov eax, cr0\nclts\niretd', CODE + 0x200);
    m.arrive(`call ${TASK_A}:0\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.saved32(BASE_B).link).toBe(TASK_A);
    expect(m.saved32(BASE_B).registers[0]! & CR0_TS).toBe(CR0_TS);
    expect([TASK_A, TASK_B, TSS_SELECTOR].map((task) => m.isBusy(task))).toEqual([false, false, true]);
  });

  test('IRET of a task with NT clear returns through its stack', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.program(
      `pushfd\nand dword [esp], ${~NT}\npopfd\npushfd\npush ${CODE_SELECTORS[0]}\npush ${DOORWAY + ARRIVAL}\niretd`,
      CODE + 0x100,
    );
    m.arrive(`call ${TASK_A}:0`);
    expect(m.cpu.segment(TR).selector).toBe(TASK_A);
  });

  test('a JMP from a nested task does not lose NT of that task', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.task32(TASK_B, BASE_B);
    m.program(`jmp ${TASK_B}:0`, CODE + 0x100);
    m.arrive(`call ${TASK_A}:0`);
    expect(m.saved32(BASE_A).eflags & NT).toBe(NT);
    expect([TASK_A, TASK_B, TSS_SELECTOR].map((task) => m.isBusy(task))).toEqual([false, true, true]);
  });
});

describe('task gate in the IDT', () => {
  test('INT n switches like a CALL; the return address is behind it and IF stays as loaded', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eflags: IF | 2 });
    m.gate(0x30, { type: 5, selector: TASK_A, offset: 0 });
    m.arrive('int 0x30\nnext: nop');
    expect(m.saved32(TSS)).toMatchObject({ eip: m.label('next'), eflags: 2 });
    expect(m.saved32(BASE_A).link).toBe(TSS_SELECTOR);
    expect(m.cpu.eflags).toBe(NT | IF | 2);
    expect(m.cpu.reg(4)).toBe(STACK_A);
    expect(m.cpu.counters().vectors[0x30]).toBe(1);
  });

  test('an exception with an error code pushes it on the stack of the new task', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.gate(13, { type: 5, selector: TASK_A, offset: 0 });
    m.arrive('mov ax, 0x1234\nbad: mov ds, ax');
    expect(m.saved32(TSS)).toMatchObject({ eip: m.label('bad'), eflags: RF | 2 });
    expect(m.cpu.reg(4)).toBe(STACK_A - 4);
    expect(m.memory.getUint32(STACK_A - 4, true)).toBe((0x1234 & ~7) | 4);
  });

  test('into a 16-bit task the error code is a word', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x1b, base: DOORWAY, big: false });
    m.descriptor(FREE_TASK + 8, { type: 0x13, limit: 0xffff, big: false });
    const registers = [1, 2, 3, 4, 0x9000, 6, 7, 8];
    m.task16(TASK_A, BASE_A, { eip: ARRIVAL, cs: FREE_TASK, ss: FREE_TASK + 8, registers });
    m.gate(13, { type: 5, selector: TASK_A, offset: 0 });
    m.arrive('mov ax, 0x1234\nbad: mov ds, ax');
    expect(m.cpu.reg(4) & 0xffff).toBe(0x9000 - 2);
    expect(m.memory.getUint16(0x9000 - 2, true)).toBe(0x1234);
  });

  test('an exception without error code pushes nothing, and a divide error can be taken in another task', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.gate(0, { type: 5, selector: TASK_A, offset: 0 });
    m.arrive('nop\nbad: div cl');
    expect(m.saved32(TSS)).toMatchObject({ eip: m.label('bad'), eflags: RF | 2 });
    expect(m.cpu.reg(4)).toBe(STACK_A);
  });

  test('an external interrupt is acknowledged and IRET goes on with the interrupted instruction', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.gate(0x20, { type: 5, selector: TASK_A, offset: 0 });
    m.program('inc edi\niretd', CODE + 0x100);
    m.ring(0, IF | 2);
    m.cpu.setIntr(true);
    m.arrive(`mov edi, 1\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.saved32(BASE_A).registers[7]).toBe(REGISTERS[7]! + 1);
    expect(m.cpu.reg(7)).toBe(1);
    expect(m.cpu.eflags & IF).toBe(IF);
  });

  test('the DPL of the gate keeps INT n of ring 3 out', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.gate(0x30, { type: 5, selector: TASK_A, offset: 0, dpl: 0 });
    m.ring(3);
    expect(m.deliver('int 0x30', { outer: true })).toMatchObject({ vector: 13, error: (0x30 << 3) | 2, eip: CODE });
  });

  test('a double fault can be taken in a task of its own, with its error code', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.gate(8, { type: 5, selector: TASK_A, offset: 0 });
    m.gate(13, { type: 14, selector: 0, offset: 0 });
    m.arrive('mov ax, 0x1234\nmov ds, ax');
    expect(m.cpu.reg(4)).toBe(STACK_A - 4);
    expect(m.memory.getUint32(STACK_A - 4, true)).toBe(0);
  });

  test('an NMI through a task gate blocks further ones until IRET', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.gate(2, { type: 5, selector: TASK_A, offset: 0 });
    m.program('back: inc edi\niretd\njmp back', CODE + 0x100);
    m.cpu.raiseNmi();
    m.arrive(`nop\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.saved32(BASE_A).registers[7]).toBe(REGISTERS[7]! + 1);
    m.cpu.raiseNmi();
    m.cpu.eip = CODE;
    m.run();
    expect(m.saved32(BASE_A).registers[7]).toBe(REGISTERS[7]! + 2);
  });
});

describe('16-bit TSS', () => {
  test('takes 16 bits of everything and gives null FS and GS', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x1b, base: DOORWAY, big: false });
    m.task16(TASK_A, BASE_A, { eip: ARRIVAL, cs: FREE_TASK, eflags: IF | 2 });
    m.arrive(`${PATTERN}\njmp ${TASK_A}:0\nnext: nop`);
    expect(m.saved32(TSS)).toMatchObject({ eip: m.label('next'), registers: [1, 2, 3, 4, STACKS[0], 6, 7, 8] });
    // the SDM leaves the upper halves open
    expect(m.registers.map((value) => value & 0xffff)).toEqual(REGISTERS.map((value) => value & 0xffff));
    expect(m.cpu.eflags).toBe(IF | 2);
    expect(m.cpu.segment(FS)).toMatchObject({ selector: 0, rights: 0x10000 });
    expect(m.cpu.segment(GS)).toMatchObject({ selector: 0, rights: 0x10000 });
    expect(m.cpu.segment(TR)).toMatchObject({ selector: TASK_A, rights: 0x83, limit: 0x2b });
    expect(m.cpu.segment(LDTR).selector).toBe(LDT_SELECTOR);
  });

  test('is left with 16 bits of the state, and nothing behind the selectors is written', () => {
    const m = new TaskMachine();
    m.descriptor(FREE_TASK, { type: 0x1b, base: CODE, big: false });
    m.task16(TASK_A, BASE_A, { eip: 0x100, cs: FREE_TASK, eflags: IF | 2, ldt: LDT_SELECTOR });
    m.task32(TASK_B, BASE_B);
    m.memory.setUint32(BASE_A + 0x2c, 0xdeadbeef, true);
    m.program(`mov eax, 0xaaaa5555\nmov edi, 0xbbbb6666\njmp ${TASK_B}:0`, CODE + 0x100, 16);
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.memory.getUint16(BASE_A + 0x12, true)).toBe(0x5555);
    expect(m.memory.getUint16(BASE_A + 0x20, true)).toBe(0x6666);
    expect(m.memory.getUint16(BASE_A + 0x10, true)).toBe(IF | 2);
    expect(m.memory.getUint16(BASE_A + 0x22, true)).toBe(DATA_SELECTORS[0]);
    expect(m.memory.getUint16(BASE_A + 0x24, true)).toBe(FREE_TASK);
    expect(m.memory.getUint16(BASE_A + 0x2a, true)).toBe(LDT_SELECTOR);
    expect(m.memory.getUint32(BASE_A + 0x2c, true)).toBe(0xdeadbeef);
    expect(m.isBusy(TASK_A)).toBe(false);
  });

  test('CALL and IRET nest tasks of both widths', () => {
    const m = new TaskMachine();
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.descriptor(FREE_TASK, { type: 0x1b, base: CODE, big: false });
    m.task16(TASK_A, BASE_A, { eip: 0x100, cs: FREE_TASK });
    m.program('inc ax\niret', CODE + 0x100, 16);
    m.arrive(`mov ebx, 0x12345678\ncall ${TASK_A}:0\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
    expect(m.memory.getUint16(BASE_A + 0x12, true)).toBe(0x1112);
    expect(m.memory.getUint16(BASE_A, true)).toBe(TSS_SELECTOR);
    expect(m.memory.getUint16(BASE_A + 0x10, true) & NT).toBe(0);
    expect(m.cpu.reg(3)).toBe(0x12345678);
    expect(m.isBusy(TASK_A)).toBe(false);
  });
});

describe('paging', () => {
  /** Identity page tables for 4 MiB at `directory`; the table follows the directory. */
  function map(m: TaskMachine, directory: number): void {
    m.memory.setUint32(directory, (directory + 0x1000) | 7, true);
    for (let page = 0; page < 1024; page++) m.memory.setUint32(directory + 0x1000 + page * 4, (page << 12) | 7, true);
  }
  const OLD = 0x60000;
  const NEW = 0x62000;

  function paged(): TaskMachine {
    const m = new TaskMachine();
    map(m, OLD);
    map(m, NEW);
    m.cpu.cr3 = OLD;
    m.cpu.cr0 = 0x80000011;
    m.cpu.flushTlb();
    return m;
  }

  test('the old TSS is saved and the new one read in the old address space, descriptors in the new one', () => {
    const m = paged();
    // the new space has another page under the GDT, whose SS descriptor is at its place only there
    m.memory.setUint32(NEW + 0x1000 + 4, 0x70007, true);
    m.cpu.ram.copyWithin(0x70000, 0x1000, 0x2000);
    m.task32(TASK_A, BASE_A, { cr3: NEW, ss: FREE_TASK });
    m.memory.setBigUint64(0x70000 + FREE_TASK, 0x00cf93000000ffffn, true);
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.cpu.cr3).toBe(NEW);
    expect(m.cpu.segment(SS).selector).toBe(FREE_TASK);
    expect(m.memory.getUint16(TSS + 0x4c, true)).toBe(CODE_SELECTORS[0]);
  });

  test('the TLB is emptied when CR3 changes, and kept when it does not', () => {
    for (const [cr3, flushes] of [
      [NEW, 1],
      [OLD, 0],
    ] as const) {
      const m = paged();
      m.task32(TASK_A, BASE_A, { cr3 });
      const before = m.cpu.counters().tlbFlushes;
      m.arrive(`jmp ${TASK_A}:0`);
      expect(m.cpu.counters().tlbFlushes - before).toBe(flushes);
    }
  });

  test('with PAE the PDPTE registers are loaded with CR3', () => {
    const m = new TaskMachine();
    for (const [at, directory] of [
      [0x64000, 0x65000],
      [0x64020, 0x66000],
    ] as const) {
      m.memory.setBigUint64(at, BigInt(directory) | 1n, true);
      for (let n = 0; n < 2; n++) m.memory.setBigUint64(directory + 8 * n, BigInt(n * 0x200000) | 0xe7n, true);
    }
    m.cpu.cr3 = 0x64000;
    m.cpu.cr4 = 0x20;
    m.task32(TASK_A, BASE_A, { cr3: 0x64020 });
    m.program(`mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\njmp ${TASK_A}:0`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: ARRIVAL });
    expect(m.cpu.view.getBigUint64(0x1390, true)).toBe(0x66001n);
  });

  test('a reserved bit in a PDPTE of the new task is #GP(0) in the old one (SDM Vol. 3A "PDPTE Registers")', () => {
    const m = new TaskMachine();
    m.memory.setBigUint64(0x64000, 0x65001n, true);
    m.memory.setBigUint64(0x64020, 0x66003n, true);
    for (let n = 0; n < 2; n++) m.memory.setBigUint64(0x65000 + 8 * n, BigInt(n * 0x200000) | 0xe7n, true);
    m.cpu.cr3 = 0x64000;
    m.cpu.cr4 = 0x20;
    m.task32(TASK_A, BASE_A, { cr3: 0x64020 });
    const got = m.deliver(`mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\nbad: jmp ${TASK_A}:0`);
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('bad') });
    expect(m.cpu.segment(TR).selector).toBe(TSS_SELECTOR);
    expect(m.isBusy(TASK_A)).toBe(false);
  });
});

describe('debugging', () => {
  test('the T flag traps before the first instruction of the new task, with DR6.BT', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100, trap: 1 });
    m.program(`jmp ${TASK_A}:0`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: CODE + 0x100 });
    expect(m.cpu.dr(6) & 0xe00f).toBe(0x8000);
    expect(m.cpu.segment(TR).selector).toBe(TASK_A);
  });

  test('TF of the old task makes no trap, that of the new one traps after its first instruction', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100, eflags: TF | 2 });
    m.program('nop\nsecond: nop', CODE + 0x100);
    const second = m.label('second');
    m.program(`jmp ${TASK_A}:0`);
    m.ring(0, TF | 2);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: second });
    expect(m.cpu.dr(6) & 0xe00f).toBe(0x4000);
    expect(m.saved32(TSS).eflags & TF).toBe(TF);
  });

  test('the local enables of DR7 are cleared, the global ones stay', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A);
    m.cpu.setDr(7, 0x7ff);
    m.cpu.setDr(0, 0x100);
    m.cpu.setDr(1, 0x100);
    m.cpu.setDr(2, 0x100);
    m.cpu.setDr(3, 0x100);
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.cpu.dr(7)).toBe(0x6aa);
  });

  test('RF in the flags of the new task lets its first instruction pass a breakpoint', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100, eflags: RF | 2 });
    m.program('nop\nsecond: nop', CODE + 0x100);
    const second = m.label('second');
    m.cpu.setDr(0, CODE + 0x100);
    m.cpu.setDr(1, second);
    m.cpu.setDr(7, 0x40a);
    m.program(`jmp ${TASK_A}:0`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: second });
  });
});

test('a task has its own I/O permission bitmap', () => {
  const m = new TaskMachine();
  const data = DATA_SELECTORS[3];
  const user = { cs: CODE_SELECTORS[3], ss: data, ds: data, es: data, fs: 0, gs: 0, eip: CODE + 0x100 };
  m.task32(TASK_A, BASE_A, user, { limit: 0x67 + 0x21 });
  m.memory.setUint16(BASE_A + 0x66, 0x68, true);
  m.memory.setUint8(BASE_A + 0x68 + 0x10, 0xfd);
  m.memory.setUint8(BASE_A + 0x68 + 0x11, 0xff);
  m.program('in al, 0x81\nbad: in al, 0x80', CODE + 0x100);
  const bad = m.label('bad');
  m.memory.setUint32(BASE_A + 4, STACK_A, true);
  m.memory.setUint32(BASE_A + 8, DATA_SELECTORS[0], true);
  m.program(`jmp ${TASK_A}:0`);
  expect(m.delivered(m.run())).toMatchObject({ vector: 13, error: 0, eip: bad });
  expect(m.ports.map(({ port }) => port)).toEqual([0x81]);
});

test('a switch is the same whether the program runs in one go or one step at a time', () => {
  const program = (m: TaskMachine): void => {
    m.memory.setUint16(TSS + 0x60, LDT_SELECTOR, true);
    m.task32(TASK_A, BASE_A, { eip: CODE + 0x100 });
    m.program('again: inc eax\niretd\njmp again', CODE + 0x100);
    m.program(`mov ecx, 5\nl: call ${TASK_A}:0\nloop l\njmp ${CODE_SELECTORS[0]}:${DOORWAY + ARRIVAL}`);
  };
  const whole = new TaskMachine();
  program(whole);
  whole.run();
  const stepped = new TaskMachine();
  program(stepped);
  while (stepped.run(1).reason !== 'doorway');
  expect(stepped.registers).toEqual(whole.registers);
  expect(stepped.saved32(BASE_A)).toEqual(whole.saved32(BASE_A));
  expect(stepped.cpu.instructions).toBe(whole.cpu.instructions);
  expect(stepped.cpu.cycles).toBe(whole.cpu.cycles);
});
