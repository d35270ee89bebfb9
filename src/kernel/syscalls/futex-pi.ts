// Futexes whose word holds the owner's thread ID (futex(2) "Priority-inheritance futexes"): locking, handing over, and
// moving waiters of a condition to its lock. Tasks do not inherit priorities here: the lock goes to who waited longest.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { readUserWord, writeUser } from '../mm/user-memory.ts';
import type { FutexWaiter } from '../task/futexes.ts';
import type { Task } from '../task/task.ts';
import type { Call, CallResult } from './call.ts';

export const FUTEX_WAITERS = 0x8000_0000;
export const FUTEX_OWNER_DIED = 0x4000_0000;
const TID_MASK = 0x3fff_ffff;
const ETIMEDOUT = -110;
const EAGAIN = -11;

/** Waiters of a lock are kept apart from those of the same word as a plain futex. */
const lockKey = (kernel: Kernel, space: AddressSpace, address: number): string =>
  `lock ${kernel.futexes.key(space, address)}`;

function writeFutexWord(space: AddressSpace, address: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  writeUser(space, address, bytes);
}

/** Takes the lock if nobody has it. @throws SystemError EDEADLK, ESRCH when the owner is no task */
function tryLock(call: Call, address: number, task: Task): boolean {
  const word = call.readWord(address, 4);
  const owner = word & TID_MASK;
  if (owner === task.tid) fail('EDEADLK');
  if (owner === 0) {
    writeFutexWord(call.memory, address, ((word & (FUTEX_WAITERS | FUTEX_OWNER_DIED)) | task.tid) >>> 0);
    return true;
  }
  if (!call.pids.tasks.has(owner)) fail('ESRCH');
  return false;
}

interface Locking {
  readonly waiter: FutexWaiter;
  readonly deadline: number;
}

/** FUTEX_LOCK_PI and FUTEX_LOCK_PI2. */
export function lock(call: Call, deadlineOf: () => number): CallResult {
  const { kernel, task } = call;
  const address = call.arg(0);
  if (call.pending.progress === undefined) {
    if (address % 4 !== 0) fail('EINVAL');
    const deadline = deadlineOf();
    if (tryLock(call, address, task)) return 0;
    writeFutexWord(call.memory, address, (call.readWord(address, 4) | FUTEX_WAITERS) >>> 0);
    const waiter = kernel.futexes.wait(task, lockKey(kernel, call.memory, address), 0xffff_ffff);
    call.pending.progress = { waiter, deadline } satisfies Locking;
    return call.wait([waiter.queue], deadline);
  }
  const { waiter, deadline } = call.pending.progress as Locking;
  if (waiter.woken) return 0;
  if (kernel.platform.cycles < deadline) return call.wait([waiter.queue], deadline);
  kernel.futexes.leave(waiter);
  return ETIMEDOUT;
}

/** FUTEX_TRYLOCK_PI. */
export function tryLockOnce(call: Call): number {
  return tryLock(call, call.arg(0), call.task) ? 0 : EAGAIN;
}

/** Gives the lock to the first who waits; `died` marks that its owner ended without unlocking. */
function handOver(kernel: Kernel, space: AddressSpace, address: number, died = 0): void {
  const key = lockKey(kernel, space, address);
  const [next, ...others] = kernel.futexes.waiters(key);
  if (next === undefined) {
    writeFutexWord(space, address, died);
    return;
  }
  writeFutexWord(space, address, next.task.tid | died | (others.length > 0 ? FUTEX_WAITERS : 0));
  kernel.futexes.wakeOne(next);
}

/** FUTEX_UNLOCK_PI. */
export function unlock(call: Call): number {
  const address = call.arg(0);
  if ((call.readWord(address, 4) & TID_MASK) !== call.task.tid) fail('EPERM');
  handOver(call.kernel, call.memory, address);
  return 0;
}

/** FUTEX_CMP_REQUEUE_PI: the first waiter of a condition gets its lock, or all wait for it. */
export function requeueToLock(call: Call): number {
  const { kernel, memory } = call;
  const [from, wakes, moves, to, expected] = [0, 2, 3, 4, 5].map((n) => call.arg(n)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (wakes !== 1 || from === to) fail('EINVAL');
  if (call.readWord(from, 4) !== expected) return EAGAIN;
  const chosen = kernel.futexes.waiters(kernel.futexes.key(memory, from)).slice(0, moves + 1);
  for (const waiter of chosen) {
    const word = readUserWord(memory, to, 4);
    if ((word & TID_MASK) === 0) {
      writeFutexWord(memory, to, waiter.task.tid | (word & FUTEX_OWNER_DIED));
      kernel.futexes.wakeOne(waiter);
    } else {
      writeFutexWord(memory, to, word | FUTEX_WAITERS);
      kernel.futexes.move(waiter, lockKey(kernel, memory, to));
    }
  }
  return chosen.length;
}

const MOST_ROBUST = 2048;

/** A task ends: locks it still holds and has listed are marked and given away (get_robust_list(2)). */
export function releaseRobustLocks(kernel: Kernel, task: Task): void {
  const { memory, robustList } = task;
  if (memory === undefined || robustList.head === 0) return;
  const word = task.context.abi === 'i386' ? 4 : 8;
  const { head } = robustList;
  const raw = readUserWord(memory, head + word, word);
  const offset = word === 4 ? raw | 0 : raw;
  const pending = readUserWord(memory, head + 2 * word, word);
  let entry = readUserWord(memory, head, word);
  for (let count = 0; count < MOST_ROBUST && entry - (entry % 2) !== head; count++) {
    const next = readUserWord(memory, entry - (entry % 2), word);
    if (entry !== pending) releaseLock(kernel, task, entry, offset);
    entry = next;
  }
  if (pending !== 0) releaseLock(kernel, task, pending, offset);
}

/** The lowest bit of an entry says that it is a priority-inheritance futex. */
function releaseLock(kernel: Kernel, task: Task, entry: number, offset: number): void {
  const memory = task.memory!;
  const address = entry - (entry % 2) + offset;
  if (address % 4 !== 0) return;
  const word = readUserWord(memory, address, 4);
  if ((word & TID_MASK) !== task.tid) return;
  if (entry % 2 === 1) handOver(kernel, memory, address, FUTEX_OWNER_DIED);
  else {
    writeFutexWord(memory, address, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
    if (word & FUTEX_WAITERS) kernel.futexes.wake(kernel.futexes.key(memory, address), 1);
  }
}
