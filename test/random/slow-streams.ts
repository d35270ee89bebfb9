// A million random programs in two halves of many tests each, so that the runner hears from its workers in between.
import { expect, test } from 'vitest';
import { Checker } from './check.ts';
import { Programs } from './programs.ts';

const STREAMS = 1_000_000;
const TESTS = 100;

/** Defines the tests of every second batch of seeds, from batch `half` on. */
export function checkStreams(half: 0 | 1): void {
  let checker: Checker | undefined;
  const each = STREAMS / TESTS;
  for (let batch = half; batch < TESTS; batch += 2) {
    const first = batch * each;
    test(`random programs ${first} to ${first + each - 1} end in the same state however they are cut`, () => {
      checker ??= new Checker(new Programs(12));
      for (let seed = first; seed < first + each; seed++) expect(checker.check(seed)).toBeUndefined();
    });
  }
}
