// The test suite of busybox, by the people who write it: every case does in a container what it does on this computer's Linux
// with the same static program, both in a root file system that has nothing else. Calculators and sums are left out: an hour
// of arithmetic and no more system calls than the others. So is wget: whether it passes depends on the network of the computer.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import type { Abi } from './cases.ts';
import { Command } from './debian/command.ts';
import { canRunNatively, runNatively } from './debian/computer.ts';
import { fetchWithSource, whatIsMissing, type WithSource } from './debian/packages.ts';

const run = promisify(execFile);
const LEFT_OUT = ['bc', 'dc', 'factor', 'md5sum', 'sha1sum', 'sha256sum', 'sha3sum', 'sha512sum', 'wget'];
const LONGEST_MS = 1_200_000;
/** The suite's own report; what a case prints besides may differ. */
const RESULT = /^(?:PASS|FAIL|SKIPPED|UNTESTED): .*$/gm;

/** A root file system of busybox with its test suite in /bb/testsuite; gives the applets that have cases. */
async function makeRoot(folder: string, files: WithSource): Promise<{ root: string; applets: string[] }> {
  const root = join(folder, 'root');
  const [unpacked, original, debian] = ['package', 'original', 'debian'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of ['bin', 'bb', 'etc', 'root', 'proc', 'sys', 'dev', 'tmp', 'usr', 'var'])
    mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  await run('dpkg-deb', ['-x', files.package, unpacked]);
  for (const [archive, into] of [
    [files.original, original],
    [files.debian, debian],
  ] as const) {
    mkdirSync(into);
    await run('tar', ['-xf', archive, '-C', into]);
  }
  const busybox = join(unpacked, 'bin/busybox');
  for (const path of ['bin', 'bb']) copyFileSync(busybox, join(root, path, 'busybox'));
  const { stdout } = await run(busybox, ['--list']);
  const applets = stdout.trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  const suite = join(original, readdirSync(original)[0]!, 'testsuite');
  cpSync(suite, join(root, 'bb/testsuite'), { recursive: true });
  copyFileSync(join(debian, 'debian/config/pkg/static'), join(root, 'bb/.config'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  const cases = new Set(readdirSync(suite).map((name) => name.replace(/\.tests$/, '')));
  return { root, applets: applets.filter((applet) => cases.has(applet) && !LEFT_OUT.includes(applet)) };
}

/** The tests of one architecture. */
async function testBusybox(abi: Abi): Promise<void> {
  const missing = process.platform === 'linux' && process.arch === 'x64' ? await whatIsMissing() : 'Linux on x86-64';
  const reason = missing ?? (canRunNatively() ? undefined : 'root, to run it natively,');
  const files =
    reason === undefined
      ? await fetchWithSource(abi, 'busybox-static', 'busybox').catch((error: Error) => error)
      : new Error(`${reason} is missing`);
  if (files instanceof Error) {
    test.skip(`the suite of busybox cannot be had here: ${files.message.trim().split('\n').at(-1)}`, () => {});
    return;
  }

  describe(`busybox for ${abi}`, () => {
    const folder = mkdtempSync(join(tmpdir(), `anillo-busybox-${abi}-`));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test(
      'passes and fails the same cases of its suite as natively',
      async () => {
        const { root, applets } = await makeRoot(folder, files);
        const anillo = new Command(join(folder, 'data'));
        expect(anillo.run('image', 'import', root, 'busybox:suite').status).toBe(0);
        const script = `cd /bb/testsuite && ./runtest busybox ${applets.join(' ')}`;
        const results = (out: string) => out.match(RESULT);
        const native = results(runNatively(root, script).out);
        expect(native?.length).toBeGreaterThan(600);
        expect(results(anillo.script('busybox:suite', script, '--rm').out)).toEqual(native);
      },
      LONGEST_MS,
    );
  });
}

await testBusybox('amd64');
await testBusybox('i386');
