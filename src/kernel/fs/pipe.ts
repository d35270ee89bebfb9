// Pipes and FIFOs (pipe(7)): a ring of bytes with readers on one side and writers on the other.
import { FIONREAD } from '../../abi/ioctl.ts';
import { O_DIRECT, O_NONBLOCK } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { copyBytes } from '../copy-bytes.ts';
import { PAGE_SIZE } from '../platform.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import { AsyncReceivers, POLL_IN, POLL_OUT } from '../vfs/async.ts';
import { FileDescription, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Credentials } from '../vfs/permission.ts';
import type { PipePages, PipeRoom } from './pipe-pages.ts';

export const PIPE_CAPACITY = 65536;
/** Bytes of the buffer of a pipe that holds little. */
const LEAST_BUFFER = 4096;
/** Writes of up to so many bytes are not mixed with others. */
export const PIPE_BUF = 4096;

/** What both ends share. */
export class Pipe {
  readonly queue = new WaitQueue();
  readonly asyncReaders = new AsyncReceivers();
  readonly asyncWriters = new AsyncReceivers();
  /** Most bytes it holds (F_SETPIPE_SZ). */
  capacity = PIPE_CAPACITY;
  /** As large as what was in it needs: a pipe that is never used takes no memory of the host. */
  buffer = new Uint8Array(0);
  start = 0;
  length = 0;
  /** Sizes of the writes in it while it is in packet mode (pipe(2) O_DIRECT). */
  packets: number[] = [];
  readers = 0;
  writers = 0;
  /** How often each side was opened. */
  readersSoFar = 0;
  writersSoFar = 0;
  readonly #store: KernelObject | undefined;
  /** What is counted for its maker while somebody has it open. */
  #room: { readonly of: PipePages; readonly is: PipeRoom } | undefined;

  /** `store` is charged for what is in the pipe; pipes from outside have none. */
  constructor(store?: KernelObject) {
    this.#store = store;
  }

  /** Somebody makes it, or opens a FIFO that nobody had open: it counts for them. @throws SystemError ENFILE */
  begin(pages: PipePages, maker: Credentials): void {
    if (this.#room !== undefined) return;
    const is = pages.forNew(maker);
    this.#room = { of: pages, is };
    this.capacity = is.pages * PAGE_SIZE;
  }

  get room(): number {
    return this.capacity - this.length;
  }

  /** There is room for a write that must not be mixed with others. */
  get isRoomy(): boolean {
    return this.room >= PIPE_BUF;
  }

  /** Makes room in the buffer. */
  #grow(length: number): void {
    if (length <= this.buffer.length) return;
    const larger = new Uint8Array(Math.min(this.capacity, Math.max(LEAST_BUFFER, 2 * this.buffer.length, length)));
    larger.set(this.peek(this.length));
    this.buffer = larger;
    this.start = 0;
  }

  /** Up to `most` bytes, which stay in the pipe. */
  peek(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.length));
    this.#copy(bytes, bytes.length);
    return bytes;
  }

  /** The first bytes of the pipe. */
  #copy(into: Uint8Array, count: number): void {
    const first = Math.min(count, this.buffer.length - this.start);
    copyBytes(this.buffer, this.start, into, 0, first);
    copyBytes(this.buffer, 0, into, first, count - first);
  }

  /** Takes bytes out. */
  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.length);
    this.#copy(into, count);
    this.length -= count;
    this.start = this.length === 0 ? 0 : (this.start + count) % this.buffer.length;
    if (this.length === 0 && this.buffer.length > LEAST_BUFFER) this.buffer = new Uint8Array(LEAST_BUFFER);
    this.#store?.add(-count);
    return count;
  }

  /** Puts the first bytes in, all if no number is given; there is room for them. */
  put(from: Uint8Array, count = from.length): void {
    if (count === 0) return;
    this.#store?.add(count);
    this.#grow(this.length + count);
    const at = (this.start + this.length) % this.buffer.length;
    const first = Math.min(count, this.buffer.length - at);
    copyBytes(from, 0, this.buffer, at, first);
    copyBytes(from, first, this.buffer, 0, count - first);
    this.length += count;
  }

  /** Nobody has it open any more: what is in it is lost. */
  empty(): void {
    this.start = 0;
    this.length = 0;
    this.buffer = new Uint8Array(0);
    this.packets = [];
    this.#store?.clear();
    this.#room?.of.give(this.#room.is);
    this.#room = undefined;
  }

  /** Changes the capacity (F_SETPIPE_SZ), and gives what it is then. @throws SystemError EINVAL, EPERM, EBUSY */
  resize(pages: PipePages, wanted: number, credentials: Credentials): number {
    const before = this.#room?.is ?? { uid: credentials.uid, pages: 0 };
    const is = pages.resized(before, wanted, credentials);
    const capacity = is.pages * PAGE_SIZE;
    if (capacity < this.length) {
      pages.give({ ...is, pages: is.pages - before.pages });
      fail('EBUSY');
    }
    this.#room = { of: pages, is };
    const kept = new Uint8Array(this.length);
    this.take(kept);
    this.buffer = new Uint8Array(0);
    this.capacity = capacity;
    this.put(kept);
    return capacity;
  }
}

