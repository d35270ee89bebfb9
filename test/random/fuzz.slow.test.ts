// A million times random bytes as code, on random tables, registers and VMCSs, in every mode and privilege: no trap of the
// core, no hang, no write outside RAM, and a state that a processor can be in. Many tests, so that the runner hears from
// its worker in between.
import { expect, test } from 'vitest';
import { Fuzzer } from './fuzz.ts';
import { Programs } from './programs.ts';

const CASES = 1_000_000;
const TESTS = 50;

let fuzzer: Fuzzer | undefined;
for (let batch = 0; batch < TESTS; batch++) {
  const each = CASES / TESTS;
  const first = batch * each;
  test(`random cases ${first} to ${first + each - 1}`, () => {
    fuzzer ??= new Fuzzer(new Programs(12));
    for (let seed = first; seed < first + each; seed++) expect(fuzzer.check(seed)).toBeUndefined();
  });
}
