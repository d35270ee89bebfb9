// The same static programs on this computer's Linux and on the user-space kernel: output and exit status must be equal.
// They are compiled here for both ABIs; without a C compiler or off Linux the test says so and skips.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const PROGRAMS = join(import.meta.dirname, 'programs');
const ANILLO = resolve(import.meta.dirname, '../../dist/anillo.js');
const ABIS = { amd64: '-m64', i386: '-m32' } as const;
const names = readdirSync(PROGRAMS).map((file) => file.replace(/\.c$/, ''));

interface Outcome {
  readonly out: string;
  readonly status: number | null;
}

/** True when static programs can be compiled and run here for an ABI. */
function canCompile(flag: string): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const empty = spawnSync('gcc', [flag, '-static', '-x', 'c', '-o', '/dev/null', '-'], {
    input: 'int main(void){return 0;}',
  });
  return empty.status === 0;
}

const folder = mkdtempSync(join(tmpdir(), 'anillo-linux-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[]): Outcome {
  const { stdout, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, input: '' });
  return { out: stdout, status: signal === null ? status : -1 };
}

describe.each(Object.entries(ABIS))('%s programs', (abi, flag) => {
  const possible = canCompile(flag);
  const program = (name: string) => join(folder, `${name}-${abi}`);
  beforeAll(() => {
    if (!possible) return;
    for (const name of names)
      execFileSync('gcc', [flag, '-O1', '-w', '-static', '-pthread', '-o', program(name), join(PROGRAMS, `${name}.c`)]);
  }, 120_000);

  test.skipIf(possible)(`cannot be compiled here: install gcc and libc6-dev${abi === 'i386' ? '-i386' : ''}`, () => {});

  test.skipIf(!possible).each(names)('%s: the same as on Linux', (name) => {
    const native = run(program(name), []);
    const here = run('node', [ANILLO, 'process', program(name)]);
    expect(native.status).toBe(0);
    expect(here).toEqual(native);
  });
});
