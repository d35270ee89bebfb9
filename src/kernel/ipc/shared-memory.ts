// Segments of System V shared memory (shmop(2), shmctl(2)): files without names that are mapped.
import type { TmpfsFile } from '../fs/tmpfs-file.ts';
import { AddressSpace } from '../mm/address-space.ts';
import type { PageCache } from '../mm/page-cache.ts';
import type { IpcNamespace, IpcTable } from '../ns/ipc-namespace.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Call } from '../syscalls/call.ts';
import { IpcObject, IpcObjects } from './objects.ts';

/** Marked to be destroyed. */
export const SHM_DEST = 0o1000;
export const SHM_LOCKED = 0o2000;

/** A segment. */
export class Segment extends IpcObject {
  readonly file: TmpfsFile;
  readonly size: number;
  /** Name of its mappings: the key it was made with. */
  readonly label: string;
  attached = 0;
  detached = 0;
  readonly creator: Pid;
  last: Pid | undefined;

  constructor(call: Call, key: number, mode: number, size: number) {
    super(call, key, mode);
    this.size = size;
    this.label = `/SYSV${(key >>> 0).toString(16).padStart(8, '0')} (deleted)`;
    this.creator = call.task.group.pid;
    this.file = call.kernel.shared.anonymousFile();
    // the segment itself is what keeps its contents while nobody has them mapped
    this.file.links = 1;
    this.file.truncate(Math.ceil(size / 4096) * 4096);
  }

  /** Mappings of the segment. */
  get attachments(): number {
    let count = 0;
    for (const user of this.file.cache.users)
      if (user instanceof AddressSpace)
        count += user.areas.filter(({ file }) => file?.cache === this.file.cache).length;
    return count;
  }

  removed(): void {
    this.file.links = 0;
    if (this.file.cache.users.size === 0) this.file.released();
  }
}

/** The segments of a namespace. */
export class Segments extends IpcObjects<Segment> implements IpcTable {
  constructor({ controls }: IpcNamespace) {
    super(controls, 'nextSegment');
  }

  protected override get most(): number {
    return this.controls.segments;
  }

  ended(): void {
    for (const segment of [...this]) this.remove(segment);
  }

  /** Segments that were to be destroyed when nobody has them mapped any more. */
  prune(): void {
    for (const segment of [...this]) if (segment.mode & SHM_DEST && segment.attachments === 0) this.remove(segment);
  }

  of(cache: PageCache): Segment | undefined {
    return [...this].find((segment) => segment.file.cache === cache);
  }
}
