// The same static programs on this computer's Linux and on the user-space kernel: output and exit status must be equal.
// They are compiled here for both ABIs; without a C compiler or off Linux the test says so and skips.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';

const PROGRAMS = join(import.meta.dirname, 'programs');
const ABIS = { amd64: '-m64', i386: '-m32' } as const;
/** Programs about mounts: on the host they run as root in mounts of their own, here as process 1. */
const MOUNTS = join(import.meta.dirname, 'mounts');
const PRIVATE = ['--mount', '--propagation', 'private'] as const;
const namesIn = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.c'))
    .map((file) => file.replace(/\.c$/, ''));
const names = namesIn(PROGRAMS);
const mountNames = namesIn(MOUNTS);

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

/** True when a program may have mounts of its own here. */
function canMount(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', [...PRIVATE, 'true']).status === 0;
}

const folder = mkdtempSync(join(tmpdir(), 'anillo-linux-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[]): Outcome {
  const { stdout, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: HANGS, input: '' });
  return { out: stdout, status: signal === null ? status : -1 };
}

describe.each(Object.entries(ABIS))('%s programs', (abi, flag) => {
  const possible = canCompile(flag);
  const program = (name: string) => join(folder, `${name}-${abi}`);
  beforeAll(() => {
    if (!possible) return;
    const compile = (name: string, source: string) =>
      execFileSync('gcc', [flag, '-O1', '-w', '-static', '-pthread', '-o', program(name), source]);
    for (const name of names) compile(name, join(PROGRAMS, `${name}.c`));
    for (const name of mountNames) compile(`mounts-${name}`, join(MOUNTS, `${name}.c`));
  });

  test.skipIf(possible)(`cannot be compiled here: install gcc and libc6-dev${abi === 'i386' ? '-i386' : ''}`, () => {});

  test.skipIf(!possible).each(names)('%s: the same as on Linux', (name) => {
    const native = run(program(name), []);
    const here = run('node', [COMMAND, 'process', program(name)]);
    expect(native.status).toBe(0);
    expect(here).toEqual(native);
  });

  const mountable = possible && canMount();
  test.skipIf(mountable)('mounts cannot be made here: run as root', () => {});

  test.skipIf(!mountable).each(mountNames)('mounts/%s: the same as on Linux', (name) => {
    const native = run('unshare', [...PRIVATE, program(`mounts-${name}`)]);
    const here = run('node', [COMMAND, 'process', program(`mounts-${name}`)]);
    expect(native.status).toBe(0);
    expect(here).toEqual(native);
  });
});
