// Archives of strangers that want out, want too much, or are broken: one sentence each, and nothing of them is kept.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { TarEntry } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataFiles } from '../../src/cli/data-files.ts';
import { ImageStore } from '../../src/oci/image-store.ts';
import { importRoot } from '../../src/oci/import-root.ts';
import { LayerEntries, MOST_CONTENT, MOST_ENTRIES } from '../../src/oci/layer-entries.ts';
import { loadArchive } from '../../src/oci/load-archive.ts';
import { OciError } from '../../src/oci/oci-error.ts';
import { dockerArchive, entry, file, inPieces, layoutEntries, sha256, tar } from './archives.ts';

let root: string;
let store: ImageStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-hostile-'));
  store = new ImageStore(new DataFiles(join(root, 'data')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Refused with this sentence, and the store is as empty as before. */
async function refused(work: Promise<unknown>, sentence: string | RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OciError);
  expect((error as Error).message).toMatch(sentence);
  expect((error as Error).message).toMatch(/\.$/);
  expect([store.list(), store.blobs.list(), store.layers.list()]).toEqual([[], [], []]);
  expect(readdirSync(join(root, 'data/tmp'))).toEqual([]);
  expect(readdirSync(root)).toEqual(['data']);
}

const importing = async (...entries: TarEntry[]) =>
  importRoot(store, inPieces(await tar(...entries)), 'x', 'bad.tar', { created: '2020-01-01T00:00:00Z' });
const loading = (bytes: Uint8Array<ArrayBuffer>) => loadArchive(store, inPieces(bytes), 'bad.tar');
const small = async () => ({ layers: [await tar(file('a', 'a'))] });

describe('a layer', () => {
  const escaping: [string, TarEntry[], string][] = [
    ['.. in a name', [file('../x', 'x')], 'bad.tar is refused: ../x leads out of the root'],
    ['.. in the middle of a name', [file('a/../../x', 'x')], 'leads out of the root'],
    ['a hard link out', [entry({ name: 'x', type: 'link', linkname: '../../etc/passwd' })], 'leads out of the root'],
    [
      'a hard link to what is not there',
      [entry({ name: 'x', type: 'link', linkname: '/etc/passwd' })],
      'does not have',
    ],
    [
      'a file behind a symbolic link',
      [entry({ name: 'a', type: 'symlink', linkname: '/etc' }), file('a/passwd', 'x')],
      'a/passwd lies behind a, which is a symlink',
    ],
    ['a character device', [entry({ name: 'mem', type: 'character-device' })], 'mem is a character-device'],
    ['a block device', [entry({ name: 'sda', type: 'block-device' })], 'sda is a block-device'],
    [
      'a root that is no directory',
      [entry({ name: './', type: 'symlink', linkname: '/' })],
      'the root is no directory',
    ],
    ['a name that is too long', [file('x'.repeat(256), 'x')], 'too long'],
  ];
  test.each(escaping)('with %s is refused', async (_, entries, sentence) => refused(importing(...entries), sentence));

  test('with an absolute name stays inside the root', async () => {
    await importing(file('/etc/passwd', 'mine'));
    const [id] = store.find('x').config.diffIds;
    expect(store.layers.entries(id!).map(({ path }) => path)).toEqual(['etc/passwd']);
  });

  test('with more entries or bytes than the limits is refused', () => {
    const many = new LayerEntries('bomb.tar');
    for (let n = 0; n < MOST_ENTRIES; n++) many.add({ name: 'same', size: 0, type: 'file' });
    expect(() => many.add({ name: 'one more', size: 0, type: 'file' })).toThrow(
      'bomb.tar is refused: it has more than',
    );
    const large = new LayerEntries('bomb.tar');
    large.add({ name: 'a', size: MOST_CONTENT, type: 'file' });
    expect(() => large.add({ name: 'b', size: 1, type: 'file' })).toThrow('bytes of files');
  });

  test('that replaces a directory loses what was in it', () => {
    const entries = new LayerEntries('x');
    for (const name of ['d/', 'd/e/']) entries.add({ name, size: 0, type: 'directory' });
    entries.add({ name: 'd/e/f', size: 1, type: 'file' });
    entries.add({ name: 'd', size: 0, type: 'symlink', linkname: '/' });
    expect(entries.list().map(({ path }) => path)).toEqual(['d']);
  });
});

describe('an archive', () => {
  test('that is no tar file is refused', async () =>
    refused(loading(new Uint8Array(3000).fill(65)), 'is no tar archive'));

  test('that is empty is refused', async () => refused(loading(new Uint8Array(0)), 'is no tar archive'));

  test.each([700, 2000, 4000])('cut short after %i bytes is refused', async (length) => {
    const whole = await tar(...layoutEntries(await small(), 'x'));
    await refused(loading(whole.slice(0, length)), /cut short|no archive of images|lacks/);
  });

  test('cut short inside its compression is refused', async () => {
    const whole = new Uint8Array(gzipSync(await tar(...layoutEntries(await small(), 'x'))));
    await refused(loading(whole.slice(0, whole.length - 20)), 'damaged or cut short');
  });

  test('with a blob that is not what its name says is refused', async () => {
    const entries = layoutEntries(await small(), 'x');
    const last = entries.pop()!;
    await refused(
      loading(await tar(...entries, file(last.header.name, 'something else'))),
      'is damaged: its digest is',
    );
  });

  test('with a layer that is not the one of the configuration is refused', async () => {
    const image = await small();
    const other = gzipSync(await tar(file('evil', 'x')));
    await refused(loading(await tar(...layoutEntries(image, 'x', [other]))), /Layer 1 of bad.tar is damaged: unpacked/);
  });

  test('without a blob that it refers to is refused', async () => {
    const entries = layoutEntries(await small(), 'x');
    await refused(loading(await tar(...entries.slice(0, -1))), 'is missing: there is no blob');
  });

  test('for another processor or system says for which', async () => {
    const arm = await dockerArchive({ ...(await small()), architecture: 'arm64' }, ['x']);
    await refused(loading(arm), 'bad.tar is for linux/arm64; programs for linux/amd64 and linux/386 run here.');
  });

  test('with links that lead nowhere or round and round is refused', async () => {
    const image = await small();
    const manifest = JSON.stringify([{ Config: 'a', RepoTags: [], Layers: [] }]);
    const round = [
      entry({ name: 'a', type: 'symlink', linkname: 'b' }),
      entry({ name: 'b', type: 'symlink', linkname: 'a' }),
      file('manifest.json', manifest),
    ];
    await refused(loading(await tar(...round)), 'lacks a, which it refers to');
    expect(image.layers).toHaveLength(1);
  });

  test.each([
    ['no JSON', '{', 'it is no JSON'],
    ['no list', '{}', 'is no list'],
    ['an image without a configuration', '[{}]', 'without Config or Layers'],
    ['an empty list', '[]', 'has no image in it'],
    ['a name that is none', JSON.stringify([{ Config: 'c', RepoTags: ['NO'], Layers: [] }]), 'cannot be the name'],
  ])('whose manifest.json is %s is refused', async (_, manifest, sentence) => {
    await refused(loading(await tar(file('c', '{}'), file('manifest.json', manifest))), sentence);
  });

  test('with indexes in indexes without end is refused', async () => {
    const type = 'application/vnd.oci.image.index.v1+json';
    let inner = JSON.stringify({ manifests: [] });
    const blobs: TarEntry[] = [];
    for (let depth = 0; depth < 8; depth++) {
      blobs.push(file(`blobs/sha256/${sha256(inner)}`, inner));
      const descriptor = { mediaType: type, digest: `sha256:${sha256(inner)}`, size: inner.length };
      inner = JSON.stringify({ manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'amd64' } }] });
    }
    await refused(loading(await tar(...blobs, file('index.json', inner))), 'indexes in indexes');
  });
});
