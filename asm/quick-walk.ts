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
import { isRamPage, PAGE_CODE, romAlias } from './physical';
import { ATTRIBUTE_GLOBAL, ATTRIBUTE_SIZE } from './tlb';

const CR4_LA57: u32 = 0x1000;
/** What is left of the address in a page of 2^21 or 2^22 bytes that has to be 0 in its entry. */
const LARGE_RESERVED: u64 = 0x1fe000;
const LARGE_RESERVED_32: u64 = 0x3fe000;
/** Address bits beyond MAXPHYADDR in entries of IA-32e paging. */
const LONG_RESERVED: u64 = 0x000f_fff0_0000_0000;

/** Bits that every entry above the page's has, and that some entry has. */
let upper: u64 = 0;
let any: u64 = 0;
/** Host address of the page's entry, the entry, the binary logarithm of the page's size, the levels. */
let place: usize = 0;
let leaf: u64 = 0;
let shift: u32 = 0;
let levels: u32 = 0;
/** All of this is of the last miss. */
let isFound: bool = false;

// @ts-ignore: decorator
@inline
function found(at: usize, entry: u64, size: u32, count: u32, all: u64, some: u64): bool {
  place = at;
  leaf = entry;
  shift = size;
  levels = count;
  upper = all;
  any = some;
  isFound = true;
  return true;
}

/** The two levels of 32-bit paging. */
function walkTwo(linear: u64, cr4: u32): bool {
  const directory = (load<u64>(CR3) & 0xfffff000) | ((linear >> 20) & 0xffc);
  if (!isRamPage(directory >> 12)) return false;
  const pde: u64 = load<u32>(RAM + usize(directory));
  if (pde & LARGE && cr4 & CR4_PSE) {
    return !(pde & LARGE_RESERVED_32) && found(RAM + usize(directory), pde, 22, 1, u64.MAX_VALUE, 0);
  }
  const table = (pde & 0xfffff000) | ((linear >> 10) & 0xffc);
  if (!isRamPage(table >> 12)) return false;
  return found(RAM + usize(table), load<u32>(RAM + usize(table)), 12, 2, pde, 0);
}

/**
 * The two lower levels of PAE and of IA-32e paging: `above` what all entries before have, `some` what one has, `count` how many
 * they are, `reserved` the bits that no entry may have.
 */
// @ts-ignore: decorator
@inline
function walkWide(linear: u64, base: u64, count: u32, above: u64, some: u64, reserved: u64): bool {
  const directory = (base & ADDRESS) | ((linear >> 18) & 0xff8);
  if (!isRamPage(directory >> 12)) return false;
  const pde = load<u64>(RAM + usize(directory));
  if (pde & LARGE) {
    if ((some | pde) & reserved || pde & LARGE_RESERVED) return false;
    return found(RAM + usize(directory), pde, 21, count + 1, above, some | pde);
  }
  const table = (pde & ADDRESS) | ((linear >> 9) & 0xff8);
  if (!isRamPage(table >> 12)) return false;
  const pte = load<u64>(RAM + usize(table));
  some |= pde | pte;
  return !(some & reserved) && found(RAM + usize(table), pte, 12, count + 2, above & pde, some);
}

/** The levels of PAE paging below the PDPTE registers. */
function walkPae(linear: u64): bool {
  const pdpte = load<u64>(PDPTE + ((usize(linear) >> 30) << 3));
  const reserved = load<u32>(EFER) & EFER_NXE ? RESERVED_HIGH : RESERVED_HIGH | NO_EXECUTE;
  return (pdpte & PRESENT) != 0 && walkWide(linear, pdpte, 0, u64.MAX_VALUE, 0, reserved);
}

