// Small rules shared by the VM-entry checks (SDM Vol. 3C "VM Entries"): addresses, memory types, access rights.
import { VMX_FAILED_CHECK } from '../layout';
import { PHYSICAL_WIDTH } from './capabilities';

/** Applies one named check: on failure its number is kept for the host. */
export function check(number: u32, ok: bool): bool {
  if (!ok) store<u32>(VMX_FAILED_CHECK, number);
  return ok;
}

/** Aligned to `alignment` (a power of two) and within the physical-address width. */
export function isPhysical(address: u64, alignment: u64): bool {
  return !(address & (alignment - 1)) && !(address >> PHYSICAL_WIDTH);
}

/** The area of `count` 16-byte entries at `address` is aligned and wholly within the physical-address width. */
export function isMsrArea(address: u64, count: u32): bool {
  if (!count) return true;
  return isPhysical(address, 16) && !((address + (<u64>count << 4) - 1) >> PHYSICAL_WIDTH);
}

/** VM entries check what registers could hold. */
export { isCanonicalBase as isCanonical } from '../long-mode/state';

/** EFER as VM entry accepts it: no reserved bits, LMA as the address space says. */
export function isEfer(efer: u64, isLong: bool): bool {
  return !(efer & ~(<u64>0xd01)) && ((efer & 0x400) != 0) == isLong;
}

/** Each byte is one of the memory types UC WC WT WP WB UC-. */
export function isPat(value: u64): bool {
  for (let i = 0; i < 8; i++) {
    const type = (value >> (i << 3)) & 0xff;
    if (type > 7 || type == 2 || type == 3) return false;
  }
  return true;
}

/** Every bit of `must` is set and none outside `may`. */
export function isAllowed(value: u64, must: u64, may: u64): bool {
  return (value & must) == must && !(value & ~may);
}
