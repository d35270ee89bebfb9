// The slow suite: long random runs and whole operating systems.
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { savableTests } from '../src/build/savable-modules.ts';

export default defineConfig({
  plugins: [savableTests],
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: ['src/**/*.slow.test.ts', 'test/**/*.slow.test.ts'],
    globalSetup: ['test/build-first.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 1_200_000,
    maxWorkers: 2,
  },
});
