// Entries of shadow tables as they lie in host memory, and which leaves map a guest frame (Adams & Agesen 2006, section 2.2: a
// traced page needs all its mappings write-protected).

import { PTE_P, PTE_W } from './guest-paging.ts';
import type { HostAccess } from './host-access.ts';
import type { ShadowOptions } from './shadow-options.ts';

/** Shadow entries of one virtual CPU; an entry is named by its host-physical address. */
export class ShadowEntries {
  readonly #access: HostAccess;
  readonly #domain: ShadowOptions['domain'];
  readonly #clearPage: (page: number) => void;
  /** Guest frame → leaf entries mapping it. */
  readonly #mappings = new Map<number, Set<number>>();

  constructor({ access, domain, clearPage }: Pick<ShadowOptions, 'access' | 'domain' | 'clearPage'>) {
    this.#access = access;
    this.#domain = domain;
    this.#clearPage = clearPage ?? ((page) => this.#storeZeros(page));
  }

  /** Clears a page that becomes a table. */
  clear(page: number): void {
    this.#access.charge('string-iteration', 1024);
    this.#access.charge('alu', 8);
    this.#clearPage(page);
  }

  #storeZeros(page: number): void {
    for (let at = 0; at < 0x1000; at += 4) this.#access.storePhysical(page + at, 4, 0);
  }

  write(entry: number, low: number, high: number): void {
    // The half with the present bit last, as SDM Vol. 3 "Paging-Structure Entries" wants it for entries in use.
    this.#access.storePhysical(entry + 4, 4, high);
    this.#access.storePhysical(entry, 4, low >>> 0);
  }

  /** Writes a leaf that maps a guest frame, in the place of another or of none. */
  map(entry: number, low: number, high: number, frame: number): void {
    const old = this.#access.loadPhysical(entry, 4);
    if (old & PTE_P) this.#forget(entry, old);
    this.write(entry, low, high);
    const mappings = this.#mappings.get(frame);
    if (mappings) mappings.add(entry);
    else this.#mappings.set(frame, new Set([entry]));
  }

  /** Takes a leaf away; gives the frame it mapped, undefined when there was none. */
  unmap(entry: number): number | undefined {
    const low = this.#access.loadPhysical(entry, 4);
    if (!(low & PTE_P)) return undefined;
    const frame = this.#forget(entry, low);
    this.write(entry, 0, 0);
    return frame;
  }

  /** The leaves mapping a frame. */
  of(frame: number): readonly number[] {
    return [...(this.#mappings.get(frame) ?? [])];
  }

  /** Takes write permission from every mapping of a frame. */
  protect(frame: number): void {
    for (const entry of this.#mappings.get(frame) ?? []) {
      const low = this.#access.loadPhysical(entry, 4);
      if (low & PTE_W) this.#access.storePhysical(entry, 4, (low & ~PTE_W) >>> 0);
    }
  }

  #forget(entry: number, low: number): number {
    const frame = (((low & 0xffff_f000) >>> 0) - this.#domain.hostPhysical(0)) >>> 12;
    const mappings = this.#mappings.get(frame);
    mappings?.delete(entry);
    if (mappings?.size === 0) this.#mappings.delete(frame);
    return frame;
  }

  /** The tables are gone. */
  forgetAll(): void {
    this.#mappings.clear();
  }

  /** Rows of a frame and its entries. */
  save(): number[][] {
    return [...this.#mappings].map(([frame, entries]) => [frame, ...entries]);
  }

  load(rows: readonly (readonly number[])[]): void {
    this.#mappings.clear();
    for (const [frame, ...entries] of rows) this.#mappings.set(frame!, new Set(entries));
  }
}
