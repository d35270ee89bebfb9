// tmpfs(5): a file system in memory. Contents of files are pages of the machine, so that they can be mapped.
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Frames, HeldObject } from '../mm/frames.ts';
import { type PageBudget, PageCache } from '../mm/page-cache.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Acl, AclKind } from '../vfs/acl.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { FileDescription, WouldBlock } from '../vfs/file.ts';
import {
  type DirectoryEntry,
  type FileSystem,
  Inode,
  type Opener,
  type Owner,
  type Room,
  type Timestamp,
  touchModified,
} from '../vfs/inode.ts';
import { Attributes } from './attributes.ts';
import { RegularFile } from './regular-file.ts';
import { openSpecial } from './special.ts';
import { parseTmpfsOptions, type TmpfsLimits, tmpfsOptionText } from './tmpfs-options.ts';
import { encodeText } from '../syscalls/text.ts';

const TMPFS_MAGIC = 0x0102_1994;
/** What a directory entry counts in st_size of its directory. */
const ENTRY_SIZE = 20;
/** Memory the kernel keeps for a file and its name, and for a further name, about. */
const FILE_BYTES = 2048;
const NAME_BYTES = 512;
/** Largest file: what 32-bit page numbers reach and JavaScript counts exactly. */
const MOST_BYTES = 2 ** 43;

/** Pages of holes that are looked through one after the other. */
const SHORT_HOLE = 64;

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/** What a tmpfs is made of. */
export interface TmpfsOptions {
  readonly frames: Frames;
  readonly device: number;
  readonly now: () => Timestamp;
  readonly readOnly?: boolean;
  /** Permission bits of the root. */
  readonly mode?: number;
  readonly owner?: Owner;
  /** Mount options; those not given are without limit. */
  readonly limits?: TmpfsLimits;
  /** Those of them that were given, to be shown. */
  readonly given?: TmpfsLimits;
  /** Most bytes all files together may claim to have, holes among them. */
  readonly mostClaimed?: number;
  /** devtmpfs is a tmpfs of another name. */
  readonly type?: string;
}

/** An instance. */
export class Tmpfs implements FileSystem, PageBudget {
  readonly type: string;
  readonly magic = TMPFS_MAGIC;
  readonly keepsAcls = true;
  readonly device: number;
  readonly readOnly: boolean;
  readonly frames: Frames;
  readonly now: () => Timestamp;
  readonly root: TmpfsDirectory;
  #limits: TmpfsLimits;
  #given: TmpfsLimits;
  readonly #mostClaimed: number;
  #pages = 0;
  #files = 0;
  #claimed = 0;
  #nextIno = 1;

