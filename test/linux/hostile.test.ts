// A kernel under random system calls: some thousands here, millions in the slow suite.
import { expect, test } from 'vitest';
import { canCompile } from './guest.ts';
import { makeRandomCalls } from './hostile.ts';

test.skipIf(!canCompile())('random system calls are answered, end, and leave nothing behind', () => {
  expect(makeRandomCalls(1, 8, 1500)).toBeGreaterThan(10_000);
});
