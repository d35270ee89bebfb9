// System calls on scheduling: sched_setscheduler(2), sched_setattr(2), sched_setaffinity(2), sched_yield(2), setpriority(2),
// nice(2) (sched(7)). There is one processor.
import { RLIMIT_NICE, RLIMIT_RTPRIO } from '../../abi/resource.ts';
import { fail } from '../error.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import {
  clampNice,
  HIGHEST_REALTIME_PRIORITY,
  isRealtime,
  LOWEST_REALTIME_PRIORITY,
  type Policy,
  POLICY_NUMBERS,
} from '../task/scheduling.ts';
import type { Task } from '../task/task.ts';
import { CAP_SYS_NICE, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementations, partial } from './table.ts';
import { writeTimespec } from './time.ts';

const SCHED_RESET_ON_FORK = 0x4000_0000;
const SCHED_DEADLINE = 6;
/** Flags of struct sched_attr. */
const FLAG_RESET_ON_FORK = 1;
const FLAG_KEEP_POLICY = 8;
const FLAG_KEEP_PARAMETERS = 16;
const KNOWN_FLAGS = 0x7f;
const ATTRIBUTES_SIZE_0 = 48;
const ATTRIBUTES_SIZE = 56;
const LARGEST_ATTRIBUTES = 4096;
/** What getpriority returns instead of a nice value, so that it is never negative. */
const PRIORITY_BASE = 20;

/** What a call asks for. */
interface Wanted {
  readonly policy: Policy;
  readonly priority: number;
  readonly nice: number;
  readonly resetOnFork: boolean;
}

function policyOf(number: number): Policy {
  const found = Object.entries(POLICY_NUMBERS).find(([, value]) => value === number);
  return found === undefined ? fail('EINVAL') : (found[0] as Policy);
}

/** The task of a thread ID; 0 is the caller. @throws SystemError EINVAL, ESRCH */
function findTask(call: Call, tid: number): Task {
  return anyTask(call, tid < 0 ? fail('EINVAL') : tid);
}

/** The same where a negative thread ID is one that nobody has. @throws SystemError ESRCH */
function anyTask(call: Call, tid: number): Task {
  return tid === 0 ? call.task : (call.pids.tasks.get(tid) ?? fail('ESRCH'));
}

/** CAP_SYS_NICE over the system, or over the tasks of a user namespace. */
function isPrivileged(call: Call, over?: UserNamespace): boolean {
  return hasCapability(call.task.credentials, CAP_SYS_NICE, over);
}

function ownsTask({ task: { credentials } }: Call, task: Task): boolean {
  return credentials.euid === task.credentials.euid || credentials.euid === task.credentials.uid;
}

/** RLIMIT_NICE allows nice values from 20 - limit on. */
function mayHaveNice(call: Call, task: Task, nice: number): boolean {
  return nice >= task.nice || PRIORITY_BASE - nice <= task.group.limits[RLIMIT_NICE]!.soft || isPrivileged(call);
}

/** @throws SystemError EPERM */
function checkChange(call: Call, task: Task, wanted: Wanted): void {
  if (isPrivileged(call)) return;
  const { policy, priority } = wanted;
  if (isRealtime(policy)) {
    const most = task.group.limits[RLIMIT_RTPRIO]!.soft;
    if (policy !== task.policy && most === 0) fail('EPERM');
    if (priority > task.priority && priority > most) fail('EPERM');
  } else if (!mayHaveNice(call, task, wanted.nice)) fail('EPERM');
  if (task.policy === 'idle' && policy !== 'idle' && PRIORITY_BASE - task.nice > task.group.limits[RLIMIT_NICE]!.soft)
    fail('EPERM');
  if (!ownsTask(call, task)) fail('EPERM');
  if (task.resetsOnFork && !wanted.resetOnFork) fail('EPERM');
}

function change(call: Call, task: Task, wanted: Wanted): number {
  const { policy, priority } = wanted;
  const isValid = isRealtime(policy)
    ? priority >= LOWEST_REALTIME_PRIORITY && priority <= HIGHEST_REALTIME_PRIORITY
    : priority === 0;
  if (!isValid) fail('EINVAL');
  checkChange(call, task, wanted);
  const { runQueue } = call.kernel;
  const place = runQueue.withdraw(task);
  task.policy = policy;
  task.priority = priority;
  task.resetsOnFork = wanted.resetOnFork;
  if (!isRealtime(policy)) task.nice = wanted.nice;
  task.turnUsed = 0;
  runQueue.restore(task, place);
  return 0;
}

