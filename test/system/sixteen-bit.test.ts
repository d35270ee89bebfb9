// 16-bit protected mode: stacks of 64 KBytes under 16- and 32-bit operands, near branches that truncate EIP, gates and returns
// between segments of both sizes. Expected values: SDM Vol. 3B "Mixing 16-Bit and 32-Bit Code", Vol. 1 "Stack Behavior in
// Different Modes" ("Address-Size Attributes for Stack Accesses"), Vol. 2 "PUSH", "POP", "ENTER", "LEAVE", "CALL", "RET",
// "IRET", "JMP".
import { describe, expect, test } from 'vitest';
import { CS, SS } from '../../asm/layout.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { CODE, CODE_SELECTORS, DATA_SELECTORS, DOORWAY, FREE, TestMachine, TSS, TSS_STACKS } from './machine.ts';

/** 16-bit code at CODE and a 16-bit stack segment, of ring 0 and of ring 3. */
const CODE16 = FREE;
const STACK16 = FREE + 8;
const USER_CODE16 = FREE + 0x10;
const USER_STACK16 = FREE + 0x18;
const SPARE = FREE + 0x20;
const STACK_BASE = 0x50000;
const HIGH = 0x7abc0000;

class SixteenBit extends TestMachine {
  constructor() {
    super();
    this.descriptor(CODE16, { type: 0x1b, base: CODE, limit: 0xffff, big: false });
    this.descriptor(STACK16, { type: 0x13, base: STACK_BASE, limit: 0xffff, big: false });
    this.descriptor(USER_CODE16, { type: 0x1b, dpl: 3, base: CODE, limit: 0xffff, big: false });
    this.descriptor(USER_STACK16, { type: 0x13, dpl: 3, base: STACK_BASE, limit: 0xffff, big: false });
  }

  /** SS becomes the 16-bit stack with this ESP. */
  stack16(esp: number, user = false): void {
    const selector = user ? USER_STACK16 | 3 : STACK16;
    this.cpu.setSegment(SS, { selector, rights: user ? 0xf3 : 0x93, base: STACK_BASE, limit: 0xffff });
    this.cpu.setReg(4, esp);
  }

  /** CS becomes the 16-bit code segment; labels of `code16` are its offsets. */
  code16(text: string, user = false): void {
    const selector = user ? USER_CODE16 | 3 : CODE16;
    this.cpu.setSegment(CS, { selector, rights: user ? 0xfb : 0x9b, base: CODE, limit: 0xffff });
    const { bytes, symbols } = assembleProgram(text, { mode: 16 });
    this.cpu.ram.set(bytes, CODE);
    this.cpu.notePhysicalWrite(CODE, bytes.length);
    this.symbols = symbols;
    this.cpu.eip = 0;
  }

  word(sp: number): number {
    return this.memory.getUint16(STACK_BASE + sp, true);
  }
  double(sp: number): number {
    return this.memory.getUint32(STACK_BASE + sp, true);
  }
}

