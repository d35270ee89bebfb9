// Files whose contents are made when they are opened, and directories whose entries are computed: what procfs, sysfs and
// cgroupfs are made of.
import { O_ACCMODE, O_RDONLY, O_WRONLY, S_IFDIR, S_IFLNK, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { HeldObject } from '../mm/frames.ts';
import { PAGE_SIZE } from '../platform.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { Changes } from '../vfs/changes.ts';
import { FileDescription, POLLERR, POLLPRI } from '../vfs/file.ts';
import {
  type DirectoryEntry,
  type FileSystem,
  Inode,
  type Opener,
  type Owner,
  type Status,
  type Timestamp,
} from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';
import type { Credentials } from '../vfs/permission.ts';

const ROOT: Owner = { uid: 0, gid: 0 };

/** A file system of generated files. */
export class GeneratedFs implements FileSystem {
  readonly type: string;
  readonly magic: number;
  readonly device: number;
  readonly readOnly = false;
  readonly now: () => Timestamp;
  #nextIno = 1;

  constructor(type: string, magic: number, device: number, now: () => Timestamp) {
    this.type = type;
    this.magic = magic;
    this.device = device;
    this.now = now;
  }

  nextIno(): number {
    return this.#nextIno++;
  }
}

/** With what rights and where a generated file is written. */
export interface WriteContext {
  /** Those of the task that opened the file, when it did. */
  readonly credentials: Credentials;
  readonly offset: number;
}

/** The text of one open file. */
export interface OpenText {
  readonly read: () => string | Uint8Array;
  /** Who polls the file hears of these. */
  readonly changes?: Changes;
}

/** What a generated file does when it is read and written. */
export interface FileContent {
  /** The whole text, as the task that opened it sees it; made when reading begins. */
  readonly read?: (opener: Task) => string | Uint8Array;
  /** The same where it is decided at opening what the text tells of. @throws SystemError for those who may not */
  readonly open?: (opener: Task) => OpenText;
  /** One write; @throws SystemError */
  readonly write?: (text: string, writer: Task, how: WriteContext) => void;
  /** Who may open it for writing, where permission bits do not tell. */
  readonly mayWrite?: (opener: Credentials) => boolean;
}

/** Who owns a file now: what belongs to a process follows its identity. */
export type LiveOwner = Owner | (() => Owner);

/** A file that may belong to whoever is somebody at the moment. */
export abstract class OwnedInode extends Inode {
  readonly #owner: (() => Owner) | undefined;

  constructor(fs: GeneratedFs, mode: number, owner: LiveOwner) {
    super(fs, fs.nextIno(), mode, typeof owner === 'function' ? ROOT : owner);
    this.#owner = typeof owner === 'function' ? owner : undefined;
  }

  protected override get status(): Status {
    return this.#owner === undefined ? super.status : { ...super.status, ...this.#owner() };
  }
}

/** A file whose text is made when it is read from the beginning. */
export class GeneratedFile extends OwnedInode {
  readonly content: FileContent;

  constructor(fs: GeneratedFs, content: FileContent, owner: LiveOwner = ROOT, mode?: number) {
    const permissions = (content.read || content.open ? 0o444 : 0) | (content.write ? 0o200 : 0);
    super(fs, S_IFREG | (mode ?? permissions), owner);
    this.content = content;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number, opener?: Opener): FileDescription {
    const { task } = opener!;
    const isRead = (flags & O_ACCMODE) !== O_WRONLY;
    if ((flags & O_ACCMODE) !== O_RDONLY && this.content.mayWrite?.(task.credentials) === false) fail('EACCES');
    return new GeneratedDescription(this, flags, opener!, isRead ? this.#openText(task) : undefined);
  }

  #openText(opener: Task): OpenText {
    const { open, read = () => fail('EACCES') } = this.content;
    return open?.(opener) ?? { read: () => read(opener) };
  }

  /** Opening with O_TRUNC is no mistake. */
  override truncate(): void {}
}

class GeneratedDescription extends FileDescription {
  declare readonly inode: GeneratedFile;
  readonly #opener: Task;
  readonly #credentials: Credentials;
  readonly #text: OpenText | undefined;
  readonly #kernel: Kernel;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where reading goes on with the same text. */
  #next = 0;
  /** Changes that whoever holds the file has heard of. */
  #heard: number;
  /** Memory of a text that is longer than most. */
  #held: HeldObject | undefined;

  constructor(inode: GeneratedFile, flags: number, { task: opener, kernel }: Opener, text: OpenText | undefined) {
    super(inode, flags, text?.changes?.queue);
    this.#opener = opener;
    this.#credentials = opener.credentials;
    this.#kernel = kernel;
    this.#text = text;
    this.#heard = text?.changes?.count ?? 0;
  }

  override closed(): void {
    this.#held?.free();
  }

  override readAt(offset: number, into: Uint8Array): number {
    if (offset === 0 || offset !== this.#next) this.#make();
    const part = this.#bytes.subarray(offset, offset + into.length);
    into.set(part);
    this.#next = offset + part.length;
    return part.length;
  }

  #make(): void {
    const text = this.#text!.read();
    const bytes = typeof text === 'string' ? encodeText(text) : text;
    this.#held?.free();
    this.#held = undefined;
    this.#bytes = new Uint8Array(0);
    if (bytes.length > PAGE_SIZE) this.#held = this.#kernel.memory.object(bytes.length);
    this.#bytes = bytes;
  }

  override get pollable(): boolean {
    return this.#text?.changes !== undefined;
  }

  /** Changes are told once. */
  override poll(): number {
    const ready = super.poll();
    const changes = this.#text?.changes;
    if (changes === undefined || changes.count === this.#heard) return ready;
    this.#heard = changes.count;
    return ready | POLLERR | POLLPRI;
  }

  override writeAt(offset: number, from: Uint8Array): number {
    const { write } = this.inode.content;
    if (write === undefined) return fail('EINVAL');
    write(decodeText(from), this.#opener, { credentials: this.#credentials, offset });
    return from.length;
  }
}

/** A symbolic link whose target is computed; it may lead to a file that has no name. */
export class GeneratedLink extends OwnedInode {
  readonly #target: () => string;
  readonly #path: (() => Path | undefined) | undefined;

  constructor(fs: GeneratedFs, target: () => string, path?: () => Path | undefined, owner: LiveOwner = ROOT) {
    super(fs, S_IFLNK | 0o777, owner);
    this.#target = target;
    this.#path = path;
  }

  override get size(): number {
    return 0;
  }

  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.#target();
  }

  magicTarget(): Path | undefined {
    return this.#path?.();
  }
}

/** Where the entries of a computed directory come from. */
export interface DirectoryContent {
  lookup(name: string): Inode | undefined;
  names(): Iterable<string>;
}

/** A directory with fixed entries, computed ones, or both. */
export class GeneratedDirectory extends OwnedInode {
  /** Entries, or what makes them when they are asked for. */
  readonly #fixed = new Map<string, Inode | (() => Inode)>();
  readonly #computed: DirectoryContent | undefined;
  /** The process the directory is of: /proc/PID stands for it (pidfd_send_signal(2)). */
  process: ThreadGroup | undefined;

  constructor(fs: GeneratedFs, computed?: DirectoryContent, owner: LiveOwner = ROOT, mode = 0o555) {
    super(fs, S_IFDIR | mode, owner);
    this.links = 2;
    this.#computed = computed;
  }

  /** Adds a fixed entry. */
  add(name: string, inode: Inode): this {
    this.#fixed.set(name, inode);
    if (inode.isDirectory) this.links++;
    return this;
  }

  /** Adds a fixed entry that is made when somebody asks for it: most files of most processes are never looked at. */
  offer(name: string, make: () => Inode): this {
    this.#fixed.set(name, make);
    return this;
  }

  /** The same for a directory. */
  offerDirectory(name: string, make: () => Inode): this {
    this.links++;
    return this.offer(name, make);
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags | O_RDONLY);
  }

  override lookup(name: string): Inode | undefined {
    const known = this.#fixed.get(name);
    if (known === undefined) return this.#computed?.lookup(name);
    if (typeof known !== 'function') return known;
    const made = known();
    this.#fixed.set(name, made);
    return made;
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const name of [...this.#fixed.keys(), ...(this.#computed?.names() ?? [])]) {
      const inode = this.lookup(name);
      if (inode !== undefined) yield { name, ino: inode.ino, type: inode.type };
    }
  }

  override create(): Inode {
    return fail('ENOENT');
  }
}
