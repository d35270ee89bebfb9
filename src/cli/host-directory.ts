// A directory of this computer for programs of the kernel. Nothing outside it can be reached: each component of a name is
// opened below the one before, without following links, by the descriptor of its directory; Linux has such descriptors
// under /proc/self/fd (open(2) O_PATH, proc(5)), so that nobody can exchange a directory for a link in between.
import * as fs from 'node:fs';
import { S_IFLNK, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { ERRNO, type ErrnoName } from '../abi/errno.ts';
import { fail, SystemError } from '../kernel/error.ts';
import type {
  HostChange,
  HostDirectory,
  HostFile,
  HostPath,
  HostStatus,
  OwnerMap,
} from '../kernel/fs/host/host-directory.ts';
import { PAGE_SIZE } from '../kernel/platform.ts';
import type { Room } from '../kernel/vfs/inode.ts';
import { decodeText, encodeText } from '../kernel/syscalls/text.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
/** Not among Node's constants: the place of a file, whatever it is, without opening it. */
const O_PATH = 0o10000000;
/** Whom the host has and the guest does not (/proc/sys/kernel/overflowuid). */
const NOBODY = 65534;
const SLASH = 0x2f;

/** True where descriptors of directories can be used as above. */
export function canShareDirectories(): boolean {
  return process.platform === 'linux' && fs.existsSync('/proc/self/fd');
}

/** Runs a call on the host; its errors become the program's. */
function onHost<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof SystemError || !(error instanceof Error)) throw error;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    return fail(code in ERRNO ? (code as ErrnoName) : 'EIO');
  }
}

