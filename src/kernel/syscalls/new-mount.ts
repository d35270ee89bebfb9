// Making a mount of a new file system: who may, for which type, and what a less privileged namespace may see
// (user_namespaces(7), mount_namespaces(7)).
import { fail } from '../error.ts';
import { createFileSystem } from '../fs/types.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import { Dentry, Mount, MS_NOATIME, MS_NODIRATIME, MS_RDONLY, MS_RELATIME } from '../vfs/path.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';

const ACCESS_TIMES = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

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
export function makeMount(call: Call, { type, source, data }: NewMount, given: number, readOnly: boolean): Mount {
  if (type === '') fail('EINVAL');
  const { kernel, task } = call;
  const { pid, net, ipc, mnt } = task.namespaces;
  const owners: Record<string, UserNamespace> = { proc: pid.owner, sysfs: net.owner, mqueue: ipc.owner };
  const owner = owners[type] ?? call.users;
  const { fs, root } = createFileSystem(type, { kernel, task, source, data });
  if (!hasCapability(task.credentials, CAP_SYS_ADMIN, FOR_EVERYBODY.has(type) ? owner : kernel.users)) fail('EPERM');
  if (owner.parent !== undefined) fs.owner ??= owner;
  let flags = given;
  if (mnt.owner.parent !== undefined && REVEALING.has(type)) flags |= visibleFlags(mnt.mounts(), type, flags);
  if (readOnly) fs.readOnly = true;
  const entry = new Dentry('', undefined, root);
  return new Mount(kernel.nextMountId(), fs, entry, source === '' ? 'none' : source, flags);
}

/**
 * Flags that a new mount of a revealing type must have: those locked on one that is fully visible already.
 * @throws SystemError EPERM when none is
 */
function visibleFlags(mounts: Iterable<Mount>, type: string, wanted: number): number {
  for (const known of mounts) {
    if (known.fs.type !== type || known.root.parent !== undefined) continue;
    if ([...known.mounted.values()].some(({ isLocked, parent }) => isLocked && !isEmptyDirectory(parent!.entry)))
      continue;
    if (known.lockedFlags & MS_RDONLY && !(wanted & MS_RDONLY)) continue;
    return known.lockedFlags & (MS_RDONLY | ACCESS_TIMES) & known.flags;
  }
  return fail('EPERM');
}

/** Hiding an empty directory hides nothing. */
function isEmptyDirectory({ inode }: Dentry): boolean {
  return inode.isDirectory && [...inode.entries()].length === 0;
}
