// The types of file systems that mount(2) knows: /proc/filesystems.
import { fail } from '../error.ts';
import type { FileSystemType, MountedFileSystem, MountRequest } from './mount-request.ts';
import { deviceFileSystem } from './devtmpfs.ts';
import { checkCgroupOption } from '../cgroup/cgroup-fs.ts';
import { createDevpts, parseDevptsOptions } from './devpts.ts';
import { createMqueueFs } from './mqueuefs.ts';
import { checkOverlayOption, createOverlay } from './overlay/mount.ts';
import { createProcFs } from './proc/index.ts';
import { createSysFs } from './sysfs.ts';
import { Tmpfs } from './tmpfs.ts';
import { FILE_SYSTEM_TYPES, type FileSystemTypeName } from './type-names.ts';
import { parseTmpfsOptions } from './tmpfs-options.ts';

/** A tmpfs has half of memory unless told otherwise. */
const createTmpfs: FileSystemType = ({ kernel, task, data }) => {
  const { frames } = kernel;
  const half = Math.floor(frames.total / 2);
  const limits = parseTmpfsOptions(data, frames.total * 4096);
  const { fsuid, fsgid, user } = task.credentials;
  const fs = new Tmpfs({
    frames,
    device: kernel.nextDevice(),
    now: () => kernel.realtime,
    mode: limits.mode ?? 0o1777,
    owner: {
      uid: limits.owner.uid === undefined ? fsuid : user.fromProgram('uid', limits.owner.uid),
      gid: limits.owner.gid === undefined ? fsgid : user.fromProgram('gid', limits.owner.gid),
    },
    limits: { pages: half, files: half, ...limits },
    given: limits,
  });
  return { fs, root: fs.root };
};

const TYPES = {
  sysfs: ({ kernel }) => createSysFs(kernel),
  tmpfs: createTmpfs,
  proc: ({ kernel, task }) => createProcFs(kernel, task.namespaces.pid),
  devtmpfs: ({ kernel }) => deviceFileSystem(kernel),
  devpts: createDevpts,
  overlay: createOverlay,
  mqueue: createMqueueFs,
  cgroup2: ({ kernel, task, data }) => kernel.cgroups.fs.mount(task, data),
} satisfies Record<FileSystemTypeName, FileSystemType>;

/** What is said of one option before a file system is made with it. */
const OPTIONS = {
  sysfs: () => fail('EINVAL'),
  tmpfs: (option) => void parseTmpfsOptions(option, 0),
  proc: () => {},
  devtmpfs: (option) => void parseTmpfsOptions(option, 0),
  devpts: (option) => void parseDevptsOptions(option),
  overlay: checkOverlayOption,
  mqueue: () => fail('EINVAL'),
  cgroup2: checkCgroupOption,
} satisfies Record<FileSystemTypeName, (option: string) => void>;

/** Checks one option of a type. @throws SystemError EINVAL */
export function checkOption(type: FileSystemTypeName, option: string): void {
  OPTIONS[type](option);
}

/** Makes an instance of a type. @throws SystemError ENODEV */
export function createFileSystem(type: string, request: MountRequest): MountedFileSystem {
  const name = FILE_SYSTEM_TYPES.find((known) => known === type) ?? fail('ENODEV');
  return TYPES[name](request);
}
