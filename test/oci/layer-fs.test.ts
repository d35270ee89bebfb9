// Layers under an overlay, and an overlay's changes as a layer again: what goes in comes out (OCI image specification, "Image
// Layer Filesystem Changeset").
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarEntry } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { S_IFDIR, S_IFREG } from '../../src/abi/stat.ts';
import { DataFiles } from '../../src/cli/data-files.ts';
import { OverlayDirectory } from '../../src/kernel/fs/overlay/overlay-directory.ts';
import { OverlayFs } from '../../src/kernel/fs/overlay/overlay-fs.ts';
import { Tmpfs } from '../../src/kernel/fs/tmpfs.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { UserNamespace } from '../../src/kernel/ns/user-namespace.ts';
import type { Inode } from '../../src/kernel/vfs/inode.ts';
import { mayAccess, rootCredentials } from '../../src/kernel/vfs/permission.ts';
import { changes, changesInLayer, packChanges } from '../../src/oci/layer-changes.ts';
import { LayerFs } from '../../src/oci/layer-fs.ts';
import { Layers } from '../../src/oci/layers.ts';
import { completed } from '../../src/oci/links-below.ts';
import { makeRootFs } from '../../src/oci/root-fs.ts';
import { archiveOf, packInode } from '../../src/oci/tar-inode.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';
import { entry, file, inPieces, tar } from './archives.ts';

let root: string;
let layers: Layers;
let kernel: Kernel;
const OWNER = { uid: 0, gid: 0 };
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-layers-'));
  layers = new Layers(new DataFiles(root));
  kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 32 << 20 }) });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function layer(...entries: TarEntry[]): Promise<LayerFs> {
  const id = await layers.unpack(inPieces(await tar(...entries)), 'layer');
  const { frames } = kernel;
  return new LayerFs({ frames, device: kernel.nextDevice(), entries: layers.entries(id), content: layers.content(id) });
}

/** An overlay of layers, uppermost first, with an upper directory that is empty. */
function overlay(...lowers: LayerFs[]): { top: Inode; upper: Inode } {
  const now = () => kernel.realtime;
  const tmpfs = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now });
  const upper = tmpfs.root.create('upper', S_IFDIR | 0o755, OWNER);
  const work = tmpfs.root.create('work', S_IFDIR | 0o755, OWNER);
  const inodes = lowers.map((lower) => lower.root);
  const fs = new OverlayFs({
    layers: { upper, work, lowers: inodes },
    userAttributes: false,
    options: '',
    now,
    nextDevice: () => kernel.nextDevice(),
  });
  return { top: new OverlayDirectory(fs, { upper, lowers: inodes }, undefined), upper };
}

const at = (top: Inode, path: string) =>
  path.split('/').reduce<Inode | undefined>((inode, name) => inode?.lookup(name), top);
const names = (directory: Inode) => [...directory.entries()].map(({ name }) => name).sort();
function contents(inode: Inode | undefined): string {
  const into = new Uint8Array(inode!.size);
  (inode as Inode & { read(offset: number, into: Uint8Array): number }).read(0, into);
  return new TextDecoder().decode(into);
}

test('files, links and owners are what the archive says', async () => {
  const long = 'x'.repeat(10_000);
  const { root: top } = await layer(
    file('bin/a', `${long}end`, { mode: 0o4755, uid: 5, gid: 6, pax: { 'SCHILY.xattr.user.k': 'v' } }),
    entry({ name: 'bin/b', type: 'link', linkname: 'bin/a' }),
    entry({ name: 'zz', type: 'symlink', linkname: '../..' }),
    file('a-after', 'second'),
  );
  const a = at(top, 'bin/a')!;
  expect(at(top, 'bin/b')).toBe(a);
  expect([a.mode, a.uid, a.gid, a.links, a.size]).toEqual([S_IFREG | 0o4755, 5, 6, 2, 10_003]);
  expect(new TextDecoder().decode(a.getAttribute('user.k'))).toBe('v');
  expect([contents(a), contents(at(top, 'a-after'))]).toEqual([`${long}end`, 'second']);
  expect(at(top, 'zz')!.readlink()).toBe('../..');
  expect(a.modified).toBe(1_000_000_000_000_000_000n);
});

/** A list that gives user 5 everything. */
const ACL = Uint8Array.from(
  '02000000 01000600ffffffff 0200070005000000 04000400ffffffff 10000700ffffffff 20000000ffffffff'
    .replaceAll(' ', '')
    .match(/../g)!
    .map((digits) => Number.parseInt(digits, 16)),
);

