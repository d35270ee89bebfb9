// File systems whose files have no names: pipefs, sockfs and anon_inodefs. All there is to them is what fstat(2) shows.
import { fail } from '../error.ts';
import { type FileSystem, Inode, type Timestamp } from '../vfs/inode.ts';

class NamelessInode extends Inode {
  override get size(): number {
    return 0;
  }

  override open(): never {
    return fail('ENXIO');
  }
}

/** A file system of inodes that open files stand on. */
export class NamelessFs implements FileSystem {
  readonly type: string;
  readonly magic: number;
  readonly readOnly = false;
  readonly device: number;
  readonly now: () => Timestamp;
  readonly #mode: number;
  #nextIno = 1;

  /** `mode` is what all its inodes have, type and permissions. */
  constructor(type: string, magic: number, mode: number, device: number, now: () => Timestamp) {
    this.type = type;
    this.magic = magic;
    this.#mode = mode;
    this.device = device;
    this.now = now;
  }

  newInode(): Inode {
    return new NamelessInode(this, this.#nextIno++, this.#mode, { uid: 0, gid: 0 });
  }
}