  constructor(options: TmpfsOptions) {
    this.type = options.type ?? 'tmpfs';
    this.device = options.device;
    this.frames = options.frames;
    this.now = options.now;
    this.readOnly = options.readOnly ?? false;
    this.#limits = { ...(options.limits ?? { owner: {} }) };
    this.#given = { ...(options.given ?? this.#limits) };
    this.#mostClaimed = options.mostClaimed ?? Number.POSITIVE_INFINITY;
    this.root = new TmpfsDirectory(this, S_IFDIR | (options.mode ?? 0o1777), options.owner ?? { uid: 0, gid: 0 });
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  get options(): string {
    return tmpfsOptionText(this.#given, this.root);
  }

  take(): void {
    if (this.#limits.pages && this.#pages >= this.#limits.pages) fail('ENOSPC');
    this.#pages++;
  }

  give(pages: number): void {
    this.#pages -= pages;
  }

  /** One file or name more: a further name counts like a file. @throws SystemError ENOSPC, OutOfFrames */
  takeFile(bytes: number): HeldObject | undefined {
    if (this.#limits.files && this.#files >= this.#limits.files) fail('ENOSPC');
    const held = this.frames.accounts?.object(bytes);
    this.#files++;
    return held;
  }

  giveFile(held: HeldObject | undefined): void {
    held?.free();
    this.#files--;
  }

  /** A file becomes longer, or shorter. @throws SystemError ENOSPC */
  claim(bytes: number): void {
    this.checkClaim(bytes);
    this.#claimed += bytes;
  }

  /** @throws SystemError ENOSPC */
  checkClaim(bytes: number): void {
    if (bytes > 0 && this.#claimed + bytes > this.#mostClaimed) fail('ENOSPC');
  }

  room(): Room {
    const { total, used } = this.frames;
    const blocks = this.#limits.pages || total;
    const freeBlocks = this.#limits.pages ? blocks - this.#pages : total - used;
    const files = this.#limits.files ?? 0;
    return { blocks, freeBlocks, files, freeFiles: Math.max(0, files - this.#files) };
  }

  remount(options: string): void {
    const { pages, files } = parseTmpfsOptions(options, this.frames.total * 4096);
    if (pages !== undefined && pages !== 0 && pages < this.#pages) fail('EINVAL');
    if (files !== undefined && files !== 0 && files < this.#files) fail('EINVAL');
    const changed = { ...(pages === undefined ? {} : { pages }), ...(files === undefined ? {} : { files }) };
    this.#limits = { ...this.#limits, ...changed };
    this.#given = { ...this.#given, ...changed };
  }

  /** Nobody can reach the files by their names any more: those that nobody has open are gone. */
  unmounted(): void {
    this.root.clear();
  }

  /** A file without a name (memfd_create(2), shared anonymous memory). */
  anonymousFile(mode = 0o777, owner: Owner = { uid: 0, gid: 0 }): TmpfsFile {
    const file = new TmpfsFile(this, S_IFREG | mode, owner);
    file.links = 0;
    return file;
  }
}

/** What all files of a tmpfs have: a place among its inodes, and extended attributes. */
abstract class TmpfsInode extends Inode {
  declare readonly fs: Tmpfs;
  #attributes: Attributes | undefined;
  readonly #held: HeldObject | undefined;
  /** For names but the first. */
  readonly #names: (HeldObject | undefined)[] = [];

  constructor(fs: Tmpfs, mode: number, owner: Owner, bytes = 0) {
    const held = fs.takeFile(FILE_BYTES + bytes);
    super(fs, fs.nextIno(), mode, owner);
    this.#held = held;
  }

  /** @throws SystemError ENOSPC, OutOfFrames */
  takeName(): void {
    this.#names.push(this.fs.takeFile(NAME_BYTES));
  }

  giveName(): void {
    this.fs.giveFile(this.#names.pop());
  }

  override released(): void {
    this.#attributes?.clear();
    this.fs.giveFile(this.#held);
  }

  override getAttribute(name: string): Uint8Array | undefined {
    return this.#attributes?.get(name);
  }

  override setAttribute(name: string, value: Uint8Array): void {
    this.#attributes ??= new Attributes(this.fs.frames);
    this.#attributes.set(name, value);
    this.changed = this.fs.now();
  }

  override removeAttribute(name: string): boolean {
    const removed = this.#attributes?.remove(name) ?? false;
    if (removed) this.changed = this.fs.now();
    return removed;
  }

  override attributeNames(): readonly string[] {
    return this.#attributes?.names() ?? [];
  }

  override acl(kind: AclKind): Acl | undefined {
    return this.#attributes?.acl(kind);
  }
}

/** A regular file. */
export class TmpfsFile extends TmpfsInode {
  readonly cache: PageCache;
  #size = 0;

  constructor(fs: Tmpfs, mode: number, owner: Owner) {
    super(fs, mode, owner);
    this.cache = new PageCache(fs.frames, this, undefined, fs);
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
    this.#resize(size);
    if (shrinks) this.cache.truncate(size);
    touchModified(this);
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    this.cache.read(offset, count === into.length ? into : into.subarray(0, count));
    this.accessed = this.fs.now();
    return count;
  }

  write(offset: number, from: Uint8Array): number {
    if (offset + from.length > MOST_BYTES) fail('EFBIG');
    this.fs.checkClaim(offset + from.length - this.#size);
    const count = this.cache.write(offset, from);
    this.#resize(Math.max(this.#size, offset + count));
    touchModified(this);
    return count;
  }

  override allocate(mode: number, offset: number, length: number): void {
    const end = offset + length;
    if (mode === (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
      this.cache.punch(offset, end);
      touchModified(this);
      return;
    }
    if (mode & ~FALLOC_FL_KEEP_SIZE) fail('EOPNOTSUPP');
    if (end > MOST_BYTES) fail('EFBIG');
    this.#reserve(Math.floor(offset / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
    if (mode === 0) this.#resize(Math.max(this.#size, end));
    touchModified(this);
  }

  #resize(size: number): void {
    this.fs.claim(size - this.#size);
    this.#size = size;
  }

  /** Brings the pages [first, end) into being, all or none. */
  #reserve(first: number, end: number): void {
    const made: number[] = [];
    try {
      for (let index = first; index < end; index++) {
        if (this.cache.pages.has(index)) continue;
        this.cache.page(index);
        made.push(index);
      }
    } catch (failure) {
      for (const index of made) this.cache.punch(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      throw failure;
    }
  }

  override seekData(offset: number, hole: boolean): number | undefined {
    if (offset >= this.#size) return undefined;
    const { pages } = this.cache;
    const first = Math.floor(offset / PAGE_SIZE);
    let page = first;
    if (hole) while (pages.has(page)) page++;
    else if (!pages.has(first)) page = nextPage(pages, first);
    const at = Math.max(offset, page * PAGE_SIZE);
    if (at < this.#size) return at;
    return hole ? this.#size : undefined;
  }

  override unused(): void {
    if (this.cache.users.size === 0) super.unused();
  }

  override released(): void {
    super.released();
    this.#resize(0);
    this.cache.destroy();
  }
}

/** The first page behind one that is a hole: a hole may be longer than anybody can count through. */
function nextPage(pages: ReadonlyMap<number, unknown>, hole: number): number {
  // short holes are passed page by page
  for (let page = hole + 1; page < hole + SHORT_HOLE; page++) if (pages.has(page)) return page;
  let next = Number.POSITIVE_INFINITY;
  for (const page of pages.keys()) if (page > hole && page < next) next = page;
  return next;
}

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
