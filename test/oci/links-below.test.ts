// Hard links of a layer to files of the layers below: both names are one file with the contents and the status it had there, as
// if the layer had been unpacked on an overlay of the others. Truth: OCI image specification, "Image Layer Filesystem Changeset"
// ("Hardlinks"); umoci and containerd resolve such a link in the root file system made so far.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarEntry } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../../src/abi/stat.ts';
import { DataFiles } from '../../src/cli/data-files.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import type { Inode } from '../../src/kernel/vfs/inode.ts';
import { ImageStore } from '../../src/oci/image-store.ts';
import { importRoot } from '../../src/oci/import-root.ts';
import { LayerEntries } from '../../src/oci/layer-entries.ts';
import { loadArchive } from '../../src/oci/load-archive.ts';
import { makeRootFs, openLayer } from '../../src/oci/root-fs.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';
import { dockerArchive, entry, file, inPieces, tar } from './archives.ts';

let folder: string;
let store: ImageStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anillo-links-'));
  store = new ImageStore(new DataFiles(folder));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const link = (name: string, linkname: string) => entry({ name, type: 'link', linkname });
const directory = (name: string, more = {}) => entry({ name: `${name}/`, type: 'directory', mode: 0o755, ...more });

async function load(...layers: TarEntry[][]): Promise<void> {
  const packed = await Promise.all(layers.map((entries) => tar(...entries)));
  await loadArchive(store, inPieces(await dockerArchive({ layers: packed }, ['x'])), 'x.tar');
}

/** The root file system of the image, and where it takes changes. */
function root(): { at: (path: string) => Inode | undefined } {
  const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 32 << 20 }) });
  const layers = store.layers.stack(store.find('x').config.diffIds).map((layer) => openLayer(kernel, layer));
  const made = makeRootFs(kernel, layers, undefined);
  const at = (path: string) =>
    path
      .split('/')
      .reduce<Inode | undefined>((inode, name) => (inode?.isDirectory ? inode.lookup(name) : undefined), made.root);
  return { at };
}

function contents(inode: Inode | undefined): string | undefined {
  if (!inode) return undefined;
  const into = new Uint8Array(inode.size);
  (inode as Inode & { read(offset: number, into: Uint8Array): number }).read(0, into);
  return new TextDecoder().decode(into);
}

const LOWER = [
  directory('bin', { mode: 0o751, uid: 3, gid: 4 }),
  file('bin/first', 'padding'),
  file('bin/tool', 'the tool', { mode: 0o4755, uid: 5, gid: 6, pax: { 'SCHILY.xattr.user.k': 'v' } }),
  link('bin/same', 'bin/tool'),
  entry({ name: 'bin/soft', type: 'symlink', linkname: 'tool' }),
  entry({ name: 'bin/pipe', type: 'fifo', mode: 0o600 }),
  entry({ name: 'sbin', type: 'symlink', linkname: 'bin' }),
];

