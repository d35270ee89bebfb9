// Files into containers and out of them, running or not, where docker puts them, and nowhere else. Truth: docker-cp(1).
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { planCopy } from '../../src/oci/copy-plan.ts';
import { COMMAND, HANGS, Installation } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { entry, file, tar } from './archives.ts';

const here = new Installation('copy');
const { folder, env } = here;
const programs = new Programs();

function anillo(args: readonly string[], input: Uint8Array = new Uint8Array(0)) {
  const run = spawnSync(process.execPath, [COMMAND, ...args], { input, env, cwd: folder, timeout: HANGS });
  return { status: run.status, out: run.stdout.toString(), err: run.stderr.toString(), bytes: run.stdout };
}
const container = (...args: string[]) => anillo(['container', ...args]);
const cp = (...args: string[]) => container('cp', ...args);
const DONE = { status: 0, out: '', err: '' };

describe('a copy goes', () => {
  const file_ = { path: '/a/f', isDirectory: false };
  const dir = { path: '/a/d', isDirectory: true };
  const there = { path: '/t', exists: true, isDirectory: true };
  const cases: [string, Parameters<typeof planCopy>, ReturnType<typeof planCopy>][] = [
    ['into a directory, with its name', [file_, there], { directory: '/t', name: 'f' }],
    ['as a directory into a directory', [dir, there], { directory: '/t', name: 'd' }],
    [
      'without its name when its contents are meant',
      [{ ...dir, path: '/a/d/.' }, there],
      { directory: '/t', name: '' },
    ],
    ['over a file', [file_, { path: '/t/g', exists: true, isDirectory: false }], { directory: '/t', name: 'g' }],
    ['as a new file', [file_, { path: '/t/g', exists: false, isDirectory: false }], { directory: '/t', name: 'g' }],
    ['as a new directory', [dir, { path: '/t/g/', exists: false, isDirectory: false }], { directory: '/t', name: 'g' }],
    [
      'to a name without a directory',
      [file_, { path: 'g', exists: false, isDirectory: false }],
      { directory: '.', name: 'g' },
    ],
    ['into the root', [file_, { path: '/', exists: true, isDirectory: true }], { directory: '/', name: 'f' }],
  ];
  test.each(cases)('%s', (_, args, plan) => expect(planCopy(...args)).toMatchObject(plan));

  test('neither over a file as a directory nor into a directory that is not there', () => {
    expect(() => planCopy(dir, { path: '/t/g', exists: true, isDirectory: false })).toThrow(/is no directory/);
    expect(() => planCopy(file_, { path: '/t/g/', exists: false, isDirectory: false })).toThrow(
      /no directory \/t\/g\//,
    );
  });
});

