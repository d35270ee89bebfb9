// Page walks of IA-32e mode: four levels, five with CR4.LA57; pages of 4 KiB, 2 MiB and 1 GiB
// (SDM Vol. 3A "4-Level Paging and 5-Level Paging").
import { CR3, CR4, EFER } from '../layout';
import { faulted } from '../globals';
import {
  ACCESSED,
  ADDRESS,
  allowed,
  countReference,
  DIRTY,
  EFER_NXE,
  entryAddress,
  GLOBAL,
  LARGE,
  mark,
  NO_EXECUTE,
  pageFault,
  PRESENT,
  USER,
  walkDirty,
  walkGlobal,
  walkPhysical,
  walkRights,
  walkShift,
  WRITABLE,
} from '../paging';
import { FEATURE_PAGE1GB } from '../gen/features';
import { readEntry64, readPhysicalSized } from '../physical';
import { hasFeature } from '../system/model';

const CR4_LA57: u32 = 0x1000;
/** Entries of the walk in progress from the top: guest-physical address, host-physical address, contents (u64 each). */
const PATH: usize = memory.data(5 * 24);

/** Number of the lowest linear-address bit that the top level translates. */
// @ts-ignore: decorator
@inline
function topShift(): u64 {
  return load<u32>(CR4) & CR4_LA57 ? 48 : 39;
}

function isReserved(entry: u64, shift: u64, isPage: bool): bool {
  // the address beyond MAXPHYADDR; bits 62:52 are ignored
  let bits = 0x000f_ffff_ffff_f000 & ~ADDRESS;
  if (!(load<u32>(EFER) & EFER_NXE)) bits |= NO_EXECUTE;
  if (shift >= (hasFeature(FEATURE_PAGE1GB) ? 39 : 30)) bits |= LARGE;
  else if (isPage && shift > 12) bits |= (<u64>1 << shift) - 0x2000;
  return (entry & bits) != 0;
}

/** Walks for an access and leaves the result in walk*. False: a fault or VM exit is pending. */
export function walkLong(linear: u64, access: u32, user: bool): bool {
  let table = load<u64>(CR3) & ADDRESS;
  let shift = topShift();
  let rights = WRITABLE | USER;
  let noExecute: u64 = 0;
  let path = PATH;
  for (;;) {
    const gpa = table | ((linear >> (shift - 3)) & 0xff8);
    const hpa = entryAddress(gpa, 0, linear);
    if (faulted) return false;
    countReference();
    const entry = readEntry64(hpa);
    if (!(entry & PRESENT)) {
      pageFault(linear, access, user, false, false);
      return false;
    }
    const isPage = shift == 12 || (shift <= 30 && (entry & LARGE) != 0);
    if (isReserved(entry, shift, isPage)) {
      pageFault(linear, access, user, true, true);
      return false;
    }
    store<u64>(path, gpa);
    store<u64>(path, hpa, 8);
    store<u64>(path, entry, 16);
    rights &= entry;
    noExecute |= entry & NO_EXECUTE;
    if (isPage) break;
    path += 24;
    table = entry & ADDRESS;
    shift -= 9;
  }
  walkRights = rights | noExecute;
  if (!allowed(linear, walkRights, access, user)) return false;
  const dirty = access == 1 ? ACCESSED | DIRTY : ACCESSED;
  for (let p = PATH; p <= path; p += 24) {
    if (!mark(load<u64>(p), load<u64>(p, 8), 8, load<u64>(p, 16), p == path ? dirty : ACCESSED, linear)) return false;
  }
  const page = load<u64>(path, 16);
  const inside = (<u64>1 << shift) - 1;
  walkShift = u32(shift);
  walkPhysical = (page & ADDRESS & ~inside) | (linear & inside & ~0xfff);
  walkDirty = ((page | dirty) & DIRTY) != 0;
  walkGlobal = (page & GLOBAL) != 0;
  return true;
}

/** Walk without faults, charges or accessed bits; all ones if there is no translation. */
export function debugTranslateLong(linear: u64): u64 {
  let table = load<u64>(CR3) & ADDRESS;
  for (let shift = topShift(); ; shift -= 9) {
    const entry = readPhysicalSized(table | ((linear >> (shift - 3)) & 0xff8), 8);
    if (!(entry & PRESENT)) return u64.MAX_VALUE;
    table = entry & ADDRESS;
    if (shift > 12 && (shift > 30 || !(entry & LARGE))) continue;
    const inside = (<u64>1 << shift) - 1;
    return (table & ~inside) | (linear & inside);
  }
}
