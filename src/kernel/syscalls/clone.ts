// System calls that make tasks: fork(2), vfork(2), clone(2) and clone3(2).
import type { Cgroup } from '../cgroup/cgroup.ts';
import { CgroupDirectory } from '../cgroup/cgroup-fs.ts';
import { checkMove } from '../cgroup/core-files.ts';
import { fail } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';
import {
  CLONE_DETACHED,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  type CloneRequest,
  cloneTask,
  FORK,
} from '../task/clone.ts';
import { EVENT_VFORK_DONE, planEvent, TRACE_VFORK_DONE } from '../trace/tracing.ts';
import { BLOCKED, type Call, type CallResult } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { installPidFile } from './pidfds.ts';
import { full, type Implementations } from './table.ts';

function clone(call: Call, request: CloneRequest): CallResult {
  if (call.pending.progress !== undefined) {
    // vfork: the child has its own memory now, or is gone
    const { tid, child } = call.pending.progress as { tid: number; child: { vforkParent: unknown } };
    if (child.vforkParent !== undefined) return call.wait([]);
    planEvent(call.task, EVENT_VFORK_DONE, tid, TRACE_VFORK_DONE);
    return tid;
  }
  const { files } = call.task;
  if (request.flags & CLONE_PIDFD && files.lowestFree() >= openFilesLimit(call)) fail('EMFILE');
  const child = cloneTask(call.kernel, call.task, request);
  const isTraced = child.tracing !== undefined;
  if (request.flags & CLONE_PIDFD) call.writeWord(request.pidfd, installPidFile(call, child.group), 4);
  if (!(request.flags & CLONE_VFORK)) return call.number(child.pid);
  child.vforkParent = call.task;
  call.pending.progress = { tid: call.number(child.pid), child };
  // a parent that is traced first tells of its child
  return isTraced ? BLOCKED : call.wait([]);
}

/** Arguments of clone(2): flags, stack, parent_tid, then child_tid and tls in an order the ABI decides. */
function cloneArguments(call: Call): CloneRequest {
  const flags = call.arg(0);
  const [child, tls] = call.is32 ? [4, 3] : [3, 4];
  if (flags & CLONE_PIDFD && flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)) fail('EINVAL');
  return {
    pidfd: call.arg(2),
    flags: flags & ~0xff,
    exitSignal: flags & 0xff,
    stack: call.arg(1),
    parentTid: call.arg(2),
    childTid: call.arg(child),
    tls: call.arg64(tls),
  };
}

const CLONE_ARGS_SIZE = 64;
const CLONE_ARGS_SIZE_WITH_NUMBERS = 80;
const CLONE_ARGS_SIZE_LARGEST = 88;
/** PID namespaces within each other. */
const MOST_NAMESPACES = 32;
const CLONE_CLEAR_SIGHAND = 2 ** 32;
const CLONE_NEWTIME = 0x80;
const CLONE_INTO_CGROUP = 0x2_0000_0000;

function clone3Arguments(call: Call): CloneRequest {
  const size = call.arg(1);
  if (size > PAGE_SIZE) fail('E2BIG');
  if (size < CLONE_ARGS_SIZE) fail('EINVAL');
  if (
    size > CLONE_ARGS_SIZE_LARGEST &&
    call.read(call.arg(0), size).some((byte, n) => byte && n >= CLONE_ARGS_SIZE_LARGEST)
  )
    fail('E2BIG');
  const view = call.view(call.arg(0), Math.min(size, CLONE_ARGS_SIZE_LARGEST));
  const word = (n: number) => Number(view.getBigUint64(8 * n, true));
  const [allFlags, pidfd, childTid, parentTid, exitSignal, stack, stackSize] = [0, 1, 2, 3, 4, 5, 6].map(
    word,
  ) as number[];
  const has = (flag: number) => Math.floor(allFlags! / flag) % 2 === 1;
  const intoCgroup = has(CLONE_INTO_CGROUP);
  const flags = allFlags! % CLONE_CLEAR_SIGHAND;
  if (allFlags! >= 2 * CLONE_INTO_CGROUP || (intoCgroup && size < CLONE_ARGS_SIZE_LARGEST)) fail('EINVAL');
  if (exitSignal! > 64 || (stack === 0) !== (stackSize === 0)) fail('EINVAL');
  // the low byte is clone(2)'s exit signal, which has a field of its own here
  if (flags & (CLONE_DETACHED | 0xff) && !(flags & CLONE_NEWTIME)) fail('EINVAL');
  if (flags & (CLONE_THREAD | CLONE_PARENT) && exitSignal !== 0) fail('EINVAL');
  if (has(CLONE_CLEAR_SIGHAND) && flags & CLONE_SIGHAND) fail('EINVAL');
  const numbers = size < CLONE_ARGS_SIZE_WITH_NUMBERS ? undefined : chosenNumbers(call, word(8), word(9));
  return {
    flags,
    exitSignal: exitSignal!,
    stack: stack! + stackSize!,
    parentTid: parentTid!,
    childTid: childTid!,
    tls: view.getBigUint64(56, true),
    pidfd: pidfd!,
    clearsHandlers: has(CLONE_CLEAR_SIGHAND),
    ...(numbers === undefined ? {} : { numbers }),
    ...(intoCgroup ? { cgroup: targetCgroup(call, word(10), flags) } : {}),
  };
}

/** The numbers a task is to have. @throws SystemError EINVAL, BadAddress */
function chosenNumbers(call: Call, address: number, count: number): number[] | undefined {
  if (count > MOST_NAMESPACES || (address === 0) !== (count === 0)) fail('EINVAL');
  if (count === 0) return undefined;
  return Array.from({ length: count }, (_, n) => call.readWord(address + 4 * n, 4) | 0);
}

/** The control group of a descriptor, if a task may be started there. @throws SystemError EBADF, EACCES, EBUSY, EOPNOTSUPP */
function targetCgroup(call: Call, fd: number, flags: number): Cgroup {
  const { inode } = call.task.files.get(fd);
  if (!(inode instanceof CgroupDirectory)) return fail('EBADF');
  const { cgroup } = inode;
  const source = call.task.cgroup!;
  if (cgroup.isRemoved) fail('ENODEV');
  checkMove(call.kernel, source, cgroup, call.task);
  cgroup.checkTarget();
  if (flags & CLONE_THREAD && cgroup.domain !== source.domain) fail('EOPNOTSUPP');
  return cgroup;
}

export const cloneCalls: Implementations = {
  fork: full((call) => clone(call, FORK)),
  vfork: full((call) => clone(call, { ...FORK, flags: CLONE_VFORK | CLONE_VM }), { interruption: 'uninterruptible' }),
  clone: full((call) => clone(call, cloneArguments(call)), {
    interruption: 'uninterruptible',
  }),
  clone3: full((call) => clone(call, clone3Arguments(call)), {
    interruption: 'uninterruptible',
  }),
};
