// System calls on namespaces: unshare(2), setns(2), sethostname(2), setdomainname(2) (namespaces(7)).
import { fail } from '../error.ts';
import { PidFile } from '../fs/anonymous/pidfd.ts';
import { NsFile } from '../fs/nsfs.ts';
import { enteringUserNamespace, moveDirectories, newNamespaces, newUserNamespace } from '../ns/create.ts';
import type { MountNamespace } from '../ns/mount-namespace.ts';
import { ALL_NAMESPACE_FLAGS, CLONE_NEWNS, CLONE_NEWUSER, type Namespace, NAMESPACE_FLAGS } from '../ns/namespace.ts';
import type { Namespaces } from '../ns/namespaces.ts';
import type { PidNamespace } from '../ns/pid-namespace.ts';
import type { TimeNamespace } from '../ns/time-namespace.ts';
import { UserNamespace } from '../ns/user-namespace.ts';
import type { UtsNamespace } from '../ns/uts-namespace.ts';
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM } from '../task/clone.ts';
import { commitCredentials } from '../task/credentials.ts';
import { mayInspect } from '../task/inspection.ts';
import type { Task } from '../task/task.ts';
import { CAP_SYS_ADMIN, CAP_SYS_CHROOT, type Credentials, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';
import { decodeText } from './text.ts';

const MAY_UNSHARE =
  ALL_NAMESPACE_FLAGS | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_THREAD | CLONE_VM;
const LONGEST_NAME = 64;

/** A task that shares its memory with others cannot stop sharing it, or its signal handlers. */
function checkAlone(task: Task, flags: number): void {
  if (!(flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))) return;
  if (task.group.tasks.size > 1) fail('EINVAL');
  if (flags & (CLONE_SIGHAND | CLONE_VM) && task.memory!.users > 1) fail('EINVAL');
}

function ownDirectories(task: Task): void {
  if (task.directories.users === 1) return;
  task.directories.users--;
  task.directories = { ...task.directories, users: 1 };
}

function ownFiles(task: Task): void {
  if (task.files.users === 1) return;
  task.files.users--;
  task.files = task.files.clone();
}

function unshare(call: Call): number {
  const { kernel, task } = call;
  let flags = call.arg(0);
  if (flags & ~MAY_UNSHARE) fail('EINVAL');
  if (flags & CLONE_NEWUSER) flags |= CLONE_THREAD | CLONE_FS;
  if (flags & CLONE_NEWNS) flags |= CLONE_FS;
  checkAlone(task, flags);
  const credentials = flags & CLONE_NEWUSER ? newUserNamespace(kernel, task) : task.credentials;
  const { namespaces, moved } = newNamespaces(kernel, task, credentials, flags);
  if (flags & CLONE_FS) ownDirectories(task);
  if (flags & CLONE_FILES) ownFiles(task);
  moveDirectories(task.directories, moved);
  if (namespaces !== task.namespaces) task.enterNamespaces(namespaces);
  if (credentials !== task.credentials) commitCredentials(task, credentials);
  return 0;
}

/** What a task will be in when all of setns(2) has succeeded. */
interface Move {
  credentials: Credentials;
  namespaces: Namespaces;
  /** Root and working directory become the root of the mount namespace, even if it is the old one. */
  toRoot: boolean;
}

/** Capabilities that setns(2) wants over a namespace and, except for users, over the caller's own user namespace. */
function checkMayEnter(namespace: Namespace, { credentials }: Move): void {
  if (!hasCapability(credentials, CAP_SYS_ADMIN, namespace.owner)) fail('EPERM');
  if (!hasCapability(credentials, CAP_SYS_ADMIN, credentials.user)) fail('EPERM');
}

function enterUser(task: Task, target: UserNamespace, move: Move): void {
  if (target === move.credentials.user) fail('EINVAL');
  if (task.group.tasks.size > 1 || task.directories.users > 1) fail('EINVAL');
  if (!hasCapability(move.credentials, CAP_SYS_ADMIN, target)) fail('EPERM');
  move.credentials = enteringUserNamespace(move.credentials, target);
}

