// Typed access to the system state of layout.ts: segment caches, control registers, and the names of their bits
// (SDM Vol. 3A "System Architecture Overview").
import {
  CR0,
  CR4,
  EFER,
  RIP,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENTS,
  SEGMENT_STRIDE,
} from '../layout';

import { systemMask } from '../paging';

export const CR0_PE: u64 = 1;
export const CR0_MP: u64 = 2;
export const CR0_EM: u64 = 4;
export const CR0_TS: u64 = 8;
export const CR0_ET: u64 = 0x10;
export const CR0_NE: u64 = 0x20;
export const CR0_WP: u64 = 0x10000;
export const CR0_AM: u64 = 0x40000;
export const CR0_NW: u64 = 0x20000000;
export const CR0_CD: u64 = 0x40000000;
export const CR0_PG: u64 = 0x80000000;

export const CR4_VME: u64 = 1;
export const CR4_PVI: u64 = 2;
export const CR4_TSD: u64 = 4;
export const CR4_DE: u64 = 8;
export const CR4_PSE: u64 = 0x10;
export const CR4_PAE: u64 = 0x20;
export const CR4_PGE: u64 = 0x80;
export const CR4_PCE: u64 = 0x100;
export const CR4_OSFXSR: u64 = 0x200;
export const CR4_OSXMMEXCPT: u64 = 0x400;
export const CR4_UMIP: u64 = 0x800;
export const CR4_LA57: u64 = 0x1000;
export const CR4_VMXE: u64 = 0x2000;
export const CR4_FSGSBASE: u64 = 0x10000;
export const CR4_PCIDE: u64 = 0x20000;
export const CR4_OSXSAVE: u64 = 0x40000;
export const CR4_SMEP: u64 = 0x100000;
export const CR4_SMAP: u64 = 0x200000;

/** I/O privilege level in EFLAGS. */
export const IOPL_MASK: u32 = 0x3000;

export const EFER_SCE: u64 = 1;
export const EFER_LME: u64 = 0x100;
export const EFER_LMA: u64 = 0x400;
export const EFER_NXE: u64 = 0x800;

/** Access rights (VMX format): see SEGMENT_RIGHTS in layout.ts. */
export const RIGHTS_S: u32 = 0x10;
export const RIGHTS_PRESENT: u32 = 0x80;
export const RIGHTS_BIG: u32 = 0x4000;
export const RIGHTS_GRANULAR: u32 = 0x8000;
export const RIGHTS_UNUSABLE: u32 = 0x10000;
/** Type bits of code and data descriptors. */
export const TYPE_ACCESSED: u32 = 1;
export const TYPE_WRITABLE: u32 = 2; // data
export const TYPE_READABLE: u32 = 2; // code
export const TYPE_EXPAND_DOWN: u32 = 4; // data
export const TYPE_CONFORMING: u32 = 4; // code
export const TYPE_CODE: u32 = 8;

export function segmentCache(seg: u32): usize {
  return <usize>SEGMENTS + seg * SEGMENT_STRIDE;
}
export function segmentSelector(seg: u32): u32 {
  return load<u32>(segmentCache(seg), SEGMENT_SELECTOR);
}
export function segmentRights(seg: u32): u32 {
  return load<u32>(segmentCache(seg), SEGMENT_RIGHTS);
}
export function segmentBase(seg: u32): u64 {
  return load<u64>(segmentCache(seg), SEGMENT_BASE);
}
export function segmentLimit(seg: u32): u32 {
  return load<u32>(segmentCache(seg), SEGMENT_LIMIT);
}

export function cr0(): u64 {
  return load<u64>(CR0);
}
export function cr4(): u64 {
  return load<u64>(CR4);
}
export function efer(): u64 {
  return load<u64>(EFER);
}
export function setRip(rip: u64): void {
  store<u64>(RIP, rip);
}

/** Address of a system structure: 32 bits wide outside IA-32e mode. */
export function linear32(address: u64): u64 {
  return address & systemMask;
}
