// Interrupts and exceptions through the IDT. Expected values: SDM Vol. 3A "Interrupt and Exception Handling" ("IDT
// Descriptors", "Error Code", "Interrupt 8—Double Fault Exception (#DF)"), Vol. 2 "INT n/INTO/INT3/INT1".
import { describe, expect, test } from 'vitest';
import { CS, SS, TR } from '../../asm/layout.ts';
import {
  CODE,
  CODE_SELECTORS,
  DATA_SELECTORS,
  DOORWAY,
  FREE,
  IDT,
  STACKS,
  TestMachine,
  TSS,
  TSS_SELECTOR,
  TSS_STACKS,
} from './machine.ts';

const IF = 0x200;
const TF = 0x100;
const NT = 0x4000;
const RF = 0x10000;

describe('gates without a change of privilege', () => {
  test('INT n pushes EFLAGS, CS and the next EIP, and an interrupt gate clears IF, TF and NT', () => {
    const m = new TestMachine();
    m.ring(0, IF | NT | 2);
    const got = m.deliver('int 0x30\nnext: nop');
    expect(got).toEqual({ vector: 0x30, eip: m.label('next'), cs: CODE_SELECTORS[0], eflags: IF | NT | 2 });
    expect(m.cpu.eflags & (IF | TF | NT)).toBe(0);
    expect(m.cpu.reg(4)).toBe(STACKS[0] - 12);
  });

  test('a trap gate leaves IF alone', () => {
    const m = new TestMachine();
    m.gate(0x30, { type: 15, selector: 0x08, offset: DOORWAY + 0x30 });
    m.ring(0, IF | 2);
    m.deliver('int 0x30');
    expect(m.cpu.eflags & IF).toBe(IF);
  });

  test('a 16-bit gate pushes words and takes 16 bits of the offset', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1b, base: DOORWAY & ~0xffff });
    m.gate(0x30, { type: 6, selector: FREE, offset: 0x11110000 | (DOORWAY & 0xffff) | 0x30 });
    m.ring(0, IF | 2);
    const got = m.deliver('int 0x30\nnext: nop', { size: 2 });
    expect(got).toMatchObject({ eip: m.label('next') & 0xffff, cs: CODE_SELECTORS[0], eflags: IF | 2 });
    expect(m.cpu.reg(4)).toBe(STACKS[0] - 6);
  });

  test('a fault pushes RF = 1 and the address of the instruction', () => {
    const m = new TestMachine();
    const got = m.deliver('nop\nfault: div cl');
    expect(got).toEqual({ vector: 0, eip: m.label('fault'), cs: CODE_SELECTORS[0], eflags: RF | 2 });
  });

  test('INTO and INT3 are traps, BOUND is a fault', () => {
    const m = new TestMachine();
    expect(m.deliver('mov al, 127\nadd al, 1\ninto\nnext: nop')).toMatchObject({ vector: 4, eip: m.label('next') });
    m.ring(0);
    expect(m.deliver('int3\nnext: nop')).toMatchObject({ vector: 3, eip: m.label('next') });
    m.ring(0);
    m.memory.setUint32(0x20000, 1, true);
    m.memory.setUint32(0x20004, 5, true);
    expect(m.deliver('mov eax, 6\nbad: bound eax, [0x20000]')).toMatchObject({ vector: 5, eip: m.label('bad') });
  });
});

