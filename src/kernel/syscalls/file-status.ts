// System calls that change the status of a file: chmod(2), chown(2), utimensat(2), truncate(2).
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { NO_ID } from '../ns/user-namespace.ts';
import type { Inode } from '../vfs/inode.ts';
import { IN_ACCESS, IN_ATTRIB, IN_MODIFY, notify } from '../vfs/notify.ts';
import { changeable, type Path } from '../vfs/path.ts';
import {
  CAP_CHOWN,
  CAP_FSETID,
  dropPrivilege,
  hasCapabilityOver,
  inGroup,
  mayAccess,
  ownsFile,
} from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { checkFileSize } from './file-size.ts';
import { checkSealsForSize } from './seals.ts';
import { done, full, type Implementations, shortIds } from './table.ts';
import { readTimestamp, readTimeval, type TimeFormat } from './time.ts';
import { flagsArgument, filePath, pathArgument, nameArgument, namedPath } from './path-arguments.ts';

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

function timevals(call: Call, address: number): [NewTime, NewTime] | undefined {
  const at = (n: number) => readTimeval(call, address + 2 * n * call.wordSize);
  return address === 0 ? undefined : [at(0), at(1)];
}

const owner = (call: Call, n: number): [uid: number, gid: number] => [call.id(n, 'uid'), call.id(n + 1, 'gid')];

const chownCall = full((call) => chown(call, changeable(nameArgument(call, 0), true), ...owner(call, 1)));
const lchownCall = full((call) => chown(call, changeable(nameArgument(call, 0), false), ...owner(call, 1)));
const fchownCall = full((call) => chown(call, filePath(call, 0), ...owner(call, 1)));

export const statusCalls: Implementations = {
  chmod: full((call) => chmod(call, namedPath(call, 0), call.arg(1))),
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
  utimes: full((call) => setTimes(call, namedPath(call, 0), timevals(call, call.arg(1)))),
  futimesat: full((call) => {
    const times = timevals(call, call.arg(2));
    if (call.arg(1) === 0) return setTimes(call, filePath(call, 0), times);
    return setTimes(call, pathArgument(call, 0, 1, 0), times);
  }),
  utime: full((call) => {
    const address = call.arg(1);
    const at = (n: number) => BigInt(call.readWord(address + n * call.wordSize)) * 1_000_000_000n;
    return setTimes(call, namedPath(call, 0), address === 0 ? undefined : [at(0), at(1)]);
  }),
  truncate: done((call) => truncatePath(call, call.arg(1))),
  truncate64: done((call) => truncatePath(call, call.arg(1))),
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
