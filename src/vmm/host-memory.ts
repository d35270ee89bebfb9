// Where a VMM's things lie in host-physical memory and in the linear region at the top of every shadow address space.
// Host-physical [0, 16 MiB) is the VMM's, the guest's RAM follows. The top 4 MiB of the linear address space map
// REGION_PHYSICAL, global and supervisor; guest segments are truncated below it (Adams & Agesen 2006, section 3.2,
// and "The evolution of an x86 virtual machine monitor" 2010 on the 4 MiB at the top).

/** Size of the VMM's own memory; guest-physical 0 is at this host-physical address. */
export const GUEST_BASE = 0x0100_0000;

/** First linear address of the VMM region; also the exclusive bound of truncated guest segments. */
export const REGION_LINEAR = 0xffc0_0000;
export const REGION_SIZE = 0x0040_0000;
/** Host-physical address of the region's first byte. */
export const REGION_PHYSICAL = 0x0040_0000;

/** Host-physical [VTX_PHYSICAL, VTX_PHYSICAL_END): VMXON region, VMCS, bitmaps, EPT tables, a VMM with paging off. */
export const VTX_PHYSICAL = 0x0010_0000;
export const VTX_PHYSICAL_END = 0x0040_0000;
/** Host-physical [POOL_PHYSICAL, POOL_PHYSICAL_END): pages of shadow page tables. */
export const POOL_PHYSICAL = 0x0080_0000;
export const POOL_PHYSICAL_END = GUEST_BASE;

// Offsets in the region.
/** Host GDT, 64 KiB: entry n mirrors the guest's entry n, the last entries are the VMM's. */
export const GDT_OFFSET = 0x00_0000;
export const GDT_SIZE = 0x1_0000;
export const IDT_OFFSET = 0x01_0000;
export const TSS_OFFSET = 0x01_1000;
/** The doorway page: instruction fetches from it enter TypeScript. */
export const DOORWAY_OFFSET = 0x01_2000;
/** Two instructions for the host to wait in: `hlt; jmp $-1`, ring 0. */
export const IDLE_OFFSET = 0x01_3000;
export const STACK_OFFSET = 0x01_4000;
export const STACK_SIZE = 0x4000;
/** Shared with translated code through GS: virtual flags, spill slots (techniques/binary-translation/area.ts). */
export const AREA_OFFSET = 0x01_8000;
/** Shadow LDT, 64 KiB. */
export const LDT_OFFSET = 0x02_0000;
/** Table of the in-cache lookup of indirect branches: 64 Ki code pointers. Lies behind the area in the GS segment. */
export const LOOKUP_OFFSET = 0x04_0000;
export const LOOKUP_SIZE = 0x4_0000;
/** Code helpers and blocks of the translation cache. */
export const CACHE_OFFSET = 0x10_0000;
export const CACHE_SIZE = 0x30_0000;

/** Linear address of an offset in the region. */
export function regionLinear(offset: number): number {
  return (REGION_LINEAR + offset) >>> 0;
}

/** Host-physical address of an offset in the region. */
export function regionPhysical(offset: number): number {
  return REGION_PHYSICAL + offset;
}

// The VMM's selectors: the last entries of the host GDT, out of reach of every sensible guest GDT. Entries
// SELECTOR_SLOTS + 8*n hold the guest's cached descriptors in a form fit for ring 1 (binary translation).
export const HOST_CODE = 0xff08;
export const HOST_DATA = 0xff10;
export const HOST_TSS = 0xff18;
/** Ring 1, flat: translated code. */
export const CACHE_CODE = 0xff20;
/** Ring 1 data from AREA_OFFSET to the end of the lookup table. */
export const AREA_DATA = 0xff28;
export const HOST_LDT = 0xff30;
/** Six entries, one for each of ES CS SS DS FS GS. */
export const SELECTOR_SLOTS = 0xff40;

// The host IDT: gate n leads to doorway offset n.
export const ENTRY_VMEXIT = 0x400;
export const ENTRY_SYSENTER = 0x408;

/** Vector of the host's local APIC timer. */
export const VECTOR_TIMER = 0xf0;
/** Ring 1 only: translated code calls out. */
export const VECTOR_CALLOUT = 0xf1;
/** Host's serial interrupt and others of the host 8259 pair start here. */
export const VECTOR_HOST_IRQ = 0xf8;
export const VECTOR_SPURIOUS = 0xff;

/** A page allocator over the pool of shadow page-table pages. */
export class PagePool {
  readonly first: number;
  readonly end: number;
  #next: number;
  #free: number[] = [];

  constructor(first = POOL_PHYSICAL, end = POOL_PHYSICAL_END) {
    this.first = first;
    this.end = end;
    this.#next = first;
  }

  /** Host-physical address of a page (not cleared), or undefined when there is none left. */
  allocate(): number | undefined {
    const page = this.#free.pop();
    if (page !== undefined) return page;
    if (this.#next >= this.end) return undefined;
    this.#next += 0x1000;
    return this.#next - 0x1000;
  }

  release(page: number): void {
    this.#free.push(page);
  }

  get available(): number {
    return (this.end - this.#next) / 0x1000 + this.#free.length;
  }

  save(): { next: number; free: number[] } {
    return { next: this.#next, free: [...this.#free] };
  }

  load(state: { next: number; free: readonly number[] }): void {
    this.#next = state.next;
    this.#free = [...state.free];
  }
}
