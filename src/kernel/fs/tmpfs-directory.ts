// Directories of a tmpfs, and what is made in them besides regular files.
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK, S_ISGID } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { encodeText } from '../syscalls/text.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { FileDescription, WouldBlock } from '../vfs/file.ts';
import { type DirectoryEntry, type Inode, type Opener, type Owner, touchModified } from '../vfs/inode.ts';
import { openSpecial } from './special.ts';
import type { Tmpfs } from './tmpfs.ts';
import { TmpfsFile } from './tmpfs-file.ts';
import { TmpfsInode } from './tmpfs-inode.ts';

/** What a directory entry counts in st_size of its directory. */
const ENTRY_SIZE = 20;

/** A symbolic link. */
export class TmpfsSymlink extends TmpfsInode {
  readonly target: string;

  constructor(fs: Tmpfs, target: string, owner: Owner) {
    super(fs, S_IFLNK | 0o777, owner, target.length);
    this.target = target;
  }

  override get size(): number {
    return encodeText(this.target).length;
  }

  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.target;
  }
}

/** A device file, FIFO or socket: what opens is not of this file system. */
export class TmpfsSpecial extends TmpfsInode {
  override readonly special: number;

  constructor(fs: Tmpfs, mode: number, owner: Owner, special: number) {
    super(fs, mode, owner);
    this.special = special;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return openSpecial(this, flags, opener);
  }
}

/** A directory. */
export class TmpfsDirectory extends TmpfsInode {
  readonly #children = new Map<string, Inode>();

  constructor(fs: Tmpfs, mode: number, owner: Owner) {
    super(fs, mode, owner);
    this.links = 2;
  }

  override get size(): number {
    return (this.#children.size + 2) * ENTRY_SIZE;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  /** Takes all names away, here and below. */
  clear(): void {
    for (const inode of new Set(this.#children.values())) {
      if (inode instanceof TmpfsDirectory) inode.clear();
      if (inode.links === 0) continue;
      inode.links = 0;
      inode.unused();
    }
    this.#children.clear();
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

  override createNameless(mode: number, owner: Owner): Inode {
    const file = this.fs.anonymousFile(mode & ~S_IFMT, owner);
    if (this.mode & S_ISGID) file.gid = this.gid;
    return file;
  }

  override link(name: string, inode: Inode): void {
    // the first name of a file made without one is the inode itself
    if (inode.links > 0 && inode instanceof TmpfsInode) inode.takeName();
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
    if (inode.links > 0 && inode instanceof TmpfsInode) inode.giveName();
    inode.unused();
  }

  override rmdir(name: string): void {
    const directory = this.#children.get(name) as TmpfsDirectory;
    if (directory.#children.size > 0) fail('ENOTEMPTY');
    this.#children.delete(name);
    directory.links = 0;
    this.links--;
    touchModified(this);
    directory.unused();
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
