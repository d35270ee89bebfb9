// Locked memory and the limits of memory: mlock(2), mlockall(2), getrlimit(2). Memory is never swapped out here: a lock
// brings the pages in and keeps them from being dropped.
import { RLIMIT_MEMLOCK } from '../../abi/resource.ts';
import { PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import { fail } from '../error.ts';
import { type AddressSpace, pageCeiling, pageFloor } from '../mm/address-space.ts';
import type { MemoryArea } from '../mm/memory-area.ts';
import { FAULT_WRITE, PAGE_SIZE } from '../platform.ts';
import { CAP_IPC_LOCK, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { limitOf } from './limits.ts';
import { full, type Implementations } from './table.ts';

const MLOCK_ONFAULT = 1;
const MCL_CURRENT = 1;
const MCL_FUTURE = 2;
const MCL_ONFAULT = 4;

/** Every page of the range belongs to an area. */
export function isMapped(memory: AddressSpace, start: number, end: number): boolean {
  let at = start;
  for (const area of memory.areasIn(start, end)) {
    if (area.start > at) return false;
    at = area.end;
  }
  return at >= end;
}

const lockedBytes = (areas: readonly MemoryArea[]) =>
  areas.reduce((sum, { locked, start, end }) => (locked ? sum + end - start : sum), 0);

/** So many bytes more may be locked. @throws SystemError EPERM when none may be, ENOMEM beyond the limit */
export function checkLockable(call: Call, bytes: number): void {
  if (hasCapability(call.task.credentials, CAP_IPC_LOCK)) return;
  const limit = limitOf(call, RLIMIT_MEMLOCK);
  if (limit === 0) fail('EPERM');
  if (lockedBytes(call.memory.areas) + bytes > limit) fail('ENOMEM');
}

function bringIn(memory: AddressSpace, start: number, end: number): void {
  for (const area of memory.areasIn(start, end)) {
    if (!(area.protection & (PROT_READ | PROT_WRITE))) continue;
    const error = area.protection & PROT_WRITE && !area.shared ? FAULT_WRITE : 0;
    for (let page = Math.max(start, area.start); page < Math.min(end, area.end); page += PAGE_SIZE)
      if (memory.table.lookup(page) === undefined && memory.fault(page, error) !== 'resolved') break;
  }
}

function lock(call: Call, flags: number): number {
  const [address, length] = [call.arg(0), call.arg(1)];
  if (flags & ~MLOCK_ONFAULT) fail('EINVAL');
  const [start, end] = [pageFloor(address), pageCeiling(address + length)];
  const { memory } = call;
  const locked = memory.areasIn(start, end).reduce((sum, area) => {
    const part = Math.min(end, area.end) - Math.max(start, area.start);
    return area.locked ? sum + part : sum;
  }, 0);
  checkLockable(call, end - start - locked);
  if (!isMapped(memory, start, end)) fail('ENOMEM');
  memory.change(start, end, (part) => ({ ...part, locked: true }));
  if (!(flags & MLOCK_ONFAULT)) bringIn(memory, start, end);
  return 0;
}

function unlock(memory: AddressSpace, start: number, end: number): void {
  memory.change(start, end, ({ locked: _, ...part }) => part);
}

function lockAll(call: Call): number {
  const flags = call.arg(0);
  const { memory } = call;
  if (flags === 0 || flags === MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) fail('EINVAL');
  if (!hasCapability(call.task.credentials, CAP_IPC_LOCK)) {
    const limit = limitOf(call, RLIMIT_MEMLOCK);
    if (limit === 0) fail('EPERM');
    if (flags & MCL_CURRENT && memory.size > limit) fail('ENOMEM');
  }
  memory.locksFuture = (flags & MCL_FUTURE) !== 0;
  if (flags & MCL_CURRENT) {
    memory.change(0, memory.end, (part) => ({ ...part, locked: true }));
    if (!(flags & MCL_ONFAULT)) bringIn(memory, 0, memory.end);
  }
  return 0;
}

export const memoryLockCalls: Implementations = {
  mlock: full((call) => lock(call, 0)),
  mlock2: full((call) => lock(call, call.arg(2))),
  munlock: full((call) => {
    const [start, end] = [pageFloor(call.arg(0)), pageCeiling(call.arg(0) + call.arg(1))];
    if (!isMapped(call.memory, start, end)) fail('ENOMEM');
    unlock(call.memory, start, end);
    return 0;
  }),
  mlockall: full(lockAll),
  munlockall: full((call) => {
    call.memory.locksFuture = false;
    unlock(call.memory, 0, call.memory.end);
    return 0;
  }),
};