/** Four levels, without pages of 1 GiB. */
function walkFour(linear: u64): bool {
  const root = (load<u64>(CR3) & ADDRESS) | ((linear >> 36) & 0xff8);
  if (!isRamPage(root >> 12)) return false;
  const pml4e = load<u64>(RAM + usize(root));
  const pointers = (pml4e & ADDRESS) | ((linear >> 27) & 0xff8);
  if (!isRamPage(pointers >> 12)) return false;
  const pdpte = load<u64>(RAM + usize(pointers));
  if ((pml4e | pdpte) & LARGE) return false;
  const reserved = load<u32>(EFER) & EFER_NXE ? LONG_RESERVED : LONG_RESERVED | NO_EXECUTE;
  return walkWide(linear, pdpte, 2, pml4e & pdpte, pml4e | pdpte, reserved);
}

/** Counts a miss and its walk, and charges it. */
// @ts-ignore: decorator
@inline
function noteWalk(): void {
  store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
  store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + levels);
  chargeCycles(u64(load<u32>(COSTS + (COST_TLB_WALK_REFERENCE << 2))) * levels);
}

/**
 * Does the TLB miss of an access (0 read, 1 write, 2 fetch): walk, accessed and dirty bits, charge and
 * counts, the TLB's new entries; the page is left in walkPhysical. False: it is not an ordinary one, and nothing has changed.
 */
export function missQuickly(linear: u64, access: u32, user: bool): bool {
  const cr4 = load<u32>(CR4);
  isFound = false;
  if (!(load<u32>(CR0) & CR0_PG) || load<u32>(VMX_ROOT) == 2 || load<u64>(A20_MASK) != u64.MAX_VALUE) return false;
  if (!(cr4 & CR4_PAE)) {
    if (!walkTwo(linear, cr4)) return false;
  } else if (inLongMode()) {
    if (cr4 & CR4_LA57 || !walkFour(linear)) return false;
  } else if (!walkPae(linear)) return false;
  let entry = leaf;
  let rights = upper & entry & (PRESENT | WRITABLE | USER);
  const needed = PRESENT | (user ? USER : 0) | (access == 1 ? WRITABLE : 0);
  if ((rights & needed) != needed || !(upper & ACCESSED)) return false;
  if (!user && rights & USER && cr4 & (CR4_SMEP | CR4_SMAP)) return false;
  rights |= any & NO_EXECUTE;
  if (access == 2 && any & NO_EXECUTE) return false;
  const inside = ((<u64>1 << u64(shift)) - 1) & ~0xfff;
  const physical = (entry & ADDRESS & ~inside) | (linear & inside);
  if (!isRamPage(physical >> 12) || romAlias(physical) != physical) return false;
  const marks = access == 1 ? ACCESSED | DIRTY : ACCESSED;
  if ((entry & marks) != marks) {
    if (load<u64>(PAGE_CODE + (((place - RAM) >> 12) << 3))) return false;
    entry |= marks;
    store<u8>(place, u8(entry));
  }
  noteWalk();
  setWalkPhysical(physical);
  const attributes = (entry & GLOBAL && cr4 & CR4_PGE ? ATTRIBUTE_GLOBAL : 0) | ((shift - 12) << ATTRIBUTE_SIZE);
  fill(linear, access, physical, rights, (entry & DIRTY) != 0, attributes, PAGE_RAM, 0);
  return true;
}

/**
 * The rest of a miss of data (0 read, 1 write) for which `missQuickly` has just given up: raises #PF if that is what the entries
 * say, with the counts of the walk. False: something else was out of the ordinary, and nothing has changed.
 */
export function faultQuickly(linear: u64, access: u32, user: bool): bool {
  if (!isFound || !(upper & PRESENT)) return false;
  const isPresent = (leaf & PRESENT) != 0;
  if (isPresent) {
    const rights = upper & leaf;
    const isReadOnly = access == 1 && !(rights & WRITABLE) && (user || load<u32>(CR0) & CR0_WP);
    if (!isReadOnly && (!user || rights & USER)) return false;
  }
  noteWalk();
  pageFault(linear, access, user, isPresent, false);
  return true;
}
