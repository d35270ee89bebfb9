// Programs on namespaces, capabilities and mounts, on this computer's Linux and on the user-space kernel: output and exit
// status must be equal. They work in a user namespace of their own; where this computer forbids those, the test says so.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';

const PROGRAMS = join(import.meta.dirname, 'namespaces');
const ABIS = { amd64: '-m64', i386: '-m32' } as const;
const namesIn = (folder: string) =>
  readdirSync(join(PROGRAMS, folder))
    .filter((file) => file.endsWith('.c'))
    .map((file) => join(folder, file.replace(/\.c$/, '')));
const names = namesIn('');
/** Programs that need more than one user ID: natively they are for the superuser. */
const rootNames = namesIn('root');
const isRoot = process.getuid?.() === 0;

/** True when static programs can be compiled here for an ABI, and may make user namespaces. */
function isPossible(flag: string): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const program = 'int main(void){return 0;}';
  const compiled = spawnSync('gcc', [flag, '-static', '-x', 'c', '-o', '/dev/null', '-'], { input: program });
  return compiled.status === 0 && spawnSync('unshare', ['-Urm', 'true']).status === 0;
}

const folder = mkdtempSync(join(tmpdir(), 'anillo-namespaces-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[]): { out: string; status: number | null } {
  const { stdout, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: HANGS, input: '' });
  return { out: stdout, status: signal === null ? status : -1 };
}

describe.each(Object.entries(ABIS))('%s programs', (abi, flag) => {
  const possible = isPossible(flag);
  const program = (name: string) => join(folder, `${name.replace('/', '-')}-${abi}`);
  beforeAll(() => {
    if (!possible) return;
    for (const name of [...names, ...rootNames])
      execFileSync('gcc', [flag, '-O1', '-w', '-static', '-pthread', '-o', program(name), join(PROGRAMS, `${name}.c`)]);
  });

  test.skipIf(possible)(
    'need gcc with static libraries and a Linux that lets everybody make user namespaces',
    () => {},
  );

  const compare = (name: string) => {
    const native = run(program(name), []);
    const here = run('node', [COMMAND, 'process', program(name)]);
    expect(native.status).toBe(0);
    expect(here).toEqual(native);
  };
  test.skipIf(!possible).each(names)('%s: the same as on Linux', compare);
  test.skipIf(!possible || !isRoot).each(rootNames)('%s: the same as on Linux', compare);
  test.skipIf(isRoot)('programs with several user IDs are compared when the tests run as the superuser', () => {});
});
