// tmpfs(5): a file system in memory. Contents of files are pages of the machine, so that they can be mapped.
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID } from '../../abi/stat.ts';
import { O_APPEND } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Frames } from '../mm/frames.ts';
import { PageCache } from '../mm/page-cache.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { Task } from '../task/task.ts';
import { FileDescription, type WouldBlock } from '../vfs/file.ts';
import {
  type DirectoryEntry,
  type FileSystem,
  Inode,
  type Owner,
  type Timestamp,
  touchModified,
} from '../vfs/inode.ts';
import { openSpecial } from './special.ts';

export const TMPFS_MAGIC = 0x0102_1994;
/** What a directory entry counts in st_size of its directory. */
const ENTRY_SIZE = 20;
/** Largest file: what 32-bit page numbers reach and JavaScript counts exactly. */
const MOST_BYTES = 2 ** 43;

/** What a tmpfs is made of. */
export interface TmpfsOptions {
  readonly frames: Frames;
  readonly device: number;
  readonly now: () => Timestamp;
  readonly readOnly?: boolean;
  /** Permission bits of the root. */
  readonly mode?: number;
  readonly owner?: Owner;
}

/** An instance. */
export class Tmpfs implements FileSystem {
  readonly type = 'tmpfs';
  readonly magic = TMPFS_MAGIC;
  readonly device: number;
  readonly readOnly: boolean;
  readonly frames: Frames;
  readonly now: () => Timestamp;
  readonly root: TmpfsDirectory;
  #nextIno = 1;

  constructor(options: TmpfsOptions) {
    this.device = options.device;
    this.frames = options.frames;
    this.now = options.now;
    this.readOnly = options.readOnly ?? false;
    this.root = new TmpfsDirectory(this, S_IFDIR | (options.mode ?? 0o1777), options.owner ?? { uid: 0, gid: 0 });
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  /** A file without a name (memfd_create(2), shared anonymous memory). */
  anonymousFile(mode = 0o777, owner: Owner = { uid: 0, gid: 0 }): TmpfsFile {
    const file = new TmpfsFile(this, S_IFREG | mode, owner);
    file.links = 0;
    return file;
  }
}

/** A regular file. */
export class TmpfsFile extends Inode {
  readonly cache: PageCache;
  #size = 0;

  constructor(fs: Tmpfs, mode: number, owner: Owner) {
    super(fs, fs.nextIno(), mode, owner);
    this.cache = new PageCache(fs.frames, this);
  }

  override get size(): number {
    return this.#size;
  }

  override get blocks(): number {
    return this.cache.pages.size * 8;
  }

  override open(flags: number): FileDescription {
    return new RegularFile(this, flags);
  }

  override truncate(size: number): void {
    if (size > MOST_BYTES) fail('EFBIG');
    const shrinks = size < this.#size;
    this.#size = size;
    if (shrinks) this.cache.truncate(size);
    touchModified(this);
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    this.cache.read(offset, into.subarray(0, count));
    this.accessed = this.fs.now();
    return count;
  }

  write(offset: number, from: Uint8Array): number {
    if (offset + from.length > MOST_BYTES) fail('EFBIG');
    this.cache.write(offset, from);
    this.#size = Math.max(this.#size, offset + from.length);
    touchModified(this);
    return from.length;
  }

  override released(): void {
    this.cache.destroy();
  }
}

/** An open regular file of any file system whose inode reads and writes at offsets. */
export class RegularFile extends FileDescription {
  declare readonly inode: Inode & {
    read(offset: number, into: Uint8Array): number;
    write(offset: number, from: Uint8Array): number;
  };

  override readAt(offset: number, into: Uint8Array): number {
    return this.inode.read(offset, into);
  }

  override writeAt(offset: number, from: Uint8Array): number {
    return this.inode.write(this.flags & O_APPEND ? this.inode.size : offset, from);
  }

  override write(from: Uint8Array): number {
    if (this.flags & O_APPEND) this.offset = this.inode.size;
    const count = this.inode.write(this.offset, from);
    this.offset += count;
    return count;
  }
}

/** A symbolic link. */
export class TmpfsSymlink extends Inode {
  readonly target: string;

