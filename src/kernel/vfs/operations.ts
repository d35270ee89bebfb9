// What can be done with names: the checks that all file systems share (open(2), mkdir(2), unlink(2), rename(2), …).
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
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  S_IFSOCK,
  S_ISVTX,
} from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { checkSealsForSize } from '../syscalls/seals.ts';
import {
  ACCESS_READ_DIR,
  ACCESS_READ_FILE,
  ACCESS_REMOVE_DIR,
  ACCESS_REMOVE_FILE,
  ACCESS_WRITE_FILE,
  checkDomain,
  checkReferring,
  rightToMake,
} from '../landlock/domain.ts';
import { FileDescription, POLLNVAL, WouldBlock } from './file.ts';
import type { Inode, Opener, Owner } from './inode.ts';
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_OPEN,
  notify,
  notifyIfGone,
  notifyName,
  notifySelf,
} from './notify.ts';
import { removeMountsOn } from './mount-tree.ts';
import { Dentry, type Location, locate, type Path, type PathContext, resolve } from './path.ts';
import {
  CAP_FOWNER,
  CAP_FSETID,
  CAP_MKNOD,
  type Credentials,
  hasCapability,
  hasCapabilityOver,
  MAY_EXECUTE,
  MAY_READ,
  MAY_WRITE,
  mayAccess,
  ownsFile,
} from './permission.ts';

/** A path name with the directory it starts from. */
export interface Name {
  readonly from: PathContext;
  readonly text: string;
}

function ownerOf(credentials: Credentials): Owner {
  return { uid: credentials.fsuid, gid: credentials.fsgid };
}

/** Files of a file system belong to somebody of the user namespace it was mounted in. @throws SystemError EOVERFLOW */
function checkCanOwn({ fsuid, fsgid }: Credentials, { mount }: Path): void {
  const { owner } = mount.fs;
  if (owner !== undefined && !(owner.has('uid', fsuid) && owner.has('gid', fsgid))) fail('EOVERFLOW');
}

function checkWritable(path: Path): void {
  if (path.mount.isReadOnly) fail('EROFS');
}

/** The directory may be changed by these credentials. */
function checkDirectory(directory: Path, credentials: Credentials): void {
  if (!directory.entry.inode.isDirectory) fail('ENOTDIR');
  // it was removed while it is somebody's working directory
  if (directory.entry.inode.links === 0) fail('ENOENT');
  checkWritable(directory);
  if (!mayAccess(credentials, directory.entry.inode, MAY_WRITE | MAY_EXECUTE)) fail('EACCES');
}

/** Where a new file goes; `makes` is its type, undefined for one there is already. @throws SystemError EEXIST, … */
function newPlace(name: Name, makes: number | undefined): Location {
  const place = locate(name.from, name.text, { nameItself: true });
  if (place.target !== undefined) fail('EEXIST');
  if (place.mustBeDirectory && makes !== S_IFDIR) fail('ENOENT');
  checkCanOwn(name.from.credentials, place.directory);
  checkDirectory(place.directory, name.from.credentials);
  if (makes !== undefined) checkDomain(name.from.credentials.landlock, place.directory, rightToMake(makes));
  return place;
}

/** Who opens a file. */
export type OpeningTask = Omit<Opener, 'path'>;

/**
 * Makes a file. What is made in a directory with a default access control list gets its permissions from that, other files
 * all but those of the umask (acl(5) "OBJECT CREATION AND DEFAULT ACLs").
 */
function createIn(directory: Inode, { credentials, umask = 0 }: PathContext, mode: number, make: Maker): Inode {
  const preset = directory.acl('default');
  if (preset === undefined) return make.make(mode & ~umask, ownerOf(credentials));
  const { mode: bits, acl } = preset.inherited(mode);
  const made = make.make(bits, ownerOf(credentials));
  try {
    if (acl !== undefined) made.setAcl('access', acl);
    if (made.isDirectory) made.setAcl('default', preset);
  } catch (failure) {
    make.undo(made);
    throw failure;
  }
  return made;
}

/** How a file is made, and unmade when it cannot get its access control list. */
interface Maker {
  readonly make: (mode: number, owner: Owner) => Inode;
  readonly undo: (made: Inode) => void;
}

/** Makes a file of a name. */
function createNamed({ entry: { inode } }: Path, name: string, from: PathContext, mode: number, special = 0): Inode {
  return createIn(inode, from, mode, {
    make: (bits, owner) => inode.create(name, bits, owner, special),
    undo: (made) => (made.isDirectory ? inode.rmdir(name) : inode.unlink(name)),
  });
}

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

const isDevice = (type: number) => type === S_IFCHR || type === S_IFBLK;

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