/** An archive in which a text of the same length was written instead of the bytes. */
async function layerWithBytes(text: string, bytes: Uint8Array): Promise<LayerFs> {
  const name = 'system.posix_acl_access';
  const archive = await tar(file('f', 'content', { pax: { [`SCHILY.xattr.${name}`]: text } }), file('g', 'behind it'));
  archive.set(bytes, Buffer.from(archive).indexOf(text));
  const id = await layers.unpack(inPieces(archive), 'layer');
  const { frames } = kernel;
  return new LayerFs({ frames, device: kernel.nextDevice(), entries: layers.entries(id), content: layers.content(id) });
}

test('attributes are bytes, in a layer and in what is written of it; access control lists count', async () => {
  const lower = await layerWithBytes('A'.repeat(ACL.length), ACL);
  const f = at(lower.root, 'f')!;
  expect(f.getAttribute('system.posix_acl_access')).toEqual(ACL);
  expect([contents(f), contents(at(lower.root, 'g'))]).toEqual(['content', 'behind it']);
  const somebody = { ...rootCredentials(new UserNamespace(1)), fsuid: 5, fsgid: 5, effective: 0n };
  expect([mayAccess(somebody, f, 7), mayAccess({ ...somebody, fsuid: 6 }, f, 4)]).toEqual([true, false]);
  const { top, upper } = overlay(lower);
  at(top, 'f')!.mode = S_IFREG | 0o640;
  const parts: Uint8Array[] = [];
  for await (const part of archiveOf((packer) => packInode(packer, at(upper, 'f')!, 'f', new Map()))) parts.push(part);
  expect(Buffer.concat(parts).includes(ACL)).toBe(true);
  const id = await layers.unpack(inPieces(new Uint8Array(Buffer.concat(parts))), 'layer');
  const again = new LayerFs({
    frames: kernel.frames,
    device: kernel.nextDevice(),
    entries: layers.entries(id),
    content: layers.content(id),
  });
  expect(at(again.root, 'f')!.getAttribute('system.posix_acl_access')).toEqual(ACL);
  await expect(layerWithBytes('A'.repeat(ACL.length), ACL.toReversed())).rejects.toThrow(
    'f has an access control list that cannot be',
  );
});

test('whiteouts hide what lies below, opaque directories all of it', async () => {
  const lower = await layer(file('etc/passwd', 'p'), file('etc/group', 'g'), file('opt/a', 'a'), file('opt/b', 'b'));
  const upper = await layer(file('etc/.wh.passwd', ''), file('opt/.wh..wh..opq', ''), file('opt/c', 'c'));
  const { top } = overlay(upper, lower);
  expect([names(at(top, 'etc')!), names(at(top, 'opt')!)]).toEqual([['group'], ['c']]);
});

test('changes made in an overlay are listed, and are the same as a layer', async () => {
  const lower = await layer(file('etc/passwd', 'p'), file('etc/motd', 'm'), file('opt/a', 'a'), file('d/e/f', 'f'));
  const { top, upper } = overlay(lower);
  const etc = at(top, 'etc')!;
  etc.unlink('motd');
  (at(top, 'etc/passwd') as Inode & { write(offset: number, from: Uint8Array): number }).write(
    1,
    new TextEncoder().encode('w'),
  );
  const made = etc.create('new', S_IFREG | 0o600, { uid: 7, gid: 8 });
  etc.link('new2', made);
  at(top, 'opt')!.unlink('a');
  top.rmdir('opt');
  top.create('opt', S_IFDIR | 0o700, OWNER);
  top.symlink('link', 'etc/new', OWNER);
  const below = (path: string) => at(lower.root, path.slice(1)) !== undefined;
  expect([...changes(upper, below)].map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'C /etc',
    'D /etc/motd',
    'A /etc/new',
    'A /etc/new2',
    'C /etc/passwd',
    'A /link',
    'C /opt',
  ]);
  const id = await layers.unpack(packChanges(upper), 'changes');
  const { frames } = kernel;
  const packed = new LayerFs({
    frames,
    device: kernel.nextDevice(),
    entries: layers.entries(id),
    content: layers.content(id),
  });
  const again = overlay(packed, lower).top;
  expect([names(again), names(at(again, 'etc')!), names(at(again, 'opt')!)]).toEqual([
    ['d', 'etc', 'link', 'opt'],
    ['new', 'new2', 'passwd'],
    [],
  ]);
  expect(contents(at(again, 'etc/passwd'))).toBe('pw');
  const file_ = at(again, 'etc/new')!;
  expect([file_.uid, file_.gid, file_.mode & 0o777, file_.links]).toEqual([7, 8, 0o600, 2]);
  expect(at(again, 'd/e/f')).toBeDefined();
});

