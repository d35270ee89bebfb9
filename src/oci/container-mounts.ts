// The tree of mounts of a container (OCI runtime specification, "Mounts", "Default Filesystems", "Masked Paths"): its root, what
// the configuration mounts, devices, and what is hidden or read-only.
import { MS_RDONLY } from '../abi/mount.ts';
import { errnoText } from '../abi/errno.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import { populateContainerDevices } from '../kernel/fs/devices.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { makeDevice } from '../kernel/fs/special.ts';
import { createFileSystem } from '../kernel/fs/types.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import type { Inode, Owner } from '../kernel/vfs/inode.ts';
import {
  attachTree,
  copyTree,
  makePrivate,
  makeShared,
  makeSlave,
  makeUnbindable,
  treeOf,
} from '../kernel/vfs/mount-tree.ts';
import { Dentry, locate, Mount, type Path, type PathContext, resolve } from '../kernel/vfs/path.ts';
import { parseMountOptions, type Propagation, propagationOf } from './mount-options.ts';
import { OciError } from './oci-error.ts';
import { copyDirectory } from './root-fs.ts';
import type { DeviceSpec, MountSpec, RuntimeSpec } from './runtime-spec.ts';

/** File systems of the kernel. Bound from outside, they are those of the container's own kernel, not the computer's. */
const OWN: Readonly<Record<string, string>> = {
  '/proc': 'proc',
  '/sys': 'sysfs',
  '/sys/fs/cgroup': 'cgroup2',
  '/dev': 'devtmpfs',
  '/dev/pts': 'devpts',
  '/dev/shm': 'tmpfs',
  '/dev/mqueue': 'mqueue',
};
/** Types by other names that configurations use. */
const TYPES: Readonly<Record<string, string>> = { cgroup: 'cgroup2' };
const PROPAGATE: Readonly<Record<Propagation, (kernel: Kernel, mount: Mount) => void>> = {
  shared: makeShared,
  slave: (_, mount) => makeSlave(mount),
  private: (_, mount) => makePrivate(mount),
  unbindable: (_, mount) => makeUnbindable(mount),
};

/** What is bound; something new is first filled with what is at its place. */
export interface BoundFileSystem extends MountedFileSystem {
  readonly isNew?: boolean;
}

/** Gives a directory outside for a bind mount. @throws SystemError when it cannot be had */
export type BindSource = (source: string, readOnly: boolean) => BoundFileSystem;

/** The file system of the kernel that a path outside stands for, and the path in it; undefined for a path of the computer. */
export function ownOf(source: string): { readonly type: string; readonly path: string } | undefined {
  const parts = source.split('/').filter((part) => part !== '' && part !== '.');
  for (let count = parts.length; count > 0; count--) {
    const type = OWN[`/${parts.slice(0, count).join('/')}`];
    if (type !== undefined) return { type, path: `/${parts.slice(count).join('/')}` };
  }
  return undefined;
}

