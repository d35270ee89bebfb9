// The host's descriptors for the guest's segments under ring compression. An entry appears when the guest first loads the
// segment (the load faults and is emulated) and goes when the guest writes the page of its own table: that page is
// write-protected as long as an entry made from it stands. What is loaded keeps its descriptor, as the hidden part of a
// real segment register does (SDM Vol. 3 "Segment Registers"; Adams & Agesen 2006, section 2.2 "Primary and shadow
// structures").

import type { Fields } from '../../../machine/stateful.ts';
import { packDescriptor } from '../../host-setup.ts';
import { truncatedLimit } from '../../descriptor-shadow.ts';
import type { GuestContext } from '../../emulate/context.ts';
import { type Descriptor, isNull, readDescriptor, unpackSegment } from '../../emulate/segments.ts';
import { READ } from '../../guest-paging.ts';
import { GuestFault } from '../../host-access.ts';
import { GDT_OFFSET, HOST_CODE, LDT_OFFSET, regionLinear } from '../../host-memory.ts';
import type { ShadowPaging } from '../../shadow-paging.ts';
import {
  RIGHTS_CODE,
  RIGHTS_DB,
  RIGHTS_G,
  RIGHTS_PRESENT,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  rightsDpl,
  type VirtualSegment,
} from '../../vcpu.ts';

const TYPE_EXPAND_DOWN = 4;
const TYPE_WRITABLE = 2;
const TYPE_ACCESSED = 1;
const RIGHTS_L = 0x2000;

/** A descriptor's two words. */
type Words = readonly [low: number, high: number];

/** An entry of the host's tables that stands for one of the guest's. */
interface Entry {
  readonly words: Words;
  /** What the guest's table held when the entry was made. */
  readonly segment: VirtualSegment;
  /** Linear address in the guest's table; undefined for a segment that is in a register, but no longer in the table. */
  readonly address: number | undefined;
  readonly frames: readonly number[];
}

/** Table and index of a selector: its requested privilege level does not matter. */
function keyOf(selector: number): number {
  return selector & 0xfffc;
}

/** Real privilege level for a virtual one: ring 0 becomes ring 1. */
export function compressed(level: number): number {
  return level === 0 ? 1 : level;
}

/**
 * The host descriptor for a segment of the guest: privilege compressed, limit cut off below the VMM region. Where a
 * limit cannot say that (expand-down segments, and those which begin inside the region) the segment has no byte at all:
 * it loads, and every access faults and is emulated.
 */
function compressedDescriptor(segment: VirtualSegment): Words {
  const { rights, base } = segment;
  if (!(rights & RIGHTS_S) || rights & RIGHTS_UNUSABLE) return [0, 0];
  const level = compressed(rightsDpl(rights)) << 5;
  const kept = (rights & ~(0x60 | RIGHTS_L | RIGHTS_UNUSABLE)) | level | TYPE_ACCESSED;
  if (!(rights & RIGHTS_PRESENT)) return packDescriptor(0, 0, kept);
  const limit = truncatedLimit(segment);
  if (limit !== undefined) return packDescriptor(base, limit, kept);
  const isCode = (rights & RIGHTS_CODE) !== 0;
  if (isCode && !(rights & TYPE_WRITABLE)) return packDescriptor(0, 0, kept & ~RIGHTS_PRESENT);
  const writable = isCode ? 0 : rights & TYPE_WRITABLE;
  const empty = RIGHTS_S | RIGHTS_PRESENT | RIGHTS_DB | RIGHTS_G | TYPE_EXPAND_DOWN | TYPE_ACCESSED | writable;
  return packDescriptor(0, 0xffff_ffff, empty | level);
}

/** The entries of the host's GDT and LDT that stand for the guest's. */
export class SegmentShadow {
  readonly #context: GuestContext;
  readonly #paging: ShadowPaging;
  readonly #entries = new Map<number, Entry>();
  /** Guest frame → entries made from it; these frames are write-protected. */
  readonly #frames = new Map<number, Set<number>>();
  /** Frames the guest is writing: no entry may rest on them before the write is done. */
  readonly #written = new Set<number>();
  /** Called before entries go: what registers hold of them must be noted. */
  beforeDrop: () => void = () => {};

  constructor(context: GuestContext, paging: ShadowPaging) {
    this.#context = context;
    this.#paging = paging;
  }

  /** The segment a selector loads on the real CPU, if it loads one. */
  segment(selector: number): VirtualSegment | undefined {
    const entry = this.#entries.get(keyOf(selector));
    return entry && { ...entry.segment, selector };
  }

