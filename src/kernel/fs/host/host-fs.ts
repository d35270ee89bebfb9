// A directory of the computer outside as a file system: what a container's bind mounts of host directories stand on.
// The host is asked again with every call, because others change its files too. Special files of the host are seen and
// never opened there.
import { O_ACCMODE, O_RDONLY, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { PageCache, type PageSource } from '../../mm/page-cache.ts';
import { PAGE_SIZE } from '../../platform.ts';
import { DirectoryFile } from '../../vfs/directory-file.ts';
import type { FileDescription, WouldBlock } from '../../vfs/file.ts';
import {
  type DirectoryEntry,
  type FileSystem,
  Inode,
  type Opener,
  type Owner,
  type Room,
  type Status,
  type Timestamp,
} from '../../vfs/inode.ts';
import type { MountedFileSystem } from '../mount-request.ts';
import { RegularFile } from '../regular-file.ts';
import { openSpecial } from '../special.ts';
import type { HostChange, HostDirectory, HostFile, HostPath, HostStatus, OwnerMap } from './host-directory.ts';

const HOSTFS_MAGIC = 0x00c0_ffee;

/** What a shared directory is made of. */
export interface HostFsOptions {
  readonly directory: HostDirectory;
  readonly owners: OwnerMap;
  /** Programs may change files. */
  readonly writable: boolean;
}

/** An instance. */
export class HostFs implements FileSystem {
  readonly type = 'hostfs';
  readonly magic = HOSTFS_MAGIC;
  readonly device: number;
  readonly readOnly: boolean;
  readonly kernel: Kernel;
  readonly directory: HostDirectory;
  readonly owners: OwnerMap;
  /** Files by what the host knows them by. */
  readonly #known = new Map<string, WeakRef<HostInode>>();

  constructor(kernel: Kernel, { directory, owners, writable }: HostFsOptions) {
    this.kernel = kernel;
    this.device = kernel.nextDevice();
    this.directory = directory;
    this.owners = owners;
    this.readOnly = !writable;
  }

  now(): Timestamp {
    return this.kernel.realtime;
  }

  room(): Room {
    return this.directory.room();
  }

  /** The inode of a file that was found at a place. */
  inode(status: HostStatus, place: Place | undefined): HostInode {
    const known = this.#known.get(status.identity)?.deref();
    if (known !== undefined && (known.mode & S_IFMT) === (status.mode & S_IFMT)) {
      known.found(status, place);
      return known;
    }
    const inode = newInode(this, status, place);
    this.#known.set(status.identity, new WeakRef(inode));
    return inode;
  }
}

/** Directory and name under which a file was found last. */
interface Place {
  readonly parent: HostFolder;
  readonly name: string;
}

/** A file of any type. */
abstract class HostInode extends Inode {
  declare readonly fs: HostFs;
  readonly #ino: number;
  readonly identity: string;
  #place: Place | undefined;
  #shown: HostStatus;
  /** Cycles at which the host was asked last: within one call nothing changes. */
  #asked: number;

  constructor(fs: HostFs, status: HostStatus, place: Place | undefined) {
    super(fs, status.ino, status.mode, ownerInside(fs, status));
    this.#ino = status.ino;
    this.identity = status.identity;
    this.#place = place;
    this.#shown = status;
    this.#asked = fs.kernel.platform.cycles;
  }

  override get ino(): number {
    return this.#ino;
  }

  /** The host was asked for it just now, as for one that was not known. */
  found(status: HostStatus, place: Place | undefined): void {
    this.#place = place;
    this.#shown = status;
    this.#asked = this.fs.kernel.platform.cycles;
  }

  moveTo(place: Place | undefined): void {
    this.#place = place;
  }

  /** Where the host has it. */
  get path(): HostPath {
    const names: string[] = [];
    for (let at = this.#place; at !== undefined; at = (at.parent as HostInode).#place) names.push(at.name);
    return names.reverse();
  }

  /** Asks the host, through an open file when there is one: it may have no name any more. */
  protected ask(): HostStatus | undefined {
    return this.fs.directory.status(this.path);
  }

  get shown(): HostStatus {
    const { cycles } = this.fs.kernel.platform;
    if (cycles === this.#asked) return this.#shown;
    this.#asked = cycles;
    const now = this.ask();
    if (now === undefined || now.identity !== this.identity) this.#shown = { ...this.#shown, links: 0 };
    else this.#shown = now;
    return this.#shown;
  }

  /** Something was changed: the host is asked next time. */
  forget(): void {
    this.#asked = Number.NaN;
  }

  protected override get status(): Status {
    const { mode, links, accessed, modified, changed, born } = this.shown;
    return { mode, ...ownerInside(this.fs, this.shown), links, accessed, modified, changed, born };
  }

  protected override get changing(): Status {
    return new Changing(this);
  }

  change(change: HostChange): void {
    if (this.fs.readOnly) fail('EROFS');
    if (this.shown.links === 0) fail('ESTALE');
    this.fs.directory.change(this.path, change);
    this.forget();
  }

  override get size(): number {
    return this.shown.size;
  }

  override get blocks(): number {
    return this.shown.blocks;
  }
}

function ownerInside({ owners }: HostFs, { uid, gid }: HostStatus): Owner {
  return { uid: owners.uid(uid), gid: owners.gid(gid) };
}

/** Status whose changes go to the host. */
class Changing implements Status {
  readonly #inode: HostInode;

  constructor(inode: HostInode) {
    this.#inode = inode;
  }

  set mode(mode: number) {
    this.#inode.change({ mode: mode & 0o7777 });
  }

  set uid(uid: number) {
    this.#inode.change({ uid: this.#inode.fs.owners.hostUid(uid) ?? fail('EPERM') });
  }

  set gid(gid: number) {
    this.#inode.change({ gid: this.#inode.fs.owners.hostGid(gid) ?? fail('EPERM') });
  }

  set accessed(accessed: Timestamp) {
    this.#inode.change({ accessed });
  }

  set modified(modified: Timestamp) {
    this.#inode.change({ modified });
  }

  // the host keeps these itself
  set links(_links: number) {}
  set changed(_changed: Timestamp) {}
  set born(_born: Timestamp) {}
}

/** A regular file. */
class HostRegular extends HostInode implements PageSource {
  /** Files of the host are opened again by their names, and have to be the same, when a saved state goes on. */
  static readonly unsaved = ['#reader', '#writer'];
  readonly cache: PageCache;
  #reader: HostFile | undefined;
  #writer: HostFile | undefined;
  #cachedAt: Timestamp | undefined;

  constructor(fs: HostFs, status: HostStatus, place: Place | undefined) {
    super(fs, status, place);
    this.cache = new PageCache(fs.kernel.frames, this, this);
  }

  override open(flags: number): FileDescription {
    if ((flags & O_ACCMODE) !== O_RDONLY) this.#forWriting();
    else this.#forReading();
    this.#dropStale();
    return new RegularFile(this, flags);
  }

  protected override ask(): HostStatus | undefined {
    return (this.#writer ?? this.#reader)?.status() ?? super.ask();
  }

  #forReading(): HostFile {
    this.#reader ??= this.#writer ?? this.#opened(false);
    return this.#reader;
  }

  #forWriting(): HostFile {
    if (this.fs.readOnly) fail('EROFS');
    this.#writer ??= this.#opened(true);
    return this.#writer;
  }

  /** The file that was found, and no other that has its name by now. */
  #opened(writable: boolean): HostFile {
    const file = this.fs.directory.open(this.path, writable);
    if (file.status().identity === this.identity) return file;
    file.close();
    return fail('ESTALE');
  }

  /** Pages that were read before somebody outside changed the file are read again. */
  #dropStale(): void {
    const { modified } = this.shown;
    if (this.#cachedAt !== modified && this.cache.users.size === 0) this.cache.destroy();
    this.#cachedAt = modified;
  }

  readPage(index: number, into: Uint8Array): void {
    const file = this.#writer ?? this.#forReading();
    const count = fill(file, index * PAGE_SIZE, into);
    into.fill(0, count);
  }

  read(offset: number, into: Uint8Array): number {
    if (this.cache.users.size > 0) this.#flush();
    return fill(this.#writer ?? this.#forReading(), offset, into);
  }

  write(offset: number, from: Uint8Array): number {
    const count = this.#forWriting().write(offset, from);
    this.forget();
    this.#intoPages(offset, from.subarray(0, count));
    return count;
  }

  override truncate(size: number): void {
    const file = this.#forWriting();
    const shrinks = size < this.size;
    file.truncate(size);
    this.forget();
    if (shrinks) this.cache.truncate(size);
    this.unused();
  }

  /** Mappings see what is written. */
  #intoPages(offset: number, bytes: Uint8Array): void {
    for (const [index, frame] of this.cache.pages) {
      const start = Math.max(offset, index * PAGE_SIZE);
      const end = Math.min(offset + bytes.length, (index + 1) * PAGE_SIZE);
      if (start >= end) continue;
      this.cache.frames.bytes(frame).set(bytes.subarray(start - offset, end - offset), start - index * PAGE_SIZE);
      this.cache.frames.written(frame);
    }
  }

  /** What programs wrote into shared mappings goes to the host. */
  #flush(): void {
    const file = this.#writer;
    if (file === undefined) return;
    const { size } = file.status();
    for (const [index, frame] of this.cache.pages) {
      const length = Math.min(PAGE_SIZE, size - index * PAGE_SIZE);
      if (length <= 0) continue;
      const bytes = this.cache.frames.bytes(frame).subarray(0, length);
      const there = new Uint8Array(length);
      fill(file, index * PAGE_SIZE, there);
      if (there.some((byte, n) => byte !== bytes[n])) file.write(index * PAGE_SIZE, bytes);
    }
    this.forget();
  }

  override unused(): void {
    if (this.opens > 0 || this.cache.users.size > 0) return;
    this.#flush();
    this.cache.destroy();
    if (this.#reader !== this.#writer) this.#reader?.close();
    this.#writer?.close();
    this.#reader = undefined;
    this.#writer = undefined;
  }
}

function fill(file: HostFile, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.length) {
    const count = file.read(offset + done, into.subarray(done));
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** A symbolic link: it is followed by the kernel, so that it leads to a file inside. */
class HostLink extends HostInode {
  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.fs.directory.readlink(this.path);
  }
}

/** A FIFO of the host is one of this kernel's own; sockets and devices are nobody's. */
class HostSpecial extends HostInode {
  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return this.type === S_IFIFO ? openSpecial(this, flags, opener) : fail('ENXIO');
  }
}

