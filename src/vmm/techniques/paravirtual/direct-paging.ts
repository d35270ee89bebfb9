// Direct paging: the guest's page tables are the ones the CPU walks, so every entry is checked before it is written
// (Barham et al. 2003, section 3.3.3 "Paging"). No entry may map a frame that is not the guest's, no page table and no
// descriptor table may be mapped writable, and directory entries lead to checked page tables only.

import type { FrameTable, FrameType, MachineMemory } from './frame-table.ts';
import { HYPERVISOR_FIRST_SLOT } from '../../xen/abi.ts';

export const PTE_PRESENT = 0x1;
export const PTE_WRITE = 0x2;
export const PTE_USER = 0x4;
export const PTE_ACCESSED = 0x20;
export const PTE_DIRTY = 0x40;
export const PTE_LARGE = 0x80;
export const PTE_GLOBAL = 0x100;

/** Why an update was refused. */
export type Refusal =
  | 'foreign frame'
  | 'no such frame'
  | 'writable mapping of a page table'
  | 'writable mapping of a descriptor table'
  | 'page table is in use as something else'
  | 'large page or global entry'
  | 'hypervisor slot'
  | 'not a page table'
  | 'not pinned'
  | 'already pinned'
  | 'bad descriptor'
  | 'no mapping there'
  | 'frame is in use';

/** What the page-table code needs from its surroundings. */
export interface PagingHost {
  readonly memory: MachineMemory;
  readonly frames: FrameTable;
  /** The hypervisor's directory entries from slot HYPERVISOR_FIRST_SLOT on. */
  readonly hypervisorEntries: readonly number[];
  /** Empties the TLB. */
  flushTlb(): void;
  /** Counts a page-table event. */
  event(name: string): void;
}

/** Validation of the guest's page tables. */
export class DirectPaging {
  readonly #host: PagingHost;

  constructor(host: PagingHost) {
    this.#host = host;
  }

  // ---- Uses of frames

  /** Takes a reference and a use of a frame; on refusal nothing has changed. */
  getPageAndType(mfn: number, type: FrameType): Refusal | undefined {
    const { frames } = this.#host;
    if (!frames.isFrame(mfn)) return 'no such frame';
    if (!frames.get(mfn)) return 'foreign frame';
    const use = frames.getType(mfn, type);
    if (use === 'shared') return undefined;
    if (use === 'busy') {
      frames.put(mfn);
      return busyReason(type, frames.type(mfn));
    }
    if (type === 'writable') return undefined;
    // The frame may still be writable through the TLB.
    if (frames.staleWritable) this.flush();
    const refusal = type === 'l1' ? this.#validateL1(mfn) : type === 'l2' ? this.#validateL2(mfn) : undefined;
    if (refusal === undefined) {
      if (type !== 'segment') frames.validated(mfn);
      return undefined;
    }
    frames.putType(mfn);
    frames.put(mfn);
    return refusal;
  }

  putPageAndType(mfn: number): void {
    const { frames } = this.#host;
    const type = frames.type(mfn);
    if (frames.putType(mfn)) {
      if (type === 'l1') this.#releaseL1(mfn, 1024);
      else this.#releaseL2(mfn, HYPERVISOR_FIRST_SLOT);
    }
    frames.put(mfn);
  }

  /** Empties the TLB and remembers that no stale writable entry is left. */
  flush(): void {
    this.#host.flushTlb();
    this.#host.frames.staleWritable = false;
  }

  // ---- Page tables as a whole

  pin(mfn: number, level: 1 | 2): Refusal | undefined {
    const { frames } = this.#host;
    const refusal = this.getPageAndType(mfn, level === 1 ? 'l1' : 'l2');
    if (refusal !== undefined) return refusal;
    if (frames.isPinned(mfn)) {
      this.putPageAndType(mfn);
      return 'already pinned';
    }
    frames.setPinned(mfn, true);
    return undefined;
  }

  unpin(mfn: number): Refusal | undefined {
    const { frames } = this.#host;
    if (!frames.isFrame(mfn)) return 'no such frame';
    if (!frames.get(mfn)) return 'foreign frame';
    const pinned = frames.isPinned(mfn);
    if (pinned) {
      frames.setPinned(mfn, false);
      this.putPageAndType(mfn);
    }
    frames.put(mfn);
    return pinned ? undefined : 'not pinned';
  }

