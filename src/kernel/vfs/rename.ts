// Other names for files, in the place of those they have (rename(2)).
import { S_IFCHR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { checkReferring } from '../landlock/domain.ts';
import type { Inode } from './inode.ts';
import { IN_ATTRIB, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO, notifyIfGone, notifyName, notifySelf } from './notify.ts';
import { type Name, type Location, locate, type Path } from './path.ts';
import { existing, checkRemoval, checkNotMounted, forget } from './remove.ts';
import { checkDirectory } from './make.ts';

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
