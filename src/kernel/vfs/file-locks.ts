// Locks on files: whole files (flock(2)), ranges by process or by open file (fcntl(2) "Advisory record locking", "Open file
// description locks"), and leases (fcntl(2) "Leases").
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { ObjectStore } from '../mm/frames.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { POLL_MSG, signalOwner } from './async.ts';
import type { FdTable } from './fd-table.ts';
import type { FileDescription } from './file.ts';
import type { Inode } from './inode.ts';
import { type RangeLock, RangeLocks, type RangeOwner } from './range-locks.ts';

/** Memory of a lock, about, and how many one call can make of those there are. */
const LOCK_BYTES = 256;
const MOST_NEW = 2;
/** How long the holder of a lease may take to give it up (/proc/sys/fs/lease-break-time). */
const BREAK_TIME = 45_000_000_000n;

/** A lock on a whole file. */
export interface WholeLock {
  readonly owner: FileDescription;
  readonly pid: Pid;
  readonly exclusive: boolean;
}

/** A process that is told before others open the file. */
export interface Lease {
  readonly owner: FileDescription;
  readonly group: ThreadGroup;
  /** The descriptor it was asked for with, which the owner of the file is told. */
  readonly fd: number;
  readonly exclusive: boolean;
  /** Somebody waits: cycles at which the lease ends whatever the holder does. */
  breaksAt?: number;
}

/** The locks of one file. */
export class FileLocks {
  whole: WholeLock[] = [];
  readonly ranges = new RangeLocks();
  leases: Lease[] = [];
  readonly inode: Inode;
  readonly queue = new WaitQueue();
  readonly #table: LockTable;
  readonly #store: ObjectStore;

  constructor(inode: Inode, table: LockTable) {
    this.inode = inode;
    this.#table = table;
    this.#store = table.newStore();
  }

  /** Memory for the locks there are, and for some more. @throws OutOfFrames */
  #reserve(more: number): void {
    this.#store.set((this.whole.length + this.ranges.count + this.leases.length + more) * LOCK_BYTES);
  }

  /** Something was given up. */
  #released(): void {
    this.#reserve(0);
    this.queue.wake();
    if (this.whole.length + this.ranges.count + this.leases.length > 0 || this.queue.hasTasks) return;
    this.#table.files.delete(this);
    this.inode.locks = undefined;
  }

  /** Takes, changes or gives up the lock of an open file; the lock that is in the way, if any. */
  setWhole(owner: FileDescription, pid: Pid, exclusive: boolean | undefined): WholeLock | undefined {
    const own = this.whole.find((lock) => lock.owner === owner);
    if (own !== undefined && own.exclusive === exclusive) return undefined;
    if (own !== undefined) {
      this.whole = this.whole.filter((lock) => lock !== own);
      this.queue.wake();
    }
    if (exclusive === undefined) {
      this.#released();
      return undefined;
    }
    const conflict = this.whole.find((lock) => lock.exclusive || exclusive);
    if (conflict !== undefined) return conflict;
    this.#reserve(1);
    this.whole.push({ owner, pid, exclusive });
    return undefined;
  }

  /** The first lock of somebody else that a range would meet. */
  conflict(range: RangeLock): RangeLock | undefined {
    return this.ranges.conflict(range);
  }

  /** Sets a range that meets nothing. @throws OutOfFrames */
  setRange(range: RangeLock): void {
    this.#reserve(MOST_NEW);
    this.ranges.set(range);
    this.#reserve(0);
    this.queue.wake();
  }

  /** @throws OutOfFrames when the middle of a range cannot become free */
  clearRange(range: RangeLock): void {
    this.#reserve(MOST_NEW);
    this.ranges.clear(range);
    this.#released();
  }

  /** Sets, changes or removes the lease of an open file. @throws SystemError EAGAIN while others have it open */
  setLease(owner: FileDescription, group: ThreadGroup, fd: number, exclusive: boolean | undefined): void {
    const own = this.leases.find((lease) => lease.owner === owner);
    if (exclusive === undefined && own === undefined) fail('EAGAIN');
    const isInUse = exclusive ? this.inode.opens > 1 : this.inode.writers > 0;
    if (exclusive !== undefined && isInUse) fail('EAGAIN');
    this.#reserve(1);
    this.leases = this.leases.filter((lease) => lease !== own);
    if (exclusive !== undefined) this.leases.push({ owner, group, fd, exclusive });
    this.#released();
  }

  /** Somebody opens the file: leases in the way are broken. Cycles until which they have to wait; undefined for none. */
  breakLeases(kernel: Kernel, writes: boolean): number | undefined {
    const now = kernel.platform.cycles;
    this.leases = this.leases.filter(({ breaksAt }) => breaksAt === undefined || breaksAt > now);
    const inTheWay = this.leases.filter((lease) => lease.exclusive || writes);
    if (inTheWay.length === 0) return undefined;
    for (const lease of inTheWay) {
      if (lease.breaksAt !== undefined) continue;
      lease.breaksAt = kernel.cyclesAt(kernel.monotonic + BREAK_TIME);
      signalOwner(kernel, lease.owner, lease.fd, POLL_MSG);
    }
    return Math.min(...inTheWay.map(({ breaksAt }) => breaksAt!));
  }

  /** A process closed a descriptor of the file: all its ranges go, whatever they were set through. */
  closedBy(owner: RangeOwner): void {
    if (this.ranges.clearAll(owner)) this.#released();
  }

  /** An open file is gone. */
  released(file: FileDescription): void {
    this.closedBy(file);
    this.whole = this.whole.filter(({ owner }) => owner !== file);
    this.leases = this.leases.filter(({ owner }) => owner !== file);
    this.#released();
  }
}

/** All locks of a system. */
export class LockTable {
  readonly files = new Set<FileLocks>();
  readonly newStore: () => ObjectStore;

  /** `newStore` is charged for the locks of a file. */
  constructor(newStore: () => ObjectStore) {
    this.newStore = newStore;
  }

  of(inode: Inode): FileLocks {
    let locks = inode.locks;
    if (locks === undefined) {
      locks = new FileLocks(inode, this);
      inode.locks = locks;
    }
    this.files.add(locks);
    return locks;
  }

  /** True when waiting for `other` would never end, because it waits, through others, for `owner`. */
  wouldDeadlock(owner: FdTable, other: RangeOwner): boolean {
    for (let at: RangeOwner | undefined = other; at !== undefined && 'waitsFor' in at; at = at.waitsFor)
      if (at === owner) return true;
    return false;
  }
}
