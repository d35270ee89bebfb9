// Which segment descriptors and gates a guest may put into its GDT and LDT: none of privilege level 0, none that reaches
// the hypervisor's linear addresses, no system descriptor but call gates to the guest's own kernel (Barham et al. 2003,
// section 3.2 "The virtual machine interface"; SDM Vol. 3 "Segment Descriptors").

import { FIRST_RESERVED_GDT_ENTRY, FLAT_RING1_CS } from '../../xen/abi.ts';
import { GUEST_SEGMENT_END } from './layout.ts';

/** A descriptor as two words. */
export interface Descriptor {
  readonly low: number;
  readonly high: number;
}

const PRESENT = 0x8000;
const SEGMENT = 0x1000;
const CODE = 0x800;
const EXPAND_DOWN = 0x400;
const GRANULAR = 0x80_0000;
const CALL_GATE_32 = 0xc;

/** A selector the guest may name as code: not the hypervisor's, never ring 0. */
export function isGuestCodeSelector(selector: number): boolean {
  if ((selector & 3) === 0) return false;
  const entry = (selector & 0xffff) >>> 3;
  return (selector & 4) !== 0 || entry < FIRST_RESERVED_GDT_ENTRY || (selector & ~3) === (FLAT_RING1_CS & ~3);
}

/** The descriptor to be written, with its limit cut below the hypervisor if need be; undefined if it is refused. */
export function checkDescriptor(descriptor: Descriptor): Descriptor | undefined {
  const { low, high } = descriptor;
  if ((high & PRESENT) === 0) return descriptor;
  if (((high >>> 13) & 3) === 0) return undefined;
  if ((high & SEGMENT) === 0) {
    return ((high >>> 8) & 0xf) === CALL_GATE_32 && isGuestCodeSelector(low >>> 16) ? descriptor : undefined;
  }
  return checkLimit(low, high);
}

function checkLimit(low: number, high: number): Descriptor | undefined {
  const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
  const raw = (low & 0xffff) | (high & 0xf_0000);
  const limit = (high & GRANULAR) === 0 ? raw : raw * 0x1000 + 0xfff;
  if (base >= GUEST_SEGMENT_END - 0x1000) return undefined;
  if ((high & CODE) === 0 && (high & EXPAND_DOWN) !== 0) {
    // Offsets limit + 1 .. top are legal; with a base they wrap. What is reachable must end below the hypervisor.
    const top = (high & 0x40_0000) === 0 ? 0xffff : 0xffff_ffff;
    return base + top < GUEST_SEGMENT_END ? { low, high } : undefined;
  }
  if (base + limit < GUEST_SEGMENT_END) return { low, high };
  const size = GUEST_SEGMENT_END - base;
  // Cut to whole pages when granular; a byte-granular limit below 1 MiB is exact.
  const cut = (high & GRANULAR) === 0 ? size - 1 : Math.floor(size / 0x1000) - 1;
  return { low: ((low & 0xffff_0000) | (cut & 0xffff)) >>> 0, high: ((high & ~0xf_0000) | (cut & 0xf_0000)) >>> 0 };
}

/** Words of a flat segment that ends below the hypervisor. */
export function flatSegment(dpl: number, type: number): Descriptor {
  const limit = GUEST_SEGMENT_END / 0x1000 - 1;
  return { low: limit & 0xffff, high: (0xc0_9000 | (limit & 0xf_0000) | (dpl << 13) | (type << 8)) >>> 0 };
}
