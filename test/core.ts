// The CPU core for tests: dist/cpu.wasm, which vitest's global setup keeps up to date, compiled once a process.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

let core: WebAssembly.Module | undefined;

/** The compiled core. */
export function loadCore(): WebAssembly.Module {
  core ??= new WebAssembly.Module(readFileSync(resolve(import.meta.dirname, '../dist/cpu.wasm')));
  return core;
}
