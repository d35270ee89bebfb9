// Debian's static busybox, in a root file system that has nothing else: every case of the test suite by the people who write it,
// and every applet, do in a container what they do on this computer's Linux with the same rights.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPLETS, appletScript, linesScript, type Outcomes, outcomes } from './busybox-applets.ts';
import type { Abi } from './cases.ts';
import { Command } from './debian/command.ts';
import { canRunNatively, runConfined } from './debian/computer.ts';
import { fetchWithSource, whatIsMissing, type WithSource } from './debian/packages.ts';

const run = promisify(execFile);
const LONGEST_MS = 1_200_000;
const ASK_AGAIN = 5;
/** The suite's own report; what a case prints besides may differ. */
const RESULT = /^(?:PASS|FAIL|SKIPPED|UNTESTED): .*$/gm;

/**
 * The two longest cases of bc count through all numbers in all bases: twenty minutes of divisions here, 25 seconds natively, and
 * no other system calls than a shorter count makes.
 */
const SHORTER = [
  ['i <= 65536', 'i <= 256'],
  ['b <= 101', 'b <= 16'],
] as const;
/** The sum a case of bc expects, and the program it counts with. */
const COUNTED = /"([0-9a-f]{32}) {2}-\\n" \\\n\t"" '([^']+)'/g;
/** Who this computer is; here too a container has a file of its own. */
const KNOW_HOSTS = 'echo 127.0.0.1 localhost debian www.google.com > /etc/hosts';
/** The page its cases for wget ask for. */
const SERVE = 'mkdir /www; echo page > /www/index.html; httpd -h /www';

/** A root file system of busybox. */
interface Root {
  readonly root: string;
  readonly applets: readonly string[];
  /** Applets that have cases in /bb/testsuite. */
  readonly tested: readonly string[];
}

async function makeRoot(folder: string, files: WithSource): Promise<Root> {
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
  await shortenCounts(join(root, 'bb/testsuite/bc.tests'), busybox);
  copyFileSync(join(debian, 'debian/config/pkg/static'), join(root, 'bb/.config'));
  copyFileSync(files.package, join(root, 'bb/busybox.deb'));
  writeFileSync(join(root, 'bb/applets'), appletScript());
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  const cases = new Set(readdirSync(suite).map((name) => name.replace(/\.tests$/, '')));
  return { root, applets, tested: applets.filter((applet) => cases.has(applet)) };
}

/** Makes the long counts shorter; what sum they have then, the program says natively. */
async function shortenCounts(file: string, busybox: string): Promise<void> {
  let text = readFileSync(file, 'utf8');
  for (const [long, short] of SHORTER) {
    expect(text).toContain(long);
    text = text.replace(long, short);
  }
  for (const [, sum, program] of text.matchAll(COUNTED)) {
    const { stdout } = await run(busybox, [
      'sh',
      '-c',
      'printf %b "$1" | $0 bc | $0 bc | $0 md5sum',
      busybox,
      program!,
    ]);
    text = text.replace(sum!, stdout.slice(0, sum!.length));
  }
  writeFileSync(file, text);
}

/**
 * What natively is a race between two processes may end otherwise the next time: where the outcomes differ, those lines are run
 * natively some times more, and an outcome that is seen is taken.
 */
function askAgain(root: string, native: Outcomes, here: Outcomes): Outcomes {
  let seen = native;
  for (let times = 0; times < ASK_AGAIN; times++) {
    const other = APPLETS.filter((name) => here[name] !== seen[name]);
    if (other.length === 0) break;
    const again = outcomes(runConfined(root, `${KNOW_HOSTS}; ${linesScript(other)}`).out);
    const same = other.filter((name) => here[name] === again[name]);
    seen = { ...seen, ...Object.fromEntries(same.map((name) => [name, again[name]!])) };
  }
  return seen;
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

    const anillo = new Command(join(folder, 'data'));
    let made: Root;
    beforeAll(async () => {
      made = await makeRoot(folder, files);
      expect(anillo.run('image', 'import', made.root, 'busybox:suite').status).toBe(0);
    });

    test(
      'passes and fails the same cases of its suite as natively',
      () => {
        const script = `${KNOW_HOSTS}; ${SERVE}; cd /bb/testsuite && ./runtest busybox ${made.tested.join(' ')}`;
        const results = (out: string) => out.match(RESULT);
        const native = results(runConfined(made.root, script).out);
        expect(native?.length).toBeGreaterThan(750);
        expect(native).toContain('PASS: wget-supports--P');
        expect(results(anillo.script('busybox:suite', script, '--rm').out)).toEqual(native);
      },
      LONGEST_MS,
    );

    test(
      'does the same natively in every applet',
      () => {
        expect([...APPLETS].sort()).toEqual([...made.applets].sort());
        const script = `${KNOW_HOSTS}; sh /bb/applets`;
        const native = outcomes(runConfined(made.root, script).out);
        expect(Object.keys(native).length).toBeGreaterThan(500);
        const here = outcomes(
          anillo.script('busybox:suite', script, '--rm', '--security-opt', 'seccomp=unconfined').out,
        );
        expect(here).toEqual(askAgain(made.root, native, here));
      },
      LONGEST_MS,
    );
  });
}

await testBusybox('amd64');
await testBusybox('i386');
