// Debian's strace, natively and here, watching the same program: what it prints is the same but for numbers of processes.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { canCompile, runProgram } from './cases.ts';

const STRACE = '/usr/bin/strace';
const LOADER = '/lib64/ld-linux-x86-64.so.2';
const CALLS = 'openat,pipe2,read,write,close,wait4,kill,fcntl,exit_group,rt_sigreturn';
const folder = mkdtempSync(join(tmpdir(), 'anillo-strace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isPossible = existsSync(STRACE) && existsSync(LOADER) && canCompile('amd64');

/** Output without what differs from run to run. */
function withoutNumbers(text: string, program: string): string[] {
  const number = /\[pid +\d+\]|(?<=wait4\(|kill\(|si_pid=|Process )\d+|(?<=\) = )\d{2,}$/gm;
  const lines = text
    .replaceAll(program, '/bin/traced')
    .replaceAll('\r', '')
    .replace(number, '#')
    .replace(/ += /g, ' = ')
    .split('\n');
  // how much of a call is told before another process has the word depends on who runs when
  return lines
    .filter((line) => !/unfinished|resumed|attached|^$/.test(line))
    .map((line) => line.replace(/^# /, ''))
    .sort();
}

function libraries(): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([
    [LOADER, readFileSync(LOADER)],
    ['/bin/strace', readFileSync(STRACE)],
  ]);
  for (const [, path] of execFileSync('ldd', [STRACE], { encoding: 'utf8' }).matchAll(/=> (\/\S+)/g))
    files.set(`/lib/${basename(path!)}`, readFileSync(path!));
  return files;
}

test.skipIf(isPossible)('strace is not there: install strace and the static C library', () => {});

test.skipIf(!isPossible)(
  "Debian's strace follows a program, its child, its signals and its end",
  () => {
    const program = join(folder, 'traced');
    execFileSync('gcc', ['-O1', '-w', '-static', '-o', program, join(import.meta.dirname, 'dynamic/traced.c')]);
    const options = ['-f', '-e', `trace=${CALLS}`];
    const native = spawnSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', STRACE, ...options, program], {
      encoding: 'latin1',
      env: {},
    });
    const files = libraries();
    files.set('/bin/traced', readFileSync(program));
    const here = runProgram(files, '/bin/strace', [...options, '/bin/traced']);
    expect(here.end).toBe(`exit ${native.status}`);
    expect(withoutNumbers(here.output, program)).toEqual(withoutNumbers(native.stdout, program));
  },
  60_000,
);
