// Linear to physical: TLB and page walks (SDM Vol. 3A "Paging": "32-bit Paging", "PAE Paging", "Access Rights",
// "Page-Fault Exceptions", "Caching Translation Information"). TLB contents are modelled state, because misses cost time;
// the marks in a tag's low bits are not: a marked entry is a hit that only the slow path can use.
import {
  A20_MASK,
  COUNT_TLB_FLUSHES,
  COUNT_TLB_MISSES,
  COUNT_WALK_REFERENCES,
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  PAGE_ROM,
  PDPTE,
  PAGE_RAM,
  RAM,
  TLB,
  TLB_ARRAY_SIZE,
  TLB_ENTRIES,
  TLB_END,
} from './layout';
import { forgetJumps } from './blocks';
import { charge, noteInstructionCounts } from './charge';
import { COST_TLB_WALK_REFERENCE } from './gen/costs';
import { faulted, ripMask } from './globals';
import { raisePageFault } from './fault';
import { PAGE_CODE, pageKind, readPhysicalSized, writePhysicalSized } from './physical';
import { eptEnabled, eptRights, eptTranslate, isApicAccessPage } from './vmx/intercepts';

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

/** Mask of linear addresses: 32 bits outside 64-bit mode. */
export let linearMask: u64 = 0xffffffff;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;
const USER: u64 = 4;
const ACCESSED: u64 = 0x20;
const DIRTY: u64 = 0x40;
const LARGE: u64 = 0x80;
const GLOBAL: u64 = 0x100;
const NO_EXECUTE: u64 = 1 << 63;
/** MAXPHYADDR as CPUID reports it. */
export const PHYSICAL_BITS: u64 = 36;
const ADDRESS: u64 = (1 << PHYSICAL_BITS) - 0x1000;
const RESERVED_HIGH: u64 = 0x7fff_ffff_ffff_ffff & ~((1 << PHYSICAL_BITS) - 1);

const CR0_WP: u32 = 0x10000;
const CR0_PG: u32 = 0x80000000;
const CR4_PSE: u32 = 0x10;
const CR4_PAE: u32 = 0x20;
const CR4_PGE: u32 = 0x80;
const EFER_NXE: u32 = 0x800;

// Result of the last walk.
let walkPhysical: u64 = 0; // of the page
let walkRights: u64 = 0; // WRITABLE, USER and NO_EXECUTE combined over the levels
let walkDirty: bool = false;
let walkGlobal: bool = false;

/** Page-walk reference: guest-physical address of an entry to host-physical. All ones: a VM exit is pending. */
function entryAddress(gpa: u64, access: u32, linear: u64): u64 {
  const a = gpa & load<u64>(A20_MASK);
  return eptEnabled() ? eptTranslate(a, access, linear, true) : a;
}

function countReference(): void {
  store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + 1);
  charge(COST_TLB_WALK_REFERENCE, 1);
}

function pageFault(linear: u64, access: u32, user: bool, present: bool, reserved: bool): void {
  const fetch = access == 2 && load<u32>(CR4) & CR4_PAE && load<u32>(EFER) & EFER_NXE;
  raisePageFault(
    linear,
    u32(present) | (u32(access == 1) << 1) | (u32(user) << 2) | (u32(reserved) << 3) | (u32(fetch != 0) << 4),
  );
}

/** The access rights check; raises #PF. `rights` as in walkRights. */
function allowed(linear: u64, rights: u64, access: u32, user: bool): bool {
  let ok = !user || (rights & USER) != 0;
  if (access == 1 && !(rights & WRITABLE) && (user || load<u32>(CR0) & CR0_WP)) ok = false;
  if (access == 2 && rights & NO_EXECUTE) ok = false;
  if (!ok) pageFault(linear, access, user, true, false);
  return ok;
}

/** Sets accessed (and dirty) in a paging-structure entry of `size` bytes. False: VM exit pending. */
function mark(gpa: u64, hpa: u64, size: u32, entry: u64, bits: u64, linear: u64): bool {
  if ((entry & bits) == bits) return true;
  if (eptEnabled()) {
    hpa = entryAddress(gpa, 1, linear);
    if (faulted) return false;
  }
  writePhysicalSized(hpa, size, entry | bits);
  return true;
}