/** mkdir(2). @throws SystemError */
export function makeDirectory(name: Name, mode: number): void {
  const place = newPlace(name, S_IFDIR);
  const { directory } = place;
  const inode = createNamed(directory, place.name, name.from, S_IFDIR | (mode & 0o1777));
  notifyName(directory, IN_CREATE, place.name, inode);
}

/** mknod(2); `special` is the number of a device. @throws SystemError */
export function makeNode(name: Name, mode: number, special: number): void {
  const type = mode & S_IFMT;
  const { credentials } = name.from;
  if (type === S_IFDIR) fail('EPERM');
  if (![0, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK].includes(type)) fail('EINVAL');
  const isWhiteout = type === S_IFCHR && special === 0;
  const place = newPlace(name, type);
  if (isDevice(type) && !isWhiteout && !hasCapability(credentials, CAP_MKNOD)) fail('EPERM');
  const { directory } = place;
  const full = type === 0 ? mode | S_IFREG : mode;
  const inode = createNamed(directory, place.name, name.from, full, special);
  notifyName(directory, IN_CREATE, place.name, inode);
}

/** symlink(2). @throws SystemError */
export function makeSymlink(name: Name, target: string): void {
  if (target === '') fail('ENOENT');
  const place = newPlace(name, S_IFLNK);
  const { directory } = place;
  const inode = directory.entry.inode.symlink(place.name, target, ownerOf(name.from.credentials));
  notifyName(directory, IN_CREATE, place.name, inode);
}

/** The sticky bit: only the owner of file or directory removes a name. */
function checkRemoval(directory: Path, target: Inode, credentials: Credentials): void {
  checkDirectory(directory, credentials);
  const { inode } = directory.entry;
  const isSticky = (inode.mode & S_ISVTX) !== 0;
  const isOwner = credentials.fsuid === target.uid || credentials.fsuid === inode.uid;
  if (isSticky && !isOwner && !hasCapabilityOver(credentials, CAP_FOWNER, target)) fail('EPERM');
}

function existing(name: Name): Location & { target: Path } {
  const place = locate(name.from, name.text, { nameItself: true });
  const { target } = place;
  return target === undefined ? fail('ENOENT') : { ...place, target };
}

function checkNotMounted(path: Path, directory: Path): void {
  if (path.mount !== directory.mount || path.mount.mounted.has(path.entry)) fail('EBUSY');
}

/** unlink(2). @throws SystemError */
export function unlink(name: Name): void {
  const { directory, target, name: last, mustBeDirectory } = existing(name);
  checkRemoval(directory, target.entry.inode, name.from.credentials);
  if (target.entry.inode.isDirectory) fail('EISDIR');
  if (mustBeDirectory) fail('ENOTDIR');
  checkDomain(name.from.credentials.landlock, directory, ACCESS_REMOVE_FILE);
  checkNotMounted(target, directory);
  const { inode } = target.entry;
  directory.entry.inode.unlink(last);
  notifySelf(inode, IN_ATTRIB);
  notifyIfGone(inode);
  notifyName(directory, IN_DELETE, last, inode);
  forget(directory, last);
}

/** rmdir(2). @throws SystemError */
export function removeDirectory(name: Name): void {
  const { directory, target, name: last } = existing(name);
  if (/^\/+$/.test(name.text)) fail('EBUSY');
  if (last === '.') fail('EINVAL');
  if (last === '..') fail('ENOTEMPTY');
  checkRemoval(directory, target.entry.inode, name.from.credentials);
  if (!target.entry.inode.isDirectory) fail('ENOTDIR');
  checkDomain(name.from.credentials.landlock, directory, ACCESS_REMOVE_DIR);
  checkNotMounted(target, directory);
  const { inode } = target.entry;
  directory.entry.inode.rmdir(last);
  notifyIfGone(inode);
  notifyName(directory, IN_DELETE, last, inode);
  forget(directory, last);
}

/** The name is gone; its entry stays for those who have it. What other namespaces mounted there goes too. */
function forget(directory: Path, name: string): void {
  const entry = directory.entry.children.get(name);
  if (entry !== undefined) removeMountsOn(entry);
  directory.entry.children.delete(name);
}

/** link(2) to a file that was found already. @throws SystemError */
export function makeLink(from: Path, name: Name): void {
  const place = newPlace(name, undefined);
  const { inode } = from.entry;
  if (from.mount.fs !== place.directory.mount.fs || from.mount !== place.directory.mount) fail('EXDEV');
  if (inode.isDirectory) fail('EPERM');
  if (inode.links === 0 && !inode.isLinkable) fail('ENOENT');
  const above = { mount: from.mount, entry: from.entry.parent ?? from.entry };
  const { landlock } = name.from.credentials;
  checkReferring(landlock, { inode, directory: above }, place.directory, { removes: false });
  place.directory.entry.inode.link(place.name, inode);
  inode.isLinkable = false;
  notifySelf(inode, IN_ATTRIB);
  notifyName(place.directory, IN_CREATE, place.name, inode);
}

