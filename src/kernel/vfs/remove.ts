// Taking names away: unlink(2), rmdir(2).
import { S_ISVTX } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { ACCESS_REMOVE_DIR, ACCESS_REMOVE_FILE, checkDomain } from '../landlock/domain.ts';
import type { Inode } from './inode.ts';
import { IN_ATTRIB, IN_DELETE, notifyIfGone, notifyName, notifySelf } from './notify.ts';
import { removeMountsOn } from './mount-tree.ts';
import { type Location, locate, type Name, type Path } from './path.ts';
import { CAP_FOWNER, type Credentials, hasCapabilityOver } from './permission.ts';
import { checkDirectory, checkWritable } from './make.ts';

/** The sticky bit: only the owner of file or directory removes a name. */
export function checkRemoval(directory: Path, target: Inode, credentials: Credentials): void {
  checkDirectory(directory, credentials);
  const { inode } = directory.entry;
  const isSticky = (inode.mode & S_ISVTX) !== 0;
  const isOwner = credentials.fsuid === target.uid || credentials.fsuid === inode.uid;
  if (isSticky && !isOwner && !hasCapabilityOver(credentials, CAP_FOWNER, target)) fail('EPERM');
}

/** The directory itself or the one above. */
export const isDots = (name: string) => name === '.' || name === '..';

/** A file that is to lose its name: it has to be there. What is read-only is so whatever it holds. @throws SystemError */
export function removable({ directory, target }: Location): Path {
  checkWritable(directory);
  return target ?? fail('ENOENT');
}

/** Nothing is mounted there. @throws SystemError EBUSY */
export function checkNotMounted(path: Path, directory: Path): void {
  if (path.mount !== directory.mount || path.mount.mounted.has(path.entry)) fail('EBUSY');
}

/** unlink(2). @throws SystemError */
export function unlink(name: Name): void {
  const place = locate(name.from, name.text, { nameItself: true });
  const { directory, name: last, mustBeDirectory } = place;
  if (isDots(last)) fail('EISDIR');
  const target = removable(place);
  const { inode } = target.entry;
  if (mustBeDirectory) fail(inode.isDirectory ? 'EISDIR' : 'ENOTDIR');
  checkDomain(name.from.credentials.landlock, directory, ACCESS_REMOVE_FILE);
  checkRemoval(directory, inode, name.from.credentials);
  if (inode.isDirectory) fail('EISDIR');
  checkNotMounted(target, directory);
  directory.entry.inode.unlink(last);
  notifySelf(inode, IN_ATTRIB);
  notifyIfGone(inode);
  notifyName(directory, IN_DELETE, last, inode);
  forget(directory, last);
}

/** rmdir(2). @throws SystemError */
export function removeDirectory(name: Name): void {
  const place = locate(name.from, name.text, { nameItself: true });
  const { directory, name: last } = place;
  if (/^\/+$/.test(name.text)) fail('EBUSY');
  if (last === '.') fail('EINVAL');
  if (last === '..') fail('ENOTEMPTY');
  const target = removable(place);
  const { inode } = target.entry;
  checkDomain(name.from.credentials.landlock, directory, ACCESS_REMOVE_DIR);
  checkRemoval(directory, inode, name.from.credentials);
  if (!inode.isDirectory) fail('ENOTDIR');
  checkNotMounted(target, directory);
  directory.entry.inode.rmdir(last);
  notifyIfGone(inode);
  notifyName(directory, IN_DELETE, last, inode);
  forget(directory, last);
}

/** The name is gone; its entry stays for those who have it. What other namespaces mounted there goes too. */
export function forget(directory: Path, name: string): void {
  const entry = directory.entry.children.get(name);
  if (entry !== undefined) removeMountsOn(entry);
  directory.entry.children.delete(name);
}
