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
  TLB_CURRENT_BANK,
  TLB_ENTRIES,
  TLB_FETCH,
  TLB_FETCH_USER,
  TLB_USER,
  TLB_VPID,
  TLB_WRITE,
} from './layout';
import { forgetJumps, forgetJumpsOf } from './jumps';
import { tlbBank } from './globals';
import {
  ANY,
  ANY_ROOT,
  bankAt,
  banksInUse,
  claimBanks,
  currentPcid,
  FETCH_ENTRIES,
  isBankOf,
  isUsed,
  keepUsed,
  noteUsed,
  noteUsedLarge,
  ownBanks,
  slotNumber,
  takeUsedLarge,
  usedDataWords,
  usedSlots,
  usedWords,
} from './tlb-banks';

/** Two arrays whose tags never match, for when every access must take the slow path. */
export const TLB_NEVER: usize = 0x30000;
export const TLB_NEVER_END: usize = 0x40000;

/** Tag of an empty entry: not canonical, so no access has it. */
export const TLB_INVALID: u64 = 0x0000_8000_0000_0fff;
/** Marks in a tag: only the slow path may use the entry (device, ROM, APIC-access page). */
export const TLB_SLOW: u64 = 1;
/** The page holds decoded code; write entries only. */
export const TLB_CODE: u64 = 2;

/** A user page in an array of the supervisor under SMAP (smap.ts). */
export const TLB_GUARDED: u64 = 4;

/**
 * Attribute byte of an entry: a global page; one that SMAP guards; from bit 3 the binary logarithm of the page's size - 12.
 */
export const ATTRIBUTE_GLOBAL: u32 = 1;
export const ATTRIBUTE_GUARDED: u32 = 2;
export const ATTRIBUTE_SIZE: u32 = 3;

/** What an invalidation of one page or context spares. */
export const DROP_ALL: u32 = 0;
export const KEEP_GLOBAL: u32 = 1;
export const ONLY_GLOBAL: u32 = 2;

/** Number of an address's slot. */
// @ts-ignore: decorator
@inline
function slotOf(linear: u64): u32 {
  return (u32(linear) >> 12) & (TLB_ENTRIES - 1);
}

/** Enters a translation into the entry at `offset` of a slot whose attributes lie at `attribute`. */
// @ts-ignore: decorator
@inline
function fillEntry(slot: usize, attribute: usize, offset: usize, tag: u64, addend: u64, attributes: u32): void {
  store<u64>(slot + offset, tag);
  store<u64>(slot + offset, addend, 8);
  store<u8>(attribute + (offset >> 4), u8(attributes), BANK_ATTRIBUTES);
}

/** What a translation is good for: reading and writing by the supervisor and by users. */
export const FILL_READ: u32 = 1;
export const FILL_WRITE: u32 = 2;
export const FILL_USER_READ: u32 = 4;
export const FILL_USER_WRITE: u32 = 8;

/**
 * Enters a translation for reads and writes into the current bank (`what` of FILL_*). `guard` (TLB_GUARDED or 0) is for the
 * supervisor's entries, `writeMarks` for those of writes.
 */
// @ts-ignore: decorator
@inline
export function fillData(
  linear: u64,
  physical: u64,
  attributes: u32,
  what: u32,
  guard: u64,
  marks: u64,
  writeMarks: u64,
): void {
  const number = slotOf(linear);
  const slot = tlbBank + (usize(number) << 6);
  const attribute = tlbBank + (usize(number) << 2);
  const page = linear & ~0xfff;
  const addend = physical + RAM - page;
  const guarded = guard ? attributes | ATTRIBUTE_GUARDED : attributes;
  noteUsed(load<u32>(TLB_CURRENT_BANK), number);
  if (attributes >> ATTRIBUTE_SIZE) noteLarge(linear, attributes >> ATTRIBUTE_SIZE);
  if (what & FILL_READ) fillEntry(slot, attribute, 0, page | marks | guard, addend, guarded);
  if (what & FILL_USER_READ) fillEntry(slot, attribute, TLB_USER, page | marks, addend, attributes);
  if (what & FILL_WRITE) fillEntry(slot, attribute, TLB_WRITE, page | writeMarks | guard, addend, guarded);
  if (what & FILL_USER_WRITE) fillEntry(slot, attribute, TLB_USER + TLB_WRITE, page | writeMarks, addend, attributes);
}

