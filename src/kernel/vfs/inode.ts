// Files as file systems keep them (inode(7)). A file system is a set of Inode classes; everything about names, mounts and
// permissions is done once, in the rest of this folder.
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import type { FileDescription, WouldBlock } from './file.ts';

/** Seconds and nanoseconds since the epoch, as one number of nanoseconds. */
export type Timestamp = bigint;

/** Who makes a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What an instance of a file system offers besides its root. */
export interface FileSystem {
  /** Its name in /proc/filesystems. */
  readonly type: string;
  /** st_dev. */
  readonly device: number;
  /** f_type of statfs(2). */
  readonly magic: number;
  readonly readOnly: boolean;
  now(): Timestamp;
}

/** One name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  /** S_IF* bits. */
  readonly type: number;
}

/** A file of any type. File systems override what their files can do; the rest fails as the man pages say. */
export abstract class Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  links = 1;
  accessed: Timestamp;
  modified: Timestamp;
  changed: Timestamp;
  born: Timestamp;
  /** Device number of a device file. */
  readonly special: number = 0;

  constructor(fs: FileSystem, ino: number, mode: number, owner: Owner) {
    this.fs = fs;
    this.ino = ino;
    this.mode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    const now = fs.now();
    this.accessed = now;
    this.modified = now;
    this.changed = now;
    this.born = now;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }

  get isDirectory(): boolean {
    return this.type === S_IFDIR;
  }

  get isRegular(): boolean {
    return this.type === S_IFREG;
  }

  get isSymlink(): boolean {
    return this.type === S_IFLNK;
  }

  abstract get size(): number;

  /** 512-byte blocks in use. */
  get blocks(): number {
    return Math.ceil(this.size / 512);
  }

  /** Makes an open file of it. */
  abstract open(flags: number, task?: Task): FileDescription | WouldBlock;

  // Directories.

  /** The file of this name, undefined when there is none. */
  lookup(_name: string): Inode | undefined {
    return fail('ENOTDIR');
  }

  entries(): Iterable<DirectoryEntry> {
    return fail('ENOTDIR');
  }

  /** Makes a file; `mode` has the type, `special` the device number of a device file. */
  create(_name: string, _mode: number, _owner: Owner, _special = 0): Inode {
    return fail('EPERM');
  }

  symlink(_name: string, _target: string, _owner: Owner): Inode {
    return fail('EPERM');
  }

  link(_name: string, _inode: Inode): void {
    fail('EPERM');
  }

  /** Removes the name of a file that is no directory. */
  unlink(_name: string): void {
    fail('EPERM');
  }

  /** Removes the name of an empty directory. */
  rmdir(_name: string): void {
    fail('EPERM');
  }

  /** Moves a name, replacing what was there; both directories are of this file system. */
  rename(_name: string, _target: Inode, _newName: string): void {
    fail('EPERM');
  }

  /** Exchanges two names (RENAME_EXCHANGE). */
  exchange(_name: string, _target: Inode, _newName: string): void {
    fail('EINVAL');
  }

  // Symbolic links.

  readlink(): string {
    return fail('EINVAL');
  }

  // Regular files.

  truncate(_size: number): void {
    fail('EINVAL');
  }

  /** Nobody uses the file any more, by name or open. */
  released(): void {}

  // Extended attributes.

  attributes: Map<string, Uint8Array> | undefined;
}

/** Marks a change of contents. */
export function touchModified(inode: Inode): void {
  const now = inode.fs.now();
  inode.modified = now;
  inode.changed = now;
}
