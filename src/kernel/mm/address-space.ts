// The memory of a thread group: its areas, its page tables, and what a page fault does (mmap(2), brk(2), fork(2)).
// Pages are made when they are touched; private pages are shared after fork until one side writes.
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import {
  type Abi,
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_WRITE,
  type Frame,
  PAGE_SIZE,
  type PageTable,
  type Platform,
  USER_END,
} from '../platform.ts';
import { fail } from '../error.ts';
import type { AioContext } from '../fs/aio-context.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import type { Frames, ObjectStore } from './frames.ts';
import { clip, continues, isData, type MemoryArea } from './memory-area.ts';
import type { PageCache, PageUser } from './page-cache.ts';

/** Why an access is not possible, as siginfo tells it: no area, no right, or beyond the end of the file. */
export type FaultOutcome = 'resolved' | 'not-mapped' | 'no-right' | 'beyond-file';

/** Room that a growing stack leaves to the area below it. */
const STACK_GUARD = 0x10_0000;
/** Kinds of memory that a core file has unless others are chosen: anonymous ones, and pages that begin ELF files (core(5)). */
const USUALLY_DUMPED = 0x33;
/** Areas of a program (vm.max_map_count). */
export const MOST_AREAS = 65530;
/** Memory of an area, about, and how many belong to the task. */
const AREA_BYTES = 256;
const FREE_AREAS = 64;
/** Lowest address mmap hands out (vm.mmap_min_addr). */
export const LOWEST_ADDRESS = 0x1_0000;

export const pageFloor = (address: number): number => address - (address % PAGE_SIZE);
export const pageCeiling = (address: number): number => Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;

/** Memory of a thread group. */
export class AddressSpace implements PageUser {
  readonly platform: Platform;
  readonly frames: Frames;
  readonly table: PageTable;
  readonly abi: Abi;
  /** Sorted by address, disjoint. */
  areas: MemoryArea[] = [];
  /** Memory of what the kernel keeps for them. */
  readonly #held: ObjectStore | undefined;
  /** Where mmap looks from, downwards. */
  mapTop: number;
  breakStart = 0;
  breakEnd = 0;
  /** Commands of membarrier(2) that were registered. */
  barriers = 0;
  /** mlockall(MCL_FUTURE): new areas are locked. */
  locksFuture = false;
  /** Bytes a growing stack may have (RLIMIT_STACK). */
  stackLimit = 8 << 20;
  /** Tasks that use it (threads, vfork). */
  users = 1;
  /** Where arguments and environment lie, for /proc. */
  arguments = { start: 0, end: 0, environmentStart: 0, environmentEnd: 0 };
  auxiliary: Uint8Array = new Uint8Array(0);
  /** Where the kernel's page of code is (i386); 0: nowhere. */
  vdso = 0;
  /** Contexts of asynchronous input and output (io_setup(2)), by the addresses of their rings. */
  readonly aioContexts = new Map<number, AioContext>();
  /** Pages mapped, but for those that are the page of zeros. */
  #resident = 0;
  /** The most there were before pages were last given back. */
  #peak = 0;
  /** prctl(2) PR_SET_DUMPABLE: whether others of the same user may look into it. */
  dumpable = 1;
  /** What of it a core file has (/proc/PID/coredump_filter). */
  dumped = USUALLY_DUMPED;
  /** Where the program was started: what the task gains or leaves later changes nothing about who may look into it. */
  owner: UserNamespace | undefined;

  constructor(platform: Platform, frames: Frames, abi: Abi) {
    this.platform = platform;
    this.frames = frames;
    this.abi = abi;
    this.table = platform.createPageTable(frames);
    this.mapTop = USER_END[abi];
    this.#held = frames.accounts?.store();
  }

