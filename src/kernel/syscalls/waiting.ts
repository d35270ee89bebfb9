// What calls that wait for files have in common (select(2), poll(2), epoll_wait(2)): a deadline, fixed at the first try, another
// signal mask for as long as they wait, and the time that was left.
import { fail } from '../error.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { UNBLOCKABLE } from '../signal/signal-set.ts';
import type { Call } from './call.ts';
import { readTimespec, type TimeFormat, writeTimespec } from './time.ts';

/** personality(2): what is left of a timeout is not told. */
const STICKY_TIMEOUTS = 0x400_0000;

/** Bytes of the kernel's sigset_t. */
const MASK_SIZE = 8;

interface Waiting {
  /** In cycles. */
  readonly deadline: number;
}

/** The cycle until which the call waits. `timeout` (nanoseconds) and `mask` are read at its first try only. */
export function beginWait(call: Call, timeout: () => bigint | undefined, mask: () => bigint | undefined): number {
  return call.progress<Waiting>(() => {
    const time = timeout();
    const set = mask();
    if (set !== undefined) {
      call.task.savedMask = call.task.blocked;
      call.task.blocked = set & ~UNBLOCKABLE;
    }
    return {
      deadline: time === undefined ? Number.POSITIVE_INFINITY : call.kernel.cyclesAt(call.kernel.monotonic + time),
    };
  }).deadline;
}

/** The call returns: the mask of before comes back. */
export function endWait<T>(call: Call, result: T): T {
  const { task } = call;
  if (task.savedMask !== undefined) {
    task.blocked = task.savedMask;
    task.savedMask = undefined;
  }
  return result;
}

/** Tells a program that waited with a timeout how much of it was left; where that cannot be written, nobody hears of it. */
export function writeTimeLeft(call: Call, address: number, write: (left: bigint) => void): void {
  if (address === 0 || call.pending.progress === undefined || call.task.personality & STICKY_TIMEOUTS) return;
  const { deadline } = call.pending.progress as Waiting;
  const { kernel } = call;
  try {
    write(kernel.nanoseconds(Math.max(0, deadline - kernel.platform.cycles)));
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
}

/** The same for a struct timespec. */
export function writeTimespecLeft(call: Call, address: number, format: TimeFormat): void {
  writeTimeLeft(call, address, (left) => writeTimespec(call, address, left, format));
}

/** A timeout in milliseconds; without end when it is below zero. */
export const milliseconds = (call: Call, n: number) => (): bigint | undefined =>
  call.arg(n) < 0 ? undefined : BigInt(call.arg(n)) * 1_000_000n;

/** A timeout in a struct timespec; without end when there is none. */
export const timespec = (call: Call, n: number, format: TimeFormat) => (): bigint | undefined =>
  call.arg(n) === 0 ? undefined : readTimespec(call, call.arg(n), format);

/** The signal mask at an address, if there is one. @throws SystemError EINVAL for a size that no mask has */
export function readMask(call: Call, address: number, size: number): bigint | undefined {
  if (address === 0) return undefined;
  if (size !== MASK_SIZE) fail('EINVAL');
  return call.view(address, MASK_SIZE).getBigUint64(0, true);
}
