// The physical page allocator with reference counts: a frame is free when nobody maps, caches or otherwise holds it.
import { PAGE_SIZE, type Frame, type PhysicalMemory, type TableFrames } from '../platform.ts';

/** There is no free frame left: the caller may reclaim, kill or report ENOMEM. */
export class OutOfFrames extends Error {
  override readonly name = 'OutOfFrames';
}

/** Hands out frames of physical memory. */
export class Frames implements TableFrames {
  readonly #memory: PhysicalMemory;
  readonly #references: Uint32Array;
  readonly #free: Frame[] = [];
  #next: Frame;
  #used = 0;
  /** A frame of zeros that is mapped read-only wherever memory was only read so far. */
  readonly zero: Frame;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    this.#references = new Uint32Array(memory.end);
    this.#next = memory.first;
    this.zero = this.allocateZeroed();
  }

  /** Frames in use. */
  get used(): number {
    return this.#used;
  }

  /** Frames there are. */
  get total(): number {
    return this.#memory.end - this.#memory.first;
  }

  /** A frame with one reference; its contents are whatever they were. @throws OutOfFrames */
  allocate(): Frame {
    const frame = this.#free.pop() ?? (this.#next < this.#memory.end ? this.#next++ : undefined);
    if (frame === undefined) throw new OutOfFrames('there is no free page frame');
    this.#references[frame] = 1;
    this.#used++;
    return frame;
  }

  /** A frame of zeros. @throws OutOfFrames */
  allocateZeroed(): Frame {
    const frame = this.allocate();
    this.bytes(frame).fill(0);
    this.#memory.written(frame);
    return frame;
  }

  /** A copy of a frame. @throws OutOfFrames */
  copy(source: Frame): Frame {
    const frame = this.allocate();
    this.bytes(frame).set(this.bytes(source));
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
  }

  references(frame: Frame): number {
    return this.#references[frame]!;
  }

  /** Contents of a frame. Call `written` after changing them. */
  bytes(frame: Frame): Uint8Array {
    return this.#memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  }

  /** The kernel changed the frame's contents. */
  written(frame: Frame): void {
    this.#memory.written(frame);
  }
}
