// Quotients and roots by estimates in the host's doubles (asm/fpu/wide.ts): of significands next to every limit of the estimates
// they have to be the nearest numbers of 64 bits, and FSW has to say whether they are exact and were rounded up (SDM Vol. 1
// "Inexact-Result (Precision) Exception (#P)").
import { expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { Random } from '../random/random.ts';
import { CODE, TestMachine } from './machine.ts';

const PAIRS = 20_000;
const OPERANDS = 0x100000;
const RESULTS = 0x200000;
const SIZE = 32;
const PRECISION = 0x20;
const ROUNDED_UP = 0x200;
const TWO_TO_63 = 1n << 63n;

/** For each pair: the first by the second, and the root of the first; each result with FSW behind it. */
const PROGRAM = `
  fninit
next:
  fld tword [esi]
  fld tword [esi+16]
  fdivp st1, st0
  fnstsw ax
  fstp tword [edi]
  mov [edi+10], ax
  fnclex
  fld tword [esi]
  fsqrt
  fnstsw ax
  fstp tword [edi+16]
  mov [edi+26], ax
  fnclex
  add esi, ${SIZE}
  add edi, ${SIZE}
  dec ecx
  jne next
  hlt`;

function bits64(random: Random): bigint {
  return (BigInt(random.u32()) << 32n) | BigInt(random.u32());
}

/** A significand: any, with few bits, with a run of ones, near the least or the largest, or a product. */
function significand(random: Random): bigint {
  const any = bits64(random);
  const low = (1n << BigInt(random.below(63))) - 1n;
  const kinds = [any, any, any & ~low, any | low, any >> BigInt(random.below(64)), ~(any >> BigInt(random.below(64)))];
  kinds.push(BigInt(random.below(2000) + 1), (any >> 32n) * (any & 0xffff_ffffn));
  let v = BigInt.asUintN(64, random.pick(kinds)) || 1n;
  while (v < TWO_TO_63) v <<= 1n;
  return v;
}

function normal(v: bigint): bigint {
  const kept = BigInt.asUintN(64, v >> BigInt(Math.max(0, v.toString(2).length - 64)));
  return kept < TWO_TO_63 ? TWO_TO_63 : kept;
}

function root(n: bigint): bigint {
  let r = BigInt(Math.floor(Math.sqrt(Number(n))));
  for (let next = (r + n / r) >> 1n; next !== r && next !== r + 1n; next = (r + n / r) >> 1n) r = next;
  while (r * r > n) r--;
  while ((r + 1n) * (r + 1n) <= n) r++;
  return r;
}

interface Pair {
  readonly a: bigint;
  readonly b: bigint;
  /** Exponent of `a`: 0 or 1. */
  readonly exponent: number;
}

/** One of three pairs has a quotient next to a half, one a root next to a half. */
function pair(random: Random, n: number): Pair {
  const b = significand(random);
  const exponent = n & 1;
  const result = significand(random);
  const half = 2n * result + 1n;
  if (n % 3 === 0) return { a: normal(half * b + BigInt(random.below(3) - 1)), b, exponent };
  if (n % 3 === 1) return { a: normal((half * half) >> BigInt(random.pick([66, 65]))), b, exponent };
  return { a: significand(random), b, exponent };
}

/** The nearest of `floor` and the next, as the program stores it, with PE and C1. */
function stored(floor: bigint, isExact: boolean, isAbove: boolean, exponent: number): string {
  const status = (isExact ? 0 : PRECISION) | (isAbove ? ROUNDED_UP : 0);
  return `${(floor + (isAbove ? 1n : 0n)).toString(16)} ${(0x3fff + exponent).toString(16)} ${status.toString(16)}`;
}

function expected({ a, b, exponent }: Pair): string[] {
  const shift = a >= b ? 63n : 64n;
  const quotient = (a << shift) / b;
  const rest = (a << shift) % b;
  const square = a << (exponent ? 64n : 63n);
  const r = root(square);
  return [
    stored(quotient, rest === 0n, 2n * rest > b, exponent - (a >= b ? 0 : 1)),
    stored(r, r * r === square, square - r * r > r, 0),
  ];
}

function result(memory: DataView, at: number): string {
  const status = memory.getUint16(at + 10, true) & (PRECISION | ROUNDED_UP);
  return `${memory.getBigUint64(at, true).toString(16)} ${memory.getUint16(at + 8, true).toString(16)} ${status.toString(16)}`;
}

test('quotients and roots are the nearest numbers, and FSW says how they were rounded', () => {
  const m = new TestMachine();
  const random = new Random(87);
  const pairs = Array.from({ length: PAIRS }, (_, n) => pair(random, n));
  for (const [n, { a, b, exponent }] of pairs.entries()) {
    const at = OPERANDS + SIZE * n;
    m.memory.setBigUint64(at, a, true);
    m.memory.setUint16(at + 8, 0x3fff + exponent, true);
    m.memory.setBigUint64(at + 16, b, true);
    m.memory.setUint16(at + 24, 0x3fff, true);
  }
  m.ring(0);
  m.cpu.ram.set(assembleProgram(PROGRAM, { origin: CODE, mode: 32 }).bytes, CODE);
  m.cpu.setReg(1, PAIRS);
  m.cpu.setReg(6, OPERANDS);
  m.cpu.setReg(7, RESULTS);
  expect(m.run(PAIRS * 20).reason).toBe('halt');
  for (const [n, operands] of pairs.entries()) {
    const at = RESULTS + SIZE * n;
    const { a, b, exponent } = operands;
    expect([result(m.memory, at), result(m.memory, at + 16)], `${a} ${b} ${exponent}`).toEqual(expected(operands));
  }
});
