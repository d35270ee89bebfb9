// Changing the tree of mounts: mount(2), umount2(2), pivot_root(2) (mount_namespaces(7), user_namespaces(7) "Interaction
// with other namespaces").
import {
  ACCESS_TIMES,
  MS_RDONLY,
  MS_NOSUID,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSYMFOLLOW,
  MS_NOATIME,
  MS_RELATIME,
} from '../../abi/mount.ts';
import { fail } from '../error.ts';
import { NsInode } from '../fs/nsfs.ts';
import type { Task } from '../task/task.ts';
import type { FileSystem } from '../vfs/inode.ts';
import {
  attachTree,
  copyTree,
  hasLockedBelow,
  makePrivate,
  makeShared,
  makeSlave,
  makeUnbindable,
  moveQuietly,
  propagatedBusy,
  removeTree,
  treeOf,
} from '../vfs/mount-tree.ts';
import { type Dentry, type Mount, type Path, resolve, samePath, throughMounts } from '../vfs/path.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { makeMount, type NewMount } from './new-mount.ts';
import { nameArgument } from './path-arguments.ts';
import { full, type Implementations } from './table.ts';

const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_MOVE = 8192;
const MS_REC = 16384;
const MS_SILENT = 32768;
const MS_UNBINDABLE = 1 << 17;
const MS_PRIVATE = 1 << 18;
const MS_SLAVE = 1 << 19;
const MS_SHARED = 1 << 20;
const MS_STRICTATIME = 1 << 24;
const MS_PROPAGATION = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;
/** Once in the upper half of the flags of every mount. */
const MS_MAGIC = 0xc0ed_0000;
const MS_MAGIC_MASK = 0xffff_0000;
/** Flags of one mount rather than of a file system. */
const PER_MOUNT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | ACCESS_TIMES;
const LOCKABLE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
const MNT_FORCE = 1;
const MNT_DETACH = 2;
const MNT_EXPIRE = 4;
const UMOUNT_NOFOLLOW = 8;

const optional = (call: Call, n: number): string => (call.arg(n) === 0 ? '' : call.path(n));

/** The tree belongs to the user namespace that owns the mount namespace. @throws SystemError EPERM */
export function checkMayMount(call: Call): void {
  if (!hasCapability(call.task.credentials, CAP_SYS_ADMIN, call.task.namespaces.mnt.owner)) fail('EPERM');
}

/** The same for changes to it, which Landlock forbids whoever restricts itself (landlock(7)). @throws SystemError EPERM */
export function checkMayChangeTree(call: Call): void {
  if (call.task.credentials.landlock !== undefined) fail('EPERM');
  checkMayMount(call);
}

/** It is part of the caller's tree. */
export const isOwn = (call: Call, mount: Mount) => mount.namespace === call.task.namespaces.mnt;
/** It is part of a tree that is nowhere yet. */
export function isInDetached(mount: Mount): boolean {
  return mount.parent === undefined ? mount.isDetached : isInDetached(mount.parent.mount);
}
export const isRoot = ({ mount, entry }: Path) => mount.root === entry;

function checkOwnRoot(call: Call, path: Path): void {
  if (!isRoot(path) || !isOwn(call, path.mount)) fail('EINVAL');
}

/** The mount's own flags that flags of mount(2) ask for. */
function mountFlags(flags: number, old?: number): number {
  const times = ACCESS_TIMES | MS_STRICTATIME;
  let wanted = flags & PER_MOUNT & ~MS_RELATIME;
  if (old !== undefined && !(flags & times)) return (wanted & ~ACCESS_TIMES) | (old & ACCESS_TIMES);
  if (!(flags & MS_NOATIME)) wanted |= MS_RELATIME;
  if (flags & MS_STRICTATIME) wanted &= ~(MS_RELATIME | MS_NOATIME);
  return wanted;
}

function mount(call: Call): number {
  let flags = call.arg(3);
  if ((flags & MS_MAGIC_MASK) >>> 0 === MS_MAGIC) flags &= ~MS_MAGIC_MASK;
  const type = optional(call, 2);
  const source = optional(call, 0);
  const data = optional(call, 4);
  const name = nameArgument(call, 1);
  const target = resolve(name.from, name.text);
  checkMayChangeTree(call);
  if ((flags & (MS_REMOUNT | MS_BIND)) === (MS_REMOUNT | MS_BIND)) changeMount(call, target, flags);
  else if (flags & MS_REMOUNT) remount(call, target, flags, data);
  else if (flags & MS_BIND) bind(call, source, throughMounts(target), (flags & MS_REC) !== 0);
  else if (flags & MS_PROPAGATION) changePropagation(call, target, flags);
  else if (flags & MS_MOVE) moveMount(call, source, throughMounts(target));
  else mountNew(call, { type, source, data }, throughMounts(target), flags);
  return 0;
}

/** Somebody has a file open for writing for which `on` holds. */
export function isWritten(call: Call, on: (path: Path) => boolean): boolean {
  for (const task of call.kernel.pids.tasks.values())
    for (const fd of task.files.numbers()) {
      const { path, writable, inode } = task.files.any(fd);
      if (path !== undefined && writable && inode.isRegular && on(path)) return true;
    }
  return false;
}

