// eventfd(2): a counter that tasks add to and wait for.
import { fail } from '../../error.ts';
import { FileDescription, POLLERR, POLLIN, POLLOUT, WouldBlock } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

const WORD = 8;
const MOST = 0xffff_ffff_ffff_fffen;

/** An open eventfd. */
export class EventFile extends FileDescription {
  counter: bigint;
  readonly isSemaphore: boolean;

  constructor(inode: Inode, flags: number, counter: number, isSemaphore: boolean) {
    super(inode, flags);
    this.counter = BigInt(counter);
    this.isSemaphore = isSemaphore;
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  override read(into: Uint8Array): number | WouldBlock {
    if (into.length < WORD) return fail('EINVAL');
    if (this.counter === 0n) return new WouldBlock(this.queue);
    const taken = this.isSemaphore ? 1n : this.counter;
    this.counter -= taken;
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, taken, true);
    this.queue.wake();
    return WORD;
  }

  override write(from: Uint8Array): number | WouldBlock {
    if (from.length < WORD) return fail('EINVAL');
    const added = new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    if (added > MOST) return fail('EINVAL');
    if (this.counter + added > MOST) return new WouldBlock(this.queue);
    this.counter += added;
    this.queue.wake();
    return WORD;
  }

  /** One more, from the kernel: a counter that is full stays. */
  ring(): void {
    if (this.counter <= MOST) this.counter++;
    this.queue.wake();
  }

  override poll(): number {
    return (this.counter > 0n ? POLLIN : 0) | (this.counter < MOST ? POLLOUT : 0) | (this.counter > MOST ? POLLERR : 0);
  }
}
