// Random programs give the same state, counts and cycles however they are run: in blocks (the cases of the run loop), one
// instruction at a time (the generic handlers), in slices by instructions or cycles, saved and loaded into another CPU
// between slices.
import fc from '../properties.ts';
import { expect, test } from 'vitest';
import { COST_CLASSES } from '../../src/isa/cost-classes.ts';
import { DATA, DOORWAY, STACKS, TestMachine } from '../system/machine.ts';
import { randomProgram } from './random-program.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const HANDLER = 0x14000;
const LIMIT = 100_000;
const RUNS = 24;

/** A machine with the program, paging, a price list and handlers for #DE and #UD that skip two bytes. */
function machine(text: string): TestMachine {
  const m = new TestMachine();
  m.program(`add dword [esp], 2\niretd`, HANDLER);
  m.gate(0, { type: 14, selector: 8, offset: HANDLER });
  m.program(text);
  m.memory.setUint32(DIRECTORY, TABLE | 7, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr0 = 0x8001_0011;
  m.cpu.flushTlb();
  m.cpu.setCosts(Uint32Array.from({ length: COST_CLASSES.length }, (_, n) => 1 + ((n * 7) % 5)));
  m.portValue = 0x5a5a_a5a5;
  for (let n = 0; n < 0x800; n++) m.cpu.ram[DATA + n] = (n * 73) & 0xff;
  return m;
}

function outcome(m: TestMachine) {
  const { tlbFlushes, tlbMisses, vectors, walkReferences, instructions, cycles } = m.cpu.counters();
  return {
    registers: Array.from({ length: 8 }, (_, n) => m.cpu.reg(n).toString(16)),
    eflags: m.cpu.eflags,
    eip: m.cpu.eip,
    data: Buffer.from(m.cpu.ram.subarray(DATA, DATA + 0x3000)).toString('base64'),
    stack: Buffer.from(m.cpu.ram.subarray(STACKS[0] - 0x1000, STACKS[0])).toString('base64'),
    ports: m.ports.length,
    counters: { tlbFlushes, tlbMisses, vectors, walkReferences, instructions, cycles },
  };
}

function whole(text: string) {
  const m = machine(text);
  const stop = m.cpu.run({ instructions: LIMIT });
  expect(stop.reason).toBe('doorway');
  return outcome(m);
}

const slices = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });

test('one instruction at a time or in blocks: the same', () => {
  fc.assert(
    fc.property(randomProgram, (text) => {
      const expected = whole(text);
      const m = machine(text);
      let stop = m.cpu.run({ instructions: 1 });
      while (stop.reason === 'deadline') stop = m.cpu.run({ instructions: m.cpu.instructions + 1 });
      expect(stop.reason).toBe('doorway');
      expect(outcome(m)).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});

test('sliced by cycles anywhere: the same', () => {
  fc.assert(
    fc.property(randomProgram, slices, (text, lengths) => {
      const expected = whole(text);
      const m = machine(text);
      let stop = m.cpu.run({ instructions: 1 });
      for (let n = 0; stop.reason === 'deadline'; n++) {
        stop = m.cpu.run({ cycles: m.cpu.cycles + lengths[n % lengths.length]! });
      }
      expect(stop.reason).toBe('doorway');
      expect(outcome(m)).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});

test('saved and loaded into another CPU between slices: the same', () => {
  fc.assert(
    fc.property(randomProgram, slices, (text, lengths) => {
      const expected = whole(text);
      let m = machine(text);
      let ports = 0;
      for (const length of [...lengths, LIMIT]) {
        const stop = m.cpu.run({ instructions: m.cpu.instructions + length });
        if (stop.reason !== 'deadline') break;
        const next = machine(text);
        next.cpu.ram.set(m.cpu.ram);
        next.cpu.load(m.cpu.save());
        ports += m.ports.length;
        m = next;
      }
      expect(m.cpu.eip >>> 12).toBe(DOORWAY >>> 12);
      expect({ ...outcome(m), ports: ports + m.ports.length }).toEqual(expected);
    }),
    { numRuns: RUNS / 2 },
  );
});
