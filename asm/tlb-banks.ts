// The banks of the TLB and the address-space contexts that own them (SDM Vol. 3A "Process-Context Identifiers (PCIDs)",
// Vol. 3C "Virtual-Processor Identifiers (VPIDs)"): a context is VPID, PCID and EPT root. Selecting another context selects
// another bank and drops nothing. A CPU has BANKS_PER_CPU banks; the context without VPID, PCID and EPT keeps the first, the
// others go to contexts least recently used. Which bank a context has decides what a memory access costs, so all of that is
// state; the maps of what is in use are not.
import {
  BANK_ATTRIBUTES,
  BANK_EPT_ROOT,
  BANK_HEADER_END,
  BANK_IN_USE,
  BANK_MODE,
  BANK_PCID,
  BANK_USED_AT,
  BANK_VPID,
  BANKS_PER_CPU,
  CR0,
  CR3,
  CR4,
  EFER,
  NUMBER_OF_BANKS,
  TLB_BANK_SIZE,
  TLB_BANKS,
  TLB_CLOCK,
  TLB_CURRENT_BANK,
  TLB_ENTRIES,
  TLB_EPT_ROOT,
  TLB_FETCH,
  TLB_FIRST_BANK,
  TLB_USED_MAPS,
  TLB_VPID,
} from './layout';
import { selectJumps } from './jumps';
import { tlbBank, tlbBase } from './globals';
import { emptyBank, TLB_INVALID } from './tlb';

/** Matches every VPID or PCID, and every EPT root. */
export const ANY: u32 = u32.MAX_VALUE;
export const ANY_ROOT: u64 = u64.MAX_VALUE;

/** Number of a bank's entries: an entry has its attribute byte at the place of its number. */
const BANK_ENTRIES: u32 = BANK_ATTRIBUTES >> 4;
/** Number of the first entry for fetches. */
export const FETCH_ENTRIES: u32 = TLB_FETCH >> 4;

/**
 * What of a bank is in use, as bits: u32 of the words below that have a bit set, then u32 1 when a large page may
 * be among it, then u64 words of a bit a slot: first those of reads and writes, then those of fetches.
 */
const USED_MAP_SIZE: usize = 0x1000;
const USED_LARGE: usize = 4;
const USED_WORDS: usize = 8;
/** Words of the slots of reads and writes. */
const DATA_WORDS: u32 = 0xffff;

/** Bits of CR0 (PG, WP), CR4 (PSE, PAE, PGE, LA57, SMEP, SMAP) and EFER (LMA, NXE) that give entries of a bank their meaning. */
const MODE_CR0: u32 = 0x80010000;
const MODE_CR4: u32 = 0x003010b0;
const MODE_EFER: u32 = 0xc00;

const CR4_PCIDE: u32 = 0x20000;

/** Bit n: bank n is in use, by whatever CPU. Derived from the headers. */
export let banksInUse: u32 = 0;

/** Address of a bank. */
// @ts-ignore: decorator
@inline
export function bankAt(n: u32): usize {
  return TLB_BANKS + usize(n) * TLB_BANK_SIZE;
}

/** Bits of the banks in use of the CPU that runs. */
export function ownBanks(): u32 {
  return banksInUse & (((1 << BANKS_PER_CPU) - 1) << load<u32>(TLB_FIRST_BANK));
}

// @ts-ignore: decorator
@inline
function usedMap(n: u32): usize {
  return TLB_USED_MAPS + usize(n) * USED_MAP_SIZE;
}

/** Bit w: word w of a bank's map has a bit set. */
// @ts-ignore: decorator
@inline
export function usedWords(n: u32): u32 {
  return load<u32>(usedMap(n));
}

/** The same of the slots of reads and writes alone. */
// @ts-ignore: decorator
@inline
export function usedDataWords(n: u32): u32 {
  return load<u32>(usedMap(n)) & DATA_WORDS;
}

