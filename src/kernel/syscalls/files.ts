// System calls on open files: reading and writing, seeking, descriptors, directories, status.
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_TRUNC,
  S_IFIFO,
} from '../../abi/stat.ts';
import { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import { Pipe, PipeEnd } from '../fs/pipe.ts';
import { setAsync } from '../vfs/async.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import { type FileDescription, hold } from '../vfs/file.ts';
import type { Call, CallResult } from './call.ts';
import { encodeText } from './text.ts';
import { checkFileSize } from './file-size.ts';
import { ioctl } from './ioctl.ts';
import { openFilesLimit } from './limits.ts';
import { pathArgument, statPath } from './path-arguments.ts';
import { ownerControl } from './file-owners.ts';
import { addSeals, checkSealsForAllocation, checkSealsForSize, getSeals } from './seals.ts';
import { encodeStat, encodeStat64, encodeStatx } from './stat.ts';
import { lockControl } from './locks.ts';
import { full, type Implementations } from './table.ts';
import { buffers, oneBuffer, readFrom, writeTo, written } from './transfer.ts';
import { namelessPath, type Path } from '../vfs/path.ts';
import { IN_MODIFY, notifyFile } from '../vfs/notify.ts';
import { dropPrivilege } from '../vfs/permission.ts';

const FALLOC_KEEP_SIZE = 1;
const FALLOC_PUNCH_HOLE = 2;
/** With collapsing, zeroing, inserting and unsharing of ranges. */
const FALLOC_KNOWN = 0x7b;
/** Flags F_SETFL can change. */
const CHANGEABLE = O_APPEND | O_NONBLOCK | O_DIRECT | 0o1000000;
/** Flags that matter only while opening. */
const OPENING = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

function readableFile(call: Call, n: number): FileDescription {
  const file = call.file(n);
  if (!file.readable) fail('EBADF');
  if (file instanceof DirectoryFile) fail('EISDIR');
  return file;
}

function writableFile(call: Call, n: number): FileDescription {
  const file = call.file(n);
  if (!file.writable) fail('EBADF');
  return file;
}

/** A file to be read or written at an offset, which is looked at in this order. @throws SystemError EINVAL, EBADF, ESPIPE */
function placedFile(call: Call, offset: number, find: (call: Call, n: number) => FileDescription): FileDescription {
  if (offset < 0) fail('EINVAL');
  if (!call.file(0).seekable) fail('ESPIPE');
  return find(call, 0);
}

/** preadv and pwritev pass their offset in two words. */
const pairOffset = (call: Call, n: number): number =>
  call.is32
    ? Number(BigInt.asIntN(64, call.arg64(n) | (call.arg64(n + 1) << 32n)))
    : Number(BigInt.asIntN(64, call.arg64(n)));

const RWF_NOWAIT = 8;
const RWF_APPEND = 16;
const RWF_KNOWN = 31;

/** What preadv2 and pwritev2 are asked for: the offset -1 stands for the file's own. */
function vectorTransfer(call: Call, find: (call: Call, n: number) => FileDescription) {
  const at = pairOffset(call, 3);
  const file = at === -1 ? find(call, 0) : placedFile(call, at, find);
  const list = buffers(call, call.arg(1), call.arg(2));
  const flags = call.arg(5);
  if (flags & ~RWF_KNOWN) fail('EOPNOTSUPP');
  return { file, list, offset: at === -1 ? undefined : at, flags };
}

function duplicate(call: Call, flags: number): number {
  const [old, wanted] = [call.arg(0), call.arg(1)];
  const file = call.task.files.any(old);
  if (wanted < 0 || wanted >= openFilesLimit(call)) fail('EBADF');
  call.task.files.replace(wanted, hold(file), (flags & O_CLOEXEC) !== 0);
  return wanted;
}

const F_DUPFD = 0;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
/** What can be done with a file opened with O_PATH (open(2)). */
const PATH_OPERATIONS = new Set([F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL]);

function fcntl(call: Call): CallResult {
  const fd = call.arg(0);
  const { files } = call.task;
  const file = files.any(fd);
  const argument = call.arg(2);
  if (file.flags & O_PATH && !PATH_OPERATIONS.has(call.arg(1))) fail('EBADF');
  switch (call.arg(1)) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      if (argument < 0 || argument >= openFilesLimit(call)) fail('EINVAL');
      return files.install(hold(file), call.arg(1) === F_DUPFD_CLOEXEC, openFilesLimit(call), argument);
    case F_GETFD:
      return files.closeOnExec(fd) ? 1 : 0;
    case F_SETFD:
      files.setCloseOnExec(fd, (argument & 1) !== 0);
      return 0;
    case F_GETFL:
      return file.flags & ~OPENING;
    case F_SETFL:
      setAsync(call.kernel, call.task, file, fd, (argument & O_ASYNC) !== 0);
      file.flags = (file.flags & ~CHANGEABLE) | (argument & CHANGEABLE);
      return 0;
    case F_GETPIPE_SZ:
      return file instanceof PipeEnd ? file.pipe.capacity : fail('EBADF');
    case F_SETPIPE_SZ:
      return file instanceof PipeEnd
        ? file.pipe.resize(call.kernel.pipePages, argument >>> 0, call.task.credentials)
        : fail('EBADF');
    case F_ADD_SEALS:
      return addSeals(file, argument);
    case F_GET_SEALS:
      return getSeals(file);
    default:
      return ownerControl(call, file) ?? lockControl(call, file);
  }
}

