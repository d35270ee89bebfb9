// Making files of all types by their names, and the checks of directories that all file systems share: mkdir(2), mknod(2),
// symlink(2), link(2).
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { checkDomain, checkReferring, rightToMake } from '../landlock/domain.ts';
import type { Inode, Owner } from './inode.ts';
import { IN_ATTRIB, IN_CREATE, notifyName, notifySelf } from './notify.ts';
import { type Location, locate, type Name, type Path, type PathContext } from './path.ts';
import { CAP_MKNOD, type Credentials, hasCapability, MAY_EXECUTE, MAY_WRITE, mayAccess } from './permission.ts';

function ownerOf(credentials: Credentials): Owner {
  return { uid: credentials.fsuid, gid: credentials.fsgid };
}

/** Files of a file system belong to somebody of the user namespace it was mounted in. @throws SystemError EOVERFLOW */
export function checkCanOwn({ fsuid, fsgid }: Credentials, { mount }: Path): void {
  const { owner } = mount.fs;
  if (owner !== undefined && !(owner.has('uid', fsuid) && owner.has('gid', fsgid))) fail('EOVERFLOW');
}

/** @throws SystemError EROFS */
export function checkWritable(path: Path): void {
  if (path.mount.isReadOnly) fail('EROFS');
}

/** The directory may be changed by these credentials. */
export function checkDirectory(directory: Path, credentials: Credentials): void {
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

/**
 * Makes a file. What is made in a directory with a default access control list gets its permissions from that, other files
 * all but those of the umask (acl(5) "OBJECT CREATION AND DEFAULT ACLs").
 */
export function createIn(directory: Inode, { credentials, umask = 0 }: PathContext, mode: number, make: Maker): Inode {
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
export function createNamed(
  { entry: { inode } }: Path,
  name: string,
  from: PathContext,
  mode: number,
  special = 0,
): Inode {
  return createIn(inode, from, mode, {
    make: (bits, owner) => inode.create(name, bits, owner, special),
    undo: (made) => (made.isDirectory ? inode.rmdir(name) : inode.unlink(name)),
  });
}

/** The type is that of a device file. */
export const isDevice = (type: number) => type === S_IFCHR || type === S_IFBLK;

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
