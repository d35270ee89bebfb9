// System calls for files that stand for events: epoll(7), eventfd(2), timerfd_create(2), signalfd(2), memfd_create(2).
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { EpollFile, EPOLLET, EPOLLEXCLUSIVE } from '../fs/anonymous/epoll.ts';
import { EventFile } from '../fs/anonymous/eventfd.ts';
import { SignalFile } from '../fs/anonymous/signalfd.ts';
import { TimerFile } from '../fs/anonymous/timerfd.ts';
import { UNBLOCKABLE } from '../signal/signal-set.ts';
import type { FileDescription } from '../vfs/file.ts';
import type { Call, CallResult } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { F_SEAL_SEAL } from './seals.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat, writeTimespec } from './time.ts';
import { beginWait, endWait, milliseconds, readMask, timespec } from './waiting.ts';

const EFD_SEMAPHORE = 1;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** struct epoll_event is packed: 32 bits of events, 64 bits of data. */
const EPOLL_EVENT_SIZE = 12;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_REALTIME_ALARM = 8;
const CLOCKS = [CLOCK_REALTIME, CLOCK_MONOTONIC, 7, CLOCK_REALTIME_ALARM, 9];
const TFD_TIMER_ABSTIME = 1;

function install(call: Call, file: FileDescription, flags: number): number {
  return call.task.files.install(file, (flags & O_CLOEXEC) !== 0, openFilesLimit(call));
}

function eventfd(call: Call, flags: number): number {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE)) fail('EINVAL');
  const status = O_RDWR | (flags & O_NONBLOCK);
  return install(call, new EventFile(call.kernel.anonymous, status, call.arg(0), (flags & EFD_SEMAPHORE) !== 0), flags);
}

function epollCreate(call: Call, flags: number): number {
  if (flags & ~O_CLOEXEC) fail('EINVAL');
  return install(call, new EpollFile(call.kernel, O_RDWR, call.task.credentials), flags);
}

function epollFile(call: Call): EpollFile {
  const file = call.file(0);
  return file instanceof EpollFile ? file : fail('EINVAL');
}

function epollControl(call: Call): number {
  const [operation, fd, address] = [call.arg(1), call.arg(2), call.arg(3)];
  const target = call.task.files.get(fd);
  const epoll = epollFile(call);
  if (operation === EPOLL_CTL_DEL) {
    epoll.remove(fd, target);
    return 0;
  }
  const view = call.view(address, EPOLL_EVENT_SIZE);
  const events = view.getUint32(0, true);
  const data = view.getBigUint64(4, true);
  if (events & EPOLLEXCLUSIVE && (operation !== EPOLL_CTL_ADD || events & ~(0xffff | EPOLLEXCLUSIVE | EPOLLET)))
    fail('EINVAL');
  if (operation === EPOLL_CTL_ADD) epoll.add(fd, target, events, data);
  else if (operation === EPOLL_CTL_MOD) epoll.modify(fd, target, events, data);
  else fail('EINVAL');
  return 0;
}

