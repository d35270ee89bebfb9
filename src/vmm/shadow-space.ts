// Shadow address spaces and tables, and which of them a guest's control registers ask for (SDM Vol. 3A "Paging Modes and Control
// Bits").

import { PTE_P } from './guest-paging.ts';
import type { LongLevels } from './shadow-long.ts';
import { CR4_PAE, CR4_PSE, type Vcpu } from './vcpu.ts';

const MODE_UNPAGED = 0;
export const MODE_TWO_LEVEL = 1;
export const MODE_PAE = 2;
export const MODE_LONG = 3;

/** A shadow address space: the tables for one value of guest CR3. */
export interface Space {
  readonly key: string;
  readonly root: number;
  /** Host-physical addresses of the page directories, by GiB of the linear address. */
  readonly directories: Map<number, number>;
  /** Guest frames of its page directories with the first linear address they map. */
  readonly guestDirectories: { readonly frame: number; readonly linear: number }[];
  /** In IA-32e mode. */
  readonly long?: LongLevels;
  /** Writes to its directories since it was last current. */
  strayWrites: number;
  lastUse: number;
}

/** A space as a snapshot holds it. */
export type SavedSpace = Omit<Space, 'directories' | 'long'> & {
  readonly directories: [number, number][];
  readonly long: { readonly pointers: [number, number][]; readonly frames: number[] } | null;
};

/** One shadow page table (512 entries, 2 MiB). */
export interface Table {
  readonly key: string;
  readonly page: number;
  /** Guest frame of the page table it mirrors; -1 for a large or unpaged range. */
  readonly frame: number;
  /** Which 2 MiB of the guest table's range: index of its first guest entry. */
  readonly firstEntry: number;
  /** Shadow directory entries (host-physical addresses) that point to it. */
  readonly parents: Set<number>;
}

/** Which kind of tables the guest has. */
export function modeOf(vcpu: Vcpu): number {
  if (!vcpu.paging) return MODE_UNPAGED;
  if (vcpu.longMode) return MODE_LONG;
  return vcpu.cr4 & CR4_PAE ? MODE_PAE : MODE_TWO_LEVEL;
}

/** What tells the guest's present address space from others. */
export function keyOf(vcpu: Vcpu, mode: number): string {
  if (mode === MODE_UNPAGED) return 'unpaged';
  if (mode === MODE_LONG) return `long:${(vcpu.cr3 >>> 12).toString(16)}`;
  if (mode === MODE_PAE) {
    return `pae:${vcpu.pdpte.map(([low, high]) => `${high.toString(16)}.${low.toString(16)}`).join(':')}`;
  }
  return `${vcpu.cr4 & CR4_PSE ? 'pse' : '4k'}:${(vcpu.cr3 >>> 12).toString(16)}`;
}

/** The guest's page directories as far as they are known from its registers. */
export function guestDirectoriesOf(vcpu: Vcpu, mode: number): { frame: number; linear: number }[] {
  if (mode === MODE_UNPAGED || mode === MODE_LONG) return [];
  if (mode === MODE_TWO_LEVEL) return [{ frame: vcpu.cr3 >>> 12, linear: 0 }];
  const result: { frame: number; linear: number }[] = [];
  vcpu.pdpte.forEach(([low], n) => {
    if (low & PTE_P) result.push({ frame: low >>> 12, linear: n * 0x4000_0000 });
  });
  return result;
}

/** Guest frames of the tables above the page tables that a space was made from. */
export function upperTables({ guestDirectories, long }: Space): readonly number[] {
  return [...guestDirectories.map(({ frame }) => frame), ...(long?.frames ?? [])];
}

/** Field by field: a restored space has its fields in another order. */
export function saveSpace(space: Space): SavedSpace {
  const { key, root, directories, guestDirectories, long, strayWrites, lastUse } = space;
  return {
    key,
    root,
    directories: [...directories].map(([gib, page]) => [gib, page]),
    guestDirectories: guestDirectories.map((directory) => ({ ...directory })),
    long: long ? { pointers: [...long.pointers].map(([n, page]) => [n, page]), frames: [...long.frames] } : null,
    strayWrites,
    lastUse,
  };
}

/** The other way. */
export function loadSpace({ long, directories, ...rest }: SavedSpace): Space {
  const levels = long && { pointers: new Map(long.pointers), frames: new Set(long.frames) };
  return { ...rest, directories: new Map(directories), ...(levels ? { long: levels } : {}) };
}
