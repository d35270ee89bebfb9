// Pages of one file that are in memory: read(2), write(2) and all mappings work on the same frames.
import type { Frame } from '../platform.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Frames } from './frames.ts';

/** Where pages come from that are not in memory yet, such as an image layer; without one they are zeros. */
export interface PageSource {
  /** Fills `into` (one page) with the file's page `index`. */
  readPage(index: number, into: Uint8Array): void;
}

/** Somebody who maps pages of the file and has to drop them when it shrinks. */
export interface PageUser {
  /** Pages from `index` on are gone. */
  dropFrom(cache: PageCache, index: number): void;
}

/** The cached pages of one file. */
export class PageCache {
  readonly frames: Frames;
  readonly source: PageSource | undefined;
  readonly pages = new Map<number, Frame>();
  readonly users = new Set<PageUser>();
  readonly #file: { readonly size: number };

  /** `file` tells how long the file is at any moment. */
  constructor(frames: Frames, file: { readonly size: number }, source?: PageSource) {
    this.frames = frames;
    this.#file = file;
    this.source = source;
  }

  /** Bytes of the file. */
  size(): number {
    return this.#file.size;
  }

  /** The frame of a page, brought in if need be. The cache holds it; a caller that keeps it holds it as well. @throws OutOfFrames */
  page(index: number): Frame {
    const known = this.pages.get(index);
    if (known !== undefined) return known;
    const frame = this.frames.allocateZeroed();
    this.source?.readPage(index, this.frames.bytes(frame));
    this.pages.set(index, frame);
    return frame;
  }

  /** Copies bytes of the file out; the caller has clipped to the file's size. */
  read(offset: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.length) {
      const at = offset + done;
      const inPage = at % PAGE_SIZE;
      const count = Math.min(into.length - done, PAGE_SIZE - inPage);
      const index = (at - inPage) / PAGE_SIZE;
      if (this.source === undefined && !this.pages.has(index)) into.fill(0, done, done + count);
      else into.set(this.frames.bytes(this.page(index)).subarray(inPage, inPage + count), done);
      done += count;
    }
  }

  /** Copies bytes into the file's pages. @throws OutOfFrames */
  write(offset: number, from: Uint8Array): void {
    let done = 0;
    while (done < from.length) {
      const at = offset + done;
      const inPage = at % PAGE_SIZE;
      const count = Math.min(from.length - done, PAGE_SIZE - inPage);
      const frame = this.page((at - inPage) / PAGE_SIZE);
      this.frames.bytes(frame).set(from.subarray(done, done + count), inPage);
      this.frames.written(frame);
      done += count;
    }
  }

  /** The file now has `size` bytes: pages beyond go, the rest of the last one is zero. */
  truncate(size: number): void {
    const keep = Math.ceil(size / PAGE_SIZE);
    for (const user of this.users) user.dropFrom(this, keep);
    for (const [index, frame] of this.pages) {
      if (index < keep) continue;
      this.pages.delete(index);
      this.frames.release(frame);
    }
    const last = this.pages.get(keep - 1);
    if (last === undefined || size % PAGE_SIZE === 0) return;
    this.frames.bytes(last).fill(0, size % PAGE_SIZE);
    this.frames.written(last);
  }

  /** Gives all pages back; nobody maps them any more. */
  destroy(): void {
    for (const frame of this.pages.values()) this.frames.release(frame);
    this.pages.clear();
  }
}
