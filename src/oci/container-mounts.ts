// The tree of mounts of a container (OCI runtime specification, "Mounts", "Default Filesystems", "Masked Paths"): its root, what
// the configuration mounts, devices, and what is hidden or read-only.
import { errnoText } from '../abi/errno.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import { populateDevices } from '../kernel/fs/devices.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { makeDevice } from '../kernel/fs/special.ts';
import { createFileSystem } from '../kernel/fs/types.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import { attachTree, copyTree, makePrivate, makeShared, makeSlave, makeUnbindable } from '../kernel/vfs/mount-tree.ts';
import { Dentry, locate, Mount, MS_RDONLY, type Path, resolve } from '../kernel/vfs/path.ts';
import { parseMountOptions, type Propagation } from './mount-options.ts';
import { OciError } from './oci-error.ts';
import type { DeviceSpec, MountSpec, RuntimeSpec } from './runtime-spec.ts';

const ROOT = { uid: 0, gid: 0 };
const PROPAGATE: Readonly<Record<Propagation, (kernel: Kernel, mount: Mount) => void>> = {
  shared: makeShared,
  slave: (_, mount) => makeSlave(mount),
  private: (_, mount) => makePrivate(mount),
  unbindable: (_, mount) => makeUnbindable(mount),
};

/** Gives a directory outside for a bind mount. @throws SystemError when it cannot be had */
export type BindSource = (source: string, readOnly: boolean) => MountedFileSystem;

/** Fills the mount namespace of a task, which is in it as its superuser. */
export class ContainerMounts {
  readonly #kernel: Kernel;
  readonly #task: Task;
  readonly #bindSource: BindSource;

  constructor(kernel: Kernel, task: Task, bindSource: BindSource) {
    this.#kernel = kernel;
    this.#task = task;
    this.#bindSource = bindSource;
  }

  /** Everything a configuration asks for. @throws OciError, SystemError */
  build(spec: RuntimeSpec): void {
    for (const mount of spec.mounts) this.#mount(mount);
    const dev = this.#find('/dev');
    if (dev?.entry.inode.isDirectory && !dev.mount.isReadOnly) populateDevices(dev.entry.inode);
    for (const device of spec.devices) this.#device(device);
    for (const path of spec.readonlyPaths) this.#makeReadOnly(path);
    for (const path of spec.maskedPaths) this.#mask(path);
    if (spec.root.readonly) this.#task.directories.root.mount.flags |= MS_RDONLY;
  }

  get #context() {
    return { ...this.#task.directories, credentials: this.#task.credentials };
  }

  /** What a path of the container stands for. */
  #find(path: string): Path | undefined {
    try {
      return resolve(this.#context, path);
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }

  #mount(spec: MountSpec): void {
    const { flags, isBind, propagation, data } = parseMountOptions(spec.options);
    const isBound = isBind || spec.type === 'bind' || spec.type === 'none';
    const source = isBound ? this.#bound(spec, (flags & MS_RDONLY) !== 0) : this.#made(spec, data);
    const target = this.#target(spec.destination, source.root.isDirectory);
    const { fs, root } = source;
    const entry = new Dentry('', undefined, root);
    const mount = new Mount(this.#kernel.nextMountId(), fs, entry, spec.source ?? spec.type ?? 'none', flags);
    attachTree(this.#kernel, mount, target);
    if (propagation) PROPAGATE[propagation](this.#kernel, mount);
  }

  #bound({ source = '', destination }: MountSpec, readOnly: boolean): MountedFileSystem {
    try {
      return this.#bindSource(source, readOnly);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('not-found', `${source} cannot be mounted on ${destination}: ${errnoText(error.errno)}.`);
    }
  }

  #made({ type = '', source = '', destination }: MountSpec, data: string): MountedFileSystem {
    try {
      return createFileSystem(type, { kernel: this.#kernel, task: this.#task, source, data });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === 'ENODEV')
        throw new OciError('unsupported', `There is no file system type ${type} to mount on ${destination}.`);
      throw new OciError(
        'bad-option',
        `The mount on ${destination} (${type}) has options that it cannot have: ${data}.`,
      );
    }
  }

  /** The place for a mount; what is missing on the way to it is made. */
  #target(path: string, isDirectory: boolean): Path {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    let at = '';
    for (const [n, part] of parts.entries()) {
      at += `/${part}`;
      const place = locate(this.#context, at);
      if (place.target) continue;
      const mode = n < parts.length - 1 || isDirectory ? S_IFDIR | 0o755 : S_IFREG | 0o644;
      place.directory.entry.inode.create(place.name, mode, ROOT);
    }
    return resolve(this.#context, at === '' ? '/' : at);
  }

  #device({ path, type, major, minor, fileMode, uid, gid }: DeviceSpec): void {
    const place = locate(this.#context, path);
    if (place.target) return;
    const kind = type === 'b' ? S_IFBLK : type === 'p' ? S_IFIFO : S_IFCHR;
    place.directory.entry.inode.create(place.name, kind | fileMode, { uid, gid }, makeDevice(major, minor));
  }

  #makeReadOnly(path: string): void {
    const place = this.#find(path);
    if (!place) return;
    const copy = copyTree(this.#kernel, place, { relation: 'like', recursive: true });
    copy.flags |= MS_RDONLY;
    attachTree(this.#kernel, copy, place);
  }

  /** Hides a directory under an empty one, a file under /dev/null. */
  #mask(path: string): void {
    const place = this.#find(path);
    if (!place) return;
    if ((place.entry.inode.mode & S_IFMT) === S_IFDIR) {
      const { fs, root } = createFileSystem('tmpfs', {
        kernel: this.#kernel,
        task: this.#task,
        source: 'tmpfs',
        data: 'size=0k',
      });
      const mount = new Mount(this.#kernel.nextMountId(), fs, new Dentry('', undefined, root), 'tmpfs', MS_RDONLY);
      attachTree(this.#kernel, mount, place);
      return;
    }
    const nothing = this.#find('/dev/null');
    if (nothing)
      attachTree(this.#kernel, copyTree(this.#kernel, nothing, { relation: 'like', recursive: false }), place);
  }
}
