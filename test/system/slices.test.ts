// What a program does does not depend on where the host stops and saves it: interrupts, single-step traps,
// interrupt shadows and repeated instructions included.
import fc from '../properties.ts';
import { expect, test } from 'vitest';
import { DATA, DOORWAY, TestMachine } from './machine.ts';

const HANDLERS = 0x14000;

/** Every write to a port raises INTR; its handler, the #DB handler and the INT handler count and return. */
function machine(): TestMachine {
  const m = new TestMachine();
  m.program(
    `interrupt: inc dword [${DATA}]\niretd
     debug: inc dword [${DATA + 4}]\nand dword [esp+8], ~0x100\niretd
     software: inc dword [${DATA + 8}]\niretd`,
    HANDLERS,
  );
  for (const [vector, label] of [
    [0x20, 'interrupt'],
    [1, 'debug'],
    [0x30, 'software'],
  ] as const) {
    m.gate(vector, { type: 14, selector: 8, offset: m.label(label) });
  }
  m.program(
    `mov ecx, 40
     loop_: push ecx
     out 0x80, al
     sti
     nop
     pushfd
     or dword [esp], 0x100
     popfd
     inc eax
     int 0x30
     mov esi, ${DATA + 0x100}
     mov edi, ${DATA + 0x103}
     mov ecx, 7
     rep movsb
     mov ecx, 3
     mov edx, 0x81
     mov esi, ${DATA}
     rep outsb
     mov bx, ss
     mov ss, bx
     nop
     rdtsc
     add [${DATA + 12}], eax
     cli
     pop ecx
     dec ecx
     jnz loop_
     jmp 8:${DOORWAY + 0x300}`,
  );
  m.onWrite = () => m.cpu.setIntr(true);
  m.cpu.ram[DATA + 0x100] = 0x5a;
  return m;
}

function outcome(m: TestMachine) {
  return {
    registers: Array.from({ length: 8 }, (_, n) => m.cpu.reg(n)),
    instructions: m.cpu.instructions,
    cycles: m.cpu.cycles,
    data: Buffer.from(m.cpu.ram.subarray(DATA, DATA + 0x200)).toString('hex'),
    ports: m.ports.length,
  };
}

const whole = () => {
  const m = machine();
  expect(m.run(100000)).toMatchObject({ reason: 'doorway', entry: 0x300 });
  return outcome(m);
};

test('the program takes interrupts, traps and software interrupts', () => {
  const m = machine();
  m.run(100000);
  expect(m.memory.getUint32(DATA, true)).toBeGreaterThanOrEqual(40);
  expect(m.memory.getUint32(DATA + 4, true)).toBe(40);
  expect(m.memory.getUint32(DATA + 8, true)).toBe(40);
});

test('stopping anywhere by instruction count changes nothing', () => {
  const expected = whole();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }), (slices) => {
      const m = machine();
      let stop = m.run(0);
      for (let i = 0; stop.reason === 'deadline'; i++) stop = m.run(slices[i % slices.length]);
      expect(stop).toMatchObject({ reason: 'doorway' });
      expect(outcome(m)).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test('stopping anywhere by cycles, with save and load, changes nothing', () => {
  const expected = whole();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 12 }), (slices) => {
      const m = machine();
      let stop = m.run(0);
      for (let i = 0; stop.reason === 'deadline'; i++) {
        m.cpu.load(m.cpu.save());
        stop = m.cpu.run({ cycles: m.cpu.cycles + slices[i % slices.length]! });
      }
      expect(stop).toMatchObject({ reason: 'doorway' });
      expect(outcome(m)).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test('a change of CR4 that means nothing to the present paging mode is restored as it was', () => {
  const m = new TestMachine();
  for (let n = 0; n < 1024; n++) m.memory.setUint32(0x60000 + 4 * n, ((n << 22) | 0x87) >>> 0, true);
  m.cpu.cr3 = 0x60000;
  m.cpu.cr4 = 0x10;
  m.cpu.cr0 = 0x8000_0011;
  m.program('mov eax, 0x1010\nmov cr4, eax\nnop\nnop\nnop');
  m.run(3);
  const misses = m.cpu.counters().tlbMisses;
  m.cpu.load(m.cpu.save());
  m.run(1);
  expect(m.cpu.counters().tlbMisses).toBe(misses);
});

// "Access Rights" (SDM Vol. 3A): SMEP and SMAP are about user-mode addresses, and only paging makes those.
test.each([
  ['SMEP', 1 << 20],
  ['SMAP', 1 << 21],
])('%s without paging leaves translations in the TLB', (_, bit) => {
  const m = new TestMachine();
  m.program(`mov eax, ${bit}\nmov cr4, eax\nmov ebx, [${DATA}]\nmov ebx, [${DATA}]\nnop\nnop\nnop`);
  m.run(3);
  const misses = m.cpu.counters().tlbMisses;
  for (let n = 0; n < 4; n++) m.run(1);
  expect(m.cpu.counters().tlbMisses).toBe(misses);
});

test.each([1, 2, 50])('a deadline that a device brings nearer at access %i ends the run behind it', (last) => {
  const m = new TestMachine();
  m.program('again: out 0x80, al\nbehind: inc ebx\njmp again');
  let accesses = 0;
  m.onWrite = () => {
    if (++accesses === last) m.cpu.setDeadline(m.cpu.cycles);
  };
  expect(m.run(100000)).toMatchObject({ reason: 'deadline' });
  expect([m.cpu.eip, m.cpu.reg(3), accesses]).toEqual([m.label('behind'), last - 1, last]);
});