function walk32(linear: u64, access: u32, user: bool): bool {
  const pdeGpa = (load<u64>(CR3) & 0xfffff000) | ((linear >> 20) & 0xffc);
  const pdeHpa = entryAddress(pdeGpa, 0, linear);
  if (faulted) return false;
  countReference();
  const pde = readPhysicalSized(pdeHpa, 4);
  if (!(pde & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  const dirty = access == 1 ? ACCESSED | DIRTY : ACCESSED;
  if (pde & LARGE && load<u32>(CR4) & CR4_PSE) {
    if (pde & 0x3e0000) {
      pageFault(linear, access, user, true, true);
      return false;
    }
    walkRights = pde & (WRITABLE | USER);
    if (!allowed(linear, walkRights, access, user) || !mark(pdeGpa, pdeHpa, 4, pde, dirty, linear)) return false;
    walkPhysical = (pde & 0xffc00000) | ((pde & 0x1e000) << 19) | (linear & 0x3ff000);
    walkDirty = ((pde | dirty) & DIRTY) != 0;
    walkGlobal = (pde & GLOBAL) != 0;
    return true;
  }
  const pteGpa = (pde & 0xfffff000) | ((linear >> 10) & 0xffc);
  const pteHpa = entryAddress(pteGpa, 0, linear);
  if (faulted) return false;
  countReference();
  const pte = readPhysicalSized(pteHpa, 4);
  if (!(pte & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  walkRights = pde & pte & (WRITABLE | USER);
  if (!allowed(linear, walkRights, access, user)) return false;
  if (!mark(pdeGpa, pdeHpa, 4, pde, ACCESSED, linear) || !mark(pteGpa, pteHpa, 4, pte, dirty, linear)) return false;
  walkPhysical = pte & 0xfffff000;
  walkDirty = ((pte | dirty) & DIRTY) != 0;
  walkGlobal = (pte & GLOBAL) != 0;
  return true;
}

/** Reserved bits of a PAE entry: the address beyond MAXPHYADDR, NX while EFER.NXE is clear. */
function paeReserved(entry: u64, low: u64): bool {
  const nx = load<u32>(EFER) & EFER_NXE ? 0 : NO_EXECUTE;
  return (entry & (RESERVED_HIGH | nx | low)) != 0;
}

function walkPae(linear: u64, access: u32, user: bool): bool {
  const pdpte = load<u64>(PDPTE + ((usize(linear) >> 30) << 3));
  if (!(pdpte & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  const pdeGpa = (pdpte & ADDRESS) | ((linear >> 18) & 0xff8);
  const pdeHpa = entryAddress(pdeGpa, 0, linear);
  if (faulted) return false;
  countReference();
  const pde = readPhysicalSized(pdeHpa, 8);
  if (!(pde & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  const large = (pde & LARGE) != 0;
  if (paeReserved(pde, large ? 0x1fe000 : 0)) {
    pageFault(linear, access, user, true, true);
    return false;
  }
  const dirty = access == 1 ? ACCESSED | DIRTY : ACCESSED;
  if (large) {
    walkRights = pde & (WRITABLE | USER | NO_EXECUTE);
    if (!allowed(linear, walkRights, access, user) || !mark(pdeGpa, pdeHpa, 8, pde, dirty, linear)) return false;
    walkPhysical = (pde & ADDRESS & ~0x1fffff) | (linear & 0x1ff000);
    walkDirty = ((pde | dirty) & DIRTY) != 0;
    walkGlobal = (pde & GLOBAL) != 0;
    return true;
  }
  const pteGpa = (pde & ADDRESS) | ((linear >> 9) & 0xff8);
  const pteHpa = entryAddress(pteGpa, 0, linear);
  if (faulted) return false;
  countReference();
  const pte = readPhysicalSized(pteHpa, 8);
  if (!(pte & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  if (paeReserved(pte, 0)) {
    pageFault(linear, access, user, true, true);
    return false;
  }
  walkRights = (pde & pte & (WRITABLE | USER)) | ((pde | pte) & NO_EXECUTE);
  if (!allowed(linear, walkRights, access, user)) return false;
  if (!mark(pdeGpa, pdeHpa, 8, pde, ACCESSED, linear) || !mark(pteGpa, pteHpa, 8, pte, dirty, linear)) return false;
  walkPhysical = pte & ADDRESS;
  walkDirty = ((pte | dirty) & DIRTY) != 0;
  walkGlobal = (pte & GLOBAL) != 0;
  return true;
}

/** Walks the paging structures (or none) and leaves the result in walk*. False: a fault or VM exit is pending. */
function walk(linear: u64, access: u32, user: bool): bool {
  if (load<u32>(CR0) & CR0_PG) {
    if (!(load<u32>(CR4) & CR4_PAE ? walkPae(linear, access, user) : walk32(linear, access, user))) return false;
    if (!(load<u32>(CR4) & CR4_PGE)) walkGlobal = false;
  } else {
    walkPhysical = linear & ~0xfff;
    walkRights = WRITABLE | USER;
    walkDirty = true;
    walkGlobal = false;
  }
  walkPhysical &= load<u64>(A20_MASK);
  if (eptEnabled()) {
    const hpa = eptTranslate(walkPhysical | (linear & 0xfff), access, linear, false);
    if (faulted) return false;
    walkPhysical = hpa & ~0xfff;
    const rights = eptRights();
    if (!(rights & 2)) walkRights |= 1 << 62;
    if (!(rights & 4)) walkRights |= NO_EXECUTE;
  }
  return true;
}

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

function fill(array: u32, linear: u64, marks: u64): void {
  const offset = (u32(linear) >> 8) & 0x3ff0;
  const entry = TLB + array * TLB_ARRAY_SIZE + offset;
  if (load<u64>(entry) == TLB_INVALID) noteUsed(array * TLB_ENTRIES + (offset >> 4));
  // the jump cache stands for fetch entries
  if ((array == 2 || array == 5) && load<u64>(entry) != TLB_INVALID) forgetJumps();
  store<u64>(entry, (linear & ~0xfff) | marks);
  store<u64>(entry, walkPhysical + RAM - (linear & ~0xfff), 8);
  store<u8>(TLB_GLOBALS + array * TLB_ENTRIES + (offset >> 4), u8(walkGlobal));
}

/** Enters the last walk into every array whose accesses it allows. Fetches have a TLB of their own. */
function fillAll(linear: u64, access: u32): void {
  const page = walkPhysical >> 12;
  const kind = pageKind(page);
  const user = (walkRights & USER) != 0;
  if (access == 2) {
    fill(2, linear, 0);
    if (user) fill(5, linear, 0);
    return;
  }
  let marks: u64 = kind != PAGE_RAM && kind != PAGE_ROM ? TLB_SLOW : 0;
  if (isApicAccessPage(walkPhysical)) marks = TLB_SLOW;
  fill(0, linear, marks);
  if (user) fill(3, linear, marks);
  if (!walkDirty || walkRights & (1 << 62)) return;
  if (kind == PAGE_ROM) marks = TLB_SLOW;
  if (kind == PAGE_RAM && load<u64>(PAGE_CODE + (usize(page) << 3))) marks |= TLB_CODE;
  const writable = (walkRights & WRITABLE) != 0;
  if (writable || !(load<u32>(CR0) & CR0_WP)) fill(1, linear, marks);
  if (user && writable) fill(4, linear, marks);
}

/**
 * Physical address of a linear one for an access (0 read, 1 write, 2 fetch), through the TLB.
 * Then `if (faulted) return`.
 */
export function translate(linear: u64, access: u32, user: bool): u64 {
  const entry = TLB + (access + (user ? 3 : 0)) * TLB_ARRAY_SIZE + ((u32(linear) >> 8) & 0x3ff0);
  const tag = load<u64>(entry);
  if (tag != TLB_INVALID && (tag & ~0xfff) == (linear & ~0xfff)) return linear + load<u64>(entry, 8) - RAM;
  store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
  if (!walk(linear, access, user)) return u64.MAX_VALUE;
  fillAll(linear, access);
  return walkPhysical | (linear & 0xfff);
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

/** After CR0, CR4, EFER or A20 changed how linear addresses are translated: nothing cached remains valid. */
export function pagingChanged(): void {
  flushTlb(false);
}

/**
 * Loads the PDPTE registers from the table at `cr3` (SDM Vol. 3A "PDPTE Registers"). False: a reserved bit is set in a
 * present entry, and nothing has changed.
 */
export function loadPdptes(cr3: u64): bool {
  const table = cr3 & 0xffffffe0;
  for (let pass = 0; pass < 2; pass++) {
    for (let i: u64 = 0; i < 4; i++) {
      const hpa = entryAddress(table + (i << 3), 0, 0);
      if (faulted) return false;
      const entry = readPhysicalSized(hpa, 8);
      if (pass) store<u64>(PDPTE + (usize(i) << 3), entry);
      else if (entry & PRESENT && entry & (0x1e6 | RESERVED_HIGH | NO_EXECUTE)) return false;
    }
  }
  return true;
}

/** Page walk without faults, charges or A/D bits; all ones if there is no translation. Ignores EPT. */
export function debugTranslate(linear: u64): u64 {
  if (!(load<u32>(CR0) & CR0_PG)) return linear & load<u64>(A20_MASK);
  const pae = (load<u32>(CR4) & CR4_PAE) != 0;
  const size: u32 = pae ? 8 : 4;
  let table = load<u64>(CR3) & 0xfffff000;
  if (pae) {
    const pdpte = load<u64>(PDPTE + ((usize(linear) >> 30) << 3));
    if (!(pdpte & PRESENT)) return u64.MAX_VALUE;
    table = pdpte & ADDRESS;
  }
  const pde = readPhysicalSized(table | (pae ? (linear >> 18) & 0xff8 : (linear >> 20) & 0xffc), size);
  if (!(pde & PRESENT)) return u64.MAX_VALUE;
  if (pde & LARGE && (pae || load<u32>(CR4) & CR4_PSE)) {
    if (pae) return (pde & ADDRESS & ~0x1fffff) | (linear & 0x1fffff);
    return (pde & 0xffc00000) | ((pde & 0x1e000) << 19) | (linear & 0x3fffff);
  }
  const pte = readPhysicalSized((pde & ADDRESS) | (pae ? (linear >> 9) & 0xff8 : (linear >> 10) & 0xffc), size);
  return pte & PRESENT ? (pte & ADDRESS) | (linear & 0xfff) : u64.MAX_VALUE;
}

/** CPL or the execution mode changed: which TLB arrays and address masks apply. Called by `setCpl`. */
export function privilegeChanged(): void {
  ripMask = 0xffffffff;
  linearMask = 0xffffffff;
  noteInstructionCounts();
}
