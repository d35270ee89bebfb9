// The guest's own page tables, walked in software over guest-physical memory: no paging, two-level with 4 KiB and 4 MiB
// pages, PAE with NX, the four levels of IA-32e mode (SDM Vol. 3 "Paging"). Linear addresses of IA-32e mode are given as
// their 48 significant bits. Sets accessed and dirty bits as the processor would.

import type { HostAccess } from './host-access.ts';
import { GuestFault, PF_FETCH, PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE, VECTOR_PF } from './host-access.ts';
import { CR0_WP, CR4_PAE, CR4_PSE, EFER_NXE, type Vcpu } from './vcpu.ts';

export const PTE_P = 0x1;
export const PTE_W = 0x2;
export const PTE_U = 0x4;
export const PTE_A = 0x20;
export const PTE_D = 0x40;
export const PTE_PS = 0x80;
export const PTE_G = 0x100;
/** Bits 62:52 of a PAE entry's high half and the physical-address bits this machine lacks (36-bit addresses). */
const PAE_RESERVED_HIGH = 0x7fff_fff0;
const NO_EXECUTE_HIGH = 0x8000_0000;
/** In IA-32e mode bits 62:52 are ignored. */
const LONG_RESERVED_HIGH = 0xf_fff0;

/** How memory is touched. */
export interface Access {
  readonly write: boolean;
  readonly user: boolean;
  readonly fetch: boolean;
}

export const READ: Access = { write: false, user: false, fetch: false };
export const WRITE: Access = { write: true, user: false, fetch: false };

/** A successful walk. */
export interface Translation {
  readonly guestPhysical: number;
  /** Combined over the levels. */
  readonly writable: boolean;
  readonly user: boolean;
  readonly noExecute: boolean;
  /** The leaf's D bit, as it is now. */
  readonly dirty: boolean;
  /** Guest frame of the page table that holds the leaf; undefined for a large page or no paging. */
  readonly table: number | undefined;
  /** Rights of the levels above the page table: W = 1, U = 2, in IA-32e mode NX = 4. */
  readonly directoryRights: number;
  /** IA-32e mode: guest frames of the page-directory-pointer table, and of the page directory if there is one. */
  readonly upper?: { readonly pointers: number; readonly directory: number | undefined };
}

/** A walk that ended in a page fault: its error code. */
export interface TranslationFault {
  readonly error: number;
}

/** Walks the guest's page tables. */
export class GuestPaging {
  readonly #access: HostAccess;
  readonly #vcpu: Vcpu;
  readonly #hostPhysical: (guestPhysical: number) => number;
  readonly #ramSize: number;

  constructor(access: HostAccess, vcpu: Vcpu, domain: { ramSize: number; hostPhysical(gpa: number): number }) {
    this.#access = access;
    this.#vcpu = vcpu;
    this.#ramSize = domain.ramSize;
    this.#hostPhysical = (gpa) => domain.hostPhysical(gpa);
  }

  /** IA-32e mode. */
  get isLong(): boolean {
    return this.#vcpu.longMode;
  }

  get noExecuteEnabled(): boolean {
    return (this.#vcpu.efer & EFER_NXE) !== 0;
  }

  /** Like `walk`, but leaves A and D alone. */
  probe(linear: number, access: Access): Translation | TranslationFault {
    this.#touches = false;
    const result = this.walk(linear, access);
    this.#touches = true;
    return result;
  }

  #touches = true;

  /** Translates a linear address; sets A and D when the access is allowed. */
  walk(linear: number, access: Access): Translation | TranslationFault {
    const vcpu = this.#vcpu;
    if (!vcpu.paging) {
      return {
        guestPhysical: linear,
        writable: true,
        user: true,
        noExecute: false,
        dirty: true,
        table: undefined,
        directoryRights: 3,
      };
    }
    if (vcpu.longMode) return this.#walkLong(linear, access);
    return vcpu.cr4 & CR4_PAE ? this.#walkPae(linear, access) : this.#walkTwoLevel(linear, access);
  }

  /** Like `walk`, throws the page fault. */
  translate(linear: number, access: Access): Translation {
    const result = this.walk(linear, access);
    if ('error' in result) throw new GuestFault(VECTOR_PF, result.error, linear);
    return result;
  }

  #read(guestPhysical: number): number {
    if (guestPhysical + 4 > this.#ramSize) return 0xffff_ffff;
    return this.#access.loadPhysical(this.#hostPhysical(guestPhysical), 4);
  }

  #set(guestPhysical: number, old: number, bits: number): number {
    const value = (old | bits) >>> 0;
    if (value !== old && this.#touches && guestPhysical + 4 <= this.#ramSize) {
      this.#access.storePhysical(this.#hostPhysical(guestPhysical), 4, value);
    }
    return value;
  }

