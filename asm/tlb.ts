// The TLB: filling, flushing, invalidating, and the marks that keep the fast path away from an entry (SDM Vol. 3A "Caching
// Translation Information"). Its contents are modelled state, because misses cost time; the marks in a tag's low bits are
// not: a marked entry is a hit that only the slow path can use. tlb-banks.ts says which bank is whose.
import {
  BANK_ATTRIBUTES,
  BANK_EPT_ROOT,
  BANK_HEADER_END,
  BANK_HUGE,
  BANK_LARGE,
  BANK_VPID,
  COUNT_TLB_FLUSHES,
  RAM,
  TLB_ARRAY_SIZE,
  TLB_CURRENT_BANK,
  TLB_ENTRIES,
  TLB_VPID,
} from './layout';
import { forgetJumps, forgetJumpsOf } from './blocks';
import { tlbBank } from './globals';
import {
  ANY,
  ANY_ROOT,
  bankAt,
  banksInUse,
  BANK_ENTRIES,
  claimBanks,
  currentPcid,
  forgetUsed,
  isBankOf,
  noteUsed,
  ownBanks,
  usedCount,
  usedEntry,
} from './tlb-banks';

/** Two arrays whose tags never match, for when every access must take the slow path. */
export const TLB_NEVER: usize = 0x30000;
export const TLB_NEVER_END: usize = 0x38000;

/** Tag of an empty entry: not canonical, so no access has it. */
export const TLB_INVALID: u64 = 0x0000_8000_0000_0fff;
/** Marks in a tag: only the slow path may use the entry (device, ROM, APIC-access page). */
export const TLB_SLOW: u64 = 1;
/** The page holds decoded code; write entries only. */
export const TLB_CODE: u64 = 2;

/** A user page in an array of the supervisor under SMAP (smap.ts). */
export const TLB_GUARDED: u64 = 4;

/**
 * Attribute byte of an entry: a global page; one that SMAP guards; the entry is in the list of used ones; from bit 3 the
 * binary logarithm of the page's size - 12.
 */
export const ATTRIBUTE_GLOBAL: u32 = 1;
export const ATTRIBUTE_GUARDED: u32 = 2;
const ATTRIBUTE_LISTED: u32 = 4;
export const ATTRIBUTE_SIZE: u32 = 3;

/** What an invalidation of one page or context spares. */
export const DROP_ALL: u32 = 0;
export const KEEP_GLOBAL: u32 = 1;
export const ONLY_GLOBAL: u32 = 2;

/** Enters a translation into one array of the current bank. */
// @ts-ignore: decorator
@inline
export function fillTlb(array: u32, linear: u64, physical: u64, attributes: u32, marks: u64): void {
  const offset = (u32(linear) >> 8) & 0x3ff0;
  const entry = tlbBank + array * TLB_ARRAY_SIZE + offset;
  const number = array * TLB_ENTRIES + (offset >> 4);
  const n = load<u32>(TLB_CURRENT_BANK);
  if (!(load<u8>(tlbBank + number, BANK_ATTRIBUTES) & ATTRIBUTE_LISTED)) noteUsed(n, number);
  // the jump cache stands for fetch entries
  if ((array == 2 || array == 5) && load<u64>(entry) != TLB_INVALID) forgetJumpsOf(n);
  store<u64>(entry, (linear & ~0xfff) | marks);
  store<u64>(entry, physical + RAM - (linear & ~0xfff), 8);
  store<u8>(tlbBank + number, u8(attributes | ATTRIBUTE_LISTED), BANK_ATTRIBUTES);
  if (attributes >> ATTRIBUTE_SIZE) noteLarge(linear, attributes >> ATTRIBUTE_SIZE);
}

/** The byte of BANK_LARGE for an address. */
// @ts-ignore: decorator
@inline
function largeByte(bank: usize, linear: u64): usize {
  return bank + ((u32(linear) >> 25) & 0x7f);
}

/** The current bank holds a part of a page of 2^(12 + size) bytes. */
function noteLarge(linear: u64, size: u32): void {
  const byte = largeByte(tlbBank, linear);
  if (size > 10) store<u32>(tlbBank, 1, BANK_HUGE);
  const bit: u32 = 1 << ((u32(linear) >> 22) & 7);
  store<u8>(byte, u8(u32(load<u8>(byte, BANK_LARGE)) | bit), BANK_LARGE);
}

/** May a bank hold parts of a large page that `linear` lies in? */
function mayBeLarge(bank: usize, linear: u64): bool {
  const bits = u32(load<u8>(largeByte(bank, linear), BANK_LARGE));
  return load<u32>(bank, BANK_HUGE) != 0 || ((bits >> ((u32(linear) >> 22) & 7)) & 1) != 0;
}

