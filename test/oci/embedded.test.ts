// The image that comes with the command: containers run on a fresh computer, with no image and no network.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-embedded-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function anillo(data: string, args: readonly string[], input = '') {
  const env = { ...process.env, ANILLO_DATA: join(folder, data) };
  const run = spawnSync(process.execPath, [COMMAND, ...args], { input, env, timeout: HANGS });
  return { status: run.status, out: run.stdout.toString(), err: run.stderr.toString() };
}

test('a container of anillo runs where no image is', () => {
  const command = ['container', 'run', '--rm', 'anillo', 'sh', '-c', 'echo $((6 * 7)) | cat; ls /; exit 3'];
  const names = 'bin dev etc home lib proc root run sbin sys tmp usr var'.split(' ');
  expect(anillo('run', command)).toEqual({ status: 3, out: `42\n${names.join('\n')}\n`, err: '' });
  expect(anillo('run', ['image', 'ls']).out).toMatch(/^anillo +latest +[0-9a-f]{12} /m);
  expect(anillo('run', ['image', 'verify']).status).toBe(0);
});

test('its shell is what runs when no command is given', () => {
  const { status, out } = anillo('run', ['container', 'run', '--rm', '-i', 'anillo'], 'x=shell\necho the $x\nexit 5\n');
  expect({ status, out }).toEqual({ status: 5, out: 'the shell\n' });
});

test('an image called anillo that is there already is the one that runs', () => {
  expect(anillo('tagged', ['image', 'tag', 'anillo', 'mine:1']).status).toBe(0);
  expect(anillo('tagged', ['container', 'run', '--name', 'first', 'mine:1', 'touch', '/changed']).status).toBe(0);
  expect(anillo('tagged', ['container', 'commit', 'first', 'anillo']).status).toBe(0);
  expect(anillo('tagged', ['container', 'run', '--rm', 'anillo', 'ls', '/changed']).out).toBe('/changed\n');
});

test('another tag of it is not there', () => {
  const { status, err } = anillo('run', ['container', 'run', 'anillo:1']);
  expect(status).toBe(125);
  expect(err).toMatch(/There is no image anillo:1/);
});
