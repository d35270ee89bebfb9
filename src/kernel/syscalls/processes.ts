// System calls that make, run, end and await processes: fork(2), clone(2), execve(2), exit(2), wait(2), process groups and
// sessions (setpgid(2), setsid(2)).
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_NONBLOCK } from '../../abi/stat.ts';
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
  SIGNAL,
} from '../../abi/signal.ts';
import type { Cgroup } from '../cgroup/cgroup.ts';
import { CgroupDirectory } from '../cgroup/cgroup-fs.ts';
import { checkMove } from '../cgroup/core-files.ts';
import { fail } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';
import { encodeSignalInfo } from '../signal/siginfo.ts';
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
import { execute } from '../task/exec.ts';
import { endProcess, endTask, leaveProcessGroup, reap } from '../task/exit.ts';
import type { ChildEvent, ProcessGroup, Session, ThreadGroup } from '../task/thread-group.ts';
import { EVENT_VFORK_DONE, planEvent, tellsBeforeEnd, TRACE_VFORK_DONE } from '../trace/tracing.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import { resolve } from '../vfs/path.ts';
import { BLOCKED, type Call, type CallResult, NO_RESULT } from './call.ts';
import { nameArgument, openFilesLimit, pathArgument } from './paths.ts';
import { installPidFile, pidFile } from './pidfds.ts';
import { usedByAll, writeResourceUsage } from './resources.ts';
import { full, type Implementations } from './table.ts';

const MOST_STRINGS = 0x7fff;
const MOST_STRING_BYTES = 131072;

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

/** The strings of a NULL-terminated array. @throws SystemError E2BIG */
function stringArray(call: Call, address: number): Uint8Array[] {
  const strings: Uint8Array[] = [];
  if (address === 0) return strings;
  for (let at = address; ; at += call.wordSize) {
    const pointer = call.readWord(at);
    if (pointer === 0) return strings;
    if (strings.length === MOST_STRINGS) fail('E2BIG');
    strings.push(call.bytesOfString(pointer, MOST_STRING_BYTES));
  }
}

function execve(call: Call, name: string, path: ReturnType<typeof resolve>, argv: number, envp: number): CallResult {
  let args = stringArray(call, argv);
  if (args.length === 0) args = [new Uint8Array(0)];
  execute(call.kernel, call.task, path, name, args, stringArray(call, envp));
  return NO_RESULT;
}

const WNOHANG = 1;
const WUNTRACED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const WNOWAIT = 0x0100_0000;
const WNOTHREAD = 0x2000_0000;
const WALL = 0x4000_0000;
const WCLONE = 0x8000_0000;

/** Which children are meant. */
type Selection = (child: Pick<ThreadGroup, 'pid' | 'processGroup'>) => boolean;

/** What wait(2) tells of. */
interface News {
  readonly pid: Pid;
  /** The process; undefined when its end was told before. */
  readonly group: ThreadGroup | undefined;
  readonly event: ChildEvent | { readonly kind: 'trapped'; readonly code: number };
  readonly uid: number;
  /** It has been told. */
  readonly taken: () => void;
}

/** A child with news of a wanted kind. */
function findNews(parent: ThreadGroup, selected: Selection, options: number): News | undefined {
  for (const child of parent.children) {
    const { event } = child;
    if (event === undefined || !hasKind(child, options) || !selected(child)) continue;
    const isEnd = event.kind === 'exited' || event.kind === 'killed';
    if (!(options & (isEnd ? WEXITED : event.kind === 'stopped' ? WUNTRACED : WCONTINUED))) continue;
    const taken = () => {
      if (isEnd) reap(child);
      else child.event = undefined;
    };
    return { pid: child.pid, group: child, event, uid: child.leader.credentials.uid, taken };
  }
  return findTraceNews(parent, selected);
}

/** A traced task that stands still or has ended. */
function findTraceNews(tracer: ThreadGroup, selected: Selection): News | undefined {
  for (const task of tracer.tracees) {
    const tracing = task.tracing!;
    if (tracing.stop === undefined || tracing.isReported || !selected(task.asChild)) continue;
    const taken = () => {
      tracing.isReported = true;
    };
    const { pid, group, credentials } = task;
    return { pid, group, event: { kind: 'trapped', code: tracing.stop.code }, uid: credentials.uid, taken };
  }
  const end = tracer.tracedEnds.find(({ pid, processGroup }) => selected({ pid, processGroup }));
  if (end === undefined) return undefined;
  const taken = () => {
    tracer.tracedEnds.splice(tracer.tracedEnds.indexOf(end), 1);
    end.pid.release();
  };
  return { pid: end.pid, group: undefined, event: end.event, uid: 0, taken };
}

