// TLB misses as nearly all of them are: page tables in RAM whose entries allow the access, a page in RAM, no EPT (SDM Vol. 3A
// "32-bit Paging", "PAE Paging", "4-Level Paging and 5-Level Paging"). Walked in one go; the first thing out of the ordinary
// gives up before anything has changed, and the general walk of paging.ts, which says what is right, does it from the start. Page
// faults as nearly all of them are (not present, not allowed by the entries) follow from what such a walk has found.
import {
  A20_MASK,
  COSTS,
  COUNT_TLB_MISSES,
  COUNT_WALK_REFERENCES,
  CR0,
  CR3,
  CR4,
  EFER,
  PAGE_RAM,
  PDPTE,
  RAM,
  VMX_ROOT,
} from './layout';
import { chargeCycles } from './charge';
import { COST_TLB_WALK_REFERENCE } from './gen/costs';
import { inLongMode } from './long-mode/state';
import {
  ACCESSED,
  ADDRESS,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  DIRTY,
  EFER_NXE,
  fill,
  GLOBAL,
  LARGE,
  NO_EXECUTE,
  pageFault,
  PRESENT,
  RESERVED_HIGH,
  setWalkPhysical,
  USER,
  WRITABLE,
} from './paging';
import { isPlainPage, isSurelyPlain, PAGE_CODE } from './physical';
import { ATTRIBUTE_GLOBAL, ATTRIBUTE_SIZE } from './tlb';

/** What has come of a miss: it is not an ordinary one and nothing has changed; the page was entered; #PF was raised. */
export const MISS_OTHER: u32 = 0;
export const MISS_DONE: u32 = 1;
export const MISS_FAULT: u32 = 2;

const CR4_LA57: u32 = 0x1000;
/** What is left of the address in a page of 2^21 or 2^22 bytes that has to be 0 in its entry. */
const LARGE_RESERVED: u64 = 0x1fe000;
const LARGE_RESERVED_32: u64 = 0x3fe000;
/** Address bits beyond MAXPHYADDR in entries of IA-32e paging. */
const LONG_RESERVED: u64 = 0x000f_fff0_0000_0000;

// The conditions below stand one in the other, because asc makes a value of `||` and `&&` first.

/** Can a paging-structure entry at this physical address be read and written in RAM? */
// @ts-ignore: decorator
@inline
function isPlain(physical: u64): bool {
  const page = physical >> 12;
  if (isSurelyPlain(page)) return true;
  return isPlainPage(page);
}

/** Counts a walk that has seen `levels` entries, and charges it. */
// @ts-ignore: decorator
@inline
function noteWalk(levels: u32): void {
  store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
  store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + levels);
  chargeCycles(u64(load<u32>(COSTS + (COST_TLB_WALK_REFERENCE << 2))) * levels);
}

/**
 * The end of a walk: `place` is the host address of the page's entry `leaf`, `shift` the binary logarithm of the page's size,
 * `upper` the bits that every entry above has, `any` those that some entry has.
 */
// @ts-ignore: decorator
@inline
function enter(
  linear: u64,
  access: u32,
  user: bool,
  place: usize,
  leaf: u64,
  shift: u32,
  levels: u32,
  upper: u64,
  any: u64,
): u32 {
  const cr4 = load<u32>(CR4);
  const rights = upper & leaf;
  // of the accesses only a write has bit 0 set
  const needed = PRESENT | (u64(user) << 2) | u64((access & 1) << 1);
  if ((rights & needed) != needed) return refuse(linear, access, user, leaf, levels, upper);
  if (!(upper & ACCESSED)) return MISS_OTHER;
  if (!user) {
    if (rights & USER) {
      if (cr4 & (CR4_SMEP | CR4_SMAP)) return MISS_OTHER;
    }
  }
  if (access == 2) {
    if (any & NO_EXECUTE) return MISS_OTHER;
  }
  const inside = ((<u64>1 << u64(shift)) - 1) & ~0xfff;
  const physical = (leaf & ADDRESS & ~inside) | (linear & inside);
  if (!isPlain(physical)) return MISS_OTHER;
  const marks = ACCESSED | (u64(access & 1) << 6);
  if ((leaf & marks) != marks) {
    if (load<u64>(PAGE_CODE + (((place - RAM) >> 12) << 3))) return MISS_OTHER;
    leaf |= marks;
    store<u8>(place, u8(leaf));
  }
  noteWalk(levels);
  setWalkPhysical(physical);
  // both bits where CR4 has PGE
  const isGlobal = (u32(leaf & GLOBAL) >> 1) & cr4 & CR4_PGE;
  const attributes = (isGlobal ? ATTRIBUTE_GLOBAL : 0) | ((shift - 12) << ATTRIBUTE_SIZE);
  fill(linear, access, physical, rights, (leaf & DIRTY) != 0, attributes, PAGE_RAM, 0);
  return MISS_DONE;
}

/** The entries do not allow the access, or seem not to: raises #PF for an access to data if that is what they say. */
function refuse(linear: u64, access: u32, user: bool, leaf: u64, levels: u32, upper: u64): u32 {
  if (!(upper & PRESENT) || access == 2) return MISS_OTHER;
  const isPresent = (leaf & PRESENT) != 0;
  if (isPresent) {
    const rights = upper & leaf;
    const isReadOnly = access == 1 && !(rights & WRITABLE) && (user || load<u32>(CR0) & CR0_WP);
    if (!isReadOnly && (!user || rights & USER)) return MISS_OTHER;
  }
  noteWalk(levels);
  pageFault(linear, access, user, isPresent, false);
  return MISS_FAULT;
}

