// A second exception while the first is delivered: SDM Vol. 3A "Interrupt 8—Double Fault Exception (#DF)", tables "Interrupt
// and Exception Classes" and "Conditions for Generating a Double Fault", every pair; error codes from "Error Code".
import { describe, expect, test } from 'vitest';
import { CODE, CODE_SELECTORS, DATA, DATA_SELECTORS, DOORWAY, FREE, TestMachine, TSS } from './machine.ts';
import { DOORWAY as LONG_DOORWAY, LongMachine, TSS as LONG_TSS } from './long-machine.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
/** A page that is not there. */
const MISSING = 0x50000;
const NOT_PRESENT = FREE;
const NMI = 2;
const INTR = 0x20;
const SOFTWARE = 0x30;

interface First {
  readonly vector: number;
  readonly class: 'benign' | 'contributory' | 'page fault';
  /** Program in ring 3; the label `bad` where the saved EIP points if it is not the first instruction. */
  readonly text: string;
  readonly flags?: number;
  readonly prepare?: (m: TestMachine) => void;
  /** INT n, INT3 and INTO: error codes of what follows have EXT clear. */
  readonly software?: true;
}

const unmaskFpu = `fninit\npush dword 0x35b\nfldcw [esp]\nfld1\nfldz\nfdivp st1, st0\nfwait`;
const unmaskSse = `push dword 0x1d80\nldmxcsr [esp]\nxorps xmm1, xmm1\nmov eax, 0x3f800000\nmovd xmm0, eax\ndivss xmm0, xmm1`;

const FIRST: readonly First[] = [
  { vector: 0, class: 'contributory', text: 'xor ecx, ecx\ndiv ecx' },
  { vector: 1, class: 'benign', text: 'nop', flags: 0x100 },
  { vector: NMI, class: 'benign', text: 'nop', prepare: (m) => m.cpu.raiseNmi() },
  { vector: 3, class: 'benign', text: 'int3', software: true },
  { vector: 4, class: 'benign', text: 'into', flags: 0x800, software: true },
  { vector: 5, class: 'benign', text: `mov eax, 9\nbound eax, [${DATA}]` },
  { vector: 6, class: 'benign', text: 'ud2' },
  { vector: 7, class: 'benign', text: 'fnop', prepare: (m) => setCr0(m, 8) },
  { vector: 10, class: 'contributory', text: 'iretd', flags: 0x4000 },
  { vector: 11, class: 'contributory', text: `mov eax, ${NOT_PRESENT | 3}\nmov ds, ax` },
  { vector: 12, class: 'contributory', text: `mov eax, ${NOT_PRESENT | 3}\nmov ss, ax` },
  { vector: 13, class: 'contributory', text: 'cli' },
  { vector: 14, class: 'page fault', text: `mov eax, [${MISSING}]` },
  { vector: 16, class: 'benign', text: unmaskFpu, prepare: (m) => setCr0(m, 0x20) },
  { vector: 17, class: 'benign', text: `mov eax, [${DATA + 1}]`, flags: 0x40000, prepare: (m) => setCr0(m, 0x40000) },
  { vector: 19, class: 'benign', text: unmaskSse },
  { vector: INTR, class: 'benign', text: 'nop', flags: 0x200, prepare: (m) => m.cpu.setIntr(true) },
  { vector: SOFTWARE, class: 'benign', text: `int ${SOFTWARE}`, software: true },
];

function setCr0(m: TestMachine, bits: number): void {
  m.cpu.cr0 |= bits;
}

type Second = 'segment not present' | 'general protection' | 'invalid TSS' | 'stack fault' | 'page fault';
const SECOND: readonly Second[] = [
  'segment not present',
  'general protection',
  'invalid TSS',
  'stack fault',
  'page fault',
];

