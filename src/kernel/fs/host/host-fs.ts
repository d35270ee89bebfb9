// A directory of the computer outside as a file system: what a container's bind mounts of host directories stand on. Special files
// of the host are seen and never opened there.
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import type { FileDescription, WouldBlock } from '../../vfs/file.ts';
import type { FileSystem, Opener, Room, Timestamp } from '../../vfs/inode.ts';
import type { MountedFileSystem } from '../mount-request.ts';
import { openSpecial } from '../special.ts';
import type { HostDirectory, HostStatus, OwnerMap } from './host-directory.ts';
import { HostInode, type Place } from './host-inode.ts';
import { HostRegular } from './host-regular.ts';
import { HostFolder } from './host-folder.ts';

const HOSTFS_MAGIC = 0x00c0_ffee;

/** What a shared directory is made of. */
export interface HostFsOptions {
  readonly directory: HostDirectory;
  readonly owners: OwnerMap;
  /** Programs may change files. */
  readonly writable: boolean;
}

/** An instance. */
export class HostFs implements FileSystem {
  readonly type = 'hostfs';
  readonly magic = HOSTFS_MAGIC;
  readonly device: number;
  readonly readOnly: boolean;
  readonly kernel: Kernel;
  readonly directory: HostDirectory;
  readonly owners: OwnerMap;
  /** Files by what the host knows them by. */
  readonly #known = new Map<string, WeakRef<HostInode>>();

  constructor(kernel: Kernel, { directory, owners, writable }: HostFsOptions) {
    this.kernel = kernel;
    this.device = kernel.nextDevice();
    this.directory = directory;
    this.owners = owners;
    this.readOnly = !writable;
  }

  now(): Timestamp {
    return this.kernel.realtime;
  }

  room(): Room {
    return this.directory.room();
  }

  /** The inode of a file that was found at a place. */
  inode(status: HostStatus, place: Place | undefined): HostInode {
    const known = this.#known.get(status.identity)?.deref();
    if (known !== undefined && (known.mode & S_IFMT) === (status.mode & S_IFMT)) {
      known.found(status, place);
      return known;
    }
    const inode = newInode(this, status, place);
    this.#known.set(status.identity, new WeakRef(inode));
    return inode;
  }
}

/** A symbolic link: it is followed by the kernel, so that it leads to a file inside. */
class HostLink extends HostInode {
  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.fs.directory.readlink(this.path);
  }
}

/** A FIFO of the host is one of this kernel's own; sockets and devices are nobody's. */
class HostSpecial extends HostInode {
  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return this.type === S_IFIFO ? openSpecial(this, flags, opener) : fail('ENXIO');
  }
}

function newInode(fs: HostFs, status: HostStatus, place: Place | undefined): HostInode {
  switch (status.mode & S_IFMT) {
    case S_IFDIR:
      return new HostFolder(fs, status, place);
    case S_IFREG:
      return new HostRegular(fs, status, place);
    case S_IFLNK:
      return new HostLink(fs, status, place);
    default:
      return new HostSpecial(fs, status, place);
  }
}

/** Makes a file system of a shared directory. @throws SystemError ENOTDIR */
export function createHostFs(kernel: Kernel, options: HostFsOptions): MountedFileSystem {
  const fs = new HostFs(kernel, options);
  const status = options.directory.status([]) ?? fail('ENOENT');
  if ((status.mode & S_IFMT) !== S_IFDIR) fail('ENOTDIR');
  return { fs, root: fs.inode(status, undefined) };
}
