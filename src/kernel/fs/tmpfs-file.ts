// Regular files of a tmpfs: pages of the machine, so that they can be mapped; holes take none (fallocate(2), lseek(2) "Seeking file
// data and holes").
import { fail } from '../error.ts';
import { PageCache } from '../mm/page-cache.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { FileDescription } from '../vfs/file.ts';
import { type Owner, touchModified } from '../vfs/inode.ts';
import { RegularFile } from './regular-file.ts';
import type { Tmpfs } from './tmpfs.ts';
import { TmpfsInode } from './tmpfs-inode.ts';

/** Largest file: what 32-bit page numbers reach and JavaScript counts exactly. */
const MOST_BYTES = 2 ** 43;
/** Pages of holes that are looked through one after the other. */
const SHORT_HOLE = 64;

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/** A regular file. */
export class TmpfsFile extends TmpfsInode {
  readonly cache: PageCache;
  #size = 0;

  constructor(fs: Tmpfs, mode: number, owner: Owner) {
    super(fs, mode, owner);
    this.cache = new PageCache(fs.frames, this, undefined, fs);
  }

  override get size(): number {
    return this.#size;
  }

  override get blocks(): number {
    return this.cache.pages.size * 8;
  }

  override open(flags: number): FileDescription {
    return new RegularFile(this, flags);
  }

  override truncate(size: number): void {
    if (size > MOST_BYTES) fail('EFBIG');
    const shrinks = size < this.#size;
    this.#resize(size);
    if (shrinks) this.cache.truncate(size);
    touchModified(this);
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    this.cache.read(offset, count === into.length ? into : into.subarray(0, count));
    this.accessed = this.fs.now();
    return count;
  }

  write(offset: number, from: Uint8Array): number {
    if (offset + from.length > MOST_BYTES) fail('EFBIG');
    this.fs.checkClaim(offset + from.length - this.#size);
    const count = this.cache.write(offset, from);
    this.#resize(Math.max(this.#size, offset + count));
    touchModified(this);
    return count;
  }

  override allocate(mode: number, offset: number, length: number): void {
    const end = offset + length;
    if (mode === (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
      this.cache.punch(offset, end);
      touchModified(this);
      return;
    }
    if (mode & ~FALLOC_FL_KEEP_SIZE) fail('EOPNOTSUPP');
    if (end > MOST_BYTES) fail('EFBIG');
    this.#reserve(Math.floor(offset / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
    if (mode === 0) this.#resize(Math.max(this.#size, end));
    touchModified(this);
  }

  #resize(size: number): void {
    this.fs.claim(size - this.#size);
    this.#size = size;
  }

  /** Brings the pages [first, end) into being, all or none. */
  #reserve(first: number, end: number): void {
    const made: number[] = [];
    try {
      for (let index = first; index < end; index++) {
        if (this.cache.pages.has(index)) continue;
        this.cache.page(index);
        made.push(index);
      }
    } catch (failure) {
      for (const index of made) this.cache.punch(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      throw failure;
    }
  }

  override seekData(offset: number, hole: boolean): number | undefined {
    if (offset >= this.#size) return undefined;
    const { pages } = this.cache;
    const first = Math.floor(offset / PAGE_SIZE);
    let page = first;
    if (hole) while (pages.has(page)) page++;
    else if (!pages.has(first)) page = nextPage(pages, first);
    const at = Math.max(offset, page * PAGE_SIZE);
    if (at < this.#size) return at;
    return hole ? this.#size : undefined;
  }

  override unused(): void {
    if (this.cache.users.size === 0) super.unused();
  }

  override released(): void {
    super.released();
    this.#resize(0);
    this.cache.destroy();
  }
}

/** The first page behind one that is a hole: a hole may be longer than anybody can count through. */
function nextPage(pages: ReadonlyMap<number, unknown>, hole: number): number {
  // short holes are passed page by page
  for (let page = hole + 1; page < hole + SHORT_HOLE; page++) if (pages.has(page)) return page;
  let next = Number.POSITIVE_INFINITY;
  for (const page of pages.keys()) if (page > hole && page < next) next = page;
  return next;
}
