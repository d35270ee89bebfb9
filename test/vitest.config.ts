// The quick suite: everything beside the code and under test/, minus what boots real kernels (vitest.slow.config.ts).
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { savableTests } from '../src/build/savable-modules.ts';

export default defineConfig({
  plugins: [savableTests],
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/*.slow.test.ts', 'node_modules', 'dist'],
    globalSetup: ['test/build-first.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    maxWorkers: 2,
  },
});
