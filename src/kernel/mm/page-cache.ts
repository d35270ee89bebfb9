// Pages of one file that are in memory: read(2), write(2) and all mappings work on the same frames.
import type { Frame } from '../platform.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Frames, Reclaimable } from './frames.ts';

/** Where pages come from that are not in memory yet, such as an image layer; without one they are zeros. */
export interface PageSource {
  /** Fills `into` (one page) with the file's page `index`. */
  readPage(index: number, into: Uint8Array): void;
  /** The kernel makes the pages itself: nothing is read. */
  readonly isMade?: boolean;
}

/** Somebody who maps pages of the file and has to drop them when it shrinks. */
export interface PageUser {
  /** Pages from `index` on are gone. */
  dropFrom(cache: PageCache, index: number): void;
  /** The pages [index, end) became a hole; private copies of them stay. */
  dropHole(cache: PageCache, index: number, end: number): void;
}

/** Room for pages that several files share. */
export interface PageBudget {
  /** One page more. @throws SystemError ENOSPC */
  take(): void;
  give(pages: number): void;
}

/** The file of a cache. */
export interface CachedFile {
  readonly size: number;
  /** What maps show of it. */
  readonly ino?: number;
  readonly device?: number;
  /** Nobody maps it any more. */
  unused?(): void;
}

/** The cached pages of one file. */
export class PageCache implements Reclaimable {
  readonly frames: Frames;
  readonly source: PageSource | undefined;
  readonly pages = new Map<number, Frame>();
  readonly users = new Set<PageUser>();
  /** Pages that were changed, so that they cannot be read again; only kept for files that have a source. */
  readonly #changed = new Set<number>();
  readonly file: CachedFile;
  readonly #budget: PageBudget | undefined;

  /** `file` tells how long the file is at any moment. */
  constructor(frames: Frames, file: CachedFile, source?: PageSource, budget?: PageBudget) {
    this.frames = frames;
    this.file = file;
    this.source = source;
    this.#budget = budget;
  }

  /** A user maps nothing of it any more. */
  leave(user: PageUser): void {
    if (this.users.delete(user) && this.users.size === 0) this.file.unused?.();
  }

  /** Bytes of the file. */
  size(): number {
    return this.file.size;
  }

  /**
   * The frame of a page, brought in if need be. The cache holds it; a caller that keeps it holds it as well.
   * @throws OutOfFrames, SystemError ENOSPC
   */
  page(index: number): Frame {
    const known = this.pages.get(index);
    if (known !== undefined) return known;
    this.#budget?.take();
    const frame = this.#newFrame();
    this.pages.set(index, frame);
    if (this.source === undefined) return frame;
    this.source.readPage(index, this.frames.bytes(frame));
    if (!this.source.isMade) this.frames.accounts?.transferred('read', PAGE_SIZE);
    this.frames.reclaimable.add(this);
    return frame;
  }

  /** The page can be read again. */
  isClean(index: number): boolean {
    return !this.#changed.has(index);
  }

  /** The page is changed, or may be by somebody who maps it. */
  markChanged(index: number): void {
    if (this.source !== undefined) this.#changed.add(index);
  }

  #noteWrite(index: number, bytes: number): void {
    this.markChanged(index);
    this.frames.accounts?.transferred('write', bytes);
  }

  evict(index: number): void {
    for (const user of this.users) user.dropHole(this, index, index + 1);
    this.#drop(index, this.pages.get(index)!);
  }

  #newFrame(): Frame {
    try {
      return this.frames.allocateZeroed(this.source === undefined ? 'shmem' : 'file');
    } catch (failure) {
      this.#budget?.give(1);
      throw failure;
    }
  }

  /** Copies bytes of the file out; the caller has clipped to the file's size. */
  read(offset: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.length) {
      const at = offset + done;
      const inPage = at & (PAGE_SIZE - 1);
      const count = Math.min(into.length - done, PAGE_SIZE - inPage);
      const index = (at - inPage) / PAGE_SIZE;
      if (this.source === undefined && !this.pages.has(index)) into.fill(0, done, done + count);
      else this.frames.copyOut(this.page(index), inPage, into, done, count);
      done += count;
    }
  }

  /** Copies bytes into the file's pages; fewer when there is no more room. @throws OutOfFrames, SystemError ENOSPC for none */
  write(offset: number, from: Uint8Array): number {
    let done = 0;
    while (done < from.length) {
      const at = offset + done;
      const inPage = at & (PAGE_SIZE - 1);
      const count = Math.min(from.length - done, PAGE_SIZE - inPage);
      const frame = this.#pageToWrite((at - inPage) / PAGE_SIZE, done > 0);
      if (frame === undefined) break;
      if (this.source !== undefined) this.#noteWrite((at - inPage) / PAGE_SIZE, count);
      this.frames.copyIn(frame, inPage, from, done, count);
      done += count;
    }
    return done;
  }

  #pageToWrite(index: number, hasWritten: boolean): Frame | undefined {
    try {
      return this.page(index);
    } catch (failure) {
      if (hasWritten) return undefined;
      throw failure;
    }
  }

  /** The file now has `size` bytes: pages beyond go, the rest of the last one is zero. */
  truncate(size: number): void {
    const keep = Math.ceil(size / PAGE_SIZE);
    for (const user of this.users) user.dropFrom(this, keep);
    for (const [index, frame] of this.pages) {
      if (index >= keep) this.#drop(index, frame);
    }
    if (size % PAGE_SIZE !== 0) this.#zero(size, keep * PAGE_SIZE);
  }

  /** The bytes [start, end) become zeros; whole pages are given back. */
  punch(start: number, end: number): void {
    const first = Math.ceil(start / PAGE_SIZE);
    const last = Math.floor(end / PAGE_SIZE);
    if (first > last) {
      this.#zero(start, end);
      return;
    }
    for (const user of this.users) user.dropHole(this, first, last);
    for (const index of this.#known(first, last)) this.#drop(index, this.pages.get(index)!);
    this.#zero(start, first * PAGE_SIZE);
    this.#zero(last * PAGE_SIZE, end);
  }

  /** Which of the pages [first, end) are in memory: a range may be longer than the file, and a file longer than a range. */
  #known(first: number, end: number): readonly number[] {
    if (end - first >= this.pages.size) return [...this.pages.keys()].filter((index) => index >= first && index < end);
    const range = Array.from({ length: end - first }, (_, n) => first + n);
    return range.filter((index) => this.pages.has(index));
  }

  /** Gives all pages back; nobody maps them any more. */
  destroy(): void {
    for (const [index, frame] of this.pages) this.#drop(index, frame);
  }

  #drop(index: number, frame: Frame): void {
    this.pages.delete(index);
    this.#changed.delete(index);
    if (this.pages.size === 0) this.frames.reclaimable.delete(this);
    this.frames.release(frame);
    this.#budget?.give(1);
  }

  /** Zeros within one page, if it is there. */
  #zero(start: number, end: number): void {
    const frame = this.pages.get(Math.floor(start / PAGE_SIZE));
    if (frame === undefined || start >= end) return;
    const from = start % PAGE_SIZE;
    this.markChanged(Math.floor(start / PAGE_SIZE));
    this.frames.bytes(frame).fill(0, from, from + end - start);
    this.frames.written(frame);
  }
}
