// System calls on locks: flock(2), and the locks and leases of fcntl(2).
import { SEEK_CUR, SEEK_END, SEEK_SET } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { ownerBy } from '../vfs/async.ts';
import type { FileDescription } from '../vfs/file.ts';
import type { RangeLock, RangeOwner } from '../vfs/range-locks.ts';
import { hasCapability } from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';

const EAGAIN = -11;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const F_GETLK = 5;
const F_SETLKW = 7;
/** On i386 the same with 64-bit offsets. */
const F_GETLK64 = 12;
const F_SETLKW64 = 14;
const F_OFD_GETLK = 36;
const F_OFD_SETLKW = 38;
const F_SETLEASE = 1024;
const F_GETLEASE = 1025;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
const CAP_LEASE = 28;
const MOST_OFFSET = 2 ** 63;

function flock(call: Call): CallResult {
  const file = call.file(0);
  const operation = call.arg(1);
  const kind = operation & ~LOCK_NB;
  if (kind !== LOCK_SH && kind !== LOCK_EX && kind !== LOCK_UN) fail('EINVAL');
  const locks = call.kernel.locks.of(file.inode);
  const exclusive = kind === LOCK_UN ? undefined : kind === LOCK_EX;
  if (locks.setWhole(file, call.task.group.pid, exclusive) === undefined) return 0;
  return operation & LOCK_NB ? EAGAIN : call.wait([locks.queue]);
}

/** struct flock of the ABI: where its parts are. */
interface Layout {
  readonly word: 4 | 8;
  readonly start: number;
  readonly pid: number;
  readonly size: number;
}

const NARROW: Layout = { word: 4, start: 4, pid: 12, size: 16 };
const PACKED: Layout = { word: 8, start: 4, pid: 20, size: 24 };
const WIDE: Layout = { word: 8, start: 8, pid: 24, size: 32 };

interface Request {
  readonly type: number;
  readonly start: number;
  readonly last: number;
  readonly pid: number;
}

function readRequest(call: Call, file: FileDescription, layout: Layout): Request {
  const view = call.view(call.arg(2), layout.size);
  const word = (at: number) => (layout.word === 4 ? view.getInt32(at, true) : Number(view.getBigInt64(at, true)));
  const type = view.getInt16(0, true);
  const whence = view.getInt16(2, true);
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) fail('EINVAL');
  const bases: Record<number, number> = { [SEEK_SET]: 0, [SEEK_CUR]: file.offset, [SEEK_END]: file.inode.size };
  const base = bases[whence] ?? fail('EINVAL');
  const start = base + word(layout.start);
  const length = word(layout.start + layout.word);
  if (start >= MOST_OFFSET || start + length > MOST_OFFSET) fail('EOVERFLOW');
  const pid = view.getInt32(layout.pid, true);
  const first = length < 0 ? start + length : start;
  if (first < 0) fail('EINVAL');
  const last = length < 0 ? start - 1 : length === 0 ? Number.POSITIVE_INFINITY : start + length - 1;
  return { type, start: first, last, pid };
}

function writeConflict(call: Call, layout: Layout, conflict: RangeLock | undefined): number {
  const address = call.arg(2);
  const bytes = call.read(address, layout.size).slice();
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number) => {
    if (layout.word === 4) view.setInt32(at, value, true);
    else view.setBigInt64(at, BigInt(value), true);
  };
  if (conflict === undefined) view.setInt16(0, F_UNLCK, true);
  else {
    const { exclusive, start, last, pid } = conflict;
    view.setInt16(0, exclusive ? F_WRLCK : F_RDLCK, true);
    view.setInt16(2, SEEK_SET, true);
    put(layout.start, start);
    put(layout.start + layout.word, last === Number.POSITIVE_INFINITY ? 0 : last - start + 1);
    view.setInt32(layout.pid, pid === undefined ? -1 : call.number(pid), true);
  }
  call.write(address, bytes);
  return 0;
}

type RangeCommand = 'get' | 'set' | 'wait';

function rangeLock(
  call: Call,
  file: FileDescription,
  command: RangeCommand,
  byFile: boolean,
  layout: Layout,
): CallResult {
  const { files, group } = call.task;
  const { type, start, last, pid } = readRequest(call, file, layout);
  if (byFile && pid !== 0) fail('EINVAL');
  const owner: RangeOwner = byFile ? file : files;
  const range: RangeLock = { owner, pid: byFile ? undefined : group.pid, exclusive: type === F_WRLCK, start, last };
  const locks = call.kernel.locks.of(file.inode);
  if (command === 'get') {
    if (type === F_UNLCK) fail('EINVAL');
    return writeConflict(call, layout, locks.conflict(range));
  }
  files.waitsFor = undefined;
  if (type === F_UNLCK) {
    locks.clearRange(range);
    return 0;
  }
  if (type === F_RDLCK ? !file.readable : !file.writable) fail('EBADF');
  const conflict = locks.conflict(range);
  if (conflict === undefined) {
    locks.setRange(range);
    return 0;
  }
  if (command === 'set') return EAGAIN;
  if (!byFile) {
    if (call.kernel.locks.wouldDeadlock(files, conflict.owner)) fail('EDEADLK');
    files.waitsFor = conflict.owner;
  }
  return call.wait([locks.queue]);
}

const COMMANDS: readonly RangeCommand[] = ['get', 'set', 'wait'];

/** What fcntl(2) does with locks and leases. @throws SystemError EINVAL for other commands */
export function lockControl(call: Call, file: FileDescription): CallResult {
  const command = call.arg(1);
  if (command >= F_GETLK && command <= F_SETLKW)
    return rangeLock(call, file, COMMANDS[command - F_GETLK]!, false, call.is32 ? NARROW : WIDE);
  if (call.is32 && command >= F_GETLK64 && command <= F_SETLKW64)
    return rangeLock(call, file, COMMANDS[command - F_GETLK64]!, false, PACKED);
  if (command >= F_OFD_GETLK && command <= F_OFD_SETLKW)
    return rangeLock(call, file, COMMANDS[command - F_OFD_GETLK]!, true, call.is32 ? PACKED : WIDE);
  if (command === F_SETLEASE) return setLease(call, file, call.arg(2));
  if (command === F_GETLEASE) {
    const lease = file.inode.locks?.leases.find(({ owner }) => owner === file);
    if (lease === undefined) return F_UNLCK;
    // while it is being broken, what it has to become
    if (lease.breaksAt !== undefined) return F_UNLCK;
    return lease.exclusive ? F_WRLCK : F_RDLCK;
  }
  return fail('EINVAL');
}

function setLease(call: Call, file: FileDescription, type: number): number {
  const { credentials, group } = call.task;
  if (credentials.fsuid !== file.inode.uid && !hasCapability(credentials, CAP_LEASE)) fail('EACCES');
  if (!file.inode.isRegular || (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK)) fail('EINVAL');
  const exclusive = type === F_UNLCK ? undefined : type === F_WRLCK;
  call.kernel.locks.of(file.inode).setLease(file, group, call.arg(0), exclusive);
  if (exclusive !== undefined) file.owner ??= ownerBy(call.task, 'process', group.pid);
  return 0;
}

export const lockCalls: Implementations = {
  flock: full(flock),
};
