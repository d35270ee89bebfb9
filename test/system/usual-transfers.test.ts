// Events and IRET go in one piece when nothing about them is unusual (asm/system/usual.ts). While a data breakpoint is set every
// access has to be looked at, and they go the general way: with one on a place that nobody touches everything must end the same,
// cycles and TLB included, and most of all just inside and just outside of what is usual.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { COUNT_BLOCKS_DECODED, COUNT_TLB_FLUSHES, COUNT_VECTORS, TR } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import * as long from './long-machine.ts';
import * as legacy from './machine.ts';

const HANDLERS = 0x14000;
const UNTOUCHED = 0x3f_f000;
const IF = 0x200;
const FLAGS = IF | 0x3000 | 2;

const digest = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

/** Everything a program can leave behind, the breakpoint apart. */
function outcome(cpu: Cpu, reason: string) {
  cpu.setDr(7, 0x400);
  cpu.setDr(0, 0);
  const fields = cpu.save();
  // what was decoded is no state
  (fields.counters as Uint8Array).fill(0, COUNT_BLOCKS_DECODED - COUNT_VECTORS, COUNT_TLB_FLUSHES - COUNT_VECTORS);
  const areas = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'number' ? value : digest(value),
  ]);
  return { reason, eip: cpu.rip, areas, ram: digest(cpu.ram.subarray(0, 0x4_0000)) };
}

/** Runs some rounds as usual, so that the TLB is warm, and then with what is different. */
function run<M extends { readonly cpu: Cpu }>(m: M, setup: ((m: M) => void) | undefined, watched: boolean) {
  const { cpu } = m;
  if (watched) {
    cpu.setDr(0, UNTOUCHED);
    cpu.setDr(7, 0x1_0401);
  }
  cpu.run({ instructions: 60 });
  setup?.(m);
  const { reason } = cpu.run({ instructions: 400 });
  return outcome(cpu, reason);
}

/** One way to be usual or not: what is different in the machine, and what the handler does before it returns. */
interface Case {
  readonly setup?: (m: legacy.TestMachine) => void;
  readonly body?: string;
  readonly ring?: 0 | 3;
}

const USER = legacy.CODE_SELECTORS[3];
const STACK = legacy.DATA_SELECTORS[0];
const USER_STACK = legacy.DATA_SELECTORS[3];
const [TOP] = legacy.TSS_STACKS;
const gateTo =
  (selector: number, type = 14) =>
  (m: legacy.TestMachine) =>
    m.gate(0x30, { type, selector, offset: HANDLERS, dpl: 3 });
const stackOf = (d: Partial<legacy.Descriptor>) => (m: legacy.TestMachine) => m.descriptor(STACK, { type: 0x13, ...d });
const codeOf = (d: Partial<legacy.Descriptor>) => (m: legacy.TestMachine) => {
  m.descriptor(legacy.FREE, { type: 0x1b, ...d });
  gateTo(legacy.FREE)(m);
};
const innerPointer = (pointer: number) => (m: legacy.TestMachine) => m.memory.setUint32(legacy.TSS + 4, pointer, true);

