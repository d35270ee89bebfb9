// Far transfers. Expected values: SDM Vol. 2 "JMP", "CALL", "RET", Vol. 3A "Privilege Level Checking When Transferring
// Program Control Between Code Segments", "Stack Switching".
import { describe, expect, test } from 'vitest';
import { CS, DS, ES, SS } from '../../asm/layout.ts';
import {
  CODE,
  CODE_SELECTORS,
  DATA_SELECTORS,
  DOORWAY,
  FREE,
  STACKS,
  TestMachine,
  TSS,
  TSS_SELECTOR,
  TSS_STACKS,
} from './machine.ts';

const ENTRY = DOORWAY + 0x300;
const arrived = { reason: 'doorway', entry: 0x300 };

describe('far JMP', () => {
  test('to a nonconforming segment of the same level sets RPL to CPL', () => {
    const m = new TestMachine();
    m.ring(3);
    m.program(`jmp ${CODE_SELECTORS[3] & ~3}:${ENTRY}`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.segment(CS).selector).toBe(CODE_SELECTORS[3]);
  });

  test('to a conforming segment of an inner level keeps CPL', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1c });
    m.ring(3);
    m.program(`jmp ${FREE}:${ENTRY}`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.segment(CS).selector).toBe(FREE | 3);
    expect(m.accessByte(FREE) & 1).toBe(1);
  });

  test('through memory and with a 16-bit operand', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1b, base: DOORWAY });
    m.program(`o16 jmp far [pointer]\npointer: dw 0x300, ${FREE}`);
    expect(m.run()).toMatchObject(arrived);
  });

  test.each([
    ['null', 0, undefined, 0, 13, 0],
    ['data', DATA_SELECTORS[0], undefined, 0, 13, DATA_SELECTORS[0]],
    ['an inner nonconforming segment', CODE_SELECTORS[0], undefined, 3, 13, CODE_SELECTORS[0]],
    ['an outer nonconforming segment', CODE_SELECTORS[3] & ~3, undefined, 0, 13, CODE_SELECTORS[3] & ~3],
    ['RPL above CPL', CODE_SELECTORS[0] | 1, undefined, 0, 13, CODE_SELECTORS[0]],
    ['an outer conforming segment', FREE, { type: 0x1e, dpl: 3 }, 0, 13, FREE],
    ['a segment not present', FREE, { type: 0x1b, present: false }, 0, 11, FREE],
    ['beyond its limit', FREE, { type: 0x1b, limit: 0xff }, 0, 13, 0],
    ['an LDT descriptor', FREE, { type: 2 }, 0, 13, FREE],
    ['an interrupt gate', FREE, { type: 14 }, 0, 13, FREE],
  ] as const)('to %s faults', (_, selector, descriptor, ring, vector, error) => {
    const m = new TestMachine();
    if (descriptor) m.descriptor(FREE, descriptor);
    m.ring(ring);
    expect(m.deliver(`jmp ${selector}:${ENTRY}`)).toMatchObject({ vector, error, eip: CODE });
  });
});

