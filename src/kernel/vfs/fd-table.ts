// Descriptors of a task (open(2), dup(2), fcntl(2)); shared by tasks cloned with CLONE_FILES.
import { O_PATH } from '../../abi/stat.ts';
import { KernelObject } from '../cgroup/kernel-object.ts';
import type { MemoryController } from '../cgroup/memory.ts';
import { fail } from '../error.ts';
import type { RangeOwner } from './range-locks.ts';
import { type FileDescription, hold, release } from './file.ts';

/** Slots that belong to the task, and what further ones take each. */
const FIRST_SLOTS = 64;
const SLOT_BYTES = 8;

interface Entry {
  readonly file: FileDescription;
  closeOnExec: boolean;
}

/** A table of open files by number. */
export class FdTable {
  entries: (Entry | undefined)[] = [];
  /** Tasks that use it. */
  users = 1;
  readonly #memory: MemoryController;
  /** Memory of the table beyond its first slots. */
  readonly #slots: KernelObject;
  /** No number below is free. */
  #firstFree = 0;
  /** Who has the lock on a file that a task of this table waits for. */
  waitsFor: RangeOwner | undefined;

  constructor(memory: MemoryController) {
    this.#memory = memory;
    this.#slots = new KernelObject(memory, 'slab');
  }

  /** The open file of a descriptor, even of O_PATH, which names a file and does nothing with it. @throws SystemError EBADF */
  any(fd: number): FileDescription {
    return this.entries[fd]?.file ?? fail('EBADF');
  }

  /** The open file of a descriptor that can be worked with. @throws SystemError EBADF */
  get(fd: number): FileDescription {
    const file = this.any(fd);
    return file.flags & O_PATH ? fail('EBADF') : file;
  }

  has(fd: number): boolean {
    return this.entries[fd] !== undefined;
  }

  closeOnExec(fd: number): boolean {
    return this.entries[fd]?.closeOnExec ?? fail('EBADF');
  }

  setCloseOnExec(fd: number, value: boolean): void {
    const entry = this.entries[fd] ?? fail('EBADF');
    entry.closeOnExec = value;
  }

  /** Gives a file the lowest free number from `from` on; the table takes over the caller's reference. @throws SystemError EMFILE */
  install(file: FileDescription, closeOnExec: boolean, limit: number, from = 0): number {
    const fd = this.lowestFree(from);
    if (fd >= limit) {
      release(file);
      fail('EMFILE');
    }
    this.#put(fd, file, closeOnExec);
    return fd;
  }

  /** The number `install` would give. */
  lowestFree(from = 0): number {
    let fd = Math.max(from, this.#firstFree);
    while (this.entries[fd] !== undefined) fd++;
    if (from <= this.#firstFree) this.#firstFree = fd;
    return fd;
  }

  /** Takes over the caller's reference, also when it fails. @throws OutOfFrames */
  #put(fd: number, file: FileDescription, closeOnExec: boolean): void {
    try {
      file.charge ??= this.#memory.object(file.kernelBytes);
      this.#reserve(fd);
    } catch (failure) {
      release(file);
      throw failure;
    }
    this.entries[fd] = { file, closeOnExec };
  }

  /** Memory for a table with a number: tables double. */
  #reserve(fd: number): void {
    if (fd < FIRST_SLOTS || fd * SLOT_BYTES < this.#slots.bytes) return;
    this.#slots.set(2 ** Math.ceil(Math.log2(fd + 1)) * SLOT_BYTES);
  }

  /** Puts a file at a number, closing what was there; takes over the caller's reference. */
  replace(fd: number, file: FileDescription, closeOnExec: boolean): void {
    const old = this.entries[fd];
    this.#put(fd, file, closeOnExec);
    if (old !== undefined) this.#release(old.file);
  }

  /** @throws SystemError EBADF */
  close(fd: number): void {
    const entry = this.entries[fd] ?? fail('EBADF');
    this.entries[fd] = undefined;
    this.#firstFree = Math.min(this.#firstFree, fd);
    this.#release(entry.file);
  }

  #release(file: FileDescription): void {
    file.inode.locks?.closedBy(this);
    release(file);
  }

  /** Open numbers in order. */
  *numbers(): Iterable<number> {
    for (let fd = 0; fd < this.entries.length; fd++) if (this.entries[fd] !== undefined) yield fd;
  }

  /** A table of its own with the same open files. */
  clone(): FdTable {
    const copy = new FdTable(this.#memory);
    copy.#reserve(this.entries.findLastIndex((entry) => entry !== undefined));
    copy.entries = this.entries.map((entry) =>
      entry === undefined ? undefined : { ...entry, file: hold(entry.file) },
    );
    return copy;
  }

  closeForExec(): void {
    for (const fd of [...this.numbers()]) if (this.entries[fd]!.closeOnExec) this.close(fd);
  }

  closeAll(): void {
    for (const fd of [...this.numbers()]) this.close(fd);
    this.#slots.clear();
  }
}