describe('gates to an inner privilege level', () => {
  test('the TSS gives the stack; old SS:ESP are pushed first', () => {
    const m = new TestMachine();
    m.gate(0x80, { type: 15, selector: 0x08, offset: DOORWAY + 0x80, dpl: 3 });
    m.ring(3, IF | 2);
    const got = m.deliver('int 0x80\nnext: nop', { outer: true });
    expect(got).toEqual({
      vector: 0x80,
      eip: m.label('next'),
      cs: CODE_SELECTORS[3],
      eflags: IF | 2,
      esp: STACKS[3],
      ss: DATA_SELECTORS[3],
    });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 20);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.segment(SS)).toMatchObject({ selector: DATA_SELECTORS[0] });
  });

  test('a handler in ring 1 uses SS1:ESP1', () => {
    const m = new TestMachine();
    m.gate(0x80, { type: 15, selector: CODE_SELECTORS[1], offset: DOORWAY + 0x80, dpl: 3 });
    m.ring(3);
    m.deliver('int 0x80', { outer: true });
    expect(m.cpu.cpl).toBe(1);
    expect(m.cpu.segment(CS).selector).toBe(CODE_SELECTORS[1]);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[1]);
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[1] - 20);
  });

  test('a conforming handler runs at the interrupted level on its stack', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1e });
    m.gate(0x80, { type: 15, selector: FREE, offset: DOORWAY + 0x80, dpl: 3 });
    m.ring(3);
    m.deliver('int 0x80');
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.segment(CS).selector).toBe(FREE | 3);
    expect(m.cpu.reg(4)).toBe(STACKS[3] - 12);
  });

  test('a 16-bit TSS gives SS:SP at offset 2', () => {
    const m = new TestMachine();
    m.cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x83, base: TSS, limit: 0x2b });
    m.memory.setUint16(TSS + 2, 0x7000, true);
    m.memory.setUint16(TSS + 4, DATA_SELECTORS[0], true);
    m.gate(0x80, { type: 14, selector: 0x08, offset: DOORWAY + 0x80, dpl: 3 });
    m.ring(3);
    m.deliver('int 0x80', { outer: true });
    expect(m.cpu.reg(4)).toBe(0x7000 - 20);
  });

  test('an error code is pushed last', () => {
    const m = new TestMachine();
    m.ring(3);
    const got = m.deliver('bad: cli', { outer: true });
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('bad'), ss: DATA_SELECTORS[3] });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 24);
  });
});