const CASES: Readonly<Record<string, Case>> = {
  'from ring 3 and back': {},
  'from ring 0 and back': { ring: 0 },
  'a trap gate': { setup: gateTo(8, 15) },
  'a 16-bit gate': { setup: gateTo(8, 6) },
  'a gate that is not present': {
    setup: (m) => m.gate(0x30, { type: 14, selector: 8, offset: HANDLERS, present: false }),
  },
  'a gate for ring 0 only': { setup: (m) => m.gate(0x30, { type: 14, selector: 8, offset: HANDLERS }) },
  'a null code selector': { setup: gateTo(0) },
  'a code selector behind the GDT': { setup: gateTo(0x200) },
  'a code selector of the LDT': {
    setup: (m) => {
      m.descriptor(0x0c, { type: 0x1b });
      gateTo(0x0c)(m);
    },
  },
  'code that ends at the handler': { setup: codeOf({ limit: HANDLERS }) },
  'code that ends in front of the handler': { setup: codeOf({ limit: HANDLERS - 1 }) },
  'conforming code': { setup: codeOf({ type: 0x1f }) },
  'code not accessed yet': { setup: codeOf({ type: 0x1a }) },
  'code that cannot be read': { setup: codeOf({ type: 0x19 }) },
  'code that is not present': { setup: codeOf({ present: false }) },
  'code of ring 1': { setup: codeOf({ dpl: 1 }) },
  '16-bit code': { setup: codeOf({ big: false }) },
  'a stack that ends at its top': { setup: stackOf({ limit: TOP - 1 }) },
  'a stack that ends in front of its top': { setup: stackOf({ limit: TOP - 2 }) },
  'a stack that expands down': { setup: stackOf({ type: 0x17, limit: 0x1000 }) },
  'a 16-bit stack': { setup: stackOf({ big: false }) },
  'a stack with a base': { setup: stackOf({ base: 0x10 }) },
  'a stack not accessed yet': { setup: stackOf({ type: 0x12 }) },
  'a stack that cannot be written': { setup: stackOf({ type: 0x11 }) },
  'a stack that is not present': { setup: stackOf({ present: false }) },
  'a stack of ring 1': { setup: stackOf({ dpl: 1 }) },
  'just enough room': { setup: innerPointer(20) },
  'a stack that wraps': { setup: innerPointer(19) },
  'a frame across pages': { setup: innerPointer(TOP + 8) },
  'a null stack selector': { setup: (m) => m.memory.setUint16(legacy.TSS + 8, 0, true) },
  'a stack selector with another RPL': { setup: (m) => m.memory.setUint16(legacy.TSS + 8, STACK + 1, true) },
  'a TSS that ends behind SS0': {
    setup: (m) => m.cpu.setSegment(TR, { selector: legacy.TSS_SELECTOR, rights: 0x8b, base: legacy.TSS, limit: 9 }),
  },
  'a TSS that ends in SS0': {
    setup: (m) => m.cpu.setSegment(TR, { selector: legacy.TSS_SELECTOR, rights: 0x8b, base: legacy.TSS, limit: 8 }),
  },
  'a 16-bit TSS': {
    setup: (m) => m.cpu.setSegment(TR, { selector: legacy.TSS_SELECTOR, rights: 0x83, base: legacy.TSS, limit: 0x67 }),
  },
  'an IDT that ends behind the gate': {
    setup: (m) => {
      m.cpu.idtr = { base: legacy.IDT, limit: 0x30 * 8 + 7 };
    },
  },
  'an IDT that ends in the gate': {
    setup: (m) => {
      m.cpu.idtr = { base: legacy.IDT, limit: 0x30 * 8 + 6 };
    },
  },
  'NMIs blocked': { setup: (m) => m.cpu.raiseNmi() },
  'a return with other flags': { body: 'xor dword [esp+8], 0x244cd5' },
  'a return with a single step': { body: 'xor dword [esp+8], 0x100' },
  'a return with RF': { body: 'xor dword [esp+8], 0x10000' },
  'a return to virtual-8086 mode': { body: 'xor dword [esp+8], 0x20000' },
  'a return from ring 0 to virtual-8086 mode': { body: 'xor dword [esp+8], 0x20000', ring: 0 },
  'a return with NT': { body: 'pushfd\nxor dword [esp], 0x4000\npopfd' },
  'a return with 16-bit operands': { body: 'db 0x66' },
  'a return to a null code selector': { body: 'mov dword [esp+4], 0' },
  'a return to an inner ring': { body: 'mov dword [esp+4], 8' },
  'a return to code with another DPL': { body: 'mov dword [esp+4], 0x0b' },
  'a return to data': { body: `mov dword [esp+4], ${USER_STACK}` },
  'a return behind the end of code': {
    setup: (m) => m.descriptor(USER, { type: 0x1b, dpl: 3, limit: legacy.CODE }),
  },
  'a return to conforming code': { setup: (m) => m.descriptor(USER, { type: 0x1f, dpl: 3 }) },
  'a return to code not accessed yet': { setup: (m) => m.descriptor(USER, { type: 0x1a, dpl: 3 }) },
  'a return to a null stack selector': { body: 'mov dword [esp+16], 0' },
  'a return to a stack of ring 0': { body: `mov dword [esp+16], ${STACK}` },
  'a return to a 16-bit stack': { setup: (m) => m.descriptor(USER_STACK, { type: 0x13, dpl: 3, big: false }) },
  'a return to a stack not accessed yet': { setup: (m) => m.descriptor(USER_STACK, { type: 0x12, dpl: 3 }) },
  'a return to a stack that expands down': {
    setup: (m) => m.descriptor(USER_STACK, { type: 0x17, dpl: 3, limit: 0x1000 }),
  },
  'a return that drops data segments': { body: 'mov ax, 16\nmov ds, ax\nmov gs, ax\nmov ax, 8\nmov es, ax' },
  'a return from a frame across pages': {
    body: `mov eax, esp\nmov esp, ${legacy.DATA - 8}\npush dword [eax+16]
    push dword [eax+12]\npush dword [eax+8]\npush dword [eax+4]\npush dword [eax]\nadd esp, 8
    mov esp, ${legacy.DATA - 28}`,
  },
  'a return from a 16-bit stack': {
    setup: (m) => m.descriptor(legacy.FREE, { type: 0x13, big: false, base: TOP - 0x8000 }),
    body: `mov eax, ${legacy.FREE}\nmov ss, ax\nmov sp, 0x8000-20`,
  },
};

