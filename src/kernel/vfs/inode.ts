// Files as file systems keep them (inode(7)). A file system is a set of Inode classes; everything about names, mounts and
// permissions is done once, in the rest of this folder.
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import type { Task } from '../task/task.ts';
import type { Kernel } from '../kernel.ts';
import { ACL_ATTRIBUTES, type Acl, type AclKind } from './acl.ts';
import type { FileDescription, WouldBlock } from './file.ts';
import type { FileLocks } from './file-locks.ts';
import type { Watch } from './notify.ts';
import type { Path } from './path.ts';

/** Seconds and nanoseconds since the epoch, as one number of nanoseconds. */
export type Timestamp = bigint;

/** Who makes a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What stat(2) shows of a file and chmod(2), chown(2) and utimensat(2) change. */
export interface Status {
  mode: number;
  uid: number;
  gid: number;
  links: number;
  accessed: Timestamp;
  modified: Timestamp;
  changed: Timestamp;
  born: Timestamp;
}

/** Room of a file system, as statfs(2) tells it: blocks of a page, and files. */
export interface Room {
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
}

/** What an instance of a file system offers besides its root. */
export interface FileSystem {
  /** Its name in /proc/filesystems. */
  readonly type: string;
  /** st_dev. */
  readonly device: number;
  /** f_type of statfs(2). */
  readonly magic: number;
  readOnly: boolean;
  /** The user namespace it was mounted in, when that is not the outermost one: device files and set-ID programs of it mean
   * nothing outside. */
  owner?: UserNamespace;
  /** Its files can have access control lists (acl(5)). */
  readonly keepsAcls?: boolean;
  /** Its own options, as /proc/mounts shows them behind those of the mount. */
  readonly options?: string;
  /** Mounts that show it, and file systems made of it. */
  mounts?: number;
  /** The last of those is gone. */
  unmounted?(): void;
  now(): Timestamp;
  /** Undefined: it has no room to speak of. */
  room?(): Room;
  /** Mounted again with other options (MS_REMOUNT). @throws SystemError EINVAL */
  remount?(options: string): void;
}

/** Who opens a file, and where it was found. */
export interface Opener {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly path: Path;
}

