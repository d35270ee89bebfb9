// Random kernels on the bare machine and under the techniques that run kernels as they are: registers, memory, page tables
// and the log of every exception must be the same; interrupted all the time, too, though the interrupts come elsewhere.
import { describe, expect, test } from 'vitest';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { GUEST_BASE } from '../../src/vmm/host-memory.ts';
import type { DomainOptions } from '../../src/vmm/technique.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';
import { kernelImage, ORIGIN, randomKernel } from './kernel.ts';

interface Outcome {
  readonly stop: string;
  readonly registers: number[];
  readonly memory: Uint8Array;
}

function run(technique: string, file: Uint8Array, paging?: DomainOptions['paging']): Outcome {
  const vmm = techniques.find(technique)!.create({
    module: loadCore(),
    memory: 0x40_0000,
    profile: findProfile('p4-672'),
    serialOut: () => {},
    ...(paging === undefined ? {} : { paging }),
  });
  vmm.start(file, {});
  const stop = vmm.run({ instructions: 3_000_000 });
  const { cpu } = vmm.machine;
  const start = (technique === 'bare' ? 0 : GUEST_BASE) + ORIGIN;
  return {
    stop: stop.reason,
    registers: [0, 1, 2, 3, 5, 6, 7].map((n) => cpu.reg(n)),
    memory: cpu.ram.slice(start, start + file.length),
  };
}

/** What interrupts leave below the stack, their number, and when the processor noticed that a page was used. */
const TIMING = [
  ['stack', 'stack_end'],
  ['ticks', 'spare'],
  ['directory', 'end_of_image'],
] as const;

/** Name and address of the first byte that differs, without those between the symbols of `but`. */
function difference(
  a: Uint8Array,
  b: Uint8Array,
  symbols: ReadonlyMap<string, number>,
  but: readonly (readonly [string, string])[],
): string {
  const skipped = but.map(([from, to]) => [symbols.get(from)! - ORIGIN, symbols.get(to)! - ORIGIN] as const);
  const at = a.findIndex((byte, n) => byte !== b[n] && !skipped.some(([from, to]) => n >= from && n < to));
  if (at < 0) return 'none';
  const before = [...symbols].filter(([, address]) => address <= ORIGIN + at).sort((x, y) => y[1] - x[1])[0];
  return `${before?.[0]} + ${ORIGIN + at - (before?.[1] ?? 0)}`;
}

const MANY = Array.from({ length: 20 }, (_, n) => n + 1);
const SOME = [2, 20, 45, 101, 102, 103, 104, 105];

describe.each([
  { title: 'under binary translation', technique: 'binary-translation', seeds: MANY, ring3: false },
  { title: 'in ring 3 under binary translation', technique: 'binary-translation', seeds: MANY, ring3: true },
  { title: 'under VT-x with shadow paging', technique: 'vtx', paging: 'shadow', seeds: SOME, ring3: false },
  { title: 'under VT-x with EPT', technique: 'vtx', paging: 'ept', seeds: SOME, ring3: false },
] as const)('random kernels behave $title as on the bare machine', ({ technique, seeds, ring3, ...rest }) => {
  const paging = 'paging' in rest ? rest.paging : undefined;

  test.each(seeds)('kernel %d', (seed) => {
    const { bytes, symbols } = kernelImage(randomKernel(seed, { ring3 }));
    const bare = run('bare', bytes);
    const guest = run(technique, bytes, paging);
    expect(difference(guest.memory, bare.memory, symbols, [])).toBe('none');
    expect(guest.registers).toEqual(bare.registers);
    expect(guest.stop).toBe(bare.stop);
  });

  test.each(seeds)('kernel %d, interrupted', (seed) => {
    const { bytes, symbols } = kernelImage(randomKernel(seed, { timer: true, ring3 }));
    const bare = run('bare', bytes);
    const guest = run(technique, bytes, paging);
    expect(difference(guest.memory, bare.memory, symbols, TIMING)).toBe('none');
    expect(guest.registers).toEqual(bare.registers);
    expect(guest.stop).toBe(bare.stop);
    expect(guest.memory[symbols.get('ticks')! - ORIGIN]).toBeGreaterThan(0);
  });
});