function makePipe(call: Call, flags: number): number {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) fail('EINVAL');
  const { files } = call.task;
  const pipe = new Pipe(new KernelObject(call.kernel.memory, 'slab'));
  pipe.begin(call.kernel.pipePages, call.task.credentials);
  const { fsuid: uid, fsgid: gid } = call.task.credentials;
  const inode = call.kernel.pipeInode(pipe, { uid, gid });
  const limit = openFilesLimit(call);
  const status = flags & (O_NONBLOCK | O_DIRECT);
  const opened: number[] = [];
  try {
    for (const access of [0, 1])
      opened.push(files.install(new PipeEnd(inode, status | access, pipe), (flags & O_CLOEXEC) !== 0, limit));
    for (const [n, fd] of opened.entries()) call.writeWord(call.arg(0) + 4 * n, fd, 4);
  } catch (failure) {
    for (const fd of opened) files.close(fd);
    // an end that nobody got
    pipe.empty();
    throw failure;
  }
  return 0;
}

/** Lists a directory; `encode` gives the bytes of an entry. */
function listDirectory(
  call: Call,
  encode: (ino: number, next: number, type: number, name: Uint8Array) => Uint8Array,
): number {
  const file = call.file(0);
  if (!(file instanceof DirectoryFile)) return fail('ENOTDIR');
  if (file.inode.links === 0) return fail('ENOENT');
  const room = call.arg(2);
  let at = 0;
  for (const { entry, next } of file.rest()) {
    const bytes = encode(entry.ino, next, entry.type >> 12, encodeText(entry.name));
    if (at + bytes.length > room) {
      if (at === 0) fail('EINVAL');
      break;
    }
    call.write(call.arg(1) + at, bytes);
    at += bytes.length;
    file.offset = next;
  }
  return at;
}

function directoryEntry64(ino: number, next: number, type: number, name: Uint8Array): Uint8Array {
  const length = Math.ceil((20 + name.length) / 8) * 8;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(ino), true);
  view.setBigUint64(8, BigInt(next), true);
  view.setUint16(16, length, true);
  view.setUint8(18, type);
  bytes.set(name, 19);
  return bytes;
}

/** struct linux_dirent: words of the ABI, the type in the last byte. */
function directoryEntry(word: 4 | 8): typeof directoryEntry64 {
  return (ino, next, type, name) => {
    const length = Math.ceil((2 * word + 4 + name.length) / word) * word;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    if (word === 8) {
      view.setBigUint64(0, BigInt(ino), true);
      view.setBigUint64(8, BigInt(next), true);
    } else {
      view.setUint32(0, ino, true);
      view.setUint32(4, next, true);
    }
    view.setUint16(2 * word, length, true);
    bytes.set(name, 2 * word + 2);
    view.setUint8(length - 1, type);
    return bytes;
  };
}

