// Names of images as docker shows and finds them (docker-image-tag(1)), and images asked for one platform (docker-image-save(1)).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { file, tar } from './archives.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-names-'));
const data = join(folder, 'data');
const env = { ...process.env, ANILLO_DATA: data };

function image(...args: string[]) {
  const run = spawnSync(process.execPath, [COMMAND, 'image', ...args], { env, timeout: HANGS, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}
const listed = () => image('ls', '--format', '{{.Repository}}:{{.Tag}}').out.trim().split('\n').sort();

beforeAll(async () => {
  const root = join(folder, 'root.tar');
  writeFileSync(root, await tar(file('note', 'text')));
  expect(image('import', '--platform', '386', root, 'docker.io/library/x')).toMatchObject({ status: 0, err: '' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the registry and the library of docker go without saying', () => {
  const others = ['docker.io/foo/bar:two', 'quay.io/library/x', 'localhost:5000/library/x', 'library/foo/x'];
  for (const name of others) expect(image('tag', 'x', name)).toEqual({ status: 0, out: '', err: '' });
  const shown = ['foo/bar:two', 'library/foo/x:latest', 'localhost:5000/library/x:latest', 'quay.io/library/x:latest'];
  expect(listed()).toEqual([...shown, 'x:latest']);
  const ids = new Set(
    ['x', 'library/x', 'docker.io/library/x:latest', 'docker.io/x', 'index.docker.io/library/x', 'foo/bar:two'].map(
      (name) => image('inspect', '-f', '{{.Id}}', name).out,
    ),
  );
  expect([...ids]).toEqual([expect.stringMatching(/^sha256:/)]);
  expect(image('inspect', 'docker.io/foo/x').status).toBe(1);
  for (const name of others) expect(image('rm', name).out).toMatch(/^Untagged: \S+\n$/);
  expect(listed()).toEqual(['x:latest']);
});

test('a saved image has the short name', () => {
  const archive = join(folder, 'saved.tar');
  expect(image('save', '-o', archive, 'docker.io/library/x').status).toBe(0);
  expect(readFileSync(archive, 'latin1')).toContain('"RepoTags":["x:latest"]');
  expect(image('load', '-i', archive).out).toBe('Loaded image: x:latest\n');
});

test('whole names that are in the layout already are shown short too', () => {
  const index = join(data, 'index.json');
  const text = readFileSync(index, 'utf8');
  expect(text).toContain('"x:latest"');
  writeFileSync(index, text.replace('"x:latest"', '"docker.io/library/x:latest"'));
  expect(listed()).toEqual(['x:latest']);
  expect(image('inspect', '-f', '{{.RepoTags}}', 'x').out).toBe('[x:latest]\n');
});

test('an image is of one platform, and is not to be had for another', () => {
  const archive = join(folder, 'platform.tar');
  for (const verb of [['inspect'], ['history'], ['save', '-o', archive]]) {
    expect(image(...verb, '--platform', 'linux/386', 'x')).toMatchObject({ status: 0, err: '' });
    expect(image(...verb, '--platform=linux/amd64', 'x')).toEqual({
      status: 1,
      out: '',
      err: 'anillo: The image x is for linux/386, not for linux/amd64.\n',
    });
  }
});
