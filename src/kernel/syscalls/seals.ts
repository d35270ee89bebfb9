// Seals of memory files: what may no longer be done with them (fcntl(2) "File Sealing", memfd_create(2)).
import { fail } from '../error.ts';
import { AddressSpace } from '../mm/address-space.ts';
import type { PageCache } from '../mm/page-cache.ts';
import type { FileDescription } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';

export const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const F_SEAL_FUTURE_WRITE = 16;
const KNOWN = 31;

/** F_GET_SEALS. @throws SystemError EINVAL for a file that cannot be sealed */
export function getSeals({ inode }: FileDescription): number {
  return inode.seals ?? fail('EINVAL');
}

/** F_ADD_SEALS. @throws SystemError */
export function addSeals(file: FileDescription, seals: number): number {
  if (!file.writable) fail('EPERM');
  const old = getSeals(file);
  if (seals & ~KNOWN) fail('EINVAL');
  if (old & F_SEAL_SEAL) fail('EPERM');
  if (seals & F_SEAL_WRITE && !(old & F_SEAL_WRITE) && isMappedWritable(file.inode)) fail('EBUSY');
  file.inode.seals = old | seals;
  return 0;
}

function isMappedWritable(inode: Inode): boolean {
  if (!('cache' in inode)) return false;
  const cache = inode.cache as PageCache;
  for (const user of cache.users) {
    if (!(user instanceof AddressSpace)) continue;
    if (user.areas.some(({ shared, file }) => shared && file?.cache === cache && file.mayWrite)) return true;
  }
  return false;
}

/** True when no shared mapping of the file may be written. */
export function isSealedAgainstWriting(inode: Inode): boolean {
  return ((inode.seals ?? 0) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0;
}

/** A write up to `end` is allowed. @throws SystemError EPERM */
export function checkSealsForWrite(inode: Inode, end: number): void {
  if (isSealedAgainstWriting(inode)) fail('EPERM');
  if ((inode.seals ?? 0) & F_SEAL_GROW && end > inode.size) fail('EPERM');
}

/** An allocation, or a hole, is allowed (fallocate(2)). @throws SystemError EPERM */
export function checkSealsForAllocation(inode: Inode, end: number, isHole: boolean): void {
  if (isHole ? isSealedAgainstWriting(inode) : (inode.seals ?? 0) & F_SEAL_GROW && end > inode.size) fail('EPERM');
}

/** A change of size is allowed. @throws SystemError EPERM */
export function checkSealsForSize(inode: Inode, size: number): void {
  const seals = inode.seals ?? 0;
  if (seals & F_SEAL_SHRINK && size < inode.size) fail('EPERM');
  if (seals & F_SEAL_GROW && size > inode.size) fail('EPERM');
}
