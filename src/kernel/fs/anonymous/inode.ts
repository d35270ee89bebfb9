// The inode behind files that were never in a directory: eventfd, timerfd, signalfd, epoll (anon_inodefs).
import { fail } from '../../error.ts';
import { type FileSystem, Inode, type Timestamp } from '../../vfs/inode.ts';

const ANON_INODE_FS_MAGIC = 0x0904_1934;

class AnonymousInode extends Inode {
  override get size(): number {
    return 0;
  }

  override open(): never {
    return fail('ENXIO');
  }
}

/** anon_inodefs: one inode for all. */
export class AnonymousFs implements FileSystem {
  readonly type = 'anon_inodefs';
  readonly magic = ANON_INODE_FS_MAGIC;
  readonly readOnly = false;
  readonly device: number;
  readonly now: () => Timestamp;
  readonly inode: Inode;

  constructor(device: number, now: () => Timestamp) {
    this.device = device;
    this.now = now;
    this.inode = new AnonymousInode(this, 1, 0o600, { uid: 0, gid: 0 });
  }
}
