// System calls on names: making, removing, renaming and looking up files.
import { MS_NOEXEC } from '../../abi/mount.ts';
import { RLIMIT_NOFILE } from '../../abi/resource.ts';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  PATH_MAX,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { Opening } from '../fs/special.ts';
import { NO_ID } from '../ns/user-namespace.ts';
import { SECBIT_NO_SETUID_FIXUP } from '../task/credentials.ts';
import { release, WouldBlock, type FileDescription } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import { IN_ACCESS, IN_ATTRIB, IN_MODIFY, notify } from '../vfs/notify.ts';
import {
  changeable,
  dropPrivilege,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  type Name,
  openFile,
  openNameless,
  removeDirectory,
  rename,
  unlink,
} from '../vfs/operations.ts';
import {
  isUnlinked,
  namelessPath,
  type Path,
  type PathContext,
  shownName,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  resolve,
} from '../vfs/path.ts';
import {
  CAP_CHOWN,
  CAP_DAC_READ_SEARCH,
  CAP_FSETID,
  CAP_SYS_CHROOT,
  type Credentials,
  hasCapability,
  hasCapabilityOver,
  inGroup,
  mayAccess,
  MAY_EXECUTE,
  ownsFile,
} from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { checkFileSize } from './file-size.ts';
import { encodeText } from './text.ts';
import { checkSealsForSize } from './seals.ts';
import { full, type Implementations, shortIds } from './table.ts';
import { readTimestamp, readTimeval, type TimeFormat } from './time.ts';

/** From where and for whom the task resolves names; `directoryArgument` is a dirfd. */
export function pathContext(call: Call, directoryArgument?: number): PathContext {
  const { root, directory, umask } = call.task.directories;
  const { credentials } = call.task;
  const fd = directoryArgument === undefined ? AT_FDCWD : call.arg(directoryArgument);
  if (fd === AT_FDCWD) return { root, directory, credentials, umask };
  const file = call.task.files.any(fd);
  return { root, directory: file.path ?? fail('ENOTDIR'), credentials, umask };
}

/** The name of argument n. A dirfd is only looked at when the name is relative. */
export function nameArgument(call: Call, n: number, directoryArgument?: number): Name {
  const text = call.path(n);
  return { text, from: pathContext(call, text.startsWith('/') ? undefined : directoryArgument) };
}

const firstName = (call: Call): Name => nameArgument(call, 0);
const nameInDirectory = (call: Call): Name => nameArgument(call, 1, 0);

/** The file of the name in the first argument. */
export function statPath(call: Call, follow: boolean): Inode {
  const name = nameArgument(call, 0);
  return resolve(name.from, name.text, { follow }).entry.inode;
}

/** The flags in argument n. @throws SystemError EINVAL when there are others than `known` */
function flagsArgument(call: Call, n: number, known: number): number {
  const flags = call.arg(n);
  return flags & ~known ? fail('EINVAL') : flags;
}

/** The file of a name, or of the dirfd itself with AT_EMPTY_PATH. */
export function pathArgument(call: Call, directoryArgument: number, n: number, flags: number): Path {
  const follow = !(flags & AT_SYMLINK_NOFOLLOW);
  const text = call.path(n);
  if (text === '' && flags & AT_EMPTY_PATH) {
    const fd = call.arg(directoryArgument);
    return fd === AT_FDCWD ? call.task.directories.directory : (call.task.files.any(fd).path ?? fail('ENOENT'));
  }
  const name = { text, from: pathContext(call, text.startsWith('/') ? undefined : directoryArgument) };
  return resolve(name.from, name.text, { follow });
}

/** One more than the highest descriptor the caller can get (RLIMIT_NOFILE). */
export function openFilesLimit(call: Call): number {
  return call.task.group.limits[RLIMIT_NOFILE]!.soft;
}

