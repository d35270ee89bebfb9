// timerfd_create(2): a timer whose expirations are read.
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import type { Timer } from '../../timers.ts';
import { FileDescription, POLLIN, WouldBlock } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

const WORD = 8;

/** An open timerfd; times in nanoseconds of CLOCK_MONOTONIC. */
export class TimerFile extends FileDescription implements Timer {
  deadline = Number.POSITIVE_INFINITY;
  /** Added to CLOCK_MONOTONIC to give the timer's clock. */
  readonly clockOffset: bigint;
  #expires: bigint | undefined;
  #interval = 0n;
  #expirations = 0n;
  readonly #kernel: Kernel;

  constructor(inode: Inode, flags: number, kernel: Kernel, clockOffset: bigint) {
    super(inode, flags);
    this.#kernel = kernel;
    this.clockOffset = clockOffset;
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  /** Time left and interval. */
  get value(): { left: bigint; interval: bigint } {
    const left = this.#expires === undefined ? 0n : this.#expires - this.#kernel.monotonic;
    return { left: left > 0n ? left : 0n, interval: this.#interval };
  }

  /** Arms the timer for a moment of CLOCK_MONOTONIC; undefined disarms it. */
  set(expires: bigint | undefined, interval: bigint): void {
    this.#kernel.timers.stop(this);
    this.#expirations = 0n;
    this.#interval = interval;
    this.#arm(expires);
  }

  expire(): void {
    this.#expirations++;
    const next = this.#expires! + this.#interval;
    this.#arm(this.#interval === 0n ? undefined : next);
    this.queue.wake();
  }

  override read(into: Uint8Array): number | WouldBlock {
    if (into.length < WORD) return fail('EINVAL');
    if (this.#expirations === 0n) return new WouldBlock(this.queue);
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, this.#expirations, true);
    this.#expirations = 0n;
    return WORD;
  }

  override write(): number {
    return fail('EINVAL');
  }

  override poll(): number {
    return this.#expirations > 0n ? POLLIN : 0;
  }

  override closed(): void {
    this.#kernel.timers.stop(this);
  }

  #arm(expires: bigint | undefined): void {
    this.#expires = expires;
    if (expires === undefined) return;
    this.deadline = this.#kernel.cyclesAt(expires);
    this.#kernel.timers.start(this);
  }
}