function enter(task: Task, target: Namespace, move: Move): void {
  if (target instanceof UserNamespace) {
    enterUser(task, target, move);
    return;
  }
  checkMayEnter(target, move);
  const { namespaces } = move;
  switch (target.kind) {
    case 'pid': {
      const pidForChildren = target as PidNamespace;
      if (!namespaces.pid.contains(pidForChildren)) fail('EINVAL');
      move.namespaces = { ...namespaces, pidForChildren };
      return;
    }
    case 'mnt':
      if (!hasCapability(move.credentials, CAP_SYS_CHROOT, move.credentials.user)) fail('EPERM');
      if (task.directories.users > 1) fail('EINVAL');
      move.toRoot = true;
      move.namespaces = { ...namespaces, mnt: target as MountNamespace };
      return;
    case 'time': {
      if (task.group.tasks.size > 1) fail('EUSERS');
      const time = target as TimeNamespace;
      time.isEntered = true;
      move.namespaces = { ...namespaces, time, timeForChildren: time };
      return;
    }
    default:
      move.namespaces = { ...namespaces, [target.kind]: target };
  }
}

/** The namespaces of another process that a mask of flags names, users first. */
function namespacesOf({ namespaces, credentials }: Task, flags: number): Namespace[] {
  const { mnt, uts, ipc, pid, net, time, cgroup } = namespaces;
  const all: Namespace[] = [credentials.user, mnt, uts, ipc, pid, cgroup, net, time];
  return all.filter(({ kind }) => flags & NAMESPACE_FLAGS[kind]);
}

/** Several namespaces of a process at once. @throws SystemError EINVAL, ESRCH, EPERM */
function targetsOfProcess(call: Call, { group }: PidFile, flags: number): Namespace[] {
  if (flags === 0 || flags & ~ALL_NAMESPACE_FLAGS) fail('EINVAL');
  const [target] = group.tasks;
  if (target === undefined) return fail('ESRCH');
  if (!mayInspect(call.task, target, 'real-ids')) fail('EPERM');
  return namespacesOf(target, flags);
}

function targets(call: Call): Namespace[] {
  const file = call.file(0);
  const type = call.arg(1);
  if (file instanceof NsFile) {
    const { namespace } = file;
    return type === 0 || type === NAMESPACE_FLAGS[namespace.kind] ? [namespace] : fail('EINVAL');
  }
  return file instanceof PidFile ? targetsOfProcess(call, file, type) : fail('EINVAL');
}

function setns(call: Call): number {
  const { task } = call;
  const move: Move = { credentials: task.credentials, namespaces: task.namespaces, toRoot: false };
  for (const target of targets(call)) enter(task, target, move);
  const { mnt } = move.namespaces;
  if (move.toRoot) Object.assign(task.directories, { root: mnt.top, directory: mnt.top });
  if (move.namespaces !== task.namespaces) task.enterNamespaces(move.namespaces);
  if (move.credentials !== task.credentials) commitCredentials(task, move.credentials);
  return 0;
}

/** sethostname(2) and setdomainname(2): the names of the namespace, for its owner to set. */
function setName(field: 'hostname' | 'domainname') {
  return full((call) => {
    const { uts } = call.task.namespaces;
    if (!hasCapability(call.task.credentials, CAP_SYS_ADMIN, uts.owner)) fail('EPERM');
    const length = call.arg(1);
    if (length < 0 || length > LONGEST_NAME) fail('EINVAL');
    (uts as UtsNamespace)[field] = decodeText(call.read(call.arg(0), length)).replace(/\0.*$/s, '');
    return 0;
  });
}

export const namespaceCalls: Implementations = {
  unshare: full(unshare),
  setns: full(setns),
  sethostname: setName('hostname'),
  setdomainname: setName('domainname'),
};
