// Control groups as programs see them: each program of cgroups/ prints what it did and found, and the text is compared with
// the file beside it. The texts follow Documentation/admin-guide/cgroup-v2.rst; where a program could break the computer it
// runs on (fork bombs, memory hogs) that is the point.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { canCompile, Programs, runGuest } from './guest.ts';

const FOLDER = join(import.meta.dirname, 'cgroups');
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.c'))
  .map((file) => file.replace(/\.c$/, ''));
const possible = canCompile();
const programs = new Programs();
afterAll(() => programs.remove());

describe('control groups', () => {
  test.skipIf(possible)('cannot be tried here: install gcc and libc6-dev', () => {});

  test.skipIf(!possible).each(names)('%s: as Linux documents it', (name) => {
    const { out, status } = runGuest(programs.compile(join(FOLDER, `${name}.c`)));
    expect(out).toBe(readFileSync(join(FOLDER, `${name}.txt`), 'utf8'));
    expect(status).toBe(0);
  });
});
