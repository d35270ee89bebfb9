// Descriptors of a task (open(2), dup(2), fcntl(2)); shared by tasks cloned with CLONE_FILES.
import { fail } from '../error.ts';
import type { RangeOwner } from './file-locks.ts';
import { type FileDescription, hold, release } from './file.ts';

interface Entry {
  readonly file: FileDescription;
  closeOnExec: boolean;
}

/** A table of open files by number. */
export class FdTable {
  entries: (Entry | undefined)[] = [];
  /** Tasks that use it. */
  users = 1;
  /** Who has the lock on a file that a task of this table waits for. */
  waitsFor: RangeOwner | undefined;

  /** The open file of a descriptor. @throws SystemError EBADF */
  get(fd: number): FileDescription {
    return this.entries[fd]?.file ?? fail('EBADF');
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
    this.entries[fd] = { file, closeOnExec };
    return fd;
  }

  /** The number `install` would give. */
  lowestFree(from = 0): number {
    let fd = from;
    while (this.entries[fd] !== undefined) fd++;
    return fd;
  }

  /** Puts a file at a number, closing what was there; takes over the caller's reference. */
  replace(fd: number, file: FileDescription, closeOnExec: boolean): void {
    const old = this.entries[fd];
    this.entries[fd] = { file, closeOnExec };
    if (old !== undefined) this.#release(old.file);
  }

  /** @throws SystemError EBADF */
  close(fd: number): void {
    const entry = this.entries[fd] ?? fail('EBADF');
    this.entries[fd] = undefined;
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
    const copy = new FdTable();
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
  }
}
