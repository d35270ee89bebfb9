// Mounts as open files: open_tree(2), move_mount(2), mount_setattr(2).
import { MOUNT_FLAGS, MS_RDONLY, MS_NOATIME, MS_RELATIME } from '../../abi/mount.ts';
import { AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_PATH } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { FileDescription } from '../vfs/file.ts';
import { makePrivate, makeShared, makeSlave, makeUnbindable, removeTree, treeOf } from '../vfs/mount-tree.ts';
import { PathFile } from '../vfs/open.ts';
import { type Mount, type Path, throughMounts } from '../vfs/path.ts';
import type { Call } from './call.ts';
import {
  checkLockedFlags,
  checkMayChangeTree,
  checkMayMount,
  copyPlace,
  isInDetached,
  isOwn,
  isRoot,
  isWritten,
  moveTree,
} from './mount.ts';
import { openFilesLimit } from './limits.ts';
import { pathArgument } from './path-arguments.ts';
import { full, type Implementations, partial } from './table.ts';

const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;

/** A tree of mounts that is nowhere yet; when nobody attaches it, it ends with the file. */
export class TreeFile extends PathFile {
  readonly #tree: Mount;

  constructor(tree: Mount) {
    super(tree.root.inode, O_PATH);
    this.#tree = tree;
    tree.isDetached = true;
    this.path = { mount: tree, entry: tree.root };
  }

  override closed(): void {
    if (this.#tree.isDetached) removeTree(this.#tree, false);
  }
}

/** A descriptor for it. */
export function install(call: Call, file: FileDescription, closeOnExec: boolean): number {
  return call.task.files.install(file, closeOnExec, openFilesLimit(call));
}

function openTree(call: Call): number {
  const flags = call.arg(2);
  const known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | O_CLOEXEC;
  if (flags & ~known || (flags & AT_RECURSIVE && !(flags & OPEN_TREE_CLONE))) fail('EINVAL');
  if (flags & OPEN_TREE_CLONE) checkMayMount(call);
  const path = pathArgument(call, 0, 1, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  if (flags & OPEN_TREE_CLONE)
    return install(call, new TreeFile(copyPlace(call, path, (flags & AT_RECURSIVE) !== 0)), closeOnExec);
  const file = new PathFile(path.entry.inode, O_PATH);
  file.path = path;
  return install(call, file, closeOnExec);
}

/** Bits for each of the two paths of move_mount(2): follow symbolic links, automounts, and the descriptor itself. */
const MOVE_SYMLINKS = 1;
const MOVE_EMPTY_PATH = 4;
const MOVE_KNOWN = 0x77;

function moveMount(call: Call): number {
  checkMayChangeTree(call);
  const flags = call.arg(4);
  if (flags & ~MOVE_KNOWN) fail('EINVAL');
  const at = (directory: number, bits: number): Path =>
    pathArgument(
      call,
      directory,
      directory + 1,
      (bits & MOVE_EMPTY_PATH ? AT_EMPTY_PATH : 0) | (bits & MOVE_SYMLINKS ? 0 : AT_SYMLINK_NOFOLLOW),
    );
  moveTree(call, at(0, flags), throughMounts(at(2, flags >> 4)));
  return 0;
}

const ATTRIBUTE_TIMES = 0x70;
const ATTRIBUTE_NOATIME = 0x10;
const ATTRIBUTE_STRICT = 0x20;
export const ATTRIBUTES_KNOWN = MOUNT_FLAGS.reduce((all, { attribute = 0 }) => all | attribute, ATTRIBUTE_TIMES);

/** The flags of mount(2) that attributes stand for, but for access times. */
export const plainFlags = (attributes: number) =>
  MOUNT_FLAGS.reduce((flags, { attribute = 0, flag }) => (attributes & attribute ? flags | flag : flags), 0);

/** How access times are kept, by the attribute. @throws SystemError EINVAL */
export function timeFlags(attributes: number): number {
  const times = attributes & ATTRIBUTE_TIMES;
  if (times === ATTRIBUTE_NOATIME) return MS_NOATIME;
  if (times === ATTRIBUTE_STRICT) return 0;
  return times === 0 ? MS_RELATIME : fail('EINVAL');
}

const ATTR_SIZE = 32;
const PAGE = 4096;
const PROPAGATION: Readonly<Record<number, (call: Call, mount: Mount) => void>> = {
  0: () => {},
  [1 << 17]: (_call, mount) => makeUnbindable(mount),
  [1 << 18]: (_call, mount) => makePrivate(mount),
  [1 << 19]: (_call, mount) => makeSlave(mount),
  [1 << 20]: (call, mount) => makeShared(call.kernel, mount),
};

function mountSetattr(call: Call): number {
  const [flags, address, size] = [call.arg(2), call.arg(3), call.arg(4)];
  if (flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) fail('EINVAL');
  if (size > PAGE) fail('E2BIG');
  if (size < ATTR_SIZE) fail('EINVAL');
  checkMayMount(call);
  const view = call.view(address, size);
  for (let at = ATTR_SIZE; at < size; at++) if (view.getUint8(at) !== 0) fail('E2BIG');
  const [set, clear, type] = [0, 8, 16].map((at) => Number(view.getBigUint64(at, true))) as [number, number, number];
  if (set === 0 && clear === 0 && type === 0) return 0;
  const spread = PROPAGATION[type] ?? fail('EINVAL');
  if (set > 0xffff_ffff || clear > 0xffff_ffff || (set | clear) & ~ATTRIBUTES_KNOWN) fail('EINVAL');
  // a way to keep access times replaces the one before, which has to be cleared as a whole
  const changesTimes = (clear & ATTRIBUTE_TIMES) !== 0;
  if (changesTimes ? (clear & ATTRIBUTE_TIMES) !== ATTRIBUTE_TIMES : set & ATTRIBUTE_TIMES) fail('EINVAL');
  const times = changesTimes ? timeFlags(set) : undefined;
  const path = pathArgument(call, 0, 1, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  if (!isRoot(path) || !(isOwn(call, path.mount) || isInDetached(path.mount))) fail('EINVAL');
  const mounts = flags & AT_RECURSIVE ? [...treeOf(path.mount)] : [path.mount];
  const changed = mounts.map((mount) => {
    let next = (mount.flags & ~plainFlags(clear)) | plainFlags(set);
    if (times !== undefined) next = (next & ~(MS_NOATIME | MS_RELATIME)) | times;
    checkLockedFlags(mount, next);
    if (next & ~mount.flags & MS_RDONLY && isWritten(call, (open) => open.mount === mount)) fail('EBUSY');
    return { mount, next };
  });
  for (const { mount, next } of changed) {
    mount.change(next);
    spread(call, mount);
  }
  return 0;
}

export const mountObjectCalls: Implementations = {
  open_tree: full(openTree),
  move_mount: partial('no MOVE_MOUNT_SET_GROUP and MOVE_MOUNT_BENEATH', moveMount),
  mount_setattr: partial('no MOUNT_ATTR_IDMAP', mountSetattr),
};
