// inotify(7): a queue of what happened to the files that are watched.
import { FIONREAD } from '../../../abi/ioctl.ts';
import type { KernelObject } from '../../cgroup/kernel-object.ts';
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { type HeldObject, OutOfFrames } from '../../mm/frames.ts';
import { encodeText } from '../../syscalls/text.ts';
import type { Call, CallResult } from '../../syscalls/call.ts';
import type { NamespaceUser } from '../../ns/user-limits.ts';
import type { UserLimit } from '../../user-counts.ts';
import { AsyncReceivers, POLL_IN } from '../../vfs/async.ts';
import { FileDescription, POLLIN, POLLRDNORM, WouldBlock } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { IN_IGNORED, IN_Q_OVERFLOW, type Watch } from '../../vfs/notify.ts';

export const IN_EXCL_UNLINK = 0x0400_0000;
export const IN_MASK_CREATE = 0x1000_0000;
export const IN_MASK_ADD = 0x2000_0000;
export const IN_ONESHOT = 0x8000_0000;
const ALL_EVENTS = 0xfff;
/** wd, mask, cookie and length of the name. */
const HEAD = 16;
/** Names are filled up to multiples of so many bytes. */
const NAME_UNIT = 16;
/** /proc/sys/fs/inotify/max_queued_events. */
export const MOST_QUEUED = 16384;
/** Instances and watches of a user. */
export const INOTIFY_INSTANCES: UserLimit = {
  name: 'inotify instances',
  most: 'max_inotify_instances',
  errno: 'EMFILE',
};
export const INOTIFY_WATCHES: UserLimit = { name: 'inotify watches', most: 'max_inotify_watches', errno: 'ENOSPC' };
/** Memory of a watch, about. */
const WATCH_BYTES = 384;

interface QueuedEvent {
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: Uint8Array | undefined;
}

class InotifyWatch implements Watch {
  readonly number: number;
  readonly inode: Inode;
  mask: number;
  readonly #file: InotifyFile;
  readonly #held: HeldObject;

  constructor(file: InotifyFile, number: number, inode: Inode, mask: number, held: HeldObject) {
    this.#file = file;
    this.#held = held;
    this.number = number;
    this.inode = inode;
    this.mask = mask;
    inode.watches ??= new Set();
    inode.watches.add(this);
  }

  happened(event: number, name: string | undefined, cookie: number, isUnlinked: boolean): void {
    if (!(event & this.mask & ALL_EVENTS)) return;
    if (isUnlinked && this.mask & IN_EXCL_UNLINK) return;
    this.#file.add(this.number, event, cookie, name);
    if (this.mask & IN_ONESHOT) this.#file.drop(this);
  }

  ended(): void {
    this.#file.drop(this);
  }

  leave(): void {
    this.#held.free();
    this.inode.watches?.delete(this);
    if (this.inode.watches?.size === 0) this.inode.watches = undefined;
  }
}

function length({ name }: QueuedEvent): number {
  return HEAD + (name === undefined ? 0 : Math.ceil((name.length + 1) / NAME_UNIT) * NAME_UNIT);
}

function sameEvent(a: QueuedEvent | undefined, b: QueuedEvent): boolean {
  if (a === undefined || a.watch !== b.watch || a.mask !== b.mask || a.cookie !== b.cookie) return false;
  return String(a.name) === String(b.name);
}

/** An open inotify instance. */
export class InotifyFile extends FileDescription {
  readonly #watches = new Map<number, InotifyWatch>();
  readonly #byInode = new Map<Inode, InotifyWatch>();
  #queued: QueuedEvent[] = [];
  readonly #async = new AsyncReceivers();
  /** Memory of the events that wait. */
  readonly #stored: KernelObject;
  readonly #kernel: Kernel;
  readonly #maker: NamespaceUser;
  #next = 1;

  /** It counts for the user who makes it. @throws SystemError EMFILE */
  constructor(kernel: Kernel, flags: number, maker: NamespaceUser) {
    kernel.userCounts.take(INOTIFY_INSTANCES, maker);
    super(kernel.anonymous, flags);
    this.#kernel = kernel;
    this.#maker = maker;
    this.#stored = kernel.memory.store();
  }

