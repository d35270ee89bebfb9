// The run loops do the common x87 instructions in short ways of their own (asm/fpu/fast.ts, quick.ts), single steps do them
// the general way, which is held against recorded hardware: random programs on difficult numbers have to leave the same state
// both ways.
import { expect, test } from 'vitest';
import { ACTIVITY, FPU_CONTROL, FPU_FERR, FPU_STATUS, FPU_TAGS, GPR, X87, XMM } from '../../asm/layout.ts';
import { Random } from '../random/random.ts';
import { assemblePool, randomProgram, runInSteps, writeProgram } from './blocks.ts';
import { DATA, TestMachine } from './machine.ts';

const PROGRAMS = 6000;
const LENGTH = 10;
/** EBX points at sixteen bytes of memory operand, EBP to a page boundary that operands cross. */
const MEMORY = DATA + 0x100;
const BOUNDARY = DATA + 0x1000;

const WITH_ST = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'];
const TEXTS: readonly string[] = [
  ...WITH_ST.flatMap((name) => [
    ...[0, 1, 2, 5].map((i) => `${name} st0, st${i}`),
    `${name} dword [ebx]`,
    `${name} qword [ebx]`,
    `fi${name.slice(1)} dword [ebx]`,
    `fi${name.slice(1)} word [ebx]`,
  ]),
  ...['fadd', 'fmul', 'fsub', 'fsubr', 'fdiv', 'fdivr'].flatMap((name) => [
    `${name} st3, st0`,
    `${name}p st1, st0`,
    `${name}p st2, st0`,
  ]),
  ...['fcomi', 'fucomi', 'fcomip', 'fucomip'].map((name) => `${name} st0, st1`),
  ...[
    'fucom st0, st1',
    'fucomp st0, st2',
    'fcompp',
    'fucompp',
    'ftst',
    'fsqrt',
    'fchs',
    'fabs',
    'fxch st1',
    'fxch st4',
  ],
  ...['fld st0', 'fld st3', 'fld1', 'fldz', 'fst st2', 'fstp st0', 'fstp st3', 'fnstsw ax', 'fwait', 'frndint', 'fxam'],
  ...[
    'fld dword [ebx]',
    'fld qword [ebx]',
    'fld tword [ebx]',
    'fild word [ebx]',
    'fild dword [ebx]',
    'fild qword [ebx]',
  ],
  ...['fst dword [ebx+16]', 'fstp dword [ebx+16]', 'fst qword [ebx+16]', 'fstp qword [ebx+16]', 'fstp tword [ebx+16]'],
  ...[
    'fist word [ebx+16]',
    'fist dword [ebx+16]',
    'fistp word [ebx+16]',
    'fistp dword [ebx+16]',
    'fistp qword [ebx+16]',
  ],
  ...[
    'fisttp word [ebx+16]',
    'fisttp dword [ebx+16]',
    'fisttp qword [ebx+16]',
    'fst qword [ebp-4]',
    'fld tword [ebp-5]',
  ],
  ...['fnstcw [ebx+32]', 'fldcw [ebx+32]', 'fnstsw [ebx+34]', 'fincstp', 'fdecstp', 'ffree st1', 'fnclex'],
];
const POOL = assemblePool(TEXTS);

/** Bits of a number that rounds in a difficult way: few ones, a run of ones, or any. */
function significand(random: Random): bigint {
  const any = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  const shape = random.below(5);
  if (shape === 0) return 0n;
  if (shape === 1) return 1n << BigInt(random.below(63));
  if (shape === 2) return (1n << 63n) - (1n << BigInt(random.below(63)));
  if (shape === 3) return (any >> BigInt(random.below(63))) & ((1n << 63n) - 1n);
  return any & ((1n << 63n) - 1n);
}

function exponent(random: Random): number {
  const kind = random.below(12);
  if (kind === 0) return random.pick([0, 1, 2, 0x7fff, 0x7ffe, 0x7ffd]);
  if (kind === 1)
    return 0x3fff + random.pick([-1, 0, 15, 16, 30, 31, 62, 63, 64, -64, -65, 127, 128, -1022, -1023, 1023]);
  if (kind === 2) return random.below(0x8000);
  return 0x3fff + random.below(12) - 4;
}