function setScheduler(call: Call): number {
  const [tid, number, parameters] = [call.arg(0), call.arg(1), call.arg(2)];
  if (number < 0 || parameters === 0) fail('EINVAL');
  const priority = call.view(parameters, 4).getInt32(0, true);
  const task = findTask(call, tid);
  const policy = policyOf(number & ~SCHED_RESET_ON_FORK);
  const resetOnFork = (number & SCHED_RESET_ON_FORK) !== 0;
  return change(call, task, { policy, priority, nice: task.nice, resetOnFork });
}

function setParameters(call: Call): number {
  if (call.arg(1) === 0) fail('EINVAL');
  const priority = call.view(call.arg(1), 4).getInt32(0, true);
  const task = findTask(call, call.arg(0));
  return change(call, task, { policy: task.policy, priority, nice: task.nice, resetOnFork: task.resetsOnFork });
}

/** struct sched_attr. @throws SystemError E2BIG when it has parts that are not known here */
function readAttributes(call: Call, address: number): DataView {
  const size = call.readWord(address, 4) || ATTRIBUTES_SIZE_0;
  if (size < ATTRIBUTES_SIZE_0 || size > LARGEST_ATTRIBUTES) {
    call.writeWord(address, ATTRIBUTES_SIZE, 4);
    fail('E2BIG');
  }
  const bytes = call.read(address, size);
  if (bytes.subarray(ATTRIBUTES_SIZE).some((byte) => byte !== 0)) {
    call.writeWord(address, ATTRIBUTES_SIZE, 4);
    fail('E2BIG');
  }
  const padded = new Uint8Array(ATTRIBUTES_SIZE);
  padded.set(bytes.subarray(0, ATTRIBUTES_SIZE));
  return new DataView(padded.buffer);
}

function setAttributes(call: Call): number {
  const [tid, address, flags] = [call.arg(0), call.arg(1), call.arg(2)];
  if (address === 0 || tid < 0 || flags !== 0) fail('EINVAL');
  const view = readAttributes(call, address);
  const options = Number(view.getBigUint64(8, true));
  if (view.getInt32(4, true) < 0 || options > KNOWN_FLAGS) fail('EINVAL');
  const task = findTask(call, tid);
  const keeps = (options & FLAG_KEEP_PARAMETERS) !== 0;
  // deadline scheduling needs a promise about the time of all others
  if (view.getUint32(4, true) === SCHED_DEADLINE && !(options & FLAG_KEEP_POLICY)) fail('EOPNOTSUPP');
  return change(call, task, {
    policy: options & FLAG_KEEP_POLICY ? task.policy : policyOf(view.getUint32(4, true)),
    priority: keeps ? task.priority : view.getUint32(20, true),
    nice: keeps ? task.nice : clampNice(view.getInt32(16, true)),
    resetOnFork: (options & FLAG_RESET_ON_FORK) !== 0,
  });
}

function getAttributes(call: Call): number {
  const [tid, address, size, flags] = [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];
  if (address === 0 || size < ATTRIBUTES_SIZE_0 || size > LARGEST_ATTRIBUTES || flags !== 0) fail('EINVAL');
  const task = findTask(call, tid);
  const bytes = new Uint8Array(Math.min(size, ATTRIBUTES_SIZE));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, POLICY_NUMBERS[task.policy], true);
  view.setBigUint64(8, task.resetsOnFork ? 1n : 0n, true);
  if (isRealtime(task.policy)) view.setUint32(20, task.priority, true);
  else view.setInt32(16, task.nice, true);
  call.write(address, bytes);
  return 0;
}

function interval(wide: boolean): (call: Call) => number {
  return (call) => {
    const task = findTask(call, call.arg(0));
    const { slice, turn } = call.kernel.runQueue;
    const cycles = task.policy === 'fifo' ? 0 : task.policy === 'rr' ? turn : slice;
    writeTimespec(call, call.arg(1), call.kernel.nanoseconds(cycles), wide ? 'wide' : 'native');
    return 0;
  };
}

const MASK_WORD = 8;

