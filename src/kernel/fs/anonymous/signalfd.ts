// signalfd(2): pending signals as something to read.
import { fail } from '../../error.ts';
import type { SignalInfo, SignalSet } from '../../signal/signal-set.ts';
import type { Task } from '../../task/task.ts';
import { FileDescription, POLLIN, WouldBlock } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

const SIZE = 128;

/** An open signalfd: it shows the signals of whoever reads it. */
export class SignalFile extends FileDescription {
  mask: SignalSet;
  readonly #reader: () => Task;

  constructor(inode: Inode, flags: number, mask: SignalSet, reader: () => Task) {
    super(inode, flags, reader().group.signalQueue);
    this.mask = mask;
    this.#reader = reader;
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): number {
    return this.offset;
  }

  override read(into: Uint8Array): number | WouldBlock {
    if (into.length < SIZE) return fail('EINVAL');
    const task = this.#reader();
    let at = 0;
    while (at + SIZE <= into.length) {
      const info = task.pending.take(~this.mask) ?? task.group.pending.take(~this.mask);
      if (info === undefined) break;
      into.set(encode(info, task), at);
      at += SIZE;
    }
    return at === 0 ? new WouldBlock(this.queue) : at;
  }

  override write(): number {
    return fail('EINVAL');
  }

  override poll(): number {
    const task = this.#reader();
    return (task.pending.set | task.group.pending.set) & this.mask ? POLLIN : 0;
  }
}

/** struct signalfd_siginfo. */
function encode(info: SignalInfo, task: Task): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, info.signal, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  view.setUint32(12, info.pid?.in(task.namespaces.pid) ?? 0, true);
  view.setUint32(16, task.credentials.user.shown('uid', info.uid ?? 0), true);
  view.setInt32(20, info.poll?.fd ?? 0, true);
  view.setUint32(24, info.timerId ?? 0, true);
  view.setUint32(28, info.poll?.band ?? 0, true);
  view.setUint32(32, info.overrun ?? 0, true);
  view.setInt32(40, info.status ?? 0, true);
  view.setInt32(44, Number(BigInt.asIntN(32, info.value ?? 0n)), true);
  view.setBigUint64(48, BigInt.asUintN(64, info.value ?? 0n), true);
  view.setBigUint64(72, BigInt(info.address ?? 0), true);
  return bytes;
}
