// System calls on memory: mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), brk(2), mincore(2), msync(2).
import {
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_REMOVE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../../abi/mman.ts';
import { fail } from '../error.ts';
import { type AddressSpace, LOWEST_ADDRESS, pageCeiling } from '../mm/address-space.ts';
import type { FileSource, MemoryArea } from '../mm/memory-area.ts';
import { PAGE_SIZE } from '../platform.ts';
import { cachedInode } from '../task/exec.ts';
import { MS_NOEXEC, pathName } from '../vfs/path.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations, partial } from './table.ts';

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

function fileSource(call: Call, request: MapRequest, shared: boolean): FileSource {
  const file = call.task.files.get(request.fd);
  if (!file.readable) fail('EACCES');
  if (shared && request.protection & PROT_WRITE && !file.writable) fail('EACCES');
  if (request.protection & PROT_EXEC && file.path !== undefined && file.path.mount.flags & MS_NOEXEC) fail('EPERM');
  const { cache } = cachedInode(file.inode);
  const path = file.path === undefined ? '' : pathName(file.path, call.task.directories.root);
  return { cache, page: request.offset / PAGE_SIZE, path, mayWrite: !shared || file.writable };
}

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
  const hint = pageCeiling(address);
  const isFree =
    hint >= LOWEST_ADDRESS && hint + length <= memory.end && memory.areasIn(hint, hint + length).length === 0;
  return isFree ? hint : (memory.findFree(length) ?? fail('ENOMEM'));
}

function map(call: Call, request: MapRequest): number {
  const { memory } = call;
  const type = request.flags & MAP_TYPE;
  if (type !== MAP_SHARED && type !== MAP_PRIVATE && type !== MAP_SHARED_VALIDATE) fail('EINVAL');
  if (request.length === 0 || request.offset % PAGE_SIZE !== 0) fail('EINVAL');
  const length = pageCeiling(request.length);
  if (length > memory.end) fail('ENOMEM');
  const shared = type !== MAP_PRIVATE;
  const isAnonymous = (request.flags & MAP_ANONYMOUS) !== 0;
  const file = isAnonymous ? (shared ? sharedMemory(call, length) : undefined) : fileSource(call, request, shared);
  const start = placeFor(memory, request, length);
  const area: MemoryArea = {
    start,
    end: start + length,
    protection: request.protection & PROTECTION,
    shared,
    ...(file === undefined ? {} : { file }),
    ...(request.flags & MAP_GROWSDOWN ? { growsDown: true } : {}),
  };
  memory.add(area);
  if (request.flags & MAP_POPULATE) populate(memory, area);
  return start;
}

/** Shared anonymous memory is a file without a name. */
function sharedMemory(call: Call, length: number): FileSource {
  const file = call.kernel.shared.anonymousFile();
  file.truncate(length);
  return { cache: file.cache, page: 0, path: '/dev/zero (deleted)', mayWrite: true };
}

function populate(memory: AddressSpace, area: MemoryArea): void {
  const error = area.protection & PROT_WRITE ? 2 : 0;
  for (let address = area.start; address < area.end; address += PAGE_SIZE)
    if (memory.table.lookup(address) === undefined && memory.fault(address, error) !== 'resolved') return;
}

/** A range of whole pages. @throws SystemError EINVAL */
function range(call: Call): { start: number; end: number } {
  const [start, length] = [call.arg(0), pageCeiling(call.arg(1))];
  if (start % PAGE_SIZE !== 0 || length < 0 || start + length > call.memory.end) fail('EINVAL');
  return { start, end: start + length };
}

/** Every page of the range belongs to an area. */
function isMapped(memory: AddressSpace, start: number, end: number): boolean {
  let at = start;
  for (const area of memory.areasIn(start, end)) {
    if (area.start > at) return false;
    at = area.end;
  }
  return at >= end;
}

function mprotect(call: Call): number {
  const [address, length, protection] = [call.arg(0), pageCeiling(call.arg(1)), call.arg(2)];
  if (address % PAGE_SIZE !== 0 || protection & ~(PROTECTION | 0x0300_0000)) fail('EINVAL');
  const end = address + length;
  if (end > call.memory.end || !isMapped(call.memory, address, end)) fail('ENOMEM');
  for (const { shared, file } of call.memory.areasIn(address, end))
    if (protection & PROT_WRITE && shared && file !== undefined && !file.mayWrite) fail('EACCES');
  call.memory.protect(address, end, protection & PROTECTION);
  return 0;
}

function brk(call: Call): number {
  const { memory } = call;
  const wanted = call.arg(0);
  if (wanted < memory.breakStart) return memory.breakEnd;
  const [oldEnd, newEnd] = [pageCeiling(memory.breakEnd), pageCeiling(wanted)];
  if (newEnd > oldEnd) {
    if (newEnd > memory.end || memory.areasIn(oldEnd, newEnd + PAGE_SIZE).length > 0) return memory.breakEnd;
    memory.add({ start: oldEnd, end: newEnd, protection: PROT_READ | PROT_WRITE, shared: false, name: '[heap]' });
  } else if (newEnd < oldEnd) memory.unmap(newEnd, oldEnd);
  memory.breakEnd = wanted;
  return wanted;
}