function getAffinity(call: Call): number {
  const size = call.arg(1);
  if (size < 1 || size % call.wordSize !== 0) fail('EINVAL');
  anyTask(call, call.arg(0));
  const bytes = new Uint8Array(Math.min(size, MASK_WORD));
  bytes[0] = 1;
  call.write(call.arg(2), bytes);
  return bytes.length;
}

function setAffinity(call: Call): number {
  const size = call.arg(1);
  const first = size === 0 ? 0 : call.read(call.arg(2), Math.min(size, MASK_WORD))[0]!;
  const task = anyTask(call, call.arg(0));
  if (!ownsTask(call, task) && !isPrivileged(call, task.credentials.user)) fail('EPERM');
  return first & 1 ? 0 : fail('EINVAL');
}

const [PRIO_PROCESS, PRIO_PGRP, PRIO_USER] = [0, 1, 2] as const;

/** The tasks that getpriority and setpriority mean. @throws SystemError ESRCH */
function priorityTasks(call: Call): Task[] {
  const [which, who] = [call.arg(0), call.arg(1)];
  const { task, pids } = call;
  if (which < PRIO_PROCESS || which > PRIO_USER) fail('EINVAL');
  if (which === PRIO_PROCESS) return [anyTask(call, who)];
  const own = which === PRIO_PGRP ? call.number(task.group.processGroup.pid) : task.credentials.uid;
  const given = which === PRIO_PGRP ? who : (call.users.outside('uid', who) ?? fail('ESRCH'));
  const wanted = who === 0 ? own : given;
  const found = [...pids.tasks.values()].filter(
    ({ group, credentials }) =>
      (which === PRIO_PGRP ? call.number(group.processGroup.pid) : credentials.uid) === wanted,
  );
  return found.length === 0 ? fail('ESRCH') : found;
}

function setPriority(call: Call): number {
  const nice = clampNice(call.arg(2));
  for (const task of priorityTasks(call)) {
    if (!ownsTask(call, task) && !isPrivileged(call, task.credentials.user)) fail('EPERM');
    if (!mayHaveNice(call, task, nice)) fail('EACCES');
    task.nice = nice;
  }
  return 0;
}

function priorityLimit(limit: number): (call: Call) => number {
  return (call) => {
    const number = call.arg(0);
    if (number === SCHED_DEADLINE) return 0;
    return isRealtime(policyOf(number)) ? limit : 0;
  };
}

export const schedulingCalls: Implementations = {
  sched_yield: full((call) => {
    call.kernel.runQueue.yield();
    return 0;
  }),
  sched_setscheduler: partial('no SCHED_DEADLINE', setScheduler),
  sched_getscheduler: full((call) => {
    const task = findTask(call, call.arg(0));
    return POLICY_NUMBERS[task.policy] | (task.resetsOnFork ? SCHED_RESET_ON_FORK : 0);
  }),
  sched_setparam: full(setParameters),
  sched_getparam: full((call) => {
    if (call.arg(1) === 0) fail('EINVAL');
    call.writeWord(call.arg(1), findTask(call, call.arg(0)).priority, 4);
    return 0;
  }),
  sched_setattr: partial('SCHED_DEADLINE fails with EOPNOTSUPP', setAttributes),
  sched_getattr: full(getAttributes),
  sched_get_priority_max: full(priorityLimit(HIGHEST_REALTIME_PRIORITY)),
  sched_get_priority_min: full(priorityLimit(LOWEST_REALTIME_PRIORITY)),
  sched_rr_get_interval: full(interval(false)),
  sched_rr_get_interval_time64: full(interval(true)),
  sched_getaffinity: full(getAffinity),
  sched_setaffinity: partial('there is one CPU', setAffinity),
  getcpu: full((call) => {
    for (const n of [0, 1]) if (call.arg(n) !== 0) call.writeWord(call.arg(n), 0, 4);
    return 0;
  }),
  getpriority: full((call) => PRIORITY_BASE - Math.min(...priorityTasks(call).map(({ nice }) => nice))),
  setpriority: full(setPriority),
  nice: full((call) => {
    const { task } = call;
    const nice = clampNice(task.nice + call.arg(0));
    if (!mayHaveNice(call, task, nice)) fail('EPERM');
    task.nice = nice;
    return 0;
  }),
};
