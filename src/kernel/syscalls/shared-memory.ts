// System calls on System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
import { RLIMIT_MEMLOCK } from '../../abi/resource.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import { fail } from '../error.ts';
import {
  checkAccess,
  controlObject,
  IPC_INFO,
  Layout,
  MAY_READ_OBJECT,
  MAY_WRITE_OBJECT,
  type ObjectKind,
  seconds,
  setPermissions,
} from '../ipc/objects.ts';
import { Segment, Segments, SHM_DEST, SHM_LOCKED } from '../ipc/shared-memory.ts';
import { PAGE_SIZE } from '../platform.ts';
import { CAP_IPC_LOCK, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { limitOf } from './limits.ts';
import { full, type Implementations } from './table.ts';

const SHM_LOCK = 11;
const SHM_UNLOCK = 12;
const SHM_STAT = 13;
const SHM_INFO = 14;
const SHM_STAT_ANY = 15;
const SHM_RDONLY = 0o10000;
const SHM_RND = 0o20000;
const SHM_REMAP = 0o40000;
const SHM_EXEC = 0o100000;
const SHM_HUGETLB = 0o4000;

function segments(call: Call): Segments {
  const table = call.task.namespaces.ipc.table(Segments);
  table.prune();
  return table;
}

/** shmget(2). */
export function getSegment(call: Call, key: number, size: number, flags: number): number {
  return segments(call).get(
    call,
    key,
    flags,
    () => {
      if (size < 1 || size > call.task.namespaces.ipc.controls.mostSegment || flags & SHM_HUGETLB) fail('EINVAL');
      if (Math.ceil(size / PAGE_SIZE) > call.kernel.frames.total) fail('ENOMEM');
      return new Segment(call, key, flags, size);
    },
    (segment) => {
      if (size > segment.size) fail('EINVAL');
    },
  );
}

/** shmat(2): the address. */
export function attach(call: Call, id: number, wanted: number, flags: number): number {
  if (id < 0) fail('EINVAL');
  let address = wanted;
  if (address % PAGE_SIZE !== 0) {
    if (!(flags & SHM_RND)) fail('EINVAL');
    address -= address % PAGE_SIZE;
    if (address === 0 && flags & SHM_REMAP) fail('EINVAL');
  } else if (address === 0 && flags & SHM_REMAP) fail('EINVAL');
  const segment = segments(call).find(id);
  const writes = !(flags & SHM_RDONLY);
  const executes = (flags & SHM_EXEC) !== 0;
  checkAccess(
    call.task.credentials,
    segment,
    MAY_READ_OBJECT | (writes ? MAY_WRITE_OBJECT : 0) | (executes ? 0o111 : 0),
  );
  const { memory } = call;
  const length = Math.ceil(segment.size / PAGE_SIZE) * PAGE_SIZE;
  if (address !== 0) {
    if (address + length > memory.end) fail('EINVAL');
    if (memory.areasIn(address, address + length).length > 0) {
      if (!(flags & SHM_REMAP)) fail('EINVAL');
      memory.unmap(address, address + length);
    }
  } else address = memory.findFree(length) ?? fail('ENOMEM');
  const protection = PROT_READ | (writes ? PROT_WRITE : 0) | (executes ? PROT_EXEC : 0);
  const file = { cache: segment.file.cache, page: 0, label: segment.label, mayWrite: writes };
  memory.add({ start: address, end: address + length, protection, shared: true, file });
  segment.attached = seconds(call);
  segment.last = call.task.group.pid;
  return address;
}

/** shmdt(2). */
export function detach(call: Call, address: number): number {
  if (address % PAGE_SIZE !== 0) fail('EINVAL');
  const { memory } = call;
  const table = segments(call);
  const first = memory.areasIn(address, memory.end).find(({ start, file }) => {
    const segment = file === undefined ? undefined : table.of(file.cache);
    return segment !== undefined && start - file!.page * PAGE_SIZE === address;
  });
  if (first === undefined) return fail('EINVAL');
  const segment = table.of(first.file!.cache)!;
  const end = address + Math.ceil(segment.size / PAGE_SIZE) * PAGE_SIZE;
  for (const area of memory.areasIn(address, end))
    if (area.file?.cache === segment.file.cache) memory.unmap(area.start, area.end);
  segment.detached = seconds(call);
  segment.last = call.task.group.pid;
  segments(call);
  return 0;
}

function status(call: Call, segment: Segment): Uint8Array {
  return new Layout(call.is32, 84, 112)
    .permissions(call, segment)
    .word(36, 48, segment.size)
    .word(40, 56, segment.attached)
    .word(48, 64, segment.detached)
    .word(56, 72, segment.changed)
    .int(64, 80, call.number(segment.creator))
    .int(68, 84, segment.last === undefined ? 0 : call.number(segment.last))
    .word(72, 88, segment.attachments).bytes;
}

const NO_LIMIT_64 = 18_446_744_073_692_774_399n;

/** struct shminfo64: shmmax, shmmin, shmmni, shmseg, shmall. */
function limits(call: Call): Uint8Array {
  const bytes = new Uint8Array(9 * call.wordSize);
  const view = new DataView(bytes.buffer);
  const { segments: number, mostSegment } = call.task.namespaces.ipc.controls;
  const most = call.is32 ? 0xfeff_ffffn : NO_LIMIT_64;
  const largest = mostSegment === Number.MAX_SAFE_INTEGER ? most : BigInt(mostSegment);
  [largest, 1n, BigInt(number), BigInt(number), most].forEach((value, n) => {
    if (call.is32) view.setUint32(4 * n, Number(value), true);
    else view.setBigUint64(8 * n, value, true);
  });
  return bytes;
}

/** struct shm_info: segments, pages, resident pages. */
function usage(call: Call): Uint8Array {
  const all = [...segments(call)];
  const pages = all.reduce((sum, { size }) => sum + Math.ceil(size / PAGE_SIZE), 0);
  const resident = all.reduce((sum, { file }) => sum + file.cache.pages.size, 0);
  return new Layout(call.is32, 24, 48).int(0, 0, all.length).word(4, 8, pages).word(8, 16, resident).bytes;
}

function remove(call: Call, segment: Segment): void {
  if (segment.attachments === 0) segments(call).remove(segment);
  else {
    segments(call).forgetKey(segment);
    segment.mode |= SHM_DEST;
  }
}

function lock(call: Call, id: number, isLock: boolean): number {
  const segment = segments(call).find(id);
  const { credentials } = call.task;
  const { euid } = credentials;
  if (!hasCapability(credentials, CAP_IPC_LOCK)) {
    if (euid !== segment.uid && euid !== segment.creatorUid) fail('EPERM');
    if (isLock && limitOf(call, RLIMIT_MEMLOCK) === 0) fail('EPERM');
  }
  segment.mode = isLock ? segment.mode | SHM_LOCKED : segment.mode & ~SHM_LOCKED;
  return 0;
}

/** shmctl(2). */
export function control(call: Call, id: number, operation: number, address: number): number {
  if (id < 0) fail('EINVAL');
  if (operation === IPC_INFO || operation === SHM_INFO) {
    call.write(address, operation === IPC_INFO ? limits(call) : usage(call));
    return segments(call).highest;
  }
  if (operation === SHM_LOCK || operation === SHM_UNLOCK) return lock(call, id, operation === SHM_LOCK);
  return controlObject(call, kind(call), id, operation, address) ?? fail('EINVAL');
}

const kind = (call: Call): ObjectKind<Segment> => ({
  objects: segments(call),
  stat: SHM_STAT,
  statAny: SHM_STAT_ANY,
  status,
  set: setPermissions,
  remove,
});

export const sharedMemoryCalls: Implementations = {
  shmget: full((call) => getSegment(call, call.arg(0), call.arg(1), call.arg(2))),
  shmat: full((call) => attach(call, call.arg(0), call.arg(1), call.arg(2))),
  shmdt: full((call) => detach(call, call.arg(0))),
  shmctl: full((call) => control(call, call.arg(0), call.arg(1) & ~0x100, call.arg(2))),
};