/** A path and those above it, from the top. */
function pathsTo(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.map((_, n) => `/${parts.slice(0, n + 1).join('/')}`);
}

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
    this.#populateDevices(spec.process.terminal);
    for (const device of spec.devices) this.#device(device);
    this.#makeDirectory(spec.process.cwd);
    for (const path of spec.readonlyPaths) this.#makeReadOnly(path);
    for (const path of spec.maskedPaths) this.#mask(path);
    const root = this.#task.directories.root.mount;
    if (spec.root.readonly) root.flags |= MS_RDONLY;
    if (spec.rootfsPropagation) this.#propagate(root, spec.rootfsPropagation);
  }

  #propagate(root: Mount, option: string): void {
    const propagation = propagationOf(option);
    if (!propagation) throw new OciError('bad-option', `linux.rootfsPropagation ${option} is no kind of propagation.`);
    for (const mount of option.startsWith('r') ? [...treeOf(root)] : [root])
      PROPAGATE[propagation](this.#kernel, mount);
  }

  /** Every container has these. A directory outside cannot have devices: there they get a file system of their own. */
  #populateDevices(hasTerminal: boolean): void {
    const dev = this.#find('/dev');
    if (!dev?.entry.inode.isDirectory || dev.mount.isReadOnly) return;
    if (dev.mount.fs.type === 'hostfs')
      this.#mount({ destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] });
    populateContainerDevices(this.#find('/dev')!.entry.inode, hasTerminal);
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
    const { flags, isBind, propagation, copyUp, data } = parseMountOptions(spec.options);
    const isBound = isBind || spec.type === 'bind' || spec.type === 'none';
    const made = isBound ? undefined : this.#made(spec, data, this.#find(spec.destination)?.entry.inode);
    const source: BoundFileSystem = made ?? this.#bound(spec, (flags & MS_RDONLY) !== 0);
    const target = this.#target(spec.destination, source.root.isDirectory);
    const { fs, root } = source;
    if (isBound ? source.isNew : copyUp) this.#fill(root, target.entry.inode, spec.destination);
    const entry = new Dentry('', undefined, root);
    const mount = new Mount(this.#kernel.nextMountId(), fs, entry, spec.source ?? spec.type ?? 'none', flags);
    attachTree(this.#kernel, mount, target);
    if (propagation) PROPAGATE[propagation](this.#kernel, mount);
  }

  /** @throws OciError when there is too much */
  #fill(root: Inode, from: Inode, destination: string): void {
    try {
      copyDirectory(from, root);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const why = errnoText(error.errno);
      throw new OciError('too-large', `What is at ${destination} cannot be copied into what is mounted there: ${why}.`);
    }
  }

  #bound({ source = '', destination }: MountSpec, readOnly: boolean): BoundFileSystem {
    try {
      return this.#own(source) ?? this.#bindSource(source, readOnly);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('not-found', `${source} cannot be mounted on ${destination}: ${errnoText(error.errno)}.`);
    }
  }

  /** A file system of the kernel, or a file in one; undefined for other paths. @throws SystemError ENOENT */
  #own(source: string): MountedFileSystem | undefined {
    const own = ownOf(source);
    if (own === undefined) return undefined;
    const { type, path } = own;
    const made = createFileSystem(type, { kernel: this.#kernel, task: this.#task, source: type, data: '' });
    return { fs: made.fs, root: resolve(this.#below(made), path).entry.inode };
  }

  /** To look for paths in a file system that is not mounted. */
  #below({ fs, root }: MountedFileSystem): PathContext {
    const entry = new Dentry('', undefined, root);
    const top = { mount: new Mount(0, fs, entry, fs.type), entry };
    return { root: top, directory: top, credentials: this.#task.credentials };
  }

  /** A new file system. A tmpfs that is not told otherwise has the permissions of the directory it hides, as runc does it. */
  #made(
    { type = '', source = '', destination }: MountSpec,
    data: string,
    hidden: Inode | undefined,
  ): MountedFileSystem {
    try {
      const request = { kernel: this.#kernel, task: this.#task, source, data };
      const made = createFileSystem(TYPES[type] ?? type, request);
      if (type === 'tmpfs' && hidden?.isDirectory && !/(?:^|,)mode=/.test(data))
        made.root.mode = S_IFDIR | (hidden.mode & 0o7777);
      return made;
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

  /** The place for a mount; what is missing on the way to it is made. @throws OciError */
  #target(path: string, isDirectory: boolean): Path {
    const paths = pathsTo(path);
    if (paths.length === 0) throw new OciError('bad-option', 'A mount on / would hide the root file system.');
    let at = '';
    try {
      for (const [n, next] of paths.entries()) {
        at = next;
        this.#make(at, n < paths.length - 1 || isDirectory ? S_IFDIR | 0o755 : S_IFREG | 0o644);
      }
      const target = resolve(this.#context, at);
      if (target.entry.inode.isDirectory !== isDirectory) throw new SystemError('ENOTDIR');
      return target;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('bad-option', `${path} cannot be the place of a mount: ${at}: ${errnoText(error.errno)}.`);
    }
  }

  /** What is there already stays. @throws SystemError */
  #make(path: string, mode: number): void {
    const place = locate(this.#context, path);
    if (!place.target) place.directory.entry.inode.create(place.name, mode, this.#owner);
  }

  /** The working directory, as runc and docker make it. One that cannot be made is named when the program is started. */
  #makeDirectory(path: string): void {
    try {
      for (const at of pathsTo(path)) this.#make(at, S_IFDIR | 0o755);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  get #owner(): Owner {
    const { fsuid: uid, fsgid: gid } = this.#task.credentials;
    return { uid, gid };
  }

  /** @throws OciError */
  #device({ path, type, major, minor, fileMode, uid, gid }: DeviceSpec): void {
    const { user } = this.#task.credentials;
    const owner = { uid: user.outside('uid', uid) ?? uid, gid: user.outside('gid', gid) ?? gid };
    const kind = type === 'b' ? S_IFBLK : type === 'p' ? S_IFIFO : S_IFCHR;
    try {
      const place = locate(this.#context, path);
      if (place.target) return;
      place.directory.entry.inode.create(place.name, kind | fileMode, owner, makeDevice(major, minor));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('bad-option', `The device ${path} cannot be made: ${errnoText(error.errno)}.`);
    }
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