const put = (call: Call, n: number, bytes: Uint8Array): number => {
  call.write(call.arg(n), bytes);
  return 0;
};

export const fileCalls: Implementations = {
  read: full((call) => readFrom(call, readableFile(call, 0), oneBuffer(call))),
  write: full((call) => writeTo(call, writableFile(call, 0), oneBuffer(call)), written),
  readv: full((call) => readFrom(call, readableFile(call, 0), buffers(call, call.arg(1), call.arg(2)))),
  writev: full((call) => writeTo(call, writableFile(call, 0), buffers(call, call.arg(1), call.arg(2))), written),
  pread64: full((call) => {
    const offset = call.arg(3);
    return readFrom(call, placedFile(call, offset, readableFile), oneBuffer(call), offset);
  }),
  pwrite64: full((call) => {
    const offset = call.arg(3);
    return writeTo(call, placedFile(call, offset, writableFile), oneBuffer(call), offset);
  }, written),
  preadv: full((call) => {
    const offset = pairOffset(call, 3);
    const file = placedFile(call, offset, readableFile);
    return readFrom(call, file, buffers(call, call.arg(1), call.arg(2)), offset);
  }),
  pwritev: full((call) => {
    const offset = pairOffset(call, 3);
    const file = placedFile(call, offset, writableFile);
    return writeTo(call, file, buffers(call, call.arg(1), call.arg(2)), offset);
  }, written),
  preadv2: full((call) => {
    const { file, list, offset, flags } = vectorTransfer(call, readableFile);
    if (flags & RWF_APPEND) fail('EOPNOTSUPP');
    return readFrom(call, file, list, offset, (flags & RWF_NOWAIT) === 0);
  }),
  pwritev2: full((call) => {
    const { file, list, offset, flags } = vectorTransfer(call, writableFile);
    const at = flags & RWF_APPEND ? file.inode.size : offset;
    const result = writeTo(call, file, list, at, (flags & RWF_NOWAIT) === 0);
    if (flags & RWF_APPEND && offset === undefined) file.offset = file.inode.size;
    return result;
  }, written),
  close: full((call) => {
    call.task.files.close(call.arg(0));
    return 0;
  }),
  close_range: full((call) => {
    const [first, last] = [call.arg(0), call.arg(1)];
    if (first > last || call.arg(2) & ~6) fail('EINVAL');
    if (call.arg(2) & CLOSE_RANGE_UNSHARE) ownFiles(call);
    const { files } = call.task;
    for (const fd of [...files.numbers()]) {
      if (fd < first || fd > last) continue;
      if (call.arg(2) & 4) files.setCloseOnExec(fd, true);
      else files.close(fd);
    }
    return 0;
  }),
  lseek: full((call) => {
    const result = call.file(0).seek(call.arg(1), call.arg(2));
    return call.is32 && result > 0x7fff_ffff ? fail('EOVERFLOW') : result;
  }),
  _llseek: full((call) => {
    const offset = Number(BigInt.asIntN(64, (call.arg64(1) << 32n) | call.arg64(2)));
    call.writeWord(call.arg(3), call.file(0).seek(offset, call.arg(4)), 8);
    return 0;
  }),
  dup: full((call) => call.task.files.install(hold(call.anyFile(0)), false, openFilesLimit(call))),
  dup2: full((call) => {
    if (call.arg(0) !== call.arg(1)) return duplicate(call, 0);
    call.anyFile(0);
    return call.arg(1);
  }),
  dup3: full((call) => {
    if (call.arg(0) === call.arg(1) || call.arg(2) & ~O_CLOEXEC) fail('EINVAL');
    return duplicate(call, call.arg(2));
  }),
  fcntl: full(fcntl),
  fcntl64: full(fcntl),
  pipe: full((call) => makePipe(call, 0)),
  pipe2: full((call) => makePipe(call, call.arg(1))),
  ioctl: full(ioctl),
  ftruncate: full((call) => truncate(call)),
  ftruncate64: full((call) => truncate(call)),
  fsync: full(sync),
  fdatasync: full(sync),
  getdents64: full((call) => listDirectory(call, directoryEntry64)),
  getdents: full((call) => listDirectory(call, directoryEntry(call.wordSize))),
  stat: full((call) => put(call, 1, encodeStat(statPath(call, true), call.abi, call.users))),
  lstat: full((call) => put(call, 1, encodeStat(statPath(call, false), call.abi, call.users))),
  fstat: full((call) => put(call, 1, encodeStat(call.anyFile(0).inode, call.abi, call.users))),
  stat64: full((call) => put(call, 1, encodeStat64(statPath(call, true), call.users))),
  lstat64: full((call) => put(call, 1, encodeStat64(statPath(call, false), call.users))),
  fstat64: full((call) => put(call, 1, encodeStat64(call.anyFile(0).inode, call.users))),
  newfstatat: full((call) => put(call, 2, encodeStat(statAt(call, 3), call.abi, call.users))),
  fstatat64: full((call) => put(call, 2, encodeStat64(statAt(call, 3), call.users))),
  statx: full(statx),
  fallocate: full(fallocate),
};

