// Directories of this computer in the tree of a program: `--volume HOST:GUEST[:rw]`.
import { errnoText } from '../abi/errno.ts';
import { S_IFDIR } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import { createHostFs } from '../kernel/fs/host/host-fs.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import { attachTree } from '../kernel/vfs/mount-tree.ts';
import { Dentry, Mount, MS_NODEV, MS_NOSUID, type Path } from '../kernel/vfs/path.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import { canShareDirectories, ownerMap, SharedDirectory } from './host-directory.ts';

/** Mounts directories of this computer for a task; the directories they are seen on are made. @throws CliError */
export function mountVolumes(kernel: Kernel, task: Task, volumes: readonly Volume[]): void {
  if (volumes.length > 0) checkSharing();
  for (const volume of volumes) {
    try {
      mountVolume(kernel, task, volume);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const why = errnoText(error.errno);
      throw new CliError(`The directory ${volume.host} cannot be shared as ${volume.guest}: ${why}.`, EXIT.failure);
    }
  }
}

/** @throws CliError where directories cannot be shared safely */
export function checkSharing(): void {
  if (canShareDirectories()) return;
  throw new CliError('Directories of this computer can be shared with programs on Linux only.', EXIT.failure);
}

/** A directory of this computer as a file system. @throws SystemError */
export function shareDirectory(kernel: Kernel, host: string, writable: boolean): MountedFileSystem {
  return createHostFs(kernel, { directory: new SharedDirectory(host), owners: ownerMap(), writable });
}

function mountVolume(kernel: Kernel, task: Task, { host, guest, writable }: Volume): void {
  const { fs, root } = shareDirectory(kernel, host, writable);
  const entry = new Dentry('', undefined, root);
  const mount = new Mount(kernel.nextMountId(), fs, entry, host, MS_NOSUID | MS_NODEV);
  attachTree(kernel, mount, directoryAt(task.directories.root, guest));
}

/** The directory of a path in the root file system, made where it is missing. */
function directoryAt(root: Path, path: string): Path {
  let { entry } = root;
  for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
    if (entry.child(name) === undefined) entry.inode.create(name, S_IFDIR | 0o755, { uid: 0, gid: 0 });
    entry = entry.child(name)!;
    if (!entry.inode.isDirectory)
      throw new CliError(`${path} cannot be the place of a volume: ${name} is no directory.`);
  }
  return { mount: root.mount, entry };
}
