// Containers that want out, and what once let them: descriptors and directories left open, masked files uncovered, a disk
// filled, processes that do not want to end; directories of this computer that change while they are packed.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { packLocally } from '../../src/cli/archive-files.ts';
import { LogFile, olderLog } from '../../src/cli/container/log-file.ts';
import { canRace, setUpRacers } from './racers.ts';

describe.skipIf(!canRace)('a container', () => {
  const { container, env } = setUpRacers();

  test('has no descriptors but its own, and no way to what is masked, mounted or the kernel', () => {
    const { status, out } = container('run', '--rm', 'racer', 'racer', 'escape');
    expect(status).toBe(0);
    expect(out.split('\n')).toMatchInlineSnapshot(`
      [
        "0 1 2 ",
        "syscall(SYS_keyctl, 0, -3, 0): EPERM",
        "syscall(SYS_add_key, "user", "x", "y", 1, -3): EPERM",
        "syscall(SYS_userfaultfd, 0): EPERM",
        "syscall(SYS_io_uring_setup, 8, 0): EPERM",
        "mount("cgroup", "/tmp", "cgroup", 0, "memory"): EPERM",
        "mount("proc", "/tmp", "proc", 0, ""): EPERM",
        "mount("sysfs", "/tmp", "sysfs", 0, ""): EPERM",
        "umount2("/proc/sys", MNT_DETACH): EPERM",
        "syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/tmp", 0): EPERM",
        "open("/sys/fs/cgroup/release_agent", O_WRONLY): ENOENT",
        "open("/sys/fs/cgroup/cgroup.procs", O_WRONLY): EROFS",
        "open("/proc/sysrq-trigger", O_WRONLY): ENOENT",
        "open("/proc/kcore", O_RDONLY): ENOENT",
        "open("/proc/1/root/../../..", O_RDONLY) > 0: ok",
        "open("/sys/kernel/uevent_helper", O_WRONLY): ENOENT",
        "open("/dev/mem", O_RDWR): ENOENT",
        "open("/dev/kmsg", O_RDWR): ENOENT",
        "open("/dev/sda", O_RDWR): ENOENT",
        "open("/proc/1/exe", O_WRONLY | O_TRUNC): ETXTBSY",
        "",
      ]
    `);
  });

  test('is entered by a program that brings nothing along', () => {
    container('run', '-d', '--name', 'entered', 'racer', 'racer', 'wait');
    expect(container('exec', 'entered', 'racer', 'descriptors').out).toBe('0 1 2 \n');
    for (const command of [
      ['exec', '-w', '/proc/self/fd/7', 'entered', 'racer', 'descriptors'],
      ['run', '--rm', '-w', '/proc/self/fd/3/../../..', 'racer', 'racer', 'descriptors'],
    ]) {
      const { status, out, err } = container(...command);
      expect(status).not.toBe(0);
      expect(out).toBe('');
      expect(err).toMatch(/^anillo: [^\n]*\n$/);
    }
    container('rm', '-f', 'entered');
  });

  test('that fills its disk hears so, or is killed alone', () => {
    const { status, out } = container('run', '--rm', '-m', '24m', 'racer', 'racer', 'fill', 'bytes');
    expect(out).toMatch(/^(?:1: ENOSPC|1: ENOMEM|killed by KILL)\nothers go on\n$/);
    expect(status).toBe(0);
  });

  test.each([
    ['burn', 130],
    ['stubborn', 137],
  ])('that does nothing but %s ends when it has to', async (what, expected) => {
    const run = spawn(process.execPath, [COMMAND, 'container', 'run', '--name', what, 'racer', 'racer', what], { env });
    await new Promise((ready) => run.stdout.once('data', ready));
    const ended = new Promise<number | null>((end) => run.once('exit', end));
    const begun = performance.now();
    if (what === 'burn') run.kill('SIGINT');
    else expect(container('stop', '-t', '1', what).status).toBe(0);
    expect(await ended).toBe(expected);
    expect(performance.now() - begun).toBeLessThan(HANGS);
    expect(container('inspect', what).out).toContain(`"ExitCode": ${expected}`);
  });
});

describe.skipIf(process.platform !== 'linux')('on this computer', () => {
  test('a log keeps the newest part, and never more than two parts', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'anillo-log-')), 'log');
    const log = new LogFile(path, 10_000);
    for (let n = 0; n < 1000; n++) log.append(Buffer.from(`line ${n}\n`), 'stdout');
    log.close();
    const [older, newer] = [readFileSync(olderLog(path), 'utf8'), readFileSync(path, 'utf8')];
    expect(older.length).toBeLessThan(11_000);
    expect(newer.length).toBeLessThan(11_000);
    const texts = `${older}${newer}`.trimEnd().split('\n');
    const numbers = texts.map((line) => Number(/line (\d+)/.exec(line)![1]));
    expect(numbers.at(-1)).toBe(999);
    expect(numbers).toEqual(numbers.map((_, n) => numbers[0]! + n));
    rmSync(resolve(path, '..'), { recursive: true });
  });

  test('a directory that becomes a link while it is packed is not left', async () => {
    const place = mkdtempSync(join(tmpdir(), 'anillo-pack-'));
    const [top, other] = [join(place, 'top'), join(place, 'other')];
    for (const name of ['a', 'b']) mkdirSync(join(top, name), { recursive: true });
    mkdirSync(other);
    writeFileSync(join(top, 'a/file'), Buffer.alloc(1 << 20));
    writeFileSync(join(top, 'b/file'), 'inside');
    writeFileSync(join(other, 'file'), 'outside');
    const reader = packLocally(top, 'top', false).getReader();
    let text = '';
    for (let n = 0; ; n++) {
      const read = await reader.read().catch((error: NodeJS.ErrnoException) => error);
      if (read instanceof Error) {
        expect(read.code).toMatch(/ENOTDIR|ELOOP/);
        break;
      }
      if (read.done) break;
      text += Buffer.from(read.value).toString('latin1');
      if (n === 0) {
        rmSync(join(top, 'b'), { recursive: true });
        symlinkSync(other, join(top, 'b'));
      }
    }
    expect(text).toContain('top/a/file');
    expect(text).not.toContain('outside');
    expect(statSync(join(other, 'file')).size).toBe(7);
    rmSync(place, { recursive: true });
  });
});
