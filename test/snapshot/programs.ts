// Static programs for the tests of snapshots, compiled on this computer.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FLAGS = { amd64: '-m64', i386: '-m32' } as const;
const LINUX = resolve(import.meta.dirname, '../linux/programs');

export type Abi = keyof typeof FLAGS;
export const ABIS = Object.keys(FLAGS) as readonly Abi[];

/** Compiles a program of this directory, or of the programs that are compared with Linux; undefined without a compiler. */
export function compile(name: string, abi: Abi): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-'));
  const own = join(import.meta.dirname, `${name}.c`);
  const source = existsSync(own) ? own : join(LINUX, `${name}.c`);
  try {
    const file = join(folder, name);
    const { status } = spawnSync('gcc', [FLAGS[abi], '-O1', '-static', '-w', '-pthread', '-o', file, source, '-lrt']);
    return status === 0 ? readFileSync(file) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
