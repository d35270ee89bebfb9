// What all files of a shared directory have in common. The host is asked again with every call, because others change its files
// too; changes of status go to it.
import { fail } from '../../error.ts';
import { Inode, type Owner, type Status, type Timestamp } from '../../vfs/inode.ts';
import type { HostChange, HostPath, HostStatus } from './host-directory.ts';
import type { HostFolder } from './host-folder.ts';
import type { HostFs } from './host-fs.ts';

/** Directory and name under which a file was found last. */
export interface Place {
  readonly parent: HostFolder;
  readonly name: string;
}

/** A file of any type. */
export abstract class HostInode extends Inode {
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