function legacyMachine({ body = '', ring = 3 }: Case): legacy.TestMachine {
  const m = new legacy.TestMachine();
  m.program(`software: ${body}\niretd\ngeneral: add esp, 4\nadd dword [esp], 2\niretd\nother: iretd`, HANDLERS);
  for (let vector = 0; vector < 0x30; vector++)
    m.gate(vector, { type: 14, selector: 8, offset: m.label(vector === 13 ? 'general' : 'other') });
  m.gate(0x30, { type: 14, selector: 8, offset: m.label('software'), dpl: 3 });
  m.gate(0x31, { type: 14, selector: 8, offset: m.label('other') });
  m.program('mov ebp, 0x1f8\nagain: int 0x30\nmov fs, bp\nint 0x31\ninc ebx\njmp again');
  m.ring(ring, FLAGS);
  return m;
}

describe('32-bit protected mode', () => {
  test.each(Object.keys(CASES))('%s', (name) => {
    const { setup } = CASES[name]!;
    const plain = run(legacyMachine(CASES[name]!), setup, false);
    expect(run(legacyMachine(CASES[name]!), setup, true)).toEqual(plain);
  });

  test('a program with none of it goes round and round', () => {
    const m = legacyMachine({});
    run(m, undefined, false);
    expect(m.cpu.reg(3)).toBeGreaterThan(10);
  });
});

interface LongCase {
  readonly setup?: (m: long.LongMachine) => void;
  readonly body?: string;
  readonly ring?: 0 | 3;
}

const user = (descriptor: bigint) => (m: long.LongMachine) => m.descriptor(long.USER_CODE, descriptor);
const userStack = (descriptor: bigint) => (m: long.LongMachine) => m.descriptor(long.USER_DATA, descriptor);
const kernel = (descriptor: bigint) => (m: long.LongMachine) => m.descriptor(long.KERNEL_CODE, descriptor);
const longGate = (gate: long.LongGate) => (m: long.LongMachine) =>
  m.gate(0x30, { offset: BigInt(HANDLERS), dpl: 3, ...gate });

