// Where images and containers live between two commands: what the store asks of the computer's file system. Paths are relative,
// with slashes. Whatever interrupts a command, a file is there whole or not at all.

/** A file being written where nobody looks for it. */
export interface Upload {
  write(bytes: Uint8Array): void;
  /** Bytes written so far. */
  readonly size: number;
  /** The file is on the disk and appears under `path`, whole; directories on the way are made. */
  commit(path: string): void;
  /** The file goes away. Does nothing after `commit`. */
  discard(): void;
}

/** A file opened for reading. */
export interface OpenFile {
  readonly size: number;
  /** Fills `into` from `offset` on; gives the number of bytes read, less only at the end of the file. */
  readAt(offset: number, into: Uint8Array): number;
  close(): void;
}

/** The data directory. Every function may throw what the computer's file system throws (full disk, no permission). */
export interface DataDirectory {
  /** The whole content of a small file; undefined when there is none. */
  read(path: string): Uint8Array | undefined;
  /** Undefined when there is no such file. */
  open(path: string): OpenFile | undefined;
  /** Bytes in a file; undefined when there is none. */
  size(path: string): number | undefined;
  /** Names in a directory, sorted; none when it does not exist. */
  list(path: string): readonly string[];
  /** Puts a file in place of the old one, or none, in one step. */
  replace(path: string, bytes: Uint8Array): void;
  /** Begins a large file. */
  upload(): Upload;
  /** Removes a file or a whole directory in one step; nothing happens when there is none. */
  remove(path: string): void;
  /**
   * Waits until no other command changes the directory, then keeps them from it until the function it gives is called. What
   * interrupted commands left behind has been removed.
   */
  lock(): Promise<() => void>;
}

/** Runs `work` while no other command changes the directory. */
export async function locked<T>(data: DataDirectory, work: () => T | Promise<T>): Promise<T> {
  const unlock = await data.lock();
  try {
    return await work();
  } finally {
    unlock();
  }
}