/** Bit s: slot 64 w + s of a bank is in use. */
// @ts-ignore: decorator
@inline
export function usedSlots(n: u32, w: u32): u64 {
  return load<u64>(usedMap(n) + (usize(w) << 3), USED_WORDS);
}

/** Number of the first entry of slot `s` of word `w`. */
// @ts-ignore: decorator
@inline
export function slotNumber(w: u32, s: u32): u32 {
  const slot = (w << 6) | s;
  return slot < <u32>TLB_ENTRIES ? slot << 2 : FETCH_ENTRIES + ((slot - TLB_ENTRIES) << 1);
}

/** A slot is in use from now on; those of fetches are numbered from TLB_ENTRIES on. */
// @ts-ignore: decorator
@inline
export function noteUsed(n: u32, slot: u32): void {
  const map = usedMap(n);
  const word = map + (usize(slot >> 6) << 3);
  store<u32>(map, load<u32>(map) | (1 << (slot >> 6)));
  store<u64>(word, load<u64>(word, USED_WORDS) | (<u64>1 << u64(slot & 63)), USED_WORDS);
}

/** Is a slot in use? */
// @ts-ignore: decorator
@inline
export function isUsed(n: u32, slot: u32): bool {
  return ((usedSlots(n, slot >> 6) >> u64(slot & 63)) & 1) != 0;
}

/** The bank may hold parts of large pages from now on. */
// @ts-ignore: decorator
@inline
export function noteUsedLarge(n: u32): void {
  store<u32>(usedMap(n), 1, USED_LARGE);
}

/** May the bank hold parts of large pages? If so, it is going to lose them. */
// @ts-ignore: decorator
@inline
export function takeUsedLarge(n: u32): bool {
  if (!load<u32>(usedMap(n), USED_LARGE)) return false;
  store<u32>(usedMap(n), 0, USED_LARGE);
  return true;
}

/** Of word `w` only these slots are in use any more. */
// @ts-ignore: decorator
@inline
export function keepUsed(n: u32, w: u32, slots: u64): void {
  const map = usedMap(n);
  store<u64>(map + (usize(w) << 3), slots, USED_WORDS);
  if (!slots) store<u32>(map, load<u32>(map) & ~(1 << w));
}

/** Nothing is in use. */
function forgetUsed(n: u32): void {
  memory.fill(usedMap(n), 0, USED_MAP_SIZE);
}

/** Finds out what is in use. */
function findUsed(n: u32): void {
  forgetUsed(n);
  noteUsedLarge(n);
  for (let i: u32 = 0; i < BANK_ENTRIES; i++) {
    if (load<u64>(bankAt(n) + (usize(i) << 4)) == TLB_INVALID) continue;
    noteUsed(n, i < FETCH_ENTRIES ? i >> 2 : TLB_ENTRIES + ((i - FETCH_ENTRIES) >> 1));
  }
}

/** Takes a bank into use, empty. */
function openBank(n: u32): void {
  const bank = bankAt(n);
  for (let i: u32 = 0; i < BANK_ENTRIES; i++) store<u64>(bank + (usize(i) << 4), TLB_INVALID);
  memory.fill(bank + BANK_ATTRIBUTES, 0, BANK_HEADER_END - BANK_ATTRIBUTES);
  store<u32>(bank, 1, BANK_IN_USE);
  forgetUsed(n);
  banksInUse |= 1 << n;
}

/** The banks came from elsewhere (a snapshot): what is in use follows from headers and tags. */
export function banksLoaded(): void {
  banksInUse = 0;
  for (let n: u32 = 0; n < <u32>NUMBER_OF_BANKS; n++) {
    if (!load<u32>(bankAt(n), BANK_IN_USE)) continue;
    banksInUse |= 1 << n;
    findUsed(n);
  }
  const current = load<u32>(TLB_CURRENT_BANK);
  if (!((banksInUse >> current) & 1)) openBank(current);
  selectBank(current);
}

