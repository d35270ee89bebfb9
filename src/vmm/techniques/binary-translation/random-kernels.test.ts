// Random programs on the bare machine and under binary translation: registers, memory, page tables and the log of every
// exception must be the same; interrupted all the time, too, though the interrupts come elsewhere.

import { describe, expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { findProfile } from '../../cost/index.ts';
import { GUEST_BASE } from '../../host-memory.ts';
import { techniques } from '../index.ts';
import { kernelImage, ORIGIN, randomKernel } from './random-kernel.ts';

const MEMORY = 0x40_0000;
const SEEDS = Array.from({ length: 20 }, (_, n) => n + 1);

interface Outcome {
  readonly stop: string;
  readonly registers: number[];
  readonly memory: Uint8Array;
}

function run(name: string, file: Uint8Array): Outcome {
  const vmm = techniques.find(name)!.create({
    module: loadCore(),
    memory: MEMORY,
    profile: findProfile('p4-672'),
    serialOut: () => {},
  });
  vmm.start(file, {});
  const stop = vmm.run({ instructions: 3_000_000 });
  const { cpu } = vmm.machine;
  const start = (name === 'bare' ? 0 : GUEST_BASE) + ORIGIN;
  return {
    stop: stop.reason,
    registers: [0, 1, 2, 3, 5, 6, 7].map((n) => cpu.reg(n)),
    memory: cpu.ram.slice(start, start + file.length),
  };
}

/** Name and address of the first byte that differs, without those between the symbols of `but`. */
function difference(
  a: Uint8Array,
  b: Uint8Array,
  symbols: ReadonlyMap<string, number>,
  but: readonly (readonly [string, string])[],
): string {
  const skipped = but.map(([from, to]) => [symbols.get(from)! - ORIGIN, symbols.get(to)! - ORIGIN] as const);
  for (let n = 0; n < a.length; n++) {
    if (a[n] === b[n] || skipped.some(([from, to]) => n >= from && n < to)) continue;
    const before = [...symbols].filter(([, at]) => at <= ORIGIN + n).sort((x, y) => y[1] - x[1])[0];
    return `${before?.[0]} + ${ORIGIN + n - (before?.[1] ?? 0)}`;
  }
  return 'none';
}

describe.each([
  { ring: 0, ring3: false },
  { ring: 3, ring3: true },
])('random programs in ring $ring behave under binary translation as on the bare machine', ({ ring3 }) => {
  test.each(SEEDS)('program %d', (seed) => {
    const { bytes, symbols } = kernelImage(randomKernel(seed, { ring3 }));
    const bare = run('bare', bytes);
    const translated = run('binary-translation', bytes);
    expect(difference(translated.memory, bare.memory, symbols, [])).toBe('none');
    expect(translated.registers).toEqual(bare.registers);
    expect(translated.stop).toBe(bare.stop);
  });

  test.each(SEEDS)('program %d, interrupted', (seed) => {
    const { bytes, symbols } = kernelImage(randomKernel(seed, { timer: true, ring3 }));
    const bare = run('bare', bytes);
    const translated = run('binary-translation', bytes);
    // What interrupts leave below the stack, their number, and when the processor noticed a page was used.
    const timing = [
      ['stack', 'stack_end'],
      ['ticks', 'spare'],
      ['directory', 'end_of_image'],
    ] as const;
    expect(difference(translated.memory, bare.memory, symbols, timing)).toBe('none');
    expect(translated.registers).toEqual(bare.registers);
    expect(translated.memory[symbols.get('ticks')! - ORIGIN]).toBeGreaterThan(0);
  });
});
