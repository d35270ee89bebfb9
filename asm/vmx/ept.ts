// Extended page tables (SDM Vol. 3C "The Extended Page Table Mechanism (EPT)"): four levels, 4 KiB and 2 MiB pages,
// accessed and dirty flags, violations and misconfigurations.
import { COUNT_EPT_REFERENCES } from '../layout';
import { charge } from '../charge';
import { raise } from '../fault';
import { COST_EPT_WALK_REFERENCE } from '../gen/costs';
import { readPhysical, writePhysical } from '../physical';
import { PHYSICAL_WIDTH } from './capabilities';
import * as F from './vmcs-fields';
import { get } from './vmcs';

const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;
const LARGE: u64 = 0x80;
const ACCESSED: u64 = 0x100;
const DIRTY: u64 = 0x200;
const ADDRESS: u64 = (<u64>1 << PHYSICAL_WIDTH) - 0x1000;
const RESERVED_HIGH: u64 = 0x000fffffffffffff & ~((<u64>1 << PHYSICAL_WIDTH) - 1);
/** EPT pointer: accessed and dirty flags enabled. */
const EPTP_AD: u64 = 0x40;

/** A VM exit that waits for the end of the memory access that caused it. */
export let pendingReason: u32 = 0;
export let pendingQualification: u64 = 0;
export let pendingLinear: u64 = 0;
export let pendingPhysical: u64 = 0;

/** Permissions of the last page translated; the write permission is withheld while the dirty flag is not set. */
export let lastRights: u32 = 0;

/** The last guest paging structures translated: guest-physical page; host-physical page with rights in the low bits. */
const RECENT: u32 = 8;
const recent: StaticArray<u64> = new StaticArray<u64>(16);
let recentNext: u32 = 0;

function noteStructure(gpa: u64, hpa: u64): void {
  const at = recentNext++ & (RECENT - 1);
  unchecked((recent[at] = gpa & ~(<u64>0xfff)));
  unchecked((recent[at + RECENT] = (hpa & ~(<u64>0xfff)) | lastRights));
}

/**
 * Translation for setting accessed and dirty flags in an entry that this very walk has read: the processor has it at hand
 * and does not walk again. All ones if it may not write there.
 */
export function structureForWriting(gpa: u64): u64 {
  for (let back: u32 = 1; back <= RECENT; back++) {
    const at = (recentNext - back) & (RECENT - 1);
    if (unchecked(recent[at]) != (gpa & ~(<u64>0xfff))) continue;
    const entry = unchecked(recent[at + RECENT]);
    return entry & WRITE ? (entry & ~(<u64>0xfff)) | (gpa & 0xfff) : u64.MAX_VALUE;
  }
  return u64.MAX_VALUE;
}

/** Makes the access fault with a VM exit. */
export function exitFromAccess(vector: u32, reason: u32, qualification: u64, linear: u64, physical: u64): void {
  pendingReason = reason;
  pendingQualification = qualification;
  pendingLinear = linear;
  pendingPhysical = physical;
  raise(vector, 0);
}

/** Reserved bits and combinations of an entry at `level` (3 = PML4E … 0 = PTE) that make an EPT misconfiguration. */
function isMisconfigured(entry: u64, level: u32): bool {
  const rights = <u32>entry & 7;
  if (rights == WRITE || rights == EXECUTE || rights == (WRITE | EXECUTE)) return true;
  if (entry & RESERVED_HIGH) return true;
  if (level >= 2) return (entry & 0xf8) != 0;
  const isLeaf = level == 0 || (entry & LARGE) != 0;
  if (!isLeaf) return (entry & 0x78) != 0;
  if (level == 1 && entry & 0x1ff000) return true;
  const type = (entry >> 3) & 7;
  return type == 2 || type == 3 || type == 7;
}

/**
 * Walks the EPT for one guest-physical address. `need` is READ, WRITE or EXECUTE; all ones after a violation or
 * misconfiguration, with the exit pending.
 */
export function walkEpt(vector: u32, gpa: u64, access: u32, linear: u64, isPageWalk: bool): u64 {
  const eptp = get(F.F_EPTP);
  const withFlags = (eptp & EPTP_AD) != 0;
  const need: u32 = withFlags && isPageWalk ? READ | WRITE : <u32>1 << access;
  let table = eptp & ADDRESS;
  let rights: u32 = 7;
  for (let level: i32 = 3; level >= 0; level--) {
    const place = table | (((gpa >> (12 + 9 * level)) & 0x1ff) << 3);
    store<u64>(COUNT_EPT_REFERENCES, load<u64>(COUNT_EPT_REFERENCES) + 1);
    charge(COST_EPT_WALK_REFERENCE, 1);
    const entry = readPhysical<u64>(place);
    if (!(entry & 7)) return violate(vector, need, 0, gpa, linear, isPageWalk);
    if (isMisconfigured(entry, level)) {
      exitFromAccess(vector, F.REASON_EPT_MISCONFIGURATION, 0, linear, gpa);
      return u64.MAX_VALUE;
    }
    rights &= <u32>entry & 7;
    const isLeaf = level == 0 || (level == 1 && (entry & LARGE) != 0);
    if (!isLeaf) {
      if (withFlags && !(entry & ACCESSED)) writePhysical<u64>(place, entry | ACCESSED);
      table = entry & ADDRESS;
      continue;
    }
    if ((rights & need) != need) return violate(vector, need, rights, gpa, linear, isPageWalk);
    const hpa = leaf(place, entry, level, rights, need, withFlags, gpa);
    if (isPageWalk) noteStructure(gpa, hpa);
    return hpa;
  }
  return u64.MAX_VALUE;
}

function leaf(place: u64, entry: u64, level: u32, rights: u32, need: u32, withFlags: bool, gpa: u64): u64 {
  lastRights = rights;
  if (withFlags) {
    const flags = need & WRITE ? entry | ACCESSED | DIRTY : entry | ACCESSED;
    if (flags != entry) writePhysical<u64>(place, flags);
    if (!(flags & DIRTY)) lastRights &= ~WRITE;
  }
  const mask: u64 = level ? 0x1fffff : 0xfff;
  return (entry & ADDRESS & ~mask) | (gpa & mask);
}

/** EPT violation, with the qualification of SDM Vol. 3C "Exit Qualification for EPT Violations". */
function violate(vector: u32, need: u32, rights: u32, gpa: u64, linear: u64, isPageWalk: bool): u64 {
  let qualification: u64 = need | (rights << 3) | 0x80;
  if (!isPageWalk) qualification |= 0x100;
  exitFromAccess(vector, F.REASON_EPT_VIOLATION, qualification, linear, gpa);
  return u64.MAX_VALUE;
}
