// Resource limits and usage: getrlimit(2), prlimit(2), getrusage(2), getpriority(2), sched_* (sched(7)).
import { fail } from '../error.ts';
import type { ResourceLimit, ThreadGroup } from '../task/thread-group.ts';
import { CAP_SYS_NICE, CAP_SYS_RESOURCE, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementations, partial } from './table.ts';

export const RLIMIT_STACK = 3;
const LIMITS = 16;
const INFINITY_32 = 0xffff_ffff;
const INFINITY_64 = 0xffff_ffff_ffff_ffffn;

/** The limits a new system starts with (getrlimit(2), values of Linux). */
export function defaultLimits(): ResourceLimit[] {
  const unlimited = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
  const limits: ResourceLimit[] = new Array<ResourceLimit>(LIMITS).fill(unlimited);
  limits[RLIMIT_STACK] = { soft: 8 << 20, hard: Number.POSITIVE_INFINITY };
  limits[4] = { soft: 0, hard: Number.POSITIVE_INFINITY }; // core
  limits[6] = { soft: 32768, hard: 32768 }; // nproc
  limits[7] = { soft: 1024, hard: 1048576 }; // nofile
  limits[8] = { soft: 8 << 20, hard: 8 << 20 }; // memlock
  limits[11] = { soft: 32768, hard: 32768 }; // sigpending
  limits[12] = { soft: 819200, hard: 819200 }; // msgqueue
  limits[13] = { soft: 0, hard: 0 }; // nice
  limits[14] = { soft: 0, hard: 0 }; // rtprio
  return limits;
}

/** struct rusage with the times; the rest is zero. */
export function writeResourceUsage(call: Call, address: number, userCycles: number, systemCycles: number): void {
  const word = call.wordSize;
  call.write(address, new Uint8Array(18 * word));
  [userCycles, systemCycles].forEach((cycles, n) => {
    const time = call.kernel.nanoseconds(cycles);
    call.writeWord(address + 2 * n * word, time / 1_000_000_000n);
    call.writeWord(address + (2 * n + 1) * word, (time % 1_000_000_000n) / 1000n);
  });
}

function limitsOf(group: ThreadGroup, resource: number): ResourceLimit {
  return group.limits[resource] ?? fail('EINVAL');
}

function writeWords(call: Call, address: number, { soft, hard }: ResourceLimit): void {
  [soft, hard].forEach((value, n) => {
    if (call.is32) call.writeWord(address + 4 * n, Math.min(value, INFINITY_32));
    else call.writeWord(address + 8 * n, value === Number.POSITIVE_INFINITY ? INFINITY_64 : value);
  });
}

function writeWide(call: Call, address: number, { soft, hard }: ResourceLimit): void {
  [soft, hard].forEach((value, n) => {
    call.writeWord(address + 8 * n, value === Number.POSITIVE_INFINITY ? INFINITY_64 : value, 8);
  });
}

function readWide(call: Call, address: number): ResourceLimit {
  const view = call.view(address, 16);
  const value = (at: number) => {
    const bits = view.getBigUint64(at, true);
    return bits === INFINITY_64 ? Number.POSITIVE_INFINITY : Number(bits);
  };
  return { soft: value(0), hard: value(8) };
}

function readWords(call: Call, address: number): ResourceLimit {
  if (!call.is32) return readWide(call, address);
  const value = (at: number) => {
    const bits = call.readWord(at, 4);
    return bits === INFINITY_32 ? Number.POSITIVE_INFINITY : bits;
  };
  return { soft: value(address), hard: value(address + 4) };
}

function setLimit(call: Call, group: ThreadGroup, resource: number, limit: ResourceLimit): void {
  const old = limitsOf(group, resource);
  if (limit.soft > limit.hard) fail('EINVAL');
  if (limit.hard > old.hard && !hasCapability(call.task.credentials, CAP_SYS_RESOURCE)) fail('EPERM');
  group.limits[resource] = limit;
  if (resource === RLIMIT_STACK && call.task.memory !== undefined) call.task.memory.stackLimit = limit.soft;
}

const getrlimit = full((call) => {
  writeWords(call, call.arg(1), limitsOf(call.task.group, call.arg(0)));
  return 0;
});

const USAGE_CHILDREN = -1;
const USAGE_THREAD = 1;

export const resourceCalls: Implementations = {
  getrlimit,
  ugetrlimit: getrlimit,
  setrlimit: full((call) => {
    setLimit(call, call.task.group, call.arg(0), readWords(call, call.arg(1)));
    return 0;
  }),
  prlimit64: full((call) => {
    const [pid, resource, set, get] = [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];
    const group = pid === 0 ? call.task.group : (call.pids.groups.get(pid) ?? fail('ESRCH'));
    const old = limitsOf(group, resource);
    if (set !== 0) setLimit(call, group, resource, readWide(call, set));
    if (get !== 0) writeWide(call, get, old);
    return 0;
  }),
  getrusage: partial('only the times are counted', (call) => {
    const { task } = call;
    const { group } = task;
    const who = call.arg(0);
    if (who < USAGE_CHILDREN || who > USAGE_THREAD) fail('EINVAL');
    if (who === USAGE_CHILDREN) writeResourceUsage(call, call.arg(1), group.childUserCycles, group.childSystemCycles);
    else if (who === USAGE_THREAD) writeResourceUsage(call, call.arg(1), task.userCycles, task.systemCycles);
    else writeResourceUsage(call, call.arg(1), group.userCycles, group.systemCycles);
    return 0;
  }),
  getpriority: full((call) => (call.arg(0) > 2 || call.arg(0) < 0 ? fail('EINVAL') : 20 - call.task.nice)),
  setpriority: full((call) => {
    const [which, who, wanted] = [call.arg(0), call.arg(1), call.arg(2)];
    if (which > 2 || which < 0) fail('EINVAL');
    const nice = Math.max(-20, Math.min(19, wanted));
    const group = which === 0 && who !== 0 ? (call.pids.groups.get(who) ?? fail('ESRCH')) : call.task.group;
    for (const task of group.tasks) {
      if (nice < task.nice && !hasCapability(call.task.credentials, CAP_SYS_NICE)) fail('EACCES');
      task.nice = nice;
    }
    return 0;
  }),
  nice: full((call) => {
    const { task } = call;
    const nice = Math.max(-20, Math.min(19, task.nice + call.arg(0)));
    if (nice < task.nice && !hasCapability(task.credentials, CAP_SYS_NICE)) fail('EPERM');
    task.nice = nice;
    return 0;
  }),
  sched_getaffinity: full((call) => {
    if (call.arg(1) < 8 || call.arg(1) % call.wordSize !== 0) fail('EINVAL');
    call.write(call.arg(2), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    return 8;
  }),
  sched_setaffinity: partial('there is one CPU', (call) => (call.read(call.arg(2), 1)[0]! & 1 ? 0 : fail('EINVAL'))),
  sched_getscheduler: full(() => 0),
  sched_getparam: full((call) => {
    call.writeWord(call.arg(1), 0, 4);
    return 0;
  }),
  sched_get_priority_max: full((call) => ([1, 2].includes(call.arg(0)) ? 99 : 0)),
  sched_get_priority_min: full((call) => ([1, 2].includes(call.arg(0)) ? 1 : 0)),
  getcpu: full((call) => {
    for (const n of [0, 1]) if (call.arg(n) !== 0) call.writeWord(call.arg(n), 0, 4);
    return 0;
  }),
};
