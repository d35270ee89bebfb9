// Shadow page tables: the PAE tables (in IA-32e mode the four levels) the real CPU uses while the guest believes in its own.
// Filled on hidden faults, kept per guest CR3, coherent with the guest's tables because the guest's writes to them are traced
// (write-protected, emulated, and the entry derived from the written one is dropped). Adams & Agesen 2006 sections 2.2 "Tracing"
// and 3.2.

import type { Fields, Stateful } from '../machine/stateful.ts';
import { listField } from '../machine/stateful.ts';
import type { Access, Translation } from './guest-paging.ts';
import { GuestPaging, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W } from './guest-paging.ts';
import { REGION_LINEAR } from './host-memory.ts';
import { ShadowEntries } from './shadow-entries.ts';
import { createDirectory, upperFrames } from './shadow-long.ts';
import { type SavedTable, ShadowTables } from './shadow-tables.ts';
import type { FaultOutcome, ShadowOptions } from './shadow-options.ts';
import {
  guestDirectoriesOf,
  keyOf,
  loadSpace,
  MODE_LONG,
  modeOf,
  type SavedSpace,
  type Space,
  saveSpace,
  upperTables,
} from './shadow-space.ts';
import { TracedFrames } from './traced-frames.ts';
import { CR0_WP } from './vcpu.ts';

const GIB = 2 ** 30;
const TABLE_REACH = 2 ** 21;
const MAX_SPACES = 48;
/** Writes to the directory of an address space not in use after which it is believed to be dead. */
const STRAY_LIMIT = 6;
const HIGH_NX = 0x8000_0000;

/** Shadow page tables of one virtual CPU. */
export class ShadowPaging implements Stateful {
  readonly name = 'shadow paging';
  readonly version = 1;
  readonly guest: GuestPaging;
  readonly #o: ShadowOptions;
  readonly #spaces = new Map<string, Space>();
  readonly #traced = new TracedFrames();
  readonly #entries: ShadowEntries;
  readonly #tables: ShadowTables;
  #current: Space | undefined;
  #uses = 0;

  constructor(options: ShadowOptions) {
    this.#o = options;
    this.#entries = new ShadowEntries(options);
    this.#tables = new ShadowTables(options, this.#entries, this.#traced, (frame) => this.#protect(frame));
    this.guest = new GuestPaging(options.access, options.vcpu, options.domain);
  }

  /** Host-physical root of the current space. */
  get root(): number {
    return this.#current?.root ?? 0;
  }

  /** Guest CR0, CR3, CR4 or EFER changed: makes the tables for them current. */
  activate(): void {
    const space = this.#spaceFor();
    this.#current = space;
    space.strayWrites = 0;
    space.lastUse = ++this.#uses;
    this.#o.counters.add('shadow', 'root-switch');
    this.#o.loadRoot(space.root);
  }

  /** Drops every shadow table: something all of them depend on (CR0.WP, EFER.NXE) changed. */
  flush(): void {
    this.#dropAll();
    this.activate();
  }