/** Ring 3 under paging, everything leads to the doorway in ring 0. */
function machine(): TestMachine {
  const m = new TestMachine();
  m.memory.setUint32(DIRECTORY, TABLE | 7, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
  m.memory.setUint32(TABLE + (MISSING >>> 12) * 4, 0, true);
  m.descriptor(NOT_PRESENT, { type: 0x13, dpl: 3, present: false });
  for (const vector of [3, 4, SOFTWARE]) m.gate(vector, { type: 14, selector: 8, offset: DOORWAY + vector, dpl: 3 });
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr4 = 0x600;
  m.cpu.cr0 = 0x8000_0011;
  m.cpu.flushTlb();
  return m;
}

/** Makes the delivery of `vector` fault; returns the vector and error code (without EXT) of that fault. */
function spoil(m: TestMachine, vector: number, second: Second): { vector: number; error: number } {
  const gate = (over: object) =>
    m.gate(vector, { type: 14, selector: CODE_SELECTORS[1], offset: DOORWAY + vector, dpl: 3, ...over });
  const stack = (selector: number, pointer = 0x39000) => {
    gate({});
    m.memory.setUint32(TSS + 12, pointer, true);
    m.memory.setUint32(TSS + 16, selector, true);
  };
  switch (second) {
    case 'segment not present':
      gate({ present: false });
      return { vector: 11, error: vector * 8 + 2 };
    case 'general protection':
      gate({ type: 2 });
      return { vector: 13, error: vector * 8 + 2 };
    case 'invalid TSS':
      stack(DATA_SELECTORS[0]);
      return { vector: 10, error: DATA_SELECTORS[0] };
    case 'stack fault':
      m.descriptor(NOT_PRESENT + 8, { type: 0x13, dpl: 1, present: false });
      stack((NOT_PRESENT + 8) | 1);
      return { vector: 12, error: NOT_PRESENT + 8 };
    case 'page fault':
      stack(DATA_SELECTORS[1], MISSING + 0x100);
      return { vector: 14, error: 2 };
  }
}

function deliver(m: TestMachine, first: First) {
  m.ring(3, (first.flags ?? 0) | 2);
  first.prepare?.(m);
  m.program(first.text);
  return m.run();
}

const isDouble = (first: First, second: Second) =>
  first.class === 'page fault' || (first.class === 'contributory' && second !== 'page fault');

describe('the first exception alone', () => {
  test.each(FIRST)('vector $vector is raised by its program', (first) => {
    const m = machine();
    expect(deliver(m, first)).toMatchObject({ reason: 'doorway', entry: first.vector });
  });
});

describe.each(FIRST)('while vector $vector ($class) is delivered', (first) => {
  test.each(SECOND)('%s', (second) => {
    const m = machine();
    const expected = spoil(m, first.vector, second);
    const got = m.delivered(deliver(m, first), { outer: true });
    if (isDouble(first, second)) {
      expect(got).toMatchObject({ vector: 8, error: 0, cs: CODE_SELECTORS[3] });
      return;
    }
    const external = first.software || second === 'page fault' ? 0 : 1;
    expect(got).toMatchObject({ vector: expected.vector, error: expected.error | external, cs: CODE_SELECTORS[3] });
    if (second === 'page fault') expect(m.cpu.cr2).toBe(MISSING + 0x100 - 4);
  });
});

describe('while the double fault is delivered', () => {
  const contributory = FIRST.find(({ vector }) => vector === 13)!;

  test.each(SECOND)('a %s shuts the processor down', (second) => {
    const m = machine();
    m.gate(13, { type: 2, selector: 8, offset: DOORWAY });
    spoil(m, 8, second);
    expect(deliver(m, contributory)).toMatchObject({ reason: 'shutdown' });
    expect(m.cpu.exceptions().map(({ vector }) => vector)).toEqual([13, 13, 8, expect.any(Number)]);
  });

  test('the instruction it saves is the one that raised the first exception', () => {
    const m = machine();
    m.gate(13, { type: 2, selector: 8, offset: DOORWAY });
    expect(m.delivered(deliver(m, contributory))).toMatchObject({ vector: 8, eip: CODE });
  });
});

describe('exceptions without end', () => {
  test('an alignment check met while the frame of an alignment check is pushed shuts the processor down', () => {
    const m = new TestMachine();
    m.cpu.cr0 |= 0x40000;
    m.ring(3, 0x40002);
    // in the same ring the frame goes onto the stack of the program, with its alignment
    m.gate(17, { type: 14, selector: CODE_SELECTORS[3], offset: CODE });
    m.cpu.setReg(4, m.cpu.reg(4) - 1);
    m.program(`mov eax, [${DATA + 1}]`);
    expect(m.run()).toEqual({ reason: 'shutdown' });
    expect(m.cpu.exceptions().map(({ vector }) => vector)).toEqual(new Array(8).fill(17));
  });
});

describe('in 64-bit mode (Exception and Interrupt Handling in 64-bit Mode)', () => {
  const firsts = [
    ['benign', 6, 'ud2'],
    ['contributory', 13, 'hlt'],
    ['page fault', 14, 'mov eax, [0x900000]'],
  ] as const;
  const seconds = ['segment not present', 'general protection', 'stack fault', 'page fault'] as const;
  const pairs = firsts.flatMap((first) => seconds.map((second) => [...first, second] as const));

  test.each(pairs)('%s (vector %i, %s), then %s', (kind, vector, text, second) => {
    const m = new LongMachine();
    const plain = { offset: BigInt(LONG_DOORWAY + vector) };
    let expected: { vector: number; error: number } = { vector: 11, error: vector * 8 + 3 };
    if (second === 'segment not present') m.gate(vector, { ...plain, present: false });
    else if (second === 'general protection') {
      m.gate(vector, { ...plain, type: 12 });
      expected = { vector: 13, error: vector * 8 + 3 };
    } else {
      // the stack of this gate alone: not canonical, or not mapped
      m.gate(vector, { ...plain, ist: 2 });
      m.quad(LONG_TSS + 0x2c, second === 'stack fault' ? 0x8000_0000_0000_0000n : 0xa00000n);
      expected = second === 'stack fault' ? { vector: 12, error: 1 } : { vector: 14, error: 2 };
    }
    m.ring(3);
    const got = m.deliver(text);
    const double = kind === 'page fault' || (kind === 'contributory' && second !== 'page fault');
    expect(got).toMatchObject(double ? { vector: 8, error: 0 } : expected);
  });
});
