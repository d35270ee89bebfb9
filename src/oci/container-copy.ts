// Files into a container and out of it as tar archives (docker-cp(1), and the archive calls of the Docker Engine API). Every name
// is resolved by the container's kernel, in its root: no link leads out.
import { createTarDecoder } from 'modern-tar';
import { errnoText } from '../abi/errno.ts';
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY, S_IFIFO, S_IFMT } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import { release, WouldBlock } from '../kernel/vfs/file.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import { makeDirectory, makeLink, makeNode, makeSymlink } from '../kernel/vfs/make.ts';
import { openFile } from '../kernel/vfs/open.ts';
import { unlink } from '../kernel/vfs/remove.ts';
import { changeable, locate, type Path, type PathContext, resolve, throughMounts } from '../kernel/vfs/path.ts';
import { LayerEntries, type LayerEntry } from './layer-entries.ts';
import { tarError } from './layers.ts';
import { OciError } from './oci-error.ts';
import { type Bytes, decompressed } from './streams.ts';
import { attributeBytes, readableArchive } from './tar-bytes.ts';
import { archiveOf, canBePacked, packInode, type Packer } from './tar-inode.ts';

/** File systems that are made of what the kernel knows: nothing of them is copied with a directory they are in. */
const OF_THE_KERNEL = new Set(['proc', 'sysfs', 'cgroup2', 'devpts', 'mqueue', 'devtmpfs']);

/** What stands behind a path of a container. */
export interface PathInfo {
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** Where and for whom names are looked up. */
export interface CopyPlace {
  readonly kernel: Kernel;
  readonly task: Task;
  /** The root of the container and its superuser. */
  readonly context: PathContext;
}

/** Looks at a path. @throws OciError */
export function lookAt({ context }: CopyPlace, path: string, follow: boolean): PathInfo {
  return withSentence(path, () => {
    const { target } = locate(context, path, { follow });
    return { exists: target !== undefined, isDirectory: target?.entry.inode.isDirectory === true };
  });
}

/** A file or a directory as an archive, its own name replaced; an empty name leaves what is in the directory. @throws OciError */
export function packPath({ context }: CopyPlace, path: string, name: string, follow: boolean): Bytes {
  const found = withSentence(path, () => resolve(context, path, { follow }));
  if (!canBePacked(found.entry.inode))
    throw new OciError(
      'bad-option',
      `${path} in the container is a device, or made by the kernel: it cannot be copied.`,
    );
  return archiveOf((packer) => packTree(packer, found, name, new Map()));
}

/** The root file system as an archive, without what is mounted in it. */
export function packRoot(root: Inode): Bytes {
  return archiveOf((packer) => packBelow(packer, root, '', new Map()));
}

/** A tree with what its root is. */
export function packTreeOf(root: Inode): Bytes {
  return archiveOf(async (packer) => {
    await packInode(packer, root, '.', new Map());
    await packBelow(packer, root, '', new Map());
  });
}

async function packBelow(packer: Packer, directory: Inode, path: string, seen: Map<Inode, string>): Promise<void> {
  for (const name of namesIn(directory)) {
    const inode = directory.lookup(name);
    if (inode === undefined) continue;
    await packInode(packer, inode, path + name, seen);
    if (inode.isDirectory) await packBelow(packer, inode, `${path}${name}/`, seen);
  }
}

const namesIn = (directory: Inode) => [...directory.entries()].map(({ name }) => name).sort();

async function packTree(packer: Packer, path: Path, name: string, seen: Map<Inode, string>): Promise<void> {
  const { inode } = path.entry;
  if (name !== '') await packInode(packer, inode, name, seen);
  if (!inode.isDirectory) return;
  for (const child of namesIn(inode)) {
    const entry = path.entry.child(child);
    // whatever runs in the container may have removed it
    if (entry === undefined) continue;
    const there = throughMounts({ mount: path.mount, entry });
    if (there.mount !== path.mount && OF_THE_KERNEL.has(there.mount.fs.type)) continue;
    await packTree(packer, there, name === '' ? child : `${name}/${child}`, seen);
  }
}

/** How an archive is unpacked. */
export interface UnpackOptions {
  /** Owners are those of the archive, not the container's superuser. */
  readonly keepOwners: boolean;
}

/** Unpacks an archive into a directory of the container. @throws OciError for one that is refused, or a place that is */
export async function unpackInto(
  place: CopyPlace,
  directory: string,
  archive: Bytes,
  options: UnpackOptions,
): Promise<void> {
  const what = 'The archive';
  const entries = new LayerEntries(what);
  const unpacking = new Unpacking(
    place,
    withSentence(directory, () => resolve(place.context, directory)),
    options,
  );
  try {
    const plain = await decompressed(archive, what);
    for await (const { header, body } of plain
      .pipeThrough(readableArchive())
      .pipeThrough(createTarDecoder({ strict: true }))) {
      const entry = entries.add(header);
      if (entry.kind === 'file') await unpacking.file(entry, body as Bytes);
      else {
        await body.cancel();
        unpacking.other(entry);
      }
    }
    unpacking.finish();
  } catch (error) {
    throw tarError(error, what);
  }
}

class Unpacking {
  readonly #place: CopyPlace;
  readonly #from: PathContext;
  readonly #options: UnpackOptions;
  readonly #directories: LayerEntry[] = [];

