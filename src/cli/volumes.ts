// Directories and files of this computer in the tree of a program: `--volume HOST:GUEST[:rw]`.
import { MS_NODEV, MS_NOSUID } from '../abi/mount.ts';
import { basename, dirname, join } from 'node:path';
import { errnoText } from '../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../abi/stat.ts';
import { fail, SystemError } from '../kernel/error.ts';
import type { HostDirectory } from '../kernel/fs/host/host-directory.ts';
import { createHostFs } from '../kernel/fs/host/host-fs.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import { attachTree } from '../kernel/vfs/mount-tree.ts';
import { Dentry, Mount, type Path } from '../kernel/vfs/path.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import { canShareDirectories, ownerMap, realPath, SharedDirectory } from './host-directory.ts';

/** A directory of this computer, opened; `file` is the name of the one in it that is shared alone. */
export interface OpenVolume extends Volume {
  readonly directory: HostDirectory;
  readonly file: string | undefined;
}

/** How owners of this computer are seen inside. */
export const OWNERS = ownerMap();

/** Opens directories and files for programs. @throws CliError */
export function openVolumes(volumes: readonly Volume[]): readonly OpenVolume[] {
  return volumes.map((volume) => sharing(volume, () => ({ ...volume, ...openOnHost(volume.host, volume.writable) })));
}

/** Mounts directories and files of this computer for a task; what they are seen on is made. @throws CliError */
export function mountVolumes(kernel: Kernel, task: Task, volumes: readonly OpenVolume[]): void {
  for (const volume of volumes) sharing(volume, () => mountVolume(kernel, task, volume));
}

function sharing<T>(volume: Volume, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const why = errnoText(error.errno);
    throw new CliError(`${volume.host} cannot be shared as ${volume.guest}: ${why}.`, EXIT.failure);
  }
}

/** @throws CliError where directories cannot be shared safely */
function checkSharing(): void {
  if (canShareDirectories()) return;
  throw new CliError('Directories of this computer can be shared with programs on Linux only.', EXIT.failure);
}

/** A directory of this computer, and the name of a file in it when only that is shared. */
export interface OpenPlace {
  readonly directory: SharedDirectory;
  readonly file: string | undefined;
}

/**
 * Opens a directory or a file to share it. `check` is told where it really is, all links followed, before anything of it is
 * seen, and throws to keep it.
 * @throws SystemError, CliError
 */
export function openOnHost(host: string, writable: boolean, check?: (place: string) => void): OpenPlace {
  checkSharing();
  if (SharedDirectory.isDirectory(host)) {
    const directory = new SharedDirectory(host, writable);
    check?.(directory.place);
    return { directory, file: undefined };
  }
  // a file is found in its directory, by its own name: what a link leads to lies elsewhere
  const place = realPath(host);
  const directory = new SharedDirectory(dirname(place), writable);
  const file = basename(place);
  check?.(join(directory.place, file));
  return { directory, file };
}

/** A regular file of a directory that is shared. @throws SystemError */
export function fileOf(root: Inode, name: string): Inode {
  const file = root.lookup(name) ?? fail('ENOENT');
  return file.isRegular ? file : fail('ENXIO');
}

function mountVolume(kernel: Kernel, task: Task, { host, guest, writable, directory, file }: OpenVolume): void {
  const { fs, root } = createHostFs(kernel, { directory, owners: OWNERS, writable });
  const entry = new Dentry('', undefined, file === undefined ? root : fileOf(root, file));
  const mount = new Mount(kernel.nextMountId(), fs, entry, host, MS_NOSUID | MS_NODEV);
  attachTree(kernel, mount, placeFor(task.directories.root, guest, file !== undefined));
}

/** The directory or file of a path in the root file system, made where it is missing. */
function placeFor(root: Path, path: string, isFile: boolean): Path {
  let { entry } = root;
  const names = path.split('/').filter((part) => part !== '' && part !== '.');
  for (const [n, name] of names.entries()) {
    const wantsFile = isFile && n === names.length - 1;
    if (entry.child(name) === undefined)
      entry.inode.create(name, wantsFile ? S_IFREG | 0o644 : S_IFDIR | 0o755, { uid: 0, gid: 0 });
    entry = entry.child(name)!;
    if (entry.inode.isDirectory === wantsFile) {
      const why = wantsFile ? 'a file cannot be seen on a directory' : `${name} is no directory`;
      throw new CliError(`${path} cannot be the place of a volume: ${why}.`);
    }
  }
  if (isFile && names.length === 0) throw new CliError('A file cannot be seen as the root directory.');
  return { mount: root.mount, entry };
}
