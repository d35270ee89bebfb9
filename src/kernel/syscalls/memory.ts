// System calls on memory: mmap(2), munmap(2), mprotect(2), brk(2), mincore(2), msync(2).
import { MS_NOEXEC } from '../../abi/mount.ts';
import { RLIMIT_AS, RLIMIT_DATA } from '../../abi/resource.ts';
import {
  MAP_32BIT,
  MAP_LOCKED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
} from '../../abi/mman.ts';
import { fail } from '../error.ts';
import { type AddressSpace, LOWEST_ADDRESS, pageCeiling } from '../mm/address-space.ts';
import { type FileSource, isData, type MemoryArea } from '../mm/memory-area.ts';
import { FAULT_WRITE, PAGE_SIZE } from '../platform.ts';
import { cachedInode } from '../task/exec.ts';
import type { FileDescription } from '../vfs/file.ts';
import { isNameless } from '../vfs/path.ts';
import { makeDevice } from '../fs/special.ts';
import type { Call, CallResult } from './call.ts';
import { limitOf } from './limits.ts';
import { checkLockable, isMapped } from './memory-lock.ts';
import { isSealedAgainstWriting } from './seals.ts';
import { full, type Implementations } from './table.ts';

const PROTECTION = PROT_READ | PROT_WRITE | PROT_EXEC;

interface MapRequest {
  readonly address: number;
  readonly length: number;
  readonly protection: number;
  readonly flags: number;
  readonly fd: number;
  /** In bytes. */
  readonly offset: number;
}

function fileSource(file: FileDescription, request: MapRequest, shared: boolean): FileSource {
  const { cache } = cachedInode(file.inode);
  const at = file.path === undefined || isNameless(file.path) ? undefined : file.path;
  const label = file.label === undefined ? '' : `${file.label} (deleted)`;
  const isSealed = isSealedAgainstWriting(file.inode);
  if (shared && isSealed && request.protection & PROT_WRITE) fail('EPERM');
  return {
    cache,
    page: request.offset / PAGE_SIZE,
    ...(at === undefined ? {} : { at }),
    label,
    mayWrite: !shared || (file.writable && !isSealed),
  };
}

/** MAP_32BIT: below 2 GiB. */
const LOW_END = 0x8000_0000;

/** Where a mapping goes: exactly at `address`, near it, or anywhere. */
function placeFor(memory: AddressSpace, request: MapRequest, length: number): number {
  const { address, flags } = request;
  if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
    if (address % PAGE_SIZE !== 0) fail('EINVAL');
    if (address + length > memory.end) fail('ENOMEM');
    if (address < LOWEST_ADDRESS) fail('EPERM');
    const taken = memory.areasIn(address, address + length).length > 0;
    if (taken && flags & MAP_FIXED_NOREPLACE) fail('EEXIST');
    if (taken) memory.unmap(address, address + length);
    return address;
  }
  if (flags & MAP_32BIT && memory.abi === 'amd64' && address === 0)
    return memory.findFree(length, LOW_END) ?? fail('ENOMEM');
  const hint = pageCeiling(address);
  const isFree =
    hint >= LOWEST_ADDRESS && hint + length <= memory.end && memory.areasIn(hint, hint + length).length === 0;
  return isFree ? hint : (memory.findFree(length) ?? fail('ENOMEM'));
}

/** The limits of the process allow so many bytes more (setrlimit(2), RLIMIT_AS and RLIMIT_DATA). */
export function mayGrow(call: Call, bytes: number, areData: boolean): boolean {
  const { memory } = call;
  const [all, data] = [limitOf(call, RLIMIT_AS), limitOf(call, RLIMIT_DATA)];
  // most programs have no limit, and nothing has to be added up
  if (all !== Number.POSITIVE_INFINITY && memory.size + bytes > all) return false;
  return !areData || data === Number.POSITIVE_INFINITY || memory.dataSize + bytes <= data;
}

