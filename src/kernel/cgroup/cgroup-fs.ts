// cgroup2: the file system through which control groups are seen and changed (cgroups(7)). A directory is a group; making
// and removing directories makes and removes groups.
import { O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { GeneratedFs } from '../fs/generated.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { FileDescription } from '../vfs/file.ts';
import { type DirectoryEntry, Inode, type Owner } from '../vfs/inode.ts';
import { notifyChanged } from '../vfs/notify.ts';
import { type Cgroup, CONTROLLERS, type ControllerName } from './cgroup.ts';
import { type ControlFile, ControlInode } from './control-file.ts';
import { coreFiles } from './core-files.ts';
import { cpuFiles, cpuStatFile } from './cpu.ts';
import { CPUSET_FILES } from './cpuset.ts';
import type { CgroupHierarchy } from './hierarchy.ts';
import { IO_FILES } from './io.ts';
import { memoryFiles } from './memory-files.ts';
import { PIDS_FILES } from './pids.ts';

const CGROUP2_SUPER_MAGIC = 0x6367_7270;
const ROOT: Owner = { uid: 0, gid: 0 };
/** Words the mount's options may have. */
const OPTIONS = new Set(['nsdelegate', 'favordynmods', 'memory_localevents', 'memory_recursiveprot']);

/** The file system; every mount shows the same one. */
export class CgroupFs extends GeneratedFs {
  readonly hierarchy: CgroupHierarchy;
  /** Mount option nsdelegate: cgroup namespaces are boundaries of delegation. */
  delegatesToNamespaces = false;
  readonly #core: readonly ControlFile[];
  readonly #files: Readonly<Record<ControllerName, readonly ControlFile[]>>;
  readonly #directories = new WeakMap<Cgroup, CgroupDirectory>();

  constructor(hierarchy: CgroupHierarchy, kernel: Kernel) {
    super('cgroup2', CGROUP2_SUPER_MAGIC, kernel.nextDevice(), () => kernel.realtime);
    this.hierarchy = hierarchy;
    this.#core = [...coreFiles(kernel), cpuStatFile(kernel)];
    this.#files = {
      cpuset: CPUSET_FILES,
      cpu: cpuFiles(kernel),
      io: IO_FILES,
      memory: memoryFiles(kernel),
      pids: PIDS_FILES,
    };
  }

  /** The directory of a group. */
  directoryOf(cgroup: Cgroup, creator: Owner = ROOT, mode = 0o755): CgroupDirectory {
    let directory = this.#directories.get(cgroup);
    if (directory === undefined) {
      directory = new CgroupDirectory(this, cgroup, creator, mode);
      this.#directories.set(cgroup, directory);
    }
    return directory;
  }

  /** The group that is the root for a task: that of its cgroup namespace. */
  visibleRoot({ namespaces }: Task): Cgroup {
    return namespaces.cgroup.root;
  }

  /** What mount(2) shows a task. Options count for the whole system, so that only its own root sets them. */
  mount(task: Task, data: string): { fs: CgroupFs; root: Inode } {
    const root = this.visibleRoot(task);
    if (root.isRoot) this.configure(data);
    return { fs: this, root: this.directoryOf(root) };
  }

  /** Mounted again with other options. */
  remount(data: string): void {
    this.configure(data);
  }

  /** Options of mount(2) or a remount. @throws SystemError EINVAL */
  configure(data: string): void {
    const words = data.split(',').filter((word) => word !== '');
    for (const word of words) checkCgroupOption(word);
    this.delegatesToNamespaces = words.includes('nsdelegate');
  }

  /** Kinds of files that a group has now. */
  *filesOf(cgroup: Cgroup): Iterable<ControlFile> {
    const groups = [
      this.#core,
      ...CONTROLLERS.filter((name) => name in cgroup.states).map((name) => this.#files[name]),
    ];
    for (const files of groups) for (const file of files) if (!cgroup.isRoot || file.where !== 'below-root') yield file;
  }
}

/** One mount option. @throws SystemError EINVAL */
export function checkCgroupOption(option: string): void {
  if (!OPTIONS.has(option)) fail('EINVAL');
}

/** A group as a directory. */
export class CgroupDirectory extends Inode {
  declare readonly fs: CgroupFs;
  readonly cgroup: Cgroup;
  readonly #creator: Owner;
  readonly #inodes = new Map<ControlFile, ControlInode>();

  constructor(fs: CgroupFs, cgroup: Cgroup, creator: Owner, mode: number) {
    super(fs, fs.nextIno(), S_IFDIR | mode, creator);
    this.cgroup = cgroup;
    this.#creator = creator;
    this.links = 2;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags | O_RDONLY);
  }

  /** A file that every group has. */
  fileNamed(name: string): ControlInode {
    return this.#file(name)!;
  }

  /** The text of a file has changed. */
  notify(name: string): void {
    for (const [file, inode] of this.#inodes) {
      if (file.name !== name) continue;
      inode.notify();
      notifyChanged(this, name, inode);
    }
  }

  override lookup(name: string): Inode | undefined {
    if (this.cgroup.isRemoved) return undefined;
    const child = this.cgroup.children.get(name);
    return child === undefined ? this.#file(name) : this.fs.directoryOf(child);
  }

  override *entries(): Iterable<DirectoryEntry> {
    if (this.cgroup.isRemoved) return;
    for (const file of this.fs.filesOf(this.cgroup))
      yield { name: file.name, ino: this.#inodeOf(file).ino, type: S_IFREG };
    for (const child of this.cgroup.children.values())
      yield { name: child.name, ino: this.fs.directoryOf(child).ino, type: S_IFDIR };
  }

  override create(name: string, mode: number, owner: Owner): Inode {
    if ((mode & S_IFMT) !== S_IFDIR) fail((mode & S_IFMT) === S_IFREG ? 'EACCES' : 'EPERM');
    const child = this.fs.hierarchy.make(this.cgroup, name);
    this.links++;
    return this.fs.directoryOf(child, owner, mode & ~S_IFMT);
  }

  override rmdir(name: string): void {
    const child = this.cgroup.children.get(name) ?? fail('EPERM');
    this.fs.hierarchy.remove(child);
    this.fs.directoryOf(child).links = 0;
    this.links--;
  }

  #file(name: string): ControlInode | undefined {
    for (const file of this.fs.filesOf(this.cgroup)) if (file.name === name) return this.#inodeOf(file);
    return undefined;
  }

  #inodeOf(file: ControlFile): ControlInode {
    let inode = this.#inodes.get(file);
    if (inode === undefined) {
      inode = new ControlInode(this.fs, this.cgroup, file, this.#creator);
      this.#inodes.set(file, inode);
    }
    return inode;
  }
}
