// Which page-table entries a paravirtual guest may write (Barham et al. 2003, section 3.3.3).
import { beforeEach, describe, expect, test } from 'vitest';
import type { MachineMemory } from './frame-table.ts';
import { FrameTable, OWNER_GUEST, OWNER_XEN } from './frame-table.ts';
import { DirectPaging } from './direct-paging.ts';
import { HYPERVISOR_FIRST_SLOT } from '../../xen/abi.ts';

const TABLE = 0x10_0000;
const FRAMES = 64;
const XEN_FRAME = 3;
const L1 = 16;
const L2 = 17;
const DATA = 18;
const OTHER = 19;

class Memory implements MachineMemory {
  readonly words = new Map<number, number>();
  load(at: number): number {
    return this.words.get(at) ?? 0;
  }
  store(at: number, value: number): void {
    this.words.set(at, value >>> 0);
  }
}

let memory: Memory;
let frames: FrameTable;
let paging: DirectPaging;
let flushes: number;
const pte = (mfn: number, flags: number): number => mfn * 4096 + flags;
const slot = (mfn: number, n: number): number => mfn * 4096 + n * 4;

beforeEach(() => {
  memory = new Memory();
  frames = new FrameTable(memory, TABLE, FRAMES);
  flushes = 0;
  for (let mfn = 0; mfn < 16; mfn++) frames.assign(mfn, OWNER_XEN);
  for (let mfn = 16; mfn < 48; mfn++) frames.assign(mfn, OWNER_GUEST);
  const hypervisorEntries = Array.from({ length: 16 }, (_, i) => pte(i, 0x63));
  paging = new DirectPaging({ memory, frames, hypervisorEntries, flushTlb: () => flushes++, event: () => {} });
});

