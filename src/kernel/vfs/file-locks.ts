// Locks on files: whole files (flock(2)), ranges by process or by open file (fcntl(2) "Advisory record locking", "Open file
// description locks"), and leases (fcntl(2) "Leases").
import { SI_KERNEL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import type { FdTable } from './fd-table.ts';
import type { FileDescription } from './file.ts';
import type { Inode } from './inode.ts';

const SIGIO = 29;
/** How long the holder of a lease may take to give it up (/proc/sys/fs/lease-break-time). */
const BREAK_TIME = 45_000_000_000n;

/** Who has a range: a process, by its descriptors, or an open file. */
export type RangeOwner = FdTable | FileDescription;

/** A locked range of bytes. */
export interface RangeLock {
  readonly owner: RangeOwner;
  /** The process that asked; undefined for an open file's. */
  readonly pid: Pid | undefined;
  readonly exclusive: boolean;
  readonly start: number;
  /** Last byte; infinite for the end of the file. */
  readonly last: number;
}

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
  readonly exclusive: boolean;
  /** Somebody waits: cycles at which the lease ends whatever the holder does. */
  breaksAt?: number;
}

/** The locks of one file. */
export class FileLocks {
  whole: WholeLock[] = [];
  ranges: RangeLock[] = [];
  leases: Lease[] = [];
  readonly inode: Inode;
  readonly queue = new WaitQueue();
  readonly #table: LockTable;

  constructor(inode: Inode, table: LockTable) {
    this.inode = inode;
    this.#table = table;
  }

  /** Something was given up. */
  #released(): void {
    this.queue.wake();
    if (this.whole.length + this.ranges.length + this.leases.length > 0 || this.queue.hasTasks) return;
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
    if (conflict === undefined) this.whole.push({ owner, pid, exclusive });
    return conflict;
  }

  /** The first lock of somebody else that a range would meet. */
  conflict({ owner, exclusive, start, last }: RangeLock): RangeLock | undefined {
    return this.ranges.find(
      (lock) => lock.owner !== owner && (lock.exclusive || exclusive) && lock.start <= last && start <= lock.last,
    );
  }

  /** Sets a range that meets nothing; what the owner had there is replaced, and what touches it becomes one. */
  setRange(range: RangeLock): void {
    this.#cut(range);
    let { start, last } = range;
    const isSame = (lock: RangeLock) => lock.owner === range.owner && lock.exclusive === range.exclusive;
    this.ranges = this.ranges.filter((lock) => {
      if (!isSame(lock) || lock.last + 1 < start || lock.start > last + 1) return true;
      start = Math.min(start, lock.start);
      last = Math.max(last, lock.last);
      return false;
    });
    this.ranges.push({ ...range, start, last });
    this.ranges.sort((a, b) => a.start - b.start);
    this.queue.wake();
  }

  clearRange(range: RangeLock): void {
    this.#cut(range);
    this.#released();
  }

  #cut({ owner, start, last }: RangeLock): void {
    this.ranges = this.ranges.flatMap((lock) => {
      if (lock.owner !== owner || lock.last < start || lock.start > last) return [lock];
      const before = lock.start < start ? [{ ...lock, last: start - 1 }] : [];
      const after = lock.last > last ? [{ ...lock, start: last + 1 }] : [];
      return [...before, ...after];
    });
  }

  /** Sets, changes or removes the lease of an open file. @throws SystemError EAGAIN while others have it open */
  setLease(owner: FileDescription, group: ThreadGroup, exclusive: boolean | undefined): void {
    const own = this.leases.find((lease) => lease.owner === owner);
    if (exclusive === undefined && own === undefined) fail('EAGAIN');
    const isInUse = exclusive ? this.inode.opens > 1 : this.inode.writers > 0;
    if (exclusive !== undefined && isInUse) fail('EAGAIN');
    this.leases = this.leases.filter((lease) => lease !== own);
    if (exclusive !== undefined) this.leases.push({ owner, group, exclusive });
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
      const { group, owner } = lease;
      sendSignalToGroup(kernel, group, { signal: owner.signalNumber || SIGIO, code: SI_KERNEL });
    }
    return Math.min(...inTheWay.map(({ breaksAt }) => breaksAt!));
  }

  /** A process closed a descriptor of the file: all its ranges go, whatever they were set through. */
  closedBy(owner: RangeOwner): void {
    if (this.ranges.some((lock) => lock.owner === owner))
      this.clearRange({ owner, pid: undefined, exclusive: false, start: 0, last: Number.POSITIVE_INFINITY });
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