  override get asyncReceivers(): AsyncReceivers[] {
    return [this.#async];
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  /** Watches a file, or changes its watch; the number of the watch. @throws SystemError EEXIST, ENOSPC */
  watch(inode: Inode, mask: number): number {
    const wanted = mask & (ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT);
    const known = this.#byInode.get(inode);
    if (known === undefined) return this.#add(inode, wanted);
    if (mask & IN_MASK_CREATE) fail('EEXIST');
    known.mask = mask & IN_MASK_ADD ? known.mask | wanted : wanted;
    return known.number;
  }

  #add(inode: Inode, mask: number): number {
    // a watch that cannot be had uses its number up
    const number = this.#next++;
    this.#kernel.userCounts.take(INOTIFY_WATCHES, this.#maker);
    try {
      const watch = new InotifyWatch(this, number, inode, mask, this.#kernel.memory.object(WATCH_BYTES));
      this.#watches.set(watch.number, watch);
      this.#byInode.set(inode, watch);
    } catch (failure) {
      this.#kernel.userCounts.give(INOTIFY_WATCHES, this.#maker);
      throw failure;
    }
    return number;
  }

  /** @throws SystemError EINVAL */
  unwatch(number: number): void {
    this.drop(this.#watches.get(number) ?? fail('EINVAL'));
  }

  drop(watch: InotifyWatch): void {
    this.#forget(watch);
    this.add(watch.number, IN_IGNORED, 0, undefined);
  }

  #forget(watch: InotifyWatch): void {
    watch.leave();
    this.#watches.delete(watch.number);
    this.#byInode.delete(watch.inode);
    this.#kernel.userCounts.give(INOTIFY_WATCHES, this.#maker);
  }

  add(watch: number, mask: number, cookie: number, name: string | undefined): void {
    const isFull = this.#queued.length >= MOST_QUEUED;
    const event: QueuedEvent = isFull
      ? { watch: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: undefined }
      : { watch, mask, cookie, name: name === undefined ? undefined : encodeText(name) };
    if (sameEvent(this.#queued.at(-1), event)) return;
    if (!this.#makeRoom(event)) return;
    this.#queued.push(event);
    this.queue.wake();
    this.#async.signal(POLL_IN);
  }

  /** False when there is no memory: the event is lost. */
  #makeRoom(event: QueuedEvent): boolean {
    try {
      this.#stored.add(length(event), 1);
      return true;
    } catch (failure) {
      if (failure instanceof OutOfFrames) return false;
      throw failure;
    }
  }

  override read(into: Uint8Array): number | WouldBlock {
    if (this.#queued.length === 0) return new WouldBlock(this.queue);
    const view = new DataView(into.buffer, into.byteOffset, into.length);
    let at = 0;
    let taken = 0;
    for (const event of this.#queued) {
      const size = length(event);
      if (at + size > into.length) break;
      // names are filled up with zeros
      into.fill(0, at, at + size);
      view.setInt32(at, event.watch, true);
      view.setUint32(at + 4, event.mask, true);
      view.setUint32(at + 8, event.cookie, true);
      view.setUint32(at + 12, size - HEAD, true);
      if (event.name !== undefined) into.set(event.name, at + HEAD);
      at += size;
      taken++;
    }
    if (taken === 0) return fail('EINVAL');
    this.#queued.splice(0, taken);
    this.#stored.add(-at, -taken);
    return at;
  }

  override poll(): number {
    return this.#queued.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (request !== FIONREAD) return super.ioctl(call, request, argument);
    call.writeWord(
      argument,
      this.#queued.reduce((sum, event) => sum + length(event), 0),
      4,
    );
    return 0;
  }

  /** A line for each watch in /proc/PID/fdinfo. */
  describe(): string {
    const hex = (value: number) => value.toString(16);
    return [...this.#watches.values()]
      .map(({ number, inode, mask }) => {
        const place = `ino:${hex(inode.ino)} sdev:${hex(inode.device)}`;
        return `inotify wd:${number} ${place} mask:${hex(mask >>> 0)} ignored_mask:0 \n`;
      })
      .join('');
  }

  override closed(): void {
    for (const watch of [...this.#watches.values()]) this.#forget(watch);
    this.#stored.clear();
    this.#kernel.userCounts.give(INOTIFY_INSTANCES, this.#maker);
  }
}
