// Floating-point and SIMD instructions on random state: whatever the registers and control words hold, the outcome is an
// architectural one and no WASM trap (faults are precise).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadCore } from '../core.ts';
import { type FpState, VectorFile } from './vector-file.ts';
import { VectorMachine } from './vector-machine.ts';

/** Exponent fields around the places where something changes. */
const EXPONENTS = [0, 1, 0x3ffe, 0x3fff, 0x4000, 0x403e, 0x403f, 0x7ffe, 0x7fff];

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomState(random: () => number): FpState {
  const word = () => Math.floor(random() * 2 ** 32);
  const bytes = (length: number) =>
    Uint8Array.from({ length }, () => (random() < 0.2 ? 255 * (word() >>> 31) : word()));
  const x87 = bytes(80);
  for (let n = 0; n < 8; n++) {
    const near = 0x3fff + Math.floor(random() * 140) - 70;
    const exponent = random() < 0.5 ? near : EXPONENTS[Math.floor(random() * EXPONENTS.length)]!;
    x87[10 * n + 8] = exponent;
    x87[10 * n + 9] = (exponent >> 8) | (random() < 0.5 ? 0x80 : 0);
    if (random() < 0.9) x87[10 * n + 7]! |= 0x80;
  }
  return {
    fcw: random() < 0.5 ? 0x37f : word() & 0x1f7f,
    fsw: word() & 0x7f00,
    ftw: random() < 0.8 ? 0xff : word() & 0xff,
    mxcsr: random() < 0.5 ? 0x1f80 : word() & 0xffff,
    x87,
    xmm: bytes(256),
  };
}

test.each(['x87', 'x87approx', 'ssefp', 'ssecvt', 'sse4', 'mmx', 'ssemov'])('%s: random state never traps', (group) => {
  const file = VectorFile.open(readFileSync(join(import.meta.dirname, `${group}-32.bin.gz`)));
  const machine = new VectorMachine(loadCore(), file.meta);
  const random = generator(file.count);
  for (const v of file.vectors()) {
    const changed = { ...v, fp: randomState(random) };
    expect(() => machine.run(changed, 'single'), `${v.form.name}, vector ${v.index}`).not.toThrow();
  }
});
