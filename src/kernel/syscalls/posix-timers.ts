// System calls for timers of a process: timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2),
// timer_delete(2).
import { RLIMIT_SIGPENDING } from '../../abi/resource.ts';
import { SIGNAL, SIGNAL_COUNT } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { queuedSignals } from '../signal/send.ts';
import { type Notification, PosixTimer, type TimerClock } from '../task/posix-timer.ts';
import { CAP_WAKE_ALARM, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { clockOffset, cpuClock } from './clocks.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat, writeTimespec } from './time.ts';

const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const SIGEV_THREAD_ID = 4;
const TIMER_ABSTIME = 1;
const ALARM_CLOCKS = [8, 9];
/** Clocks that exist but have no timers: CLOCK_MONOTONIC_RAW and the coarse ones. */
const WITHOUT_TIMERS = [4, 5, 6];
const WITH_TIMERS = [0, 1, 7, 11];

function timerClock(call: Call, clock: number): TimerClock {
  if (WITHOUT_TIMERS.includes(clock)) fail('EOPNOTSUPP');
  if (ALARM_CLOCKS.includes(clock) && !hasCapability(call.task.credentials, CAP_WAKE_ALARM)) fail('EPERM');
  if (WITH_TIMERS.includes(clock) || ALARM_CLOCKS.includes(clock)) return { kind: 'monotonic' };
  const { of, counts } = cpuClock(call, clock) ?? fail('EINVAL');
  return { kind: 'cpu', of, counts };
}

function notification(call: Call, address: number, id: number): Notification {
  if (address === 0) return { signal: SIGNAL.SIGALRM, value: BigInt(id), task: undefined, isSilent: false };
  const word = call.wordSize;
  const view = call.view(address, word + 12);
  const value = word === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  const [signal, notify, tid] = [0, 4, 8].map((at) => view.getInt32(word + at, true)) as [number, number, number];
  if (notify === SIGEV_NONE) return { signal, value, task: undefined, isSilent: true };
  if (![SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID].includes(notify)) fail('EINVAL');
  if (signal < 1 || signal > SIGNAL_COUNT) fail('EINVAL');
  if (notify !== SIGEV_THREAD_ID) return { signal, value, task: undefined, isSilent: false };
  const task = call.pids.tasks.get(tid);
  return task?.group === call.task.group ? { signal, value, task, isSilent: false } : fail('EINVAL');
}

function create(call: Call): number {
  const { kernel, task } = call;
  const { group } = task;
  const clockId = call.arg(0);
  const clock = timerClock(call, clockId);
  const id = group.nextTimerId;
  // each timer keeps a signal for itself
  if (queuedSignals(kernel, group) >= group.limits[RLIMIT_SIGPENDING]!.soft) fail('EAGAIN');
  const timer = new PosixTimer(kernel, group, {
    id,
    clockId,
    clock,
    notification: notification(call, call.arg(1), id),
  });
  call.writeWord(call.arg(2), id, 4);
  group.nextTimerId++;
  group.timers.set(id, timer);
  return 0;
}

function timerArgument(call: Call): PosixTimer {
  return call.task.group.timers.get(call.arg(0)) ?? fail('EINVAL');
}

const timeSize = (call: Call, format: TimeFormat) => 2 * (format === 'wide' ? 8 : call.wordSize);

function writeValue(call: Call, address: number, { value }: PosixTimer, format: TimeFormat): void {
  writeTimespec(call, address, value.interval, format);
  writeTimespec(call, address + timeSize(call, format), value.left, format);
}

function settime(format: TimeFormat): (call: Call) => number {
  return (call) => {
    const [flags, wanted, old] = [call.arg(1), call.arg(2), call.arg(3)];
    if (wanted === 0) fail('EINVAL');
    const interval = readTimespec(call, wanted, format);
    const value = readTimespec(call, wanted + timeSize(call, format), format);
    const timer = timerArgument(call);
    const before = timer.value;
    const start = flags & TIMER_ABSTIME ? value - clockOffset(call, timer.clockId) : timer.now + value;
    timer.set(value === 0n ? undefined : start, interval);
    if (old !== 0) {
      writeTimespec(call, old, before.interval, format);
      writeTimespec(call, old + timeSize(call, format), before.left, format);
    }
    return 0;
  };
}

function gettime(format: TimeFormat): (call: Call) => number {
  return (call) => {
    writeValue(call, call.arg(1), timerArgument(call), format);
    return 0;
  };
}

export const posixTimerCalls: Implementations = {
  timer_create: full(create),
  timer_settime: full(settime('native')),
  timer_settime64: full(settime('wide')),
  timer_gettime: full(gettime('native')),
  timer_gettime64: full(gettime('wide')),
  timer_getoverrun: full((call) => timerArgument(call).overrun),
  timer_delete: full((call) => {
    timerArgument(call).stop();
    call.task.group.timers.delete(call.arg(0));
    return 0;
  }),
};