/** Does a bank belong to these contexts? ANY and ANY_ROOT match all. */
export function isBankOf(n: u32, vpid: u32, pcid: u32, eptRoot: u64): bool {
  const bank = bankAt(n);
  return (
    (vpid == ANY || load<u32>(bank, BANK_VPID) == vpid) &&
    (pcid == ANY || load<u32>(bank, BANK_PCID) == pcid) &&
    (eptRoot == ANY_ROOT || load<u64>(bank, BANK_EPT_ROOT) == eptRoot)
  );
}

/** The bank that holds a context, or that it gets now from the least recently used one. */
function contextBank(vpid: u32, pcid: u32, eptRoot: u64): u32 {
  const first = load<u32>(TLB_FIRST_BANK);
  if (!(vpid | pcid) && !eptRoot) return first;
  let oldest = first + 1;
  for (let n = first + 1; n < first + BANKS_PER_CPU; n++) {
    if (!((banksInUse >> n) & 1)) {
      openBank(n);
      return give(n, vpid, pcid, eptRoot);
    }
    if (isBankOf(n, vpid, pcid, eptRoot)) return n;
    if (load<u64>(bankAt(n), BANK_USED_AT) < load<u64>(bankAt(oldest), BANK_USED_AT)) oldest = n;
  }
  emptyBank(oldest, false);
  return give(oldest, vpid, pcid, eptRoot);
}

function give(n: u32, vpid: u32, pcid: u32, eptRoot: u64): u32 {
  const bank = bankAt(n);
  store<u32>(bank, vpid, BANK_VPID);
  store<u32>(bank, pcid, BANK_PCID);
  store<u64>(bank, eptRoot, BANK_EPT_ROOT);
  return n;
}

/** Translations come from this bank from now on, also those of the block that runs. */
export function selectBank(n: u32): void {
  const bank = bankAt(n);
  // tlbBase keeps its array; the arrays that never match lie elsewhere
  if (tlbBase - tlbBank < <usize>TLB_BANK_SIZE) tlbBase = tlbBase - tlbBank + bank;
  tlbBank = bank;
  store<u32>(TLB_CURRENT_BANK, n);
  selectJumps(n);
}

/** PCID of the present address space: that of CR3 with CR4.PCIDE, else 0. */
export function currentPcid(): u32 {
  return load<u32>(CR4) & CR4_PCIDE ? load<u32>(CR3) & 0xfff : 0;
}

function pagingMode(): u32 {
  return (load<u32>(CR0) & MODE_CR0) | (load<u32>(CR4) & MODE_CR4) | (load<u32>(EFER) & MODE_EFER);
}

/**
 * The context of the registers becomes current: TLB_VPID, TLB_EPT_ROOT, and the PCID in CR3. Called when one of them has
 * changed, or the paging mode. A bank that was filled in another mode is emptied, global pages too.
 */
export function selectContext(): void {
  const n = contextBank(load<u32>(TLB_VPID), currentPcid(), load<u64>(TLB_EPT_ROOT));
  const bank = bankAt(n);
  const mode = pagingMode();
  if (load<u32>(bank, BANK_MODE) != mode) {
    emptyBank(n, false);
    store<u32>(bank, mode, BANK_MODE);
  }
  if (load<u32>(TLB_CURRENT_BANK) == n) return;
  const clock = load<u64>(TLB_CLOCK) + 1;
  store<u64>(TLB_CLOCK, clock);
  store<u64>(bank, clock, BANK_USED_AT);
  selectBank(n);
}

/** Gives CPU `cpu` its banks, all empty, and selects its first; once before the CPU runs. */
export function claimBanks(cpu: u32): void {
  const first = cpu * BANKS_PER_CPU;
  store<u32>(TLB_FIRST_BANK, first);
  store<u32>(TLB_VPID, 0);
  store<u64>(TLB_EPT_ROOT, 0);
  store<u64>(TLB_CLOCK, 0);
  banksInUse &= ~(((1 << BANKS_PER_CPU) - 1) << first);
  for (let n = first; n < first + BANKS_PER_CPU; n++) store<u32>(bankAt(n), 0, BANK_IN_USE);
  openBank(first);
  selectBank(first);
}
