// The options that callers of runc give it (runc(8), runc-create(8)), podman and containerd among them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-runc-'));
const env = { ...process.env, ANILLO_DATA: join(folder, 'data') };

function oci(...args: string[]) {
  const run = spawnSync(process.execPath, [COMMAND, 'oci', ...args], { env, timeout: HANGS, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what changes nothing here is taken', () => {
  const whole = ['--debug', '--systemd-cgroup', '--rootless=true', '--criu', 'criu'];
  expect(oci(...whole, 'list', '--format=json')).toEqual({ status: 0, out: '[]\n', err: '' });
  const ofCreate = ['--no-pivot', '--no-new-keyring=true', '-b=/nowhere'];
  for (const verb of ['create', 'run'])
    expect(oci(verb, ...ofCreate, 'one')).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^anillo: The bundle \/nowhere cannot be used/),
    });
});

test('the version says which specification it is', () => {
  for (const option of ['-v', '--version'])
    expect(oci(option)).toMatchObject({ status: 0, out: expect.stringMatching(/^anillo \S+\nspec: 1\.\d+\.\d+\n$/) });
});
