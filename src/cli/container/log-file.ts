// The log of a container: what it writes, one JSON object for each piece. No container fills the disk with it: of a log that has
// become large the older part goes (docker-run(1) "--log-opt" has the same with max-size and max-file).
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** Bytes of a part; there are at most two. */
const MOST_BYTES = 32 << 20;

/** Where the older part of a log is. */
export const olderLog = (path: string): string => `${path}.1`;

/** A log that is appended to. */
export class LogFile {
  readonly #path: string;
  readonly #most: number;
  #descriptor: number;
  #size: number;

  constructor(path: string, most = MOST_BYTES) {
    this.#path = path;
    this.#most = most;
    this.#descriptor = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#descriptor).size;
  }

  append(bytes: Uint8Array, stream: 'stdout' | 'stderr'): void {
    if (this.#size >= this.#most) this.#begin();
    const log = Buffer.from(bytes).toString('latin1');
    this.#size += writeSync(this.#descriptor, `${JSON.stringify({ log, stream, time: new Date().toISOString() })}\n`);
  }

  /** What is there becomes the older part. */
  #begin(): void {
    closeSync(this.#descriptor);
    renameSync(this.#path, olderLog(this.#path));
    this.#descriptor = openSync(this.#path, 'a', 0o600);
    this.#size = 0;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