function map(call: Call, request: MapRequest): number {
  const { memory } = call;
  const type = request.flags & MAP_TYPE;
  if (request.offset % PAGE_SIZE !== 0) fail('EINVAL');
  if (!(request.flags & MAP_ANONYMOUS)) call.task.files.get(request.fd);
  if (type !== MAP_SHARED && type !== MAP_PRIVATE && type !== MAP_SHARED_VALIDATE) fail('EINVAL');
  if (request.length === 0) fail('EINVAL');
  const length = pageCeiling(request.length);
  if (length > memory.end) fail('ENOMEM');
  const shared = type !== MAP_PRIVATE;
  const file = sourceOf(call, request, shared, length);
  const wanted = { protection: request.protection, shared, growsDown: (request.flags & MAP_GROWSDOWN) !== 0 };
  if (!mayGrow(call, length, isData(wanted))) fail('ENOMEM');
  if (request.flags & MAP_LOCKED || memory.locksFuture) checkLockable(call, length);
  const start = placeFor(memory, request, length);
  const area: MemoryArea = {
    start,
    end: start + length,
    protection: request.protection & PROTECTION,
    shared,
    ...(file === undefined ? {} : { file }),
    ...(request.flags & MAP_GROWSDOWN ? { growsDown: true } : {}),
    ...(request.flags & MAP_LOCKED || memory.locksFuture ? { locked: true } : {}),
  };
  memory.add(area);
  if (request.flags & MAP_POPULATE || area.locked) populate(memory, area);
  return start;
}

const ZERO_DEVICE = makeDevice(1, 5);

/** Flags from before there were programs that want to hear of those the kernel does not know. */
const OLD_FLAGS = 0x7c07_f9f3;

/** What is mapped; undefined for private anonymous memory, of which /dev/zero is another name. */
function sourceOf(call: Call, request: MapRequest, shared: boolean, length: number): FileSource | undefined {
  if (request.flags & MAP_ANONYMOUS && (request.flags & MAP_TYPE) === MAP_SHARED_VALIDATE) fail('EINVAL');
  if (request.flags & MAP_ANONYMOUS) return shared ? sharedMemory(call, length, true) : undefined;
  const file = call.task.files.get(request.fd);
  const isExact = (request.flags & MAP_TYPE) === MAP_SHARED_VALIDATE;
  if (isExact && request.flags & ~(MAP_SHARED_VALIDATE | OLD_FLAGS)) fail('EOPNOTSUPP');
  checkMappable(file, request, shared);
  if (file.inode.special !== ZERO_DEVICE) return fileSource(file, request, shared);
  return shared ? sharedMemory(call, length, file.writable) : undefined;
}

/** @throws SystemError EACCES for what the file was not opened for, EPERM where programs may not be run */
function checkMappable(file: FileDescription, { protection }: MapRequest, shared: boolean): void {
  if (!file.readable) fail('EACCES');
  if (shared && protection & PROT_WRITE && !file.writable) fail('EACCES');
  if (protection & PROT_EXEC && file.path !== undefined && file.path.mount.flags & MS_NOEXEC) fail('EPERM');
}

/** Shared anonymous memory is a file without a name. */
function sharedMemory(call: Call, length: number, mayWrite: boolean): FileSource {
  const file = call.kernel.shared.anonymousFile();
  file.truncate(length);
  return { cache: file.cache, page: 0, label: '/dev/zero (deleted)', mayWrite };
}

export function populate(memory: AddressSpace, area: MemoryArea, writes = (area.protection & PROT_WRITE) !== 0): void {
  const error = writes ? FAULT_WRITE : 0;
  for (let address = area.start; address < area.end; address += PAGE_SIZE)
    if (memory.table.lookup(address) === undefined && memory.fault(address, error) !== 'resolved') return;
}

/** A range of whole pages. @throws SystemError EINVAL */
function range(call: Call): { start: number; end: number } {
  const [start, length] = [call.arg(0), pageCeiling(call.arg(1))];
  if (start % PAGE_SIZE !== 0 || length < 0 || start + length > call.memory.end) fail('EINVAL');
  return { start, end: start + length };
}

function protect(call: Call, address: number, size: number, asked: number): number {
  const { memory } = call;
  const protection = asked & PROTECTION;
  const grows = asked & (PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP) || address % PAGE_SIZE !== 0) fail('EINVAL');
  const length = pageCeiling(size);
  if (length === 0) return 0;
  const end = address + length;
  if (asked & ~(PROTECTION | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP)) fail('EINVAL');
  if (end > memory.end) fail('ENOMEM');
  const areas = memory.areasIn(address, end);
  let at = address;
  if (grows) at = checkGrowing(areas, address, grows);
  const dataLimit = limitOf(call, RLIMIT_DATA);
  // the areas before a hole are changed, as on Linux
  for (const area of areas) {
    if (area.start > at) fail('ENOMEM');
    if (protection & PROT_WRITE && area.shared && area.file !== undefined && !area.file.mayWrite) fail('EACCES');
    const until = Math.min(area.end, end);
    if (!isData(area) && isData({ ...area, protection }) && memory.dataSize + until - at > dataLimit) fail('ENOMEM');
    memory.protect(at, until, protection);
    at = until;
  }
  return at < end ? fail('ENOMEM') : 0;
}

