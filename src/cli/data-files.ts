// The data directory on this computer's disk: ANILLO_DATA, or `anillo` in the user's data home (XDG Base Directory
// Specification). A file appears by rename(2) after fsync(2), so a command killed at any moment leaves whole files only; what
// it was writing lies in tmp/ and goes when the next command locks the directory.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataDirectory, OpenFile, Upload } from '../oci/data-directory.ts';

const TEMPORARY = 'tmp';
const LOCKS = 'locks';
const lockPath = (n: number) => `${LOCKS}/${n}`;
const RETRY_MS = 20;

/** Where images and containers are kept. */
export function dataHome(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.ANILLO_DATA) return environment.ANILLO_DATA;
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local/share'), 'anillo');
}

/** A directory of this computer as a data directory; it is made when something is written. */
export class DataFiles implements DataDirectory {
  readonly root: string;

  constructor(root: string = dataHome()) {
    this.root = root;
  }

  #path(path: string): string {
    return join(this.root, path);
  }

  /** A name in tmp/ that nobody else has. */
  #temporary(): string {
    mkdirSync(this.#path(TEMPORARY), { recursive: true, mode: 0o700 });
    return this.#path(`${TEMPORARY}/${process.pid}-${randomUUID()}`);
  }

  read(path: string): Uint8Array | undefined {
    return absentAsUndefined(() => new Uint8Array(readFileSync(this.#path(path))));
  }

  open(path: string): OpenFile | undefined {
    return absentAsUndefined(() => new DiskFile(openSync(this.#path(path), 'r')));
  }

  size(path: string): number | undefined {
    return absentAsUndefined(() => statSync(this.#path(path)).size);
  }

  list(path: string): readonly string[] {
    return absentAsUndefined(() => readdirSync(this.#path(path)).sort()) ?? [];
  }

  replace(path: string, bytes: Uint8Array): void {
    const upload = this.upload();
    try {
      upload.write(bytes);
      upload.commit(path);
    } finally {
      upload.discard();
    }
  }

  upload(): Upload {
    return new DiskUpload(this.#temporary(), (path) => this.#path(path));
  }

  remove(path: string): void {
    const gone = this.#temporary();
    if (absentAsUndefined(() => renameSync(this.#path(path), gone) ?? true)) rmSync(gone, { recursive: true });
  }

  /**
   * Locks are numbered files. Who made the one with the highest number has the lock until the file is empty or its process
   * has died; then whoever makes the next number has it. The highest is never removed, so no number comes twice.
   */
  async lock(): Promise<() => void> {
    const claim = this.#temporary();
    writeFileSync(claim, JSON.stringify(thisProcess()));
    mkdirSync(this.#path(LOCKS), { recursive: true, mode: 0o700 });
    for (;;) {
      const newest = this.#locks().at(-1) ?? 0;
      if (newest > 0 && !this.#isFree(newest)) await sleep(RETRY_MS);
      else if (this.#take(claim, newest + 1)) {
        rmSync(claim);
        this.#sweep();
        return () => this.replace(lockPath(newest + 1), new Uint8Array(0));
      }
    }
  }

  /** Numbers of the locks, rising. */
  #locks(): readonly number[] {
    return this.list(LOCKS)
      .map(Number)
      .filter((n) => n > 0)
      .sort((a, b) => a - b);
  }

  #isFree(n: number): boolean {
    const holder = this.read(lockPath(n));
    // one that has gone is not the newest any more
    return holder !== undefined && (holder.length === 0 || !isAlive(new TextDecoder().decode(holder)));
  }

  /** Makes lock `n`; false if somebody else did, or a later one. */
  #take(claim: string, n: number): boolean {
    try {
      linkSync(claim, this.#path(lockPath(n)));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    }
    const locks = this.#locks();
    const isNewest = locks.at(-1) === n;
    for (const old of isNewest ? locks.slice(0, -1) : [n]) rmSync(this.#path(lockPath(old)), { force: true });
    return isNewest;
  }

  /** For a directory that is used for something else too: what interrupted commands were writing goes, and its place. */
  tidy(): void {
    this.#sweep();
    if (this.list('.').includes(TEMPORARY) && this.list(TEMPORARY).length === 0) rmdirSync(this.#path(TEMPORARY));
  }

  /** Removes what interrupted commands were writing. */
  #sweep(): void {
    for (const name of this.list(TEMPORARY)) {
      const pid = Number(name.split('-')[0]);
      if (pid !== process.pid && !isRunning(pid))
        rmSync(this.#path(`${TEMPORARY}/${name}`), { recursive: true, force: true });
    }
  }
}

class DiskFile implements OpenFile {
  readonly #descriptor: number;
  readonly size: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  readAt(offset: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const read = readSync(this.#descriptor, into, done, into.length - done, offset + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Bytes that are looked at for being nothing but zeros. */
const PIECE = 65536;
const NOTHING = Buffer.alloc(PIECE);

class DiskUpload implements Upload {
  readonly #path: string;
  readonly #place: (path: string) => string;
  #descriptor: number | undefined;
  size = 0;

  constructor(path: string, place: (path: string) => string) {
    this.#path = path;
    this.#place = place;
    this.#descriptor = openSync(path, 'wx', 0o600);
  }

  write(bytes: Uint8Array): void {
    if (this.#descriptor === undefined) throw new Error('this upload has ended');
    for (let from = 0; from < bytes.length; from += PIECE) {
      const piece = bytes.subarray(from, from + PIECE);
      // what is zero becomes a hole: a file of holes in a container takes no room here either
      if (NOTHING.subarray(0, piece.length).equals(piece)) this.size += piece.length;
      else this.#put(this.#descriptor, piece);
    }
  }

  #put(descriptor: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = writeSync(descriptor, bytes, done, bytes.length - done, this.size);
      done += count;
      this.size += count;
    }
  }

  commit(path: string): void {
    if (this.#descriptor === undefined) throw new Error('this upload has ended');
    ftruncateSync(this.#descriptor, this.size);
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    const target = this.#place(path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    renameSync(this.#path, target);
    syncDirectory(dirname(target));
  }

  discard(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#path, { force: true });
  }
}

/** Undefined in place of the error that something is not there. */
function absentAsUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names in a directory are on the disk. */
function syncDirectory(path: string): void {
  // Windows cannot open directories, and writes names through
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** This process, told apart from a later one with the same number. */
function thisProcess(): { pid: number; started: string } {
  return { pid: process.pid, started: startOf(process.pid) };
}

/** When a process started, as far as the system tells; the same text for its whole life, which ends before its parent knows. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

/** Is there a process of this number? */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Does the process that wrote this claim still live? */
function isAlive(claim: string): boolean {
  try {
    const { pid, started } = JSON.parse(claim) as { pid: number; started: string };
    return isRunning(pid) && startOf(pid) === started;
  } catch {
    return false;
  }
}
