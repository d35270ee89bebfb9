// futex(2) and the calls around it.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { mayInspect } from '../task/inspection.ts';
import type { FutexWaiter } from '../task/futexes.ts';
import type { Call, CallResult } from './call.ts';
import { lock, requeueToLock, tryLockOnce, unlock } from './futex-pi.ts';
import { full, type Implementations, partial } from './table.ts';
import { readTimespec, type TimeFormat } from './time.ts';

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_LOCK_PI = 6;
const FUTEX_UNLOCK_PI = 7;
const FUTEX_TRYLOCK_PI = 8;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
const FUTEX_WAIT_REQUEUE_PI = 11;
const FUTEX_CMP_REQUEUE_PI = 12;
const FUTEX_LOCK_PI2 = 13;
const FUTEX_PRIVATE_FLAG = 0x80;
const FUTEX_COMMAND = 0x7f;
const FUTEX_CLOCK_REALTIME = 0x100;
const ETIMEDOUT = -110;
const EAGAIN = -11;
const ALL_BITS = 0xffff_ffff;

/** Wakes waiters of a word; used when a thread ends, too. */
export function wakeFutex(kernel: Kernel, space: AddressSpace, address: number, count: number): number {
  return kernel.futexes.wake(kernel.futexes.key(space, address), count);
}

interface Waiting {
  readonly waiter: FutexWaiter;
  readonly deadline: number;
}

/** Cycles at which the wait ends: relative for FUTEX_WAIT, absolute for FUTEX_WAIT_BITSET. */
function deadlineOf(call: Call, isAbsolute: boolean, format: TimeFormat, always = false): number {
  const address = call.arg(3);
  if (address === 0) return Number.POSITIVE_INFINITY;
  const time = readTimespec(call, address, format);
  if (!isAbsolute) return call.kernel.cyclesAt(call.kernel.monotonic + time);
  const isRealtime = always || (call.arg(1) & FUTEX_CLOCK_REALTIME) !== 0;
  return call.kernel.cyclesAt(time - (isRealtime ? call.kernel.epoch : call.task.namespaces.time.monotonic));
}

function wait(call: Call, bits: number, isAbsolute: boolean, format: TimeFormat): CallResult {
  const { kernel, task } = call;
  const { futexes } = kernel;
  if (call.pending.progress === undefined) {
    const address = call.arg(0);
    if (address % 4 !== 0 || bits === 0) fail('EINVAL');
    const deadline = deadlineOf(call, isAbsolute, format);
    if (call.readWord(address, 4) !== call.arg(2)) return EAGAIN;
    const waiter = futexes.wait(task, futexes.key(call.memory, address), bits);
    return call.wait([call.progress<Waiting>(() => ({ waiter, deadline })).waiter.queue], deadline);
  }
  const { waiter, deadline } = call.pending.progress as Waiting;
  if (waiter.woken) return 0;
  if (kernel.platform.cycles < deadline) return call.wait([waiter.queue], deadline);
  futexes.leave(waiter);
  return ETIMEDOUT;
}

/** FUTEX_WAKE_OP: changes a word, wakes, and wakes others if the old value compares. */
function wakeOp(call: Call): number {
  const [first, second, code] = [call.arg(0), call.arg(4), call.arg(5)];
  const [op, compare] = [(code >>> 28) & 15, (code >>> 24) & 15];
  const operand = (code << 8) >> 20;
  const argument = op & 8 ? 1 << (operand & 31) : operand;
  const limit = (code << 20) >> 20;
  const old = call.readWord(second, 4) | 0;
  const values = [argument, old + argument, old | argument, old & ~argument, old ^ argument];
  const value = values[op & 7];
  const holds = [old === limit, old !== limit, old < limit, old <= limit, old > limit, old >= limit][compare];
  if (value === undefined || holds === undefined) return fail('ENOSYS');
  call.writeWord(second, value, 4);
  const { futexes } = call.kernel;
  let woken = futexes.wake(futexes.key(call.memory, first), call.arg(2));
  if (holds) woken += futexes.wake(futexes.key(call.memory, second), call.arg(3));
  return woken;
}

