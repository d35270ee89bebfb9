// System calls on processes as open files: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
import { SI_TKILL, SI_USER, SIGNAL_COUNT } from '../../abi/signal.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { PidFile } from '../fs/anonymous/pidfd.ts';
import { GeneratedDirectory } from '../fs/generated.ts';
import { checkQueueRoom, sendSignalToGroup } from '../signal/send.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import { mayInspect } from '../task/inspection.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import { hold } from '../vfs/file.ts';
import type { Call } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { maySignal, queuedSignal } from './signals.ts';
import { full, type Implementations } from './table.ts';

/** The process behind a descriptor. @throws SystemError EBADF when it is no process */
export function pidFile(call: Call, fd: number): PidFile {
  const file = call.task.files.get(fd);
  return file instanceof PidFile ? file : fail('EBADF');
}

/** Whom a signal goes to: a process, which its directory in /proc stands for too. @throws SystemError EBADF */
function receiver(call: Call): ThreadGroup {
  const { inode } = call.file(0);
  const ofDirectory = inode instanceof GeneratedDirectory ? inode.process : undefined;
  return ofDirectory ?? pidFile(call, call.arg(0)).group;
}

/** A descriptor for a process. */
export function installPidFile(call: Call, group: ThreadGroup, flags = 0): number {
  const file = new PidFile(call.kernel.anonymous, O_RDWR | flags, group);
  return call.task.files.install(file, true, openFilesLimit(call));
}

function pidfdOpen(call: Call): number {
  const [pid, flags] = [call.arg(0), call.arg(1)];
  if (flags & ~O_NONBLOCK || pid <= 0) fail('EINVAL');
  const group = call.pids.groups.get(pid);
  // threads that do not lead have no process of their number
  if (group === undefined) return fail(call.pids.tasks.has(pid) ? 'EINVAL' : 'ESRCH');
  return installPidFile(call, group, flags);
}

function sendSignal(call: Call): number {
  const [signal, address] = [call.arg(1), call.arg(2)];
  if (call.arg(3) !== 0) fail('EINVAL');
  const group = receiver(call);
  const info = address === 0 ? ownSignal(call, signal) : queuedSignal(call, signal, address, group);
  if (address !== 0 && call.readWord(address, 4) !== signal) fail('EINVAL');
  if (info.code === SI_TKILL && group !== call.task.group) fail('EPERM');
  if (signal < 0 || signal > SIGNAL_COUNT) fail('EINVAL');
  if (call.number(group.pid) === 0 || !call.pids.groups.has(call.number(group.pid))) fail('ESRCH');
  if (!maySignal(call, group, signal)) fail('EPERM');
  if (address !== 0) checkQueueRoom(call.kernel, group, signal);
  if (signal !== 0) sendSignalToGroup(call.kernel, group, info);
  return 0;
}

function ownSignal({ task }: Call, signal: number): SignalInfo {
  return { signal, code: SI_USER, pid: task.group.pid, uid: task.credentials.uid };
}

function getDescriptor(call: Call): number {
  if (call.arg(2) !== 0) fail('EINVAL');
  const { group } = pidFile(call, call.arg(0));
  const target = [...group.tasks][0] ?? fail('ESRCH');
  if (!mayInspect(call.task, target, 'real-ids')) fail('EPERM');
  const file = target.files.any(call.arg(1));
  return call.task.files.install(hold(file), true, openFilesLimit(call));
}

/** Memory of a process that was killed: it is given back when it is killed, so that nothing is left to be taken. */
function releaseMemory(call: Call): number {
  if (call.arg(1) !== 0) fail('EINVAL');
  const { group } = pidFile(call, call.arg(0));
  return group.tasks.size === 0 ? fail('ESRCH') : fail('EINVAL');
}

export const pidfdCalls: Implementations = {
  pidfd_open: full(pidfdOpen),
  pidfd_send_signal: full(sendSignal),
  pidfd_getfd: full(getDescriptor),
  process_mrelease: full(releaseMemory),
};