/** True when there is somebody to wait for. */
function hasAny({ children, tracees, tracedEnds }: ThreadGroup, selected: Selection, options: number): boolean {
  if ([...children].some((child) => hasKind(child, options) && selected(child))) return true;
  return [...tracees].some((task) => selected(task.asChild)) || tracedEnds.some(selected);
}

/** Children that send another signal than SIGCHLD when they end are waited for with __WCLONE or __WALL. */
function hasKind({ exitSignal }: ThreadGroup, options: number): boolean {
  if (options & WALL) return true;
  return (exitSignal !== SIGNAL.SIGCHLD) === ((options & WCLONE) !== 0);
}

/** The status word of wait(2). */
export function waitStatus(event: News['event']): number {
  switch (event.kind) {
    case 'exited':
      return (event.status & 0xff) << 8;
    case 'killed':
      return event.signal | (event.core ? 0x80 : 0);
    case 'stopped':
      return 0x7f | (event.signal << 8);
    case 'trapped':
      return 0x7f | (event.code << 8);
    case 'continued':
      return 0xffff;
  }
}

/** Waits for a child; `report` writes what it did. */
function wait(
  call: Call,
  selected: Selection,
  options: number,
  report: (news: News | undefined) => number,
): CallResult {
  const { group } = call.task;
  if (!hasAny(group, selected, options)) fail('ECHILD');
  const news = findNews(group, selected, options);
  if (news === undefined) return options & WNOHANG ? report(undefined) : call.wait([group.childQueue]);
  try {
    return report(news);
  } finally {
    // even when the status cannot be written
    if (!(options & WNOWAIT)) news.taken();
  }
}

function selection(call: Call, pid: number): Selection {
  if (pid === -1) return () => true;
  if (pid > 0) return (child) => call.number(child.pid) === pid;
  const wanted = pid === 0 ? call.number(call.task.group.processGroup.pid) : -pid;
  return ({ processGroup }) => call.number(processGroup.pid) === wanted;
}

function wait4(call: Call, usage: number): CallResult {
  const options = call.arg(2);
  if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WALL | WNOTHREAD | WCLONE)) fail('EINVAL');
  return wait(call, selection(call, call.arg(0)), options | WEXITED, (child) => {
    if (child === undefined) return 0;
    if (call.arg(1) !== 0) call.writeWord(call.arg(1), waitStatus(child.event), 4);
    if (usage !== 0) writeResourceUsage(call, usage, usedByAll(child.group));
    return call.number(child.pid);
  });
}

const CODES: Readonly<Record<News['event']['kind'], number>> = {
  exited: CLD_EXITED,
  killed: CLD_KILLED,
  stopped: CLD_STOPPED,
  continued: CLD_CONTINUED,
  trapped: CLD_TRAPPED,
};

const P_PIDFD = 3;
const WAITID_OPTIONS = WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE;

function waitidSelection(call: Call, type: number, id: number): Selection {
  switch (type) {
    case 0:
      return () => true;
    case 1:
      return id <= 0 ? fail('EINVAL') : selection(call, id);
    case 2:
      return id < 0 ? fail('EINVAL') : selection(call, -id);
    default:
      return fail('EINVAL');
  }
}

/** si_status: how it ended, or the signal. */
function statusOf(event: News['event']): number {
  switch (event.kind) {
    case 'exited':
      return event.status;
    case 'continued':
      return SIGNAL.SIGCONT;
    case 'trapped':
      return event.code;
    default:
      return event.signal;
  }
}

function waitid(call: Call): CallResult {
  const [type, id, info, options] = [call.arg(0), call.arg(1) | 0, call.arg(2), call.arg(3)];
  if (options & ~WAITID_OPTIONS || !(options & (WEXITED | WUNTRACED | WCONTINUED))) fail('EINVAL');
  const file = type === P_PIDFD ? pidFile(call, id) : undefined;
  const selected =
    file === undefined ? waitidSelection(call, type, id) : ({ pid }: { pid: Pid }) => pid === file.group.pid;
  const mayNotWait = ((file?.flags ?? 0) & O_NONBLOCK) !== 0 && !(options & WNOHANG);
  return wait(call, selected, mayNotWait ? options | WNOHANG : options, (child) => {
    if (child === undefined && mayNotWait) fail('EAGAIN');
    if (child !== undefined && call.arg(4) !== 0) writeResourceUsage(call, call.arg(4), usedByAll(child.group));
    if (info !== 0 && child !== undefined) {
      const { event, uid } = child;
      const code = event.kind === 'killed' && event.core ? CLD_DUMPED : CODES[event.kind];
      const status = statusOf(event);
      call.write(info, encodeSignalInfo({ signal: SIGNAL.SIGCHLD, code, pid: child.pid, uid, status }, call.task));
    } else if (info !== 0) call.write(info, new Uint8Array(call.is32 ? 24 : 28));
    return 0;
  });
}