  /** Handles a page fault of the guest. `access` is what the CPU's error code says. */
  fault(linear: number, access: Access): FaultOutcome {
    const walk = this.guest.walk(linear, access);
    if ('error' in walk) {
      this.#o.counters.add('shadow', 'true-fault');
      return { kind: 'true', error: walk.error };
    }
    if (linear >= REGION_LINEAR && this.#o.regionTables) {
      this.#o.counters.add('shadow', 'collision');
      return { kind: 'mmio', guestPhysical: walk.guestPhysical };
    }
    if (walk.guestPhysical >= this.#o.domain.ramSize && !this.#o.isMapped?.(walk.guestPhysical)) {
      this.#o.counters.add('shadow', 'mmio');
      return { kind: 'mmio', guestPhysical: walk.guestPhysical };
    }
    if (access.write && this.#o.isReadOnly?.(walk.guestPhysical))
      return { kind: 'mmio', guestPhysical: walk.guestPhysical };
    if (access.write && this.#traced.code.has(walk.guestPhysical >>> 12))
      this.#o.onTracedWrite?.(walk.guestPhysical >>> 12);
    if (access.write && this.isTraced(walk.guestPhysical >>> 12)) {
      this.#o.counters.add('shadow', 'trace-write');
      return { kind: 'traced', guestPhysical: walk.guestPhysical };
    }
    this.#o.counters.add('shadow', 'hidden-fault');
    this.#fill(linear, access, walk);
    return { kind: 'filled' };
  }

  /** Writes to this guest frame must be reported. */
  isTraced(frame: number): boolean {
    return this.#traced.has(frame);
  }

  isCode(frame: number): boolean {
    return this.#traced.code.has(frame);
  }

  /** Traces writes to a frame whose code was translated. */
  traceCode(frame: number): void {
    if (this.#traced.code.has(frame)) return;
    const traced = this.isTraced(frame);
    this.#traced.code.add(frame);
    if (!traced) this.#protect(frame);
  }

  untraceCode(frame: number): void {
    this.#traced.code.delete(frame);
  }

  /** The guest wrote `length` bytes in a traced page (inside the page). `changed`: not all bytes kept their value. */
  guestWrote(guestPhysical: number, length: number, changed: boolean): void {
    const frame = guestPhysical >>> 12;
    const offset = guestPhysical & 0xfff;
    if (!changed) {
      this.#o.counters.add('shadow', 'trace-unchanged');
      return;
    }
    if (this.#traced.code.has(frame)) this.#o.onCodeChange?.(frame, offset, length);
    this.#tables.sync(frame, offset, length);
    this.#syncDirectories(frame, offset, length);
  }

  /** Gives up everything derived from the tables in a frame, so that the guest may write there. */
  release(frame: number): void {
    for (const table of this.#traced.tables.of(frame)) this.#tables.drop(table);
    for (const space of this.#traced.directories.of(frame)) this.#dropUpper(space);
    this.#reload();
  }

  /** INVLPG of the guest. */
  invlpg(linear: number): void {
    if (linear >= REGION_LINEAR && this.#o.regionTables) return;
    this.#o.counters.add('shadow', 'invlpg');
    const walk = this.guest.probe(linear, { write: false, user: false, fetch: false });
    if (!('error' in walk) && walk.table === undefined && this.#o.vcpu.paging) this.#reload();
    else this.#o.invalidate(linear);
  }

  /** Drops what maps a page, so that the next access faults (adaptation, device pages). */
  unmapFrame(frame: number): void {
    for (const entry of this.#entries.of(frame)) this.#tables.dropLeaf(entry);
    this.#reload();
  }

  #reload(): void {
    if (this.#current) this.#o.loadRoot(this.#current.root);
  }

  // ---- Spaces -------------------------------------------------------------------------------------------------------

  #spaceFor(): Space {
    const mode = modeOf(this.#o.vcpu);
    const key = keyOf(this.#o.vcpu, mode);
    this.#o.access.charge('alu', 12);
    return this.#spaces.get(key) ?? this.#createSpace(mode, key);
  }

  #createSpace(mode: number, key: string): Space {
    if (this.#spaces.size >= MAX_SPACES) this.#dropOldest();
    const pages: number[] = [];
    const isLong = mode === MODE_LONG;
    while (pages.length < (isLong ? 1 : 5)) {
      const page = this.#o.pool.allocate();
      if (page === undefined) {
        for (const taken of pages) this.#o.pool.release(taken);
        this.#dropAll();
        pages.length = 0;
        continue;
      }
      pages.push(page);
    }
    const [root, ...directories] = pages as [number, ...number[]];
    for (const page of pages) this.#entries.clear(page);
    for (const [n, page] of directories.entries()) this.#entries.write(root + n * 8, page | PTE_P, 0);
    const region = this.#o.regionTables;
    if (region) {
      this.#entries.write(directories[3]! + 510 * 8, region[0] | PTE_P | PTE_W | PTE_A, 0);
      this.#entries.write(directories[3]! + 511 * 8, region[1] | PTE_P | PTE_W | PTE_A, 0);
    }
    const top = this.#o.vcpu.cr3 >>> 12;
    const space: Space = {
      key,
      root,
      directories: new Map(directories.entries()),
      guestDirectories: guestDirectoriesOf(this.#o.vcpu, mode),
      ...(isLong ? { long: { pointers: new Map<number, number>(), frames: new Set([top]) } } : {}),
      strayWrites: 0,
      lastUse: 0,
    };
    this.#spaces.set(key, space);
    for (const { frame } of space.guestDirectories) this.#traceDirectory(space, frame);
    if (isLong) this.#traceDirectory(space, top);
    this.#o.counters.add('shadow', 'root-new');
    return space;
  }

  /** Writes to a frame with upper-level entries of a space are to be seen. */
  #traceDirectory(space: Space, frame: number): void {
    const traced = this.isTraced(frame);
    this.#traced.directories.add(frame, space);
    if (!traced) this.#protect(frame);
  }

  #dropSpace(space: Space): void {
    for (const [gib, page] of space.directories) {
      for (let n = 0; n < 512; n++) {
        const entry = page + n * 8;
        if (gib === 3 && n >= 510 && this.#o.regionTables) continue;
        this.#tables.dropParent(entry);
      }
    }
    this.#releaseTables(space);
    for (const frame of upperTables(space)) this.#traced.directories.delete(frame, space);
    this.#spaces.delete(space.key);
    this.#o.counters.add('shadow', 'root-dropped');
  }

  #releaseTables(space: Space): void {
    for (const page of space.directories.values()) this.#o.pool.release(page);
    for (const page of space.long?.pointers.values() ?? []) this.#o.pool.release(page);
    this.#o.pool.release(space.root);
  }

  #dropOldest(): void {
    let oldest: Space | undefined;
    for (const space of this.#spaces.values()) {
      if (space !== this.#current && (!oldest || space.lastUse < oldest.lastUse)) oldest = space;
    }
    if (oldest) this.#dropSpace(oldest);
  }

  #dropAll(): void {
    for (const space of this.#spaces.values()) this.#releaseTables(space);
    this.#tables.forgetAll();
    this.#spaces.clear();
    this.#traced.forgetTables();
    this.#entries.forgetAll();
    this.#current = undefined;
    this.#o.counters.add('shadow', 'flush');
    this.#o.onRangeChange?.(0, 0x1_0000_0000);
  }

  // ---- Filling ------------------------------------------------------------------------------------------------------

  #fill(linear: number, access: Access, walk: Translation): void {
    for (;;) {
      const leaf = this.#leafFor(linear, walk);
      if (leaf === undefined) {
        // Out of pages: start again with empty tables.
        this.#dropAll();
        this.activate();
        continue;
      }
      this.#writeLeaf(leaf, access, walk);
      return;
    }
  }

  #writeLeaf(entry: number, access: Access, walk: Translation): void {
    const frame = walk.guestPhysical >>> 12;
    const override = access.write && !access.user && !walk.writable && (this.#o.vcpu.cr0 & CR0_WP) === 0;
    const mayWrite = (walk.writable && walk.dirty) || override;
    const writable = mayWrite && !this.isTraced(frame) && !this.#o.isReadOnly?.(frame * 0x1000);
    const user = walk.user && !override;
    const host = this.#o.domain.hostPhysical(frame * 4096);
    const low = host | PTE_P | (writable ? PTE_W : 0) | (user ? PTE_U : 0) | PTE_A | PTE_D;
    this.#entries.map(entry, low, walk.noExecute ? HIGH_NX : 0, frame);
  }

  /** Host-physical address of the shadow leaf entry for `linear`, creating the table; undefined when out of pages. */
  #leafFor(linear: number, walk: Translation): number | undefined {
    const directory = this.#directoryFor(this.#current!, linear, walk);
    if (directory === undefined) return undefined;
    const directoryEntry = directory + (Math.floor(linear / TABLE_REACH) & 0x1ff) * 8;
    const present = this.#o.access.loadPhysical(directoryEntry, 4);
    let page: number;
    if (present & PTE_P) {
      page = (present & 0xffff_f000) >>> 0;
    } else {
      const table = this.#tables.tableFor(linear, walk, this.#current!);
      if (table === undefined) return undefined;
      table.parents.add(directoryEntry);
      this.#entries.write(directoryEntry, table.page | PTE_P | PTE_W | PTE_U | PTE_A, 0);
      page = table.page;
    }
    return page + ((linear >>> 12) & 0x1ff) * 8;
  }

  /** Shadow page directory for `linear`; undefined when out of pages. */
  #directoryFor(space: Space, linear: number, walk: Translation): number | undefined {
    const present = space.directories.get(Math.floor(linear / GIB));
    if (present !== undefined || !space.long) return present;
    const made = createDirectory(space.root, space.long, linear, {
      allocate: () => {
        const page = this.#o.pool.allocate();
        if (page !== undefined) this.#entries.clear(page);
        return page;
      },
      writeEntry: (entry, low) => this.#entries.write(entry, low, 0),
    });
    if (!made) return undefined;
    space.directories.set(made.gib, made.page);
    for (const frame of upperFrames(walk)) {
      space.long.frames.add(frame);
      this.#traceDirectory(space, frame);
    }
    const frame = walk.upper?.directory;
    if (frame !== undefined) {
      space.guestDirectories.push({ frame, linear: made.gib * GIB });
      this.#traceDirectory(space, frame);
    }
    return made.page;
  }

  // ---- Tracing ------------------------------------------------------------------------------------------------------

  #protect(frame: number): void {
    this.#o.counters.add('shadow', 'protect');
    this.#entries.protect(frame);
    this.#reload();
  }

  #syncDirectories(frame: number, offset: number, length: number): void {
    for (const space of this.#traced.directories.of(frame)) {
      if (space !== this.#current && ++space.strayWrites > STRAY_LIMIT) {
        this.#dropSpace(space);
        continue;
      }
      if (space.long?.frames.has(frame)) {
        this.#dropUpper(space);
        continue;
      }
      const pae = space.long !== undefined || space.key.startsWith('pae');
      const shift = pae ? 3 : 2;
      for (const directory of space.guestDirectories) {
        if (directory.frame !== frame) continue;
        for (let n = offset >>> shift; n <= (offset + length - 1) >>> shift; n++) {
          const linear = directory.linear + n * (pae ? 0x20_0000 : 0x40_0000);
          this.#syncRange(space, linear, pae ? 1 : 2);
        }
      }
    }
  }

  /** An upper-level entry changed: the whole space goes. */
  #dropUpper(space: Space): void {
    const wasCurrent = space === this.#current;
    this.#dropSpace(space);
    if (wasCurrent) this.activate();
  }

  #syncRange(space: Space, linear: number, entries: number): void {
    this.#o.counters.add('shadow', 'sync-directory');
    let was = false;
    for (let k = 0; k < entries; k++) {
      const at = linear + k * 0x20_0000;
      if (at >= REGION_LINEAR && this.#o.regionTables) continue;
      const directory = space.directories.get(Math.floor(at / GIB));
      if (directory === undefined) continue;
      const entry = directory + (Math.floor(at / TABLE_REACH) & 0x1ff) * 8;
      was = this.#tables.dropParent(entry) || was;
    }
    if (was && space === this.#current) this.#o.onRangeChange?.(linear, entries * 0x20_0000);
  }

  // ---- State --------------------------------------------------------------------------------------------------------

  save(): Fields {
    return {
      spaces: [...this.#spaces.values()].map(saveSpace),
      tables: this.#tables.save(),
      mappings: this.#entries.save(),
      code: [...this.#traced.code],
      current: this.#current?.key ?? null,
      uses: this.#uses,
      pool: this.#o.pool.save(),
    };
  }

  load(fields: Fields): void {
    this.#spaces.clear();
    this.#traced.forgetTables();
    this.#traced.code.clear();
    this.#o.pool.load(fields.pool as { next: number; free: number[] });
    for (const saved of listField(fields, 'spaces') as unknown as SavedSpace[]) {
      const space = loadSpace(saved);
      this.#spaces.set(space.key, space);
      for (const frame of upperTables(space)) this.#traced.directories.add(frame, space);
    }
    this.#tables.load(listField(fields, 'tables') as unknown as SavedTable[]);
    this.#entries.load(listField(fields, 'mappings') as number[][]);
    for (const frame of listField(fields, 'code') as number[]) this.#traced.code.add(frame);
    this.#current = typeof fields.current === 'string' ? this.#spaces.get(fields.current) : undefined;
    this.#uses = fields.uses as number;
  }
}