test('changes kept as a layer are listed against what the layers below left', () => {
  const entries = (...paths: string[]) =>
    paths.map((path) => ({ path, kind: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtime: 0 }));
  const below = [entries('etc', 'etc/motd', 'etc/passwd', 'gone/deep'), entries('.wh.gone', 'opt', 'opt/.wh..wh..opq')];
  const kept = entries('', 'etc', 'etc/.wh.passwd', 'etc/motd', 'etc/new', 'gone', 'opt', 'opt/.wh..wh..opq');
  expect(changesInLayer(kept, below).map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'C /etc',
    'D /etc/passwd',
    'C /etc/motd',
    'A /etc/new',
    'A /gone',
    'C /opt',
  ]);
});

test('the same changes give the same layer', async () => {
  const ids = [];
  for (let n = 0; n < 2; n++) {
    const { top, upper } = overlay(await layer(file('a', 'a')));
    top.create('b', S_IFREG | 0o644, OWNER);
    at(top, 'b')!.modified = 5_000_000_001n;
    top.create('c', S_IFREG | 0o644, OWNER);
    at(top, 'c')!.modified = 5_000_000_000n;
    ids.push(await layers.unpack(packChanges(upper), 'changes'));
  }
  expect(ids[0]).toBe(ids[1]);
});

describe('the root directory', () => {
  const status = ({ mode, uid, gid }: Inode) => [mode & 0o7777, uid, gid];
  const opened = async (...entries: TarEntry[]) => {
    const id = await layers.unpack(inPieces(await tar(...entries)), 'layer');
    return { entries: layers.entries(id), content: layers.content(id) };
  };
  const SLASH = entry({
    name: './',
    type: 'directory',
    mode: 0o1701,
    uid: 5,
    gid: 6,
    pax: { 'SCHILY.xattr.user.a': 'b' },
  });

  test('of a container is what the image says of it, and nobody else hides what is in it', async () => {
    const lower = await layer(SLASH, file('a', ''));
    const upper = await layer(SLASH, file('.wh..wh..opq', ''), file('b', ''));
    const { root: top } = makeRootFs(kernel, [lower.root, upper.root], undefined);
    expect(status(top)).toEqual([0o1701, 5, 6]);
    expect(top.getAttribute('user.a')).toEqual(new TextEncoder().encode('b'));
    expect(names(top)).toEqual(['b', 'dev', 'etc', 'proc', 'sys']);
    expect(status(makeRootFs(kernel, [(await layer(file('a', ''))).root], undefined).root)).toEqual([0o755, 0, 0]);
    expect(status(makeRootFs(kernel, [], undefined).root)).toEqual([0o755, 0, 0]);
  });

  test('is kept as the container changed it, also when all that was kept is older', async () => {
    const lower = await layer(SLASH, file('a', ''));
    const { root: top, upper } = makeRootFs(kernel, [lower.root], undefined);
    top.mode = (top.mode & ~0o7777) | 0o710;
    top.uid = 9;
    const id = await layers.unpack(packChanges(upper), 'changes');
    const before = { entries: layers.entries(id), content: layers.content(id) };
    expect(changesInLayer(before.entries, [])).toEqual([]);
    expect(status(makeRootFs(kernel, [lower.root], before).root)).toEqual([0o710, 9, 6]);
    expect(status(makeRootFs(kernel, [lower.root], await opened(file('c', ''))).root)).toEqual([0o1701, 5, 6]);
  });

  test('is that of the layers below where a layer says nothing of it', async () => {
    const [below, empty, other] = [await opened(SLASH), await opened(), await opened(file('c', ''))];
    const all = completed([below, empty, other], String);
    for (const { entries } of all) expect(entries[0]).toMatchObject({ path: '', mode: 0o1701, uid: 5, gid: 6 });
  });
});

test('containers share the memory of a layer that they both are given', async () => {
  const { root: lower } = await layer(file('program', 'x'.repeat(5000)));
  const [one, other] = [makeRootFs(kernel, [lower], undefined), makeRootFs(kernel, [lower], undefined)];
  const before = kernel.frames.used;
  expect(contents(at(one.root, 'program'))).toHaveLength(5000);
  const read = kernel.frames.used;
  expect(read).toBe(before + 2);
  expect(contents(at(other.root, 'program'))).toHaveLength(5000);
  expect(kernel.frames.used).toBe(read);
});
