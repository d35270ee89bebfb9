// System calls on mounts and file systems: mount(2), umount(2), statfs(2), pivot_root(2).
import { fail } from '../error.ts';
import { createFileSystem } from '../fs/types.ts';
import { Dentry, Mount, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, type Path, resolve } from '../vfs/path.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { FileSystem, Room } from '../vfs/inode.ts';
import type { Call } from './call.ts';
import { nameArgument } from './paths.ts';
import { full, type Implementations, partial } from './table.ts';

const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_MOVE = 8192;
const MS_PROPAGATION = 0x1e_0000;
/** Flags of one mount rather than of a file system. */
const PER_MOUNT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
const MNT_DETACH = 2;

const optional = (call: Call, n: number): string => (call.arg(n) === 0 ? '' : call.path(n));

function mount(call: Call): number {
  if (!hasCapability(call.task.credentials, CAP_SYS_ADMIN)) fail('EPERM');
  const flags = call.arg(3);
  const name = nameArgument(call, 1);
  const target = resolve(name.from, name.text);
  const { mnt } = call.task.namespaces;
  if (flags & MS_REMOUNT) {
    if (target.entry !== target.mount.root) fail('EINVAL');
    if (!(flags & MS_BIND)) target.mount.fs.remount?.(optional(call, 4));
    target.mount.flags = flags & PER_MOUNT;
    return 0;
  }
  if (flags & MS_PROPAGATION) return target.entry === target.mount.root ? 0 : fail('EINVAL');
  const source = optional(call, 0);
  if (flags & (MS_BIND | MS_MOVE)) {
    const from = resolve(nameArgument(call, 0).from, source);
    if (flags & MS_MOVE) {
      if (from.entry !== from.mount.root) fail('EINVAL');
      mnt.detach(from.mount, true);
      mnt.attach(from.mount, target);
    } else bind(call, from, target);
    return 0;
  }
  if (!target.entry.inode.isDirectory) fail('ENOTDIR');
  const { kernel, task } = call;
  const { fs, root } = createFileSystem(optional(call, 2), { kernel, task, source, data: optional(call, 4) });
  const entry = new Dentry('', undefined, root);
  mnt.attach(
    new Mount(call.kernel.nextMountId(), fs, entry, source === '' ? 'none' : source, flags & PER_MOUNT),
    target,
  );
  return 0;
}

function bind(call: Call, from: Path, target: Path): void {
  if (from.entry.inode.isDirectory !== target.entry.inode.isDirectory) fail('ENOTDIR');
  const { mount, entry } = from;
  const copy = new Mount(call.kernel.nextMountId(), mount.fs, entry, mount.source, mount.flags);
  call.task.namespaces.mnt.attach(copy, target);
}

function umount(call: Call, flags: number): number {
  if (!hasCapability(call.task.credentials, CAP_SYS_ADMIN)) fail('EPERM');
  const name = nameArgument(call, 0);
  const target = resolve(name.from, name.text);
  if (target.entry !== target.mount.root) fail('EINVAL');
  if (!(flags & MNT_DETACH) && isBusy(call, target.mount)) fail('EBUSY');
  call.task.namespaces.mnt.detach(target.mount, (flags & MNT_DETACH) !== 0);
  return 0;
}

/** A task works in the mount or has a file of it open. */
function isBusy(call: Call, mount: Mount): boolean {
  for (const task of call.kernel.pids.tasks.values()) {
    const { root, directory } = task.directories;
    if (root.mount === mount || directory.mount === mount) return true;
    for (const fd of task.files.numbers()) if (task.files.get(fd).path?.mount === mount) return true;
  }
  return false;
}

const NAME_LENGTH = 255;
const NO_ROOM: Room = { blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0 };

/** struct statfs of the ABI, or statfs64 of i386. */
function encodeStatfs(call: Call, fs: FileSystem, isWide: boolean): Uint8Array {
  const { blocks, freeBlocks, files, freeFiles } = fs.room?.() ?? NO_ROOM;
  const bytes = new Uint8Array(call.is32 ? (isWide ? 84 : 64) : 120);
  const view = new DataView(bytes.buffer);
  const word = call.wordSize;
  const put = (at: number, value: number, size: 4 | 8) => {
    if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
  };
  put(0, fs.magic, word);
  put(word, 4096, word);
  const size = isWide ? 8 : word;
  [blocks, freeBlocks, freeBlocks, files, freeFiles].forEach((count, n) => {
    put(2 * word + n * size, count, size);
  });
  const after = 2 * word + 5 * size + 8;
  put(after, NAME_LENGTH, word);
  put(after + word, 4096, word);
  return bytes;
}

function statfs(isWide: boolean, path: (call: Call) => FileSystem, result: number) {
  return full((call) => {
    call.write(call.arg(result), encodeStatfs(call, path(call), isWide));
    return 0;
  });
}

const byName = (call: Call): FileSystem => {
  const name = nameArgument(call, 0);
  return resolve(name.from, name.text).mount.fs;
};
const byFile = (call: Call): FileSystem => call.file(0).inode.fs;

export const mountCalls: Implementations = {
  mount: partial('mounts do not propagate', mount),
  umount2: full((call) => umount(call, call.arg(1))),
  umount: full((call) => umount(call, 0)),
  statfs: statfs(false, byName, 1),
  fstatfs: statfs(false, byFile, 1),
  statfs64: statfs(true, byName, 2),
  fstatfs64: statfs(true, byFile, 2),
};
