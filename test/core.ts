// The built core for tests and benches.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PATH = join(resolve(import.meta.dirname, '..'), 'dist/cpu.wasm');

let cached: WebAssembly.Module | undefined;

/** dist/cpu.wasm, compiled once. */
export function loadCore(): WebAssembly.Module {
  if (!cached) {
    if (!existsSync(PATH)) throw new Error('dist/cpu.wasm is not there: run `npm run build` first.');
    cached = new WebAssembly.Module(readFileSync(PATH));
  }
  return cached;
}
