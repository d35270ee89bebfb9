// Asynchronous input and output (io_setup(2)): a ring of events in the program's own memory, where it may look for itself, and the
// requests under way. Reads and writes are done when they are submitted; what stays under way is waiting for a file to be ready.
import { O_RDWR } from '../../abi/stat.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { PageCache } from '../mm/page-cache.ts';
import { PAGE_SIZE } from '../platform.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { type FileDescription, hold, release } from '../vfs/file.ts';
import type { EventFile } from './anonymous/eventfd.ts';
import type { Tmpfs } from './tmpfs.ts';

/** struct io_event: data, obj, res and res2 of 64 bits each. */
export const EVENT_SIZE = 32;
/** struct aio_ring: id, nr, head, tail, magic, two sets of features, length of the header. */
const HEADER_SIZE = 32;
const HEAD = 8;
const TAIL = 12;
const MAGIC = 0xa10a_10a1;
const COMPATIBLE_FEATURES = 1;
/** A ring keeps one place free; Linux rounds up by another. */
const SPARE = 2;

/** fs.aio-max-nr (proc(5)). */
export const MOST_EVENTS = 65536;

/** Events of all contexts: fs.aio-nr and fs.aio-max-nr of proc(5). */
export interface EventBudget {
  reserved: number;
}

/** A struct iocb: where it is, what its events carry, and the eventfd that hears of its end. */
export interface Request {
  readonly address: number;
  readonly data: bigint;
  readonly bell: EventFile | undefined;
}

/** A request that waits until a file is ready (IOCB_CMD_POLL). */
class PollRequest {
  readonly request: Request;
  readonly #context: AioContext;
  readonly #file: FileDescription;
  readonly #events: number;

  constructor(context: AioContext, request: Request, file: FileDescription, events: number) {
    this.#context = context;
    this.request = request;
    this.#file = hold(file);
    this.#events = events;
    file.queue.listen(this);
  }

  readonly isExclusive = false;

  notify(): boolean {
    const ready = this.#file.poll() & this.#events;
    if (ready !== 0) this.end(ready);
    return ready !== 0;
  }

  /** It is over: `ready` is what can be done with the file now. */
  end(ready: number): void {
    this.#context.waiting.delete(this);
    this.leave();
    this.#context.complete(this.request, ready);
  }

  leave(): void {
    this.#file.queue.unlisten(this);
    release(this.#file);
    if (this.request.bell !== undefined) release(this.request.bell);
  }
}

/** One context of a program. */
export class AioContext {
  /** Where its ring is mapped: what programs call it by. */
  readonly address: number;
  /** Events the ring has room for. */
  readonly capacity: number;
  readonly waiting = new Set<PollRequest>();
  /** Events have come, or the context has gone. */
  readonly queue = new WaitQueue();
  isGone = false;
  readonly #memory: AddressSpace;
  readonly #ring: FileDescription;
  readonly #cache: PageCache;
  readonly #length: number;
  readonly #budget: EventBudget;
  readonly #reserved: number;

  /** For `wanted` events; undefined when there is no room for the ring. */
  static create(memory: AddressSpace, shared: Tmpfs, wanted: number, budget: EventBudget): AioContext | undefined {
    const length = Math.ceil((HEADER_SIZE + EVENT_SIZE * (2 * wanted + SPARE)) / PAGE_SIZE) * PAGE_SIZE;
    const start = memory.findFree(length);
    return start === undefined ? undefined : new AioContext(memory, shared, { start, length, wanted, budget });
  }

  constructor(
    memory: AddressSpace,
    shared: Tmpfs,
    ring: { start: number; length: number; wanted: number; budget: EventBudget },
  ) {
    const file = shared.anonymousFile();
    file.truncate(ring.length);
    this.#ring = file.open(O_RDWR);
    this.#cache = file.cache;
    this.#memory = memory;
    this.#length = ring.length;
    this.#budget = ring.budget;
    this.#reserved = ring.wanted;
    this.address = ring.start;
    this.capacity = Math.floor((ring.length - HEADER_SIZE) / EVENT_SIZE);
    const header = new Uint32Array([0, this.capacity, 0, 0, MAGIC, COMPATIBLE_FEATURES, 0, HEADER_SIZE]);
    this.#cache.write(0, new Uint8Array(header.buffer));
    ring.budget.reserved += ring.wanted;
    const source = { cache: file.cache, page: 0, label: '/[aio] (deleted)', mayWrite: true };
    memory.add({ start: ring.start, end: ring.start + ring.length, protection: 3, shared: true, file: source });
    memory.aioContexts.set(ring.start, this);
  }

  /** Another request can be taken: its event will find room. */
  get hasRoom(): boolean {
    return this.waiting.size + this.#unread < this.capacity - 1;
  }

  /** Waits until one of `events` is there, unless it is already. */
  poll(request: Request, file: FileDescription, events: number): void {
    const ready = file.poll() & events;
    if (ready !== 0) {
      this.complete(request, ready);
      if (request.bell !== undefined) release(request.bell);
    } else this.waiting.add(new PollRequest(this, request, file, events));
  }

  /** A request is done. */
  complete({ address, data, bell }: Request, result: number): void {
    const tail = this.#word(TAIL) % this.capacity;
    const event = new BigInt64Array([BigInt.asIntN(64, data), BigInt(address), BigInt(result), 0n]);
    this.#cache.write(HEADER_SIZE + tail * EVENT_SIZE, new Uint8Array(event.buffer));
    this.#setWord(TAIL, (tail + 1) % this.capacity);
    bell?.ring();
    this.queue.wake();
  }

  /** Up to `most` events that nobody has read; they stay. */
  peek(most: number): Uint8Array {
    const head = this.#word(HEAD) % this.capacity;
    const count = Math.min(most, this.#unread);
    const bytes = new Uint8Array(count * EVENT_SIZE);
    for (let n = 0; n < count; n++) {
      const at = HEADER_SIZE + ((head + n) % this.capacity) * EVENT_SIZE;
      this.#cache.read(at, bytes.subarray(n * EVENT_SIZE, (n + 1) * EVENT_SIZE));
    }
    return bytes;
  }

  /** So many events were read. */
  take(count: number): void {
    this.#setWord(HEAD, ((this.#word(HEAD) % this.capacity) + count) % this.capacity);
  }

  /** The request at an address that is under way. */
  find(address: number): PollRequest | undefined {
    return [...this.waiting].find(({ request }) => request.address === address);
  }

  /** What is under way is given up. */
  destroy(): void {
    this.isGone = true;
    for (const poll of this.waiting) poll.leave();
    this.waiting.clear();
    this.#memory.aioContexts.delete(this.address);
    this.#budget.reserved -= this.#reserved;
    release(this.#ring);
    this.queue.wake();
  }

  /** Takes the ring out of the program's memory. */
  unmap(): void {
    this.#memory.unmap(this.address, this.address + this.#length);
  }

  get #unread(): number {
    const { capacity } = this;
    return (capacity + (this.#word(TAIL) % capacity) - (this.#word(HEAD) % capacity)) % capacity;
  }

  #word(at: number): number {
    const bytes = new Uint8Array(4);
    this.#cache.read(at, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  #setWord(at: number, value: number): void {
    this.#cache.write(at, new Uint8Array(new Uint32Array([value]).buffer));
  }
}
