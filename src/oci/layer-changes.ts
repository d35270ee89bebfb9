// What a container changed, as a layer: the upper directory of its overlay written as a tar archive (OCI image specification,
// "Image Layer Filesystem Changeset"), for commit and for keeping a stopped container.
import { createTarPacker } from 'modern-tar';
import { S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../abi/stat.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import type { LayerEntry } from './layer-entries.ts';
import type { Bytes } from './streams.ts';

const OVERLAY_ATTRIBUTES = 'trusted.overlay.';
const OPAQUE = 'trusted.overlay.opaque';
const WHITEOUT = '.wh.';
const OPAQUE_NAME = '.wh..wh..opq';
const CHUNK = 1 << 20;

type Packer = ReturnType<typeof createTarPacker>['controller'];
type Readable = Inode & { read(offset: number, into: Uint8Array): number };

/** Kinds of change, as docker-diff(1) shows them. */
export type ChangeKind = 'A' | 'C' | 'D';

/** One change against the layers below. */
export interface Change {
  readonly kind: ChangeKind;
  /** From the root, with a slash in front. */
  readonly path: string;
}

const isWhiteout = (inode: Inode) => inode.type === S_IFCHR && inode.special === 0;
const inOrder = (directory: Inode) => [...directory.entries()].sort((a, b) => (a.name < b.name ? -1 : 1));

/** What was added, changed and deleted; `exists` tells whether the layers below have a path. */
export function* changes(upper: Inode, exists: (path: string) => boolean, path = ''): Iterable<Change> {
  for (const { name } of inOrder(upper)) {
    const inode = upper.lookup(name)!;
    const at = `${path}/${name}`;
    if (isWhiteout(inode)) yield { kind: 'D', path: at };
    else {
      yield { kind: exists(at) ? 'C' : 'A', path: at };
      if (inode.isDirectory) yield* changes(inode, exists, at);
    }
  }
}

/** The same for changes that were kept as a layer, against the layers below, lowest first. */
export function changesInLayer(
  kept: readonly LayerEntry[],
  below: readonly (readonly LayerEntry[])[],
): readonly Change[] {
  const there = new Set<string>();
  for (const layer of below) for (const { path } of layer) applyName(there, path);
  return kept.flatMap(({ path }): Change[] => {
    const [directory, name] = splitPath(path);
    if (path === '' || name === OPAQUE_NAME) return [];
    if (name.startsWith(WHITEOUT)) return [{ kind: 'D', path: `/${directory}${name.slice(WHITEOUT.length)}` }];
    return [{ kind: there.has(path) ? 'C' : 'A', path: `/${path}` }];
  });
}

/** What one entry of a layer does to the names there are. */
function applyName(there: Set<string>, path: string): void {
  const [directory, name] = splitPath(path);
  if (!name.startsWith(WHITEOUT)) {
    there.add(path);
    return;
  }
  const hidden = name === OPAQUE_NAME ? directory : `${directory}${name.slice(WHITEOUT.length)}/`;
  if (name !== OPAQUE_NAME) there.delete(hidden.slice(0, -1));
  for (const other of there) if (other.startsWith(hidden)) there.delete(other);
}

/** Directory, with a slash behind unless it is the root, and name. */
function splitPath(path: string): readonly [directory: string, name: string] {
  const slash = path.lastIndexOf('/') + 1;
  return [path.slice(0, slash), path.slice(slash)];
}

/** The upper directory of an overlay as a tar archive. */
export function packChanges(upper: Inode): Bytes {
  const { readable, controller } = createTarPacker();
  void packDirectory(controller, upper, '', new Map()).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  );
  return readable;
}

async function packDirectory(packer: Packer, directory: Inode, path: string, seen: Map<Inode, string>): Promise<void> {
  if (isOpaque(directory)) await packer.add({ ...headerOf(directory, `${path}${OPAQUE_NAME}`), type: 'file' }).close();
  for (const { name } of inOrder(directory)) {
    const inode = directory.lookup(name)!;
    if (isWhiteout(inode)) await packer.add({ ...headerOf(inode, `${path}${WHITEOUT}${name}`), type: 'file' }).close();
    else await packInode(packer, inode, `${path}${name}`, seen);
  }
}

function isOpaque(directory: Inode): boolean {
  return directory.attributeNames().includes(OPAQUE) && directory.getAttribute(OPAQUE)?.[0] === 0x79;
}

async function packInode(packer: Packer, inode: Inode, name: string, seen: Map<Inode, string>): Promise<void> {
  const header = headerOf(inode, name);
  const first = seen.get(inode);
  if (first !== undefined) {
    await packer.add({ ...header, type: 'link', linkname: first }).close();
    return;
  }
  seen.set(inode, name);
  switch (inode.type) {
    case S_IFDIR:
      await packer.add({ ...header, name: `${name}/`, type: 'directory' }).close();
      await packDirectory(packer, inode, `${name}/`, seen);
      break;
    case S_IFLNK:
      await packer.add({ ...header, type: 'symlink', linkname: inode.readlink() }).close();
      break;
    case S_IFIFO:
      await packer.add({ ...header, type: 'fifo' }).close();
      break;
    case S_IFREG:
      await packFile(packer, inode as Readable, header);
      break;
    default:
      // sockets and devices do not outlive a container
      break;
  }
}

async function packFile(packer: Packer, inode: Readable, header: ReturnType<typeof headerOf>): Promise<void> {
  const { size } = inode;
  const writer = packer.add({ ...header, type: 'file', size }).getWriter();
  for (let at = 0; at < size; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, size - at));
    inode.read(at, chunk);
    await writer.write(chunk);
  }
  await writer.close();
}

function headerOf(inode: Inode, name: string) {
  const { mode, uid, gid, modified } = inode;
  const seconds = Number(modified / 1_000_000_000n);
  const fraction = String(modified % 1_000_000_000n).padStart(9, '0');
  const pax: Record<string, string> = modified % 1_000_000_000n === 0n ? {} : { mtime: `${seconds}.${fraction}` };
  for (const attribute of inode.attributeNames()) {
    if (attribute.startsWith(OVERLAY_ATTRIBUTES)) continue;
    pax[`SCHILY.xattr.${attribute}`] = new TextDecoder().decode(inode.getAttribute(attribute));
  }
  const more = Object.keys(pax).length === 0 ? {} : { pax };
  return { name, size: 0, mode: mode & 0o7777, uid, gid, mtime: new Date(seconds * 1000), ...more };
}
