// A directory of this computer whose answers are kept, or come from those that were kept.
import { fail } from '../../kernel/error.ts';
import type { HostChange, HostDirectory, HostFile, HostPath, HostStatus } from '../../kernel/fs/host/host-directory.ts';
import type { Room } from '../../kernel/vfs/inode.ts';

/** Makes a call, or knows how it ended. Results are plain data. */
export type Answer = <T>(call: string, make: () => T) => T;

class ObservedFile implements HostFile {
  readonly #answer: Answer;
  readonly #file: HostFile | undefined;

  constructor(answer: Answer, file: HostFile | undefined) {
    this.#answer = answer;
    this.#file = file;
  }

  status(): HostStatus {
    return this.#answer('fstat', () => there(this.#file).status());
  }

  read(offset: number, into: Uint8Array): number {
    const bytes = this.#answer('read', () => into.slice(0, there(this.#file).read(offset, into)));
    into.set(bytes.subarray(0, into.length));
    return Math.min(bytes.length, into.length);
  }

  write(offset: number, from: Uint8Array): number {
    return this.#answer('write', () => there(this.#file).write(offset, from));
  }

  truncate(size: number): void {
    this.#answer('ftruncate', () => there(this.#file).truncate(size));
  }

  close(): void {
    this.#answer('close', () => there(this.#file).close());
  }
}

/** Without a directory only answers that were kept can be given. */
export class ObservedDirectory implements HostDirectory {
  readonly #answer: Answer;
  readonly #directory: HostDirectory | undefined;

  constructor(answer: Answer, directory: HostDirectory | undefined) {
    this.#answer = answer;
    this.#directory = directory;
  }

  room(): Room {
    return this.#answer('statfs', () => there(this.#directory).room());
  }

  status(path: HostPath): HostStatus | undefined {
    return this.#answer('stat', () => there(this.#directory).status(path));
  }

  names(path: HostPath): readonly string[] {
    return this.#answer('readdir', () => there(this.#directory).names(path));
  }

  readlink(path: HostPath): string {
    return this.#answer('readlink', () => there(this.#directory).readlink(path));
  }

  open(path: HostPath, writable: boolean): HostFile {
    let file: HostFile | undefined;
    this.#answer('open', () => {
      file = there(this.#directory).open(path, writable);
    });
    return new ObservedFile(this.#answer, file);
  }

  createFile(path: HostPath, mode: number): void {
    this.#answer('create', () => there(this.#directory).createFile(path, mode));
  }

  createDirectory(path: HostPath, mode: number): void {
    this.#answer('mkdir', () => there(this.#directory).createDirectory(path, mode));
  }

  createSymlink(path: HostPath, target: string): void {
    this.#answer('symlink', () => there(this.#directory).createSymlink(path, target));
  }

  link(from: HostPath, to: HostPath): void {
    this.#answer('link', () => there(this.#directory).link(from, to));
  }

  unlink(path: HostPath): void {
    this.#answer('unlink', () => there(this.#directory).unlink(path));
  }

  rmdir(path: HostPath): void {
    this.#answer('rmdir', () => there(this.#directory).rmdir(path));
  }

  rename(from: HostPath, to: HostPath): void {
    this.#answer('rename', () => there(this.#directory).rename(from, to));
  }

  change(path: HostPath, change: HostChange): void {
    this.#answer('change', () => there(this.#directory).change(path, change));
  }
}

function there<T>(thing: T | undefined): T {
  return thing ?? fail('EIO');
}
