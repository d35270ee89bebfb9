// A kernel saved in the middle of programs and loaded in another goes on as if nothing had been.
import fc from '../properties.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { ABIS, type Abi, compile } from './programs.ts';
import { runInPieces, runWhole, type Seen } from './property.ts';

const PROGRAMS = ['threads', 'sockets', 'signals'];
const HOLDERS = [
  { holder: 'everything', title: 'a kernel with one of everything', checks: 30 },
  { holder: 'kept', title: 'keys, a Landlock domain and an access control list', checks: 15 },
];

describe.each(ABIS)('%s', (abi) => {
  describe.each(HOLDERS)('$title', ({ holder, checks }) => {
    const program = compile(holder, abi);
    const possible = test.skipIf(program === undefined);
    let whole: Seen;
    beforeAll(() => {
      if (program !== undefined) whole = runWhole(program);
    });

    possible('is what the program wants it to be', () => {
      expect(whole.said.filter((line) => line.includes('NO '))).toEqual([]);
      expect(whole.said.length).toBeGreaterThan(checks);
    });

    possible('goes on after a load as if it had not been saved', () => {
      const ready = whole.said.findIndex((line) => line.includes('ready'));
      const [from, to] = [ready, ready + 1].map((n) => Number.parseInt(whole.said[n]!, 10)) as [number, number];
      expect(to - from).toBeGreaterThan(10_000);
      fc.assert(
        fc.property(fc.integer({ min: from, max: to }), (moment) => {
          expect(runInPieces(program!, [moment])).toEqual(whole);
        }),
        { numRuns: 2, endOnFailure: true },
      );
    });
  });

  test.each(PROGRAMS)('%s: run, save, load, run is run', (name) => checkProgram(name, abi));
});

function checkProgram(name: string, abi: Abi): void {
  const program = compile(name, abi);
  if (program === undefined) return;
  const whole = runWhole(program);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: whole.instructions }), (moment) => {
      expect(runInPieces(program, [moment])).toEqual(whole);
    }),
    { numRuns: 1, endOnFailure: true },
  );
}
