// System calls on names: making, removing and renaming files, links, and where a task stands: mkdir(2), unlink(2), rename(2),
// access(2), chdir(2).
import { MS_NOEXEC } from '../../abi/mount.ts';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  PATH_MAX,
} from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { SECBIT_NO_SETUID_FIXUP } from '../task/credentials.ts';
import { makeDirectory, makeLink, makeNode, makeSymlink } from '../vfs/make.ts';
import { removeDirectory, unlink } from '../vfs/remove.ts';
import { rename } from '../vfs/rename.ts';
import { isUnlinked, type Path, shownName } from '../vfs/path.ts';
import {
  CAP_DAC_READ_SEARCH,
  CAP_SYS_CHROOT,
  type Credentials,
  hasCapability,
  mayAccess,
  MAY_EXECUTE,
} from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { encodeText } from './text.ts';
import { done, full, type Implementations } from './table.ts';
import { pathArgument, namedPath, flagsArgument, nameArgument } from './path-arguments.ts';

/** As access(2) looks: with the real IDs, and the capabilities they would have. */
function realCredentials(credentials: Credentials): Credentials {
  const { uid, gid, permitted, securebits, user } = credentials;
  const real = { ...credentials, fsuid: uid, fsgid: gid };
  if (!(securebits & SECBIT_NO_SETUID_FIXUP)) real.effective = uid === user.root ? permitted : 0n;
  return real;
}

function access(call: Call, path: Path, mode: number, effective: boolean): number {
  const { credentials } = call.task;
  const { inode } = path.entry;
  if (mode & ~7) fail('EINVAL');
  if (mode & MAY_EXECUTE && inode.isRegular && path.mount.flags & MS_NOEXEC) fail('EACCES');
  if (!mayAccess(effective ? credentials : realCredentials(credentials), inode, mode)) fail('EACCES');
  const isPlain = inode.isRegular || inode.isDirectory || inode.isSymlink;
  return mode & 2 && isPlain && path.mount.isReadOnly ? fail('EROFS') : 0;
}

function readlink(call: Call, path: Path, address: number, size: number): number {
  // bufsiz is an int for the kernel
  if ((size | 0) <= 0) fail('EINVAL');
  const target = encodeText(path.entry.inode.readlink()).subarray(0, size);
  call.write(address, target);
  return target.length;
}

function getcwd(call: Call): number {
  const { root, directory } = call.task.directories;
  if (isUnlinked(directory)) fail('ENOENT');
  const shown = shownName(directory, root);
  const name = encodeText(`${shown.isReachable ? '' : '(unreachable)'}${shown.name}\0`);
  if (name.length > PATH_MAX) fail('ENAMETOOLONG');
  if (call.arg(1) < name.length) fail('ERANGE');
  call.write(call.arg(0), name);
  return name.length;
}

function changeDirectory(call: Call, path: Path): number {
  if (!path.entry.inode.isDirectory) fail('ENOTDIR');
  if (!mayAccess(call.task.credentials, path.entry.inode, MAY_EXECUTE)) fail('EACCES');
  call.task.directories.directory = path;
  return 0;
}

const nodeMode = (call: Call, n: number) => call.arg(n) & 0o177777;

/** No file system here has handles: what asks for one hears it, as on file systems that cannot be exported. */
const handles = {
  support: 'error',
  note: 'file systems have no file handles',
  interruption: 'restart',
} as const;

export const pathCalls: Implementations = {
  name_to_handle_at: {
    ...handles,
    run: (call) => {
      if (call.arg(4) & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) fail('EINVAL');
      const follow = call.arg(4) & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
      pathArgument(call, 0, 1, follow | (call.arg(4) & AT_EMPTY_PATH));
      return fail('EOPNOTSUPP');
    },
  },
  open_by_handle_at: {
    ...handles,
    run: (call) => fail(hasCapability(call.task.credentials, CAP_DAC_READ_SEARCH) ? 'ESTALE' : 'EPERM'),
  },
  access: full((call) => access(call, namedPath(call, 0), call.arg(1), false)),
  faccessat: full((call) => access(call, pathArgument(call, 0, 1, 0), call.arg(2), false)),
  faccessat2: full((call) => {
    const flags = flagsArgument(call, 3, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    return access(call, pathArgument(call, 0, 1, flags), call.arg(2), (flags & AT_EACCESS) !== 0);
  }),
  readlink: full((call) => readlink(call, namedPath(call, 0, false), call.arg(1), call.arg(2))),
  readlinkat: full((call) => {
    const path = pathArgument(call, 0, 1, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    if (!path.entry.inode.isSymlink && call.path(1) === '') fail('ENOENT');
    return readlink(call, path, call.arg(2), call.arg(3));
  }),
  mkdir: done((call) => makeDirectory(nameArgument(call, 0), call.arg(1))),
  mkdirat: done((call) => makeDirectory(nameArgument(call, 1, 0), call.arg(2))),
  mknod: done((call) => makeNode(nameArgument(call, 0), nodeMode(call, 1), call.arg(2))),
  mknodat: done((call) => makeNode(nameArgument(call, 1, 0), nodeMode(call, 2), call.arg(3))),
  symlink: done((call) => makeSymlink(nameArgument(call, 1), call.path(0))),
  symlinkat: done((call) => makeSymlink(nameArgument(call, 2, 1), call.path(0))),
  link: done((call) => makeLink(namedPath(call, 0, false), nameArgument(call, 1))),
  linkat: done((call) => {
    const flags = flagsArgument(call, 4, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH);
    if (flags & AT_EMPTY_PATH && !hasCapability(call.task.credentials, CAP_DAC_READ_SEARCH)) fail('ENOENT');
    const from = pathArgument(
      call,
      0,
      1,
      (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW) | (flags & AT_EMPTY_PATH),
    );
    makeLink(from, nameArgument(call, 3, 2));
  }),
  unlink: done((call) => unlink(nameArgument(call, 0))),
  rmdir: done((call) => removeDirectory(nameArgument(call, 0))),
  unlinkat: done((call) => {
    if (call.arg(2) & ~AT_REMOVEDIR) fail('EINVAL');
    if (call.arg(2) & AT_REMOVEDIR) removeDirectory(nameArgument(call, 1, 0));
    else unlink(nameArgument(call, 1, 0));
  }),
  rename: done((call) => rename(nameArgument(call, 0), nameArgument(call, 1))),
  renameat: done((call) => rename(nameArgument(call, 1, 0), nameArgument(call, 3, 2))),
  renameat2: done((call) => rename(nameArgument(call, 1, 0), nameArgument(call, 3, 2), call.arg(4))),
  getcwd: full(getcwd),
  chdir: full((call) => changeDirectory(call, namedPath(call, 0))),
  fchdir: full((call) => changeDirectory(call, call.anyFile(0).path ?? fail('ENOTDIR'))),
  chroot: done((call) => {
    const path = namedPath(call, 0);
    if (!path.entry.inode.isDirectory) fail('ENOTDIR');
    const { credentials } = call.task;
    if (!mayAccess(credentials, path.entry.inode, MAY_EXECUTE)) fail('EACCES');
    if (!hasCapability(credentials, CAP_SYS_CHROOT, credentials.user)) fail('EPERM');
    call.task.directories.root = path;
  }),
  umask: full((call) => {
    const old = call.task.directories.umask;
    call.task.directories.umask = call.arg(0) & 0o777;
    return old;
  }),
};
