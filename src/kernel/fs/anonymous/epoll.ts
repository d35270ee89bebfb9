// epoll(7): a set of files and what one wants to hear of them; level- and edge-triggered.
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import type { HeldObject } from '../../mm/frames.ts';
import type { NamespaceUser } from '../../ns/user-limits.ts';
import type { UserLimit } from '../../user-counts.ts';
import { FileDescription, POLLERR, POLLHUP, POLLIN } from '../../vfs/file.ts';

export const EPOLLEXCLUSIVE = 0x1000_0000;
export const EPOLLONESHOT = 0x4000_0000;
export const EPOLLET = 0x8000_0000;
const EVENTS = 0xffff;
/** Epoll instances watching each other. */
const MOST_NESTING = 5;

/** Epoll instances that hear of one through one, two and more others: each way is followed at every event. */
const MOST_WAYS = [1000, 500, 100, 50, 10];
/** Memory of a watch, about. */
const WATCH_BYTES = 384;
/** Watches of a user. */
/** /proc/sys/fs/epoll/max_user_watches. */
export const MOST_WATCHED = 1 << 20;

export const EPOLL_WATCHES: UserLimit = { name: 'epoll watches', most: MOST_WATCHED, errno: 'ENOSPC' };

/** What is watched of one file. */
class Watch {
  events: number;
  data: bigint;
  readonly fd: number;
  readonly file: FileDescription;
  /** Something happened since the last report: what edge-triggered watches wait for. */
  changed = true;
  readonly #owner: EpollFile;
  readonly #held: HeldObject;

  constructor(owner: EpollFile, fd: number, file: FileDescription, events: number, data: bigint, held: HeldObject) {
    this.#owner = owner;
    this.#held = held;
    this.fd = fd;
    this.file = file;
    this.events = events;
    this.data = data;
    file.queue.listen(this);
  }

  /** Events to report now. */
  get ready(): number {
    const wanted = this.events & EVENTS;
    if (wanted === 0 && this.events & EPOLLONESHOT) return 0;
    if (this.events & EPOLLET && !this.changed) return 0;
    return this.file.poll() & (wanted | POLLERR | POLLHUP);
  }

  get isExclusive(): boolean {
    return (this.events & EPOLLEXCLUSIVE) !== 0;
  }

  notify(events: number): boolean {
    if (!(events & (this.events | POLLERR | POLLHUP))) return false;
    this.changed = true;
    const isAwaited = this.#owner.queue.hasTasks;
    this.#owner.queue.wake();
    return isAwaited;
  }

  drop(): void {
    this.file.queue.unlisten(this);
    this.#held.free();
  }
}

/** An open epoll instance. */
export class EpollFile extends FileDescription {
  readonly #watches = new Map<number, Watch>();
  /** Instances that watch this one. */
  readonly #watchers = new Set<EpollFile>();
  readonly #kernel: Kernel;
  readonly #maker: NamespaceUser;

  /** Watches count for the user who makes it. */
  constructor(kernel: Kernel, flags: number, maker: NamespaceUser) {
    super(kernel.anonymous, flags);
    this.#kernel = kernel;
    this.#maker = maker;
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  /** @throws SystemError EEXIST, EPERM for files that are always ready, ELOOP, EINVAL for itself, ENOSPC */
  add(fd: number, file: FileDescription, events: number, data: bigint): void {
    if (file === this) fail('EINVAL');
    if (!file.pollable) fail('EPERM');
    if (this.#find(fd, file) !== undefined) fail('EEXIST');
    if (file instanceof EpollFile && file.depth(this) >= MOST_NESTING) fail('ELOOP');
    this.#kernel.userCounts.take(EPOLL_WATCHES, this.#maker);
    try {
      const held = this.#kernel.memory.object(WATCH_BYTES);
      this.#watches.set(fd, new Watch(this, fd, file, events, data, held));
    } catch (failure) {
      this.#kernel.userCounts.give(EPOLL_WATCHES, this.#maker);
      throw failure;
    }
    if (file instanceof EpollFile) {
      file.#watchers.add(this);
      if (file.#hasTooManyWays()) {
        this.#drop(fd, this.#watches.get(fd)!);
        fail('EINVAL');
      }
    }
    this.queue.wake();
  }

  #drop(fd: number, watch: Watch): void {
    watch.drop();
    this.#watches.delete(fd);
    this.#kernel.userCounts.give(EPOLL_WATCHES, this.#maker);
    const { file } = watch;
    if (file instanceof EpollFile && ![...this.#watches.values()].some((other) => other.file === file))
      file.#watchers.delete(this);
  }

  /** Too many ways lead up from here, or from an instance below. */
  #hasTooManyWays(): boolean {
    let level = new Map<EpollFile, number>([[this, 1]]);
    for (const most of MOST_WAYS) {
      const next = new Map<EpollFile, number>();
      let ways = 0;
      for (const [file, count] of level)
        for (const watcher of file.#watchers) {
          ways += count;
          next.set(watcher, (next.get(watcher) ?? 0) + count);
        }
      if (ways > most) return true;
      level = next;
    }
    return this.#below().some((file) => file.#hasTooManyWays());
  }

  #below(): EpollFile[] {
    return [...this.#watches.values()].flatMap(({ file }) => (file instanceof EpollFile ? [file] : []));
  }

  modify(fd: number, file: FileDescription, events: number, data: bigint): void {
    const watch = this.#find(fd, file) ?? fail('ENOENT');
    watch.events = events;
    watch.data = data;
    watch.changed = true;
    this.queue.wake();
  }

  remove(fd: number, file: FileDescription): void {
    this.#drop(fd, this.#find(fd, file) ?? fail('ENOENT'));
  }

  /** Up to `most` events; those reported last come last next time. */
  collect(most: number): { readonly events: number; readonly data: bigint }[] {
    const reports: { events: number; data: bigint }[] = [];
    for (const [key, watch] of [...this.#watches]) {
      if (reports.length === most) break;
      if (watch.file.references === 0) {
        this.#drop(key, watch);
        continue;
      }
      const events = watch.ready;
      if (events === 0) continue;
      reports.push({ events, data: watch.data });
      watch.changed = false;
      if (watch.events & EPOLLONESHOT) watch.events &= ~EVENTS;
      this.#watches.delete(key);
      this.#watches.set(key, watch);
    }
    return reports;
  }

  override poll(): number {
    return [...this.#watches.values()].some((watch) => watch.file.references > 0 && watch.ready !== 0) ? POLLIN : 0;
  }

  override closed(): void {
    for (const [fd, watch] of [...this.#watches]) this.#drop(fd, watch);
  }

  /** Levels of epoll instances below; a loop back to `from` counts as too many. */
  depth(from: EpollFile): number {
    if (this === from) return MOST_NESTING;
    return 1 + this.#below().reduce((most, file) => Math.max(most, file.depth(from)), 0);
  }

  #find(fd: number, file: FileDescription): Watch | undefined {
    const watch = this.#watches.get(fd);
    return watch?.file === file ? watch : undefined;
  }
}
