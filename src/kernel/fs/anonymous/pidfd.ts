// pidfd_open(2): a process as an open file, which stays the same process when its number is used again.
import type { ThreadGroup } from '../../task/thread-group.ts';
import { FileDescription, POLLIN, POLLRDNORM } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

/** An open process. */
export class PidFile extends FileDescription {
  readonly group: ThreadGroup;

  constructor(inode: Inode, flags: number, group: ThreadGroup) {
    super(inode, flags, group.endQueue);
    this.group = group;
  }

  override get seekable(): boolean {
    return false;
  }

  /** Readable when the process has ended. */
  override poll(): number {
    return this.group.tasks.size === 0 ? POLLIN | POLLRDNORM : 0;
  }
}