/** Sets or clears TLB_CODE in the write entries that map a physical page, in every bank of every CPU. */
function setCodeMark(page: u64, mark: u64): void {
  const host = (page << 12) + RAM;
  for (let banks = banksInUse; banks; banks &= banks - 1) {
    const n = ctz(banks);
    const bank = bankAt(n);
    const count = usedCount(n);
    for (let at: u32 = 0; at < count; at++) {
      const i = usedEntry(n, count, at);
      const array = i / TLB_ENTRIES;
      if (array != 1 && array != 4) continue;
      const entry = bank + (usize(i) << 4);
      const tag = load<u64>(entry);
      if (tag == TLB_INVALID || (tag & ~0xfff) + load<u64>(entry, 8) != host) continue;
      store<u64>(entry, (tag & ~TLB_CODE) | mark);
    }
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

/** Empties a bank; `keepGlobal` spares global pages. */
export function emptyBank(n: u32, keepGlobal: bool): void {
  forgetJumpsOf(n);
  const bank = bankAt(n);
  const count = usedCount(n);
  forgetUsed(n);
  if (!keepGlobal) {
    store<u32>(bank, 0, BANK_HUGE);
    memory.fill(bank + BANK_LARGE, 0, BANK_HEADER_END - BANK_LARGE);
  }
  for (let at: u32 = 0; at < count; at++) {
    const i = usedEntry(n, count, at);
    const entry = bank + (usize(i) << 4);
    if (keepGlobal && load<u64>(entry) != TLB_INVALID && load<u8>(bank + i, BANK_ATTRIBUTES) & ATTRIBUTE_GLOBAL) {
      noteUsed(n, i);
      continue;
    }
    store<u64>(entry, TLB_INVALID);
    store<u8>(bank + i, 0, BANK_ATTRIBUTES);
  }
}

/**
 * Empties the banks of the CPU that runs that belong to these contexts (ANY and ANY_ROOT match all); `keepGlobal` spares
 * global pages. Counts as one flush.
 */
export function flushContexts(vpid: u32, pcid: u32, eptRoot: u64, keepGlobal: bool): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  for (let banks = ownBanks(); banks; banks &= banks - 1) {
    const n = ctz(banks);
    if (isBankOf(n, vpid, pcid, eptRoot)) emptyBank(n, keepGlobal);
  }
}

/** Empties the banks of every VPID but 0, the host's. Counts as one flush. */
export function flushVpidContexts(): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  for (let banks = ownBanks(); banks; banks &= banks - 1) {
    if (load<u32>(bankAt(ctz(banks)), BANK_VPID)) emptyBank(ctz(banks), false);
  }
}

/** Empties the banks of every context that is translated by EPT. Counts as one flush. */
export function flushEptContexts(): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  for (let banks = ownBanks(); banks; banks &= banks - 1) {
    if (load<u64>(bankAt(ctz(banks)), BANK_EPT_ROOT)) emptyBank(ctz(banks), false);
  }
}

/** A MOV to CR3 that flushes: the present context; `keepGlobal` spares global pages. */
export function flushTlb(keepGlobal: bool): void {
  flushContexts(load<u32>(TLB_VPID), currentPcid(), ANY_ROOT, keepGlobal);
}

/** Empties every bank of every CPU: physical memory itself has changed. */
export function flushAllBanks(): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  for (let banks = banksInUse; banks; banks &= banks - 1) emptyBank(ctz(banks), false);
}

/** Drops an entry if it translates a part of the page that `linear` lies in, and `what` does not spare it. */
function dropEntry(n: u32, bank: usize, number: u32, linear: u64, what: u32): void {
  const entry = bank + (usize(number) << 4);
  const tag = load<u64>(entry);
  const attributes: u32 = load<u8>(bank + number, BANK_ATTRIBUTES);
  const shift = u64(12 + (attributes >> ATTRIBUTE_SIZE));
  if (tag == TLB_INVALID || (tag ^ linear) >> shift) return;
  if (what != DROP_ALL && ((attributes & ATTRIBUTE_GLOBAL) != 0) == (what == KEEP_GLOBAL)) return;
  store<u64>(entry, TLB_INVALID);
  store<u8>(bank + number, u8(ATTRIBUTE_LISTED), BANK_ATTRIBUTES);
  const array = number / TLB_ENTRIES;
  if (array == 2 || array == 5) forgetJumpsOf(n);
}

/** Drops what a bank holds of the page that `linear` lies in: all parts of a large page. */
function dropPage(n: u32, linear: u64, what: u32): void {
  const bank = bankAt(n);
  if (mayBeLarge(bank, linear)) {
    const count = usedCount(n);
    for (let at: u32 = 0; at < count; at++) dropEntry(n, bank, usedEntry(n, count, at), linear, what);
    return;
  }
  const slot = (u32(linear) >> 12) & (TLB_ENTRIES - 1);
  for (let array: u32 = 0; array < 6; array++) {
    const number = array * TLB_ENTRIES + slot;
    // nothing here is larger than 4 KiB
    if ((load<u64>(bank + (usize(number) << 4)) ^ linear) >> 12 == 0) dropEntry(n, bank, number, linear, what);
  }
}

/** Drops one page from the banks of these contexts of the CPU that runs. */
export function invalidateAddress(linear: u64, vpid: u32, pcid: u32, what: u32): void {
  for (let banks = ownBanks(); banks; banks &= banks - 1) {
    const n = ctz(banks);
    if (isBankOf(n, vpid, pcid, ANY_ROOT)) dropPage(n, linear, what);
  }
}

/** INVLPG: drops the page from the present context, and global pages there from every PCID. */
export function invalidatePage(linear: u64): void {
  const vpid = load<u32>(TLB_VPID);
  invalidateAddress(linear, vpid, ANY, ONLY_GLOBAL);
  invalidateAddress(linear, vpid, currentPcid(), DROP_ALL);
}

/** Fills the never-matching arrays and opens the first bank; once after the memory was created. */
export function initializeTlb(): void {
  for (let entry = TLB_NEVER; entry < TLB_NEVER_END; entry += 16) store<u64>(entry, TLB_INVALID);
  forgetJumps();
  claimBanks(0);
}
