// Guest-physical addresses: their translation by EPT, and the APIC-access page (SDM Vol. 3C "Extended Page-Table Mechanism (EPT)",
// "Virtualizing Memory-Mapped APIC Accesses").
import * as F from './vmcs-fields';
import { readApicPage, writeApicPage } from './apic-access';
import { lastRights, structureForWriting, walkEpt } from './ept';
import { get } from './vmcs';
import { secondary } from './non-root';
import { FAULT_VM_EXIT } from './intercept-events';

/** Kinds of access for `eptTranslate`. */
export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_FETCH: u32 = 2;

/** True in non-root operation with EPT: every guest-physical address goes through `eptTranslate`. */
export function eptEnabled(): bool {
  return (secondary() & <u32>F.CPU2_EPT) != 0;
}
/**
 * Guest-physical to host-physical. `access` is ACCESS_*; `linear` the linear address translated; `isPageWalk` true for
 * an access to a guest paging structure. All ones: `faulted` is set with FAULT_VM_EXIT, return at once.
 */
export function eptTranslate(gpa: u64, access: u32, linear: u64, isPageWalk: bool): u64 {
  if (isPageWalk && access == ACCESS_WRITE) {
    const hpa = structureForWriting(gpa);
    if (hpa != u64.MAX_VALUE) return hpa;
  }
  return walkEpt(FAULT_VM_EXIT, gpa, access, linear, isPageWalk);
}
/** After `eptTranslate`: 1 read, 2 write, 4 execute permissions of the page (for filling TLB entries). */
export function eptRights(): u32 {
  return lastRights;
}

/**
 * True if accesses to this physical page are virtualized (keep it out of the TLB fast path, use apicRead/apicWrite).
 */
export function isApicAccessPage(physical: u64): bool {
  return (secondary() & <u32>F.CPU2_APIC_ACCESSES) != 0 && (physical & ~(<u64>0xfff)) == get(F.F_APIC_ACCESS);
}
/** A read of the APIC-access page. Then `if (faulted) return`. */
export function apicRead(linear: u64, physical: u64, size: u32): u32 {
  return readApicPage(FAULT_VM_EXIT, linear, physical, size);
}
export function apicWrite(linear: u64, physical: u64, size: u32, value: u32): void {
  writeApicPage(FAULT_VM_EXIT, linear, physical, size, value);
}
