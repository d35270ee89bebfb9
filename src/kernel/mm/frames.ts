// The physical page allocator with reference counts: a frame is free when nobody maps, caches or otherwise holds it.
import { copyBytes } from '../copy-bytes.ts';
import { PAGE_SIZE, type Frame, type PhysicalMemory, type TableFrames } from '../platform.ts';

/** There is no free frame left: the caller may reclaim, kill or report ENOMEM. */
export class OutOfFrames extends Error {
  override readonly name = 'OutOfFrames';
}

/** What frames are used for. */
export type FrameKind = 'anon' | 'file' | 'shmem' | 'pagetables';
const KINDS: readonly FrameKind[] = ['anon', 'file', 'shmem', 'pagetables'];

/** Who has been charged for a frame. */
export interface FrameAccount {
  /** The frame was given back. */
  released(kind: FrameKind): void;
}

/** Memory of an object of the kernel. */
export interface HeldObject {
  /** The object is gone. */
  free(): void;
}

/** Memory of an object of the kernel that grows and shrinks. */
export interface ObjectStore {
  /** So many bytes are stored now. @throws OutOfFrames, with nothing changed */
  set(bytes: number): void;
}

/** Who pays for frames. */
export interface FrameAccounts {
  /** One frame more. @throws OutOfFrames when a limit does not allow it */
  charge(kind: FrameKind): FrameAccount;
  /** An object of the kernel of a size that stays. @throws OutOfFrames */
  object(bytes: number): HeldObject;
  /** Room for what an object of the kernel stores. */
  store(): ObjectStore;
  /** There is no free frame: true when some were found. */
  exhausted(): boolean;
  /** A page of a file was read, or written, from where its file really is. */
  transferred(direction: 'read' | 'write', bytes: number): void;
}

/** Pages of a file that can be read again. */
export interface Reclaimable {
  readonly pages: ReadonlyMap<number, Frame>;
  isClean(index: number): boolean;
  /** Gives a clean page back. */
  evict(index: number): void;
}

/** Hands out frames of physical memory. */
export class Frames implements TableFrames {
  readonly #memory: PhysicalMemory;
  readonly #references: Uint32Array;
  readonly #free: Frame[] = [];
  readonly #accounts: (FrameAccount | undefined)[] = [];
  readonly #kinds: Uint8Array;
  /** Set once there are control groups. */
  accounts: FrameAccounts | undefined;
  /** Caches whose pages can be read again. */
  readonly reclaimable = new Set<Reclaimable>();
  #next: Frame;
  #used = 0;
  /** Bytes of objects that are no frames but have to fit into the same memory. */
  #reserved = 0;
  /** A frame of zeros that is mapped read-only wherever memory was only read so far. */
  readonly zero: Frame;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    this.#references = new Uint32Array(memory.end);
    this.#kinds = new Uint8Array(memory.end);
    this.#next = memory.first;
    this.zero = this.allocateZeroed('anon');
  }

  /** Frames in use. */
  get used(): number {
    return this.#used + Math.ceil(this.#reserved / PAGE_SIZE);
  }

  /** Frames there are. */
  get total(): number {
    return this.#memory.end - this.#memory.first;
  }

  /** A frame with one reference; its contents are whatever they were. @throws OutOfFrames */
  allocate(kind: FrameKind = 'pagetables'): Frame {
    const account = this.accounts?.charge(kind);
    let frame = this.#take();
    while (frame === undefined && this.accounts?.exhausted()) frame = this.#take();
    if (frame === undefined) {
      account?.released(kind);
      throw new OutOfFrames('there is no free page frame');
    }
    this.#references[frame] = 1;
    this.#used++;
    this.#accounts[frame] = account;
    this.#kinds[frame] = KINDS.indexOf(kind);
    return frame;
  }

  /** Who pays for a frame. */
  accountOf(frame: Frame): FrameAccount | undefined {
    return this.#accounts[frame];
  }

  /** The kernel's own objects take so much memory. @throws OutOfFrames */
  reserve(bytes: number): void {
    while (this.#isShort(bytes))
      if (!this.accounts?.exhausted()) throw new OutOfFrames('there is no memory for the kernel itself');
    this.#reserved += bytes;
  }

  /** Memory of objects is given back. */
  unreserve(bytes: number): void {
    this.#reserved -= bytes;
  }

  #isShort(bytes: number): boolean {
    return this.#used * PAGE_SIZE + this.#reserved + bytes > this.total * PAGE_SIZE;
  }

  #take(): Frame | undefined {
    if (this.#isShort(PAGE_SIZE)) return undefined;
    return this.#free.pop() ?? (this.#next < this.#memory.end ? this.#next++ : undefined);
  }

  /** A frame of zeros. @throws OutOfFrames */
  allocateZeroed(kind: FrameKind): Frame {
    const frame = this.allocate(kind);
    this.#memory.bytes.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    this.#memory.written(frame);
    return frame;
  }

  /** A private copy of a frame. @throws OutOfFrames */
  copy(source: Frame): Frame {
    const frame = this.allocate('anon');
    this.#memory.bytes.copyWithin(frame * PAGE_SIZE, source * PAGE_SIZE, (source + 1) * PAGE_SIZE);
    this.#memory.written(frame);
    return frame;
  }

  /** One more user of the frame. */
  hold(frame: Frame): void {
    this.#references[frame]!++;
  }

  /** One user less; the last one gives it back. */
  release(frame: Frame): void {
    if (--this.#references[frame]! > 0) return;
    this.#used--;
    this.#free.push(frame);
    this.#accounts[frame]?.released(KINDS[this.#kinds[frame]!]!);
    this.#accounts[frame] = undefined;
  }

  references(frame: Frame): number {
    return this.#references[frame]!;
  }

  /** Contents of a frame. Call `written` after changing them. */
  bytes(frame: Frame): Uint8Array {
    return this.#memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  }

  /** Copies `count` bytes at `offset` of a frame to `at` of an array. */
  copyOut(frame: Frame, offset: number, into: Uint8Array, at: number, count: number): void {
    copyBytes(this.#memory.bytes, frame * PAGE_SIZE + offset, into, at, count);
  }

  /** Copies bytes into a frame. */
  copyIn(frame: Frame, offset: number, from: Uint8Array, at: number, count: number): void {
    copyBytes(from, at, this.#memory.bytes, frame * PAGE_SIZE + offset, count);
    this.#memory.written(frame);
  }

  /** The kernel changed the frame's contents. */
  written(frame: Frame): void {
    this.#memory.written(frame);
  }
}
