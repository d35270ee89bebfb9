// Shadow descriptors: what stands in the host's GDT and LDT for the guest's entries. Segments keep base and type, their
// limits end below the VMM region, and privilege levels move outwards where the guest kernel runs in ring 1. Gates and
// task segments never appear: using one traps (Adams & Agesen 2006, section 3.2; Robin & Irvine 2000, section 3.2).

import type { GuestContext } from './emulate/context.ts';
import { type Descriptor, readDescriptor } from './emulate/segments.ts';
import { GuestFault } from './host-access.ts';
import { GDT_OFFSET, LDT_OFFSET, REGION_LINEAR, regionLinear, SELECTOR_SLOTS } from './host-memory.ts';
import { packDescriptor } from './host-setup.ts';
import {
  RIGHTS_CODE,
  RIGHTS_G,
  RIGHTS_PRESENT,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  rightsDpl,
  type VirtualSegment,
} from './vcpu.ts';

/**
 * Limit of a segment cut off below the VMM region, whole pages if the segment counts in pages; undefined when nothing of
 * it is left.
 */
export function truncatedLimit({ base, limit, rights }: VirtualSegment): number | undefined {
  const expandsDown = (rights & (RIGHTS_CODE | 4)) === 4;
  if (expandsDown || base >= REGION_LINEAR) return undefined;
  if (base + limit < REGION_LINEAR) return limit;
  const room = REGION_LINEAR - base;
  const kept = rights & RIGHTS_G ? room - (room % 0x1000) : room;
  return kept === 0 ? undefined : kept - 1;
}

/** The two words of the shadow of a segment; `level` is the DPL it gets. Not present when it cannot be used directly. */
export function shadowDescriptor(segment: VirtualSegment, level: number, truncate = true): [number, number] {
  const { rights, base } = segment;
  const kept = truncate ? truncatedLimit(segment) : segment.limit;
  const limit = rights & RIGHTS_UNUSABLE ? undefined : kept;
  const usable = rights & RIGHTS_S && rights & RIGHTS_PRESENT && limit !== undefined;
  if (!usable) return [0, ((0x10 | (level << 5)) << 8) >>> 0];
  // A truncated byte-granular limit above 1 MiB cannot occur: without G the limit has 20 bits.
  return packDescriptor(base, limit, ((rights & ~0x60) | (level << 5) | 1) >>> 0);
}

/** The host's copies of guest descriptor tables. */
export class DescriptorShadow {
  readonly #context: GuestContext;
  readonly #level: (dpl: number) => number;
  readonly #truncate: boolean;

  /**
   * `level` maps a guest DPL to the one the shadow gets. Limits are cut where ring 1 can use the descriptors; ring 3 is
   * kept out of the VMM region by its page tables.
   */
  constructor(context: GuestContext, level: (dpl: number) => number, truncate: boolean) {
    this.#context = context;
    this.#level = level;
    this.#truncate = truncate;
  }

  /** Selectors (without RPL) whose shadows may be present. */
  readonly mapped = new Set<number>();

  /** Brings all shadows that may be present up to date. */
  refresh(): void {
    for (const selector of [...this.mapped]) this.sync(selector);
  }

  /** Brings the shadow of one selector up to date; true if it changed. */
  sync(selector: number): boolean {
    const { access } = this.#context;
    const index = selector & 0xfff8;
    if (index === 0 && !(selector & 4)) return false;
    if (!(selector & 4) && index >= (SELECTOR_SLOTS & 0xfff8) - 0x40) return false;
    const descriptor = this.#read(selector);
    let words: [number, number] = [0, 0];
    if (descriptor && descriptor.rights & RIGHTS_S && this.#isWanted(descriptor.rights)) {
      const raw = (descriptor.low & 0xffff) | (descriptor.high & 0xf_0000);
      const segment: VirtualSegment = {
        selector,
        rights: descriptor.rights,
        base: ((descriptor.low >>> 16) | ((descriptor.high & 0xff) << 16) | (descriptor.high & 0xff00_0000)) >>> 0,
        limit: (descriptor.rights & RIGHTS_G ? raw * 4096 + 4095 : raw) >>> 0,
      };
      words = shadowDescriptor(segment, this.#level(rightsDpl(descriptor.rights)), this.#truncate);
    }
    const at = regionLinear((selector & 4 ? LDT_OFFSET : GDT_OFFSET) + index);
    if (words[1] & 0x8000) this.mapped.add(selector & 0xfffc);
    else this.mapped.delete(selector & 0xfffc);
    const changed = access.tryLoad(at, 4) !== words[0] || access.tryLoad(at + 4, 4) !== words[1];
    if (changed) {
      access.tryStore(at, 4, words[0]);
      access.tryStore(at + 4, 4, words[1]);
    }
    return changed;
  }

  /** Shadows that only ring 3 uses: what it cannot see is left out. */
  #isWanted(rights: number): boolean {
    const isConforming = (rights & (RIGHTS_CODE | 4)) === (RIGHTS_CODE | 4);
    return this.#truncate || isConforming || rightsDpl(rights) === 3;
  }

  /** What cannot be read now is as good as absent: the hardware would notice when the segment is loaded. */
  #read(selector: number): Descriptor | undefined {
    try {
      return readDescriptor(this.#context, selector);
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }

  /** Brings all of a table up to date. */
  syncTable(table: 'gdt' | 'ldt'): void {
    const { vcpu } = this.#context;
    const limit = table === 'gdt' ? Math.min(vcpu.gdtr.limit, (SELECTOR_SLOTS & 0xfff8) - 0x48) : vcpu.ldtr.limit;
    this.refresh();
    const usable = table === 'gdt' || !(vcpu.ldtr.rights & RIGHTS_UNUSABLE);
    if (!usable) return;
    for (let index = table === 'gdt' ? 8 : 0; index + 7 <= limit; index += 8)
      this.sync(index | (table === 'ldt' ? 4 : 0));
  }

  /** Writes a descriptor of the VMM's own making at a selector. */
  put(selector: number, segment: VirtualSegment, level: number): void {
    const { access } = this.#context;
    const [low, high] = shadowDescriptor(segment, level);
    const at = regionLinear(GDT_OFFSET + (selector & 0xfff8));
    access.tryStore(at, 4, low);
    access.tryStore(at + 4, 4, high);
  }
}
