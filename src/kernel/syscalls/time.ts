// Times in the memory of programs, clocks and sleeping (clock_gettime(2), nanosleep(2), time(2)).
import { fail } from '../error.ts';
import { usedCycles } from '../task/cpu-timers.ts';
import { CAP_SYS_TIME, hasCapability } from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import {
  CLOCK_MONOTONIC_COARSE,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_THREAD_CPUTIME_ID,
  clockOffset,
  cpuClock,
} from './clocks.ts';
import { getitimer, realTimer, setitimer } from './interval-timers.ts';
import { full, type Implementations } from './table.ts';

/** How seconds and nanoseconds lie in memory: in words of the ABI, or in 64 bits each (the time64 calls of i386). */
export type TimeFormat = 'native' | 'wide';

const SECOND = 1_000_000_000n;

const wordSize = (call: Call, format: TimeFormat): 4 | 8 => (format === 'wide' ? 8 : call.wordSize);

/** A struct timespec that is a duration or a time of a clock, as nanoseconds. @throws SystemError EINVAL */
export function readTimespec(call: Call, address: number, format: TimeFormat): bigint {
  const time = readTimestamp(call, address, format);
  return time < 0n ? fail('EINVAL') : time;
}

/** A struct timespec that may lie before 1970. @throws SystemError EINVAL */
export function readTimestamp(call: Call, address: number, format: TimeFormat): bigint {
  const size = wordSize(call, format);
  const view = call.view(address, 2 * size);
  const seconds = size === 8 ? view.getBigInt64(0, true) : BigInt(view.getInt32(0, true));
  // the upper half of tv_nsec is padding on i386
  const nanoseconds = BigInt(call.is32 ? view.getInt32(size, true) : Number(view.getBigInt64(size, true)));
  if (nanoseconds < 0n || nanoseconds >= SECOND) fail('EINVAL');
  return seconds * SECOND + nanoseconds;
}

/** Nanoseconds as a struct timespec. @throws BadAddress */
export function writeTimespec(call: Call, address: number, time: bigint, format: TimeFormat): void {
  const size = wordSize(call, format);
  call.writeWord(address, time / SECOND, size);
  call.writeWord(address + size, time % SECOND, size);
}

/** A struct timeval as nanoseconds. @throws SystemError EINVAL */
export function readTimeval(call: Call, address: number): bigint {
  const size = call.wordSize;
  const [seconds, microseconds] = [call.readWord(address, size), call.readWord(address + size, size)];
  const signed = (value: number) => (size === 4 ? value | 0 : value);
  if (signed(seconds) < 0 || signed(microseconds) < 0 || microseconds >= 1_000_000) fail('EINVAL');
  return BigInt(seconds) * SECOND + BigInt(microseconds) * 1000n;
}

/** Nanoseconds as a struct timeval. @throws BadAddress */
export function writeTimeval(call: Call, address: number, time: bigint): void {
  const size = call.wordSize;
  call.writeWord(address, time / SECOND, size);
  call.writeWord(address + size, (time % SECOND) / 1000n, size);
}

const TIMER_ABSTIME = 1;
const FIXED_CLOCKS = [0, 1, 4, 5, 6, 7, 8, 9, 11];
/** Clocks that tick with the timer interrupt, 250 times a second. */
const COARSE_CLOCKS = [CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE];
const COARSE_RESOLUTION = 4_000_000n;

/** Time of a clock. @throws SystemError EINVAL */
export function clockTime(call: Call, clock: number): bigint {
  if (FIXED_CLOCKS.includes(clock)) return call.kernel.monotonic + clockOffset(call, clock);
  const { of, counts } = cpuClock(call, clock) ?? fail('EINVAL');
  return call.kernel.nanoseconds(usedCycles(of, counts));
}

/** Sleeps until a moment of CLOCK_MONOTONIC; the rest goes to `remainder` when a signal ends it. */
function sleepUntil(call: Call, wanted: () => bigint): CallResult {
  const until = call.progress(wanted);
  const deadline = call.kernel.cyclesAt(until);
  return call.kernel.platform.cycles >= deadline ? 0 : call.wait([], deadline);
}

const EINTR = -4;
/** Clocks clock_nanosleep(2) knows. */
const SLEEPING_CLOCKS = [0, 1, 7, 8, 9, 11];

function writeRemainder(call: Call, n: number, format: TimeFormat): number {
  const left = (call.pending.progress as bigint) - call.kernel.monotonic;
  if (call.arg(n) !== 0) writeTimespec(call, call.arg(n), left > 0n ? left : 0n, format);
  return EINTR;
}

