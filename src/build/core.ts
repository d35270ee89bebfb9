// Builds the CPU core: generates the decode tables, then compiles asm/ with AssemblyScript to WebAssembly.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import asc from 'assemblyscript/asc';
import { STATICS } from '../../asm/layout.ts';
import { generate } from './generate.ts';

/** Root of the project. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** How to build the core. */
export interface CoreOptions {
  /** asc's optimization level; 3 is what ships, 1 compiles several times faster. */
  readonly optimize?: 0 | 1 | 2 | 3;
  /** Replacements of source files, by path below the root: for measuring variants. */
  readonly overrides?: ReadonlyMap<string, (source: string) => string>;
}

/** A compiled core. */
export interface Core {
  readonly wasm: Uint8Array;
}

/**
 * Compiles the core.
 * @throws an Error with asc's messages when the source does not compile
 */
export async function buildCore(options: CoreOptions = {}): Promise<Core> {
  generate(join(ROOT, 'asm/gen'));
  let wasm: Uint8Array | undefined;
  let messages = '';
  const { error } = await asc.main(
    [
      'asm/index.ts',
      '--outFile',
      'cpu.wasm',
      '--runtime',
      'stub',
      '--importMemory',
      '--initialMemory',
      '1024',
      '--maximumMemory',
      '65536',
      '--memoryBase',
      String(STATICS),
      '--noAssert',
      '--enable',
      'simd',
      '--disableWarning',
      '201,112',
      `-O${options.optimize ?? 3}`,
    ],
    {
      readFile(name, base) {
        const path = resolve(ROOT, base, name);
        try {
          const source = readFileSync(path, 'utf8');
          const override = options.overrides?.get(path.slice(ROOT.length + 1));
          return override ? override(source) : source;
        } catch {
          return null;
        }
      },
      writeFile(name, contents) {
        if (name === 'cpu.wasm') wasm = contents as Uint8Array;
      },
      listFiles: () => [],
      stdout: { write: () => {} },
      stderr: { write: (text: string | Uint8Array) => (messages += String(text)) },
    },
  );
  if (error || !wasm) throw new Error(`The core does not compile.\n${messages}${error?.message ?? ''}`);
  return { wasm };
}
