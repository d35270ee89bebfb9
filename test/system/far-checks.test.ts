// Every check of a return to an outer ring and of a call through a gate to an inner one, in the order the manual has them.
// Expected values: SDM Vol. 2 "RET—Return From Procedure", "IRET/IRETD/IRETQ—Interrupt Return", "CALL—Call Procedure"
// (MORE-PRIVILEGE), Vol. 3A "Stack Switching", "Stack Switching in 64-bit Mode".
import { describe, expect, test } from 'vitest';
import {
  CODE_SELECTORS,
  DATA_SELECTORS,
  type Descriptor,
  DOORWAY,
  FREE,
  STACKS,
  TestMachine,
  TSS,
  TSS_STACKS,
} from './machine.ts';
import {
  DOORWAY as LONG_DOORWAY,
  FREE as LONG_FREE,
  KERNEL_CODE,
  KERNEL_CODE_32,
  LongMachine,
  RSP0,
  USER_CODE,
  USER_DATA,
} from './long-machine.ts';

const OTHER = FREE + 8;
const CS3 = CODE_SELECTORS[3];
const SS3 = DATA_SELECTORS[3];

interface Case {
  readonly name: string;
  readonly cs?: number;
  readonly ss?: number;
  readonly eip?: number;
  readonly descriptor?: Descriptor;
  readonly vector: number;
  readonly error: number;
}

/** FREE is the descriptor of the case. */
const RETURNS: readonly Case[] = [
  { name: 'CS null', cs: 3, vector: 13, error: 0 },
  { name: 'CS beyond the GDT', cs: 0xffb, vector: 13, error: 0xff8 },
  { name: 'CS a data segment', cs: SS3, vector: 13, error: SS3 & ~3 },
  { name: 'CS a system segment', cs: FREE | 3, descriptor: { type: 2, dpl: 3 }, vector: 13, error: FREE },
  { name: 'CS nonconforming, DPL not its RPL', cs: CODE_SELECTORS[1] | 3, vector: 13, error: CODE_SELECTORS[1] & ~3 },
  {
    name: 'CS conforming, DPL above its RPL',
    cs: FREE | 1,
    descriptor: { type: 0x1e, dpl: 2 },
    vector: 13,
    error: FREE,
  },
  { name: 'CS not present', cs: FREE | 3, descriptor: { type: 0x1b, dpl: 3, present: false }, vector: 11, error: FREE },
  { name: 'SS null', ss: 0, vector: 13, error: 0 },
  { name: 'SS beyond the GDT', ss: 0xffb, vector: 13, error: 0xff8 },
  { name: 'RPL of SS not that of CS', ss: SS3 & ~1, vector: 13, error: SS3 & ~3 },
  { name: 'SS read-only', ss: FREE | 3, descriptor: { type: 0x11, dpl: 3 }, vector: 13, error: FREE },
  { name: 'SS a code segment', ss: CS3, vector: 13, error: CS3 & ~3 },
  { name: 'DPL of SS not the RPL of CS', ss: FREE | 3, descriptor: { type: 0x13, dpl: 2 }, vector: 13, error: FREE },
  { name: 'SS not present', ss: FREE | 3, descriptor: { type: 0x13, dpl: 3, present: false }, vector: 12, error: FREE },
  {
    name: 'EIP beyond CS',
    cs: FREE | 3,
    eip: 0x1000,
    descriptor: { type: 0x1b, dpl: 3, limit: 0xfff },
    vector: 13,
    error: 0,
  },
];

