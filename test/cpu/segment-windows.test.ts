// Code in overlapping segments whose bases and limits lie anywhere: the same bytes are decoded for several of them, with 16- and
// 32-bit branches that wrap in one and not in another. Whether blocks or single instructions run must not be visible
// (SDM Vol. 3A "Limit Checking", Vol. 2 "JMP", "Jcc").
import { expect, test } from 'vitest';
import { CS } from '../../asm/layout.ts';
import { CODE } from '../system/machine.ts';
import { RealMachine } from '../system/real-machine.ts';

const PROGRAMS = 12;
const RUNS = 60;
const BYTES = 0x13000;
/** A fault whose handler faults would go on without an instruction. */
const MOST_CYCLES = 5000;

/** The same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Short computations between branches of all lengths, near and far, and stores into code. */
function instruction(below: (n: number) => number): number[] {
  const word = () => [below(256), below(256)];
  const choices = [
    () => [0x40 + below(16)],
    () => [0x70 + below(16), below(256)],
    () => [0x70 + below(16), below(256)],
    () => [0xeb, below(256)],
    () => [0xe9, ...word()],
    () => [0xea, ...word(), below(0x100), 0x10],
    () => [0x9a, ...word(), below(0x100), 0x10],
    () => [0xe8, ...word()],
    () => [below(2) ? 0xc3 : 0xcb],
    () => [0x66, 0xeb, below(256)],
    () => [0x66, 0x0f, 0x80 + below(16), ...word(), ...(below(2) ? [0, 0] : [0xff, 0xff])],
    () => [0x50 + below(4)],
    () => [0xe2, below(256)],
    () => [0x2e, 0x88, 0x07],
    () => [0xbb, ...word()],
  ];
  return choices[below(choices.length)]!();
}

function program(below: (n: number) => number): Uint8Array {
  const bytes: number[] = [];
  while (bytes.length < BYTES) bytes.push(...instruction(below));
  return Uint8Array.from(bytes.slice(0, BYTES));
}

/** Everything visible. */
function state({ cpu }: RealMachine): unknown[] {
  const registers = Array.from({ length: 8 }, (_, n) => cpu.reg(n));
  return [cpu.eip, cpu.eflags, registers, cpu.segment(CS), cpu.instructions, cpu.cycles];
}

test('instructions one by one and in slices do the same as blocks', () => {
  const below = random(1);
  const [whole, cut] = [new RealMachine(), new RealMachine()];
  for (let n = 0; n < PROGRAMS; n++) {
    const code = program(below);
    for (const { cpu } of [whole, cut]) {
      cpu.ram.set(code, CODE);
      cpu.notePhysicalWrite(CODE, BYTES);
    }
    for (let run = 0; run < RUNS; run++) {
      const base = CODE + below(0x1000);
      const limit = [0xffff, 0xffffffff, 0x10fff, 0x1000 + below(0x8000)][below(4)]!;
      const rights = below(8) ? 0x93 : 0x4093;
      const eip = Math.min(below(0x10000), limit);
      const registers = [0, 1, 2, 3].map(() => below(0x10000));
      for (const machine of [whole, cut]) {
        machine.reset();
        machine.cpu.setSegment(CS, { selector: base >> 4, rights, base, limit });
        registers.forEach((value, r) => {
          machine.cpu.setReg(r, value);
        });
        machine.cpu.eip = eip;
      }
      const instructions = whole.cpu.instructions + 1 + below(300);
      const cycles = whole.cpu.cycles + MOST_CYCLES;
      const stop = whole.cpu.run({ instructions, cycles });
      const slice = 1 + (below(2) ? 0 : below(7));
      const next = () => cut.cpu.run({ instructions: Math.min(cut.cpu.instructions + slice, instructions), cycles });
      let last = next();
      while (last.reason === 'deadline' && cut.cpu.instructions < instructions && cut.cpu.cycles < cycles)
        last = next();
      expect([last, state(cut)]).toEqual([stop, state(whole)]);
    }
    expect(Buffer.compare(whole.cpu.ram.subarray(0, CODE + BYTES), cut.cpu.ram.subarray(0, CODE + BYTES))).toBe(0);
  }
});