  #fault(access: Access, present: boolean, reserved: boolean): TranslationFault {
    const fetch = access.fetch && (this.#vcpu.cr4 & CR4_PAE) !== 0 && this.noExecuteEnabled;
    return {
      error:
        (present ? PF_PRESENT : 0) |
        (access.write ? PF_WRITE : 0) |
        (access.user ? PF_USER : 0) |
        (reserved ? PF_RESERVED : 0) |
        (fetch ? PF_FETCH : 0),
    };
  }

  #denied(access: Access, writable: boolean, user: boolean, noExecute: boolean): boolean {
    if (access.user && !user) return true;
    if (access.write && !writable && (access.user || (this.#vcpu.cr0 & CR0_WP) !== 0)) return true;
    return access.fetch && noExecute;
  }

  #walkTwoLevel(linear: number, access: Access): Translation | TranslationFault {
    const directoryAddress = ((this.#vcpu.cr3 & 0xffff_f000) >>> 0) + (linear >>> 22) * 4;
    const directory = this.#read(directoryAddress);
    if (!(directory & PTE_P)) return this.#fault(access, false, false);
    if (directory & PTE_PS && this.#vcpu.cr4 & CR4_PSE) {
      if (directory & 0x20_0000) return this.#fault(access, true, true);
      const writable = (directory & PTE_W) !== 0;
      const user = (directory & PTE_U) !== 0;
      if (this.#denied(access, writable, user, false)) return this.#fault(access, true, false);
      const now = this.#set(directoryAddress, directory, PTE_A | (access.write ? PTE_D : 0));
      const high = ((directory >>> 13) & 0xff) * 0x1_0000_0000;
      return {
        guestPhysical: high + ((directory & 0xffc0_0000) >>> 0) + (linear & 0x3f_ffff),
        writable,
        user,
        noExecute: false,
        dirty: (now & PTE_D) !== 0,
        table: undefined,
        directoryRights: (directory >> 1) & 3,
      };
    }
    const tableAddress = ((directory & 0xffff_f000) >>> 0) + ((linear >>> 12) & 0x3ff) * 4;
    const leaf = this.#read(tableAddress);
    if (!(leaf & PTE_P)) return this.#fault(access, false, false);
    const writable = (directory & leaf & PTE_W) !== 0;
    const user = (directory & leaf & PTE_U) !== 0;
    if (this.#denied(access, writable, user, false)) return this.#fault(access, true, false);
    this.#set(directoryAddress, directory, PTE_A);
    const now = this.#set(tableAddress, leaf, PTE_A | (access.write ? PTE_D : 0));
    return {
      guestPhysical: ((leaf & 0xffff_f000) >>> 0) + (linear & 0xfff),
      writable,
      user,
      noExecute: false,
      dirty: (now & PTE_D) !== 0,
      table: directory >>> 12,
      directoryRights: (directory >> 1) & 3,
    };
  }

  #reservedHigh(high: number): boolean {
    return (high & PAE_RESERVED_HIGH) !== 0 || (!this.noExecuteEnabled && (high & NO_EXECUTE_HIGH) !== 0);
  }

  #walkPae(linear: number, access: Access): Translation | TranslationFault {
    const [pointerLow, pointerHigh] = this.#vcpu.pdpte[linear >>> 30]!;
    if (!(pointerLow & PTE_P)) return this.#fault(access, false, false);
    const directoryAddress = frameAddress(pointerLow, pointerHigh) + ((linear >>> 21) & 0x1ff) * 8;
    const directory = this.#read(directoryAddress);
    const directoryHigh = this.#read(directoryAddress + 4);
    if (!(directory & PTE_P)) return this.#fault(access, false, false);
    if (this.#reservedHigh(directoryHigh)) return this.#fault(access, true, true);
    const directoryDenies = (directoryHigh & NO_EXECUTE_HIGH) !== 0;
    if (directory & PTE_PS) {
      if (directory & 0x1f_e000) return this.#fault(access, true, true);
      const writable = (directory & PTE_W) !== 0;
      const user = (directory & PTE_U) !== 0;
      if (this.#denied(access, writable, user, directoryDenies)) return this.#fault(access, true, false);
      const now = this.#set(directoryAddress, directory, PTE_A | (access.write ? PTE_D : 0));
      return {
        guestPhysical: (directoryHigh & 0xf) * 0x1_0000_0000 + ((directory & 0xffe0_0000) >>> 0) + (linear & 0x1f_ffff),
        writable,
        user,
        noExecute: directoryDenies,
        dirty: (now & PTE_D) !== 0,
        table: undefined,
        directoryRights: (directory >> 1) & 3,
      };
    }
    const tableAddress = frameAddress(directory, directoryHigh) + ((linear >>> 12) & 0x1ff) * 8;
    const leaf = this.#read(tableAddress);
    const leafHigh = this.#read(tableAddress + 4);
    if (!(leaf & PTE_P)) return this.#fault(access, false, false);
    if (this.#reservedHigh(leafHigh)) return this.#fault(access, true, true);
    const writable = (directory & leaf & PTE_W) !== 0;
    const user = (directory & leaf & PTE_U) !== 0;
    const noExecute = directoryDenies || (leafHigh & NO_EXECUTE_HIGH) !== 0;
    if (this.#denied(access, writable, user, noExecute)) return this.#fault(access, true, false);
    this.#set(directoryAddress, directory, PTE_A);
    const now = this.#set(tableAddress, leaf, PTE_A | (access.write ? PTE_D : 0));
    return {
      guestPhysical: frameAddress(leaf, leafHigh) + (linear & 0xfff),
      writable,
      user,
      noExecute,
      dirty: (now & PTE_D) !== 0,
      table: Math.floor(frameAddress(directory, directoryHigh) / 4096),
      directoryRights: (directory >> 1) & 3,
    };
  }

  #isReservedLong(low: number, high: number, shift: number, isPage: boolean): boolean {
    if (high & LONG_RESERVED_HIGH || (!this.noExecuteEnabled && high & NO_EXECUTE_HIGH)) return true;
    if (shift === 39) return (low & PTE_PS) !== 0;
    return isPage && shift > 12 && (low & (2 ** shift - 0x2000)) !== 0;
  }

  #walkLong(linear: number, access: Access): Translation | TranslationFault {
    const path: { at: number; low: number }[] = [];
    const tables: number[] = [];
    let table = (this.#vcpu.cr3 & 0xffff_f000) >>> 0;
    let rights = 3;
    let shift = 39;
    for (; ; shift -= 9) {
      const at = table + (Math.floor(linear / 2 ** shift) % 512) * 8;
      const low = this.#read(at);
      const high = this.#read(at + 4);
      if (!(low & PTE_P)) return this.#fault(access, false, false);
      const isPage = shift === 12 || (shift <= 30 && (low & PTE_PS) !== 0);
      if (this.#isReservedLong(low, high, shift, isPage)) return this.#fault(access, true, true);
      path.push({ at, low });
      tables.push(table);
      table = frameAddress(low, high);
      if (isPage) {
        const leafRights = longRights(low, high);
        const writable = (rights & leafRights & 1) !== 0;
        const user = (rights & leafRights & 2) !== 0;
        const noExecute = ((rights | leafRights) & 4) !== 0;
        if (this.#denied(access, writable, user, noExecute)) return this.#fault(access, true, false);
        const leaf = path.pop()!;
        for (const entry of path) this.#set(entry.at, entry.low, PTE_A);
        const now = this.#set(leaf.at, leaf.low, PTE_A | (access.write ? PTE_D : 0));
        const [, pointers, directory, pages] = tables.map((address) => address / 4096);
        return {
          guestPhysical: table - (table % 2 ** shift) + (linear % 2 ** shift),
          writable,
          user,
          noExecute,
          dirty: (now & PTE_D) !== 0,
          table: pages,
          directoryRights: rights,
          upper: { pointers: pointers!, directory },
        };
      }
      const entryRights = longRights(low, high);
      rights = (rights & entryRights & 3) | ((rights | entryRights) & 4);
    }
  }
}

/** W = 1, U = 2, NX = 4. */
function longRights(low: number, high: number): number {
  return ((low >> 1) & 3) | (high & NO_EXECUTE_HIGH ? 4 : 0);
}

function frameAddress(low: number, high: number): number {
  return (high & 0xf) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
}