  #validateL1(mfn: number): Refusal | undefined {
    this.#host.event('validate l1');
    for (let slot = 0; slot < 1024; slot++) {
      const refusal = this.#getL1Entry(this.#host.memory.load(mfn * 4096 + slot * 4));
      if (refusal === undefined) continue;
      this.#releaseL1(mfn, slot);
      return refusal;
    }
    return undefined;
  }

  #releaseL1(mfn: number, slots: number): void {
    this.#host.event('release l1');
    for (let slot = 0; slot < slots; slot++) this.#putL1Entry(this.#host.memory.load(mfn * 4096 + slot * 4));
  }

  #validateL2(mfn: number): Refusal | undefined {
    const { memory, hypervisorEntries } = this.#host;
    this.#host.event('validate l2');
    for (let slot = 0; slot < HYPERVISOR_FIRST_SLOT; slot++) {
      const refusal = this.#getL2Entry(memory.load(mfn * 4096 + slot * 4));
      if (refusal === undefined) continue;
      this.#dropL2Entries(mfn, slot);
      return refusal;
    }
    hypervisorEntries.forEach((entry, i) => {
      memory.store(mfn * 4096 + (HYPERVISOR_FIRST_SLOT + i) * 4, entry);
    });
    return undefined;
  }

  #releaseL2(mfn: number, slots: number): void {
    this.#host.event('release l2');
    this.#dropL2Entries(mfn, slots);
    // The frame becomes the guest's plain memory again: nothing of the hypervisor's stays in it.
    for (let slot = HYPERVISOR_FIRST_SLOT; slot < 1024; slot++) this.#host.memory.store(mfn * 4096 + slot * 4, 0);
  }

  #dropL2Entries(mfn: number, slots: number): void {
    for (let slot = 0; slot < slots; slot++) this.#putL2Entry(this.#host.memory.load(mfn * 4096 + slot * 4));
  }

  // ---- References that an entry holds

  #getL1Entry(entry: number): Refusal | undefined {
    if ((entry & PTE_PRESENT) === 0) return undefined;
    if ((entry & (PTE_LARGE | PTE_GLOBAL)) !== 0) return 'large page or global entry';
    const mfn = entry >>> 12;
    const { frames } = this.#host;
    if (!frames.isFrame(mfn)) return 'no such frame';
    if (!frames.get(mfn)) return 'foreign frame';
    if ((entry & PTE_WRITE) === 0) return undefined;
    if (frames.getType(mfn, 'writable') !== 'busy') return undefined;
    const reason = busyReason('writable', frames.type(mfn));
    frames.put(mfn);
    return reason;
  }

  #putL1Entry(entry: number): void {
    if ((entry & PTE_PRESENT) === 0) return;
    if ((entry & PTE_WRITE) !== 0) this.#host.frames.putType(entry >>> 12);
    this.#host.frames.put(entry >>> 12);
  }

  #getL2Entry(entry: number): Refusal | undefined {
    if ((entry & PTE_PRESENT) === 0) return undefined;
    if ((entry & PTE_LARGE) !== 0) return 'large page or global entry';
    return this.getPageAndType(entry >>> 12, 'l1');
  }

  #putL2Entry(entry: number): void {
    if ((entry & PTE_PRESENT) !== 0) this.putPageAndType(entry >>> 12);
  }

  // ---- Single entries

  /** Writes one entry of the table that holds machine address `at`; the table is in use as `type`. */
  updateEntry(at: number, type: 'l1' | 'l2', value: number, preserveAd: boolean): Refusal | undefined {
    return type === 'l1' ? this.updateL1(at, value, preserveAd) : this.updateL2(at, value, preserveAd);
  }

  updateL1(at: number, value: number, preserveAd: boolean): Refusal | undefined {
    const { memory } = this.#host;
    const old = memory.load(at);
    const entry = preserveAd ? (value | (old & (PTE_ACCESSED | PTE_DIRTY))) >>> 0 : value;
    if (sameUse(old, entry)) {
      if ((entry & PTE_PRESENT) !== 0 && (entry & (PTE_LARGE | PTE_GLOBAL)) !== 0) return 'large page or global entry';
      memory.store(at, entry);
      return undefined;
    }
    const refusal = this.#getL1Entry(entry);
    if (refusal !== undefined) return refusal;
    memory.store(at, entry);
    this.#putL1Entry(old);
    return undefined;
  }

  updateL2(at: number, value: number, preserveAd: boolean): Refusal | undefined {
    const { memory } = this.#host;
    if ((at & 0xfff) >>> 2 >= HYPERVISOR_FIRST_SLOT) return 'hypervisor slot';
    const old = memory.load(at);
    const entry = preserveAd ? (value | (old & PTE_ACCESSED)) >>> 0 : value;
    const refusal = this.#getL2Entry(entry);
    if (refusal !== undefined) return refusal;
    memory.store(at, entry);
    this.#putL2Entry(old);
    return undefined;
  }

  /** Machine address of the page-table entry that maps a linear address, by the directory in frame `directory`. */
  entryAddress(directory: number, linear: number): number | undefined {
    const entry = this.#host.memory.load(directory * 4096 + (linear >>> 22) * 4);
    if ((entry & PTE_PRESENT) === 0 || (entry & PTE_LARGE) !== 0) return undefined;
    return (entry >>> 12) * 4096 + ((linear >>> 12) & 0x3ff) * 4;
  }
}

/** Both entries keep the same references: the same frame used the same way, or nothing. */
function sameUse(a: number, b: number): boolean {
  if (((a | b) & PTE_PRESENT) === 0) return true;
  const mask = 0xffff_f000 | PTE_PRESENT | PTE_WRITE;
  return ((a ^ b) & mask) === 0;
}

function busyReason(wanted: FrameType, is: FrameType): Refusal {
  if (wanted !== 'writable') return 'page table is in use as something else';
  return is === 'segment' ? 'writable mapping of a descriptor table' : 'writable mapping of a page table';
}
