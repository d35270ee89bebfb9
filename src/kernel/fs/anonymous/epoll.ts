// epoll(7): a set of files and what one wants to hear of them; level- and edge-triggered.
import { fail } from '../../error.ts';
import { FileDescription, POLLERR, POLLHUP, POLLIN } from '../../vfs/file.ts';

export const EPOLLONESHOT = 0x4000_0000;
export const EPOLLET = 0x8000_0000;
const EVENTS = 0xffff;
/** Epoll instances watching each other. */
const MOST_NESTING = 5;

/** What is watched of one file. */
class Watch {
  events: number;
  data: bigint;
  readonly fd: number;
  readonly file: FileDescription;
  /** Something happened since the last report: what edge-triggered watches wait for. */
  changed = true;
  readonly #owner: EpollFile;

  constructor(owner: EpollFile, fd: number, file: FileDescription, events: number, data: bigint) {
    this.#owner = owner;
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

  notify(): void {
    this.changed = true;
    this.#owner.queue.wake();
  }

  drop(): void {
    this.file.queue.unlisten(this);
  }
}

/** An open epoll instance. */
export class EpollFile extends FileDescription {
  readonly #watches = new Map<number, Watch>();

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  /** @throws SystemError EEXIST, EPERM for files that are always ready, ELOOP, EINVAL for itself */
  add(fd: number, file: FileDescription, events: number, data: bigint): void {
    if (file === this) fail('EINVAL');
    if (!file.pollable) fail('EPERM');
    if (this.#find(fd, file) !== undefined) fail('EEXIST');
    if (file instanceof EpollFile && file.depth(this) >= MOST_NESTING) fail('ELOOP');
    this.#watches.set(fd, new Watch(this, fd, file, events, data));
    this.queue.wake();
  }

  modify(fd: number, file: FileDescription, events: number, data: bigint): void {
    const watch = this.#find(fd, file) ?? fail('ENOENT');
    watch.events = events;
    watch.data = data;
    watch.changed = true;
    this.queue.wake();
  }

  remove(fd: number, file: FileDescription): void {
    const watch = this.#find(fd, file) ?? fail('ENOENT');
    watch.drop();
    this.#watches.delete(fd);
  }

  /** Up to `most` events; those reported last come last next time. */
  collect(most: number): { readonly events: number; readonly data: bigint }[] {
    const reports: { events: number; data: bigint }[] = [];
    for (const [key, watch] of [...this.#watches]) {
      if (reports.length === most) break;
      if (watch.file.references === 0) {
        watch.drop();
        this.#watches.delete(key);
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
    for (const watch of this.#watches.values()) watch.drop();
    this.#watches.clear();
  }

  /** Levels of epoll instances below; a loop back to `from` counts as too many. */
  depth(from: EpollFile): number {
    if (this === from) return MOST_NESTING;
    const below = [...this.#watches.values()].map(({ file }) => (file instanceof EpollFile ? file.depth(from) : 0));
    return 1 + Math.max(0, ...below);
  }

  #find(fd: number, file: FileDescription): Watch | undefined {
    const watch = this.#watches.get(fd);
    return watch?.file === file ? watch : undefined;
  }
}
