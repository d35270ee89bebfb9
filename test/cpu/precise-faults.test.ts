// A faulting instruction has changed nothing but what the SDM lets it: registers, flags, memory and the stack pointer are
// as before it, EIP points at it (SDM Vol. 3A "Faults", Vol. 2 of each instruction).
import { describe, expect, test } from 'vitest';
import { CODE, DOORWAY, TestMachine } from '../system/machine.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const READ_ONLY = 0x50000;
const MISSING = 0x51000;
const GOOD = 0x52000;

function machine(): TestMachine {
  const m = new TestMachine();
  m.memory.setUint32(DIRECTORY, TABLE | 7, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
  m.memory.setUint32(TABLE + (READ_ONLY >>> 12) * 4, READ_ONLY | 5, true);
  m.memory.setUint32(TABLE + (MISSING >>> 12) * 4, 0, true);
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr0 = 0x8001_0011;
  m.cpu.flushTlb();
  for (let n = 0; n < 8; n++) if (n !== 4) m.cpu.setReg(n, 0x1111_1111 * (n + 1));
  m.memory.setUint32(READ_ONLY, 0x7fff_ffff, true);
  return m;
}

const FLAGS = 0x8d7;
const registers = (m: TestMachine) => Array.from({ length: 8 }, (_, n) => m.cpu.reg(n));

describe.each([
  ['add [m], r', `add [${READ_ONLY}], eax`],
  ['inc [m]', `inc dword [${READ_ONLY}]`],
  ['shl [m], imm', `shl dword [${READ_ONLY}], 3`],
  ['neg byte [m]', `neg byte [${READ_ONLY}]`],
  ['xchg [m], r', `xchg [${READ_ONLY}], ebx`],
  ['xadd [m], r', `xadd [${READ_ONLY}], ebx`],
  ['cmpxchg [m], r, not equal', `cmpxchg [${READ_ONLY}], ebx`],
  ['cmpxchg8b [m]', `cmpxchg8b [${READ_ONLY}]`],
  ['bts [m], r', `bts [${READ_ONLY}], edx`],
  ['shld [m], r, imm', `shld [${READ_ONLY}], eax, 5`],
  ['setcc [m]', `seto [${READ_ONLY}]`],
  ['pop [m]', `pop dword [${READ_ONLY}]`],
  ['add r, [m]', `add eax, [${MISSING}]`],
  ['cmp [m], imm', `cmp dword [${MISSING}], 5`],
  ['push [m]', `push dword [${MISSING}]`],
  ['call [m]', `call [${MISSING}]`],
  ['jmp [m]', `jmp [${MISSING}]`],
  ['cmovcc with a false condition', `cmovno eax, [${MISSING}]`],
  ['imul r, [m], imm', `imul eax, [${MISSING}], 3`],
  ['div [m]', `div dword [${MISSING}]`],
  ['div by zero', 'mov ecx, 0\nbad: div cl'],
  ['aam 0', 'aam 0'],
  ['into the void: far pointer', `les eax, [${MISSING}]`],
])('%s', (_name, text) => {
  test('leaves registers, flags and memory as they were', () => {
    const m = machine();
    m.program(text);
    m.cpu.eflags = FLAGS;
    const bad = m.symbols.get('bad') ?? CODE;
    while (m.cpu.eip !== bad) m.run(1);
    const before = registers(m);
    const frame = m.delivered(m.run());
    expect(frame.eip).toBe(bad);
    expect(frame.eflags & 0xffff).toBe(FLAGS);
    const after = registers(m);
    after[4] = before[4]!;
    expect(after).toEqual(before);
    expect(m.cpu.reg(4)).toBe(before[4]! - (frame.error === undefined ? 12 : 16));
    expect(m.memory.getUint32(READ_ONLY, true)).toBe(0x7fff_ffff);
  });
});

describe('stack instructions on a bad stack', () => {
  test.each(['push eax', 'push dword 5', `call ${CODE + 64}`, 'pushad', 'enter 8, 2'])('%s', (text) => {
    const m = machine();
    // the kernel's stack is good: the fault comes from ring 3
    m.ring(3);
    m.cpu.setReg(4, MISSING + 0x1000);
    m.program(text);
    const frame = m.delivered(m.run(), { outer: true });
    expect(frame).toMatchObject({ vector: 14, error: 6, eip: CODE, esp: MISSING + 0x1000 });
  });

  test.each(['pop eax', 'ret', 'leave', 'popad', 'popfd'])('%s', (text) => {
    const m = machine();
    m.ring(3);
    m.cpu.setReg(4, MISSING);
    m.cpu.setReg(5, MISSING);
    m.program(text);
    expect(m.delivered(m.run(), { outer: true })).toMatchObject({ vector: 14, error: 4, eip: CODE, esp: MISSING });
    expect(m.cpu.reg(5)).toBe(MISSING);
  });
});

describe('repeated string instructions', () => {
  test('a fault in the middle leaves exact progress, and the instruction goes on when it is started again', () => {
    const m = machine();
    const last = GOOD - 16;
    m.cpu.setReg(1, 100);
    m.cpu.setReg(6, GOOD);
    m.cpu.setReg(7, MISSING + 0x1000 - 40);
    m.memory.setUint32(TABLE + (MISSING >>> 12) * 4, MISSING | 7, true);
    m.memory.setUint32(TABLE + (GOOD >>> 12) * 4, GOOD | 5, true);
    m.cpu.flushTlb();
    m.program(`rep movsd\njmp 8:${DOORWAY + 0x300}`);
    for (let n = 0; n < 400; n++) m.cpu.ram[GOOD + n] = n & 0xff;
    expect(m.delivered(m.run())).toMatchObject({ vector: 14, error: 3, eip: CODE });
    expect([m.cpu.reg(1), m.cpu.reg(6), m.cpu.reg(7)]).toEqual([90, GOOD + 40, GOOD]);
    expect(m.cpu.cr2).toBe(GOOD);
    expect(last).toBe(GOOD - 16);
  });

  test('REP with a count of zero touches no memory', () => {
    const m = machine();
    m.cpu.setReg(1, 0);
    m.cpu.setReg(7, MISSING);
    m.program(`rep stosd\nrepe cmpsb\nrep lodsb\njmp 8:${DOORWAY + 0x300}`);
    expect(m.run()).toEqual({ reason: 'doorway', entry: 0x300 });
  });
});
