// Millions of random system calls.
import { expect, test } from 'vitest';
import { canCompile } from './guest.ts';
import { makeRandomCalls } from './hostile.ts';

test.skipIf(!canCompile())('two million random system calls are answered, end, and leave nothing behind', () => {
  expect(makeRandomCalls(1000, 250, 4000)).toBeGreaterThan(2_000_000);
});