describe('a 16-bit stack', () => {
  test.each([
    ['PUSH of words', 'mov ax, 0x1234\npush ax', 0xfffe],
    ['PUSH of doublewords', 'mov eax, 0x12345678\npush eax', 0xfffc],
    ['PUSHAD', 'pushad', 0xffe0],
    ['ENTER with 32-bit operands', 'o32 enter 0, 0', 0xfffc],
    ['a near CALL', 'call there\nthere: nop', 0xfffe],
    ['PUSHFD', 'pushfd', 0xfffc],
  ])('%s wraps from SP 0 to the top and leaves the upper half of ESP', (_, text, sp) => {
    const m = new SixteenBit();
    m.stack16(HIGH);
    m.code16(`${text}\nhlt`);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect(m.cpu.reg(4)).toBe(HIGH | sp);
  });

  test.each([
    ['POP of a word', 'pop ax', 0xfffe],
    ['POP of a doubleword', 'pop eax', 0xfffc],
    ['POPAD', 'popad', 0xffe0],
    ['a near RET', 'push word there\npop ax\nadd sp, -2\nret\nthere: nop', 0],
    ['LEAVE', 'mov ebp, 0x1111fffe\nleave', 0x100],
  ])('%s wraps back to SP 0', (_, text, sp) => {
    const m = new SixteenBit();
    m.stack16(HIGH | sp);
    m.code16(`${text}\nhlt`);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect(m.cpu.reg(4)).toBe(HIGH);
  });

  test('an item that straddles FFFF is #SS(0)', () => {
    const m = new SixteenBit();
    m.stack16(HIGH | 1);
    m.code16('bad: push ax');
    // the handler runs on another stack
    m.gate(12, { type: 5, selector: SPARE, offset: 0 });
    m.descriptor(SPARE, { type: 9, base: 0x40000, limit: 0x67, big: false });
    const tss = (at: number, value: number) => m.memory.setUint32(0x40000 + at, value, true);
    tss(0x20, DOORWAY + 0x300);
    tss(0x24, 2);
    tss(0x38, 0x60000);
    tss(0x4c, CODE_SELECTORS[0]);
    tss(0x50, DATA_SELECTORS[0]);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x300 });
    expect(m.stack(1)).toEqual([0]);
    expect(m.memory.getUint32(TSS + 0x38, true)).toBe(HIGH | 1);
  });

  test('32-bit code uses SP too, and an address by ESP uses all of it: #SS(0) beyond the limit', () => {
    const m = new SixteenBit();
    m.stack16(HIGH | 0x1000);
    m.program('mov eax, 0x55667788\npush eax\npop ecx\nbad: mov eax, [esp]');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 12 });
    expect(m.cpu.reg(1)).toBe(0x55667788);
    expect(m.cpu.reg(4)).toBe(HIGH | (0x1000 - 16));
    expect(m.double(0x1000 - 12)).toBe(m.label('bad'));
  });

  test('ENTER makes BP or EBP of the stack pointer and finds older frames by BP', () => {
    const m = new SixteenBit();
    m.stack16(HIGH | 0x1000);
    m.memory.setUint16(STACK_BASE + 0x1ffe, 0xaaaa, true);
    m.code16('mov ebp, 0x99992000\nenter 8, 2\nhlt');
    m.run();
    expect([m.word(0xffe), m.word(0xffc), m.word(0xffa)]).toEqual([0x2000, 0xaaaa, 0x0ffe]);
    expect(m.cpu.reg(5) >>> 0).toBe(0x99990ffe);
    expect(m.cpu.reg(4)).toBe(HIGH | (0xffa - 8));
    const wide = new SixteenBit();
    wide.stack16(HIGH | 0x1000);
    wide.code16('mov ebp, 0x99992000\no32 enter 8, 0\nhlt');
    wide.run();
    expect(wide.double(0xffc)).toBe(0x99992000);
    expect(wide.cpu.reg(5)).toBe(HIGH | 0xffc);
  });

  test('expand-down: offsets above the limit up to FFFF, with B up to FFFFFFFF', () => {
    const m = new SixteenBit();
    m.descriptor(SPARE, { type: 0x17, base: STACK_BASE, limit: 0xfff, big: false });
    m.code16(`mov ax, ${SPARE}\nmov ss, ax\nmov esp, 0\npush ax\nmov sp, 0x1002\npush ax\nhlt`);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect([m.word(0xfffe), m.word(0x1000)]).toEqual([SPARE, SPARE]);
    m.code16(
      `mov ax, ${SPARE}\nmov ds, ax\nmov ax, ${DATA_SELECTORS[0]}\nmov ss, ax\nmov esp, 0x30000\nbad: mov al, [0xfff]`,
    );
    m.cpu.activity = 0;
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    m.descriptor(SPARE, { type: 0x17, base: STACK_BASE, limit: 0xfff });
    m.code16(`mov ax, ${SPARE}\nmov ds, ax\nmov al, [dword 0x10000]\nbad: mov al, [0xfff]`);
    m.stack16(0x1000);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(m.double(0x1000 - 12)).toBe(m.label('bad'));
  });
});

