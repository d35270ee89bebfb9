// What is piped into `anillo process`: programs read it, and then its end.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { canCompile } from './guest.ts';

const COPY = '#include <unistd.h>\nint main(void) { char c; while (read(0, &c, 1) == 1) write(1, &c, 1); return 3; }\n';
const folder = mkdtempSync(join(tmpdir(), 'anillo-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!canCompile())('input from a pipe', () => {
  test('is read, and after its end the program comes to its own', () => {
    const [source, program] = [join(folder, 'copy.c'), join(folder, 'copy')];
    writeFileSync(source, COPY);
    execFileSync('gcc', ['-static', '-w', '-o', program, source]);
    const run = spawnSync('node', [COMMAND, 'process', program], {
      input: 'one\ntwo\n',
      encoding: 'utf8',
      timeout: HANGS,
    });
    expect([run.stdout, run.status]).toEqual(['one\ntwo\n', 3]);
  });
});