  constructor(fs: Tmpfs, target: string, owner: Owner) {
    super(fs, fs.nextIno(), S_IFLNK | 0o777, owner);
    this.target = target;
  }

  override get size(): number {
    return new TextEncoder().encode(this.target).length;
  }

  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.target;
  }
}

/** A device file, FIFO or socket: what opens is not of this file system. */
export class TmpfsSpecial extends Inode {
  override readonly special: number;

  constructor(fs: Tmpfs, mode: number, owner: Owner, special: number) {
    super(fs, fs.nextIno(), mode, owner);
    this.special = special;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number, task?: Task): FileDescription | WouldBlock {
    return openSpecial(this, flags, task);
  }
}

/** A directory. */
export class TmpfsDirectory extends Inode {
  declare readonly fs: Tmpfs;
  readonly #children = new Map<string, Inode>();

  constructor(fs: Tmpfs, mode: number, owner: Owner) {
    super(fs, fs.nextIno(), mode, owner);
    this.links = 2;
  }

  override get size(): number {
    return (this.#children.size + 2) * ENTRY_SIZE;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): Inode | undefined {
    return this.#children.get(name);
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const [name, { ino, type }] of this.#children) yield { name, ino, type };
  }

  override create(name: string, mode: number, owner: Owner, special = 0): Inode {
    const gid = this.mode & S_ISGID ? this.gid : owner.gid;
    const inherited = this.mode & S_ISGID && (mode & S_IFMT) === S_IFDIR ? S_ISGID : 0;
    return this.#add(name, newInode(this.fs, mode | inherited, { uid: owner.uid, gid }, special));
  }

  override symlink(name: string, target: string, owner: Owner): Inode {
    return this.#add(name, new TmpfsSymlink(this.fs, target, owner));
  }

  override link(name: string, inode: Inode): void {
    inode.links++;
    inode.changed = this.fs.now();
    this.#children.set(name, inode);
    touchModified(this);
  }

  override unlink(name: string): void {
    const inode = this.#children.get(name)!;
    this.#children.delete(name);
    inode.links--;
    inode.changed = this.fs.now();
    touchModified(this);
  }

  override rmdir(name: string): void {
    const directory = this.#children.get(name) as TmpfsDirectory;
    if (directory.#children.size > 0) fail('ENOTEMPTY');
    this.#children.delete(name);
    directory.links = 0;
    this.links--;
    touchModified(this);
  }

  override rename(name: string, target: TmpfsDirectory, newName: string): void {
    const moved = this.#children.get(name)!;
    const replaced = target.#children.get(newName);
    if (replaced === moved) return;
    if (replaced?.isDirectory) target.rmdir(newName);
    else if (replaced !== undefined) target.unlink(newName);
    this.#children.delete(name);
    target.#children.set(newName, moved);
    if (moved.isDirectory && this !== target) {
      this.links--;
      target.links++;
    }
    moved.changed = this.fs.now();
    touchModified(this);
    touchModified(target);
  }

  override exchange(name: string, target: TmpfsDirectory, newName: string): void {
    const [a, b] = [this.#children.get(name)!, target.#children.get(newName)!];
    this.#children.set(name, b);
    target.#children.set(newName, a);
    if (this !== target && a.isDirectory !== b.isDirectory) {
      this.links += b.isDirectory ? 1 : -1;
      target.links += a.isDirectory ? 1 : -1;
    }
    touchModified(this);
    touchModified(target);
  }

  #add(name: string, inode: Inode): Inode {
    this.#children.set(name, inode);
    if (inode.isDirectory) this.links++;
    touchModified(this);
    return inode;
  }
}

function newInode(fs: Tmpfs, mode: number, owner: Owner, special: number): Inode {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return new TmpfsDirectory(fs, mode, owner);
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return new TmpfsSpecial(fs, mode, owner, special);
    default:
      return new TmpfsFile(fs, mode, owner);
  }
}
