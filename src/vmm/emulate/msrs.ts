// The model-specific registers a guest has (SDM Vol. 4 "Architectural MSRs"): kept in the virtual CPU, never the real
// ones. Others fault as on a processor that lacks them, and the user is told.

import { GuestFault, VECTOR_GP } from '../host-access.ts';
import { EFER_LMA, EFER_LME, MSR_EFER } from '../vcpu.ts';
import type { GuestContext } from './context.ts';

const MSR_TSC = 0x10;
const MSR_APIC_BASE = 0x1b;
const MSR_SYSENTER_CS = 0x174;
/** Kept as written, with the value after RESET; MISC_ENABLE and TSC_AUX keep some bits only. */
const KEPT = new Map<number, readonly [number, number]>([
  [0x174, [0, 0]],
  [0x175, [0, 0]],
  [0x176, [0, 0]],
  [0x277, [0x0007_0406, 0x0007_0406]],
  [0x1a0, [0x0004_1801, 0]],
  [0xc000_0103, [0, 0]],
]);
/** Platform, microcode revision, MTRR capabilities, feature control (locked: VMX is not for guests), debug control. */
const READ_ONLY = new Map<number, readonly [number, number]>([
  [0x17, [0, 0]],
  [0x8b, [0, 0]],
  [0xfe, [0x508, 0]],
  [0x3a, [1, 0]],
  [0x1d9, [0, 0]],
]);
const MISC_ENABLE = 0x1a0;
const MISC_ENABLE_WRITABLE = 0x0044_0001;
const MICROCODE_UPDATE = 0x79;
const MICROCODE_REVISION = 0x8b;
const DEBUG_CONTROL = 0x1d9;

/** The registers of long mode: the processor has them, this version does not. */
function isLongMode(number: number): boolean {
  return number >= 0xc000_0081 && number <= 0xc000_0102;
}

function isMtrr(number: number): boolean {
  return (
    (number >= 0x200 && number < 0x210) || [0x250, 0x258, 0x259].includes(number) || (number >= 0x268 && number < 0x270)
  );
}

/** RDMSR: low and high half. */
export function readMsr(context: GuestContext, number: number): readonly [number, number] {
  const { vcpu } = context;
  const kept = vcpu.msrs.get(number);
  if (kept) return kept;
  if (number === MSR_TSC) {
    const now = BigInt(Math.floor(context.domain.clock.now())) + BigInt(vcpu.tscOffset);
    return [Number(now & 0xffff_ffffn), Number((now >> 32n) & 0xffff_ffffn)];
  }
  if (number === MSR_APIC_BASE) return [0xfee0_0900, 0];
  if (number === MSR_EFER) return [0, 0];
  const initial = KEPT.get(number) ?? READ_ONLY.get(number);
  if (initial) return initial;
  if (isMtrr(number)) return [0, 0];
  if (isLongMode(number)) context.notSupported(`RDMSR of 0x${number.toString(16)}`);
  throw new GuestFault(VECTOR_GP, 0);
}

/** WRMSR. */
export function writeMsr(context: GuestContext, number: number, low: number, high: number): void {
  const { vcpu } = context;
  if (number === MSR_TSC) {
    const now = Math.floor(context.domain.clock.now());
    vcpu.tscOffset = high * 0x1_0000_0000 + low - now;
    return;
  }
  if (number === MSR_EFER) {
    if (low & ~(context.eferBits | EFER_LMA) || high !== 0) throw new GuestFault(VECTOR_GP, 0);
    if ((low ^ vcpu.efer) & EFER_LME && vcpu.paging) throw new GuestFault(VECTOR_GP, 0);
    vcpu.msrs.set(number, [(low & ~EFER_LMA) | (vcpu.efer & EFER_LMA), high]);
    context.changed('efer');
    return;
  }
  if (number === MISC_ENABLE) {
    vcpu.msrs.set(number, [(0x0004_1801 & ~MISC_ENABLE_WRITABLE) | (low & MISC_ENABLE_WRITABLE), high & 4]);
    return;
  }
  if (number === MSR_APIC_BASE || KEPT.has(number) || isMtrr(number)) {
    vcpu.msrs.set(number, [low >>> 0, high >>> 0]);
    if (number === MSR_SYSENTER_CS) context.changed('sysenter');
    return;
  }
  if (number === MICROCODE_UPDATE || number === MICROCODE_REVISION) return;
  if (number === DEBUG_CONTROL && low === 0 && high === 0) return;
  if (isLongMode(number)) context.notSupported(`WRMSR of 0x${number.toString(16)}`);
  throw new GuestFault(VECTOR_GP, 0);
}