const LONG_CASES: Readonly<Record<string, LongCase>> = {
  'from ring 3 and back': {},
  'from ring 0 and back': { ring: 0 },
  'a trap gate': { setup: longGate({ type: 15 }) },
  'a gate of another type': { setup: longGate({ type: 12 }) },
  'a gate that is not present': { setup: longGate({ present: false }) },
  'a gate for ring 0 only': { setup: longGate({ dpl: 0 }) },
  'a gate to compatibility code': { setup: longGate({ selector: long.KERNEL_CODE_32 }) },
  'a gate to a null selector': { setup: longGate({ selector: 0 }) },
  'a gate to an address that is not canonical': { setup: longGate({ offset: 1n << 47n }) },
  'a stack of the interrupt stack table': { setup: longGate({ ist: 1 }) },
  'a stack of the table that is not canonical': {
    setup: (m) => {
      longGate({ ist: 1 })(m);
      m.quad(long.TSS + 0x24, 1n << 47n);
    },
  },
  'a stack that ends where addresses stop being canonical': { setup: (m) => m.quad(long.TSS + 4, 1n << 47n) },
  'a frame across pages': { setup: (m) => m.quad(long.TSS + 4, BigInt(long.RSP0 & ~0xfff) + 24n) },
  'a TSS that ends in RSP0': {
    setup: (m) => m.cpu.setSegment(TR, { selector: long.TSS_SELECTOR, rights: 0x8b, base: long.TSS, limit: 10 }),
  },
  'an IDT that ends in the gate': {
    setup: (m) => {
      m.cpu.idtr = { base: long.IDT, limit: 0x30 * 16 + 14 };
    },
  },
  'conforming code': { setup: kernel(0x00af9f00_0000ffffn) },
  'code not accessed yet': { setup: kernel(0x00af9a00_0000ffffn) },
  'code that is not present': { setup: kernel(0x00af1b00_0000ffffn) },
  'code with L and D': { setup: kernel(0x00ef9b00_0000ffffn) },
  'NMIs blocked': { setup: (m) => m.cpu.raiseNmi() },
  'a return with other flags': { body: 'xor dword [rsp+16], 0x244cd5' },
  'a return with a single step': { body: 'xor dword [rsp+16], 0x100' },
  'a return with RF': { body: 'xor dword [rsp+16], 0x10000' },
  'a return with NT': { body: 'pushfq\nxor dword [rsp], 0x4000\npopfq' },
  'a return with 32-bit operands': { body: 'iretd' },
  'a return to a null code selector': { body: 'mov qword [rsp+8], 0' },
  'a return to an inner ring': { body: `mov qword [rsp+8], ${long.KERNEL_CODE}` },
  'a return to data': { body: `mov qword [rsp+8], ${long.USER_DATA}` },
  'a return to compatibility code': { body: `mov qword [rsp+8], ${long.USER_CODE_32}` },
  'a return to an address that is not canonical': { body: 'bts qword [rsp], 47' },
  'a return to code with L and D': { setup: user(0x00effb00_0000ffffn) },
  'a return to code not accessed yet': { setup: user(0x00affa00_0000ffffn) },
  'a return to conforming code': { setup: user(0x00afff00_0000ffffn) },
  'a return to a null stack selector in ring 3': { body: 'mov qword [rsp+32], 3' },
  'a return to a null stack selector in ring 0': { body: 'mov qword [rsp+32], 0', ring: 0 },
  'a return to a null stack selector with another RPL': { body: 'mov qword [rsp+32], 1', ring: 0 },
  'a return to a stack of ring 0': { body: `mov qword [rsp+32], ${long.KERNEL_DATA}` },
  'a return to a 16-bit stack': { setup: userStack(0x008ff300_0000ffffn) },
  'a return to a stack that expands down': { setup: userStack(0x00cff700_0000ffffn) },
  'a return to a stack not accessed yet': { setup: userStack(0x00cff200_0000ffffn) },
  'a return that drops data segments': { body: `mov ax, ${long.KERNEL_DATA}\nmov ds, ax\nmov gs, ax` },
};

function longMachine({ body = '', ring = 3 }: LongCase): long.LongMachine {
  const m = new long.LongMachine();
  m.program(`software: ${body}\niretq\ngeneral: add rsp, 8\nadd qword [rsp], 2\niretq\nother: iretq`, 64, HANDLERS);
  for (let vector = 0; vector < 0x30; vector++)
    m.gate(vector, { offset: m.label(vector === 13 ? 'general' : 'other') });
  m.gate(0x30, { offset: m.label('software'), dpl: 3 });
  m.gate(0x31, { offset: m.label('other') });
  m.program('mov ebp, 0x1f8\nagain: int 0x30\nmov fs, bp\nint 0x31\ninc ebx\njmp again');
  m.ring(ring, 64, FLAGS);
  return m;
}

describe('IA-32e mode', () => {
  test.each(Object.keys(LONG_CASES))('%s', (name) => {
    const { setup } = LONG_CASES[name]!;
    const plain = run(longMachine(LONG_CASES[name]!), setup, false);
    expect(run(longMachine(LONG_CASES[name]!), setup, true)).toEqual(plain);
  });

  test('a program with none of it goes round and round', () => {
    const m = longMachine({});
    run(m, undefined, false);
    expect(m.cpu.reg(3)).toBeGreaterThan(10);
  });
});