describe('faults of the delivery itself', () => {
  const fault = (prepare: (m: TestMachine) => void, text = 'bad: int 0x30', ring: 0 | 3 = 3) => {
    const m = new TestMachine();
    m.gate(0x30, { type: 14, selector: 0x08, offset: DOORWAY + 0x30, dpl: 3 });
    m.ring(ring);
    prepare(m);
    m.program(text);
    return m.delivered(m.run());
  };
  /** The stack that #TS, #SS … themselves need stays good: their gates lead to ring 1. */
  const otherRing = (m: TestMachine) => {
    for (const vector of [8, 10, 11, 12, 13]) {
      m.gate(vector, { type: 14, selector: CODE_SELECTORS[1], offset: DOORWAY + vector });
    }
  };

  test('gate DPL below CPL: #GP(vector * 8 + IDT)', () => {
    expect(fault((m) => m.gate(0x30, { type: 14, selector: 8, offset: DOORWAY }))).toMatchObject({
      vector: 13,
      error: 0x30 * 8 + 2,
      eip: CODE,
    });
  });
  test('gate not present: #NP(vector * 8 + IDT)', () => {
    const gate = { type: 14, selector: 8, offset: DOORWAY, dpl: 3, present: false };
    expect(fault((m) => m.gate(0x30, gate))).toMatchObject({ vector: 11, error: 0x30 * 8 + 2 });
  });
  test('no gate at all: #GP', () => {
    const gate = { type: 12, selector: 8, offset: DOORWAY, dpl: 3 };
    expect(fault((m) => m.gate(0x30, gate))).toMatchObject({ vector: 13, error: 0x30 * 8 + 2 });
  });
  test('vector beyond the IDT limit: #GP', () => {
    const beyond = (m: TestMachine) => {
      m.cpu.idtr = { base: IDT, limit: 0x17f };
    };
    expect(fault(beyond)).toMatchObject({ vector: 13, error: 0x30 * 8 + 2 });
  });
  test.each([
    ['null', 0, undefined, 13, 0],
    ['beyond the GDT', 0xff8, undefined, 13, 0xff8],
    ['data', DATA_SELECTORS[0], undefined, 13, DATA_SELECTORS[0]],
    ['not present', FREE, { type: 0x1b, present: false }, 11, FREE],
  ])('code segment of the gate %s', (_, selector, descriptor, vector, error) => {
    const got = fault((m) => {
      if (descriptor) m.descriptor(FREE, descriptor);
      m.gate(0x30, { type: 14, selector, offset: DOORWAY, dpl: 3 });
    });
    expect(got).toMatchObject({ vector, error, eip: CODE });
  });
  test('a less privileged code segment: #GP(selector)', () => {
    const gate = { type: 14, selector: CODE_SELECTORS[3], offset: DOORWAY };
    expect(fault((m) => m.gate(0x30, gate), 'int 0x30', 0)).toMatchObject({
      vector: 13,
      error: CODE_SELECTORS[3] & ~3,
    });
  });
  test('offset beyond the code segment limit: #GP(0)', () => {
    const got = fault((m) => {
      m.descriptor(FREE, { type: 0x1b, limit: 0xfff });
      m.gate(0x30, { type: 14, selector: FREE, offset: 0x1000, dpl: 3 });
    });
    expect(got).toMatchObject({ vector: 13, error: 0 });
  });

  test.each([
    ['null', 0, undefined, 10, 0],
    ['RPL wrong', DATA_SELECTORS[0] | 1, undefined, 10, DATA_SELECTORS[0]],
    ['DPL wrong', DATA_SELECTORS[3] & ~3, undefined, 10, DATA_SELECTORS[3] & ~3],
    ['not writable', FREE, { type: 0x11 }, 10, FREE],
    ['beyond the GDT', 0xff8, undefined, 10, 0xff8],
    ['not present', FREE, { type: 0x13, present: false }, 12, FREE],
    ['too small', FREE, { type: 0x13, limit: 0x37fff - 0x20 }, 12, FREE],
  ])('SS0 of the TSS %s', (_, selector, descriptor, vector, error) => {
    const got = fault((m) => {
      otherRing(m);
      if (descriptor) m.descriptor(FREE, descriptor);
      m.memory.setUint32(TSS + 8, selector, true);
    });
    expect(got).toMatchObject({ vector, error, eip: CODE });
  });
  test('TSS too short for SS0:ESP0: #TS(TSS selector)', () => {
    const got = fault((m) => {
      m.gate(10, { type: 14, selector: FREE, offset: DOORWAY + 10 });
      m.descriptor(FREE, { type: 0x1e });
      m.cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: 7 });
    });
    expect(got).toMatchObject({ vector: 10, error: TSS_SELECTOR });
  });
  test('no room on the current stack: #SS(0), handled on the stack of ring 0', () => {
    const got = fault((m) => {
      m.descriptor(FREE, { type: 0x1e });
      m.gate(0x30, { type: 14, selector: FREE, offset: DOORWAY + 0x30, dpl: 3 });
      m.cpu.setSegment(SS, { selector: DATA_SELECTORS[3], rights: 0xc0f3, base: 0, limit: STACKS[3] - 13 });
    });
    expect(got).toMatchObject({ vector: 12, error: 0, eip: CODE });
  });
});