function fillRegisters(view: DataView, random: Random): void {
  for (let n = 0; n < 8; n++) {
    const at = X87 + 16 * n;
    const isZero = random.oneIn(8);
    const bits = isZero ? 0n : significand(random) | (random.oneIn(40) ? 0n : 1n << 63n);
    view.setBigUint64(at, bits, true);
    view.setUint16(at + 8, (isZero ? 0 : exponent(random)) | (random.oneIn(2) ? 0x8000 : 0), true);
  }
  view.setUint8(FPU_TAGS, random.pick([0xff, 0xff, 0xff, 0x7f, 0x3f, 0x0f, 0xf0, 0x81, random.below(256)]));
  view.setUint16(FPU_STATUS, (random.below(8) << 11) | random.pick([0, 0x20, 0x200, 0x4720]), true);
  view.setUint16(
    FPU_CONTROL,
    random.pick([0x37f, 0x37f, 0x37f, 0x37f, 0x27f, 0x7f, 0x17f, 0xf7f, 0xb7f, 0x77f, 0xc7f, 0x360, 0x35f, 0x37a]),
    true,
  );
}

/** A single, double, integer or 80-bit number for memory. */
function fillMemory(memory: DataView, at: number, random: Random): void {
  const sign = random.oneIn(2) ? 1n : 0n;
  const kind = random.below(6);
  let bits = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  if (kind === 0) bits = random.pick([0n, 1n, 0x8000n, 0x8000_0000n, 1n << 63n, 0x7ff0_0000_0000_0000n, 0x7f80_0000n]);
  if (kind === 1) bits = BigInt.asUintN(64, BigInt(random.below(2000) - 1000));
  if (kind === 2) bits = (sign << 63n) | (BigInt(1020 + random.below(8)) << 52n) | (significand(random) >> 11n);
  if (kind === 3) bits = (sign << 31n) | (BigInt(124 + random.below(8)) << 23n) | (significand(random) >> 40n);
  if (kind === 4) bits = significand(random) | (1n << 63n);
  memory.setBigUint64(at, bits, true);
  memory.setUint16(at + 8, random.oneIn(6) ? random.u32() : 0x3fff + random.below(8), true);
}

/** The state a program starts in, and its code, unless that is there already and may have been decoded. */
function prepare(m: TestMachine, seed: number, isThere = false): string {
  const random = new Random(seed);
  const program = randomProgram(POOL, LENGTH, random);
  m.ring(0);
  m.cpu.cr0 = random.oneIn(30) ? 0x3b : 0x31;
  if (!isThere) writeProgram(m, program);
  fillRegisters(m.cpu.view, random);
  for (const at of [FPU_FERR, ACTIVITY]) m.cpu.view.setUint32(at, 0, true);
  m.cpu.setReg(0, 0x1234_5678);
  m.cpu.setReg(3, MEMORY);
  m.cpu.setReg(5, BOUNDARY);
  fillMemory(m.memory, MEMORY, random);
  fillMemory(m.memory, BOUNDARY - 5, random);
  m.memory.setUint16(MEMORY + 32, random.pick([0x37f, 0x27f, 0xf7f, 0x340, 0x37e, 0x7f]), true);
  return program.text;
}

function finish(m: TestMachine, step: number): string {
  const reason = runInSteps(m, step);
  const { view } = m.cpu;
  const words = [X87, GPR].flatMap((base, k) =>
    Array.from({ length: k ? 16 : (XMM - X87) / 4 }, (_, n) => view.getUint32(base + 4 * n, true)),
  );
  for (let at = FPU_CONTROL; at <= FPU_FERR; at += 4) words.push(view.getUint32(at, true));
  for (let at = MEMORY; at < MEMORY + 40; at += 4) words.push(m.memory.getUint32(at, true));
  words.push(m.memory.getUint32(BOUNDARY - 4, true), m.memory.getUint32(BOUNDARY, true), m.cpu.eflags, m.cpu.eip);
  return `${reason} ${words.map((word) => word.toString(16)).join(' ')}`;
}

test('random x87 programs do in a block what they do one instruction at a time', () => {
  const whole = new TestMachine();
  const single = new TestMachine();
  for (let seed = 0; seed < PROGRAMS; seed++) {
    const text = prepare(whole, seed);
    prepare(single, seed);
    const expected = finish(single, 1);
    expect(finish(whole, 1000), `seed ${seed}: ${text}`).toBe(expected);
    // again, now that the records remember where the registers were
    prepare(whole, seed, true);
    expect(finish(whole, 1000), `seed ${seed} again: ${text}`).toBe(expected);
  }
});
