// Access control lists in archives: the text that GNU tar --acls and star write and the attributes that docker writes become lists
// of the kernel, and what is written of them reads back. Truth: acl(5), star(5) "SCHILY.acl.access", <linux/posix_acl_xattr.h>.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TarEntry, unpackTar } from 'modern-tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFiles } from '../../src/cli/data-files.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { UserNamespace } from '../../src/kernel/ns/user-namespace.ts';
import type { Inode } from '../../src/kernel/vfs/inode.ts';
import { mayAccess, rootCredentials } from '../../src/kernel/vfs/permission.ts';
import { packRoot } from '../../src/oci/container-copy.ts';
import { LayerEntries } from '../../src/oci/layer-entries.ts';
import { Layers } from '../../src/oci/layers.ts';
import { makeRootFs, openLayer } from '../../src/oci/root-fs.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';
import { entry, file, inPieces, tar } from './archives.ts';

let folder: string;
let layers: Layers;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anillo-acls-'));
  layers = new Layers(new DataFiles(folder));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unpacked = async (...entries: TarEntry[]) => layers.unpack(inPieces(await tar(...entries)), 'layer');
const withAcl = (text: string, mode = 0o640) => file('f', 'x', { mode, pax: { 'SCHILY.acl.access': text } });

/** The root file system of a layer. */
function rootOf(id: Awaited<ReturnType<typeof unpacked>>): Inode {
  const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 32 << 20 }) });
  return makeRootFs(
    kernel,
    layers.stack([id]).map((layer) => openLayer(kernel, layer)),
    undefined,
  ).root;
}

const listOf = (inode: Inode | undefined, kind = 'access') =>
  Buffer.from(inode?.getAttribute(`system.posix_acl_${kind}`) ?? []).toString('hex');
/** rw- for the owner, rwx for user 5, r-- for the group, r-x for group 7, mask rwx, nothing for others. */
const LIST =
  '0200000001000600ffffffff02000700050000000400' + '0400ffffffff0800050007000000' + '10000700ffffffff20000000ffffffff';

test.each([
  ['GNU tar with numbers', 'user::rw-\nuser:5:rwx\t#effective:rwx\ngroup::r--\ngroup:7:r-x\nmask::rwx\nother::---\n'],
  ['star', 'user::rw-,user:lisa:rwx:5,group::r--,group:staff:r-x:7,mask::rwx,other::---'],
  ['others, shortened and in another order', 'o:-,m:rwx,g:7:rx,g::r,u:5:rwx,u::rw'],
  [
    'GNU tar with names of the archive',
    'user::rw-\nuser:lisa:rwx\ngroup::r--\ngroup:staff:r-x\nmask::rwx\nother::---\n',
  ],
])('a list as %s writes it is the list of the file', async (_, text) => {
  const id = await unpacked(
    ...[withAcl(text), file('etc/passwd', 'root:x:0:0::/:\nlisa:x:5:5::/:\n'), file('etc/group', 'staff:x:7:\n')],
  );
  const f = rootOf(id).lookup('f')!;
  expect(listOf(f)).toBe(LIST);
  expect(f.mode & 0o777).toBe(0o670);
  const lisa = { ...rootCredentials(new UserNamespace(1)), fsuid: 5, fsgid: 5, effective: 0n };
  expect([mayAccess(lisa, f, 7), mayAccess({ ...lisa, fsuid: 6 }, f, 4)]).toEqual([true, false]);
});

test('one that says no more than the permissions is none, and one for new files stays', async () => {
  const pax = { 'SCHILY.acl.access': 'user::rwx,group::r-x,other::---', 'SCHILY.acl.default': 'u::rwx,g::r-x,o::r-x' };
  const id = await unpacked(entry({ name: 'd/', type: 'directory', mode: 0o755, pax }), withAcl('', 0o600));
  const root = rootOf(id);
  const d = root.lookup('d')!;
  expect([listOf(d), d.mode & 0o777, listOf(root.lookup('f'))]).toEqual(['', 0o750, '']);
  expect(listOf(d, 'default')).toBe('0200000001000700ffffffff04000500ffffffff20000500ffffffff');
});

test('what is exported has lists as attributes, which read back the same', async () => {
  const id = await unpacked(withAcl('u::rw,u:5:rwx,g::r,g:7:rx,m::rwx,o::-'));
  const archive = new Uint8Array(await new Response(packRoot(rootOf(id))).arrayBuffer());
  const [entries] = [await unpackTar(archive)];
  const pax = entries.find(({ header }) => header.name === 'f')?.header.pax ?? {};
  expect(Object.keys(pax)).toContain('SCHILY.xattr.system.posix_acl_access');
  const again = await layers.unpack(inPieces(archive), 'again');
  expect(listOf(rootOf(again).lookup('f'))).toBe(LIST);
});

test('the attribute counts when there are both', async () => {
  const value = String.fromCharCode(...Buffer.from(LIST, 'hex'));
  const entries = new LayerEntries('x');
  const pax = { 'SCHILY.xattr.system.posix_acl_access': value, 'SCHILY.acl.access': 'u::-,g::-,o::-' };
  const { mode, xattrs } = entries.add({ name: 'f', size: 0, type: 'file', mode: 0o670, pax });
  expect([mode, xattrs]).toEqual([0o670, { 'system.posix_acl_access': value }]);
});

test.each([
  ['words', 'all::rwx'],
  ['no permissions', 'u::rwx,g::,o::r'],
  ['no mask', 'u::rwx,u:5:r,g::r,o::r'],
  ['one entry twice', 'u::rwx,u::rwx,g::r,o::r'],
  ['a mask for somebody', 'u::rwx,g::r,m:5:rwx,o::r'],
  ['a user who cannot be', 'u::rwx,u:99999999999:r,g::r,m::r,o::r'],
])('a list with %s is refused', async (_, text) => {
  await expect(unpacked(withAcl(text))).rejects.toThrow(
    'layer is refused: f has an access control list that cannot be.',
  );
});

test('a list for somebody the archive does not know is refused, and so is one where there can be none', async () => {
  await expect(unpacked(withAcl('u::rwx,u:lisa:r,g::r,m::r,o::r'), file('etc/group', 'lisa:x:1:\n'))).rejects.toThrow(
    "f has an access control list for the user lisa, who is not in the archive's own /etc (tar --numeric-owner",
  );
  const add = () =>
    new LayerEntries('x').add({ name: 'f', size: 0, pax: { 'SCHILY.acl.access': 'u::rwx,g:adm:r,g::r,m::r,o::r' } });
  expect(add).toThrow('f has an access control list for the group adm');
  const pax = { 'SCHILY.acl.default': 'u::rwx,g::r,o::r' };
  await expect(unpacked(file('f', 'x', { pax }))).rejects.toThrow('f has an access control list that cannot be');
});
