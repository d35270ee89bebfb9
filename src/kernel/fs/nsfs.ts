// nsfs: the files that stand for namespaces (namespaces(7), ioctl_ns(2)). An open file or a bind mount of one keeps its
// namespace alive.
import { O_ACCMODE, O_RDONLY, S_IFDIR, S_IFREG } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { type Namespace, NAMESPACE_FLAGS } from '../ns/namespace.ts';
import { UserNamespace } from '../ns/user-namespace.ts';
import { PidNamespace } from '../ns/pid-namespace.ts';
import { openFilesLimit } from '../syscalls/limits.ts';
import type { Call } from '../syscalls/call.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import { FileDescription } from '../vfs/file.ts';
import { type FileSystem, Inode, type Timestamp } from '../vfs/inode.ts';
import { Dentry, Mount, type Path } from '../vfs/path.ts';

const NSFS_MAGIC = 0x6e73_6673;
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;

/** The only instance: it is mounted nowhere, but its files can be bound. */
export class NsFs implements FileSystem {
  readonly type = 'nsfs';
  readonly magic = NSFS_MAGIC;
  readonly device: number;
  readOnly = false;
  readonly now: () => Timestamp;
  readonly #mount: Mount;

  constructor(mountId: number, device: number, now: () => Timestamp) {
    this.device = device;
    this.now = now;
    this.#mount = new Mount(mountId, this, new Dentry('', undefined, new NsFsRoot(this)), 'nsfs');
  }

  /** Where the file of a namespace is. */
  pathOf(namespace: Namespace): Path {
    namespace.entry ??= new Dentry('', undefined, new NsInode(this, namespace));
    return { mount: this.#mount, entry: namespace.entry };
  }
}

class NsFsRoot extends Inode {
  constructor(fs: NsFs) {
    super(fs, 1, S_IFDIR | 0o555, { uid: 0, gid: 0 });
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }
}

/** The file of a namespace. */
export class NsInode extends Inode {
  declare readonly fs: NsFs;
  readonly namespace: Namespace;
  override readonly displayName: string;

  constructor(fs: NsFs, namespace: Namespace) {
    super(fs, namespace.number, S_IFREG | 0o444, { uid: 0, gid: 0 });
    this.namespace = namespace;
    this.displayName = `${namespace.kind}:[${namespace.number}]`;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number): FileDescription {
    if ((flags & O_ACCMODE) !== O_RDONLY) fail('EPERM');
    return new NsFile(this, flags);
  }

  override mountedTimes(change: 1 | -1): void {
    if (change === 1) this.namespace.hold();
    else this.namespace.release();
  }
}

/** An open namespace. */
export class NsFile extends FileDescription {
  declare readonly inode: NsInode;

  constructor(inode: NsInode, flags: number) {
    super(inode, flags);
    inode.namespace.hold();
  }

  get namespace(): Namespace {
    return this.inode.namespace;
  }

  override closed(): void {
    this.namespace.release();
  }

  override ioctl(call: Call, request: number, argument: number): number {
    const { namespace } = this;
    switch (request) {
      case NS_GET_USERNS: {
        // above the outermost one, and above what the caller may see, there is nothing to show
        const isOutermost = namespace instanceof UserNamespace && namespace.parent === undefined;
        const { user } = call.task.credentials;
        return !isOutermost && user.contains(namespace.owner) ? this.#open(call, namespace.owner) : fail('EPERM');
      }
      case NS_GET_PARENT: {
        const { above } = namespace;
        const isVisible =
          above instanceof UserNamespace
            ? call.task.credentials.user.contains(above)
            : above instanceof PidNamespace && call.task.namespaces.pid.contains(above);
        return isVisible && above !== undefined ? this.#open(call, above) : fail('EPERM');
      }
      case NS_GET_NSTYPE:
        return NAMESPACE_FLAGS[namespace.kind];
      case NS_GET_OWNER_UID:
        if (!(namespace instanceof UserNamespace)) return fail('EINVAL');
        call.writeWord(argument, call.task.credentials.user.shown('uid', namespace.maker.uid), 4);
        return 0;
      default:
        return fail('ENOTTY');
    }
  }

  #open(call: Call, namespace: Namespace): number {
    const path = this.inode.fs.pathOf(namespace);
    const file = new NsFile(path.entry.inode as NsInode, 0);
    file.path = path;
    return call.task.files.install(file, true, openFilesLimit(call));
  }
}
