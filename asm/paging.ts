// Linear to physical: TLB and page walks (SDM Vol. 3A "Paging": "32-bit Paging", "PAE Paging", "Access Rights",
// "Page-Fault Exceptions"). The TLB itself is in tlb.ts.
import {
  A20_MASK,
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
  TLB_ENTRIES,
  TLB_FETCH,
  TLB_FETCH_USER,
  TLB_USER,
  TLB_VPID,
  TLB_WRITE,
} from './layout';
import { charge, noteInstructionCounts } from './charge';
import { COST_TLB_WALK_REFERENCE } from './gen/costs';
import { FEATURE_PSE36 } from './gen/features';
import { faulted, tlbBank } from './globals';
import { debugTranslateLong, walkLong } from './long-mode/paging';
import { codeModeChanged, inLongMode } from './long-mode/state';
import { raisePageFault } from './fault';
import { PAGE_CODE, pageKind, readEntry32, readPhysicalSized, romAlias, writePhysicalSized } from './physical';
import { MISS_DONE, MISS_OTHER, missQuickly } from './quick-walk';
import { hasFeature } from './system/model';
import { overridesSmap, passGuard } from './smap';
import {
  ATTRIBUTE_GLOBAL,
  ATTRIBUTE_SIZE,
  DROP_ALL,
  FILL_READ,
  FILL_USER_READ,
  FILL_USER_WRITE,
  FILL_WRITE,
  fillData,
  fillFetch,
  flushContexts,
  invalidateAddress,
  TLB_CODE,
  TLB_GUARDED,
  TLB_INVALID,
  TLB_SLOW,
} from './tlb';
import { ANY, ANY_ROOT, currentPcid, selectContext } from './tlb-banks';
import { eptEnabled, eptRights, eptTranslate, isApicAccessPage } from './vmx/guest-physical';

/** Mask of linear addresses: 32 bits outside 64-bit mode. */
export let linearMask: u64 = 0xffffffff;
/** Mask of addresses of descriptor tables and the TSS: 32 bits outside IA-32e mode. */
export let systemMask: u64 = 0xffffffff;

export const PRESENT: u64 = 1;
export const WRITABLE: u64 = 2;
export const USER: u64 = 4;
export const ACCESSED: u64 = 0x20;
export const DIRTY: u64 = 0x40;
export const LARGE: u64 = 0x80;
export const GLOBAL: u64 = 0x100;
export const NO_EXECUTE: u64 = 1 << 63;
/** MAXPHYADDR as CPUID reports it. */
export const PHYSICAL_BITS: u64 = 36;
export const ADDRESS: u64 = (1 << PHYSICAL_BITS) - 0x1000;
export const RESERVED_HIGH: u64 = 0x7fff_ffff_ffff_ffff & ~((1 << PHYSICAL_BITS) - 1);

export const CR0_WP: u32 = 0x10000;
export const CR0_PG: u32 = 0x80000000;
export const CR4_PSE: u32 = 0x10;
export const CR4_PAE: u32 = 0x20;
export const CR4_PGE: u32 = 0x80;
export const CR4_SMEP: u32 = 0x100000;
export const CR4_SMAP: u32 = 0x200000;
export const EFER_NXE: u32 = 0x800;

// Result of the last walk.
export let walkPhysical: u64 = 0; // of the page
export let walkShift: u32 = 12; // binary logarithm of the page's size
export let walkRights: u64 = 0; // WRITABLE, USER and NO_EXECUTE combined over the levels
export let walkDirty: bool = false;
export let walkGlobal: bool = false;

/** Leaves the page of a walk that was made elsewhere. */
// @ts-ignore: decorator
@inline
export function setWalkPhysical(physical: u64): void {
  walkPhysical = physical;
}

/** Page-walk reference: guest-physical address of an entry to host-physical. All ones: a VM exit is pending. */
// @ts-ignore: decorator
@inline
export function entryAddress(gpa: u64, access: u32, linear: u64): u64 {
  const a = gpa & load<u64>(A20_MASK);
  return eptEnabled() ? eptTranslate(a, access, linear, true) : a;
}

// @ts-ignore: decorator
@inline
export function countReference(): void {
  store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + 1);
  charge(COST_TLB_WALK_REFERENCE, 1);
}

/**
 * #PF. What the TLB holds of the page is dropped (SDM Vol. 3A "Operations that Invalidate TLBs and Paging-Structure Caches":
 * page faults are among them).
 */
export function pageFault(linear: u64, access: u32, user: bool, present: bool, reserved: bool): void {
  invalidateAddress(linear, load<u32>(TLB_VPID), currentPcid(), DROP_ALL);
  const noExecute = load<u32>(CR4) & CR4_PAE && load<u32>(EFER) & EFER_NXE;
  const fetch = access == 2 && (noExecute || load<u32>(CR4) & CR4_SMEP);
  raisePageFault(
    linear,
    u32(present) | (u32(access == 1) << 1) | (u32(user) << 2) | (u32(reserved) << 3) | (u32(fetch != 0) << 4),
  );
}