function epollWait(call: Call, timeout: () => bigint | undefined, mask: () => bigint | undefined): CallResult {
  const most = call.arg(2);
  if (most <= 0) fail('EINVAL');
  const epoll = epollFile(call);
  const deadline = beginWait(call, timeout, mask);
  const reports = epoll.collect(most);
  if (reports.length === 0 && call.kernel.platform.cycles < deadline) return call.wait([epoll.queue], deadline);
  const bytes = new Uint8Array(reports.length * EPOLL_EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  reports.forEach(({ events, data }, n) => {
    view.setUint32(n * EPOLL_EVENT_SIZE, events, true);
    view.setBigUint64(n * EPOLL_EVENT_SIZE + 4, data, true);
  });
  call.write(call.arg(1), bytes);
  return endWait(call, reports.length);
}

const maskArgument = (call: Call) => () => readMask(call, call.arg(4), call.arg(5));

function timerFile(call: Call): TimerFile {
  const file = call.file(0);
  return file instanceof TimerFile ? file : fail('EINVAL');
}

const isRealtime = (clock: number) => clock === CLOCK_REALTIME || clock === CLOCK_REALTIME_ALARM;

function timerCreate(call: Call): number {
  const [clock, flags] = [call.arg(0), call.arg(1)];
  if (!CLOCKS.includes(clock) || flags & ~(O_CLOEXEC | O_NONBLOCK)) fail('EINVAL');
  const { kernel } = call;
  const { monotonic, boottime } = call.task.namespaces.time;
  const offset = isRealtime(clock) ? kernel.epoch : clock === CLOCK_MONOTONIC ? monotonic : boottime;
  return install(call, new TimerFile(kernel.anonymous, O_RDWR | (flags & O_NONBLOCK), kernel, offset), flags);
}

const timeSize = (call: Call, format: TimeFormat) => 2 * (format === 'wide' ? 8 : call.wordSize);

function writeTimer(call: Call, address: number, timer: TimerFile, format: TimeFormat): void {
  const { left, interval } = timer.value;
  writeTimespec(call, address, interval, format);
  writeTimespec(call, address + timeSize(call, format), left, format);
}

function timerSettime(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const [flags, address] = [call.arg(1), call.arg(2)];
    call.view(address, 2 * timeSize(call, format));
    if (flags & ~3) fail('EINVAL');
    const interval = readTimespec(call, address, format);
    const value = readTimespec(call, address + timeSize(call, format), format);
    const timer = timerFile(call);
    if (call.arg(3) !== 0) writeTimer(call, call.arg(3), timer, format);
    const start = flags & TFD_TIMER_ABSTIME ? value - timer.clockOffset : call.kernel.monotonic + value;
    timer.set(value === 0n ? undefined : start, interval);
    return 0;
  };
}

function timerGettime(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    writeTimer(call, call.arg(1), timerFile(call), format);
    return 0;
  };
}

function signalfd(call: Call, flags: number): number {
  if (call.arg(2) !== 8 || flags & ~(O_CLOEXEC | O_NONBLOCK)) fail('EINVAL');
  const mask = call.view(call.arg(1), 8).getBigUint64(0, true) & ~UNBLOCKABLE;
  const fd = call.arg(0);
  if (fd !== -1) {
    const file = call.task.files.get(fd);
    if (!(file instanceof SignalFile)) return fail('EINVAL');
    file.mask = mask;
    return fd;
  }
  const { kernel } = call;
  return install(
    call,
    new SignalFile(kernel.anonymous, O_RDWR | (flags & O_NONBLOCK), mask, () => kernel.current!),
    flags,
  );
}

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_KNOWN = 0x1f;

function memfdCreate(call: Call): number {
  if (call.arg(1) & ~MFD_KNOWN) fail('EINVAL');
  const name = call.string(call.arg(0), 250, 'EINVAL');
  const { fsuid, fsgid } = call.task.credentials;
  const file = call.kernel.shared.anonymousFile(0o777, { uid: fsuid, gid: fsgid });
  file.seals = call.arg(1) & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
  const opened = file.open(O_RDWR);
  opened.label = `/memfd:${name}`;
  return install(call, opened, call.arg(1) & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

const interruption = 'never';

export const eventCalls: Implementations = {
  eventfd: full((call) => eventfd(call, 0)),
  eventfd2: full((call) => eventfd(call, call.arg(1))),
  epoll_create: full((call) => (call.arg(0) <= 0 ? fail('EINVAL') : epollCreate(call, 0))),
  epoll_create1: full((call) => epollCreate(call, call.arg(0))),
  epoll_ctl: full(epollControl),
  epoll_wait: full((call) => epollWait(call, milliseconds(call, 3), () => undefined), { interruption }),
  epoll_pwait: full((call) => epollWait(call, milliseconds(call, 3), maskArgument(call)), { interruption }),
  epoll_pwait2: full((call) => epollWait(call, timespec(call, 3, 'wide'), maskArgument(call)), { interruption }),
  timerfd_create: full(timerCreate),
  timerfd_settime: full(timerSettime('native')),
  timerfd_settime64: full(timerSettime('wide')),
  timerfd_gettime: full(timerGettime('native')),
  timerfd_gettime64: full(timerGettime('wide')),
  signalfd: full((call) => signalfd(call, 0)),
  signalfd4: full((call) => signalfd(call, call.arg(3))),
  memfd_create: full(memfdCreate),
};
