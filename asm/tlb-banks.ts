// The banks of the TLB and the address-space contexts that own them (SDM Vol. 3A "Process-Context Identifiers (PCIDs)",
// Vol. 3C "Virtual-Processor Identifiers (VPIDs)"): a context is VPID, PCID and EPT root. Selecting another context selects
// another bank and drops nothing. A CPU has BANKS_PER_CPU banks; the context without VPID, PCID and EPT keeps the first, the
// others go to contexts least recently used. Which bank a context has decides what a memory access costs, so all of that is
// state; the lists of used entries are not.
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
  TLB_FIRST_BANK,
  TLB_USED_LISTS,
  TLB_VPID,
} from './layout';
import { selectJumps } from './blocks';
import { tlbBank, tlbBase } from './globals';
import { emptyBank, TLB_INVALID } from './tlb';

/** Matches every VPID or PCID, and every EPT root. */
export const ANY: u32 = u32.MAX_VALUE;
export const ANY_ROOT: u64 = u64.MAX_VALUE;

/** Entries of a bank, all arrays. */
export const BANK_ENTRIES: u32 = 6 * TLB_ENTRIES;
/** List of used entries: u32 count, then u16 numbers. A count above USED_MAX means unknown: any entry may be in use. */
const USED_LIST_SIZE: usize = 0x1000;
const USED_MAX: u32 = (0x1000 - 4) / 2;

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
function usedList(n: u32): usize {
  return TLB_USED_LISTS + usize(n) * USED_LIST_SIZE;
}

/** How many entries of a bank have to be looked at, each by `usedEntry`. */
export function usedCount(n: u32): u32 {
  const count = load<u32>(usedList(n));
  return count <= USED_MAX ? count : BANK_ENTRIES;
}

/** Number of the entry at place `at` of the list that has `count` places (from `usedCount`). */
// @ts-ignore: decorator
@inline
export function usedEntry(n: u32, count: u32, at: u32): u32 {
  return count == BANK_ENTRIES ? at : load<u16>(usedList(n) + (usize(at) << 1), 4);
}

/** An entry is in use from now on. */
// @ts-ignore: decorator
@inline
export function noteUsed(n: u32, number: u32): void {
  const list = usedList(n);
  const count = load<u32>(list);
  if (count < USED_MAX) store<u16>(list + (usize(count) << 1), u16(number), 4);
  if (count <= USED_MAX) store<u32>(list, count + 1);
}

/** No entry is in use. */
export function forgetUsed(n: u32): void {
  store<u32>(usedList(n), 0);
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

/** The banks came from elsewhere (a snapshot): which ones are in use follows from the headers, the used entries are unknown. */
export function banksLoaded(): void {
  banksInUse = 0;
  for (let n: u32 = 0; n < <u32>NUMBER_OF_BANKS; n++) {
    if (load<u32>(bankAt(n), BANK_IN_USE)) banksInUse |= 1 << n;
    store<u32>(usedList(n), USED_MAX + 1);
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
export function contextBank(vpid: u32, pcid: u32, eptRoot: u64): u32 {
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
