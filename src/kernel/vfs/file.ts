// Open files (file descriptions in the words of open(2)) and the queues in which tasks wait for them.
import { O_ACCMODE, O_ASYNC, O_PATH, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { HeldObject } from '../mm/frames.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import type { AsyncReceivers, FileOwner } from './async.ts';
import type { Inode } from './inode.ts';
import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, notifyFile, notifyIfGone } from './notify.ts';
import type { Path } from './path.ts';

/** Readiness as poll(2) has it. */
export const POLLIN = 0x001;
export const POLLPRI = 0x002;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;
export const POLLRDNORM = 0x040;
export const POLLRDBAND = 0x080;
export const POLLWRNORM = 0x100;
export const POLLWRBAND = 0x200;
export const POLLRDHUP = 0x2000;

/** Memory of an open file with its queue, about. */
const FILE_BYTES = 768;

/** How an operation waits. */
export interface WaitOptions {
  /** Cycles at which it is tried again even if nothing happens. */
  readonly deadline?: number;
  /** A signal was sent that ends the wait: there is one even for files that do not wait. */
  readonly signalled?: boolean;
  /** Nanoseconds after which the call gives up with EAGAIN, counted from its first try; 0: never. */
  readonly timeout?: bigint;
}

/** The operation has to wait: `queue` is woken when it may be tried again. */
export class WouldBlock {
  readonly queue: WaitQueue;
  readonly deadline: number;
  readonly signalled: boolean;
  readonly timeout: bigint;

  constructor(queue: WaitQueue, options: WaitOptions = {}) {
    const { deadline = Number.POSITIVE_INFINITY, signalled = false, timeout = 0n } = options;
    this.queue = queue;
    this.deadline = deadline;
    this.signalled = signalled;
    this.timeout = timeout;
  }
}

/** An open file. Several descriptors and tasks may share one. */
export abstract class FileDescription {
  readonly inode: Inode;
  /** Access mode and status flags of open(2). */
  flags: number;
  /** Where it was found; what /proc/PID/fd shows. */
  path: Path | undefined;
  /** What /proc/PID/fd shows for a file that no path leads to. */
  label: string | undefined;
  offset = 0;
  references = 1;
  /** Memory the kernel keeps for it, once a task has a descriptor of it. */
  charge: HeldObject | undefined;
  /** F_SETOWN and F_SETSIG of fcntl(2). */
  owner: FileOwner | undefined;
  signalNumber = 0;
  /** Woken when what is possible changes. */
  readonly queue: WaitQueue;

  constructor(inode: Inode, flags: number, queue = new WaitQueue()) {
    this.inode = inode;
    this.flags = flags;
    this.queue = queue;
    inode.opens++;
    if (this.writable) inode.writers++;
  }

  /** What it can be told by signals of (O_ASYNC); none where that means nothing. */
  get asyncReceivers(): readonly AsyncReceivers[] {
    return [];
  }

  /** Who gets these signals when a task switches them on and nobody was chosen. */
  firstOwner(_task: Task): FileOwner | undefined {
    return undefined;
  }

  /** How much memory that is. */
  get kernelBytes(): number {
    return FILE_BYTES;
  }

  get readable(): boolean {
    return (this.flags & O_ACCMODE) !== O_WRONLY;
  }

  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY;
  }

  /** Reads at `offset` up to the length of `into`; how much came, or who to wait for. */
  readAt(_offset: number, _into: Uint8Array): number | WouldBlock {
    return fail('EINVAL');
  }

  writeAt(_offset: number, _from: Uint8Array): number | WouldBlock {
    return fail('EINVAL');
  }

  /** Files without an offset (pipes, sockets, terminals) override these two. */
  read(into: Uint8Array): number | WouldBlock {
    const count = this.readAt(this.offset, into);
    if (typeof count === 'number') this.offset += count;
    return count;
  }

  write(from: Uint8Array): number | WouldBlock {
    const count = this.writeAt(this.offset, from);
    if (typeof count === 'number') this.offset += count;
    return count;
  }

  /** True when lseek, pread and pwrite make sense. */
  get seekable(): boolean {
    return true;
  }

  /** What is written is copied before `write` returns: the caller may use its array again. */
  get copiesWrites(): boolean {
    return false;
  }

  /** True when waiting for it with epoll(7) makes sense. */
  get pollable(): boolean {
    return !this.inode.isRegular && !this.inode.isDirectory;
  }

  seek(offset: number, whence: number): number {
    if (!this.seekable) return fail('ESPIPE');
    const bases: Record<number, number> = {
      [SEEK_SET]: 0,
      [SEEK_CUR]: this.offset,
      [SEEK_END]: this.inode.size,
    };
    const base = bases[whence];
    if (base === undefined || base + offset < 0) return fail('EINVAL');
    this.offset = base + offset;
    return this.offset;
  }

  /** What is possible without waiting, as POLL* bits. */
  poll(): number {
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
  }

  /** ioctl(2); ENOTTY for all a file does not know. */
  ioctl(_call: Call, _request: number, _argument: number): CallResult {
    return fail('ENOTTY');
  }

  /** The last descriptor was closed. */
  closed(): void {}
}

/** One more user. */
export function hold<T extends FileDescription>(file: T): T {
  file.references++;
  return file;
}

/** Files whose last user has gone while another one is being closed. */
let closing: FileDescription[] | undefined;

/** One user less; the last one closes it. Files in messages that nobody reads any more are closed one after the other. */
export function release(file: FileDescription): void {
  if (--file.references > 0) return;
  if (closing !== undefined) {
    closing.push(file);
    return;
  }
  closing = [file];
  try {
    for (let next = closing.shift(); next !== undefined; next = closing.shift()) close(next);
  } finally {
    closing = undefined;
  }
}

function close(file: FileDescription): void {
  if (!(file.flags & O_PATH)) notifyFile(file, file.writable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
  if (file.flags & O_ASYNC) for (const receivers of file.asyncReceivers) receivers.delete(file);
  file.closed();
  file.charge?.free();
  const { inode } = file;
  if (file.writable) inode.writers--;
  inode.locks?.released(file);
  inode.opens--;
  inode.unused();
  notifyIfGone(inode);
}
