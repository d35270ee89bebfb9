// The page tables among the shadow tables: one for each page table of the guest, shared by all address spaces that use it, or for a
// large or unpaged range of one space (Adams & Agesen 2006, section 3.2).

import { PTE_P, type Translation } from './guest-paging.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import type { ShadowOptions } from './shadow-options.ts';
import { MODE_LONG, MODE_PAE, MODE_TWO_LEVEL, modeOf, type Space, type Table } from './shadow-space.ts';
import type { TracedFrames } from './traced-frames.ts';

const TABLE_REACH = 2 ** 21;

/** A table as a snapshot holds it. */
export type SavedTable = Omit<Table, 'parents'> & { readonly parents: readonly number[] };

/** Shadow page tables of one virtual CPU. */
export class ShadowTables {
  readonly #o: ShadowOptions;
  readonly #entries: ShadowEntries;
  readonly #traced: TracedFrames;
  /** Takes write permission from a frame that is traced from now on. */
  readonly #protect: (frame: number) => void;
  readonly #tables = new Map<string, Table>();

  constructor(options: ShadowOptions, entries: ShadowEntries, traced: TracedFrames, protect: (frame: number) => void) {
    this.#o = options;
    this.#entries = entries;
    this.#traced = traced;
    this.#protect = protect;
  }

  /** The table for a linear address, made if there is none; undefined when out of pages. */
  tableFor(linear: number, walk: Translation, space: Space): Table | undefined {
    const paged = walk.table !== undefined;
    const firstEntry = paged && modeOf(this.#o.vcpu) === MODE_TWO_LEVEL ? ((linear >>> 21) & 1 ? 512 : 0) : 0;
    const key = paged
      ? `${modeOf(this.#o.vcpu)}:${walk.table!.toString(16)}:${firstEntry}:${walk.directoryRights}`
      : `large:${space.key}:${Math.floor(linear / TABLE_REACH).toString(16)}`;
    const known = this.#tables.get(key);
    if (known) return known;
    const page = this.#o.pool.allocate();
    if (page === undefined) return undefined;
    this.#entries.clear(page);
    const table: Table = { key, page, frame: walk.table ?? -1, firstEntry, parents: new Set() };
    this.#tables.set(key, table);
    if (table.frame >= 0) {
      const traced = this.#traced.has(table.frame);
      this.#traced.tables.add(table.frame, table);
      if (!traced) this.#protect(table.frame);
    }
    this.#o.counters.add('shadow', 'table-new');
    return table;
  }

  /** The guest wrote into a page table: what was derived from it goes. */
  sync(frame: number, offset: number, length: number): void {
    const tables = this.#traced.tables.of(frame);
    if (tables.every((table) => table.parents.size === 0)) {
      for (const table of tables) this.drop(table);
      return;
    }
    const mode = modeOf(this.#o.vcpu);
    const shift = mode === MODE_PAE || mode === MODE_LONG ? 3 : 2;
    for (let n = offset >>> shift; n <= (offset + length - 1) >>> shift; n++) {
      for (const table of tables) {
        const index = n - table.firstEntry;
        if (index < 0 || index >= 512) continue;
        this.#o.counters.add('shadow', 'sync');
        this.dropLeaf(table.page + index * 8);
      }
    }
  }

  /** Drops an entry of a directory; false when it was not there. */
  dropParent(entry: number): boolean {
    const low = this.#o.access.loadPhysical(entry, 4);
    if (!(low & PTE_P)) return false;
    this.#entries.write(entry, 0, 0);
    const page = (low & 0xffff_f000) >>> 0;
    for (const table of this.#tables.values()) {
      if (table.page !== page) continue;
      table.parents.delete(entry);
      if (table.frame < 0) this.drop(table);
      break;
    }
    return true;
  }

  /** Drops a table with all it maps. */
  drop(table: Table): void {
    for (const parent of table.parents) this.#entries.write(parent, 0, 0);
    for (let n = 0; n < 512; n++) this.dropLeaf(table.page + n * 8);
    this.#tables.delete(table.key);
    this.#traced.tables.delete(table.frame, table);
    this.#o.pool.release(table.page);
    this.#o.counters.add('shadow', 'table-dropped');
  }

  /** Drops what maps one page. */
  dropLeaf(entry: number): void {
    const frame = this.#entries.unmap(entry);
    if (frame !== undefined && this.#traced.code.has(frame)) this.#o.onCodeChange?.(frame, 0, 0x1000);
  }

  /** All tables are gone: their pages are free. */
  forgetAll(): void {
    for (const table of this.#tables.values()) this.#o.pool.release(table.page);
    this.#tables.clear();
  }

  save(): SavedTable[] {
    return [...this.#tables.values()].map((table) => ({ ...table, parents: [...table.parents] }));
  }

  /** After a load the frames are traced by the tables made from them. */
  load(rows: readonly SavedTable[]): void {
    this.#tables.clear();
    for (const saved of rows) {
      const table: Table = { ...saved, parents: new Set(saved.parents) };
      this.#tables.set(table.key, table);
      if (table.frame >= 0) this.#traced.tables.add(table.frame, table);
    }
  }
}
