// The same for all programs that are compared with Linux, at more moments, and cut into several pieces.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from '../properties.ts';
import { describe, expect, test } from 'vitest';
import { ABIS, compile } from './programs.ts';
import { runInPieces, runWhole } from './property.ts';

const LINUX = join(import.meta.dirname, '../linux/programs');
const names = readdirSync(LINUX).flatMap((file) => (file.endsWith('.c') ? [file.replace(/\.c$/, '')] : []));

describe.each(ABIS)('%s', (abi) => {
  test.each([...names, 'everything'])('%s: run, save, load, run is run', (name) => {
    const program = compile(name, abi);
    if (program === undefined) return;
    const whole = runWhole(program);
    const moments = fc.array(fc.integer({ min: 1, max: whole.instructions }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(moments, (cuts) => {
        expect(
          runInPieces(
            program,
            cuts.sort((a, b) => a - b),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});
