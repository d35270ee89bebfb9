// The three timers of a process: setitimer(2), getitimer(2).
import { SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { CpuIntervalTimer, IntervalTimer } from '../task/interval-timer.ts';
import type { Call } from './call.ts';
import { readTimeval, writeTimeval } from './time.ts';

const ITIMER_REAL = 0;
const ITIMER_VIRTUAL = 1;
const ITIMER_PROF = 2;

/** ITIMER_REAL, which alarm(2) sets as well. */
export function realTimer(call: Call): IntervalTimer {
  const { group } = call.task;
  group.intervalTimer ??= new IntervalTimer(call.kernel, group);
  return group.intervalTimer;
}

function timer(call: Call, which: number): IntervalTimer | CpuIntervalTimer {
  const { group } = call.task;
  switch (which) {
    case ITIMER_REAL:
      return realTimer(call);
    case ITIMER_VIRTUAL:
      group.virtualTimer ??= new CpuIntervalTimer(call.kernel, group, 'user', SIGNAL.SIGVTALRM);
      return group.virtualTimer;
    case ITIMER_PROF:
      group.profilingTimer ??= new CpuIntervalTimer(call.kernel, group, 'all', SIGNAL.SIGPROF);
      return group.profilingTimer;
    default:
      return fail('EINVAL');
  }
}

function write(call: Call, address: number, value: { left: bigint; interval: bigint }): void {
  writeTimeval(call, address, value.interval);
  writeTimeval(call, address + 2 * call.wordSize, value.left);
}

/** A time that is left is never shown as 0, which would mean that the timer is off. */
function shown({ left, interval }: { left: bigint; interval: bigint }): { left: bigint; interval: bigint } {
  return { left: left > 0n && left < 1000n ? 1000n : left, interval };
}

/** getitimer(2). @throws SystemError EINVAL, EFAULT */
export function getitimer(call: Call): number {
  write(call, call.arg(1), shown(timer(call, call.arg(0)).value));
  return 0;
}

/** setitimer(2): without a new value the timer is switched off. @throws SystemError EINVAL, EFAULT */
export function setitimer(call: Call): number {
  const address = call.arg(1);
  const interval = address === 0 ? 0n : readTimeval(call, address);
  const value = address === 0 ? 0n : readTimeval(call, address + 2 * call.wordSize);
  const chosen = timer(call, call.arg(0));
  const old = shown(chosen.value);
  chosen.set(value, interval);
  if (call.arg(2) !== 0) write(call, call.arg(2), old);
  return 0;
}
