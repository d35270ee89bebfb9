// Containers of one program that does not mean well, and directories of this computer that they should not get at.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { canCompile, Programs } from '../linux/guest.ts';

/** The command. */
export const COMMAND = resolve(import.meta.dirname, '../../dist/anillo.js');
/** Whether such containers can be made here. */
export const canRace = process.platform === 'linux' && canCompile();

/** Makes the image `racer` before the tests, and removes everything after them. */
export function setUpRacers() {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-escapes-'));
  const env = { ...process.env, ANILLO_DATA: join(folder, 'data') };
  const [shared, secret] = [join(folder, 'shared'), join(folder, 'secret')];
  const programs = new Programs();
  const container = (...args: string[]) => {
    const options = { env, cwd: folder, timeout: 120_000, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'container', ...args], options);
    return { status, out: stdout, err: stderr };
  };
  beforeAll(() => {
    const root = join(folder, 'root');
    for (const name of ['bin', 'tmp/d']) mkdirSync(join(root, name), { recursive: true });
    const program = programs.compile(join(import.meta.dirname, 'programs/racer.c'));
    writeFileSync(join(root, 'bin/racer'), program, { mode: 0o755 });
    mkdirSync(join(shared, 'd'), { recursive: true });
    mkdirSync(secret);
    for (const name of ['key', 'other']) writeFileSync(join(secret, name), 'secret');
    writeFileSync(join(shared, 'd/key'), 'inside');
    const imported = spawnSync(process.execPath, [COMMAND, 'image', 'import', root, 'racer'], { env });
    expect(imported.status).toBe(0);
  });
  afterAll(() => {
    const ids = container('ps', '-aq').out.split('\n').filter(Boolean);
    if (ids.length > 0) container('rm', '-f', ...ids);
    programs.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, env, shared, secret, container };
}
