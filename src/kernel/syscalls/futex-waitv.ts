// futex_waitv(2): waiting for one of several futexes.
import { fail } from '../error.ts';
import type { FutexWaiter } from '../task/futexes.ts';
import type { Call, CallResult } from './call.ts';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, clockOffset } from './clocks.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec } from './time.ts';

/** struct futex_waitv: value, address, flags, reserved. */
const ENTRY_SIZE = 24;
const MOST_ENTRIES = 128;
const FUTEX_32 = 2;
const FUTEX_PRIVATE = 128;
const EAGAIN = -11;
const ETIMEDOUT = -110;

interface Waiting {
  readonly waiters: readonly FutexWaiter[];
  readonly deadline: number;
}

function entries(call: Call): { value: number; address: number }[] {
  const [address, count] = [call.arg(0), call.arg(1)];
  const view = call.view(address, count * ENTRY_SIZE);
  return Array.from({ length: count }, (_, n) => {
    const at = n * ENTRY_SIZE;
    const flags = view.getUint32(at + 16, true);
    if (flags & ~(FUTEX_32 | FUTEX_PRIVATE) || !(flags & FUTEX_32) || view.getUint32(at + 20, true) !== 0)
      fail('EINVAL');
    const futex = Number(view.getBigUint64(at + 8, true));
    return { value: view.getUint32(at, true), address: futex % 4 === 0 ? futex : fail('EINVAL') };
  });
}

function begin(call: Call): Waiting | undefined {
  const [count, flags, timeout, clock] = [call.arg(1), call.arg(2), call.arg(3), call.arg(4)];
  if (flags !== 0 || count === 0 || count > MOST_ENTRIES || call.arg(0) === 0) fail('EINVAL');
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    if (clock !== CLOCK_MONOTONIC && clock !== CLOCK_REALTIME) fail('EINVAL');
    deadline = call.kernel.cyclesAt(readTimespec(call, timeout, 'wide') - clockOffset(call, clock));
  }
  const list = entries(call);
  const { futexes } = call.kernel;
  if (list.some(({ address, value }) => call.readWord(address, 4) !== value)) return undefined;
  const waiters = list.map(({ address }) => futexes.wait(call.task, futexes.key(call.memory, address), 0xffff_ffff));
  return { waiters, deadline };
}

function leave(call: Call): undefined {
  const waiting = call.pending.progress as Waiting | undefined;
  for (const waiter of waiting?.waiters ?? []) call.kernel.futexes.leave(waiter);
}

function waitv(call: Call): CallResult {
  call.pending.progress ??= begin(call);
  const waiting = call.pending.progress as Waiting | undefined;
  if (waiting === undefined) return EAGAIN;
  const woken = waiting.waiters.findLastIndex((waiter) => waiter.woken);
  if (woken >= 0 || call.kernel.platform.cycles >= waiting.deadline) {
    leave(call);
    return woken >= 0 ? woken : ETIMEDOUT;
  }
  return call.wait(
    waiting.waiters.map(({ queue }) => queue),
    waiting.deadline,
  );
}

export const futexWaitvCalls: Implementations = { futex_waitv: full(waitv, { interrupted: leave }) };