/** A directory. */
class HostFolder extends HostInode {
  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): HostInode | undefined {
    const status = this.fs.directory.status([...this.path, name]);
    return status === undefined ? undefined : this.fs.inode(status, { parent: this, name });
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const name of this.fs.directory.names(this.path)) {
      const status = this.fs.directory.status([...this.path, name]);
      if (status !== undefined) yield { name, ino: status.ino, type: status.mode & S_IFMT };
    }
  }

  override create(name: string, mode: number, owner: Owner): Inode {
    const path = this.#newPath(name);
    const type = mode & S_IFMT;
    if (type === S_IFDIR) this.fs.directory.createDirectory(path, mode & 0o7777);
    else if (type === S_IFREG) this.fs.directory.createFile(path, mode & 0o7777);
    else fail('EPERM');
    return this.#made(name, owner);
  }

  override symlink(name: string, target: string, owner: Owner): Inode {
    this.fs.directory.createSymlink(this.#newPath(name), target);
    return this.#made(name, owner);
  }

  override link(name: string, inode: HostInode): void {
    this.fs.directory.link(inode.path, this.#newPath(name));
    inode.forget();
    this.forget();
  }

  override unlink(name: string): void {
    const inode = this.lookup(name);
    this.fs.directory.unlink(this.#newPath(name));
    inode?.forget();
    this.forget();
  }

  override rmdir(name: string): void {
    const inode = this.lookup(name);
    this.fs.directory.rmdir(this.#newPath(name));
    inode?.forget();
    this.forget();
  }

  override rename(name: string, target: HostFolder, newName: string): void {
    const moved = this.lookup(name)!;
    this.fs.directory.rename(this.#newPath(name), target.#newPath(newName));
    moved.moveTo({ parent: target, name: newName });
    this.forget();
    target.forget();
  }

  #newPath(name: string): HostPath {
    if (this.fs.readOnly) fail('EROFS');
    return [...this.path, name];
  }

  /** A new file belongs to whoever made it, as far as the host can say so. */
  #made(name: string, { uid, gid }: Owner): Inode {
    this.forget();
    const inode = this.lookup(name) ?? fail('ESTALE');
    const { owners } = this.fs;
    const { shown } = inode;
    const [hostUid, hostGid] = [owners.hostUid(uid), owners.hostGid(gid)];
    if (hostUid !== undefined && hostUid !== shown.uid) inode.change({ uid: hostUid });
    if (hostGid !== undefined && hostGid !== shown.gid) inode.change({ gid: hostGid });
    return inode;
  }
}

function newInode(fs: HostFs, status: HostStatus, place: Place | undefined): HostInode {
  switch (status.mode & S_IFMT) {
    case S_IFDIR:
      return new HostFolder(fs, status, place);
    case S_IFREG:
      return new HostRegular(fs, status, place);
    case S_IFLNK:
      return new HostLink(fs, status, place);
    default:
      return new HostSpecial(fs, status, place);
  }
}

/** Makes a file system of a shared directory. @throws SystemError ENOTDIR */
export function createHostFs(kernel: Kernel, options: HostFsOptions): MountedFileSystem {
  const fs = new HostFs(kernel, options);
  const status = options.directory.status([]) ?? fail('ENOENT');
  if ((status.mode & S_IFMT) !== S_IFDIR) fail('ENOTDIR');
  return { fs, root: fs.inode(status, undefined) };
}
