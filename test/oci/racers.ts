// Containers of one program that does not mean well, and directories of this computer that they should not get at.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { Installation } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';

/** Whether such containers can be made here. */
export const canRace = process.platform === 'linux' && canCompile();

/** Makes the image `racer` before the tests, and removes everything after them. */
export function setUpRacers() {
  const here = new Installation('escapes');
  const { folder, env, container } = here;
  const [shared, secret] = [join(folder, 'shared'), join(folder, 'secret')];
  const programs = new Programs();
  beforeAll(() => {
    const root = join(folder, 'root');
    for (const name of ['bin', 'tmp/d']) mkdirSync(join(root, name), { recursive: true });
    const program = programs.compile(join(import.meta.dirname, 'programs/racer.c'));
    writeFileSync(join(root, 'bin/racer'), program, { mode: 0o755 });
    mkdirSync(join(shared, 'd'), { recursive: true });
    mkdirSync(secret);
    for (const name of ['key', 'other']) writeFileSync(join(secret, name), 'secret');
    writeFileSync(join(shared, 'd/key'), 'inside');
    expect(here.anillo(['image', 'import', root, 'racer']).status).toBe(0);
  });
  afterAll(() => {
    programs.remove();
    here.remove();
  });
  return { folder, env, shared, secret, container };
}
