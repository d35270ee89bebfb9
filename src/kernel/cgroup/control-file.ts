// The files of a cgroup directory: text made when reading begins, one write one order, and a wake-up for those who poll when
// the text has changed (Documentation/admin-guide/cgroup-v2.rst "Conventions"; poll(2) POLLPRI).
import { S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { GeneratedFs } from '../fs/generated.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import type { Task } from '../task/task.ts';
import { Changes } from '../vfs/changes.ts';
import { FileDescription, POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM } from '../vfs/file.ts';
import { Inode, type Opener, type Owner } from '../vfs/inode.ts';
import type { Cgroup } from './cgroup.ts';

/** One kind of file. */
export interface ControlFile {
  /** Such as cgroup.procs. */
  readonly name: string;
  readonly read?: (cgroup: Cgroup, opener: Task) => string;
  /** @throws SystemError */
  readonly write?: (cgroup: Cgroup, text: string, writer: Task) => void;
  /** Most files are not there in the root; some are only there. */
  readonly where?: 'all' | 'below-root';
}

/** Longest order. */
const MOST_BYTES = 4096;

/** A file in the directory of a cgroup. */
export class ControlInode extends Inode {
  readonly cgroup: Cgroup;
  readonly file: ControlFile;
  /** Those of the text. */
  readonly changes = new Changes();

  constructor(fs: GeneratedFs, cgroup: Cgroup, file: ControlFile, owner: Owner) {
    const mode = (file.read ? 0o444 : 0) | (file.write ? 0o200 : 0);
    super(fs, fs.nextIno(), S_IFREG | mode, owner);
    this.cgroup = cgroup;
    this.file = file;
  }

  override get size(): number {
    return 0;
  }

  /** The text has changed: whoever polls hears of it. */
  notify(): void {
    this.changes.notify();
  }

  override open(flags: number, opener?: Opener): FileDescription {
    if (this.cgroup.isRemoved) fail('ENODEV');
    return new ControlDescription(this, flags, opener!.task);
  }

  /** Opening with O_TRUNC is no mistake. */
  override truncate(): void {}
}

class ControlDescription extends FileDescription {
  declare readonly inode: ControlInode;
  readonly #opener: Task;
  #text = new Uint8Array(0);
  /** Changes that whoever holds the file has seen. */
  #seen: number;

  constructor(inode: ControlInode, flags: number, opener: Task) {
    super(inode, flags, inode.changes.queue);
    this.#opener = opener;
    this.#seen = inode.changes.count;
  }

  override readAt(offset: number, into: Uint8Array): number {
    const { cgroup, file } = this.inode;
    if (offset === 0) {
      if (cgroup.isRemoved) fail('ENODEV');
      this.#seen = this.inode.changes.count;
      this.#text = Uint8Array.from(encodeText((file.read ?? fail('EINVAL'))(cgroup, this.#opener)));
    }
    const part = this.#text.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  override writeAt(_offset: number, from: Uint8Array): number {
    const { cgroup, file } = this.inode;
    if (from.length >= MOST_BYTES) fail('E2BIG');
    if (cgroup.isRemoved) fail('ENODEV');
    (file.write ?? fail('EINVAL'))(cgroup, decodeText(from), this.#opener);
    return from.length;
  }

  override get pollable(): boolean {
    return true;
  }

  override poll(): number {
    const ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    return this.#seen === this.inode.changes.count ? ready : ready | POLLERR | POLLPRI;
  }
}
