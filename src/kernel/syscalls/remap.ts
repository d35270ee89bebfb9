// System calls that change what mappings show and where they lie: mremap(2), remap_file_pages(2).
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '../../abi/mman.ts';
import { fail } from '../error.ts';
import { type AddressSpace, pageCeiling } from '../mm/address-space.ts';
import { clip, isData, type MemoryArea } from '../mm/memory-area.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';
import { mayGrow } from './memory.ts';

function mremap(call: Call): number {
  const { memory } = call;
  const [address, oldLength, newLength] = [call.arg(0), pageCeiling(call.arg(1)), pageCeiling(call.arg(2))];
  const [flags, target] = [call.arg(3), call.arg(4)];
  if (address % PAGE_SIZE !== 0 || newLength === 0 || flags & ~7) fail('EINVAL');
  if (flags & (MREMAP_DONTUNMAP | MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)) fail('EINVAL');
  if (flags & MREMAP_DONTUNMAP && oldLength !== newLength) fail('EINVAL');
  const area = memory.areaAt(address) ?? fail('EFAULT');
  if (address + oldLength > area.end) fail('EFAULT');
  if (oldLength === 0) return duplicate(memory, area, address, newLength, flags);
  if (newLength > oldLength && !mayGrow(call, newLength - oldLength, isData(area))) fail('ENOMEM');
  if (flags & MREMAP_FIXED) {
    if (target % PAGE_SIZE !== 0 || target + newLength > memory.end) fail('EINVAL');
    if (target < address + oldLength && address < target + newLength) fail('EINVAL');
    memory.unmap(target, target + newLength);
    return move(memory, area, address, oldLength, target, newLength, flags);
  }
  if (newLength <= oldLength && !(flags & MREMAP_DONTUNMAP)) {
    if (newLength < oldLength) memory.unmap(address + newLength, address + oldLength);
    return address;
  }
  const growsInPlace = address + oldLength === area.end && memory.areasIn(area.end, address + newLength).length === 0;
  if (growsInPlace && !(flags & MREMAP_DONTUNMAP) && address + newLength <= memory.mapTop) {
    memory.add(continuation(area, area.end, address + newLength));
    return address;
  }
  if (!(flags & MREMAP_MAYMOVE)) fail('ENOMEM');
  return move(memory, area, address, oldLength, memory.findFree(newLength) ?? fail('ENOMEM'), newLength, flags);
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
  flags: number,
): number {
  const source = continuation(area, from, from + newLength);
  memory.add({ ...source, start: to, end: to + newLength });
  memory.movePages(from, to, Math.min(oldLength, newLength));
  if (!(flags & MREMAP_DONTUNMAP)) memory.unmap(from, from + oldLength);
  return to;
}

/** An old size of 0 asks for a second mapping of shared pages. */
function duplicate(memory: AddressSpace, area: MemoryArea, from: number, length: number, flags: number): number {
  if (!area.shared) fail('EINVAL');
  if (!(flags & MREMAP_MAYMOVE)) fail('ENOMEM');
  const start = memory.findFree(length) ?? fail('ENOMEM');
  memory.add({ ...continuation(area, from, from + length), start, end: start + length });
  return start;
}

/** Shows another part of the file in a shared mapping (remap_file_pages(2)). */
function remapFilePages(call: Call): number {
  const { memory } = call;
  const start = Math.floor(call.arg(0) / PAGE_SIZE) * PAGE_SIZE;
  const length = Math.floor(call.arg(1) / PAGE_SIZE) * PAGE_SIZE;
  const area = memory.areaAt(start);
  if (call.arg(2) !== 0 || length === 0 || area?.file === undefined || !area.shared) return fail('EINVAL');
  if (start + length > area.end) fail('EINVAL');
  const moved = { ...clip(area, start, start + length), file: { ...area.file, page: call.arg(3) } };
  memory.unmap(start, start + length);
  memory.add(moved);
  return 0;
}

export const remapCalls: Implementations = {
  mremap: full(mremap),
  remap_file_pages: full(remapFilePages),
};