describe.each(['retf', 'iretd'] as const)('%s to ring 3', (name) => {
  test.each(RETURNS)('$name', ({ cs = CS3, ss = SS3, eip = 0x100, descriptor, vector, error }) => {
    const m = new TestMachine();
    if (descriptor) m.descriptor(FREE, descriptor);
    const flags = name === 'iretd' ? 'push dword 2\n' : '';
    const got = m.deliver(
      `push dword ${ss}\npush dword ${STACKS[3]}\n${flags}push dword ${cs}\npush dword ${eip}\nbad: ${name}`,
    );
    expect(got).toMatchObject({ vector, error, eip: m.label('bad'), cs: CODE_SELECTORS[0] });
  });

  test('a frame beyond the limit of the stack is #SS(0)', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x13, limit: 0x2ffff });
    m.gate(12, { type: 14, selector: 8, offset: DOORWAY + 12 });
    const got = m.deliver(`mov ax, ${FREE}\nmov ss, ax\nmov esp, 0x2fff4\nmov dword [0x2fff8], ${CS3}\nbad: ${name}`);
    expect(got).toMatchObject({ vector: 12, error: 0, eip: m.label('bad') });
  });
});

interface GateCase extends Omit<Case, 'ss' | 'cs' | 'eip'> {
  readonly selector?: number;
  readonly ss?: number;
  readonly limit?: number;
  readonly offset?: number;
}

const INNER: readonly GateCase[] = [
  { name: 'code selector beyond the GDT', selector: 0xff8, vector: 13, error: 0xff8 },
  {
    name: 'a code segment that is not present',
    selector: FREE,
    descriptor: { type: 0x1b, present: false },
    vector: 11,
    error: FREE,
  },
  { name: 'a system segment', selector: FREE, descriptor: { type: 2 }, vector: 13, error: FREE },
  { name: 'a null SS0', ss: 0, vector: 10, error: 0 },
  { name: 'SS0 beyond the GDT', ss: 0xff8, vector: 10, error: 0xff8 },
  { name: 'RPL of SS0 not the DPL of the code', ss: DATA_SELECTORS[0] | 1, vector: 10, error: DATA_SELECTORS[0] },
  { name: 'DPL of SS0 not the DPL of the code', ss: FREE, descriptor: { type: 0x13, dpl: 1 }, vector: 10, error: FREE },
  { name: 'SS0 read-only', ss: FREE, descriptor: { type: 0x11 }, vector: 10, error: FREE },
  { name: 'SS0 not present', ss: FREE, descriptor: { type: 0x13, present: false }, vector: 12, error: FREE },
  {
    name: 'no room on the inner stack',
    ss: FREE,
    descriptor: { type: 0x13, limit: TSS_STACKS[0] - 13 },
    vector: 12,
    error: FREE,
  },
  {
    name: 'an offset beyond the code segment',
    selector: FREE,
    offset: 0x1000,
    descriptor: { type: 0x1b, limit: 0xfff },
    vector: 13,
    error: 0,
  },
];

describe.each([
  ['32-bit', 12],
  ['16-bit', 4],
] as const)('CALL from ring 3 through a %s call gate', (_, type) => {
  test.each(INNER)('to $name', ({ selector = CODE_SELECTORS[0], ss, offset = 0x300, descriptor, vector, error }) => {
    const m = new TestMachine();
    // the fault itself is handled on the stack of ring 1
    m.descriptor(OTHER + 8, { type: 0x1b, dpl: 1 });
    for (const n of [10, 11, 12, 13]) m.gate(n, { type: 14, selector: OTHER + 8, offset: DOORWAY + n });
    if (descriptor) m.descriptor(FREE, descriptor);
    if (ss !== undefined) m.memory.setUint32(TSS + 8, ss, true);
    m.callGate(OTHER, { type, selector, offset, dpl: 3 });
    m.ring(3);
    const got = m.deliver(`bad: call ${OTHER | 3}:0`, { outer: true });
    expect(got).toMatchObject({ vector, error, eip: m.label('bad'), esp: STACKS[3], ss: SS3 });
  });

  test('copies 31 parameters', () => {
    const m = new TestMachine();
    const size = type === 12 ? 4 : 2;
    m.descriptor(FREE, { type: 0x1b, base: DOORWAY });
    m.callGate(OTHER, { type, selector: FREE, offset: 0x300, dpl: 3, parameters: 31 });
    m.ring(3);
    m.program(`${'push dword 0x11223344\n'.repeat(31)}call ${OTHER | 3}:0`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x300 });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - size * (31 + 4));
    const parameter = size === 4 ? 0x11223344 : 0x1122;
    expect(m.stack(33, size)[32]).toBe(size === 4 ? parameter : m.memory.getUint16(STACKS[3] - 124 + 60, true));
  });
});

