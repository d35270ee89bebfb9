// Random kernels on the bare machine and under VT-x with both ways of paging: registers, memory and the log of every
// exception must be the same; interrupted all the time, too, though the interrupts come elsewhere.
import { describe, expect, test } from 'vitest';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { GUEST_BASE } from '../../src/vmm/host-memory.ts';
import { kernelImage, ORIGIN, randomKernel } from '../../src/vmm/techniques/binary-translation/random-kernel.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';

const SEEDS = [2, 20, 45, 101, 102, 103, 104, 105];

interface Outcome {
  readonly stop: string;
  readonly registers: number[];
  readonly memory: Uint8Array;
}

function run(file: Uint8Array, paging?: 'shadow' | 'ept'): Outcome {
  const vmm = techniques.find(paging ? 'vtx' : 'bare')!.create({
    module: loadCore(),
    memory: 0x40_0000,
    profile: findProfile('p4-672'),
    serialOut: () => {},
    ...(paging ? { paging } : {}),
  });
  vmm.start(file, {});
  const stop = vmm.run({ instructions: 3_000_000 });
  const { cpu } = vmm.machine;
  const start = (paging ? GUEST_BASE : 0) + ORIGIN;
  return {
    stop: stop.reason,
    registers: [0, 1, 2, 3, 5, 6, 7].map((n) => cpu.reg(n)),
    memory: cpu.ram.slice(start, start + file.length),
  };
}

/** Offset of the first byte that differs, without those between the symbols of `but`; -1 for none. */
function difference(
  a: Uint8Array,
  b: Uint8Array,
  symbols: ReadonlyMap<string, number>,
  but: readonly (readonly [string, string])[],
): number {
  const skipped = but.map(([from, to]) => [symbols.get(from)! - ORIGIN, symbols.get(to)! - ORIGIN] as const);
  return a.findIndex((byte, n) => byte !== b[n] && !skipped.some(([from, to]) => n >= from && n < to));
}

/** What interrupts leave below the stack, their number, and when the processor noticed that a page was used. */
const TIMING = [
  ['stack', 'stack_end'],
  ['ticks', 'spare'],
  ['directory', 'end_of_image'],
] as const;

describe.each(['shadow', 'ept'] as const)(
  'random kernels behave under VT-x with %s paging as on the bare machine',
  (paging) => {
    test.each(SEEDS)('kernel %d', (seed) => {
      for (const interrupted of [false, true]) {
        const { bytes, symbols } = kernelImage(randomKernel(seed, { timer: interrupted }));
        const bare = run(bytes);
        const guest = run(bytes, paging);
        expect(difference(guest.memory, bare.memory, symbols, interrupted ? TIMING : [])).toBe(-1);
        expect(guest.registers).toEqual(bare.registers);
        expect(guest.stop).toBe(bare.stop);
      }
    });
  },
);