/** The two levels of 32-bit paging. */
// @ts-ignore: decorator
@inline
function missTwo(linear: u64, access: u32, user: bool): u32 {
  const directory = (load<u64>(CR3) & 0xfffff000) | ((linear >> 20) & 0xffc);
  if (!isPlain(directory)) return MISS_OTHER;
  const pde: u64 = load<u32>(RAM + usize(directory));
  if (pde & LARGE) {
    if (load<u32>(CR4) & CR4_PSE) return missLarge32(linear, access, user, RAM + usize(directory), pde);
  }
  const table = (pde & 0xfffff000) | ((linear >> 10) & 0xffc);
  if (!isPlain(table)) return MISS_OTHER;
  return enter(linear, access, user, RAM + usize(table), load<u32>(RAM + usize(table)), 12, 2, pde, 0);
}

/** A page of 4 MiB. */
function missLarge32(linear: u64, access: u32, user: bool, place: usize, pde: u64): u32 {
  if (pde & LARGE_RESERVED_32) return MISS_OTHER;
  return enter(linear, access, user, place, pde, 22, 1, u64.MAX_VALUE, 0);
}

/**
 * The two lower levels of PAE and of IA-32e paging: `above` what all entries before have, `some` what one has, `count` how many
 * they are, `reserved` the bits that no entry may have.
 */
// @ts-ignore: decorator
@inline
function missWide(
  linear: u64,
  access: u32,
  user: bool,
  base: u64,
  count: u32,
  above: u64,
  some: u64,
  reserved: u64,
): u32 {
  const directory = (base & ADDRESS) | ((linear >> 18) & 0xff8);
  if (!isPlain(directory)) return MISS_OTHER;
  const place = RAM + usize(directory);
  const pde = load<u64>(place);
  some |= pde;
  if (pde & LARGE) return missLarge(linear, access, user, place, pde, count + 1, above, some, reserved);
  const table = (pde & ADDRESS) | ((linear >> 9) & 0xff8);
  if (!isPlain(table)) return MISS_OTHER;
  const pte = load<u64>(RAM + usize(table));
  some |= pte;
  if (some & reserved) return MISS_OTHER;
  return enter(linear, access, user, RAM + usize(table), pte, 12, count + 2, above & pde, some);
}

/** A page of 2 MiB. */
function missLarge(
  linear: u64,
  access: u32,
  user: bool,
  place: usize,
  pde: u64,
  levels: u32,
  above: u64,
  some: u64,
  reserved: u64,
): u32 {
  if (some & reserved || pde & LARGE_RESERVED) return MISS_OTHER;
  return enter(linear, access, user, place, pde, 21, levels, above, some);
}

/** The levels of PAE paging below the PDPTE registers. */
function missPae(linear: u64, access: u32, user: bool): u32 {
  const pdpte = load<u64>(PDPTE + ((usize(linear) >> 30) << 3));
  if (!(pdpte & PRESENT)) return MISS_OTHER;
  const reserved = load<u32>(EFER) & EFER_NXE ? RESERVED_HIGH : RESERVED_HIGH | NO_EXECUTE;
  return missWide(linear, access, user, pdpte, 0, u64.MAX_VALUE, 0, reserved);
}

/** Four levels, without pages of 1 GiB. */
function missFour(linear: u64, access: u32, user: bool): u32 {
  const root = (load<u64>(CR3) & ADDRESS) | ((linear >> 36) & 0xff8);
  if (!isPlain(root)) return MISS_OTHER;
  const pml4e = load<u64>(RAM + usize(root));
  const pointers = (pml4e & ADDRESS) | ((linear >> 27) & 0xff8);
  if (!isPlain(pointers)) return MISS_OTHER;
  const pdpte = load<u64>(RAM + usize(pointers));
  const some = pml4e | pdpte;
  if (some & LARGE) return MISS_OTHER;
  const reserved = load<u32>(EFER) & EFER_NXE ? LONG_RESERVED : LONG_RESERVED | NO_EXECUTE;
  return missWide(linear, access, user, pdpte, 2, pml4e & pdpte, some, reserved);
}

/**
 * Does the TLB miss of an access (0 read, 1 write, 2 fetch) if it is an ordinary one: walk, accessed and dirty bits, charge and
 * counts, the TLB's new entries; the page is left in walkPhysical. Raises an ordinary #PF of an access to data. Returns MISS_*.
 */
export function missQuickly(linear: u64, access: u32, user: bool): u32 {
  const cr4 = load<u32>(CR4);
  if (!(load<u32>(CR0) & CR0_PG)) return MISS_OTHER;
  if (load<u32>(VMX_ROOT) == 2) return MISS_OTHER;
  if (load<u64>(A20_MASK) != u64.MAX_VALUE) return MISS_OTHER;
  if (!(cr4 & CR4_PAE)) return missTwo(linear, access, user);
  if (!inLongMode()) return missPae(linear, access, user);
  return cr4 & CR4_LA57 ? MISS_OTHER : missFour(linear, access, user);
}
