// Making namespaces for a task: what clone(2), unshare(2) and setns(2) share.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { NetNamespace } from '../net/namespace.ts';
import type { DirectoryContext, Task } from '../task/task.ts';
import { type Mount, type Path, samePath } from '../vfs/path.ts';
import { ALL_CAPABILITIES, CAP_SETFCAP, CAP_SYS_ADMIN, type Credentials, hasCapability } from '../vfs/permission.ts';
import { CgroupNamespace } from './cgroup-namespace.ts';
import { IpcNamespace } from './ipc-namespace.ts';
import {
  ALL_NAMESPACE_FLAGS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  type Namespace,
  NAMESPACE_FLAGS,
  type NamespaceKind,
} from './namespace.ts';
import type { Namespaces } from './namespaces.ts';
import { PidNamespace } from './pid-namespace.ts';
import { TimeNamespace } from './time-namespace.ts';
import { UserNamespace } from './user-namespace.ts';
import { UtsNamespace } from './uts-namespace.ts';

/** All that a task makes with its own credentials. */
const KINDS = (Object.keys(NAMESPACE_FLAGS) as NamespaceKind[]).filter((kind) => kind !== 'user');

/** Credentials of a task that enters a user namespace: all capabilities there, none outside. */
export function enteringUserNamespace(credentials: Credentials, user: UserNamespace): Credentials {
  return {
    ...credentials,
    user,
    securebits: 0,
    inheritable: 0n,
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    bounding: ALL_CAPABILITIES,
    ambient: 0n,
  };
}

/** Is the root of the task another one than that of its mount namespace? */
function isChrooted(task: Task): boolean {
  return !samePath(task.directories.root, task.namespaces.mnt.top);
}

/** A user namespace below that of the task, and the task's credentials in it. @throws SystemError EPERM, ENOSPC */
export function newUserNamespace(kernel: Kernel, task: Task): Credentials {
  const { credentials } = task;
  const { user, euid, egid } = credentials;
  kernel.namespaceCounts.check(['user'], { user, uid: euid });
  if (isChrooted(task)) fail('EPERM');
  if (!user.has('uid', euid) || !user.has('gid', egid)) fail('EPERM');
  const couldSetFileCapabilities = ((credentials.effective >> BigInt(CAP_SETFCAP)) & 1n) === 1n;
  const maker = { uid: euid, gid: egid, couldSetFileCapabilities };
  const made = new UserNamespace(kernel.nextNamespace(), user, maker);
  return enteringUserNamespace(credentials, kernel.namespaceCounts.add(made, { user, uid: euid }));
}

/** The namespaces that `flags` ask for, and where the mounts of the old one went. */
export interface NewNamespaces {
  readonly namespaces: Namespaces;
  readonly moved: ReadonlyMap<Mount, Mount> | undefined;
}

/** Makes namespaces that belong to the user namespace of `credentials`. @throws SystemError EPERM, EINVAL, ENOSPC */
export function newNamespaces(kernel: Kernel, task: Task, credentials: Credentials, flags: number): NewNamespaces {
  const old = task.namespaces;
  if ((flags & ALL_NAMESPACE_FLAGS & ~CLONE_NEWUSER) === 0) return { namespaces: old, moved: undefined };
  const { user } = credentials;
  if (!hasCapability(credentials, CAP_SYS_ADMIN, user)) fail('EPERM');
  const { namespaceCounts } = kernel;
  const maker = { user, uid: credentials.euid };
  const number = () => kernel.nextNamespace();
  const counted = <T extends Namespace>(namespace: T): T => namespaceCounts.add(namespace, maker);
  // the children of a task that already has another namespace for them would be no children of its own
  if (flags & CLONE_NEWPID && old.pid !== old.pidForChildren) fail('EINVAL');
  namespaceCounts.check(
    KINDS.filter((kind) => flags & NAMESPACE_FLAGS[kind]),
    maker,
  );
  const pidForChildren = flags & CLONE_NEWPID ? counted(new PidNamespace(number(), user, old.pid)) : old.pidForChildren;
  const mounts = flags & CLONE_NEWNS ? old.mnt.copy(kernel, number(), user) : undefined;
  return {
    namespaces: {
      mnt: mounts === undefined ? old.mnt : counted(mounts.copy),
      pid: old.pid,
      pidForChildren,
      uts: flags & CLONE_NEWUTS ? counted(new UtsNamespace(number(), user, old.uts)) : old.uts,
      ipc: flags & CLONE_NEWIPC ? counted(new IpcNamespace(number(), user)) : old.ipc,
      net: flags & CLONE_NEWNET ? counted(new NetNamespace(number(), user)) : old.net,
      cgroup: flags & CLONE_NEWCGROUP ? counted(new CgroupNamespace(number(), user, task.cgroup!)) : old.cgroup,
      time: old.time,
      timeForChildren:
        flags & CLONE_NEWTIME ? counted(new TimeNamespace(number(), user, old.time)) : old.timeForChildren,
    },
    moved: mounts?.to,
  };
}

/** Root and working directory follow their mounts into a copied tree. */
export function moveDirectories(directories: DirectoryContext, moved: ReadonlyMap<Mount, Mount> | undefined): void {
  if (moved === undefined) return;
  const there = ({ mount, entry }: Path): Path => ({ mount: moved.get(mount) ?? mount, entry });
  directories.root = there(directories.root);
  directories.directory = there(directories.directory);
}
