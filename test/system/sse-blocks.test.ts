// The run loops do SSE arithmetic on doubles in a short way of their own (asm/simd/quick.ts), single steps do it the general
// way, which is held against recorded hardware: random programs on difficult numbers have to leave the same state both ways.
import { expect, test } from 'vitest';
import { ACTIVITY, MXCSR, XMM } from '../../asm/layout.ts';
import { Random } from '../random/random.ts';
import { assemblePool, randomProgram, runInSteps, writeProgram } from './blocks.ts';
import { DATA, TestMachine } from './machine.ts';

const PROGRAMS = 3000;
const LENGTH = 8;
/** EBX points at 32 bytes of memory operands. */
const MEMORY = DATA + 0x100;

const TEXTS = ['add', 'sub', 'mul', 'div', 'sqrt', 'min', 'max'].flatMap((name) => [
  `${name}pd xmm0, xmm1`,
  `${name}sd xmm1, xmm2`,
  `${name}pd xmm2, xmm2`,
  `${name}pd xmm3, [ebx]`,
  `${name}sd xmm0, qword [ebx+8]`,
  `${name}pd xmm1, [ebx+16]`,
]);
const POOL = assemblePool(TEXTS);

/** A double: zero, denormal, near the ends of the range or their roots, not a number, or near 1. */
function double(random: Random): bigint {
  const fraction = ((BigInt(random.u32()) << 32n) | BigInt(random.u32())) >> 12n;
  const exponent = random.pick([0, 0, 1, 2, 3, 510, 511, 1021, 1022, 1023, 1024, 1025, 1534, 2044, 2045, 2046, 2047]);
  const bits = (BigInt(exponent) << 52n) | random.pick([0n, 1n, fraction, fraction, fraction]);
  return bits | (random.oneIn(2) ? 1n << 63n : 0n);
}

function prepare(m: TestMachine, seed: number): string {
  const random = new Random(seed);
  const program = randomProgram(POOL, LENGTH, random);
  m.ring(0);
  m.cpu.cr4 |= 0x600;
  writeProgram(m, program);
  m.cpu.view.setUint32(ACTIVITY, 0, true);
  m.cpu.view.setUint32(MXCSR, random.pick([0x1fa0, 0x1fa0, 0x1fa0, 0x1fa0, 0x1f80, 0x1fbf, 0x3fa0, 0x9fa0]), true);
  m.cpu.setReg(3, MEMORY);
  for (let n = 0; n < 8; n++) m.cpu.view.setBigUint64(XMM + 8 * n, double(random), true);
  for (let n = 0; n < 4; n++) m.memory.setBigUint64(MEMORY + 8 * n, double(random), true);
  return program.text;
}

function finish(m: TestMachine, step: number): string {
  const reason = runInSteps(m, step);
  const numbers = Array.from({ length: 8 }, (_, n) => m.cpu.view.getBigUint64(XMM + 8 * n, true).toString(16));
  return `${reason} ${numbers.join(' ')} ${m.cpu.view.getUint32(MXCSR, true).toString(16)} ${m.cpu.eip}`;
}

test('random programs on doubles do in a block what they do one instruction at a time', () => {
  const whole = new TestMachine();
  const single = new TestMachine();
  for (let seed = 0; seed < PROGRAMS; seed++) {
    const text = prepare(whole, seed);
    prepare(single, seed);
    expect(finish(whole, 1000), `seed ${seed}: ${text}`).toBe(finish(single, 1));
  }
});