  /** Bytes of all areas. */
  get size(): number {
    return this.areas.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Bytes of those that RLIMIT_DATA counts. */
  get dataSize(): number {
    return this.areas.reduce((sum, area) => sum + (isData(area) ? area.end - area.start : 0), 0);
  }

  get end(): number {
    return USER_END[this.abi];
  }

  /** The area an address lies in. */
  areaAt(address: number): MemoryArea | undefined {
    const index = this.#firstEndingAfter(address);
    const area = this.areas[index];
    return area !== undefined && area.start <= address ? area : undefined;
  }

  /** Areas that overlap [start, end). */
  areasIn(start: number, end: number): MemoryArea[] {
    const found: MemoryArea[] = [];
    for (let index = this.#firstEndingAfter(start); index < this.areas.length; index++) {
      const area = this.areas[index]!;
      if (area.start >= end) break;
      found.push(area);
    }
    return found;
  }

  /** Address of `length` free bytes, as high as possible below mapTop (or lower); undefined when there is no room. */
  findFree(length: number, below = this.mapTop): number | undefined {
    let top = Math.min(below, this.mapTop);
    for (let index = this.areas.length - 1; index >= 0; index--) {
      const area = this.areas[index]!;
      const floor = area.growsDown ? area.start - STACK_GUARD : area.start;
      if (area.end <= top && top - area.end >= length) return top - length;
      top = Math.min(top, floor);
    }
    return top - length >= LOWEST_ADDRESS ? top - length : undefined;
  }

  /** Adds an area where nothing is mapped; neighbours that continue each other become one. @throws SystemError ENOMEM, OutOfFrames */
  add(area: MemoryArea): void {
    this.#reserve(this.areas.length + 1);
    let index = this.#firstEndingAfter(area.start);
    let merged = area;
    const before = this.areas[index - 1];
    if (before !== undefined && continues(before, merged)) {
      merged = { ...before, end: merged.end };
      this.areas.splice(--index, 1);
    }
    const after = this.areas[index];
    if (after !== undefined && continues(merged, after)) {
      merged = { ...merged, end: after.end };
      this.areas.splice(index, 1);
    }
    this.areas.splice(index, 0, merged);
    area.file?.cache.users.add(this);
  }

  /** Removes whatever is mapped in [start, end). */
  unmap(start: number, end: number): void {
    const touched = this.areasIn(start, end);
    const hasFiles = touched.some(({ file }) => file !== undefined);
    this.#cut(start, end, () => undefined);
    this.dropPages(start, end);
    if (!hasFiles) return;
    const caches = new Set(touched.map(({ file }) => file?.cache));
    for (const { file } of this.areas) caches.delete(file?.cache);
    for (const cache of caches) cache?.leave(this);
  }

  /** Replaces the parts of areas in [start, end) by what `change` makes of them. */
  change(start: number, end: number, change: (part: MemoryArea) => MemoryArea): void {
    this.#cut(start, end, change);
  }

  /** Changes the rights of [start, end), which is mapped throughout. */
  protect(start: number, end: number, protection: number): void {
    this.#cut(start, end, (part) => ({ ...part, protection }));
    const write = (protection & PROT_WRITE) !== 0;
    const execute = (protection & PROT_EXEC) !== 0;
    const readable = (protection & (PROT_READ | PROT_WRITE | PROT_EXEC)) !== 0;
    this.table.forEach(start, end, (address, mapping) => {
      if (!readable) this.#dropPage(address, mapping.frame);
      // a page becomes writable when it is written, so that copies are made then
      else this.table.map(address, mapping.frame, { write: mapping.write && write, execute });
    });
  }

  /** Forgets the pages of [start, end); the areas stay. */
  dropPages(start: number, end: number): void {
    this.table.forEach(start, end, (address, { frame }) => this.#dropPage(address, frame));
  }

  dropFrom(cache: PageCache, index: number): void {
    for (const area of this.areas) {
      if (area.file?.cache !== cache) continue;
      const first = area.start + Math.max(0, index - area.file.page) * PAGE_SIZE;
      if (first < area.end) this.dropPages(first, area.end);
    }
  }

  dropHole(cache: PageCache, index: number, end: number): void {
    for (const area of this.areas) {
      const { file } = area;
      if (file?.cache !== cache) continue;
      const at = (page: number) => area.start + Math.max(0, page - file.page) * PAGE_SIZE;
      this.table.forEach(at(index), Math.min(at(end), area.end), (address, { frame }) => {
        if (frame === cache.pages.get(file.page + (address - area.start) / PAGE_SIZE)) this.#dropPage(address, frame);
      });
    }
  }

  /** Moves the pages of [from, from + length) to `to`. */
  movePages(from: number, to: number, length: number): void {
    this.table.forEach(from, from + length, (address, { frame, write, execute }) => {
      this.table.unmap(address);
      this.table.map(address - from + to, frame, { write, execute });
    });
    if (this.vdso >= from && this.vdso < from + length) this.vdso += to - from;
  }

  /** Makes the access possible that faulted, or says why it is not. @throws OutOfFrames */
  fault(address: number, error: number): FaultOutcome {
    const area = this.areaAt(address) ?? this.#growStack(address);
    if (area === undefined) return 'not-mapped';
    const needed = error & FAULT_FETCH ? PROT_EXEC : error & FAULT_WRITE ? PROT_WRITE : PROT_READ;
    // x86 has no pages that can be written or executed and not read
    const granted = area.protection & (PROT_WRITE | PROT_EXEC) ? area.protection | PROT_READ : area.protection;
    if (!(granted & needed)) return 'no-right';
    const page = pageFloor(address);
    const isWrite = (error & FAULT_WRITE) !== 0;
    const mapping = error & FAULT_PRESENT ? this.table.lookup(page) : undefined;
    if (mapping !== undefined) return this.#presentFault(area, page, mapping.frame, isWrite);
    return this.#missingFault(area, page, isWrite);
  }

  /**
   * The frame of a page for a debugger, whatever rights the program has; a private page is copied before it is written.
   * Undefined where there is none, and for shared pages that cannot be written. @throws OutOfFrames, SystemError
   */
  force(address: number, isWrite: boolean): Frame | undefined {
    const area = address < this.end ? this.areaAt(address) : undefined;
    if (area === undefined || area.protection === 0) return undefined;
    const page = pageFloor(address);
    const mapping = this.table.lookup(page);
    if (mapping !== undefined && (!isWrite || mapping.write)) return mapping.frame;
    const mayWrite = (area.protection & PROT_WRITE) !== 0;
    if (isWrite && area.shared && !mayWrite) return undefined;
    const outcome =
      mapping === undefined
        ? this.#missingFault(area, page, isWrite)
        : this.#presentFault(area, page, mapping.frame, isWrite);
    if (outcome !== 'resolved') return undefined;
    const { frame, execute } = this.table.lookup(page)!;
    if (isWrite && !mayWrite) this.table.map(page, frame, { write: false, execute });
    return frame;
  }

  /** The same memory for a new task; both sides copy private pages when they write them. */
  fork(): AddressSpace {
    const child = new AddressSpace(this.platform, this.frames, this.abi);
    try {
      this.#copyTo(child);
    } catch (failure) {
      child.destroy();
      throw failure;
    }
    return child;
  }

  #copyTo(child: AddressSpace): void {
    child.mapTop = this.mapTop;
    child.breakStart = this.breakStart;
    child.breakEnd = this.breakEnd;
    child.stackLimit = this.stackLimit;
    child.arguments = { ...this.arguments };
    child.auxiliary = this.auxiliary;
    child.vdso = this.vdso;
    child.dumpable = this.dumpable;
    child.dumped = this.dumped;
    child.owner = this.owner;
    child.#reserve(this.areas.length);
    for (const area of this.areas) {
      if (area.notInherited) continue;
      const { locked: _, ...inherited } = area;
      child.areas.push(inherited);
      area.file?.cache.users.add(child);
      if (area.wipedOnFork) continue;
      this.table.forEach(area.start, area.end, (address, { frame, write, execute }) => {
        const rights = { write: write && area.shared, execute };
        if (write && !area.shared) this.table.map(address, frame, rights);
        this.frames.hold(frame);
        child.table.map(address, frame, rights);
        if (frame !== this.frames.zero) child.#resident++;
      });
    }
  }

  /** Gives everything back. */
  destroy(): void {
    for (const context of this.aioContexts.values()) context.destroy();
    this.unmap(0, this.end);
    this.table.destroy();
  }

  /** The process is to end: what only it has is given back before it does. */
  dropPrivate(): void {
    for (const area of this.areas) if (!area.shared) this.dropPages(area.start, area.end);
  }

  /** Frames mapped, as VmRSS counts them. */
  residentPages(): number {
    return this.#resident;
  }

  /** The most frames that were mapped at once. */
  get peakPages(): number {
    return Math.max(this.#peak, this.#resident);
  }

  #presentFault(area: MemoryArea, page: number, frame: Frame, isWrite: boolean): FaultOutcome {
    const execute = (area.protection & PROT_EXEC) !== 0;
    if (!isWrite || area.shared) {
      if (isWrite) area.file?.cache.markChanged(area.file.page + (page - area.start) / PAGE_SIZE);
      this.table.map(page, frame, { write: isWrite, execute });
      return 'resolved';
    }
    // a private page that nobody else holds needs no copy
    if (this.frames.references(frame) === 1 && frame !== this.frames.zero) {
      this.table.map(page, frame, { write: true, execute });
      return 'resolved';
    }
    const copy = frame === this.frames.zero ? this.frames.allocateZeroed('anon') : this.frames.copy(frame);
    this.platform.charge(PAGE_SIZE, 0);
    this.table.map(page, copy, { write: true, execute });
    if (frame === this.frames.zero) this.#resident++;
    this.frames.release(frame);
    return 'resolved';
  }

  #missingFault(area: MemoryArea, page: number, isWrite: boolean): FaultOutcome {
    const execute = (area.protection & PROT_EXEC) !== 0;
    if (area.file !== undefined) return this.#fileFault(area, page, isWrite, execute);
    if (!isWrite) {
      this.frames.hold(this.frames.zero);
      this.table.map(page, this.frames.zero, { write: false, execute });
      return 'resolved';
    }
    const frame = this.frames.allocateZeroed('anon');
    this.platform.charge(PAGE_SIZE, 0);
    this.table.map(page, frame, { write: true, execute });
    this.#resident++;
    return 'resolved';
  }

