// Which clock a number means: the fixed ones, and those of the processor time of processes and threads
// (clock_gettime(2), clock_getcpuclockid(3)).
import { fail } from '../error.ts';
import type { CpuTimeKind } from '../task/cpu-timers.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import type { Call } from './call.ts';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_REALTIME_ALARM = 8;
export const CLOCK_BOOTTIME_ALARM = 9;
export const CLOCK_TAI = 11;

/** In the number of a CPU-time clock: a thread's, not a process's; and which time counts. */
const PER_THREAD = 4;
const KIND = 3;
const KIND_VIRTUAL = 1;
const KIND_DESCRIPTOR = 3;

/** A clock that counts processor time. */
export interface CpuClock {
  readonly of: Task | ThreadGroup;
  readonly counts: CpuTimeKind;
}

/** The CPU-time clock of a number; undefined for other clocks. @throws SystemError EINVAL for no such process or thread */
export function cpuClock(call: Call, clock: number): CpuClock | undefined {
  const { task } = call;
  if (clock === CLOCK_PROCESS_CPUTIME_ID) return { of: task.group, counts: 'all' };
  if (clock === CLOCK_THREAD_CPUTIME_ID) return { of: task, counts: 'all' };
  if (clock >= 0 || (clock & KIND) === KIND_DESCRIPTOR) return undefined;
  const counts = (clock & KIND) === KIND_VIRTUAL ? 'user' : 'all';
  const id = ~(clock >> 3);
  if (clock & PER_THREAD) {
    const thread = id === 0 ? task : call.pids.tasks.get(id);
    return thread?.group === task.group ? { of: thread, counts } : fail('EINVAL');
  }
  const group = id === 0 ? task.group : call.pids.groups.get(id);
  return group === undefined ? fail('EINVAL') : { of: group, counts };
}

/** What is to be added to CLOCK_MONOTONIC of the kernel to give a clock. */
export function clockOffset(call: Call, clock: number): bigint {
  const { time } = call.task.namespaces;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
      return call.kernel.epoch;
    case CLOCK_TAI:
      return call.kernel.epoch + BigInt(call.kernel.discipline.tai) * 1_000_000_000n;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
      return time.monotonic;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return time.boottime;
    default:
      return 0n;
  }
}
