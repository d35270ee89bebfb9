// Supervisor-mode access prevention in the TLB (SDM Vol. 3A "Access Rights"): with CR4.SMAP the supervisor may touch pages of
// users only while EFLAGS.AC is set, and never implicitly (descriptor tables, TSS). Entries of user pages in the supervisor's
// arrays are guarded: the fast path misses them. The first explicit access with AC set opens an entry; everything that clears
// AC ends its block, and the guards close before the next one. Whether a guard is open is no state.
import { BANK_ATTRIBUTES, TLB_CURRENT_BANK } from './layout';
import { AC, hasFlag } from './flags';
import { tlbBank } from './globals';
import { bankAt } from './tlb-banks';
import { ATTRIBUTE_GUARDED, TLB_GUARDED, TLB_INVALID } from './tlb';

/** The access going on is an implicit supervisor-mode access. Set by memory.ts around it. */
export let implicitAccess: bool = false;

/** The next accesses are implicit ones, or not. */
export function setImplicit(implicit: bool): void {
  implicitAccess = implicit;
}

/** u32 each: bank << 16 | entry number of the open guards. */
const OPEN: usize = memory.data(64 * 4);
const OPEN_MAX: u32 = 64;
export let guardsOpen: u32 = 0;

/** May the supervisor access going on touch a user page under SMAP? */
export function overridesSmap(): bool {
  return !implicitAccess && hasFlag(AC);
}

/** A guarded entry of the current bank was hit; false if the access may not use it. */
export function passGuard(entry: usize): bool {
  if (!overridesSmap()) return false;
  if (guardsOpen == OPEN_MAX) closeGuards();
  store<u32>(OPEN + (usize(guardsOpen) << 2), (load<u32>(TLB_CURRENT_BANK) << 16) | u32((entry - tlbBank) >> 4));
  guardsOpen++;
  store<u64>(entry, load<u64>(entry) & ~TLB_GUARDED);
  return true;
}

/** Guards every entry again that was opened. */
export function closeGuards(): void {
  for (let i: u32 = 0; i < guardsOpen; i++) {
    const place = load<u32>(OPEN + (usize(i) << 2));
    const bank = bankAt(place >> 16);
    const number = usize(place & 0xffff);
    const entry = bank + (number << 4);
    const tag = load<u64>(entry);
    // the entry may be another one by now
    if (tag == TLB_INVALID || !(load<u8>(bank + number, BANK_ATTRIBUTES) & ATTRIBUTE_GUARDED)) continue;
    store<u64>(entry, tag | TLB_GUARDED);
  }
  guardsOpen = 0;
}
