// What programs say about their use of memory, some of which changes what is in it: madvise(2).
import {
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MADV_WIPEONFORK,
  PROT_WRITE,
} from '../../abi/mman.ts';
import { fail } from '../error.ts';
import { type AddressSpace, pageCeiling } from '../mm/address-space.ts';
import { clip, type MemoryArea } from '../mm/memory-area.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Call } from './call.ts';
import { isMapped } from './memory-lock.ts';
import { full, type Implementations } from './table.ts';
import { populate } from './memory.ts';

/** What madvise(2) does to [address, address + length). @throws SystemError */
export function advise(memory: AddressSpace, address: number, length: number, advice: number): void {
  const [start, end] = [address, address + pageCeiling(length)];
  if (!KNOWN_ADVICE.has(advice) || start % PAGE_SIZE !== 0 || end < start) fail('EINVAL');
  const areas = memory.areasIn(start, Math.min(end, memory.end));
  for (const area of areas) checkAdvice(area, advice);
  for (const area of areas) adviseArea(memory, area, Math.max(start, area.start), Math.min(end, area.end), advice);
  // what is mapped follows the advice even when there are holes
  if (!isMapped(memory, start, end)) fail('ENOMEM');
}

const KNOWN_ADVICE = new Set([0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25]);

function checkAdvice(area: MemoryArea, advice: number): void {
  const { file, shared, protection } = area;
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_COLD:
    case MADV_PAGEOUT:
      if (area.locked) fail('EINVAL');
      return;
    case MADV_FREE:
      if (area.locked || file !== undefined) fail('EINVAL');
      return;
    case MADV_REMOVE:
      if (area.locked || file === undefined) fail('EINVAL');
      if (!shared || !file.mayWrite) fail('EACCES');
      return;
    case MADV_WIPEONFORK:
      if (file !== undefined || shared) fail('EINVAL');
      return;
    case MADV_POPULATE_READ:
      if (protection === 0) fail('EINVAL');
      return;
    case MADV_POPULATE_WRITE:
      if (!(protection & PROT_WRITE)) fail('EINVAL');
  }
}

function adviseArea(memory: AddressSpace, area: MemoryArea, start: number, end: number, advice: number): void {
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
      memory.dropPages(start, end);
      return;
    case MADV_DONTFORK:
      memory.change(start, end, (part) => ({ ...part, notInherited: true }));
      return;
    case MADV_DOFORK:
      memory.change(start, end, ({ notInherited: _, ...part }) => part);
      return;
    case MADV_WIPEONFORK:
      memory.change(start, end, (part) => ({ ...part, wipedOnFork: true }));
      return;
    case MADV_KEEPONFORK:
      memory.change(start, end, ({ wipedOnFork: _, ...part }) => part);
      return;
    case MADV_DONTDUMP:
      memory.change(start, end, (part) => ({ ...part, notDumped: true }));
      return;
    case MADV_DODUMP:
      memory.change(start, end, ({ notDumped: _, ...part }) => part);
      return;
    case MADV_REMOVE: {
      const { cache, page } = area.file!;
      const first = page * PAGE_SIZE + start - area.start;
      cache.punch(first, first + end - start);
      return;
    }
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
      populate(memory, clip(area, start, end), advice === MADV_POPULATE_WRITE);
  }
}

function madvise(call: Call): number {
  advise(call.memory, call.arg(0), call.arg(1), call.arg(2));
  return 0;
}

export const memoryAdviceCalls: Implementations = {
  madvise: full(madvise),
};