/** One mount of a file system more, or one less. */
export function countMounts(fs: FileSystem, change: 1 | -1): void {
  fs.mounts = (fs.mounts ?? 0) + change;
  if (fs.mounts === 0) fs.unmounted?.();
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
  /** Device number of a device file. */
  readonly special: number = 0;
  /** It has no name yet, and linkat(2) may give it one. */
  isLinkable = false;
  /** Who hears what happens to it. */
  watches: Set<Watch> | undefined;
  /** Those that programs hold on it. */
  locks: FileLocks | undefined;
  /** Open files that can write. */
  writers = 0;
  readonly #ino: number;
  readonly #status: Status;
  #opens = 0;
  /** What is shown for a file that has no place in a tree of names. */
  readonly displayName: string | undefined = undefined;

  constructor(fs: FileSystem, ino: number, mode: number, owner: Owner) {
    this.fs = fs;
    this.#ino = ino;
    const now = fs.now();
    this.#status = {
      mode,
      uid: owner.uid,
      gid: owner.gid,
      links: 1,
      accessed: now,
      modified: now,
      changed: now,
      born: now,
    };
  }

  /** What is shown. A file system whose files stand for others overrides it. */
  protected get status(): Status {
    return this.#status;
  }

  /** What is changed: the same, after whatever has to happen before a change. */
  protected get changing(): Status {
    return this.#status;
  }

  get mode(): number {
    return this.status.mode;
  }

  set mode(value: number) {
    this.changing.mode = value;
  }

  get uid(): number {
    return this.status.uid;
  }

  set uid(value: number) {
    this.changing.uid = value;
  }

  get gid(): number {
    return this.status.gid;
  }

  set gid(value: number) {
    this.changing.gid = value;
  }

  get links(): number {
    return this.status.links;
  }

  set links(value: number) {
    this.changing.links = value;
  }

  get accessed(): Timestamp {
    return this.status.accessed;
  }

  set accessed(value: Timestamp) {
    this.changing.accessed = value;
  }

  get modified(): Timestamp {
    return this.status.modified;
  }

  set modified(value: Timestamp) {
    this.changing.modified = value;
  }

  get changed(): Timestamp {
    return this.status.changed;
  }

  set changed(value: Timestamp) {
    this.changing.changed = value;
  }

  get born(): Timestamp {
    return this.status.born;
  }

  set born(value: Timestamp) {
    this.changing.born = value;
  }

  /** st_ino. */
  get ino(): number {
    return this.#ino;
  }

  /** Open files that stand on it. */
  get opens(): number {
    return this.#opens;
  }

  set opens(value: number) {
    this.#opens = value;
  }

  /** st_dev. */
  get device(): number {
    return this.fs.device;
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

  /** 512-byte blocks in use: only the content of regular files takes any. */
  get blocks(): number {
    return this.isRegular ? Math.ceil(this.size / 512) : 0;
  }

  /** Makes an open file of it. */
  abstract open(flags: number, opener?: Opener): FileDescription | WouldBlock;

  // Directories.

  /** The file of this name, undefined when there is none. */
  lookup(_name: string): Inode | undefined {
    return fail('ENOTDIR');
  }

  entries(): Iterable<DirectoryEntry> {
    return fail('ENOTDIR');
  }

  /** Makes a file; `mode` has the type, `special` the device number of a device file. */
  create(_name: string, mode: number, _owner: Owner, _special = 0): Inode {
    return fail((mode & S_IFMT) === S_IFREG ? 'EACCES' : 'EPERM');
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

  /** Gives or takes away room of the file (fallocate(2)). */
  allocate(_mode: number, _offset: number, _length: number): void {
    fail('EOPNOTSUPP');
  }

  /** Where data or a hole begins at or behind an offset (lseek(2) SEEK_DATA, SEEK_HOLE); undefined when none does. */
  seekData(offset: number, hole: boolean): number | undefined {
    return offset >= this.size ? undefined : hole ? this.size : offset;
  }

  /** A file of this directory's file system that has no name yet (O_TMPFILE). */
  createNameless(_mode: number, _owner: Owner): Inode {
    return fail('EOPNOTSUPP');
  }

  /** One user less: without names and users the file is gone. */
  unused(): void {
    if (this.links === 0 && this.opens === 0) this.released();
  }

  /** Seals of a memfd (fcntl(2) "File Sealing"); other files cannot be sealed. */
  seals: number | undefined;

  /** Nobody uses the file any more, by name or open. */
  released(): void {}

  /** It is the root of one mount more, or less. */
  mountedTimes(_change: 1 | -1): void {}

  // Extended attributes (xattr(7)): names with their prefix. The rules of name spaces are the caller's.

  getAttribute(_name: string): Uint8Array | undefined {
    return fail('EOPNOTSUPP');
  }

  /** @throws SystemError EOPNOTSUPP, ENOSPC */
  setAttribute(_name: string, _value: Uint8Array): void {
    fail('EOPNOTSUPP');
  }

  /** False when there was none. */
  removeAttribute(_name: string): boolean {
    return fail('EOPNOTSUPP');
  }

  attributeNames(): readonly string[] {
    return [];
  }

  /** An access control list it has (acl(5)): an attribute that file systems know the meaning of. */
  acl(_kind: AclKind): Acl | undefined {
    return undefined;
  }

  /** Sets one, or takes it away. @throws SystemError EOPNOTSUPP, ENOSPC */
  setAcl(kind: AclKind, acl: Acl | undefined): void {
    if (acl === undefined) this.removeAttribute(ACL_ATTRIBUTES[kind]);
    else this.setAttribute(ACL_ATTRIBUTES[kind], acl.encode());
  }
}

/** Marks a change of contents. */
export function touchModified(inode: Inode): void {
  const now = inode.fs.now();
  inode.modified = now;
  inode.changed = now;
}