describe('external interrupts', () => {
  test('INTR is taken between instructions with IF set, EXT is set in the error code of its faults', () => {
    const m = new TestMachine();
    m.gate(0x20, { type: 14, selector: FREE, offset: DOORWAY + 0x20 });
    m.descriptor(FREE, { type: 0x1b, present: false });
    m.ring(0, IF | 2);
    m.program('nop\nnop');
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 11, error: FREE | 1, eip: CODE });
  });

  test('a software interrupt does not set EXT', () => {
    const m = new TestMachine();
    m.gate(0x20, { type: 14, selector: FREE, offset: DOORWAY + 0x20 });
    m.descriptor(FREE, { type: 0x1b, present: false });
    expect(m.deliver('int 0x20')).toMatchObject({ vector: 11, error: FREE });
  });

  test('an exception whose gate faults sets EXT', () => {
    const m = new TestMachine();
    m.gate(6, { type: 14, selector: 8, offset: DOORWAY, present: false });
    expect(m.deliver('ud2')).toMatchObject({ vector: 11, error: (6 << 3) | 3 });
  });

  test('STI lets one more instruction run before INTR', () => {
    const m = new TestMachine();
    m.program('sti\ninc eax\nhere: inc eax');
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('here') });
    expect(m.cpu.reg(0)).toBe(1);
  });

  test('STI with IF already set casts no shadow', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('sti\nhere: inc eax');
    m.run(1);
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('here') });
  });

  test('MOV SS holds INTR off for one instruction', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('mov ax, ss\nmov ss, ax\ninc ecx\nhere: inc ecx');
    m.run(2);
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('here') });
    expect(m.cpu.reg(1)).toBe(1);
  });

  test('NMI is delivered with IF clear, and a second one waits for IRET', () => {
    const m = new TestMachine();
    m.gate(2, { type: 14, selector: 8, offset: 0x11000 });
    m.program('again: iretd\n', 0x11000);
    m.program('nop\nint 0x30');
    m.cpu.raiseNmi();
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x30 });
  });

  test('STI; HLT sleeps and wakes at once for a pending INTR, EIP behind HLT', () => {
    const m = new TestMachine();
    m.program('sti\nhlt\nnext: nop');
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('next') });
  });

  test('HLT with IF clear is left by NMI only', () => {
    const m = new TestMachine();
    m.program('hlt\nnext: nop');
    m.cpu.setIntr(true);
    expect(m.run()).toMatchObject({ reason: 'halt' });
    m.cpu.raiseNmi();
    expect(m.delivered(m.run())).toMatchObject({ vector: 2, eip: m.label('next') });
  });

  test('INTR between two iterations of REP pushes RF = 1 and the address of the instruction', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('mov edi, 0xf0000000\nmov ecx, 5\nagain: rep stosb\nnext: nop');
    m.onWrite = () => m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('again'), eflags: RF | IF | 2 });
    expect(m.cpu.reg(1)).toBe(4);
  });

  test('INTR after the last iteration does not', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('mov edi, 0xf0000000\nmov ecx, 1\nrep stosb\nnext: nop');
    m.onWrite = () => m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('next'), eflags: IF | 2 });
  });

  test('NMI comes before INTR', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('nop');
    m.cpu.setIntr(true);
    m.cpu.raiseNmi();
    expect(m.delivered(m.run())).toMatchObject({ vector: 2 });
  });

  test('a single-step trap comes before INTR', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    m.program('sti\nnop\nnext: nop');
    m.cpu.setIntr(true);
    // after STI the trap clears IF through its interrupt gate
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eflags: TF | IF | 2 });
  });

  test('HLT stops until INTR comes', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program('hlt\nnext: nop');
    expect(m.run()).toMatchObject({ reason: 'halt' });
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('next') });
  });
});

describe('double and triple faults', () => {
  test('#GP while #NP is delivered is #DF(0)', () => {
    const m = new TestMachine();
    // #NP by loading a not-present segment; its own gate names a null code segment, which is #GP
    m.descriptor(FREE, { type: 0x13, present: false });
    m.gate(11, { type: 14, selector: 0, offset: DOORWAY });
    expect(m.deliver(`mov ax, ${FREE}\nbad: mov ds, ax`)).toMatchObject({ vector: 8, error: 0, eip: m.label('bad') });
  });

  test('a benign exception does not combine: #GP while #UD is delivered is #GP', () => {
    const m = new TestMachine();
    m.gate(6, { type: 14, selector: 0, offset: DOORWAY });
    expect(m.deliver('ud2')).toMatchObject({ vector: 13, error: 1 });
  });

  test('a fault while #DF is delivered is a shutdown, and the log has the chain', () => {
    const m = new TestMachine();
    m.cpu.idtr = { base: IDT, limit: 0 };
    m.program('ud2');
    expect(m.run()).toMatchObject({ reason: 'shutdown' });
  });
});