const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
const RENAME_WHITEOUT = 4;
const RENAME_KNOWN = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;

/** renameat2(2). @throws SystemError */
export function rename(oldName: Name, newName: Name, flags = 0): void {
  if (flags & ~RENAME_KNOWN || (flags & RENAME_EXCHANGE && flags !== RENAME_EXCHANGE)) fail('EINVAL');
  const from = existing(oldName);
  const to = locate(newName.from, newName.text, { nameItself: true });
  const { credentials } = oldName.from;
  if (['.', '..'].includes(from.name) || ['.', '..'].includes(to.name)) fail('EBUSY');
  if (from.directory.mount !== to.directory.mount) fail('EXDEV');
  const moved = from.target.entry.inode;
  const replaced = to.target?.entry.inode;
  if (flags & RENAME_NOREPLACE && replaced !== undefined) fail('EEXIST');
  if (flags & RENAME_EXCHANGE && replaced === undefined) fail('ENOENT');
  checkRemoval(from.directory, moved, credentials);
  if (replaced === undefined) checkDirectory(to.directory, credentials);
  else checkRemoval(to.directory, replaced, credentials);
  if (moved === replaced) return;
  const exchanges = (flags & RENAME_EXCHANGE) !== 0;
  const source = { inode: moved, directory: from.directory };
  checkReferring(credentials.landlock, source, to.directory, { removes: true, replaced, exchanges });
  checkNotMounted(from.target, from.directory);
  if (to.target !== undefined) checkNotMounted(to.target, to.directory);
  if ((from.mustBeDirectory || to.mustBeDirectory) && !moved.isDirectory) fail('ENOTDIR');
  for (let entry = to.directory.entry; ; entry = entry.parent) {
    if (entry.inode === moved) fail('EINVAL');
    if (entry.parent === undefined) break;
  }
  if (flags & RENAME_EXCHANGE) {
    from.directory.entry.inode.exchange(from.name, to.directory.entry.inode, to.name);
    exchangeEntries(from, to as typeof from);
    notifyMove(from, to);
    notifyMove({ ...to, target: to.target! }, from);
    return;
  }
  if (replaced !== undefined) {
    if (moved.isDirectory && !replaced.isDirectory) fail('ENOTDIR');
    if (!moved.isDirectory && replaced.isDirectory) fail('EISDIR');
  }
  from.directory.entry.inode.rename(from.name, to.directory.entry.inode, to.name);
  if (replaced !== undefined) forget(to.directory, to.name);
  moveEntry(from, to);
  notifyMove(from, to, replaced);
  if (flags & RENAME_WHITEOUT) from.directory.entry.inode.create(from.name, S_IFCHR, { uid: 0, gid: 0 }, 0);
}

/** Both directories hear of a move, with a number that says what belongs together. */
function notifyMove(from: Location & { target: Path }, to: Location, replaced?: Inode): void {
  const { inode } = from.target.entry;
  const cookie = ++from.directory.mount.moves;
  notifyName(from.directory, IN_MOVED_FROM, from.name, inode, cookie);
  notifyName(to.directory, IN_MOVED_TO, to.name, inode, cookie);
  if (replaced !== undefined) notifySelf(replaced, IN_ATTRIB);
  notifySelf(inode, IN_MOVE_SELF);
  if (replaced !== undefined) notifyIfGone(replaced);
}

/** Working directories and open files below a renamed directory keep their place. */
function moveEntry(from: Location & { target: Path }, to: Location): void {
  const { entry } = from.target;
  from.directory.entry.children.delete(from.name);
  entry.name = to.name;
  entry.parent = to.directory.entry;
  to.directory.entry.children.set(to.name, entry);
}

function exchangeEntries(a: Location & { target: Path }, b: Location & { target: Path }): void {
  moveEntry(a, b);
  const { entry } = b.target;
  entry.name = a.name;
  entry.parent = a.directory.entry;
  a.directory.entry.children.set(a.name, entry);
}

/** Whoever changes a program without the capability for it takes its set-user-ID and set-group-ID bits away. */
export function dropPrivilege(inode: Inode, credentials: Credentials): void {
  const { mode } = inode;
  const bits = (mode & S_ISUID) | (mode & 0o010 ? mode & S_ISGID : 0);
  if (bits !== 0 && inode.isRegular && !hasCapabilityOver(credentials, CAP_FSETID, inode)) inode.mode = mode & ~bits;
}

/** The file of a name for a call that changes its attributes. */
export function changeable(name: Name, follow: boolean): Path {
  const path = resolve(name.from, name.text, { follow });
  checkWritable(path);
  return path;
}
