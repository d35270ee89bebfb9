// Resource limits and usage: getrlimit(2), prlimit(2), getrusage(2).
import {
  RLIMITS,
  RLIMIT_CORE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RTPRIO,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from '../../abi/resource.ts';
import { fail } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { ResourceLimit, ThreadGroup } from '../task/thread-group.ts';
import { addUsage, noUsage, type Usage } from '../task/usage.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';

/** Bytes of a block that getrusage(2) counts. */
const BLOCK = 512;
/** fs.nr_open (proc(5)). */
const MOST_OPEN_FILES = 1_048_576;
const INFINITY_32 = 0xffff_ffff;
const OLD_INFINITY = 0x7fff_ffff;
const INFINITY_64 = 0xffff_ffff_ffff_ffffn;

/** The limits a new system starts with (getrlimit(2), values of Linux). */
export function defaultLimits(): ResourceLimit[] {
  const unlimited = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
  const limits: ResourceLimit[] = new Array<ResourceLimit>(RLIMITS).fill(unlimited);
  limits[RLIMIT_STACK] = { soft: 8 << 20, hard: Number.POSITIVE_INFINITY };
  limits[RLIMIT_CORE] = { soft: 0, hard: Number.POSITIVE_INFINITY };
  limits[RLIMIT_NPROC] = { soft: 32768, hard: 32768 };
  limits[RLIMIT_NOFILE] = { soft: 1024, hard: MOST_OPEN_FILES };
  limits[RLIMIT_MEMLOCK] = { soft: 8 << 20, hard: 8 << 20 };
  limits[RLIMIT_SIGPENDING] = { soft: 32768, hard: 32768 };
  limits[RLIMIT_MSGQUEUE] = { soft: 819200, hard: 819200 };
  limits[RLIMIT_NICE] = { soft: 0, hard: 0 };
  limits[RLIMIT_RTPRIO] = { soft: 0, hard: 0 };
  return limits;
}

/** What getrusage(2) tells of somebody. */
export interface UsedResources {
  readonly userCycles: number;
  readonly systemCycles: number;
  readonly usage: Usage;
  /** The most pages it had at once. */
  readonly peak: number;
}

const NOTHING_USED: UsedResources = { userCycles: 0, systemCycles: 0, usage: noUsage(), peak: 0 };

/** What the children of a process have used that it has waited for. */
function usedByChildren(group: ThreadGroup): UsedResources {
  const { childUserCycles: userCycles, childSystemCycles: systemCycles, childUsage: usage, childPeak: peak } = group;
  return { userCycles, systemCycles, usage, peak };
}

/** What wait4(2) tells of a child: what it has used, and its own children. */
export function usedByAll(group: ThreadGroup | undefined): UsedResources {
  if (group === undefined) return NOTHING_USED;
  const children = usedByChildren(group);
  return {
    userCycles: group.userCycles + children.userCycles,
    systemCycles: group.systemCycles + children.systemCycles,
    usage: addUsage(group.usage, children.usage),
    peak: Math.max(group.peak, children.peak),
  };
}

/** struct rusage: times, and words behind them; what Linux counts no more is zero. */
export function writeResourceUsage(call: Call, address: number, used: UsedResources): void {
  const words = new Array<number>(18).fill(0);
  [used.userCycles, used.systemCycles].forEach((cycles, n) => {
    const time = call.kernel.nanoseconds(cycles);
    words[2 * n] = Number(time / 1_000_000_000n);
    words[2 * n + 1] = Number((time % 1_000_000_000n) / 1000n);
  });
  const { minorFaults, majorFaults, bytesRead, bytesWritten, waits, preemptions } = used.usage;
  words[4] = used.peak * (PAGE_SIZE / 1024);
  words.splice(8, 2, minorFaults, majorFaults);
  words.splice(11, 2, Math.floor(bytesRead / BLOCK), Math.floor(bytesWritten / BLOCK));
  words.splice(16, 2, waits, preemptions);
  const word = call.wordSize;
  const bytes = new DataView(new ArrayBuffer(18 * word));
  words.forEach((value, n) => {
    if (word === 4) bytes.setInt32(4 * n, value, true);
    else bytes.setBigInt64(8 * n, BigInt(value), true);
  });
  call.write(address, new Uint8Array(bytes.buffer));
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
  if (resource === RLIMIT_NOFILE && limit.hard > MOST_OPEN_FILES) fail('EPERM');
  if (limit.hard > old.hard && !hasCapability(call.task.credentials, CAP_SYS_RESOURCE)) fail('EPERM');
  group.limits[resource] = limit;
  if (resource === RLIMIT_STACK && call.task.memory !== undefined) call.task.memory.stackLimit = limit.soft;
}

/** The limits of others are for their users, and for those with the capability over them. @throws SystemError EPERM */
function checkMayLimit({ task }: Call, group: ThreadGroup): void {
  if (task.group === group) return;
  const { credentials: own } = task;
  const { credentials: other } = group.leader;
  const isSame =
    [other.uid, other.euid, other.suid].every((id) => id === own.uid) &&
    [other.gid, other.egid, other.sgid].every((id) => id === own.gid);
  if (!isSame && !hasCapability(own, CAP_SYS_RESOURCE, other.user)) fail('EPERM');
}

const getrlimit = full((call) => {
  writeWords(call, call.arg(1), limitsOf(call.task.group, call.arg(0)));
  return 0;
});

/** i386's first getrlimit knows no number that has the sign's bit: that was unlimited. */
const oldGetrlimit = full((call) => {
  if (!call.is32) return getrlimit.run(call);
  const { soft, hard } = limitsOf(call.task.group, call.arg(0));
  writeWords(call, call.arg(1), { soft: Math.min(soft, OLD_INFINITY), hard: Math.min(hard, OLD_INFINITY) });
  return 0;
});

const USAGE_CHILDREN = -1;
const USAGE_THREAD = 1;

export const resourceCalls: Implementations = {
  getrlimit: oldGetrlimit,
  ugetrlimit: getrlimit,
  setrlimit: full((call) => {
    setLimit(call, call.task.group, call.arg(0), readWords(call, call.arg(1)));
    return 0;
  }),
  prlimit64: full((call) => {
    const [pid, resource, set, get] = [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];
    const group = pid === 0 ? call.task.group : (call.pids.groups.get(pid) ?? fail('ESRCH'));
    checkMayLimit(call, group);
    const old = limitsOf(group, resource);
    if (set !== 0) setLimit(call, group, resource, readWide(call, set));
    if (get !== 0) writeWide(call, get, old);
    return 0;
  }),
  getrusage: full((call) => {
    const { task } = call;
    const { group } = task;
    const who = call.arg(0);
    if (who < USAGE_CHILDREN || who > USAGE_THREAD) fail('EINVAL');
    if (who === USAGE_CHILDREN) writeResourceUsage(call, call.arg(1), usedByChildren(group));
    else if (who === USAGE_THREAD) {
      const { userCycles, systemCycles, usage } = task;
      writeResourceUsage(call, call.arg(1), { userCycles, systemCycles, usage, peak: group.peak });
    } else writeResourceUsage(call, call.arg(1), group);
    return 0;
  }),
};
