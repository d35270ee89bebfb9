// tmpfs(5): a file system in memory, and what its files may take of it.
import { S_IFDIR, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Frames, HeldObject } from '../mm/frames.ts';
import type { PageBudget } from '../mm/page-cache.ts';
import type { FileSystem, Owner, Room, Timestamp } from '../vfs/inode.ts';
import { TmpfsDirectory } from './tmpfs-directory.ts';
import { TmpfsFile } from './tmpfs-file.ts';
import { parseTmpfsOptions, type TmpfsLimits, tmpfsOptionText } from './tmpfs-options.ts';

const TMPFS_MAGIC = 0x0102_1994;

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