function finishOpen(call: Call, file: FileDescription, flags: number): number {
  return call.task.files.install(file, (flags & O_CLOEXEC) !== 0, openFilesLimit(call));
}

/** `name` is asked for when the call begins, and not when it goes on. */
function open(call: Call, name: (call: Call) => Name, flags: number, mode: number): CallResult {
  const waiting = call.pending.progress as Opening | undefined;
  if (waiting !== undefined) return waiting.isOpen ? finishOpen(call, waiting.file, flags) : call.wait([waiting.queue]);
  const make = (flags & O_TMPFILE) === O_TMPFILE ? openNameless : openFile;
  const opened = make({ kernel: call.kernel, task: call.task }, name(call), flags, mode & 0o7777);
  if (!(opened instanceof WouldBlock)) return finishOpen(call, opened, flags);
  // a FIFO waits for its other side; what waits for a lease is tried again
  if (opened instanceof Opening) call.pending.progress = opened;
  return call.wait([opened.queue], opened.deadline);
}

const openOptions = {
  interrupted: (call: Call) => {
    const waiting = call.pending.progress as Opening | undefined;
    if (waiting !== undefined) release(waiting.file);
    return undefined;
  },
};

/** struct open_how: flags, mode and resolve, 64 bits each. */
const OPEN_HOW_SIZE = 24;
const RESOLVE_CACHED = 0x20;
const RESOLVE_KNOWN = 0x3f;
/** Flags open(2) knows; openat2(2) refuses others. */
const OPEN_KNOWN = 0o27777703;
const O_PATH_WITH = O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;

