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

/** What a call or a signal is told as when another process interrupts it, and how its rest is told. */
const UNFINISHED = / <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. \w+ resumed>/;

/** Numbers of processes, and processor time. */
const NUMBERS = /(?<=wait4\(|kill\(|si_pid=|si_utime=|si_stime=)\d+|(?<=^wait4.* = )\d+/g;

/**
 * What was told, in order of the alphabet and without NUMBERS: who runs when, and how far a call is told before
 * another process has the word, is up to the scheduler.
 */
function whatIsTold(text: string): string[] {
  const open = new Map<string, string>();
  const told: string[] = [];
  for (const [, process, rest] of text.replaceAll('\r', '').matchAll(/^(\d+) +(.*)$/gm)) {
    const line = rest!.replace(RESUMED, () => open.get(process!) ?? '');
    if (UNFINISHED.test(line)) open.set(process!, line.replace(UNFINISHED, ''));
    else told.push(line.replace(NUMBERS, '#').replace(/ += /, ' = '));
  }
  return told.sort();
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
    const told = join(folder, 'told');
    const options = ['-f', '-e', `trace=${CALLS}`, '-o'];
    const native = spawnSync(STRACE, [...options, told, program], { env: {} });
    const files = libraries();
    files.set('/bin/traced', readFileSync(program));
    const here = runProgram(files, '/bin/strace', [...options, '/proc/self/fd/1', '/bin/traced']);
    expect(here.end).toBe(`exit ${native.status}`);
    expect(whatIsTold(here.output)).toEqual(whatIsTold(readFileSync(told, 'latin1')));
  },
  60_000,
);
