// The VMCS region (SDM Vol. 3C "Format of the VMCS Region"). The current VMCS is kept in its region in memory and
// nowhere else, so VMCLEAR has nothing to write back and a snapshot holds it with the rest of RAM. Layout of the data:
// 16 groups (width, type) of 32 fields of 8 bytes, at an offset that follows from the encoding. The group "16-bit exit
// information" has no fields; its place, the first 256 bytes, holds the header.
import { RAM, VMX_CURRENT } from '../layout';

/** VMCS revision identifier, reported by IA32_VMX_BASIC. */
export const VMCS_REVISION: u32 = 0x616e6901;

/** Offsets in the header. */
export const HEADER_REVISION: usize = 0;
export const HEADER_ABORT: usize = 4;
export const HEADER_LAUNCHED: usize = 8;

/** Field types. */
export const TYPE_CONTROL: u32 = 0;
export const TYPE_EXIT: u32 = 1;
export const TYPE_GUEST: u32 = 2;
export const TYPE_HOST: u32 = 3;
/** Field widths. */
export const WIDTH_16: u32 = 0;
export const WIDTH_64: u32 = 1;
export const WIDTH_32: u32 = 2;
export const WIDTH_NATURAL: u32 = 3;

/** Which indices exist, one bit each, by (width, type). */
const FIELDS: StaticArray<u32> = [
  0x00000001, // 16-bit control: VPID
  0x00000000, // 16-bit exit information
  0x000000ff, // 16-bit guest: selectors
  0x0000007f, // 16-bit host: selectors
  0x0000277f, // 64-bit control: bitmaps, MSR areas, executive VMCS, TSC offset, virtual APIC, APIC access, EPTP
  0x00000001, // 64-bit exit information: guest-physical address
  0x000001ef, // 64-bit guest: link pointer, DEBUGCTL, PAT, EFER, PDPTEs
  0x00000003, // 64-bit host: PAT, EFER
  0x0000ffff, // 32-bit control
  0x000000ff, // 32-bit exit information
  0x00bfffff, // 32-bit guest
  0x00000001, // 32-bit host: SYSENTER_CS
  0x000000ff, // natural control: masks, shadows, CR3 targets
  0x0000003f, // natural exit information
  0x000fffff, // natural guest
  0x00000fff, // natural host
];

/** Highest index of any field, for IA32_VMX_VMCS_ENUM. */
export const HIGHEST_INDEX: u32 = 23;

// @ts-ignore: decorator
@inline
export function fieldType(encoding: u32): u32 {
  return (encoding >> 10) & 3;
}

// @ts-ignore: decorator
@inline
function fieldWidth(encoding: u32): u32 {
  return (encoding >> 13) & 3;
}

/** True if the processor has this field; the high half exists for 64-bit fields only. */
export function fieldExists(encoding: u32): bool {
  if (encoding & ~(<u32>0x6fff)) return false;
  if (encoding & 1 && fieldWidth(encoding) != WIDTH_64) return false;
  const index = (encoding >> 1) & 0x1ff;
  if (index > 31) return false;
  return ((unchecked(FIELDS[(fieldWidth(encoding) << 2) | fieldType(encoding)]) >> index) & 1) != 0;
}

/** Offset of a field in the region. */
// @ts-ignore: decorator
@inline
export function fieldOffset(encoding: u32): usize {
  return <usize>((((((encoding >> 13) & 3) << 2) | ((encoding >> 10) & 3)) ^ 1) << 8) + (((encoding >> 1) & 31) << 3);
}

/** Where the current VMCS lies in linear memory. */
// @ts-ignore: decorator
@inline
export function currentVmcs(): usize {
  return <usize>RAM + <usize>load<u64>(VMX_CURRENT);
}

/** Reads a field of the current VMCS; every field is kept zero-extended to 64 bits. */
// @ts-ignore: decorator
@inline
export function get(encoding: u32): u64 {
  return load<u64>(currentVmcs() + fieldOffset(encoding));
}

// @ts-ignore: decorator
@inline
export function get32(encoding: u32): u32 {
  return load<u32>(currentVmcs() + fieldOffset(encoding));
}

// @ts-ignore: decorator
@inline
export function put(encoding: u32, value: u64): void {
  store<u64>(currentVmcs() + fieldOffset(encoding), value);
}

/** VMREAD of a field known to exist. */
export function readField(encoding: u32): u64 {
  const value = get(encoding);
  return encoding & 1 ? value >> 32 : value;
}

/** VMWRITE of a field known to exist; `wide` for a 64-bit operand. A narrower operand clears the high half. */
export function writeField(encoding: u32, value: u64): void {
  const width = fieldWidth(encoding);
  if (encoding & 1) value = (get(encoding) & 0xffffffff) | (value << 32);
  else if (width == WIDTH_16) value &= 0xffff;
  else if (width == WIDTH_32) value &= 0xffffffff;
  put(encoding, value);
}