/** An end of a pipe, or both for a FIFO opened for reading and writing. */
export class PipeEnd extends FileDescription {
  readonly pipe: Pipe;

  constructor(inode: Inode, flags: number, pipe: Pipe) {
    super(inode, flags, pipe.queue);
    this.pipe = pipe;
    if (this.readable) {
      pipe.readers++;
      pipe.readersSoFar++;
    }
    if (this.writable) {
      pipe.writers++;
      pipe.writersSoFar++;
    }
    pipe.queue.wake();
  }

  override get seekable(): boolean {
    return false;
  }

  override get asyncReceivers(): AsyncReceivers[] {
    const { asyncReaders, asyncWriters } = this.pipe;
    return [...(this.readable ? [asyncReaders] : []), ...(this.writable ? [asyncWriters] : [])];
  }

  override get copiesWrites(): boolean {
    return true;
  }

  override read(into: Uint8Array): number | WouldBlock {
    const { pipe } = this;
    if (into.length === 0) return 0;
    if (pipe.length === 0) return pipe.writers === 0 ? 0 : new WouldBlock(pipe.queue);
    const wasFull = !pipe.isRoomy;
    const packet = pipe.packets.shift();
    const count = pipe.take(packet === undefined ? into : into.subarray(0, packet));
    // what a reader does not take of a packet is lost
    if (packet !== undefined) pipe.take(new Uint8Array(packet - count));
    pipe.queue.wake(wasFull && pipe.isRoomy ? POLLOUT | POLLWRNORM : 0);
    pipe.asyncWriters.signal(POLL_OUT);
    return count;
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (request !== FIONREAD) return super.ioctl(call, request, argument);
    call.writeWord(argument, this.pipe.length, 4);
    return 0;
  }

  /** Writes what there is room for; nothing of a small write unless all of it. EPIPE without readers. */
  override write(from: Uint8Array): number | WouldBlock {
    const { pipe } = this;
    if (from.length === 0) return 0;
    if (pipe.readers === 0) return fail('EPIPE');
    const { room } = pipe;
    if (room === 0 || (from.length <= PIPE_BUF && room < from.length)) return new WouldBlock(pipe.queue);
    const count = Math.min(room, from.length, this.flags & O_DIRECT ? PIPE_BUF : from.length);
    if (this.flags & O_DIRECT) pipe.packets.push(count);
    pipe.put(from, count);
    pipe.queue.wake(POLLIN | POLLRDNORM);
    pipe.asyncReaders.signal(POLL_IN);
    return count;
  }

  override poll(): number {
    const { pipe } = this;
    let ready = 0;
    if (this.readable) {
      if (pipe.length > 0) ready |= POLLIN | POLLRDNORM;
      if (pipe.writers === 0) ready |= POLLHUP;
    }
    if (this.writable) {
      if (pipe.isRoomy) ready |= POLLOUT | POLLWRNORM;
      if (pipe.readers === 0) ready |= POLLERR;
    }
    return ready;
  }

  override closed(): void {
    if (this.readable) this.pipe.readers--;
    if (this.writable) this.pipe.writers--;
    if (this.pipe.readers === 0 && this.pipe.writers === 0) this.pipe.empty();
    this.pipe.queue.wake();
    if ((this.pipe.readers === 0) === (this.pipe.writers === 0)) return;
    this.pipe.asyncReaders.signal(POLL_IN);
    this.pipe.asyncWriters.signal(POLL_OUT);
  }
}

/** True when the file must not wait. */
export function isNonBlocking(file: FileDescription): boolean {
  return (file.flags & O_NONBLOCK) !== 0;
}