/** The access rights check; raises #PF. `rights` as in walkRights. */
export function allowed(linear: u64, rights: u64, access: u32, user: bool): bool {
  let ok = !user || (rights & USER) != 0;
  if (access == 1 && !(rights & WRITABLE) && (user || load<u32>(CR0) & CR0_WP)) ok = false;
  if (access == 2 && rights & NO_EXECUTE) ok = false;
  if (!user && rights & USER) {
    const prevention = load<u32>(CR4) & (access == 2 ? CR4_SMEP : CR4_SMAP);
    if (prevention && (access == 2 || !overridesSmap())) ok = false;
  }
  if (!ok) pageFault(linear, access, user, true, false);
  return ok;
}

/** Sets accessed (and dirty) in a paging-structure entry of `size` bytes. False: VM exit pending. */
// @ts-ignore: decorator
@inline
export function mark(gpa: u64, hpa: u64, size: u32, entry: u64, bits: u64, linear: u64): bool {
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
  const pde = readEntry32(pdeHpa);
  if (!(pde & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  const dirty = access == 1 ? ACCESSED | DIRTY : ACCESSED;
  if (pde & LARGE && load<u32>(CR4) & CR4_PSE) {
    if (pde & (hasFeature(FEATURE_PSE36) ? 0x3e0000 : 0x3fe000)) {
      pageFault(linear, access, user, true, true);
      return false;
    }
    walkRights = pde & (WRITABLE | USER);
    if (!allowed(linear, walkRights, access, user) || !mark(pdeGpa, pdeHpa, 4, pde, dirty, linear)) return false;
    walkShift = 22;
    walkPhysical = (pde & 0xffc00000) | ((pde & 0x1e000) << 19) | (linear & 0x3ff000);
    walkDirty = ((pde | dirty) & DIRTY) != 0;
    walkGlobal = (pde & GLOBAL) != 0;
    return true;
  }
  const pteGpa = (pde & 0xfffff000) | ((linear >> 10) & 0xffc);
  const pteHpa = entryAddress(pteGpa, 0, linear);
  if (faulted) return false;
  countReference();
  const pte = readEntry32(pteHpa);
  if (!(pte & PRESENT)) {
    pageFault(linear, access, user, false, false);
    return false;
  }
  walkRights = pde & pte & (WRITABLE | USER);
  if (!allowed(linear, walkRights, access, user)) return false;
  if (!mark(pdeGpa, pdeHpa, 4, pde, ACCESSED, linear) || !mark(pteGpa, pteHpa, 4, pte, dirty, linear)) return false;
  walkShift = 12;
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
    walkShift = 21;
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
  walkShift = 12;
  walkPhysical = pte & ADDRESS;
  walkDirty = ((pte | dirty) & DIRTY) != 0;
  walkGlobal = (pte & GLOBAL) != 0;
  return true;
}

/** Walks the paging structures (or none) and leaves the result in walk*. False: a fault or VM exit is pending. */
function walk(linear: u64, access: u32, user: bool): bool {
  if (load<u32>(CR0) & CR0_PG) {
    if (inLongMode()) {
      if (!walkLong(linear, access, user)) return false;
    } else if (!(load<u32>(CR4) & CR4_PAE ? walkPae(linear, access, user) : walk32(linear, access, user))) return false;
    if (!(load<u32>(CR4) & CR4_PGE)) walkGlobal = false;
  } else {
    walkShift = 12;
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
  walkPhysical = romAlias(walkPhysical);
  return true;
}

/** Enters the last walk into every array whose accesses it allows. */
function fillAll(linear: u64, access: u32): void {
  const attributes = (walkGlobal ? ATTRIBUTE_GLOBAL : 0) | ((walkShift - 12) << ATTRIBUTE_SIZE);
  const kind = pageKind(walkPhysical >> 12);
  const isSlow = (kind != PAGE_RAM && kind != PAGE_ROM) || isApicAccessPage(walkPhysical);
  const isDirty = walkDirty && !(walkRights & (1 << 62));
  fill(linear, access, walkPhysical, walkRights, isDirty, attributes, kind, isSlow ? TLB_SLOW : 0);
}

/**
 * Enters a translation into every array whose accesses it allows: `rights` as in walkRights, `isDirty` when writes need no
 * walk, `marks` of all its entries. Fetches have a TLB of their own.
 */
// @ts-ignore: decorator
@inline
export function fill(
  linear: u64,
  access: u32,
  physical: u64,
  rights: u64,
  isDirty: bool,
  attributes: u32,
  kind: u32,
  marks: u64,
): void {
  const user = (rights & USER) != 0;
  // there are no user pages without paging
  const prevention: u32 = user && load<u32>(CR0) & CR0_PG ? load<u32>(CR4) : 0;
  if (access == 2) {
    fillFetch(linear, physical, attributes, !(prevention & CR4_SMEP), user);
    return;
  }
  let writeMarks = marks;
  let what = user ? FILL_READ | FILL_USER_READ : FILL_READ;
  if (isDirty) {
    if (rights & WRITABLE) what |= user ? FILL_WRITE | FILL_USER_WRITE : FILL_WRITE;
    else if (!(load<u32>(CR0) & CR0_WP)) what |= FILL_WRITE;
    if (kind == PAGE_ROM) writeMarks = TLB_SLOW;
    else if (kind == PAGE_RAM && load<u64>(PAGE_CODE + (usize(physical >> 12) << 3))) writeMarks |= TLB_CODE;
  }
  fillData(linear, physical, attributes, what, prevention & CR4_SMAP ? TLB_GUARDED : 0, marks, writeMarks);
}

/** Where the TLB looks for a linear address accessed so (0 read, 1 write, 2 fetch). */
// @ts-ignore: decorator
@inline
function entryOf(linear: u64, access: u32, user: bool): usize {
  const slot = (usize(linear) >> 12) & (TLB_ENTRIES - 1);
  if (access == 2) return tlbBank + TLB_FETCH + (slot << 5) + (user ? TLB_FETCH_USER : 0);
  return tlbBank + (slot << 6) + (user ? TLB_USER : 0) + (access ? TLB_WRITE : 0);
}

/**
 * Physical address of a linear one for an access (0 read, 1 write, 2 fetch), through the TLB.
 * Then `if (faulted) return`.
 */
export function translate(linear: u64, access: u32, user: bool): u64 {
  const entry = entryOf(linear, access, user);
  const tag = load<u64>(entry);
  if (tag != TLB_INVALID && (tag & ~0xfff) == (linear & ~0xfff) && (!(tag & TLB_GUARDED) || passGuard(entry))) {
    return linear + load<u64>(entry, 8) - RAM;
  }
  const miss = missQuickly(linear, access, user);
  if (miss != MISS_OTHER) return miss == MISS_DONE ? walkPhysical | (linear & 0xfff) : u64.MAX_VALUE;
  store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
  if (!walk(linear, access, user)) return u64.MAX_VALUE;
  fillAll(linear, access);
  return walkPhysical | (linear & 0xfff);
}

/** Physical address of a linear one for a fetch if the TLB has it, else all ones and nothing has changed. */
export function fetchHit(linear: u64, user: bool): u64 {
  const entry = entryOf(linear, 2, user);
  const tag = load<u64>(entry);
  return (tag & ~0xfff) == (linear & ~0xfff) && tag != TLB_INVALID ? linear + load<u64>(entry, 8) - RAM : u64.MAX_VALUE;
}

/** After CR0, CR4 or EFER changed how linear addresses are translated: nothing cached for this VPID remains valid. */
export function pagingChanged(): void {
  flushContexts(load<u32>(TLB_VPID), ANY, ANY_ROOT, false);
  selectContext();
}

/**
 * Loads the PDPTE registers from the table at `cr3` (SDM Vol. 3A "PDPTE Registers"). False: a reserved bit is set in a
 * present entry, and nothing has changed.
 */
export function loadPdptes(cr3: u64): bool {
  if (!arePdptesValid(cr3)) return false;
  for (let i: u64 = 0; i < 4; i++) store<u64>(PDPTE + (usize(i) << 3), readPdpte(cr3, i));
  return true;
}

/** Could `loadPdptes` load them? */
export function arePdptesValid(cr3: u64): bool {
  for (let i: u64 = 0; i < 4; i++) {
    const entry = readPdpte(cr3, i);
    if (faulted || (entry & PRESENT && entry & (0x1e6 | RESERVED_HIGH | NO_EXECUTE))) return false;
  }
  return true;
}

function readPdpte(cr3: u64, i: u64): u64 {
  const hpa = entryAddress((cr3 & 0xffffffe0) + (i << 3), 0, 0);
  return faulted ? 0 : readPhysicalSized(hpa, 8);
}

/** Page walk without faults, charges or A/D bits; all ones if there is no translation. Ignores EPT. */
export function debugTranslate(linear: u64): u64 {
  if (!(load<u32>(CR0) & CR0_PG)) return linear & load<u64>(A20_MASK);
  if (inLongMode()) return debugTranslateLong(linear);
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
  codeModeChanged();
  noteInstructionCounts();
}
