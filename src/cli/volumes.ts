// Directories of this computer in the tree of a program: `--volume HOST:GUEST[:rw]`.
import { basename, dirname, join } from 'node:path';
import { errnoText } from '../abi/errno.ts';
import { S_IFDIR } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import type { HostDirectory, OwnerMap } from '../kernel/fs/host/host-directory.ts';
import { createHostFs } from '../kernel/fs/host/host-fs.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import { attachTree } from '../kernel/vfs/mount-tree.ts';
import { Dentry, Mount, MS_NODEV, MS_NOSUID, type Path } from '../kernel/vfs/path.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import { canShareDirectories, ownerMap, realPath, SharedDirectory } from './host-directory.ts';

/** A directory of this computer, opened. */
export interface OpenVolume extends Volume {
  readonly directory: HostDirectory;
}

/** How owners of this computer are seen inside. */
export const OWNERS = ownerMap();

/** Opens directories for programs. @throws CliError */
export function openVolumes(volumes: readonly Volume[]): readonly OpenVolume[] {
  if (volumes.length > 0) checkSharing();
  return volumes.map((volume) =>
    sharing(volume, () => ({ ...volume, directory: new SharedDirectory(volume.host, volume.writable) })),
  );
}

/** Mounts directories of this computer for a task; the directories they are seen on are made. @throws CliError */
export function mountVolumes(kernel: Kernel, task: Task, volumes: readonly OpenVolume[]): void {
  for (const volume of volumes) sharing(volume, () => mountVolume(kernel, task, volume));
}

function sharing<T>(volume: Volume, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const why = errnoText(error.errno);
    throw new CliError(`The directory ${volume.host} cannot be shared as ${volume.guest}: ${why}.`, EXIT.failure);
  }
}

/** @throws CliError where directories cannot be shared safely */
function checkSharing(): void {
  if (canShareDirectories()) return;
  throw new CliError('Directories of this computer can be shared with programs on Linux only.', EXIT.failure);
}

/** How a directory or a file of this computer is shared. */
export interface Sharing {
  readonly writable: boolean;
  readonly owners?: OwnerMap;
  /** Told where a directory really is, all links followed, before anything of it is seen; throws to keep it. */
  readonly check?: (place: string) => void;
}

/** A directory of this computer as a file system, or one file of it. @throws SystemError, CliError */
export function shareOnHost(kernel: Kernel, host: string, sharing: Sharing): MountedFileSystem {
  checkSharing();
  const isDirectory = SharedDirectory.isDirectory(host);
  // a file is found in its directory, by its own name: what a link leads to lies elsewhere
  const place = isDirectory ? host : realPath(host);
  const directory = new SharedDirectory(isDirectory ? place : dirname(place), sharing.writable);
  const { writable, owners = OWNERS, check } = sharing;
  check?.(isDirectory ? directory.place : join(directory.place, basename(place)));
  const made = createHostFs(kernel, { directory, owners, writable });
  if (isDirectory) return made;
  const file = made.root.lookup(basename(place));
  if (file === undefined) throw new SystemError('ENOENT');
  if (!file.isRegular) throw new SystemError('ENXIO');
  return { fs: made.fs, root: file };
}

function mountVolume(kernel: Kernel, task: Task, { host, guest, writable, directory }: OpenVolume): void {
  const { fs, root } = createHostFs(kernel, { directory, owners: OWNERS, writable });
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
