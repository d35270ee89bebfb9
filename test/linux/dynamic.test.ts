// A program with an interpreter, on this computer's Linux and here: the dynamic loader and the libraries are copied into a
// root of their own.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ABIS, type Abi, runProgram } from './cases.ts';

const SOURCE = join(import.meta.dirname, 'dynamic/dynamic.c');
const LIBRARIES = ['libc.so.6', 'libm.so.6'];
/** Where the loader has to be, and where this computer may have it and the libraries. */
const PLACES = {
  amd64: { loader: '/lib64/ld-linux-x86-64.so.2', folders: ['/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64'] },
  i386: { loader: '/lib/ld-linux.so.2', folders: ['/lib/i386-linux-gnu', '/lib32', '/usr/lib32'] },
} as const;

const folder = mkdtempSync(join(tmpdir(), 'anillo-dynamic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compile(abi: Abi): string | undefined {
  const program = join(folder, `dynamic-${abi}`);
  const { status } = spawnSync('gcc', [ABIS[abi], '-O1', '-w', '-pthread', '-o', program, SOURCE]);
  return status === 0 && existsSync(PLACES[abi].loader) ? program : undefined;
}

/** The loader and the libraries, by the names they have in the root. */
function system(abi: Abi): Map<string, Uint8Array> {
  const { loader, folders } = PLACES[abi];
  const files = new Map<string, Uint8Array>([[loader, readFileSync(loader)]]);
  for (const name of LIBRARIES) {
    const from = folders.map((place) => join(place, name)).find(existsSync);
    if (from !== undefined) files.set(`/lib/${name}`, readFileSync(from));
  }
  return files;
}

describe.each(Object.keys(ABIS) as Abi[])('%s', (abi) => {
  const program = process.platform === 'linux' && process.arch === 'x64' ? compile(abi) : undefined;

  test.skipIf(program !== undefined)(`dynamic programs cannot be compiled here: install gcc for ${abi}`, () => {});

  test.skipIf(program === undefined)('a dynamic program does the same as on Linux', () => {
    const native = spawnSync(program!, [], { encoding: 'latin1', env: {} });
    const files = system(abi);
    files.set('/bin/dynamic', readFileSync(program!));
    const here = runProgram(files, '/bin/dynamic', []);
    expect(here).toEqual({ end: `exit ${native.status}`, output: native.stdout });
  });

  test.skipIf(program === undefined)('the loader runs a program that is given to it', () => {
    const files = system(abi);
    files.set('/bin/dynamic', readFileSync(program!));
    expect(runProgram(files, PLACES[abi].loader, ['/bin/dynamic']).end).toBe('exit 7');
  });

  test.skipIf(program === undefined)('without its interpreter it cannot be started', () => {
    const files = new Map([['/bin/dynamic', new Uint8Array(readFileSync(program!))]]);
    expect(() => runProgram(files, '/bin/dynamic', [])).toThrow('ENOENT');
  });
});
