// System calls that run programs and end tasks, and those on who is who: execve(2), exit(2), getpid(2), process groups and sessions
// (setpgid(2), setsid(2)).
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { execute } from '../task/exec.ts';
import { endProcess, endTask, leaveProcessGroup } from '../task/exit.ts';
import type { ProcessGroup, Session, ThreadGroup } from '../task/thread-group.ts';
import { tellsBeforeEnd } from '../trace/tracing.ts';
import { resolve } from '../vfs/path.ts';
import { BLOCKED, type Call, type CallResult, NO_RESULT } from './call.ts';
import { nameArgument, pathArgument } from './path-arguments.ts';
import { full, type Implementations } from './table.ts';

const MOST_STRINGS = 0x7fff;
const MOST_STRING_BYTES = 131072;

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