function openat2(call: Call): CallResult {
  const size = call.arg(3);
  if (size < OPEN_HOW_SIZE) fail('EINVAL');
  if (size > 4096) fail('E2BIG');
  const view = call.view(call.arg(2), size);
  for (let n = OPEN_HOW_SIZE; n < size; n++) if (view.getUint8(n) !== 0) fail('E2BIG');
  const [flags, mode, restrictions] = [0, 8, 16].map((at) => Number(view.getBigUint64(at, true))) as number[];
  if (flags! > 0xffff_ffff || flags! & ~OPEN_KNOWN || restrictions! > RESOLVE_KNOWN) fail('EINVAL');
  const makes = (flags! & O_CREAT) !== 0 || (flags! & O_TMPFILE) === O_TMPFILE;
  if (makes ? mode! > 0o7777 : mode !== 0) fail('EINVAL');
  if (flags! & O_PATH && flags! & ~O_PATH_WITH) fail('EINVAL');
  if ((restrictions! & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) === (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) fail('EINVAL');
  if (restrictions! & RESOLVE_CACHED && flags! & (O_CREAT | O_TRUNC)) fail('EAGAIN');
  return open(call, (opening) => restrictedName(opening, restrictions!), flags!, mode!);
}

function restrictedName(call: Call, restrictions: number): Name {
  const text = call.path(1);
  const isScoped = (restrictions & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0;
  const from = pathContext(call, text.startsWith('/') && !isScoped ? undefined : 0);
  const root = restrictions & RESOLVE_IN_ROOT ? from.directory : from.root;
  return { text, from: { ...from, root, restrictions } };
}

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

function checkOwner(call: Call, inode: Inode): void {
  if (!ownsFile(call.task.credentials, inode)) fail('EPERM');
}

function chmod(call: Call, path: Path, mode: number): number {
  const { inode } = path.entry;
  if (path.mount.isReadOnly) fail('EROFS');
  checkOwner(call, inode);
  const { credentials } = call.task;
  let bits = mode & 0o7777;
  if (!inGroup(credentials, inode.gid) && !hasCapabilityOver(credentials, CAP_FSETID, inode)) bits &= ~0o2000;
  const acl = inode.acl('access');
  if (acl !== undefined) inode.setAcl('access', acl.withMode(bits));
  inode.mode = (inode.mode & ~0o7777) | bits;
  inode.changed = inode.fs.now();
  notify(path, IN_ATTRIB);
  return 0;
}

/** Changes owner and group; NO_ID leaves one as it is. */
function chown(call: Call, path: Path, uid: number, gid: number): number {
  const { inode } = path.entry;
  const { credentials } = call.task;
  if (path.mount.isReadOnly) fail('EROFS');
  if (!hasCapabilityOver(credentials, CAP_CHOWN, inode)) {
    const isOwner = credentials.fsuid === inode.uid;
    if (uid !== NO_ID && (uid !== inode.uid || !isOwner)) fail('EPERM');
    if (gid !== NO_ID && !(isOwner && (inGroup(credentials, gid) || gid === inode.gid))) fail('EPERM');
  }
  if (uid !== NO_ID) inode.uid = uid;
  if (gid !== NO_ID) inode.gid = gid;
  if (!inode.isDirectory && (inode.mode & 0o6000) !== 0) inode.mode &= inode.mode & 0o010 ? ~0o6000 : ~0o4000;
  inode.changed = inode.fs.now();
  if (uid !== NO_ID || gid !== NO_ID) notify(path, IN_ATTRIB);
  return 0;
}

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;

/** A time to set. */
type NewTime = bigint | 'now' | 'keep';

/** Sets access and modification time, both to now without `times`. */
function setTimes(call: Call, path: Path, times: readonly [NewTime, NewTime] | undefined): number {
  const { inode } = path.entry;
  if (path.mount.isReadOnly) fail('EROFS');
  const { credentials } = call.task;
  const isNow = times === undefined || (times[0] === 'now' && times[1] === 'now');
  if (times?.[0] === 'keep' && times[1] === 'keep') return 0;
  if (!isNow) checkOwner(call, inode);
  else if (!ownsFile(credentials, inode) && !mayAccess(credentials, inode, 2)) fail('EACCES');
  const now = inode.fs.now();
  const [accessed, modified] = times ?? ['now', 'now'];
  if (accessed !== 'keep') inode.accessed = accessed === 'now' ? now : accessed;
  if (modified !== 'keep') inode.modified = modified === 'now' ? now : modified;
  inode.changed = now;
  notify(path, times?.[0] === 'keep' ? IN_MODIFY : times?.[1] === 'keep' ? IN_ACCESS : IN_ATTRIB);
  return 0;
}

function timespecs(call: Call, address: number, format: TimeFormat): [NewTime, NewTime] | undefined {
  if (address === 0) return undefined;
  const size = format === 'wide' ? 8 : call.wordSize;
  const time = (n: number): NewTime => {
    const at = address + 2 * n * size;
    const nanoseconds = call.readWord(at + size, 4);
    if (nanoseconds === UTIME_NOW) return 'now';
    return nanoseconds === UTIME_OMIT ? 'keep' : readTimestamp(call, at, format);
  };
  return [time(0), time(1)];
}

function utimensat(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const times = timespecs(call, call.arg(2), format);
    const flags = flagsArgument(call, 3, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    if (call.arg(1) === 0) return flags ? fail('EINVAL') : setTimes(call, filePath(call, 0), times);
    return setTimes(call, pathArgument(call, 0, 1, flags), times);
  };
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

function timevals(call: Call, address: number): [NewTime, NewTime] | undefined {
  const at = (n: number) => readTimeval(call, address + 2 * n * call.wordSize);
  return address === 0 ? undefined : [at(0), at(1)];
}

/** A call that returns 0 unless it fails. */
const done = (act: (call: Call) => void) =>
  full((call) => {
    act(call);
    return 0;
  });
const nodeMode = (call: Call, n: number) => call.arg(n) & 0o177777;
const filePath = (call: Call, n: number): Path => {
  const file = call.file(n);
  return file.path ?? namelessPath(file.inode);
};
const plain = (call: Call, n: number, follow = true): Path => {
  const name = nameArgument(call, n);
  return resolve(name.from, name.text, { follow });
};

const owner = (call: Call, n: number): [uid: number, gid: number] => [call.id(n, 'uid'), call.id(n + 1, 'gid')];

const chownCall = full((call) => chown(call, changeable(nameArgument(call, 0), true), ...owner(call, 1)));
const lchownCall = full((call) => chown(call, changeable(nameArgument(call, 0), false), ...owner(call, 1)));
const fchownCall = full((call) => chown(call, filePath(call, 0), ...owner(call, 1)));

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
  open: full((call) => open(call, firstName, call.arg(1), call.arg(2)), openOptions),
  creat: full((call) => open(call, firstName, O_CREAT | O_WRONLY | O_TRUNC, call.arg(1)), openOptions),
  openat: full((call) => open(call, nameInDirectory, call.arg(2), call.arg(3)), openOptions),
  openat2: full(openat2, openOptions),
  access: full((call) => access(call, plain(call, 0), call.arg(1), false)),
  faccessat: full((call) => access(call, pathArgument(call, 0, 1, 0), call.arg(2), false)),
  faccessat2: full((call) => {
    const flags = flagsArgument(call, 3, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    return access(call, pathArgument(call, 0, 1, flags), call.arg(2), (flags & AT_EACCESS) !== 0);
  }),
  readlink: full((call) => readlink(call, plain(call, 0, false), call.arg(1), call.arg(2))),
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
  link: done((call) => makeLink(plain(call, 0, false), nameArgument(call, 1))),
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
  chmod: full((call) => chmod(call, plain(call, 0), call.arg(1))),
  fchmod: full((call) => chmod(call, filePath(call, 0), call.arg(1))),
  fchmodat: full((call) => chmod(call, pathArgument(call, 0, 1, 0), call.arg(2))),
  chown: shortIds(chownCall),
  chown32: chownCall,
  lchown: shortIds(lchownCall),
  lchown32: lchownCall,
  fchown: shortIds(fchownCall),
  fchown32: fchownCall,
  fchownat: full((call) => {
    const flags = flagsArgument(call, 4, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    return chown(call, pathArgument(call, 0, 1, flags), ...owner(call, 2));
  }),
  utimensat: full(utimensat('native')),
  utimensat_time64: full(utimensat('wide')),
  utimes: full((call) => setTimes(call, plain(call, 0), timevals(call, call.arg(1)))),
  futimesat: full((call) => {
    const times = timevals(call, call.arg(2));
    if (call.arg(1) === 0) return setTimes(call, filePath(call, 0), times);
    return setTimes(call, pathArgument(call, 0, 1, 0), times);
  }),
  utime: full((call) => {
    const address = call.arg(1);
    const at = (n: number) => BigInt(call.readWord(address + n * call.wordSize)) * 1_000_000_000n;
    return setTimes(call, plain(call, 0), address === 0 ? undefined : [at(0), at(1)]);
  }),
  truncate: done((call) => truncatePath(call, call.arg(1))),
  truncate64: done((call) => truncatePath(call, call.arg(1))),
  getcwd: full(getcwd),
  chdir: full((call) => changeDirectory(call, plain(call, 0))),
  fchdir: full((call) => changeDirectory(call, call.anyFile(0).path ?? fail('ENOTDIR'))),
  chroot: done((call) => {
    const path = plain(call, 0);
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

function truncatePath(call: Call, size: number): void {
  if (size < 0) fail('EINVAL');
  checkFileSize(call, size);
  const path = changeable(nameArgument(call, 0), true);
  const { inode } = path.entry;
  if (inode.isDirectory) fail('EISDIR');
  if (!mayAccess(call.task.credentials, inode, 2)) fail('EACCES');
  checkSealsForSize(inode, size);
  inode.truncate(size);
  notify(path, IN_MODIFY);
  dropPrivilege(inode, call.task.credentials);
}