describe('CALL through a 64-bit call gate', () => {
  const gated = (gate: object, prepare: (m: LongMachine) => void = () => {}) => {
    const m = new LongMachine();
    m.callGate(LONG_FREE, { offset: BigInt(LONG_DOORWAY + 0x300), dpl: 3, ...gate });
    prepare(m);
    m.ring(3);
    m.program(`bad: call far [target]\nnext: nop\ntarget: dd 0\ndw ${LONG_FREE | 3}`);
    return { m, stop: m.run() };
  };

  test('switches to RSP0 with a null SS and pushes SS, RSP, CS and RIP, no parameters', () => {
    const { m, stop } = gated({});
    expect(stop).toMatchObject({ reason: 'doorway', entry: 0x300 });
    const rsp = Number(m.cpu.reg64(4));
    expect(rsp).toBe(RSP0 - 32);
    const frame = [0, 8, 16, 24].map((at) => Number(m.read(rsp + at)));
    expect(frame).toEqual([Number(m.label('next')), USER_CODE, 0x30000, USER_DATA]);
    expect(m.cpu.segment(2).selector).toBe(0);
  });

  test.each([
    ['a gate that is not present', { present: false }, 11, LONG_FREE],
    ['a DPL below CPL', { dpl: 0 }, 13, LONG_FREE],
    ['compatibility code behind it', { selector: KERNEL_CODE_32 }, 13, KERNEL_CODE_32],
    ['a null code selector', { selector: 0 }, 13, 0],
    ['a 286 gate type', { type: 4 }, 13, LONG_FREE],
    ['a task gate type', { type: 5 }, 13, LONG_FREE],
  ] as const)('%s faults', (_, gate, vector, error) => {
    const { m, stop } = gated(gate);
    expect(m.frame(stop)).toMatchObject({ vector, error, rip: m.label('bad') });
  });

  test('SYSCALL in compatibility code is #UD; SYSENTER there enters 64-bit code', () => {
    const m = new LongMachine();
    m.ring(3, 32);
    expect(m.deliver('db 0x0f, 0x05', 32)).toMatchObject({ vector: 6 });
    const n = new LongMachine();
    n.cpu.setMsr(0x174, BigInt(KERNEL_CODE));
    n.cpu.setMsr(0x175, BigInt(RSP0));
    n.cpu.setMsr(0x176, BigInt(LONG_DOORWAY + 0x300));
    n.ring(3, 32);
    n.program('sysenter', 32);
    expect(n.run()).toMatchObject({ reason: 'doorway', entry: 0x300 });
    expect(n.cpu.segment(1).rights & 0x2000).toBe(0x2000);
    expect(n.cpu.cpl).toBe(0);
  });
});

describe('the stack pointer at the end of a segment', () => {
  test.each([
    ['a 16-bit stack with SP = 1: a word push crosses the end', 1, 12],
    ['a 16-bit stack with SP = 0: it wraps to 0xfffe', 0, 0x40],
  ])('%s', (_, sp, vector) => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x13, base: 0x50000, limit: 0xffff, big: false });
    m.program(`mov ax, ${FREE}\nmov ss, ax\nmov sp, ${sp}\npush ax\nint 0x40`);
    const stop = m.run();
    // the frame of the stack fault has no better place
    if (vector === 12) expect(stop.reason).toBe('shutdown');
    else expect(stop).toMatchObject({ reason: 'doorway', entry: vector });
    expect(m.cpu.exceptions().map((e) => e.vector)[0]).toBe(vector === 12 ? 12 : undefined);
  });
});