  constructor(place: CopyPlace, directory: Path, options: UnpackOptions) {
    this.#place = place;
    this.#from = { ...place.context, directory };
    this.#options = options;
  }

  #name(text: string) {
    return { from: this.#from, text };
  }

  /** Writes a file in place of what has its name. */
  async file(entry: LayerEntry, body: Bytes): Promise<void> {
    const { path } = entry;
    const file = withSentence(path, () => {
      const isKept = !this.#clear(path);
      const flags = O_WRONLY | O_NOFOLLOW | (isKept ? O_TRUNC : O_CREAT | O_EXCL);
      return openFile(this.#place, this.#name(path), flags, 0o600);
    });
    if (file instanceof WouldBlock) throw refused(path, 'it is in use');
    try {
      let at = 0;
      for await (const chunk of body) {
        withSentence(path, () => {
          for (let done = 0; done < chunk.length; ) done += file.writeAt(at + done, chunk.subarray(done)) as number;
        });
        at += chunk.length;
      }
    } finally {
      release(file);
    }
    this.#setStatus(entry);
  }

  /** Makes a directory, a link or a FIFO. */
  other(entry: LayerEntry): void {
    const { path, kind, target = '' } = entry;
    withSentence(path, () => {
      if (kind === 'directory') this.#directory(entry);
      else {
        this.#clear(path);
        if (kind === 'symlink') makeSymlink(this.#name(path), target);
        else if (kind === 'fifo') makeNode(this.#name(path), S_IFIFO | 0o600, 0);
        else makeLink(resolve(this.#from, target, { follow: false }), this.#name(path));
      }
    });
    if (kind !== 'directory' && kind !== 'hardlink') this.#setStatus(entry);
  }

  /** What is a directory already gets the permissions of the archive at the end, when nothing more is put into it. */
  #directory(entry: LayerEntry): void {
    const { path } = entry;
    if (path === '') return;
    const { target } = locate(this.#from, path, { follow: false });
    if (!target) makeDirectory(this.#name(path), 0o700);
    else if (!target.entry.inode.isDirectory) throw refused(path, 'a directory cannot take the place of what is none');
    this.#directories.push(entry);
  }

  /** Makes room for a name; false if there is a file that cannot be removed, because something is mounted there. */
  #clear(path: string): boolean {
    const { target } = locate(this.#from, path, { nameItself: true });
    if (!target) return true;
    if (target.entry.inode.isDirectory) throw refused(path, 'it would take the place of a directory');
    if (target.entry === target.mount.root) return false;
    unlink(this.#name(path));
    return true;
  }

  finish(): void {
    for (const entry of this.#directories.reverse()) this.#setStatus(entry);
  }

  #setStatus({ path, mode, uid, gid, mtime, xattrs = {} }: LayerEntry): void {
    withSentence(path, () => {
      const { inode } = changeable(this.#name(path), false).entry;
      if (this.#options.keepOwners && inode.uid !== uid) inode.uid = uid;
      if (this.#options.keepOwners && inode.gid !== gid) inode.gid = gid;
      if (!inode.isSymlink) inode.mode = (inode.mode & S_IFMT) | mode;
      for (const [name, value] of Object.entries(xattrs)) setAttribute(inode, name, attributeBytes(value));
      inode.modified = BigInt(Math.round(mtime * 1e6)) * 1000n;
    });
  }
}

/** Where a file system has no attributes, the file goes without. */
function setAttribute(inode: Inode, name: string, value: Uint8Array): void {
  try {
    inode.setAttribute(name, value);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== 'EOPNOTSUPP') throw error;
  }
}

const refused = (path: string, why: string) => new OciError('bad-option', `/${path} cannot be written: ${why}.`);

/** What the kernel refuses, in a sentence. */
function withSentence<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const code = error.errno === 'ENOENT' ? 'not-found' : 'bad-option';
    throw new OciError(code, `${path} in the container: ${errnoText(error.errno)}.`);
  }
}
