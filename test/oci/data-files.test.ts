// The data directory on a disk: one command at a time changes it, and a dead one is in nobody's way.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataFiles, dataHome, startOf } from '../../src/cli/data-files.ts';
import { locked } from '../../src/oci/data-directory.ts';
import { until } from '../installation.ts';

let root: string;
let data: DataFiles;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-data-'));
  data = new DataFiles(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (path: string) => new TextDecoder().decode(data.read(path));

describe('files', () => {
  test('appear whole when an upload is committed, and not before', () => {
    const upload = data.upload();
    upload.write(bytes('one '));
    upload.write(bytes('two'));
    expect(data.read('a/b')).toBeUndefined();
    upload.commit('a/b');
    upload.discard();
    expect(text('a/b')).toBe('one two');
    expect(data.list('tmp')).toEqual([]);
  });

  test('do not appear when an upload is discarded', () => {
    const upload = data.upload();
    upload.write(bytes('one'));
    upload.discard();
    expect(data.list('tmp')).toEqual([]);
  });

  test('are read in pieces', () => {
    data.replace('a', bytes('0123456789'));
    const file = data.open('a')!;
    const into = new Uint8Array(4);
    expect([file.size, file.readAt(8, into), [...into]]).toEqual([10, 2, [0x38, 0x39, 0, 0]]);
    file.close();
  });

  test('that are not there are undefined, empty or nothing to remove', () => {
    expect([data.read('x'), data.open('x'), data.size('x'), data.list('x')]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ]);
    expect(() => data.remove('x')).not.toThrow();
  });

  test('and directories are removed in one step', () => {
    data.replace('d/e/f', bytes('x'));
    data.remove('d');
    expect([data.list('d'), data.list('tmp')]).toEqual([[], []]);
  });

  test('are kept where ANILLO_DATA says, or in the data home of the user', () => {
    expect(dataHome({ ANILLO_DATA: '/a' })).toBe('/a');
    expect(dataHome({ XDG_DATA_HOME: '/b' })).toBe('/b/anillo');
  });
});

describe('the lock', () => {
  test('is had by one at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
    };
    await Promise.all(Array.from({ length: 12 }, () => locked(new DataFiles(root), work)));
    expect([most, data.list('locks').length, data.list('tmp')]).toEqual([1, 1, []]);
  });

  test('of processes that are killed while they have it is taken over, and what they were writing goes', async () => {
    const program = `
      import { DataFiles } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/data-files.ts'))};
      const data = new DataFiles(${JSON.stringify(root)});
      data.lock().then(() => { data.upload().write(new Uint8Array(100)); process.kill(process.pid, 'SIGKILL'); });`;
    const path = join(root, 'die.mts');
    writeFileSync(path, program);
    for (let n = 0; n < 3; n++) spawnSync(process.execPath, ['--import', 'tsx', path]);
    expect(data.list('tmp').length).toBeGreaterThan(0);
    await locked(data, () => expect(data.list('tmp')).toEqual([]));
  });

  test('of a process that has ended is free, though its parent has not heard of it', async () => {
    // the shell becomes a program that asks for no child
    const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec cat']);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const claim = JSON.stringify({ pid, started: startOf(pid) });
    process.kill(pid, 'SIGKILL');
    await until(() => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    mkdirSync(join(root, 'locks'), { recursive: true });
    writeFileSync(join(root, 'locks/1000'), claim);
    await locked(data, () => {});
    parent.stdin.end();
  });

  test('of a living process is waited for', async () => {
    const other = spawn('cat');
    mkdirSync(join(root, 'locks'), { recursive: true });
    // as if the other process had taken it
    writeFileSync(join(root, 'locks/1000'), JSON.stringify({ pid: other.pid, started: startOf(other.pid!) }));
    let isMine = false;
    const mine = locked(data, () => {
      isMine = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isMine).toBe(false);
    // that is its end
    other.stdin.end();
    await mine;
  });
});