  #fileFault(area: MemoryArea, page: number, isWrite: boolean, execute: boolean): FaultOutcome {
    const { cache, page: first } = area.file!;
    const index = first + (page - area.start) / PAGE_SIZE;
    if (index * PAGE_SIZE >= cache.size()) return 'beyond-file';
    const shown = cache.page(index);
    if (isWrite && !area.shared) {
      const copy = this.frames.copy(shown);
      this.platform.charge(PAGE_SIZE, 0);
      this.table.map(page, copy, { write: true, execute });
      this.#resident++;
      return 'resolved';
    }
    if (isWrite) cache.markChanged(index);
    this.frames.hold(shown);
    this.table.map(page, shown, { write: isWrite, execute });
    this.#resident++;
    return 'resolved';
  }

  #dropPage(address: number, frame: Frame): void {
    this.table.unmap(address);
    if (this.#resident > this.#peak) this.#peak = this.#resident;
    if (frame !== this.frames.zero) this.#resident--;
    this.frames.release(frame);
  }

  /** Extends a stack down to the page of `address` if it is close enough and there is room. */
  #growStack(address: number): MemoryArea | undefined {
    const index = this.#firstEndingAfter(address);
    const area = this.areas[index];
    if (area === undefined || !area.growsDown) return undefined;
    const start = pageFloor(address);
    const below = this.areas[index - 1];
    if (area.end - start > this.stackLimit || (below !== undefined && start < below.end + STACK_GUARD))
      return undefined;
    const grown = { ...area, start };
    this.areas[index] = grown;
    return grown;
  }

  /** Replaces the parts of areas in [start, end) by what `change` makes of them, or removes them. */
  #cut(start: number, end: number, change: (part: MemoryArea) => MemoryArea | undefined): void {
    const touched = this.areasIn(start, end);
    if (touched.length === 0) return;
    const index = this.#firstEndingAfter(start);
    const pieces: MemoryArea[] = [];
    const push = (piece: MemoryArea) => {
      const last = pieces.at(-1);
      if (last !== undefined && continues(last, piece)) pieces[pieces.length - 1] = { ...last, end: piece.end };
      else pieces.push(piece);
    };
    for (const area of touched) {
      if (area.start < start) push(clip(area, area.start, start));
      const changed = change(clip(area, Math.max(area.start, start), Math.min(area.end, end)));
      if (changed !== undefined) push(changed);
      if (area.end > end) push(clip(area, end, area.end));
    }
    if (pieces.length > touched.length) this.#reserve(this.areas.length + pieces.length - touched.length);
    this.areas.splice(index, touched.length, ...pieces);
    if (pieces.length < touched.length) this.#reserve(this.areas.length);
  }

  /** There are to be so many areas. @throws SystemError ENOMEM, OutOfFrames */
  #reserve(areas: number): void {
    if (areas > MOST_AREAS) fail('ENOMEM');
    this.#held?.set(areas > FREE_AREAS ? areas * AREA_BYTES : 0);
  }

  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.areas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.areas[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