/** Flags that a more privileged namespace locked stay. @throws SystemError EPERM */
export function checkLockedFlags({ flags: old, lockedFlags }: Mount, flags: number): void {
  if (lockedFlags & LOCKABLE & ~flags) fail('EPERM');
  if (lockedFlags & ACCESS_TIMES && (old ^ flags) & ACCESS_TIMES) fail('EPERM');
}

function changeMount(call: Call, target: Path, given: number): void {
  checkOwnRoot(call, target);
  const { mount: changed } = target;
  const flags = mountFlags(given, changed.flags);
  checkLockedFlags(changed, flags);
  if (flags & ~changed.flags & MS_RDONLY && isWritten(call, (path) => path.mount === changed)) fail('EBUSY');
  changed.change(flags);
}

function remount(call: Call, target: Path, given: number, data: string): void {
  checkOwnRoot(call, target);
  const { mount: changed } = target;
  const flags = mountFlags(given, changed.flags);
  checkLockedFlags(changed, flags);
  changeFileSystem(call, changed.fs, (flags & MS_RDONLY) !== 0, data);
  changed.change(flags);
}

/** New options of a file system. @throws SystemError EPERM, EBUSY, EINVAL */
export function changeFileSystem(call: Call, fs: FileSystem, readOnly: boolean, data: string): void {
  if (!hasCapability(call.task.credentials, CAP_SYS_ADMIN, fs.owner ?? call.kernel.users)) fail('EPERM');
  if (readOnly && !fs.readOnly && isWritten(call, (path) => path.mount.fs === fs)) fail('EBUSY');
  fs.remount?.(data);
  fs.readOnly = readOnly;
}

function changePropagation(call: Call, target: Path, flags: number): void {
  const type = flags & MS_PROPAGATION;
  if (flags & ~(MS_REC | MS_SILENT | MS_PROPAGATION) || (type & (type - 1)) !== 0) fail('EINVAL');
  checkOwnRoot(call, target);
  for (const changed of flags & MS_REC ? treeOf(target.mount) : [target.mount])
    if (type === MS_SHARED) makeShared(call.kernel, changed);
    else if (type === MS_SLAVE) makeSlave(changed);
    else if (type === MS_PRIVATE) makePrivate(changed);
    else makeUnbindable(changed);
}

/** A namespace that holds a mount of itself, or of one made before it, could never end. */
function isLoop(call: Call, { entry }: Path): boolean {
  if (!(entry.inode instanceof NsInode)) return false;
  const { namespace } = entry.inode;
  return namespace.kind === 'mnt' && namespace.number <= call.task.namespaces.mnt.number;
}

function checkSameType(from: Dentry, to: Dentry, otherwise: 'ENOTDIR' | 'EINVAL'): void {
  if (from.inode.isDirectory !== to.inode.isDirectory) fail(otherwise);
}

/** A copy of a place that can be attached elsewhere. @throws SystemError EINVAL, EPERM */
export function copyPlace(call: Call, from: Path, recursive: boolean): Mount {
  if (isLoop(call, from) || from.mount.isUnbindable) fail('EINVAL');
  if (!isOwn(call, from.mount) && !(from.entry.inode instanceof NsInode)) fail('EINVAL');
  if (!recursive && hasLockedBelow(from)) fail('EINVAL');
  const copy = copyTree(call.kernel, from, { relation: 'like', recursive });
  copy.isLocked = false;
  return copy;
}

function bind(call: Call, source: string, target: Path, recursive: boolean): void {
  if (source === '') fail('EINVAL');
  const from = resolve(nameArgument(call, 0).from, source);
  if (!isOwn(call, target.mount)) fail('EINVAL');
  const copy = copyPlace(call, from, recursive);
  try {
    checkSameType(from.entry, target.entry, 'ENOTDIR');
    attachTree(call.kernel, copy, target);
  } catch (failure) {
    removeTree(copy, false);
    throw failure;
  }
}

function moveMount(call: Call, source: string, target: Path): void {
  if (source === '') fail('EINVAL');
  moveTree(call, resolve(nameArgument(call, 0).from, source), target);
}

/** Moves a mount with all below it, or attaches one that was nowhere yet. */
export function moveTree(call: Call, from: Path, target: Path): void {
  const { mount: moved } = from;
  const { isDetached } = moved;
  if (!isRoot(from) || !(isDetached || isOwn(call, moved))) fail('EINVAL');
  if (!isOwn(call, target.mount) || moved.isLocked || (!isDetached && moved.parent === undefined)) fail('EINVAL');
  checkSameType(from.entry, target.entry, 'EINVAL');
  if (moved.parent?.mount.peers !== undefined) fail('EINVAL');
  if (target.mount.peers !== undefined && [...treeOf(moved)].some(({ isUnbindable }) => isUnbindable)) fail('EINVAL');
  if ([...treeOf(moved)].includes(target.mount)) fail('ELOOP');
  attachTree(call.kernel, moved, target);
}

