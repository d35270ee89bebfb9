// The TLB arrays: filling, flushing, and the marks that keep the fast path away from an entry (SDM Vol. 3A "Caching
// Translation Information"). Their contents are modelled state, because misses cost time; the marks in a tag's low bits are
// not: a marked entry is a hit that only the slow path can use.
import { COUNT_TLB_FLUSHES, RAM, TLB, TLB_ARRAY_SIZE, TLB_ENTRIES, TLB_END } from './layout';
import { forgetJumps } from './blocks';

/** One byte an entry, 1 = global page; in the order of the TLB arrays. */
export const TLB_GLOBALS: usize = TLB_END;
export const TLB_GLOBALS_END: usize = TLB_END + 6 * TLB_ENTRIES;
/** Two arrays whose tags never match, for when every access must take the slow path. */
export const TLB_NEVER: usize = 0x30000;
export const TLB_NEVER_END: usize = 0x38000;

/** Tag of an empty entry: not canonical, so no access has it. */
export const TLB_INVALID: u64 = 0x0000_8000_0000_0fff;
/** Marks in a tag: only the slow path may use the entry (device, ROM, APIC-access page). */
export const TLB_SLOW: u64 = 1;
/** The page holds decoded code; write entries only. */
export const TLB_CODE: u64 = 2;

/**
 * u16 each: numbers of the entries filled since the last flush, so that a flush need not touch the others. Derived: more
 * than TLB_USED_MAX means unknown.
 */
const TLB_USED: usize = TLB_NEVER_END;
const TLB_USED_MAX: u32 = 6 * TLB_ENTRIES;
let usedEntries: u32 = TLB_USED_MAX + 1;

/** TLB contents came from elsewhere (a snapshot): the next flush looks at every entry. */
export function forgetUsedEntries(): void {
  usedEntries = TLB_USED_MAX + 1;
}

function noteUsed(number: u32): void {
  if (usedEntries < TLB_USED_MAX) store<u16>(TLB_USED + (usedEntries << 1), u16(number));
  if (usedEntries <= TLB_USED_MAX) usedEntries++;
}

/** Enters a translation into one array. */
export function fillTlb(array: u32, linear: u64, physical: u64, isGlobal: bool, marks: u64): void {
  const offset = (u32(linear) >> 8) & 0x3ff0;
  const entry = TLB + array * TLB_ARRAY_SIZE + offset;
  if (load<u64>(entry) == TLB_INVALID) noteUsed(array * TLB_ENTRIES + (offset >> 4));
  // the jump cache stands for fetch entries
  if ((array == 2 || array == 5) && load<u64>(entry) != TLB_INVALID) forgetJumps();
  store<u64>(entry, (linear & ~0xfff) | marks);
  store<u64>(entry, physical + RAM - (linear & ~0xfff), 8);
  store<u8>(TLB_GLOBALS + array * TLB_ENTRIES + (offset >> 4), u8(isGlobal));
}

/** Sets or clears TLB_CODE in the write entries that map a physical page. */
function setCodeMark(page: u64, mark: u64): void {
  const host = (page << 12) + RAM;
  const known = usedEntries <= TLB_USED_MAX;
  const count = known ? usedEntries : TLB_USED_MAX;
  for (let n: u32 = 0; n < count; n++) {
    const i: u32 = known ? load<u16>(TLB_USED + (n << 1)) : n;
    const array = i / TLB_ENTRIES;
    if (array != 1 && array != 4) continue;
    const entry: usize = TLB + (i << 4);
    const tag = load<u64>(entry);
    if (tag == TLB_INVALID || (tag & ~0xfff) + load<u64>(entry, 8) != host) continue;
    store<u64>(entry, (tag & ~TLB_CODE) | mark);
  }
}

/** The page now holds decoded code: its write entries must miss. */
export function markCodePage(page: u64): void {
  setCodeMark(page, TLB_CODE);
}

/** The page holds no decoded code any more. */
export function unmarkCodePage(page: u64): void {
  setCodeMark(page, 0);
}

/** Empties the TLB; `keepGlobal` spares global pages (a CR3 load with CR4.PGE). */
export function flushTlb(keepGlobal: bool): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  forgetJumps();
  const known = usedEntries <= TLB_USED_MAX;
  const count = known ? usedEntries : TLB_USED_MAX;
  usedEntries = 0;
  for (let n: u32 = 0; n < count; n++) {
    const i: u32 = known ? load<u16>(TLB_USED + (n << 1)) : n;
    const entry: usize = TLB + (i << 4);
    if (load<u64>(entry) == TLB_INVALID) continue;
    if (keepGlobal && load<u8>(TLB_GLOBALS + i)) {
      noteUsed(i);
      continue;
    }
    store<u64>(entry, TLB_INVALID);
    store<u8>(TLB_GLOBALS + i, 0);
  }
}

/** INVLPG: drops the page's entries, global ones too. */
export function invalidatePage(linear: u64): void {
  forgetJumps();
  const offset = (u32(linear) >> 8) & 0x3ff0;
  for (let array: u32 = 0; array < 6; array++) {
    const entry = TLB + array * TLB_ARRAY_SIZE + offset;
    if ((load<u64>(entry) & ~0xfff) == (linear & ~0xfff)) {
      store<u64>(entry, TLB_INVALID);
      store<u8>(TLB_GLOBALS + array * TLB_ENTRIES + (offset >> 4), 0);
    }
  }
}

/** Fills the never-matching arrays; once after the memory was created. */
export function initializeTlb(): void {
  for (let entry = TLB_NEVER; entry < TLB_NEVER_END; entry += 16) store<u64>(entry, TLB_INVALID);
  flushTlb(false);
}