const below = (directory: number, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
const itself = (descriptor: number): string => `/proc/self/fd/${descriptor}`;

/** The bytes of one component. @throws SystemError EINVAL for what is none */
function component(name: string): Uint8Array {
  const bytes = encodeText(name);
  const isName = name !== '' && name !== '.' && name !== '..' && !bytes.includes(SLASH) && !bytes.includes(0);
  return isName ? bytes : fail('EINVAL');
}

function shown(stat: fs.BigIntStats): HostStatus {
  return {
    identity: `${stat.dev}:${stat.ino}`,
    ino: Number(BigInt.asUintN(53, stat.ino)),
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    links: Number(stat.nlink),
    size: Number(stat.size),
    blocks: Number(stat.blocks),
    accessed: stat.atimeNs,
    modified: stat.mtimeNs,
    changed: stat.ctimeNs,
    born: stat.birthtimeNs,
  };
}

class OpenedFile implements HostFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  status(): HostStatus {
    return onHost(() => shown(fs.fstatSync(this.#descriptor, { bigint: true })));
  }

  read(offset: number, into: Uint8Array): number {
    return onHost(() => fs.readSync(this.#descriptor, into, 0, into.length, offset));
  }

  write(offset: number, from: Uint8Array): number {
    return onHost(() => fs.writeSync(this.#descriptor, from, 0, from.length, offset));
  }

  truncate(size: number): void {
    onHost(() => fs.ftruncateSync(this.#descriptor, size));
  }

  close(): void {
    onHost(() => fs.closeSync(this.#descriptor));
  }
}

/** A directory of this computer that is shared. */
export class SharedDirectory implements HostDirectory {
  readonly #root: number;
  readonly #isWritable: boolean;

  /** Follows links on the way to `path`: that is the user's own choice. @throws SystemError */
  constructor(path: string, isWritable = true) {
    this.#root = onHost(() => fs.openSync(path, O_PATH | O_DIRECTORY));
    this.#isWritable = isWritable;
  }

  /** Whatever the kernel thinks it may. */
  #checkWritable(): void {
    if (!this.#isWritable) fail('EROFS');
  }

  /** Is it a directory, links followed? @throws SystemError when there is nothing */
  static isDirectory(path: string): boolean {
    return onHost(() => fs.statSync(path).isDirectory());
  }

  /** Where it really is: no link is in this path. */
  get place(): string {
    return onHost(() => fs.readlinkSync(itself(this.#root)));
  }

  close(): void {
    fs.closeSync(this.#root);
  }

  /** In blocks of a page, as the kernel counts. */
  room(): Room {
    return onHost(() => {
      const { bsize, blocks, bavail, files, ffree } = fs.statfsSync(itself(this.#root));
      const pages = (count: number) => Math.floor((count * bsize) / PAGE_SIZE);
      return { blocks: pages(blocks), freeBlocks: pages(bavail), files, freeFiles: ffree };
    });
  }

  status(path: HostPath): HostStatus | undefined {
    try {
      return this.#at(path, (descriptor) => shown(fs.fstatSync(descriptor, { bigint: true })));
    } catch (error) {
      if (error instanceof SystemError && (error.errno === 'ENOENT' || error.errno === 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  names(path: HostPath): readonly string[] {
    return this.#at(path, (descriptor) =>
      fs.readdirSync(itself(descriptor), { encoding: 'buffer' }).map((name) => decodeText(name)),
    );
  }

  readlink(path: HostPath): string {
    return this.#in(path, (name) => decodeText(fs.readlinkSync(name, { encoding: 'buffer' })));
  }

  open(path: HostPath, writable: boolean): HostFile {
    if (writable) this.#checkWritable();
    return this.#at(path, (descriptor) => {
      const { mode } = fs.fstatSync(descriptor);
      if ((mode & S_IFMT) !== S_IFREG) fail('ENXIO');
      return new OpenedFile(fs.openSync(itself(descriptor), writable ? O_RDWR : O_RDONLY));
    });
  }

  createFile(path: HostPath, mode: number): void {
    this.#checkWritable();
    this.#in(path, (name) => {
      const descriptor = fs.openSync(name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
      try {
        fs.fchmodSync(descriptor, mode);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  createDirectory(path: HostPath, mode: number): void {
    this.#checkWritable();
    this.#in(path, (name) => fs.mkdirSync(name, 0o700));
    this.change(path, { mode });
  }

  createSymlink(path: HostPath, target: string): void {
    this.#checkWritable();
    this.#in(path, (name) => fs.symlinkSync(Buffer.from(encodeText(target)), name));
  }

  link(from: HostPath, to: HostPath): void {
    this.#checkWritable();
    this.#in(from, (old) => this.#in(to, (name) => fs.linkSync(old, name)));
  }

  unlink(path: HostPath): void {
    this.#checkWritable();
    this.#in(path, (name) => fs.unlinkSync(name));
  }

  rmdir(path: HostPath): void {
    this.#checkWritable();
    this.#in(path, (name) => fs.rmdirSync(name));
  }

  rename(from: HostPath, to: HostPath): void {
    this.#checkWritable();
    this.#in(from, (old) => this.#in(to, (name) => fs.renameSync(old, name)));
  }

  change(path: HostPath, change: HostChange): void {
    this.#checkWritable();
    const { mode: type } = this.status(path) ?? fail('ENOENT');
    if ((type & S_IFMT) === S_IFLNK) {
      this.#changeLink(path, change);
      return;
    }
    const { mode, uid, gid, accessed, modified } = change;
    this.#at(path, (descriptor) => {
      const name = itself(descriptor);
      const old = fs.fstatSync(descriptor, { bigint: true });
      if (mode !== undefined) fs.chmodSync(name, mode);
      if (uid !== undefined || gid !== undefined) fs.chownSync(name, uid ?? Number(old.uid), gid ?? Number(old.gid));
      if (accessed !== undefined || modified !== undefined)
        fs.utimesSync(name, seconds(accessed ?? old.atimeNs), seconds(modified ?? old.mtimeNs));
    });
  }

  /** A link itself has owner and times, and no permissions to speak of. */
  #changeLink(path: HostPath, { uid, gid, accessed, modified }: HostChange): void {
    this.#in(path, (name) => {
      const old = fs.lstatSync(name, { bigint: true });
      if (uid !== undefined || gid !== undefined) fs.lchownSync(name, uid ?? Number(old.uid), gid ?? Number(old.gid));
      if (accessed !== undefined || modified !== undefined)
        fs.lutimesSync(name, seconds(accessed ?? old.atimeNs), seconds(modified ?? old.mtimeNs));
    });
  }

  /** Acts on the descriptor of a file, which is closed afterwards. */
  #at<T>(path: HostPath, act: (descriptor: number) => T): T {
    return onHost(() => {
      let descriptor = this.#root;
      const close = () => {
        if (descriptor !== this.#root) fs.closeSync(descriptor);
      };
      try {
        path.forEach((part, n) => {
          const flags = O_PATH | O_NOFOLLOW | (n < path.length - 1 ? O_DIRECTORY : 0);
          const next = fs.openSync(below(descriptor, component(part)), flags);
          close();
          descriptor = next;
        });
        return act(descriptor);
      } finally {
        close();
      }
    });
  }

  /** Acts on a name in its directory. The last component is not followed by any of the calls made with it. */
  #in<T>(path: HostPath, act: (name: Buffer) => T): T {
    const last = component(path.at(-1) ?? fail('EBUSY'));
    return this.#at(path.slice(0, -1), (directory) => {
      if (!fs.fstatSync(directory).isDirectory()) fail('ENOTDIR');
      return act(below(directory, last));
    });
  }
}

/** A path without links. @throws SystemError */
export const realPath = (path: string): string => onHost(() => fs.realpathSync(path));

const seconds = (time: bigint): number => Number(time) / 1e9;

/** Root inside is who runs anillo; others of the host are nobody. For the host's root all are who they are. */
export function ownerMap(): OwnerMap {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const inside = (own: number) => (host: number) => (uid === 0 ? host : host === own ? 0 : NOBODY);
  const outside = (own: number) => (id: number) => (uid === 0 ? id : id === 0 ? own : undefined);
  return { uid: inside(uid), gid: inside(gid), hostUid: outside(uid), hostGid: outside(gid) };
}

/** Everybody is who they are on the host: the user namespace of the container says who that is inside. */
export function sameOwners(): OwnerMap {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const same = (id: number) => id;
  const own = (mine: number) => (id: number) => (uid === 0 || id === mine ? id : undefined);
  return { uid: same, gid: same, hostUid: own(uid), hostGid: own(gid) };
}