function mremap(call: Call): number {
  const { memory } = call;
  const [address, oldLength, newLength] = [call.arg(0), pageCeiling(call.arg(1)), pageCeiling(call.arg(2))];
  const [flags, target] = [call.arg(3), call.arg(4)];
  if (address % PAGE_SIZE !== 0 || newLength === 0 || flags & ~7) fail('EINVAL');
  if (flags & MREMAP_DONTUNMAP || (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))) fail('EINVAL');
  const area = memory.areaAt(address) ?? fail('EFAULT');
  if (address + oldLength > area.end) fail('EFAULT');
  if (flags & MREMAP_FIXED) {
    if (target % PAGE_SIZE !== 0 || target + newLength > memory.end) fail('EINVAL');
    if (target < address + oldLength && address < target + newLength) fail('EINVAL');
    memory.unmap(target, target + newLength);
    return move(memory, area, address, oldLength, target, newLength);
  }
  if (newLength <= oldLength) {
    if (newLength < oldLength) memory.unmap(address + newLength, address + oldLength);
    return address;
  }
  const growsInPlace = address + oldLength === area.end && memory.areasIn(area.end, address + newLength).length === 0;
  if (growsInPlace && address + newLength <= memory.mapTop) {
    memory.add(continuation(area, area.end, address + newLength));
    return address;
  }
  if (!(flags & MREMAP_MAYMOVE)) fail('ENOMEM');
  return move(memory, area, address, oldLength, memory.findFree(newLength) ?? fail('ENOMEM'), newLength);
}

/** What an area would show at [start, end) if it went on. */
function continuation(area: MemoryArea, start: number, end: number): MemoryArea {
  if (area.file === undefined) return { ...area, start, end };
  return { ...area, start, end, file: { ...area.file, page: area.file.page + (start - area.start) / PAGE_SIZE } };
}

function move(
  memory: AddressSpace,
  area: MemoryArea,
  from: number,
  oldLength: number,
  to: number,
  newLength: number,
): number {
  const source = continuation(area, from, from + newLength);
  memory.add({ ...source, start: to, end: to + newLength });
  memory.movePages(from, to, Math.min(oldLength, newLength));
  memory.unmap(from, from + oldLength);
  return to;
}

function madvise(call: Call): number {
  const { start, end } = range(call);
  const advice = call.arg(2);
  if (!isMapped(call.memory, start, end)) fail('ENOMEM');
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
      call.memory.dropPages(start, end);
      return 0;
    case MADV_DONTFORK:
    case MADV_DOFORK:
      call.memory.change(start, end, ({ notInherited: _, ...part }) =>
        advice === MADV_DONTFORK ? { ...part, notInherited: true } : part,
      );
      return 0;
    case MADV_REMOVE:
      return fail('EOPNOTSUPP');
    default:
      return advice >= 0 && advice <= 25 ? 0 : fail('EINVAL');
  }
}

function mincore(call: Call): number {
  const [address, length] = [call.arg(0), pageCeiling(call.arg(1))];
  if (address % PAGE_SIZE !== 0) fail('EINVAL');
  if (!isMapped(call.memory, address, address + length)) fail('ENOMEM');
  const resident = Uint8Array.from({ length: length / PAGE_SIZE }, (_, n) => {
    const at = address + n * PAGE_SIZE;
    if (call.memory.table.lookup(at) !== undefined) return 1;
    const { file, start } = call.memory.areaAt(at)!;
    return file?.cache.pages.has(file.page + (at - start) / PAGE_SIZE) ? 1 : 0;
  });
  call.write(call.arg(2), resident);
  return 0;
}

function msync(call: Call): number {
  const { start, end } = range(call);
  const flags = call.arg(2);
  if (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) || (flags & (MS_ASYNC | MS_SYNC)) === (MS_ASYNC | MS_SYNC))
    fail('EINVAL');
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

const locked = partial('memory is never swapped out', (call) => {
  const { start, end } = { start: call.arg(0), end: pageCeiling(call.arg(0) + call.arg(1)) };
  return isMapped(call.memory, start - (start % PAGE_SIZE), end) ? 0 : fail('ENOMEM');
});

export const memoryCalls: Implementations = {
  mmap: full((call) => (call.is32 ? oldMap(call) : map(call, mapRequest(call, call.arg(5))))),
  mmap2: full((call) => map(call, mapRequest(call, call.arg(5) * PAGE_SIZE))),
  munmap: full((call) => {
    const { start, end } = range(call);
    if (end === start) fail('EINVAL');
    call.memory.unmap(start, end);
    return 0;
  }),
  mprotect: full(mprotect),
  brk: full(brk),
  mremap: partial('MREMAP_DONTUNMAP fails with EINVAL', mremap),
  madvise: full(madvise),
  mincore: full(mincore),
  msync: full(msync),
  mlock: locked,
  munlock: locked,
  mlockall: partial('memory is never swapped out', () => 0),
  munlockall: partial('memory is never swapped out', () => 0),
};