/** Enters a translation for fetches of the supervisor, of users, or of both. */
export function fillFetch(linear: u64, physical: u64, attributes: u32, supervisor: bool, user: bool): void {
  const number = slotOf(linear);
  const slot = tlbBank + TLB_FETCH + (usize(number) << 5);
  const attribute = tlbBank + FETCH_ENTRIES + (usize(number) << 1);
  const page = linear & ~0xfff;
  const addend = physical + RAM - page;
  const n = load<u32>(TLB_CURRENT_BANK);
  noteUsed(n, TLB_ENTRIES + number);
  if (attributes >> ATTRIBUTE_SIZE) noteLarge(linear, attributes >> ATTRIBUTE_SIZE);
  // the jump cache stands for fetch entries
  if (load<u64>(slot) != TLB_INVALID || load<u64>(slot, TLB_FETCH_USER) != TLB_INVALID) forgetJumpsOf(n);
  if (supervisor) fillEntry(slot, attribute, 0, page, addend, attributes);
  if (user) fillEntry(slot, attribute, TLB_FETCH_USER, page, addend, attributes);
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
  noteUsedLarge(load<u32>(TLB_CURRENT_BANK));
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
    for (let words = usedDataWords(n); words; words &= words - 1) {
      const first = bankAt(n) + (usize(ctz(words)) << 12) + TLB_WRITE;
      for (let slots = usedSlots(n, ctz(words)); slots; slots &= slots - 1) {
        const entry = first + (usize(ctz(slots)) << 6);
        setCodeMarkOf(entry, host, mark);
        setCodeMarkOf(entry + TLB_USER, host, mark);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function setCodeMarkOf(entry: usize, host: u64, mark: u64): void {
  const tag = load<u64>(entry);
  if (tag == TLB_INVALID || (tag & ~0xfff) + load<u64>(entry, 8) != host) return;
  store<u64>(entry, (tag & ~TLB_CODE) | mark);
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
  if (!keepGlobal && takeUsedLarge(n)) {
    store<u32>(bank, 0, BANK_HUGE);
    memory.fill(bank + BANK_LARGE, 0, BANK_HEADER_END - BANK_LARGE);
  }
  for (let words = usedWords(n); words; words &= words - 1) {
    const w = ctz(words);
    let kept: u64 = 0;
    for (let slots = usedSlots(n, w); slots; slots &= slots - 1) {
      const number = slotNumber(w, u32(ctz(slots)));
      if (!keepGlobal) emptySlot(bank, number);
      else if (emptyButGlobal(bank, number)) kept |= slots & -slots;
    }
    keepUsed(n, w, kept);
  }
}

/** Empties the slot that begins with this entry. */
// @ts-ignore: decorator
@inline
function emptySlot(bank: usize, number: u32): void {
  const slot = bank + (usize(number) << 4);
  store<u64>(slot, TLB_INVALID);
  store<u64>(slot, TLB_INVALID, TLB_FETCH_USER);
  if (number >= FETCH_ENTRIES) {
    store<u16>(bank + number, 0, BANK_ATTRIBUTES);
    return;
  }
  store<u64>(slot, TLB_INVALID, TLB_USER);
  store<u64>(slot, TLB_INVALID, TLB_USER + TLB_WRITE);
  store<u32>(bank + number, 0, BANK_ATTRIBUTES);
}

/** Entries of the slot that begins with this one. */
// @ts-ignore: decorator
@inline
function slotEntries(number: u32): u32 {
  return number < FETCH_ENTRIES ? 4 : 2;
}

// @ts-ignore: decorator
@inline
function emptyEntry(bank: usize, number: u32): void {
  store<u64>(bank + (usize(number) << 4), TLB_INVALID);
  store<u8>(bank + number, 0, BANK_ATTRIBUTES);
}

/** Empties of the slot that begins with this entry what is not of global pages. Is something left? */
function emptyButGlobal(bank: usize, number: u32): bool {
  const end = number + slotEntries(number);
  let isKept = false;
  for (; number < end; number++) {
    if (load<u8>(bank + number, BANK_ATTRIBUTES) & ATTRIBUTE_GLOBAL) isKept = true;
    else emptyEntry(bank, number);
  }
  return isKept;
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
  const banks = ownBanks();
  if (!(banks & (banks - 1))) {
    // the bank of the present context is the only one
    store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
    emptyBank(load<u32>(TLB_CURRENT_BANK), keepGlobal);
    return;
  }
  flushContexts(load<u32>(TLB_VPID), currentPcid(), ANY_ROOT, keepGlobal);
}

/** Empties every bank of every CPU: physical memory itself has changed. */
export function flushAllBanks(): void {
  store<u64>(COUNT_TLB_FLUSHES, load<u64>(COUNT_TLB_FLUSHES) + 1);
  for (let banks = banksInUse; banks; banks &= banks - 1) emptyBank(ctz(banks), false);
}

/** Drops an entry if it translates a part of the page that `linear` lies in, and `what` does not spare it. */
// @ts-ignore: decorator
@inline
function dropEntry(n: u32, bank: usize, number: u32, linear: u64, what: u32): void {
  const tag = load<u64>(bank + (usize(number) << 4));
  if (tag == TLB_INVALID) return;
  const attributes: u32 = load<u8>(bank + number, BANK_ATTRIBUTES);
  if ((tag ^ linear) >> u64(12 + (attributes >> ATTRIBUTE_SIZE))) return;
  if (what != DROP_ALL && ((attributes & ATTRIBUTE_GLOBAL) != 0) == (what == KEEP_GLOBAL)) return;
  emptyEntry(bank, number);
  if (number >= FETCH_ENTRIES) forgetJumpsOf(n);
}

/** Drops what the slot that begins with entry `number` holds of the page. */
function dropSlot(n: u32, bank: usize, number: u32, linear: u64, what: u32): void {
  const end = number + slotEntries(number);
  for (; number < end; number++) dropEntry(n, bank, number, linear, what);
}

/** Drops what a bank holds of the page that `linear` lies in: all parts of a large page. */
function dropPage(n: u32, linear: u64, what: u32): void {
  const bank = bankAt(n);
  if (!mayBeLarge(bank, linear)) {
    const slot = slotOf(linear);
    if (isUsed(n, slot)) dropSlot(n, bank, slot << 2, linear, what);
    if (isUsed(n, TLB_ENTRIES + slot)) dropSlot(n, bank, FETCH_ENTRIES + (slot << 1), linear, what);
    return;
  }
  for (let words = usedWords(n); words; words &= words - 1) {
    const w = ctz(words);
    for (let slots = usedSlots(n, w); slots; slots &= slots - 1) {
      dropSlot(n, bank, slotNumber(w, u32(ctz(slots))), linear, what);
    }
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
  const banks = ownBanks();
  // of several banks some may be those of other PCIDs
  if (banks & (banks - 1)) invalidateAddress(linear, vpid, ANY, ONLY_GLOBAL);
  invalidateAddress(linear, vpid, currentPcid(), DROP_ALL);
}

/** Fills the never-matching arrays and opens the first bank; once after the memory was created. */
export function initializeTlb(): void {
  for (let entry = TLB_NEVER; entry < TLB_NEVER_END; entry += 16) store<u64>(entry, TLB_INVALID);
  forgetJumps();
  claimBanks(0);
}
