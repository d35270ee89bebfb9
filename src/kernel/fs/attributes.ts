// Extended attributes kept in memory (xattr(7)), for file systems whose inodes live there.
import { fail } from '../error.ts';
import type { Frames, HeldObject } from '../mm/frames.ts';

/** Most bytes of names and values one inode keeps. */
const MOST_BYTES = 1 << 20;

/** The attributes of one file. */
export class Attributes {
  readonly #values = new Map<string, Uint8Array>();
  #bytes = 0;
  readonly #frames: Frames | undefined;
  #held: HeldObject | undefined;

  /** Their bytes are charged to whoever sets them, if the machine's memory is given. */
  constructor(frames?: Frames) {
    this.#frames = frames;
  }

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  /** @throws SystemError ENOSPC, OutOfFrames */
  set(name: string, value: Uint8Array): void {
    const old = this.#values.get(name);
    const bytes = this.#bytes + value.length - (old === undefined ? -name.length : old.length);
    if (bytes > MOST_BYTES) fail('ENOSPC');
    this.#account(bytes);
    this.#values.set(name, value.slice());
  }

  remove(name: string): boolean {
    const old = this.#values.get(name);
    if (old === undefined) return false;
    this.#account(this.#bytes - old.length - name.length);
    return this.#values.delete(name);
  }

  /** The file is gone. */
  clear(): void {
    this.#values.clear();
    this.#account(0);
  }

  #account(bytes: number): void {
    const held = bytes === 0 ? undefined : this.#frames?.accounts?.object(bytes);
    this.#held?.free();
    this.#held = held;
    this.#bytes = bytes;
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }
}