function clockNanosleep(format: TimeFormat): (call: Call) => CallResult {
  return (call) =>
    sleepUntil(call, () => {
      const time = readTimespec(call, call.arg(2), format);
      const clock = call.arg(0);
      if (clock === CLOCK_THREAD_CPUTIME_ID) fail('EOPNOTSUPP');
      if (!SLEEPING_CLOCKS.includes(clock)) fail(clockTime(call, clock) >= 0n ? 'EOPNOTSUPP' : 'EINVAL');
      const now = clockTime(call, clock);
      return call.kernel.monotonic + (call.arg(1) & TIMER_ABSTIME ? time - now : time);
    });
}

function clockGettime(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    writeTimespec(call, call.arg(1), clockTime(call, call.arg(0)), format);
    return 0;
  };
}

function clockGetres(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    clockTime(call, call.arg(0));
    const resolution = COARSE_CLOCKS.includes(call.arg(0)) ? COARSE_RESOLUTION : 1n;
    if (call.arg(1) !== 0) writeTimespec(call, call.arg(1), resolution, format);
    return 0;
  };
}

/** alarm(2): seconds, rounded up, that were left of the one before. */
function alarm(call: Call): number {
  const timer = realTimer(call);
  const left = Number((timer.value.left + SECOND - 1n) / SECOND);
  timer.set(BigInt(call.arg(0)) * SECOND, 0n);
  return left;
}

/** Sets CLOCK_REALTIME. @throws SystemError EPERM */
function setRealtime(call: Call, time: bigint): number {
  if (!hasCapability(call.task.credentials, CAP_SYS_TIME)) fail('EPERM');
  call.kernel.epoch = time - call.kernel.monotonic;
  return 0;
}

function clockSettime(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const clock = call.arg(0);
    if (clock !== CLOCK_REALTIME) {
      clockTime(call, clock);
      return fail(clock > 0 ? 'EINVAL' : 'EPERM');
    }
    return setRealtime(call, readTimespec(call, call.arg(1), format));
  };
}

const isRelative = (call: Call) => (call.arg(1) & TIMER_ABSTIME) === 0;

export const timeCalls: Implementations = {
  time: full((call) => {
    const seconds = Number(call.kernel.realtime / SECOND);
    if (call.arg(0) !== 0) call.writeWord(call.arg(0), seconds);
    return seconds;
  }),
  gettimeofday: full((call) => {
    if (call.arg(0) !== 0) writeTimeval(call, call.arg(0), call.kernel.realtime);
    if (call.arg(1) !== 0) call.write(call.arg(1), new Uint8Array(8));
    return 0;
  }),
  clock_gettime: full(clockGettime('native')),
  clock_gettime64: full(clockGettime('wide')),
  clock_getres: full(clockGetres('native')),
  clock_getres_time64: full(clockGetres('wide')),
  nanosleep: full((call) => sleepUntil(call, () => call.kernel.monotonic + readTimespec(call, call.arg(0), 'native')), {
    interruption: 'resume',
    interrupted: (call) => writeRemainder(call, 1, 'native'),
  }),
  clock_nanosleep: full(clockNanosleep('native'), {
    interruption: 'resume',
    interrupted: (call) => (isRelative(call) ? writeRemainder(call, 3, 'native') : EINTR),
  }),
  clock_nanosleep_time64: full(clockNanosleep('wide'), {
    interruption: 'resume',
    interrupted: (call) => (isRelative(call) ? writeRemainder(call, 3, 'wide') : EINTR),
  }),
  alarm: full(alarm),
  clock_settime: full(clockSettime('native')),
  clock_settime64: full(clockSettime('wide')),
  settimeofday: full((call) => {
    const [time, zone] = [call.arg(0), call.arg(1)];
    const wanted = time === 0 ? undefined : readTimeval(call, time);
    if (!hasCapability(call.task.credentials, CAP_SYS_TIME)) fail('EPERM');
    if (zone !== 0) call.read(zone, 8);
    return wanted === undefined ? 0 : setRealtime(call, wanted);
  }),
  stime: full((call) => setRealtime(call, BigInt(call.readWord(call.arg(0)) | 0) * SECOND)),
  setitimer: full(setitimer),
  getitimer: full(getitimer),
  times: full((call) => {
    const { group } = call.task;
    const ticks = (cycles: number) => Number(call.kernel.nanoseconds(cycles) / 10_000_000n);
    const address = call.arg(0);
    if (address !== 0) {
      const values = [group.userCycles, group.systemCycles, group.childUserCycles, group.childSystemCycles];
      values.forEach((cycles, n) => {
        call.writeWord(address + n * call.wordSize, ticks(cycles));
      });
    }
    return Number(call.kernel.monotonic / 10_000_000n);
  }),
};
