// Four-level page tables in the machine's memory. Truth: SDM Vol. 3 "4-Level Paging and 5-Level Paging".
import {
  type Frame,
  type Mapping,
  NOT_MAPPED,
  NOT_WRITABLE,
  type PageRights,
  type PageTable,
  type TableFrames,
} from '../kernel/platform.ts';
import { mapKernel } from './kernel-region.ts';

const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const ACCESSED = 0x20;
const DIRTY = 0x40;
const NO_EXECUTE_HIGH = 0x8000_0000;
const FRAME_MASK = 0xffff_f000;
const ENTRIES = 512;
const LEVELS = 4;
const USER_ENTRIES = 256;
/** Bytes an entry of each level stands for, root first. */
const SIZES = [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12] as const;

/** The processor the tables are for. */
export interface TableHost {
  readonly memory: DataView;
  /** The same memory. */
  readonly bytes: Uint8Array;
  /** A translation that may be cached has changed. */
  changed(table: LongPageTable, address: number): void;
  /** The kernel read and wrote so many entries. */
  chargeEntries(reads: number, writes: number): void;
  /** The kernel cleared a table. */
  chargeTable(): void;
}

/** The page tables of one address space. */
export class LongPageTable implements PageTable {
  readonly root: Frame;
  readonly #memory: DataView;
  readonly #frames: TableFrames;
  readonly #host: TableHost;
  /** The last-level table that was looked for last, and which it is: tables stay until the end. */
  #leaf: Frame = 0;
  #leafAt = -1;

  constructor(host: TableHost, frames: TableFrames, root?: Frame) {
    this.#memory = host.memory;
    this.#frames = frames;
    this.#host = host;
    this.root = root ?? this.#table();
    if (root === undefined) mapKernel(host.memory, this.root * 4096);
  }

  map(address: number, frame: Frame, rights: PageRights): void {
    const at = this.#entry(address, true)!;
    const wasPresent = this.#memory.getUint32(at, true) & PRESENT;
    this.#memory.setUint32(at, (frame * 4096 + (PRESENT | USER | (rights.write ? WRITABLE : 0))) >>> 0, true);
    this.#memory.setUint32(at + 4, rights.execute ? 0 : NO_EXECUTE_HIGH, true);
    this.#host.chargeEntries(LEVELS, 1);
    if (wasPresent) this.#host.changed(this, address);
  }

  unmap(address: number): void {
    const at = this.#entry(address, false);
    if (at === undefined || !(this.#memory.getUint32(at, true) & PRESENT)) return;
    this.#memory.setUint32(at, 0, true);
    this.#memory.setUint32(at + 4, 0, true);
    this.#host.chargeEntries(LEVELS, 1);
    this.#host.changed(this, address);
  }

  lookup(address: number): Mapping | undefined {
    const at = this.#entry(address, false);
    this.#host.chargeEntries(LEVELS, 0);
    return at === undefined ? undefined : this.#mapping(at);
  }

  frameOf(address: number, isWrite: boolean): Frame {
    const at = this.#entry(address, false);
    this.#host.chargeEntries(LEVELS, 0);
    const low = at === undefined ? 0 : this.#memory.getUint32(at, true);
    if (!(low & PRESENT)) return NOT_MAPPED;
    return isWrite && !(low & WRITABLE) ? NOT_WRITABLE : low >>> 12;
  }

  forEach(start: number, end: number, visit: (address: number, mapping: Mapping) => void): void {
    this.#walk(this.root, 0, 0, start, end, visit);
  }

  destroy(): void {
    this.#release(this.root, 0);
  }

  #walk(
    table: Frame,
    level: number,
    base: number,
    start: number,
    end: number,
    visit: (address: number, mapping: Mapping) => void,
  ): void {
    const size = SIZES[level]!;
    const first = Math.max(0, Math.floor((start - base) / size));
    const last = Math.min(level === 0 ? USER_ENTRIES : ENTRIES, Math.ceil((end - base) / size));
    if (last > first) this.#host.chargeEntries(last - first, 0);
    for (let index = first; index < last; index++) {
      const at = table * 4096 + 8 * index;
      const low = this.#memory.getUint32(at, true);
      if (!(low & PRESENT)) continue;
      if (level < 3) this.#walk(low >>> 12, level + 1, base + index * size, start, end, visit);
      else visit(base + index * size, this.#mapping(at)!);
    }
  }

  #mapping(at: number): Mapping | undefined {
    const low = this.#memory.getUint32(at, true);
    if (!(low & PRESENT)) return undefined;
    return {
      frame: (low & FRAME_MASK) >>> 12,
      write: (low & WRITABLE) !== 0,
      execute: !(this.#memory.getUint32(at + 4, true) & NO_EXECUTE_HIGH),
      accessed: (low & ACCESSED) !== 0,
      dirty: (low & DIRTY) !== 0,
    };
  }

  /** Address of the last-level entry; tables on the way are made if asked for. */
  #entry(address: number, make: boolean): number | undefined {
    const leafAt = Math.floor(address / SIZES[2]);
    if (leafAt !== this.#leafAt) {
      let table = this.root;
      for (let level = 0; level < 3; level++) {
        const next = this.#below(table * 4096 + 8 * (Math.floor(address / SIZES[level]!) & (ENTRIES - 1)), make);
        if (next === undefined) return undefined;
        table = next;
      }
      this.#leaf = table;
      this.#leafAt = leafAt;
    }
    return this.#leaf * 4096 + 8 * (Math.floor(address / SIZES[3]) & (ENTRIES - 1));
  }

  /** The table an entry leads to. */
  #below(at: number, make: boolean): Frame | undefined {
    const low = this.#memory.getUint32(at, true);
    if (low & PRESENT) return low >>> 12;
    if (!make) return undefined;
    const table = this.#table();
    this.#memory.setUint32(at, (table * 4096 + (PRESENT | WRITABLE | USER)) >>> 0, true);
    return table;
  }

  #table(): Frame {
    const frame = this.#frames.allocate();
    this.#host.bytes.fill(0, frame * 4096, (frame + 1) * 4096);
    this.#host.chargeTable();
    return frame;
  }

  #release(table: Frame, level: number): void {
    if (level < 3) {
      for (let index = 0; index < (level === 0 ? USER_ENTRIES : ENTRIES); index++) {
        const low = this.#memory.getUint32(table * 4096 + 8 * index, true);
        if (low & PRESENT) this.#release(low >>> 12, level + 1);
      }
    }
    this.#frames.release(table);
  }
}
