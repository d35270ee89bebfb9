// futex(2) and the calls around it.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { FutexWaiter } from '../task/futexes.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations, partial } from './table.ts';
import { readTimespec, type TimeFormat } from './time.ts';

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
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
function deadlineOf(call: Call, isAbsolute: boolean, format: TimeFormat): number {
  const address = call.arg(3);
  if (address === 0) return Number.POSITIVE_INFINITY;
  const time = readTimespec(call, address, format);
  if (!isAbsolute) return call.kernel.cyclesAt(call.kernel.monotonic + time);
  const isRealtime = (call.arg(1) & FUTEX_CLOCK_REALTIME) !== 0;
  return call.kernel.cyclesAt(isRealtime ? time - call.kernel.epoch : time);
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

function futex(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const { futexes } = call.kernel;
    const address = call.arg(0);
    const key = () => futexes.key(call.memory, address);
    switch (call.arg(1) & FUTEX_COMMAND) {
      case FUTEX_WAIT:
        return wait(call, ALL_BITS, false, format);
      case FUTEX_WAIT_BITSET:
        return wait(call, call.arg(5), true, format);
      case FUTEX_WAKE:
        return futexes.wake(key(), call.arg(2));
      case FUTEX_WAKE_BITSET:
        return call.arg(5) === 0 ? fail('EINVAL') : futexes.wake(key(), call.arg(2), call.arg(5));
      case FUTEX_WAKE_OP:
        return wakeOp(call);
      case FUTEX_CMP_REQUEUE:
        if (call.readWord(address, 4) !== call.arg(5)) return EAGAIN;
        return requeue(call, true);
      case FUTEX_REQUEUE:
        return requeue(call, false);
      default:
        return fail('ENOSYS');
    }
  };
}

function requeue(call: Call, countsMoved: boolean): number {
  const { futexes } = call.kernel;
  const from = futexes.key(call.memory, call.arg(0));
  const woken = futexes.wake(from, call.arg(2));
  const moved = futexes.requeue(from, futexes.key(call.memory, call.arg(4)), call.arg(3));
  return countsMoved ? woken + moved : woken;
}

function leave(call: Call): undefined {
  const waiting = call.pending.progress as Waiting | undefined;
  if (waiting !== undefined) call.kernel.futexes.leave(waiting.waiter);
}

const note = 'priority-inheritance futexes return ENOSYS';

export const futexCalls: Implementations = {
  futex: partial(note, futex('native'), { interrupted: leave }),
  futex_time64: partial(note, futex('wide'), { interrupted: leave }),
  set_robust_list: full((call) => {
    if (call.arg(1) !== 3 * call.wordSize) fail('EINVAL');
    call.task.robustList = { head: call.arg(0), length: call.arg(1) };
    return 0;
  }),
  get_robust_list: full((call) => {
    const task = call.arg(0) === 0 ? call.task : (call.pids.tasks.get(call.arg(0)) ?? fail('ESRCH'));
    call.writeWord(call.arg(1), task.robustList.head);
    call.writeWord(call.arg(2), 3 * call.wordSize);
    return 0;
  }),
};
