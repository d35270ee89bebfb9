// Random bytes as code in every mode: a few of the million cases of fuzz.slow.test.ts.
import { expect, test } from 'vitest';
import { Fuzzer } from './fuzz.ts';
import { Programs } from './programs.ts';
import { SETTINGS } from './setting.ts';

const CASES = 4000;

test(`${CASES} random cases in ${SETTINGS.length} modes end in a state that a processor can be in`, () => {
  const fuzzer = new Fuzzer(new Programs(2));
  for (let seed = 0; seed < CASES; seed++) expect(fuzzer.check(seed)).toBeUndefined();
});
