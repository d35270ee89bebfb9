// What a container changed, as a layer: the upper directory of its overlay written as a tar archive (OCI image specification,
// "Image Layer Filesystem Changeset"), for commit and for keeping a stopped container.
import { S_IFCHR } from '../abi/stat.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import { type LayerEntry, OPAQUE as OPAQUE_NAME, WHITEOUT } from './layer-entries.ts';
import type { Bytes } from './streams.ts';
import { archiveOf, headerOf, packInode, type Packer } from './tar-inode.ts';

const OPAQUE = 'trusted.overlay.opaque';

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
  below: readonly (readonly Pick<LayerEntry, 'path'>[])[],
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

/** The upper directory of an overlay, and what is in it, as a tar archive. */
export function packChanges(upper: Inode): Bytes {
  return archiveOf(async (packer) => {
    const seen = new Map<Inode, string>();
    await packInode(packer, upper, '.', seen);
    await packDirectory(packer, upper, '', seen);
  });
}

async function packDirectory(packer: Packer, directory: Inode, path: string, seen: Map<Inode, string>): Promise<void> {
  if (isOpaque(directory)) await packer.add({ ...headerOf(directory, `${path}${OPAQUE_NAME}`), type: 'file' }).close();
  for (const { name } of inOrder(directory)) {
    const inode = directory.lookup(name)!;
    if (isWhiteout(inode)) await packer.add({ ...headerOf(inode, `${path}${WHITEOUT}${name}`), type: 'file' }).close();
    else {
      await packInode(packer, inode, `${path}${name}`, seen);
      if (inode.isDirectory) await packDirectory(packer, inode, `${path}${name}/`, seen);
    }
  }
}

/** Does a directory hide what lies below it? */
export function isOpaque(directory: Inode): boolean {
  return directory.attributeNames().includes(OPAQUE) && directory.getAttribute(OPAQUE)?.[0] === 0x79;
}