describe('a hard link to a file of the layers below', () => {
  test('is that file with its contents, owner, mode and attributes, and both names are one', async () => {
    await load(LOWER, [link('usr/tool', '/bin/tool'), link('usr/again', 'usr/tool'), link('more', './bin/tool')]);
    const { at } = root();
    const tool = at('bin/tool')!;
    expect(contents(tool)).toBe('the tool');
    expect([tool.mode, tool.uid, tool.gid, tool.links]).toEqual([S_IFREG | 0o4755, 5, 6, 4]);
    expect(new TextDecoder().decode(tool.getAttribute('user.k'))).toBe('v');
    for (const name of ['usr/tool', 'usr/again', 'more']) expect(at(name)?.ino, name).toBe(tool.ino);
    // the copy has left its other name in the lower layer behind, as on an overlay
    expect(at('bin/same')?.ino).not.toBe(tool.ino);
    expect(contents(at('bin/same'))).toBe('the tool');
  });

  test('leaves directories on the way to the file as they were', async () => {
    await load(LOWER, [link('tool', 'bin/tool')]);
    const bin = root().at('bin')!;
    expect([bin.mode, bin.uid, bin.gid]).toEqual([S_IFDIR | 0o751, 3, 4]);
  });

  test('may be to a symbolic link or a FIFO, which is not followed', async () => {
    await load(LOWER, [link('soft', 'bin/soft'), link('pipe', 'bin/pipe')]);
    const { at } = root();
    expect(at('soft')?.readlink()).toBe('tool');
    expect([at('soft')?.ino, at('pipe')?.ino]).toEqual([at('bin/soft')?.ino, at('bin/pipe')?.ino]);
    expect((at('pipe')?.mode ?? 0) & S_IFMT).toBe(S_IFIFO);
  });

  test('goes through any number of layers', async () => {
    await load(LOWER, [link('b', 'bin/tool')], [file('other', 'x')], [link('c', 'b')], [link('d', 'c')]);
    const { at } = root();
    expect(['bin/tool', 'b', 'c', 'd'].map((name) => contents(at(name)))).toEqual(Array(4).fill('the tool'));
    expect(at('d')?.ino).toBe(at('c')?.ino);
  });

  test('is the old file where the layer then replaces it, or removes it', async () => {
    await load(LOWER, [
      ...[link('old', 'bin/tool'), link('older', 'bin/tool'), file('bin/tool', 'new')],
      ...[link('moved', 'bin/first'), file('bin/.wh.first', '')],
    ]);
    const { at } = root();
    expect(contents(at('bin/tool'))).toBe('new');
    expect([contents(at('old')), at('old')?.ino]).toEqual(['the tool', at('older')?.ino]);
    expect([contents(at('moved')), at('bin/first')]).toEqual(['padding', undefined]);
  });

  const refusals: [string, TarEntry[][], string][] = [
    [
      'that nobody has',
      [LOWER, [link('x', 'bin/none')]],
      'x is a link to bin/none, which the layers below do not have',
    ],
    [
      'in the lowest layer',
      [[link('x', 'bin/tool')], LOWER],
      'x is a link to bin/tool, which this layer does not have',
    ],
    ['that is a directory', [LOWER, [link('x', 'bin')]], 'x is a link to the directory bin'],
    [
      'that is a directory nobody describes',
      [[file('a/b/c', '')], [link('x', 'a/b')]],
      'x is a link to the directory a/b',
    ],
    ['that is the root', [LOWER, [link('x', '/')]], 'x is a link to the directory '],
    ['out of the root', [LOWER, [link('x', '../bin/tool')]], 'leads out of the root'],
    ['behind a symbolic link below', [LOWER, [link('x', 'sbin/tool')]], 'which the layers below do not have'],
    [
      'behind a symbolic link of the layer',
      [LOWER, [entry({ name: 'bin', type: 'symlink', linkname: '/etc' }), link('x', 'bin/tool')]],
      'bin/tool lies behind bin, which is a symlink',
    ],
    ['that the layer removed', [LOWER, [file('bin/.wh.tool', ''), link('x', 'bin/tool')]], 'which this layer removes'],
    ['whose directory it removed', [LOWER, [file('.wh.bin', ''), link('x', 'bin/tool')]], 'which this layer removes'],
    [
      'whose directory it emptied',
      [LOWER, [file('bin/.wh..wh..opq', ''), link('x', 'bin/tool')]],
      'which this layer removes',
    ],
    ['that a layer between removed', [LOWER, [file('bin/.wh.tool', '')], [link('x', 'bin/tool')]], 'do not have'],
    [
      'whose directory a layer between emptied',
      [LOWER, [file('bin/.wh..wh..opq', '')], [link('x', 'bin/tool')]],
      'do not have',
    ],
    ['whose directory is a file between', [LOWER, [file('bin', 'no')], [link('x', 'bin/tool')]], 'do not have'],
    ['that only a layer above has', [LOWER, [link('x', 'late')], [file('late', '')]], 'do not have'],
    ['with its own name', [LOWER, [link('bin/tool', 'bin/tool')]], 'bin/tool is a link to itself'],
    [
      'that is the mark of a removal',
      [LOWER, [file('.wh.a', ''), link('x', '.wh.a')]],
      'x is a link to .wh.a, which is no file',
    ],
  ];
  test.each(refusals)('%s is refused', async (_, layers, sentence) => {
    const error = await load(...layers).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain(sentence);
    expect((error as Error).message).toMatch(/^Layer \d of x\.tar is refused: .*\.$/);
    expect([store.list(), store.blobs.list(), store.layers.list()]).toEqual([[], [], []]);
  });

  test('is refused again in an image that has the same layer on others', async () => {
    const linking = [link('x', 'bin/tool')];
    await load(LOWER, linking);
    const packed = [await tar(file('else', '')), await tar(...linking)];
    const other = loadArchive(store, inPieces(await dockerArchive({ layers: packed }, ['y'])), 'y.tar');
    await expect(other).rejects.toThrow('Layer 2 of y.tar is refused: x is a link to bin/tool, which the layers below');
    const alone = dockerArchive({ layers: packed.slice(1) }, ['z']).then((bytes) =>
      loadArchive(store, inPieces(bytes), 'z.tar'),
    );
    await expect(alone).rejects.toThrow('Layer 1 of z.tar is refused: x is a link to bin/tool');
    expect(store.list().map(({ names }) => names)).toEqual([['x:latest']]);
  });

  test('is refused in an archive that is imported', async () => {
    const imported = tar(link('x', 'bin/tool')).then((bytes) =>
      importRoot(store, inPieces(bytes), 'y', 'y.tar', { created: '2020-01-01T00:00:00Z' }),
    );
    await expect(imported).rejects.toThrow('x is a link to bin/tool, which this layer does not have');
  });
});

test('directories that a layer does not describe stay what they were below', async () => {
  await load(LOWER, [file('bin/new', ''), file('opt/new', '')]);
  const { at } = root();
  expect([at('bin')?.mode, at('bin')?.uid, at('opt')?.mode]).toEqual([S_IFDIR | 0o751, 3, S_IFDIR | 0o755]);
});

test('a file of a layer that is replaced stays under its other names', () => {
  const entries = new LayerEntries('x');
  entries.add({ name: 'a', size: 3, type: 'file' });
  for (const name of ['b', 'c']) entries.add({ name, size: 0, type: 'link', linkname: name === 'b' ? 'a' : 'b' });
  entries.add({ name: 'a', size: 5, type: 'file' });
  entries.add({ name: 'd', size: 0, type: 'link', linkname: 'a' });
  expect(entries.list().map(({ path, kind, size, offset, target }) => [path, kind, size ?? target, offset])).toEqual([
    ['a', 'file', 5, 3],
    ['b', 'file', 3, 0],
    ['c', 'hardlink', 'b', undefined],
    ['d', 'hardlink', 'a', undefined],
  ]);
});
