// Getting memory back: pages of files that can be read again are dropped, oldest first
// (Documentation/admin-guide/mm/concepts.rst "Reclaim").
import type { MemoryGroup } from '../cgroup/memory-group.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Frames } from './frames.ts';

/** Drops up to `wanted` bytes of what is charged to a group or below it; how many were dropped. */
export function reclaim(frames: Frames, within: MemoryGroup, wanted: number): number {
  let done = drop(frames, within, wanted, true);
  if (done < wanted) done += drop(frames, within, wanted - done, false);
  return done;
}

/** One pass; memory.min is always respected, memory.low in the first pass. */
function drop(frames: Frames, within: MemoryGroup, wanted: number, respectsLow: boolean): number {
  let done = 0;
  for (const cache of frames.reclaimable) {
    for (const [index, frame] of cache.pages) {
      if (done >= wanted) return done;
      const owner = frames.accountOf(frame) as MemoryGroup | undefined;
      if (owner === undefined || !owner.isWithin(within) || !cache.isClean(index)) continue;
      owner.count('pgscan');
      if (isProtected(owner, within, 'min') || (respectsLow && isProtected(owner, within, 'low'))) continue;
      if (!respectsLow && isProtected(owner, within, 'low')) owner.tell('low');
      cache.evict(index);
      owner.count('pgsteal');
      done += PAGE_SIZE;
    }
  }
  return done;
}

function isProtected(owner: MemoryGroup, within: MemoryGroup, setting: 'min' | 'low'): boolean {
  const bytes = owner.protection(setting, within);
  return bytes > 0 && owner.usage <= bytes;
}