describe('far CALL and RET', () => {
  test('CALL pushes CS and the next EIP; RETF comes back and releases its operand', () => {
    const m = new TestMachine();
    m.program(
      `push dword 7\ncall 0x08:there\nback: jmp 0x08:${ENTRY}\nthere: mov ebx, [esp]\nmov ecx, [esp+4]\nretf 4`,
    );
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.reg(3)).toBe(m.label('back'));
    expect(m.cpu.reg(1) & 0xffff).toBe(CODE_SELECTORS[0]);
    expect(m.cpu.reg(4)).toBe(STACKS[0]);
  });

  test('a call gate of the same level takes the offset of the gate', () => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[0], offset: ENTRY });
    m.program(`call ${FREE}:0x12345678\nback: nop`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.stack(2)).toEqual([m.label('back'), CODE_SELECTORS[0]]);
  });

  test('a call gate to ring 0 switches stacks and copies parameters in order', () => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[0], offset: ENTRY, dpl: 3, parameters: 2 });
    m.ring(3);
    m.program(`push dword 0x1111\npush dword 0x2222\ncall ${FREE | 3}:0\nback: nop`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 24);
    expect(m.stack(6)).toEqual([m.label('back'), CODE_SELECTORS[3], 0x2222, 0x1111, STACKS[3] - 8, DATA_SELECTORS[3]]);
  });

  test('a 16-bit call gate pushes words', () => {
    const m = new TestMachine();
    m.descriptor(FREE + 8, { type: 0x1b, base: DOORWAY });
    m.callGate(FREE, { type: 4, selector: FREE + 8, offset: 0x300, dpl: 3, parameters: 1 });
    m.ring(3);
    m.program(`push word 0x1234\ncall ${FREE | 3}:0\nback: nop`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.stack(5, 2)).toEqual([
      m.label('back') & 0xffff,
      CODE_SELECTORS[3],
      0x1234,
      (STACKS[3] - 2) & 0xffff,
      DATA_SELECTORS[3],
    ]);
  });

  test('a call gate to a conforming segment keeps CPL and stack', () => {
    const m = new TestMachine();
    m.descriptor(FREE + 8, { type: 0x1e });
    m.callGate(FREE, { type: 12, selector: FREE + 8, offset: ENTRY, dpl: 3 });
    m.ring(3);
    m.program(`call ${FREE | 3}:0`);
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.reg(4)).toBe(STACKS[3] - 8);
  });

  test('RETF to ring 3 takes SS:ESP from the stack, releases parameters on both, and drops inner data segments', () => {
    const m = new TestMachine();
    m.cpu.setSegment(ES, { selector: DATA_SELECTORS[3], rights: 0xc0f3, base: 0, limit: 0xffffffff });
    m.program(
      `push dword ${DATA_SELECTORS[3]}\npush dword 0x31000\npush dword 1\npush dword ${CODE_SELECTORS[3]}\npush dword user\nretf 4\nuser: jmp ${CODE_SELECTORS[3]}:${ENTRY}`,
    );
    expect(m.run()).toMatchObject(arrived);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.reg(4)).toBe(0x31004);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[3]);
    expect(m.cpu.segment(DS).selector).toBe(0);
    expect(m.cpu.segment(ES).selector).toBe(DATA_SELECTORS[3]);
  });

  test.each([
    ['gate DPL below CPL', { dpl: 0 }, FREE | 3, 3, 13, FREE],
    ['gate DPL below RPL', { dpl: 0 }, FREE | 3, 0, 13, FREE],
    ['gate not present', { dpl: 3, present: false }, FREE | 3, 3, 11, FREE],
    ['null code selector', { dpl: 3, selector: 0 }, FREE | 3, 3, 13, 0],
    ['data selector', { dpl: 3, selector: DATA_SELECTORS[0] }, FREE | 3, 3, 13, DATA_SELECTORS[0]],
    ['an outer code segment', { dpl: 3, selector: CODE_SELECTORS[3] }, FREE, 0, 13, CODE_SELECTORS[3] & ~3],
  ] as const)('call gate with %s faults', (_, gate, selector, ring, vector, error) => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[0], offset: ENTRY, ...gate });
    m.ring(ring);
    expect(m.deliver(`call ${selector}:0`)).toMatchObject({ vector, error, eip: CODE });
  });

  test('JMP through a call gate cannot change CPL', () => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[0], offset: ENTRY, dpl: 3 });
    m.ring(3);
    expect(m.deliver(`jmp ${FREE | 3}:0`)).toMatchObject({ vector: 13, error: CODE_SELECTORS[0] });
  });

  test('a bad stack in the TSS is #TS, and nothing was pushed', () => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[1], offset: ENTRY, dpl: 3 });
    m.memory.setUint32(TSS + 16, DATA_SELECTORS[0], true);
    m.ring(3);
    const got = m.deliver(`call ${FREE | 3}:0`, { outer: true });
    expect(got).toMatchObject({ vector: 10, error: DATA_SELECTORS[0], eip: CODE, esp: STACKS[3] });
  });

  test('a TSS limit below SS1 is #TS(TSS selector)', () => {
    const m = new TestMachine();
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[1], offset: ENTRY, dpl: 3 });
    m.cpu.setSegment(6, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: 16 });
    m.ring(3);
    expect(m.deliver(`call ${FREE | 3}:0`)).toMatchObject({ vector: 10, error: TSS_SELECTOR });
  });

  test.each([
    ['null CS', 0, 13, 0],
    ['RPL below CPL', CODE_SELECTORS[0], 13, CODE_SELECTORS[0]],
    ['data', DATA_SELECTORS[3], 13, DATA_SELECTORS[3] & ~3],
  ])('RETF at CPL 3 with %s faults', (_, selector, vector, error) => {
    const m = new TestMachine();
    m.ring(3);
    const got = m.deliver(`push dword ${selector}\npush dword 0\nbad: retf`, { outer: true });
    expect(got).toMatchObject({ vector, error, eip: m.label('bad'), esp: STACKS[3] - 8 });
  });
});
