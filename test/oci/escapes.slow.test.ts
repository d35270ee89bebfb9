// Containers that exchange links and directories while commands copy (CVE-2018-15664 had it), and fill the disk with nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canRace, setUpRacers } from './racers.ts';

describe.skipIf(!canRace)('a container', () => {
  const { container, folder, shared, secret } = setUpRacers();

  test('that exchanges a directory for a link leads no copy out, into it or out of it', () => {
    const outside = join(folder, 'outside');
    mkdirSync(outside);
    container('run', '-d', '--name', 'swaps', 'racer', 'racer', 'swap', '/tmp/d', outside);
    for (let round = 0; round < 3; round++) {
      container('cp', join(shared, 'd/key'), `swaps:/tmp/d/key${round}`);
      rmSync(join(folder, 'back'), { recursive: true, force: true });
      container('cp', 'swaps:/tmp', join(folder, 'back'));
      expect(existsSync(join(folder, 'back'))).toBe(true);
    }
    expect(readdirSync(outside)).toEqual([]);
    container('rm', '-f', 'swaps');
  });

  test('that exchanges a directory of the computer for a link shows and gets nothing of what is outside', () => {
    const volume = `${shared}:/shared:rw`;
    container('run', '-d', '--name', 'swaps', '-v', volume, 'racer', 'racer', 'swap', '/shared/d', secret);
    const watched = container(
      'run',
      '--rm',
      '-v',
      `${shared}:/shared`,
      'racer',
      'racer',
      'watch',
      '/shared/d/key',
      '400',
    );
    expect(watched).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringMatching(/^inside 1 nothing [01] outside 0\n$/),
    });
    for (let round = 0; round < 2; round++) {
      container('cp', shared, 'swaps:/tmp/copy');
      const got = container('cp', 'swaps:/tmp/copy/d/key', '-');
      expect(got.out).not.toContain('secret');
      container('cp', 'swaps:/bin/racer', join(shared, 'd'));
      expect(readdirSync(secret).filter((name) => name !== 'racer')).toEqual(['key', 'other']);
    }
    container('rm', '-f', 'swaps');
  });

  test('cannot make the computer wait for its FIFOs, or copy what is no file', () => {
    container('run', '-d', '--name', 'live', 'racer', 'racer', 'wait');
    const names = ['/proc/1/exe', '/proc/1/cwd', '/proc/1/fd/1', '/proc/self/exe', '/dev/null', '/proc/1/environ'];
    for (const name of names)
      for (const follow of [[], ['-L']]) {
        const { status, err } = container('cp', ...follow, `live:${name}`, join(folder, 'copied'));
        expect(err).toMatch(/^(?:anillo: [^\n]*\.\n)?$/);
        expect(status).toBe(err === '' || err.includes('left out') ? 0 : 1);
        expect(err).not.toMatch(/undefined|TypeError/);
        rmSync(join(folder, 'copied'), { recursive: true, force: true });
      }
    container('rm', '-f', 'live');
  });

  test('that makes files of holes has a limit, and takes no more of the disk than it wrote', () => {
    const { status, out } = container('run', '--name', 'holes', 'racer', 'racer', 'fill', 'sparse');
    expect(out.split('\n')).toMatchInlineSnapshot(`
      [
        "4 files of 1 GiB: ENOSPC",
        "ftruncate(fd, 1l << 44): EFBIG",
        "ftruncate(fd, 1l << 42): ENOSPC",
        "pwrite(fd, "x", 1, 1l << 42): ENOSPC",
        "lseek(fd, 0, SEEK_DATA): ENXIO",
        "ftruncate(fd, 300l << 20): ok",
        "pwrite(fd, "x", 1, 200l << 20): ok",
        "data at 200",
        "others go on",
        "",
      ]
    `);
    expect(status).toBe(0);
    const used = Number(spawnSync('du', ['-sk', join(folder, 'data')], { encoding: 'utf8' }).stdout.split('\t')[0]);
    expect(used).toBeLessThan(64 << 10);
    expect(container('start', '-a', 'holes').status).toBe(0);
    container('rm', 'holes');
  });
});