function findGroup(call: Call, pid: number): ThreadGroup {
  if (pid === 0) return call.task.group;
  return call.pids.groups.get(pid) ?? fail('ESRCH');
}

function join(group: ThreadGroup, target: ProcessGroup): void {
  leaveProcessGroup(group);
  group.processGroup = target;
  target.members.add(group);
  target.session.groups.add(target);
}

function setpgid(call: Call): number {
  const group = findGroup(call, call.arg(0));
  const number = call.number(group.pid);
  const id = call.arg(1) === 0 ? number : call.arg(1);
  const own = call.task.group;
  if (id < 0) fail('EINVAL');
  if (group !== own && group.parent !== own) fail('ESRCH');
  if (group !== own && group.executed) fail('EACCES');
  const { session } = group.processGroup;
  if (session !== own.processGroup.session || session.pid === group.pid) fail('EPERM');
  const existing = [...session.groups].find((candidate) => call.number(candidate.pid) === id);
  if (existing === undefined && id !== number) fail('EPERM');
  join(group, existing ?? { pid: group.pid.hold(), session, members: new Set() });
  return 0;
}

function setsid(call: Call): number {
  const { group } = call.task;
  // nor may others still be in the process group it would found
  const isTaken = [...call.pids.groups.values()].some(({ processGroup }) => processGroup.pid === group.pid);
  if (isTaken) fail('EPERM');
  const session: Session = { pid: group.pid.hold(), groups: new Set(), terminal: undefined };
  join(group, { pid: group.pid.hold(), session, members: new Set() });
  return call.number(group.pid);
}

export const processCalls: Implementations = {
  fork: full((call) => clone(call, FORK)),
  vfork: full((call) => clone(call, { ...FORK, flags: CLONE_VFORK | CLONE_VM }), { interruption: 'uninterruptible' }),
  clone: full((call) => clone(call, cloneArguments(call)), {
    interruption: 'uninterruptible',
  }),
  clone3: full((call) => clone(call, clone3Arguments(call)), {
    interruption: 'uninterruptible',
  }),
  execve: full((call) => {
    const name = nameArgument(call, 0);
    return execve(call, name.text, resolve(name.from, name.text), call.arg(1), call.arg(2));
  }),
  execveat: full((call) => {
    if (call.arg(4) & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) fail('EINVAL');
    const path = pathArgument(call, 0, 1, call.arg(4));
    if (path.entry.inode.isSymlink) fail('ELOOP');
    const text = call.path(1);
    const name =
      text.startsWith('/') || call.arg(0) === AT_FDCWD
        ? text
        : `/dev/fd/${call.arg(0)}${text === '' ? '' : `/${text}`}`;
    return execve(call, name, path, call.arg(2), call.arg(3));
  }),
  exit: full(
    (call) => {
      if (tellsBeforeEnd(call.task, (call.arg(0) & 0xff) << 8)) return BLOCKED;
      endTask(call.kernel, call.task, { kind: 'exited', status: call.arg(0) & 0xff });
      return NO_RESULT;
    },
    { interruption: 'uninterruptible' },
  ),
  exit_group: full(
    (call) => {
      if (tellsBeforeEnd(call.task, (call.arg(0) & 0xff) << 8)) return BLOCKED;
      endProcess(call.kernel, call.task.group, { kind: 'exited', status: call.arg(0) & 0xff });
      return NO_RESULT;
    },
    { interruption: 'uninterruptible' },
  ),
  wait4: full((call) => wait4(call, call.arg(3))),
  waitpid: full((call) => wait4(call, 0)),
  waitid: full(waitid),
  getpid: full((call) => call.number(call.task.group.pid)),
  gettid: full((call) => call.task.tid),
  getppid: full((call) => (call.task.group.parent === undefined ? 0 : call.number(call.task.group.parent.pid))),
  setpgid: full(setpgid),
  getpgid: full((call) => call.number(findGroup(call, call.arg(0)).processGroup.pid)),
  getpgrp: full((call) => call.number(call.task.group.processGroup.pid)),
  setsid: full(setsid),
  getsid: full((call) => call.number(findGroup(call, call.arg(0)).processGroup.session.pid)),
  set_tid_address: full((call) => {
    call.task.clearTid = call.arg(0);
    return call.task.tid;
  }),
};
