// What a guest sees and sets of control registers, of CR8 and of the time-stamp counter where it does not exit (SDM Vol. 3C
// "Changes to Instruction Behavior in VMX Non-Root Operation").
import * as F from './vmcs-fields';
import { CR0, CR4 } from '../layout';
import { readPhysical, writePhysical } from '../physical';
import { noteTpr } from './apic-access';
import { get } from './vmcs';
import { primary, inNonRoot } from './non-root';

export function hasTprShadow(): bool {
  return (primary() & <u32>F.CPU_TPR_SHADOW) != 0;
}
/** CR8 under a TPR shadow: bits 7:4 of VTPR. */
export function tprShadow(): u64 {
  return (readPhysical<u32>(get(F.F_VIRTUAL_APIC) + 0x80) >> 4) & 0xf;
}
export function setTprShadow(value: u64): void {
  const tpr = (<u32>value & 0xf) << 4;
  writePhysical<u32>(get(F.F_VIRTUAL_APIC) + 0x80, tpr);
  noteTpr(tpr);
}

/** What MOV from CR0 and SMSW read: in non-root operation the read shadow in the masked bits. */
export function cr0ReadView(cr0: u64): u64 {
  if (!inNonRoot()) return cr0;
  const mask = get(F.F_CR0_MASK);
  return (cr0 & ~mask) | (get(F.F_CR0_SHADOW) & mask);
}
export function cr4ReadView(cr4: u64): u64 {
  if (!inNonRoot()) return cr4;
  const mask = get(F.F_CR4_MASK);
  return (cr4 & ~mask) | (get(F.F_CR4_SHADOW) & mask);
}
/** What a write of `value` to CR0 that did not exit really writes: masked bits keep their value. */
export function cr0WriteValue(value: u64): u64 {
  if (!inNonRoot()) return value;
  const mask = get(F.F_CR0_MASK);
  return (value & ~mask) | (load<u64>(CR0) & mask);
}
export function cr4WriteValue(value: u64): u64 {
  if (!inNonRoot()) return value;
  const mask = get(F.F_CR4_MASK);
  return (value & ~mask) | (load<u64>(CR4) & mask);
}
/** True if a CLTS that did not exit clears CR0.TS (false when the bit belongs to the host). */
export function cltsClears(): bool {
  return !inNonRoot() || !(get(F.F_CR0_MASK) & 8);
}
/**
 * What RDTSC, RDTSCP and RDMSR of the TSC add to the time-stamp counter (VMCS TSC offset in non-root operation, else
 * 0).
 */
export function tscAdjustment(): u64 {
  return primary() & <u32>F.CPU_TSC_OFFSETTING ? get(F.F_TSC_OFFSET) : 0;
}
