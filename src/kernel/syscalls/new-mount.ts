// Making a mount of a new file system: who may, for which type, and what a less privileged namespace may see
// (user_namespaces(7), mount_namespaces(7)).
import { ACCESS_TIMES, MS_RDONLY } from '../../abi/mount.ts';
import { fail } from '../error.ts';
import { createFileSystem } from '../fs/types.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import { Dentry, Mount } from '../vfs/path.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';

/** What a new mount is made of. */
export interface NewMount {
  readonly type: string;
  readonly source: string;
  readonly data: string;
}

/** File systems whose contents depend on a namespace rather than on a device: any user namespace may mount them. */
const FOR_EVERYBODY = new Set(['proc', 'tmpfs', 'ramfs', 'sysfs', 'cgroup2', 'mqueue', 'devpts', 'overlay']);
/** Those that show facts of the system; a namespace sees no more of them than it saw already. */
const REVEALING = new Set(['proc', 'sysfs']);

/** Makes a file system and a mount of it that is nowhere yet. @throws SystemError ENODEV, EPERM, … */
export function makeMount(call: Call, { type, source, data }: NewMount, flags: number, readOnly: boolean): Mount {
  if (type === '') fail('EINVAL');
  const { kernel, task } = call;
  const { pid, net, ipc, mnt, cgroup } = task.namespaces;
  const owners: Record<string, UserNamespace> = {
    proc: pid.owner,
    sysfs: net.owner,
    mqueue: ipc.owner,
    cgroup2: cgroup.owner,
  };
  const owner = owners[type] ?? call.users;
  const { fs, root } = createFileSystem(type, { kernel, task, source, data });
  if (!hasCapability(task.credentials, CAP_SYS_ADMIN, FOR_EVERYBODY.has(type) ? owner : kernel.users)) fail('EPERM');
  if (owner.parent !== undefined) fs.owner ??= owner;
  const isLimited = mnt.owner.parent !== undefined && REVEALING.has(type);
  const lockedFlags = isLimited ? locksOfVisible(mnt.mounts(), type, flags) : 0;
  if (readOnly) fs.readOnly = true;
  const entry = new Dentry('', undefined, root);
  const mount = new Mount(kernel.nextMountId(), fs, entry, source === '' ? 'none' : source, flags);
  mount.lockedFlags = lockedFlags;
  return mount;
}

/**
 * Flags of a new mount of a revealing type that stay: those locked on one that is fully visible already and no more restricted.
 * @throws SystemError EPERM when none is
 */
function locksOfVisible(mounts: Iterable<Mount>, type: string, wanted: number): number {
  for (const known of mounts) {
    if (known.fs.type !== type || known.root.parent !== undefined) continue;
    if ([...known.mounted.values()].some(({ isLocked, parent }) => isLocked && !isEmptyDirectory(parent!.entry)))
      continue;
    const { flags, fs } = known;
    const locked = fs.readOnly ? known.lockedFlags | MS_RDONLY : known.lockedFlags;
    if (locked & MS_RDONLY && !(wanted & MS_RDONLY)) continue;
    if (locked & ACCESS_TIMES && (flags ^ wanted) & ACCESS_TIMES) continue;
    return locked & (MS_RDONLY | ACCESS_TIMES);
  }
  return fail('EPERM');
}

/** Hiding an empty directory hides nothing. */
function isEmptyDirectory({ inode }: Dentry): boolean {
  return inode.isDirectory && [...inode.entries()].length === 0;
}