/** Files that are no device, pipe or socket can be made durable (fsync(2)). */
function sync(call: Call): number {
  const file = call.file(0);
  return file.seekable && (file.inode.isRegular || file.inode.isDirectory) ? 0 : fail('EINVAL');
}

const CLOSE_RANGE_UNSHARE = 2;

/** The task stops sharing its descriptors with others. */
function ownFiles({ task }: Call): void {
  if (task.files.users === 1) return;
  task.files.users--;
  task.files = task.files.clone();
}

function statAt(call: Call, flagsArgument: number, flags = call.arg(flagsArgument)) {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) fail('EINVAL');
  const fd = call.arg(0);
  if (flags & AT_EMPTY_PATH && fd >= 0 && call.path(1) === '') return call.anyFile(0).inode;
  return pathArgument(call, 0, 1, flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)).entry.inode;
}

const AT_STATX_SYNC_TYPE = 0x6000;
const STATX_RESERVED = 0x8000_0000;

function statx(call: Call): number {
  const [flags, mask] = [call.arg(2), call.arg(3)];
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) fail('EINVAL');
  if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE || mask >= STATX_RESERVED) fail('EINVAL');
  const isOpen = flags & AT_EMPTY_PATH && call.arg(0) >= 0 && call.path(1) === '';
  const path = isOpen ? openPath(call.anyFile(0)) : pathArgument(call, 0, 1, flags);
  return put(call, 4, encodeStatx(path, mask, call.users));
}

const openPath = (file: FileDescription): Path => file.path ?? namelessPath(file.inode);

function fallocate(call: Call): number {
  const file = call.file(0);
  const [mode, offset, length] = [call.arg(1), call.arg(2), call.arg(3)];
  if (offset < 0 || length <= 0) fail('EINVAL');
  if (mode & ~FALLOC_KNOWN || (mode & FALLOC_PUNCH_HOLE && !(mode & FALLOC_KEEP_SIZE))) fail('EOPNOTSUPP');
  if (!file.writable) fail('EBADF');
  const { inode } = file;
  if (inode.type === S_IFIFO) fail('ESPIPE');
  if (inode.isDirectory) fail('EISDIR');
  if (!inode.isRegular) fail('ENODEV');
  checkSealsForAllocation(inode, offset + length, (mode & FALLOC_PUNCH_HOLE) !== 0);
  inode.allocate(mode, offset, length);
  dropPrivilege(inode, call.task.credentials);
  return 0;
}

function truncate(call: Call): number {
  const file = call.file(0);
  if (!file.writable || (file.flags & O_ACCMODE) === 0) fail('EINVAL');
  if (call.arg(1) < 0) fail('EINVAL');
  checkFileSize(call, call.arg(1));
  checkSealsForSize(file.inode, call.arg(1));
  file.inode.truncate(call.arg(1));
  notifyFile(file, IN_MODIFY);
  dropPrivilege(file.inode, call.task.credentials);
  return 0;
}
