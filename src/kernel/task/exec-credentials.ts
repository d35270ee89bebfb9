// What execve(2) does to the identity of a task: set-user-ID and set-group-ID files, file capabilities, the superuser's
// special treatment, ambient capabilities (capabilities(7) "Transformation of capabilities during execve()").
import { MS_NOSUID } from '../../abi/mount.ts';
import { S_ISGID, S_ISUID } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Path } from '../vfs/path.ts';
import { ALL_CAPABILITIES, CAP_SETUID, CAP_SYS_PTRACE, type Credentials, hasCapability } from '../vfs/permission.ts';
import { SECBIT_KEEP_CAPS, SECBIT_NOROOT } from './credentials.ts';
import { fileCapabilities } from './file-capabilities.ts';
import type { Task } from './task.ts';

/** Identity of a new program. */
export interface ProgramCredentials {
  readonly credentials: Credentials;
  /** The program has rights its caller had not (AT_SECURE). */
  readonly secure: boolean;
}

/** May the file give rights? */
function mayGiveRights({ namespaces, credentials }: Task, { mount }: Path): boolean {
  const { owner } = mount.fs;
  if (mount.flags & MS_NOSUID || mount.namespace !== namespaces.mnt) return false;
  return owner === undefined || owner.contains(credentials.user);
}

/** The IDs of set-user-ID and set-group-ID files. */
function setIdsOf(old: Credentials, { entry }: Path): Pick<Credentials, 'euid' | 'egid'> {
  const { mode, uid, gid } = entry.inode;
  const { user, noNewPrivileges, euid, egid } = old;
  if (noNewPrivileges || !user.has('uid', uid) || !user.has('gid', gid)) return { euid, egid };
  return {
    euid: mode & S_ISUID ? uid : euid,
    egid: (mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) ? gid : egid,
  };
}

/** Credentials of a program. @throws SystemError EPERM when a file's capabilities cannot all be given */
export function credentialsOfProgram(task: Task, path: Path): ProgramCredentials {
  const old = task.credentials;
  const next = { ...old };
  const givesRights = mayGiveRights(task, path);
  if (givesRights) Object.assign(next, setIdsOf(old, path));
  const { root } = old.user;
  const file = givesRights ? fileCapabilities(path.entry.inode, old.user) : undefined;
  let effective = false;
  next.permitted = 0n;
  if (file !== undefined) {
    next.permitted = (old.bounding & file.permitted) | (old.inheritable & file.inheritable);
    effective = file.effective;
    if (effective && file.permitted & ~next.permitted) fail('EPERM');
  }
  const isNamed = (id: number) => root !== undefined && id === root;
  const onlyFile = file !== undefined && !isNamed(next.uid) && isNamed(next.euid);
  if (!(old.securebits & SECBIT_NOROOT) && !onlyFile && (isNamed(next.uid) || isNamed(next.euid))) {
    next.permitted = (old.bounding | old.inheritable) & ALL_CAPABILITIES;
    effective ||= isNamed(next.euid);
  }
  const hasSetIds = next.euid !== old.uid || next.egid !== old.gid;
  limit(task, next, hasSetIds);
  next.suid = next.euid;
  next.fsuid = next.euid;
  next.sgid = next.egid;
  next.fsgid = next.egid;
  if (file !== undefined || hasSetIds) next.ambient = 0n;
  next.permitted |= next.ambient;
  next.effective = effective ? next.permitted : next.ambient;
  next.securebits &= ~SECBIT_KEEP_CAPS;
  const grew = effective || (next.permitted & ~next.ambient) !== 0n;
  return { credentials: next, secure: hasSetIds || (!isNamed(next.uid) && grew) };
}

/**
 * Nothing is gained with no_new_privs, while other processes can change the root directory under the program, or under a tracer
 * that may not trace everybody.
 */
function limit(task: Task, next: Credentials, hasSetIds: boolean): void {
  const { credentials: old, directories, group } = task;
  const sharers = [...group.tasks].filter((member) => member.directories === directories).length;
  const { tracing } = task;
  const isWatched = tracing !== undefined && !hasCapability(tracing.credentials, CAP_SYS_PTRACE, next.user);
  if (!old.noNewPrivileges && directories.users <= sharers && !isWatched) return;
  if (!hasSetIds && !(next.permitted & ~old.permitted)) return;
  if (!hasCapability(next, CAP_SETUID, next.user) || old.noNewPrivileges) {
    next.euid = next.uid;
    next.egid = next.gid;
  }
  next.permitted &= old.permitted;
}
