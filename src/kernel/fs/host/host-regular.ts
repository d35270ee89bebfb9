// A regular file of a shared directory: its contents are the host's, and pages that programs map are read from it and written
// back.
import { O_ACCMODE, O_RDONLY } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import { PageCache, type PageSource } from '../../mm/page-cache.ts';
import { PAGE_SIZE } from '../../platform.ts';
import type { FileDescription } from '../../vfs/file.ts';
import type { Timestamp } from '../../vfs/inode.ts';
import { RegularFile } from '../regular-file.ts';
import type { HostFile, HostStatus } from './host-directory.ts';
import { HostInode, type Place } from './host-inode.ts';
import type { HostFs } from './host-fs.ts';

/** A regular file. */
export class HostRegular extends HostInode implements PageSource {
  /** Files of the host are opened again by their names, and have to be the same, when a saved state goes on. */
  static readonly unsaved = ['#reader', '#writer'];
  readonly cache: PageCache;
  #reader: HostFile | undefined;
  #writer: HostFile | undefined;
  #cachedAt: Timestamp | undefined;

  constructor(fs: HostFs, status: HostStatus, place: Place | undefined) {
    super(fs, status, place);
    this.cache = new PageCache(fs.kernel.frames, this, this);
  }

  override open(flags: number): FileDescription {
    if ((flags & O_ACCMODE) !== O_RDONLY) this.#forWriting();
    else this.#forReading();
    this.#dropStale();
    return new RegularFile(this, flags);
  }

  protected override ask(): HostStatus | undefined {
    return (this.#writer ?? this.#reader)?.status() ?? super.ask();
  }

  #forReading(): HostFile {
    this.#reader ??= this.#writer ?? this.#opened(false);
    return this.#reader;
  }

  #forWriting(): HostFile {
    if (this.fs.readOnly) fail('EROFS');
    this.#writer ??= this.#opened(true);
    return this.#writer;
  }

  /** The file that was found, and no other that has its name by now. */
  #opened(writable: boolean): HostFile {
    const file = this.fs.directory.open(this.path, writable);
    if (file.status().identity === this.identity) return file;
    file.close();
    return fail('ESTALE');
  }

  /** Pages that were read before somebody outside changed the file are read again. */
  #dropStale(): void {
    const { modified } = this.shown;
    if (this.#cachedAt !== modified && this.cache.users.size === 0) this.cache.destroy();
    this.#cachedAt = modified;
  }

  readPage(index: number, into: Uint8Array): void {
    const file = this.#writer ?? this.#forReading();
    const count = fill(file, index * PAGE_SIZE, into);
    into.fill(0, count);
  }

  read(offset: number, into: Uint8Array): number {
    if (this.cache.users.size > 0) this.#flush();
    return fill(this.#writer ?? this.#forReading(), offset, into);
  }

  write(offset: number, from: Uint8Array): number {
    const count = this.#forWriting().write(offset, from);
    this.forget();
    this.#intoPages(offset, from.subarray(0, count));
    return count;
  }

  override truncate(size: number): void {
    const file = this.#forWriting();
    const shrinks = size < this.size;
    file.truncate(size);
    this.forget();
    if (shrinks) this.cache.truncate(size);
    this.unused();
  }

  /** Mappings see what is written. */
  #intoPages(offset: number, bytes: Uint8Array): void {
    for (const [index, frame] of this.cache.pages) {
      const start = Math.max(offset, index * PAGE_SIZE);
      const end = Math.min(offset + bytes.length, (index + 1) * PAGE_SIZE);
      if (start >= end) continue;
      this.cache.frames.bytes(frame).set(bytes.subarray(start - offset, end - offset), start - index * PAGE_SIZE);
      this.cache.frames.written(frame);
    }
  }

  /** What programs wrote into shared mappings goes to the host. */
  #flush(): void {
    const file = this.#writer;
    if (file === undefined) return;
    const { size } = file.status();
    for (const [index, frame] of this.cache.pages) {
      const length = Math.min(PAGE_SIZE, size - index * PAGE_SIZE);
      if (length <= 0) continue;
      const bytes = this.cache.frames.bytes(frame).subarray(0, length);
      const there = new Uint8Array(length);
      fill(file, index * PAGE_SIZE, there);
      if (there.some((byte, n) => byte !== bytes[n])) file.write(index * PAGE_SIZE, bytes);
    }
    this.forget();
  }

  override unused(): void {
    if (this.opens > 0 || this.cache.users.size > 0) return;
    this.#flush();
    this.cache.destroy();
    if (this.#reader !== this.#writer) this.#reader?.close();
    this.#writer?.close();
    this.#reader = undefined;
    this.#writer = undefined;
  }
}

function fill(file: HostFile, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.length) {
    const count = file.read(offset + done, into.subarray(done));
    if (count === 0) break;
    done += count;
  }
  return done;
}