describe('near branches', () => {
  test.each([
    ['JMP', 'o16 jmp there', 0],
    ['Jcc', 'o16 jz there', 0],
    ['CALL', 'o16 call there', 2],
    ['JMP by a register', 'mov eax, 0xffff0000 + low\no16 jmp ax', 0],
    ['RET', 'push dword 0xffff0000 + low\no16 ret', 2],
  ])('%s with a 16-bit operand clears the upper half of EIP', (_, text, released) => {
    const m = new TestMachine();
    const at = 0x18000;
    const target = 0x8123;
    m.cpu.ram.set([0xf4], target);
    const { bytes } = assembleProgram(`xor eax, eax\n${text}`, {
      origin: at,
      symbols: { there: 0x10000 + target, low: target },
    });
    m.cpu.ram.set(bytes, at);
    m.cpu.notePhysicalWrite(at, bytes.length);
    m.cpu.eip = at;
    const esp = m.cpu.reg(4);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect(m.cpu.eip).toBe(target + 1);
    expect(esp - m.cpu.reg(4)).toBe(released);
  });

  test('32-bit operands in 16-bit code push EIP and may not leave the limit', () => {
    const m = new SixteenBit();
    m.stack16(0x1000);
    m.code16('o32 call there\nnext: hlt\nthere: o32 ret');
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect(m.double(0xffc)).toBe(m.label('next'));
    const far = new SixteenBit();
    far.stack16(0x1000);
    far.code16('mov eax, 0x10000\nbad: jmp eax');
    expect(far.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(far.double(0x1000 - 12)).toBe(far.label('bad'));
  });
});

describe('gates and returns between sizes', () => {
  test('a 32-bit gate pushes ESP whole, a 16-bit one SP', () => {
    for (const type of [14, 6]) {
      const m = new SixteenBit();
      m.cpu.cpl = 3;
      m.stack16(HIGH | 0x1000, true);
      m.code16('int 0x40', true);
      m.descriptor(SPARE, { type: 0x1b, base: DOORWAY & ~0xffff });
      const handler = type === 14 ? { selector: 8, offset: DOORWAY } : { selector: SPARE, offset: DOORWAY & 0xffff };
      m.gate(0x40, { type, dpl: 3, ...handler });
      expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0 });
      if (type === 14) {
        expect(m.stack(5)).toEqual([2, USER_CODE16 | 3, 2, HIGH | 0x1000, USER_STACK16 | 3]);
        expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 20);
      } else {
        expect(m.stack(5, 2)).toEqual([2, USER_CODE16 | 3, 2, 0x1000, USER_STACK16 | 3]);
        expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 10);
      }
    }
  });

  test('a handler with a 16-bit stack gets the frame at SP; ESP comes from the TSS', () => {
    const m = new SixteenBit();
    m.memory.setUint32(TSS + 4, HIGH | 4, true);
    m.memory.setUint32(TSS + 8, STACK16, true);
    m.ring(3);
    m.program('ud2');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 6 });
    // EIP and CS below SP 0 wrap to the top of the segment
    expect(m.cpu.reg(4)).toBe((HIGH | 0xfff0) >>> 0);
    expect([m.double(0xfff0), m.double(0xfff4), m.double(0)]).toEqual([CODE, CODE_SELECTORS[3], DATA_SELECTORS[3]]);
  });

  test('IRETD to a 16-bit stack of an outer ring loads SP only', () => {
    const m = new SixteenBit();
    const words = [USER_STACK16 | 3, 0x11112222, 2, USER_CODE16 | 3, 0x800].map((v) => `push dword ${v}`).join('\n');
    m.program(`mov esp, 0x3abc4000\n${words}\niretd`);
    m.cpu.setSegment(SS, {
      selector: DATA_SELECTORS[0],
      rights: 0xc093,
      base: 0x200000 - 0x3abc4000,
      limit: 0xffffffff,
    });
    m.cpu.ram.set([0x0f, 0x0b], CODE + 0x800);
    m.run(7);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.reg(4)).toBe(0x3abc2222);
  });

  test('IRET with a 16-bit operand clears the upper half of EIP, IRETD in 16-bit code does not', () => {
    const m = new SixteenBit();
    m.cpu.ram.set([0xf4], 0x8123);
    m.program('push word 2\npush word 8\npush word 0x8123\no16 iret');
    m.run();
    expect(m.cpu.eip).toBe(0x8124);
    const wide = new SixteenBit();
    wide.stack16(0x1000);
    wide.code16(`push dword 2\npush dword 8\npush dword ${CODE + 0x300}\niretd`);
    wide.cpu.ram.set([0xf4], CODE + 0x300);
    wide.run();
    expect(wide.cpu.eip).toBe(CODE + 0x301);
    expect(wide.cpu.segment(CS).selector).toBe(8);
  });

  test('a far CALL from 16-bit to 32-bit code with a 32-bit operand pushes doublewords, and RETF comes back', () => {
    const m = new SixteenBit();
    m.stack16(HIGH | 0x1000);
    m.code16(`o32 call 8:${CODE}+wide\nnext: hlt\nbits 32\nwide: retf`);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect([m.double(0xff8), m.double(0xffc)]).toEqual([m.label('next'), CODE16]);
    expect(m.cpu.segment(CS).selector).toBe(CODE16);
    expect(m.cpu.reg(4)).toBe(HIGH | 0x1000);
  });

  test('a 16-bit call gate from ring 3 takes words as parameters and pushes words', () => {
    const m = new SixteenBit();
    m.cpu.cpl = 3;
    m.stack16(HIGH | 0x1000, true);
    m.descriptor(SPARE, { type: 0x1b, base: DOORWAY & ~0xffff });
    m.callGate(SPARE + 8, { type: 4, selector: SPARE, offset: DOORWAY & 0xffff, dpl: 3, parameters: 2 });
    m.code16(`push word 0x1111\npush word 0x2222\ncall ${SPARE + 8}:0\nnext: nop`, true);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0 });
    expect(m.stack(6, 2)).toEqual([m.label('next'), USER_CODE16 | 3, 0x2222, 0x1111, 0xffc, USER_STACK16 | 3]);
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 12);
  });
});