/** PROT_GROWSDOWN changes a stack from its lowest address on. */
function checkGrowing(areas: readonly MemoryArea[], address: number, grows: number): number {
  const first = areas[0] ?? fail('ENOMEM');
  if (first.start > address) fail('ENOMEM');
  if (grows === PROT_GROWSUP || !first.growsDown) fail('EINVAL');
  return first.start;
}

function brk(call: Call): number {
  const { memory } = call;
  const wanted = call.arg(0);
  if (wanted < memory.breakStart) return memory.breakEnd;
  const [oldEnd, newEnd] = [pageCeiling(memory.breakEnd), pageCeiling(wanted)];
  if (newEnd > oldEnd) {
    if (wanted - memory.breakStart > limitOf(call, RLIMIT_DATA)) return memory.breakEnd;
    if (!mayGrow(call, newEnd - oldEnd, true)) return memory.breakEnd;
    if (newEnd > memory.end || memory.areasIn(oldEnd, newEnd + PAGE_SIZE).length > 0) return memory.breakEnd;
    memory.add({ start: oldEnd, end: newEnd, protection: PROT_READ | PROT_WRITE, shared: false, name: '[heap]' });
  } else if (newEnd < oldEnd) memory.unmap(newEnd, oldEnd);
  memory.breakEnd = wanted;
  return wanted;
}

function mincore(call: Call): number {
  const [address, length] = [call.arg(0), pageCeiling(call.arg(1))];
  if (address % PAGE_SIZE !== 0) fail('EINVAL');
  if (!isMapped(call.memory, address, address + length)) fail('ENOMEM');
  const isResident = (at: number) => {
    if (call.memory.table.lookup(at) !== undefined) return 1;
    const { file, start } = call.memory.areaAt(at)!;
    return file?.cache.pages.has(file.page + (at - start) / PAGE_SIZE) ? 1 : 0;
  };
  const pages = length / PAGE_SIZE;
  for (let done = 0; done < pages; ) {
    const at = address + done * PAGE_SIZE;
    const part = Uint8Array.from({ length: Math.min(PAGE_SIZE, pages - done) }, (_, n) =>
      isResident(at + n * PAGE_SIZE),
    );
    call.write(call.arg(2) + done, part);
    done += part.length;
  }
  return 0;
}

function msync(call: Call): number {
  const { start, end } = range(call);
  const flags = call.arg(2);
  if (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) || (flags & (MS_ASYNC | MS_SYNC)) === (MS_ASYNC | MS_SYNC))
    fail('EINVAL');
  if (flags & MS_INVALIDATE && call.memory.areasIn(start, end).some(({ locked }) => locked)) fail('EBUSY');
  return isMapped(call.memory, start, end) ? 0 : fail('ENOMEM');
}

const mapRequest = (call: Call, offset: number): MapRequest => ({
  address: call.arg(0),
  length: call.arg(1),
  protection: call.arg(2),
  flags: call.arg(3),
  fd: call.arg(4),
  offset,
});

/** i386's first mmap takes a pointer to its arguments (old_mmap). */
function oldMap(call: Call): CallResult {
  const word = (n: number) => call.readWord(call.arg(0) + 4 * n, 4);
  return map(call, {
    address: word(0),
    length: word(1),
    protection: word(2),
    flags: word(3),
    fd: word(4) | 0,
    offset: word(5),
  });
}

export const memoryCalls: Implementations = {
  mmap: full((call) => (call.is32 ? oldMap(call) : map(call, mapRequest(call, call.arg(5))))),
  mmap2: full((call) => map(call, mapRequest(call, call.arg(5) * PAGE_SIZE))),
  munmap: full((call) => {
    const { start, end } = range(call);
    if (end === start) fail('EINVAL');
    call.memory.unmap(start, end);
    return 0;
  }),
  mprotect: full((call) => protect(call, call.arg(0), call.arg(1), call.arg(2))),
  pkey_mprotect: full((call) =>
    call.arg(3) === -1 ? protect(call, call.arg(0), call.arg(1), call.arg(2)) : fail('EINVAL'),
  ),
  brk: full(brk),
  mincore: full(mincore),
  msync: full(msync),
};
