// anillo process --strace shows flags, text and structures as strace(1) does.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { COMMAND } from '../installation.ts';
import { canCompile } from './cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-strace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What strace prints for test/linux/strace/calls.c, but for the numbers of processes. */
const LINES = String.raw`
openat(AT_FDCWD, "new", O_RDWR|O_CREAT|O_TRUNC, 0640) = 3
write(3, "a\nb\"c\00123\377", 9) = 9
lseek(3, 0, SEEK_SET)           = 0
read(3, "a\nb\"c\00123\377", 10) = 9
close(3)                        = 0
openat(AT_FDCWD, "missing", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
pipe2([3, 4], 0)                = 0
access("new", R_OK|W_OK)        = 0
mkdir("d", 0755)                = 0
rt_sigprocmask(SIG_BLOCK, [INT TERM], NULL, 8) = 0
clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000}, NULL) = 0
wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 2
kill(1, 0)                      = 0
`.trim();

test.skipIf(!canCompile('amd64'))('a trace has the lines of strace', () => {
  const program = join(folder, 'calls');
  spawnSync('gcc', ['-O1', '-w', '-static', '-o', program, join(import.meta.dirname, 'strace/calls.c')]);
  const { stderr } = spawnSync('node', [COMMAND, 'process', '--strace', program], { encoding: 'utf8', input: '' });
  const trace = stderr.split('\n').map((line) => line.replace(/^\[pid 1\] /, ''));
  const wanted = LINES.split('\n');
  expect(trace.filter((line) => wanted.includes(line))).toEqual(wanted);
});
