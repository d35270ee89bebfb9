// anillo image as a user types it: what it prints, and one sentence with status 1 or 2 for every mistake.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { dockerArchive, file, tar } from './archives.ts';

const here = new Installation('image');
const { folder } = here;
const image = (args: readonly string[], input?: Uint8Array) => here.anillo(['image', ...args], input);
afterAll(() => here.remove());

test('an image of a directory is listed, saved, removed and loaded again', () => {
  const root = join(folder, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin/tool'), 'x'.repeat(1500), { mode: 0o755 });
  symlinkSync('tool', join(root, 'bin/sh'));
  const imported = image(['import', root, 'mine:1', '--cmd', '/bin/sh -l']);
  expect(imported.out).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  const id = imported.out.trim();
  expect(image(['ls']).out).toMatch(
    /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\nmine +1 +[0-9a-f]{12} +.+ ago +1\.5kB\n$/,
  );
  expect(image(['ls', '-q', '--no-trunc']).out).toBe(`${id}\n`);
  expect(JSON.parse(image(['inspect', 'mine:1']).out)[0]).toMatchObject({
    Id: id,
    Config: { Cmd: ['/bin/sh', '-l'] },
  });
  expect(image(['save', 'mine:1', '--output', join(folder, 'mine.tar')])).toEqual({ status: 0, out: '', err: '' });
  expect(image(['rm', 'mine:1']).out).toBe(`Untagged: mine:1\nDeleted: ${id}\n`);
  expect(image(['load', join(folder, 'mine.tar')]).out).toBe('Loaded image: mine:1\n');
  expect(image(['verify']).status).toBe(0);
});

test('an archive comes through a pipe', async () => {
  const archive = await dockerArchive({ layers: [await tar(file('a', 'a'))] }, ['piped']);
  expect(image(['load'], archive).out).toBe('Loaded image: piped:latest\n');
  expect(image(['history', 'piped']).out).toMatch(
    /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n[0-9a-f]{12} .* step 0 +1B/,
  );
});

test('images that nobody needs are removed together', () => {
  const root = join(folder, 'small');
  mkdirSync(root, { recursive: true });
  image(['import', root, 'first']);
  writeFileSync(join(root, 'x'), 'x');
  image(['import', root, 'second']);
  image(['tag', 'second', 'first']);
  expect(image(['prune'])).toMatchObject({ status: 2, err: expect.stringContaining('--force') });
  expect(image(['prune', '-f']).out).toMatch(/^Deleted Images:\nsha256:[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/);
  expect(image(['ls']).out).toMatch(/first .*\n.*second /s);
  expect(image(['prune', '-a', '-f']).out).toMatch(/^Deleted Images:\n/);
  expect(image(['ls', '-q']).out).toBe('');
});

describe('mistakes', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['an image that is not there', ['rm', 'nothing'], 1, /There is no image nothing/],
    ['a file that is not there', ['load', '/nowhere/x.tar'], 1, /\/nowhere\/x\.tar cannot be read: it does not exist/],
    ['no archive at all', ['load'], 1, /standard input is no tar archive/],
    ['a name that is none', ['import', folder, 'Not A Name'], 1, /cannot be the name of an image/],
    ['an unknown platform', ['import', folder, 'x', '--platform', 'arm64'], 2, /--platform/],
    ['an unknown option', ['ls', '--all-of-them'], 2, /unknown option/],
  ];
  test.each(cases)('%s', (_, args, status, sentence) => {
    const outcome = image(args);
    expect(outcome.err).toMatch(sentence);
    expect(outcome.err).not.toMatch(/\n\s+at |internal error/);
    expect([outcome.status, outcome.out]).toEqual([status, '']);
  });
});
