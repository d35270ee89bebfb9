// DIV and IDIV of RDX:RAX give what arithmetic without limits gives (SDM Vol. 2 "DIV", "IDIV").
import { expect, test } from 'vitest';
import fc from '../properties.ts';
import { CODE, LongMachine } from './long-machine.ts';

const DIV = [0x48, 0xf7, 0xf3];
const IDIV = [0x48, 0xf7, 0xfb];

/** Quotient and remainder of high:low by d, undefined for #DE. */
function divide(m: LongMachine, bytes: readonly number[], [high, low, d]: readonly [bigint, bigint, bigint]) {
  m.ring(0);
  m.cpu.ram.set(bytes, CODE);
  m.cpu.notePhysicalWrite(CODE, bytes.length);
  m.cpu.setReg64(2, BigInt.asUintN(64, high));
  m.cpu.setReg64(0, BigInt.asUintN(64, low));
  m.cpu.setReg64(3, BigInt.asUintN(64, d));
  m.run(1);
  return m.cpu.rip === BigInt(CODE + 3) ? [m.cpu.reg64(0), m.cpu.reg64(2)] : undefined;
}

/** Numbers of all lengths, and those around powers of two and digit boundaries. */
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.nat(64), fc.integer({ min: -2, max: 2 }))
    .map(([n, by]) => BigInt.asUintN(64, 2n ** BigInt(n) + BigInt(by))),
  fc.tuple(fc.nat(2 ** 32 - 1), fc.constantFrom(0n, 1n, 2n ** 32n - 1n)).map(([a, b]) => (BigInt(a) << 32n) | b),
);

test('DIV', () => {
  const m = new LongMachine();
  fc.assert(
    fc.property(word, word, word, (high, low, d) => {
      const n = (high << 64n) | low;
      const expected = d === 0n || high >= d ? undefined : [n / d, n % d];
      expect(divide(m, DIV, [high, low, d])).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
});

test('IDIV', () => {
  const m = new LongMachine();
  fc.assert(
    fc.property(word, word, word, (high, low, unsigned) => {
      const n = BigInt.asIntN(128, (high << 64n) | low);
      const d = BigInt.asIntN(64, unsigned);
      const quotient = d === 0n ? 2n ** 64n : n / d;
      const fits = BigInt.asIntN(64, quotient) === quotient;
      const expected = fits ? [quotient, n % d].map((v) => BigInt.asUintN(64, v)) : undefined;
      expect(divide(m, IDIV, [high, low, unsigned])).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
});
