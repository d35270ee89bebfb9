// Opening files by their names, and making those that O_CREAT and O_TMPFILE ask for (open(2)).
import { MS_NODEV } from '../../abi/mount.ts';
import {
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  S_IFREG,
} from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { checkSealsForSize } from '../syscalls/seals.ts';
import { ACCESS_READ_DIR, ACCESS_READ_FILE, ACCESS_WRITE_FILE, checkDomain, rightToMake } from '../landlock/domain.ts';
import { FileDescription, POLLNVAL, WouldBlock } from './file.ts';
import type { Inode, Opener } from './inode.ts';
import { IN_CREATE, IN_MODIFY, IN_OPEN, notify, notifyName } from './notify.ts';
import { type Name, Dentry, locate, type Path, resolve } from './path.ts';
import { type Credentials, MAY_READ, MAY_WRITE, mayAccess, ownsFile } from './permission.ts';
import { checkCanOwn, checkDirectory, createNamed, createIn, isDevice, checkWritable } from './make.ts';

/** Who opens a file. */
export type OpeningTask = Omit<Opener, 'path'>;

/** Opens or makes a file. */
export function openFile(by: OpeningTask, name: Name, flags: number, mode: number): FileDescription | WouldBlock {
  const { credentials } = name.from;
  if (flags & O_DIRECTORY && flags & O_CREAT) fail('EINVAL');
  const follow = !(flags & O_NOFOLLOW) && !((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL));
  const place = locate(name.from, name.text, { follow });
  let { target } = place;
  const isNew = target === undefined;
  if (target === undefined) {
    if (!(flags & O_CREAT)) fail('ENOENT');
    if (place.mustBeDirectory) fail('EISDIR');
    checkCanOwn(credentials, place.directory);
    checkDirectory(place.directory, credentials);
    const { directory } = place;
    checkDomain(credentials.landlock, directory, rightToMake(S_IFREG));
    const made = createNamed(directory, place.name, name.from, S_IFREG | mode);
    notifyName(directory, IN_CREATE, place.name, made);
    target = { mount: directory.mount, entry: directory.entry.child(place.name)! };
  } else if (flags & O_CREAT && flags & O_EXCL) fail('EEXIST');
  const { inode } = target.entry;
  if (inode.isSymlink && !(flags & O_PATH)) fail('ELOOP');
  if (flags & O_DIRECTORY && !inode.isDirectory) fail('ENOTDIR');
  if (flags & O_PATH) return atPath(new PathFile(inode, flags), target);
  if (!isNew) checkOpen(target, flags, credentials);
  checkDomain(credentials.landlock, target, rightsToOpen(inode, flags));
  if ((flags & O_ACCMODE) !== O_RDONLY && isExecuted(by.task, inode)) fail('ETXTBSY');
  const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;
  const until = inode.locks?.breakLeases(by.kernel, writes);
  if (until !== undefined) return flags & O_NONBLOCK ? fail('EAGAIN') : leaseWait(inode, until);
  if (flags & O_TRUNC && inode.isRegular && !isNew) {
    checkSealsForSize(inode, 0);
    inode.truncate(0);
    notify(target, IN_MODIFY);
  }
  const opened = inode.open(flags, { kernel: by.kernel, task: by.task, path: target });
  return opened instanceof WouldBlock ? opened : atPath(opened, opened.path ?? target);
}

/** Opens a new file without a name in a directory (open(2) O_TMPFILE); linkat can give it one unless O_EXCL is given. */
export function openNameless(by: OpeningTask, name: Name, flags: number, mode: number): FileDescription | WouldBlock {
  if ((flags & O_ACCMODE) === O_RDONLY || flags & O_CREAT) fail('EINVAL');
  const directory = resolve(name.from, name.text);
  checkDirectory(directory, name.from.credentials);
  const { inode: within } = directory.entry;
  const inode = createIn(within, name.from, S_IFREG | mode, {
    make: (bits, owner) => within.createNameless(bits, owner),
    undo: (made) => made.unused(),
  });
  inode.isLinkable = !(flags & O_EXCL);
  const path = { mount: directory.mount, entry: new Dentry(`#${inode.ino}`, directory.entry, inode) };
  checkDomain(name.from.credentials.landlock, path, rightsToOpen(inode, flags));
  const opened = inode.open(flags, { ...by, path });
  return opened instanceof WouldBlock ? opened : atPath(opened, path);
}

/** What opening a file takes of those who restrict themselves (landlock(7)). */
function rightsToOpen({ isDirectory }: Inode, flags: number): number {
  if (isDirectory) return ACCESS_READ_DIR;
  const access = flags & O_ACCMODE;
  return (access !== O_WRONLY ? ACCESS_READ_FILE : 0) | (access !== O_RDONLY ? ACCESS_WRITE_FILE : 0);
}

/** Until the holder of a lease has given it up. */
function leaseWait(inode: Inode, deadline: number): WouldBlock {
  return new WouldBlock(inode.locks!.queue, { deadline });
}

/** A program that runs cannot be written (open(2) ETXTBSY). */
function isExecuted(task: Opener['task'], inode: Inode): boolean {
  if (!inode.isRegular) return false;
  for (const other of task.namespaces.pid.tasks.values()) if (other.executable?.entry.inode === inode) return true;
  return false;
}

function atPath(file: FileDescription, path: Path): FileDescription {
  path.mount.isExpiring = false;
  file.path = path;
  if (!(file.flags & O_PATH)) notify(path, IN_OPEN);
  return file;
}

/** Device files count neither on mounts that say so, nor on what was mounted in a user namespace. */
function allowsDevices({ mount }: Path): boolean {
  return !(mount.flags & MS_NODEV) && mount.fs.owner === undefined;
}

function checkOpen(path: Path, flags: number, credentials: Credentials): void {
  const { inode } = path.entry;
  const access = flags & O_ACCMODE;
  const writes = access !== O_RDONLY;
  if (inode.isDirectory && (writes || flags & O_CREAT)) fail('EISDIR');
  let wanted = access === O_WRONLY ? MAY_WRITE : access === O_RDONLY ? MAY_READ : MAY_READ | MAY_WRITE;
  if (flags & O_TRUNC) wanted |= MAY_WRITE;
  if (!mayAccess(credentials, inode, wanted)) fail('EACCES');
  if (isDevice(inode.type) && !allowsDevices(path)) fail('EACCES');
  if (flags & O_NOATIME && !ownsFile(credentials, inode)) fail('EPERM');
  if (writes && (inode.isRegular || inode.isDirectory)) checkWritable(path);
}

/** A file opened with O_PATH: a place, not the contents. */
export class PathFile extends FileDescription {
  override readAt(): number {
    return fail('EBADF');
  }

  override writeAt(): number {
    return fail('EBADF');
  }

  override seek(): number {
    return fail('EBADF');
  }

  override poll(): number {
    return POLLNVAL;
  }
}
