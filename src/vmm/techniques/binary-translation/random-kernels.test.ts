// Random kernels on the bare machine and under binary translation: registers, memory, page tables and the log of every
// exception must be the same. Each kernel is a few dozen statements drawn from everything a ring-0 program can do.

import { describe, expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { findProfile } from '../../cost/index.ts';
import type { Vmm } from '../../technique.ts';
import { techniques } from '../index.ts';
import { kernelImage, ORIGIN, randomKernel } from './random-kernel.ts';

const MEMORY = 0x40_0000;
const KERNELS = 60;

interface Outcome {
  readonly stop: string;
  readonly registers: number[];
  readonly memory: Uint8Array;
}

function run(name: string, file: Uint8Array): Outcome {
  const technique = techniques.find(name)!;
  const vmm: Vmm = technique.create({
    module: loadCore(),
    memory: MEMORY,
    profile: findProfile('p4-672'),
    serialOut: () => {},
  });
  vmm.start(file, '');
  const stop = vmm.run({ instructions: 3_000_000 });
  const { cpu } = vmm.machine;
  const base = name === 'bare' ? 0 : 0x0100_0000;
  return {
    stop: stop.reason,
    registers: [0, 1, 2, 3, 5, 6, 7].map((n) => cpu.reg(n)),
    memory: cpu.ram.slice(base + ORIGIN, base + ORIGIN + file.length),
  };
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return ORIGIN + n;
  return -1;
}

describe('random kernels behave under binary translation as on the bare machine', () => {
  const seeds = Array.from({ length: KERNELS }, (_, n) => n + 1);
  test.each(seeds)('kernel %d', (seed) => {
    const file = kernelImage(randomKernel(seed)).bytes;
    const bare = run('bare', file);
    const translated = run('binary-translation', file);
    expect(translated.stop).toBe(bare.stop);
    expect(firstDifference(translated.memory, bare.memory).toString(16)).toBe('-1');
    expect(translated.registers).toEqual(bare.registers);
  });
});