function mountNew(call: Call, wanted: NewMount, target: Path, given: number): void {
  const made = makeMount(call, wanted, mountFlags(given), (given & MS_RDONLY) !== 0);
  try {
    checkSameType(made.root, target.entry, 'ENOTDIR');
    if (!isOwn(call, target.mount)) fail('EINVAL');
    if (target.mount.fs === made.fs && isRoot(target)) fail('EBUSY');
    attachTree(call.kernel, made, target);
  } catch (failure) {
    removeTree(made, false);
    throw failure;
  }
}

/** A task works in the mount, runs a program of it, or has a file of it open or mapped. */
function isUsed(call: Call, mount: Mount): boolean {
  const uses = ({ directories: { root, directory }, executable, files, memory }: Task) =>
    root.mount === mount ||
    directory.mount === mount ||
    executable?.mount === mount ||
    memory?.areas.some(({ file }) => file?.at?.mount === mount) ||
    [...files.numbers()].some((fd) => files.any(fd).path?.mount === mount);
  return [...call.kernel.pids.tasks.values()].some(uses);
}

function umount(call: Call, flags: number): number {
  if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) fail('EINVAL');
  const name = nameArgument(call, 0);
  const target = throughMounts(resolve(name.from, name.text, { follow: !(flags & UMOUNT_NOFOLLOW) }));
  checkMayChangeTree(call);
  checkOwnRoot(call, target);
  const { mount: leaving } = target;
  const { credentials, directories } = call.task;
  if (leaving.isLocked) fail('EINVAL');
  if (flags & MNT_FORCE && !hasCapability(credentials, CAP_SYS_ADMIN)) fail('EPERM');
  if (flags & MNT_EXPIRE) checkExpired(call, leaving, flags);
  if (leaving === directories.root.mount && !(flags & MNT_DETACH)) {
    // the root stays, but nobody writes to it any more
    if (!hasCapability(credentials, CAP_SYS_ADMIN, leaving.fs.owner ?? call.kernel.users)) fail('EPERM');
    leaving.fs.readOnly = true;
    return 0;
  }
  if (!(flags & MNT_DETACH) && propagatedBusy(leaving, (candidate) => isUsed(call, candidate))) fail('EBUSY');
  if (leaving.parent === undefined) fail('EINVAL');
  removeTree(leaving, true);
  return 0;
}

/** MNT_EXPIRE: the first call marks the mount, the second one unmounts it if it was not opened in between. */
function checkExpired(call: Call, leaving: Mount, flags: number): void {
  if (flags & (MNT_FORCE | MNT_DETACH) || leaving === call.task.directories.root.mount) fail('EINVAL');
  if (isUsed(call, leaving)) fail('EBUSY');
  if (leaving.isExpiring) return;
  leaving.isExpiring = true;
  fail('EAGAIN');
}

/** True when a place lies below another one, through mounts. */
function isReachable(place: Path, from: Path): boolean {
  let { mount, entry } = place;
  while (mount !== from.mount) {
    if (mount.parent === undefined) return false;
    ({ mount, entry } = mount.parent);
  }
  for (let at: Dentry | undefined = entry; at !== undefined; at = at.parent) if (at === from.entry) return true;
  return false;
}

function pivotRoot(call: Call): number {
  checkMayChangeTree(call);
  const named = (n: number) => {
    const { from, text } = nameArgument(call, n);
    const path = resolve(from, text);
    return path.entry.inode.isDirectory ? path : fail('ENOTDIR');
  };
  const [next, old] = [named(0), named(1)];
  const { root } = call.task.directories;
  const isShared = (mount: Mount | undefined) => mount?.peers !== undefined;
  if (isShared(old.mount) || isShared(next.mount.parent?.mount) || isShared(root.mount.parent?.mount)) fail('EINVAL');
  if (!isOwn(call, root.mount) || !isOwn(call, next.mount) || next.mount.isLocked) fail('EINVAL');
  if (next.mount === root.mount || old.mount === root.mount) fail('EBUSY');
  if (!isRoot(root) || !isRoot(next)) fail('EINVAL');
  const { parent } = root.mount;
  if (parent === undefined || next.mount.parent === undefined) return fail('EINVAL');
  if (!isReachable(old, next) || !isReachable(next, root)) fail('EINVAL');
  if (root.mount.isLocked) {
    next.mount.isLocked = true;
    root.mount.isLocked = false;
  }
  exchangeRoots(next.mount, root.mount, old, parent);
  for (const { directories } of call.kernel.pids.tasks.values()) {
    if (samePath(directories.root, root)) directories.root = next;
    if (samePath(directories.directory, root)) directories.directory = next;
  }
  return 0;
}

/** The old root goes to its place below the new one, and the new one to where the old one was. */
function exchangeRoots(next: Mount, root: Mount, old: Path, parent: Path): void {
  const { mount: above, entry: at } = next.parent!;
  above.mounted.delete(at);
  at.mounts.delete(next);
  next.parent = undefined;
  moveQuietly(root, old);
  moveQuietly(next, parent);
}

export const mountingCalls: Implementations = {
  mount: full(mount),
  umount2: full((call) => umount(call, call.arg(1))),
  umount: full((call) => umount(call, 0)),
  pivot_root: full(pivotRoot),
};