describe.skipIf(!canCompile())('container cp', () => {
  const local = join(folder, 'local');

  beforeAll(() => {
    const root = join(folder, 'root');
    for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, 'bin/box'), programs.compile(join(import.meta.dirname, 'programs/box.c')), {
      mode: 0o755,
    });
    writeFileSync(join(root, 'etc/motd'), 'hello\n');
    symlinkSync('/etc/motd', join(root, 'link'));
    symlinkSync('/etc', join(root, 'etcs'));
    expect(anillo(['image', 'import', root, 'box', '--cmd', '/bin/box forever']).status).toBe(0);
    container('create', '--name', 'still', 'box', 'box', 'show', '/tmp/in/f');
    container('run', '-d', '--name', 'live', 'box');
  });
  beforeEach(() => {
    rmSync(local, { recursive: true, force: true });
    mkdirSync(join(local, 'in/sub'), { recursive: true });
    writeFileSync(join(local, 'in/f'), 'file\n', { mode: 0o640 });
    utimesSync(join(local, 'in/f'), 1_500_000_000, 1_500_000_000);
    writeFileSync(join(local, 'in/sub/g'), 'x'.repeat(3_000_000));
    symlinkSync('f', join(local, 'in/l'));
  });
  afterAll(() => {
    programs.remove();
    here.remove();
  });

  describe.each(['still', 'live'])('with a container that is %s', (name) => {
    test('takes directories in and gives them back as they were', () => {
      expect(cp('local/in', `${name}:/tmp`)).toMatchObject(DONE);
      expect(cp(`${name}:/tmp/in`, 'local/back')).toMatchObject(DONE);
      expect(readdirSync(join(local, 'back')).sort()).toEqual(['f', 'l', 'sub']);
      expect(readFileSync(join(local, 'back/f'), 'utf8')).toBe('file\n');
      expect(statSync(join(local, 'back/f')).mode & 0o777).toBe(0o640);
      expect(Math.floor(statSync(join(local, 'back/f')).mtimeMs / 1000)).toBe(1_500_000_000);
      expect(readlinkSync(join(local, 'back/l'))).toBe('f');
      expect(statSync(join(local, 'back/sub/g')).size).toBe(3_000_000);
      expect(cp('local/in/.', `${name}:/tmp`)).toMatchObject(DONE);
      expect(cp(`${name}:/tmp/sub/.`, 'local')).toMatchObject(DONE);
      expect(existsSync(join(local, 'g'))).toBe(true);
    });

    test('copies links, or what they lead to', () => {
      expect(cp(`${name}:/link`, 'local/one')).toMatchObject(DONE);
      expect(readlinkSync(join(local, 'one'))).toBe('/etc/motd');
      expect(cp('-L', `${name}:/link`, 'local/two')).toMatchObject(DONE);
      expect(lstatSync(join(local, 'two')).isFile()).toBe(true);
      expect(cp('-L', 'local/in/l', `${name}:/tmp/three`)).toMatchObject(DONE);
      expect(cp(`${name}:/tmp/three`, 'local')).toMatchObject(DONE);
      expect(lstatSync(join(local, 'three')).isFile()).toBe(true);
    });

    test('stays in the container whatever its links say', () => {
      expect(cp('local/in/f', `${name}:/etcs/inside`)).toMatchObject(DONE);
      expect(existsSync('/etc/inside')).toBe(false);
      expect(cp(`${name}:/etc/inside`, 'local/found')).toMatchObject(DONE);
      expect(cp(`${name}:/../../../etc/motd`, 'local/motd')).toMatchObject(DONE);
      expect(readFileSync(join(local, 'motd'), 'utf8')).toBe('hello\n');
    });

    test('streams archives', async () => {
      const archive = await tar(entry({ name: 'd/', type: 'directory', mode: 0o755 }), file('d/x', 'streamed'));
      expect(anillo(['container', 'cp', '-', `${name}:/tmp`], archive)).toMatchObject(DONE);
      const { bytes } = anillo(['container', 'cp', `${name}:/tmp/d`, '-']);
      const listed = spawnSync('tar', ['-t'], { input: bytes, encoding: 'utf8' });
      expect(listed.stdout).toBe('d/\nd/x\n');
      expect(anillo(['container', 'cp', '-', `${name}:/etc/motd`], archive)).toMatchObject({ status: 1 });
      const hostile = await tar(file('../out', 'x'));
      expect(anillo(['container', 'cp', '-', `${name}:/tmp`], hostile)).toMatchObject({
        status: 1,
        err: expect.stringContaining('leads out of the root'),
      });
    });
  });

  test('says in a sentence what cannot be', () => {
    const cases: [string[], RegExp][] = [
      [['live:/nothing', 'local'], /There is no \/nothing in the container/],
      [['local/nothing', 'live:/tmp'], /local\/nothing cannot be read: there is no such file/],
      [['local/in', 'live:/etc/motd'], /\/etc\/motd is no directory/],
      [['local/in/f', 'live:/none/x'], /\/none/],
      [['local/in/f', 'live:/none/'], /There is no directory \/none\//],
      [['live:/etc', 'local/in/f'], /local\/in\/f is no directory/],
      [['live:/etc/motd', 'local/none/x'], /local\/none cannot be written/],
      [['local/in/f', 'live:/proc/version'], /version/],
      // what is still on its way when the container refuses does not hide why
      [['local/big', 'live:/proc/version'], /version/],
    ];
    writeFileSync(join(local, 'big'), Buffer.alloc(8 << 20));
    for (const [args, sentence] of cases) {
      const outcome = cp(...args);
      expect(outcome.err).toMatch(sentence);
      expect(outcome.err).not.toMatch(/\n\s+at |internal error/);
      expect(outcome.status).toBe(1);
    }
    expect(cp('live:/etc', 'live:/tmp')).toMatchObject({
      status: 2,
      err: expect.stringContaining('two containers'),
    });
    expect(cp('a', 'b')).toMatchObject({ status: 2, err: expect.stringContaining('CONTAINER:PATH') });
  });

  test('what was put into a container that does not run is there when it does', () => {
    cp('local/in', 'still:/tmp');
    expect(container('ps', '-a').out).toMatch(/Created .* still\n/);
    expect(container('start', '-a', 'still').out).toBe('file\n');
  });

  test('a link on this computer does not lead a copy elsewhere, and privileges stay behind', () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere, { recursive: true });
    symlinkSync(elsewhere, join(local, 'in2'));
    cp('local/in', 'live:/tmp/in2');
    expect(cp('live:/tmp/in2', 'local')).toMatchObject({
      status: 1,
      err: expect.stringContaining('in2 cannot be written: a directory cannot take the place of what is none'),
    });
    expect(readdirSync(elsewhere)).toEqual([]);
    chmodSync(join(local, 'in/f'), 0o4755);
    cp('local/in/f', 'live:/tmp/privileged');
    cp('live:/tmp/privileged', 'local/plain');
    expect(statSync(join(local, 'plain')).mode & 0o7777).toBe(0o755);
  });

  test('a root that is read-only takes nothing', () => {
    container('create', '--name', 'fixed', '--read-only', 'box');
    expect(cp('local/in/f', 'fixed:/tmp/x')).toMatchObject({ status: 1, err: expect.stringContaining('Read-only') });
    container('rm', 'fixed');
  });

  test('export writes the root without what is mounted in it', () => {
    const { bytes } = container('export', 'live');
    const listed = spawnSync('tar', ['-t'], { input: bytes, encoding: 'utf8' }).stdout.split('\n');
    expect(listed).toEqual(expect.arrayContaining(['bin/box', 'etc/motd', 'link', 'proc/']));
    expect(listed.some((name) => /^(proc|sys)\/./.test(name))).toBe(false);
  });
});
