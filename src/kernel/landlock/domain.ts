// Landlock (landlock(7), Documentation/userspace-api/landlock.rst): what a program has forbidden itself and all that come from
// it. A domain is a stack of layers; each forbids what it handles except below the files its rules name.
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Dentry, Mount, Path } from '../vfs/path.ts';

/** Access rights (landlock(7) "Filesystem actions"). */
export const ACCESS_EXECUTE = 1 << 0;
export const ACCESS_WRITE_FILE = 1 << 1;
export const ACCESS_READ_FILE = 1 << 2;
export const ACCESS_READ_DIR = 1 << 3;
export const ACCESS_REMOVE_DIR = 1 << 4;
export const ACCESS_REMOVE_FILE = 1 << 5;
const ACCESS_MAKE_CHAR = 1 << 6;
const ACCESS_MAKE_DIR = 1 << 7;
const ACCESS_MAKE_REG = 1 << 8;
const ACCESS_MAKE_SOCK = 1 << 9;
const ACCESS_MAKE_FIFO = 1 << 10;
const ACCESS_MAKE_BLOCK = 1 << 11;
const ACCESS_MAKE_SYM = 1 << 12;
const ACCESS_REFER = 1 << 13;
export const ALL_ACCESS = (1 << 14) - 1;
/** Those that mean something for a file that is no directory. */
export const FILE_ACCESS = ACCESS_EXECUTE | ACCESS_WRITE_FILE | ACCESS_READ_FILE;

const MOST_LAYERS = 16;

/** What is allowed below files. */
export type Rules = ReadonlyMap<Inode, number>;

/** One layer, and those below it. It never changes. */
export interface Domain {
  readonly below: Domain | undefined;
  /** Rights it forbids where no rule allows them. */
  readonly handled: number;
  readonly rules: Rules;
}

/** One layer more. @throws SystemError E2BIG */
export function restricted(below: Domain | undefined, handled: number, rules: Rules): Domain {
  let layers = 1;
  for (let domain = below; domain !== undefined; domain = domain.below) layers++;
  return layers > MOST_LAYERS ? fail('E2BIG') : { below, handled, rules };
}

/** Is the domain `outer`, or one that came from it? */
export function comesFrom(domain: Domain | undefined, outer: Domain | undefined): boolean {
  if (outer === undefined) return true;
  for (let at = domain; at !== undefined; at = at.below) if (at === outer) return true;
  return false;
}

/** The right to make a file of a type. */
export function rightToMake(mode: number): number {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return ACCESS_MAKE_SYM;
    case S_IFDIR:
      return ACCESS_MAKE_DIR;
    case S_IFCHR:
      return ACCESS_MAKE_CHAR;
    case S_IFBLK:
      return ACCESS_MAKE_BLOCK;
    case S_IFIFO:
      return ACCESS_MAKE_FIFO;
    case S_IFSOCK:
      return ACCESS_MAKE_SOCK;
    default:
      return ACCESS_MAKE_REG;
  }
}

const rightToRemove = ({ isDirectory }: Inode): number => (isDirectory ? ACCESS_REMOVE_DIR : ACCESS_REMOVE_FILE);

/** A file and the directories above it, through mounts; gives false at the end when it lies in no tree. */
function* upwards(path: Path): Generator<Inode, boolean> {
  let [mount, entry]: [Mount, Dentry] = [path.mount, path.entry];
  for (;;) {
    yield entry.inode;
    // what a mount covers does not count
    while (entry === mount.root) {
      if (mount.parent === undefined) return mount.namespace !== undefined;
      ({ mount, entry } = mount.parent);
    }
    const { parent } = entry;
    if (parent === undefined) return true;
    entry = parent;
  }
}

/** All that a layer allows at a place, of what it handles. */
function allowed({ handled, rules }: Domain, path: Path): number {
  let rights = 0;
  const walk = upwards(path);
  let step = walk.next();
  for (; !step.done; step = walk.next()) rights |= rules.get(step.value) ?? 0;
  // pipes and the like have no place that a rule could name
  return step.value ? rights & handled : handled;
}

function isAllowed(domain: Domain | undefined, path: Path, wanted: number): boolean {
  for (let layer = domain; layer !== undefined; layer = layer.below) {
    const needed = wanted & layer.handled;
    if (needed !== 0 && needed & ~allowed(layer, path)) return false;
  }
  return true;
}

/** @throws SystemError EACCES when the domain forbids any of the rights there */
export function checkDomain(domain: Domain | undefined, path: Path, wanted: number): void {
  if (domain !== undefined && !isAllowed(domain, path, wanted)) fail('EACCES');
}

/** A file that gets another name, or one that gets its place. */
export interface Moved {
  readonly inode: Inode;
  readonly directory: Path;
}

/**
 * A file may move or be linked to another directory only where its layer allows it, and when nothing can be done with it there
 * that could not before. `replaced` goes away, or takes the place of the other when they are exchanged.
 * @throws SystemError EACCES, EXDEV
 */
export function checkReferring(
  domain: Domain | undefined,
  { inode, directory }: Moved,
  to: Path,
  how: { readonly removes: boolean; readonly replaced?: Inode | undefined; readonly exchanges?: boolean },
): void {
  if (domain === undefined) return;
  const { removes, replaced, exchanges = false } = how;
  let atSource = exchanges ? rightToMake(replaced!.mode) : 0;
  let atTarget = rightToMake(inode.mode);
  if (removes) {
    atSource |= rightToRemove(inode);
    if (replaced !== undefined) atTarget |= rightToRemove(replaced);
  }
  if (directory.entry === to.entry) {
    checkDomain(domain, to, atSource | atTarget);
    return;
  }
  checkDomain(domain, directory, atSource);
  checkDomain(domain, to, atTarget);
  for (let layer: Domain | undefined = domain; layer !== undefined; layer = layer.below) {
    // whatever a layer handles, it forbids this
    const all: Domain = { ...layer, handled: layer.handled | ACCESS_REFER };
    const [before, after] = [directory, to].map((path) => allowed(all, path)) as [number, number];
    if (!(before & after & ACCESS_REFER)) fail('EXDEV');
    checkNoGain(all, inode, before, after);
    if (exchanges) checkNoGain(all, replaced!, after, before);
  }
}

function checkNoGain({ handled, rules }: Domain, inode: Inode, before: number, after: number): void {
  const scope = inode.isDirectory ? handled : handled & FILE_ACCESS;
  if (after & scope & ~(before | (rules.get(inode) ?? 0))) fail('EXDEV');
}
