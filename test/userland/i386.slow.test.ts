// The sources of the utilities make an i386 program as well: the same scripts print the same on this computer.
import { spawnSync } from 'node:child_process';
import { afterAll, expect, test } from 'vitest';
import { compileUserland } from '../../src/build/userland.ts';
import { expected, USERLAND, Utilities } from './utilities.ts';

const utilities = new Utilities();
afterAll(() => utilities.remove());

const empty = spawnSync('gcc', ['-m32', '-x', 'c', '-o', '/dev/null', '-'], { input: 'int main(void){return 0;}' });

test.skipIf(process.platform !== 'linux' || empty.status !== 0)('scripts print the same as those of amd64', () => {
  const bin = utilities.install('i386', compileUserland(USERLAND, '386', utilities.folder));
  for (const name of ['text', 'shell']) expect(utilities.runHere(bin, name)).toBe(expected(name));
});
