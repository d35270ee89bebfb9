// Random programs in every mode end in the same state however the run is cut: a few of the million of streams-*.slow.test.ts.
import { expect, test } from 'vitest';
import { Checker } from './check.ts';
import { Programs } from './programs.ts';
import { SETTINGS } from './setting.ts';

const STREAMS = 2000;

test(`${STREAMS} random programs in ${SETTINGS.length} modes: whole, in steps, in slices with save and restore`, () => {
  const checker = new Checker(new Programs(2));
  for (let seed = 0; seed < STREAMS; seed++) expect(checker.check(seed)).toBeUndefined();
});