describe('direct paging', () => {
  test('an own frame may be mapped writable, and is counted', () => {
    expect(paging.pin(L1, 1)).toBeUndefined();
    expect(paging.updateL1(slot(L1, 0), pte(DATA, 7), false)).toBeUndefined();
    expect(frames.type(DATA)).toBe('writable');
    expect(frames.typeCount(DATA)).toBe(1);
    expect(paging.updateL1(slot(L1, 0), 0, false)).toBeUndefined();
    expect(frames.typeCount(DATA)).toBe(0);
    expect(frames.references(DATA)).toBe(1);
  });

  test("a mapping of the hypervisor's, of nobody's or of no frame is refused, read-only too", () => {
    paging.pin(L1, 1);
    for (const flags of [1, 3, 5, 7]) {
      expect(paging.updateL1(slot(L1, 0), pte(XEN_FRAME, flags), false)).toBe('foreign frame');
      expect(paging.updateL1(slot(L1, 0), pte(50, flags), false)).toBe('foreign frame');
      expect(paging.updateL1(slot(L1, 0), pte(FRAMES, flags), false)).toBe('no such frame');
      expect(paging.updateL1(slot(L1, 0), pte(0xfee00, flags), false)).toBe('no such frame');
    }
    expect(memory.load(slot(L1, 0))).toBe(0);
  });

  test('a page table cannot be mapped writable, but can be read', () => {
    paging.pin(L1, 1);
    expect(paging.updateL1(slot(L1, 0), pte(L1, 3), false)).toBe('writable mapping of a page table');
    expect(paging.updateL1(slot(L1, 0), pte(L1, 1), false)).toBeUndefined();
    expect(paging.updateL1(slot(L1, 0), pte(L1, 3), false)).toBe('writable mapping of a page table');
  });

  test('a frame that is mapped writable cannot become a page table', () => {
    paging.pin(L1, 1);
    paging.updateL1(slot(L1, 0), pte(OTHER, 3), false);
    expect(paging.pin(OTHER, 1)).toBe('page table is in use as something else');
    paging.updateL1(slot(L1, 0), pte(OTHER, 1), false);
    expect(paging.pin(OTHER, 1)).toBeUndefined();
  });

  test('a table that holds a bad entry is refused and leaves no trace', () => {
    memory.store(slot(L1, 0), pte(DATA, 3));
    memory.store(slot(L1, 1), pte(OTHER, 1));
    memory.store(slot(L1, 2), pte(XEN_FRAME, 3));
    expect(paging.pin(L1, 1)).toBe('foreign frame');
    for (const mfn of [L1, DATA, OTHER]) {
      expect(frames.references(mfn)).toBe(1);
      expect(frames.typeCount(mfn)).toBe(0);
    }
  });

  test('a table that maps itself writable is refused', () => {
    memory.store(slot(L1, 5), pte(L1, 3));
    expect(paging.pin(L1, 1)).toBe('writable mapping of a page table');
    expect(frames.references(L1)).toBe(1);
  });

  test('a directory may lead to page tables only', () => {
    memory.store(slot(L2, 0), pte(L1, 7));
    memory.store(slot(L1, 0), pte(DATA, 7));
    expect(paging.pin(L2, 2)).toBeUndefined();
    expect(frames.type(L1)).toBe('l1');
    expect(paging.updateL2(slot(L2, 1), pte(L2, 7), false)).toBe('page table is in use as something else');
    expect(paging.updateL2(slot(L2, 1), pte(DATA, 7), false)).toBe('page table is in use as something else');
    expect(paging.updateL2(slot(L2, 1), pte(XEN_FRAME, 7), false)).toBe('foreign frame');
    expect(paging.updateL2(slot(L2, 1), pte(OTHER, 0x87), false)).toBe('large page or global entry');
  });

  test("the hypervisor's slots are filled in and cannot be changed", () => {
    memory.store(slot(L2, 1020), 0x1234_5067);
    expect(paging.pin(L2, 2)).toBeUndefined();
    for (let i = 0; i < 16; i++) expect(memory.load(slot(L2, HYPERVISOR_FIRST_SLOT + i))).toBe(pte(i, 0x63));
    expect(paging.updateL2(slot(L2, HYPERVISOR_FIRST_SLOT), 0, false)).toBe('hypervisor slot');
    expect(paging.updateL2(slot(L2, 1023), pte(L1, 7), false)).toBe('hypervisor slot');
  });

  test('the last use of a directory releases everything under it', () => {
    memory.store(slot(L2, 0), pte(L1, 7));
    memory.store(slot(L1, 0), pte(DATA, 7));
    memory.store(slot(L1, 1), pte(OTHER, 5));
    paging.pin(L2, 2);
    expect(paging.pin(L2, 2)).toBe('already pinned');
    expect(paging.unpin(L2)).toBeUndefined();
    expect(paging.unpin(L2)).toBe('not pinned');
    for (const mfn of [L1, L2, DATA, OTHER]) {
      expect(frames.references(mfn)).toBe(1);
      expect(frames.typeCount(mfn)).toBe(0);
    }
    expect(memory.load(slot(L2, HYPERVISOR_FIRST_SLOT))).toBe(0);
  });

  test('the TLB is emptied before a frame that was writable becomes a page table', () => {
    paging.pin(L1, 1);
    flushes = 0;
    paging.updateL1(slot(L1, 0), pte(OTHER, 3), false);
    paging.updateL1(slot(L1, 0), 0, false);
    expect(flushes).toBe(0);
    paging.pin(OTHER, 1);
    expect(flushes).toBe(1);
  });

  test('a table is shared by directories and stays checked', () => {
    memory.store(slot(L2, 0), pte(L1, 7));
    memory.store(slot(20, 0), pte(L1, 7));
    paging.pin(L2, 2);
    paging.pin(20, 2);
    expect(frames.typeCount(L1)).toBe(2);
    paging.unpin(L2);
    expect(paging.updateL1(slot(L1, 0), pte(L1, 3), false)).toBe('writable mapping of a page table');
    paging.unpin(20);
    expect(frames.typeCount(L1)).toBe(0);
  });

  test('large pages and global entries are refused', () => {
    paging.pin(L1, 1);
    expect(paging.updateL1(slot(L1, 0), pte(DATA, 0x83), false)).toBe('large page or global entry');
    paging.updateL1(slot(L1, 0), pte(DATA, 3), false);
    expect(paging.updateL1(slot(L1, 0), pte(DATA, 0x103), false)).toBe('large page or global entry');
  });

  test('accessed and dirty bits are kept when asked', () => {
    paging.pin(L1, 1);
    paging.updateL1(slot(L1, 0), pte(DATA, 0x63), false);
    paging.updateL1(slot(L1, 0), pte(DATA, 3), true);
    expect(memory.load(slot(L1, 0))).toBe(pte(DATA, 0x63));
  });
});
