// The file system that pipes belong to: what fstat(2) shows of them.
import { S_IFIFO } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { type FileSystem, Inode, type Timestamp } from '../vfs/inode.ts';

class PipeInode extends Inode {
  override get size(): number {
    return 0;
  }

  override open(): never {
    return fail('ENXIO');
  }
}

/** pipefs. */
export class PipeFs implements FileSystem {
  readonly type = 'pipefs';
  readonly magic = 0x5049_5045;
  readonly readOnly = false;
  readonly device: number;
  readonly now: () => Timestamp;
  #nextIno = 1;

  constructor(device: number, now: () => Timestamp) {
    this.device = device;
    this.now = now;
  }

  newInode(): Inode {
    return new PipeInode(this, this.#nextIno++, S_IFIFO | 0o600, { uid: 0, gid: 0 });
  }
}
