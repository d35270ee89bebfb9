// The programs of the benchmark do the work they say: one unit of each, in 32-bit and in 64-bit code, reports the same checksum.
import { describe, expect, test } from 'vitest';
import { anillo } from '../bench/engines/anillo.ts';
import { UNEXPECTED } from '../bench/guest/source.ts';
import { memoryImage } from '../bench/guest/memory-image.ts';
import type { Width } from '../bench/guest/layout.ts';
import { PROGRAMS } from '../bench/programs/index.ts';
import type { Program } from '../bench/programs/program.ts';
import { loadCore } from './core.ts';

/** Checksums of the first units. */
async function checksums(program: Program, width: Width): Promise<number[]> {
  const seen: number[] = [];
  const engine = anillo(program.name, loadCore(), memoryImage(program.source, width));
  await engine.run((checksum) => seen.push(checksum) === 2);
  return seen;
}

describe('a program of the benchmark', () => {
  test.each(PROGRAMS.map((program) => [program.name, program] as const))('%s', async (_, program) => {
    const results = await Promise.all(program.widths.map((width) => checksums(program, width)));
    const [first] = results[0]!;
    expect(first).not.toBe(UNEXPECTED);
    for (const result of results) expect(result).toEqual([first, first]);
  });
});