  /** Makes the host's entry for the selector of `segment` be that segment. False where the entry is the VMM's own. */
  place(segment: VirtualSegment): boolean {
    const key = keyOf(segment.selector);
    if (key >= HOST_CODE && !(key & 4)) return false;
    const words = compressedDescriptor(segment);
    const same = (entry: Entry | undefined): boolean =>
      entry !== undefined && entry.words[0] === words[0] && entry.words[1] === words[1];
    if (same(this.#entries.get(key))) return true;
    this.#drop(key);
    const descriptor = this.#descriptor(segment.selector);
    if (descriptor) {
      const found = unpackSegment(descriptor);
      const entry = { words: compressedDescriptor(found), segment: found, address: descriptor.address, frames: [] };
      const frames = this.#framesOf(descriptor.address);
      if (same(entry) && !frames.some((frame) => this.#written.has(frame))) {
        this.#put(key, { ...entry, frames });
        return true;
      }
    }
    this.#put(key, { words, segment, address: undefined, frames: [] });
    return true;
  }

  /** Some entry stands for a register alone. */
  get hasLoose(): boolean {
    for (const { address } of this.#entries.values()) if (address === undefined) return true;
    return false;
  }

  /** Drops the entries that only registers justify, but for those of the selectors given. */
  dropLoose(kept: readonly number[]): void {
    for (const [key, entry] of this.#entries) {
      if (entry.address === undefined && !kept.some((selector) => keyOf(selector) === key)) this.#drop(key);
    }
  }

  /** The guest's table is another one now. */
  dropTable(table: 'gdt' | 'ldt'): void {
    this.beforeDrop();
    for (const key of [...this.#entries.keys()]) if ((key & 4 ? 'ldt' : 'gdt') === table) this.#drop(key);
  }

  /** The guest is about to write a page its tables are in, or has it mapped elsewhere. */
  dropFrame(frame: number): void {
    const keys = this.#frames.get(frame);
    if (!keys) return;
    this.#written.add(frame);
    this.beforeDrop();
    for (const key of [...keys]) this.#drop(key);
  }

  /** The guest ran: what it was about to write is written. */
  settle(): void {
    this.#written.clear();
  }

  /** What linear addresses mean has changed: entries whose place in memory is another now go. */
  recheck(): void {
    if (this.#frames.size === 0) return;
    for (const entry of [...this.#entries.values()]) {
      if (entry.address === undefined) continue;
      const now = this.#framesOf(entry.address);
      if (now.length === entry.frames.length && now.every((frame, n) => frame === entry.frames[n])) continue;
      for (const frame of entry.frames) this.dropFrame(frame);
    }
  }

  #descriptor(selector: number): Descriptor | undefined {
    try {
      return isNull(selector) ? undefined : readDescriptor(this.#context, selector);
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }

  /** Guest frames a descriptor lies in. */
  #framesOf(address: number): number[] {
    const frames: number[] = [];
    for (const at of (address & 0xfff) > 0xff8 ? [address, (address + 7) >>> 0] : [address]) {
      const walk = this.#paging.guest.walk(at, READ);
      if (!('error' in walk) && this.#context.domain.isRam(walk.guestPhysical)) frames.push(walk.guestPhysical >>> 12);
    }
    return frames;
  }

  #put(key: number, entry: Entry): void {
    this.#store(key, entry.words);
    this.#entries.set(key, entry);
    for (const frame of entry.frames) {
      const keys = this.#frames.get(frame);
      if (keys) {
        keys.add(key);
        continue;
      }
      this.#frames.set(frame, new Set([key]));
      this.#paging.traceCode(frame);
    }
  }

  #drop(key: number): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#store(key, [0, 0]);
    for (const frame of entry.frames) {
      const keys = this.#frames.get(frame);
      keys?.delete(key);
      if (keys?.size !== 0) continue;
      this.#frames.delete(frame);
      this.#paging.untraceCode(frame);
    }
  }

  #store(key: number, [low, high]: Words): void {
    const { access } = this.#context;
    const at = regionLinear((key & 4 ? LDT_OFFSET : GDT_OFFSET) + (key & 0xfff8));
    access.tryStore(at, 4, low);
    access.tryStore(at + 4, 4, high);
  }

  save(): Fields[] {
    return [...this.#entries].map(([key, { words, segment, address, frames }]) => ({
      key,
      words: [...words],
      segment: { ...segment },
      address: address ?? -1,
      frames: [...frames],
    }));
  }

  load(saved: readonly Fields[]): void {
    this.#entries.clear();
    this.#frames.clear();
    for (const fields of saved) {
      const { key, words, segment, address, frames } = fields as unknown as Entry & { key: number };
      this.#entries.set(key, { words, segment, address: address === -1 ? undefined : address, frames });
      for (const frame of frames) this.#frames.set(frame, (this.#frames.get(frame) ?? new Set<number>()).add(key));
    }
  }
}
