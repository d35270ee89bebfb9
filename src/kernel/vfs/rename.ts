// Other names for files, in the place of those they have (rename(2)).
import { S_IFCHR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { checkReferring } from '../landlock/domain.ts';
import type { Inode } from './inode.ts';
import { IN_ATTRIB, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO, notifyIfGone, notifyName, notifySelf } from './notify.ts';
import { type Dentry, isBelow, type Location, locate, type Name, type Path } from './path.ts';
import { type Credentials, MAY_WRITE, mayAccess } from './permission.ts';
import { checkNotMounted, checkRemoval, forget, isDots, removable } from './remove.ts';
import { checkCanOwn, checkDirectory } from './make.ts';

const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
const RENAME_WHITEOUT = 4;
const RENAME_KNOWN = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;

/** A move: what has a name, and where it goes. */
interface Move {
  readonly from: Location & { target: Path };
  readonly to: Location;
  readonly exchanges: boolean;
}

/** Finds both places; in the order in which Linux looks at what can be wrong with the names. @throws SystemError */
function findMove(oldName: Name, newName: Name, flags: number): Move {
  const from = locate(oldName.from, oldName.text, { nameItself: true });
  const to = locate(newName.from, newName.text, { nameItself: true });
  const exchanges = (flags & RENAME_EXCHANGE) !== 0;
  if (from.directory.mount !== to.directory.mount) fail('EXDEV');
  if (isDots(from.name)) fail('EBUSY');
  if (isDots(to.name)) fail(flags & RENAME_NOREPLACE ? 'EEXIST' : 'EBUSY');
  const target = removable(from);
  if (flags & RENAME_NOREPLACE && to.target !== undefined) fail('EEXIST');
  if (exchanges && to.target === undefined) fail('ENOENT');
  const move = { from: { ...from, target }, to, exchanges };
  checkSlashes(move);
  checkNotNested(move);
  return move;
}

/** A slash behind a name says that it is a directory. */
function checkSlashes({ from, to, exchanges }: Move): void {
  const isDirectory = from.target.entry.inode.isDirectory;
  if (from.mustBeDirectory && !isDirectory) fail('ENOTDIR');
  if (to.mustBeDirectory && !(exchanges ? to.target!.entry.inode.isDirectory : isDirectory)) fail('ENOTDIR');
}

/** Nothing moves into itself, nor to the place of what it is in. */
function checkNotNested({ from, to, exchanges }: Move): void {
  if (isBelow(to.directory.entry, uncovered(from)!)) fail('EINVAL');
  const replaced = uncovered(to);
  if (replaced !== undefined && isBelow(from.directory.entry, replaced)) fail(exchanges ? 'EINVAL' : 'ENOTEMPTY');
}

/** What has the name itself, whatever is mounted there. */
function uncovered({ directory, target }: Location): Dentry | undefined {
  let at = target;
  while (at !== undefined && at.mount !== directory.mount) at = at.mount.parent;
  return at?.entry;
}

/** The right to move what is there, and to put it where it goes. */
function checkMove({ from, to, exchanges }: Move, credentials: Credentials): void {
  const moved = from.target.entry.inode;
  const replaced = to.target?.entry.inode;
  checkRemoval(from.directory, moved, credentials);
  if (replaced === undefined) {
    checkCanOwn(credentials, to.directory);
    checkDirectory(to.directory, credentials);
  } else {
    checkRemoval(to.directory, replaced, credentials);
    if (!exchanges && moved.isDirectory && !replaced.isDirectory) fail('ENOTDIR');
    if (!exchanges && !moved.isDirectory && replaced.isDirectory) fail('EISDIR');
  }
  if (from.directory.entry.inode === to.directory.entry.inode) return;
  // a directory that comes elsewhere has another '..'
  for (const inode of exchanges ? [moved, replaced!] : [moved])
    if (inode.isDirectory && !mayAccess(credentials, inode, MAY_WRITE)) fail('EACCES');
}

/** renameat2(2). @throws SystemError */
export function rename(oldName: Name, newName: Name, flags = 0): void {
  if (flags & ~RENAME_KNOWN || (flags & RENAME_EXCHANGE && flags !== RENAME_EXCHANGE)) fail('EINVAL');
  const move = findMove(oldName, newName, flags);
  const { from, to, exchanges } = move;
  const { credentials } = oldName.from;
  const moved = from.target.entry.inode;
  const replaced = to.target?.entry.inode;
  const source = { inode: moved, directory: from.directory };
  checkReferring(credentials.landlock, source, to.directory, { removes: true, replaced, exchanges });
  if (moved === replaced) return;
  checkMove(move, credentials);
  checkNotMounted(from.target, from.directory);
  if (to.target !== undefined) checkNotMounted(to.target, to.directory);
  if (exchanges) {
    from.directory.entry.inode.exchange(from.name, to.directory.entry.inode, to.name);
    exchangeEntries(from, to as typeof from);
    notifyMove(from, to);
    notifyMove({ ...to, target: to.target! }, from);
    return;
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
