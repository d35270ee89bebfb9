// What 64-bit code changes about addresses (SDM Vol. 3A "IA-32e Mode Linear-Address-Width", Vol. 1 "Canonical Addressing").
import { CR4, CS, EFER, FS, SEGMENT_BASE, SEGMENT_RIGHTS, SEGMENT_STRIDE, SEGMENTS, SS } from '../layout';
import { GP, raise, SS as STACK_FAULT } from '../fault';
import { code64, ripMask } from '../globals';
import { FEATURE_LA57 } from '../gen/features';
import { linearMask, systemMask } from '../paging';
import { hasFeature } from '../system/model';
import { externalBit } from '../system/segment';

const LMA: u32 = 0x400;
const CR4_LA57: u32 = 0x1000;
/** L bit of a code segment's access rights, and D (both set is not allowed). */
export const RIGHTS_LONG: u32 = 0x2000;

/** EFER.LMA: IA-32e mode, 64-bit or compatibility. */
export function inLongMode(): bool {
  return (load<u32>(EFER) & LMA) != 0;
}

/** After CS or EFER.LMA changed: 64-bit code or not, and the widths of RIP and of linear addresses. */
export function codeModeChanged(): void {
  const isLong = inLongMode();
  const is64 = isLong && (load<u32>(SEGMENTS + CS * SEGMENT_STRIDE, SEGMENT_RIGHTS) & RIGHTS_LONG) != 0;
  const mask: u64 = is64 ? u64.MAX_VALUE : 0xffffffff;
  code64 = is64;
  ripMask = mask;
  linearMask = mask;
  systemMask = isLong ? u64.MAX_VALUE : 0xffffffff;
}

/** Are all bits above the linear-address width copies of the highest one? */
export function isCanonical(address: u64): bool {
  const unused: i64 = load<u32>(CR4) & CR4_LA57 ? 7 : 16;
  return i64(address << u64(unused)) >> unused == i64(address);
}

/**
 * Canonical for the widest linear addresses of the processor, whether or not CR4.LA57 uses them: what registers that hold an
 * address take (bases, system-call targets), and what INVPCID and INVVPID are given.
 */
export function isCanonicalBase(address: u64): bool {
  const unused: i64 = hasFeature(FEATURE_LA57) ? 7 : 16;
  return i64(address << u64(unused)) >> unused == i64(address);
}

/** Linear address of seg:ea for an access of `size` bytes in 64-bit code: only FS and GS have a base, nothing has a limit. */
export function longAddress(seg: u32, ea: u64, size: u32): u64 {
  const linear = seg >= <u32>FS ? ea + load<u64>(SEGMENTS + seg * SEGMENT_STRIDE, SEGMENT_BASE) : ea;
  if (!isCanonical(linear) || !isCanonical(linear + size - 1)) raise(seg == <u32>SS ? STACK_FAULT : GP, externalBit);
  return linear;
}

/** Base that a segment register has in the present code: ES, CS, SS and DS have none in 64-bit code. */
export function effectiveBase(seg: u32): u64 {
  return code64 && seg < <u32>FS ? 0 : load<u64>(SEGMENTS + seg * SEGMENT_STRIDE, SEGMENT_BASE);
}
