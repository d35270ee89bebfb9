// The upper levels of shadow tables in IA-32e mode: a PML4 table whose page-directory-pointer tables and page directories
// come when they are needed (SDM Vol. 3A "4-Level Paging and 5-Level Paging").

import type { Translation } from './guest-paging.ts';

const GIB = 2 ** 30;
const POINTERS_REACH = 2 ** 39;
/** Present, writable, user, accessed: the leaves say what is allowed. */
const TABLE = 0x27;

/** Upper levels of one shadow address space of IA-32e mode. */
export interface LongLevels {
  /** Host-physical addresses of the page-directory-pointer tables, by bits 47:39 of the linear address. */
  readonly pointers: Map<number, number>;
  /** Guest frames of PML4 table and page-directory-pointer tables: a change of one drops the space. */
  readonly frames: Set<number>;
}

/** What the levels need from the shadow tables around them. */
export interface LongServices {
  /** A cleared page; undefined when there is none left. */
  allocate(): number | undefined;
  writeEntry(entry: number, low: number): void;
}

/** A page directory that was made for a walk: where it is in the linear addresses, and the guest frames it follows. */
export interface NewDirectory {
  readonly page: number;
  readonly gib: number;
}

/** Makes the shadow page directory for `linear`; undefined when out of pages. */
export function createDirectory(
  root: number,
  levels: LongLevels,
  linear: number,
  services: LongServices,
): NewDirectory | undefined {
  const index = Math.floor(linear / POINTERS_REACH);
  const gib = Math.floor(linear / GIB);
  let pointers = levels.pointers.get(index);
  if (pointers === undefined) {
    pointers = services.allocate();
    if (pointers === undefined) return undefined;
    levels.pointers.set(index, pointers);
    services.writeEntry(root + index * 8, pointers | TABLE);
  }
  const page = services.allocate();
  if (page === undefined) return undefined;
  services.writeEntry(pointers + (gib % 512) * 8, page | TABLE);
  return { page, gib };
}

/** Guest frames of upper levels that a walk went through. */
export function upperFrames(walk: Translation): readonly number[] {
  return walk.upper ? [walk.upper.pointers] : [];
}