/** A word of a futex: its address is checked as Linux does. @throws SystemError EINVAL, BadAddress */
function keyOf(call: Call, address: number): string {
  if (address % 4 !== 0) fail('EINVAL');
  if (address + 4 > call.memory.end) throw new BadAddress();
  // a shared word is known by its page, which has to be there
  if (!(call.arg(1) & FUTEX_PRIVATE_FLAG)) call.readWord(address, 4);
  return call.kernel.futexes.key(call.memory, address);
}

/** Operations that may ask for CLOCK_REALTIME. */
const WITH_CLOCK = [FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2];

function futex(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const { futexes } = call.kernel;
    const address = call.arg(0);
    const operation = call.arg(1) & FUTEX_COMMAND;
    if (call.arg(1) & FUTEX_CLOCK_REALTIME && !WITH_CLOCK.includes(operation)) fail('ENOSYS');
    switch (operation) {
      case FUTEX_WAIT:
        return wait(call, ALL_BITS, false, format);
      case FUTEX_WAIT_BITSET:
        return wait(call, call.arg(5), true, format);
      case FUTEX_WAIT_REQUEUE_PI:
        return wait(call, ALL_BITS, true, format);
      case FUTEX_WAKE:
        return futexes.wake(keyOf(call, address), Math.max(1, call.arg(2) | 0));
      case FUTEX_WAKE_BITSET:
        if (call.arg(5) === 0) fail('EINVAL');
        return futexes.wake(keyOf(call, address), Math.max(1, call.arg(2) | 0), call.arg(5));
      case FUTEX_WAKE_OP:
        return wakeOp(call);
      case FUTEX_CMP_REQUEUE:
      case FUTEX_REQUEUE:
        return requeue(call, operation === FUTEX_CMP_REQUEUE);
      case FUTEX_LOCK_PI:
        return lock(call, () => deadlineOf(call, true, format, true));
      case FUTEX_LOCK_PI2:
        return lock(call, () => deadlineOf(call, true, format));
      case FUTEX_TRYLOCK_PI:
        return tryLockOnce(call);
      case FUTEX_UNLOCK_PI:
        return unlock(call);
      case FUTEX_CMP_REQUEUE_PI:
        return requeueToLock(call);
      default:
        return fail('ENOSYS');
    }
  };
}

function requeue(call: Call, compares: boolean): number {
  const { futexes } = call.kernel;
  // how many to move takes the place of a pointer
  const most = Number(BigInt.asIntN(32, call.arg64(3)));
  if ((call.arg(2) | 0) < 0 || most < 0) fail('EINVAL');
  const [from, to] = [keyOf(call, call.arg(0)), keyOf(call, call.arg(4))];
  if (compares && call.readWord(call.arg(0), 4) !== call.arg(5)) return EAGAIN;
  const woken = futexes.wake(from, call.arg(2));
  const moved = futexes.requeue(from, to, most);
  return compares ? woken + moved : woken;
}

function leave(call: Call): undefined {
  const waiting = call.pending.progress as Waiting | undefined;
  if (waiting !== undefined) call.kernel.futexes.leave(waiting.waiter);
}

export const futexCalls: Implementations = {
  futex: partial('waiters do not lend their priority to the owner of a lock', futex('native'), { interrupted: leave }),
  futex_time64: partial('waiters do not lend their priority to the owner of a lock', futex('wide'), {
    interrupted: leave,
  }),
  set_robust_list: full((call) => {
    if (call.arg(1) !== 3 * call.wordSize) fail('EINVAL');
    call.task.robustList = { head: call.arg(0), length: call.arg(1) };
    return 0;
  }),
  get_robust_list: full((call) => {
    const task = call.arg(0) === 0 ? call.task : (call.pids.tasks.get(call.arg(0)) ?? fail('ESRCH'));
    if (!mayInspect(call.task, task, 'real-ids')) fail('EPERM');
    call.writeWord(call.arg(2), 3 * call.wordSize);
    call.writeWord(call.arg(1), task.robustList.head);
    return 0;
  }),
};
