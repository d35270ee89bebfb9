// What instructions ask VMX: "does this leave VMX non-root operation?". Every `intercept…` returns true when a VM exit has taken
// place: host state is loaded, RIP points at HOST_RIP, `leave` is set, and the caller just returns.
// Order against faults: the caller makes its CPL, #UD and I/O-permission checks first (SDM Vol. 3C "Relative Priority
// of Faults and VM Exits"); MOV DR is the exception.
import * as F from './vmcs-fields';
import { raise, UD } from '../fault';
import { readPhysical } from '../physical';
import { exitForInstruction, noteAddresses, noteInformation } from './exit';
import { addressInformation, displacementOf, operandInformation, operandSizeInformation } from './information';
import { get, get32 } from './vmcs';
import { segmentNumber } from '../record';
import { exitIf, inNonRoot, primary, secondary } from './non-root';

/** Registers of `interceptDescriptorTable`, in the order of the instruction-information field. */
export const TABLE_SGDT: u32 = 0;
export const TABLE_SIDT: u32 = 1;
export const TABLE_LGDT: u32 = 2;
export const TABLE_LIDT: u32 = 3;
export const TABLE_SLDT: u32 = 4;
export const TABLE_STR: u32 = 5;
export const TABLE_LLDT: u32 = 6;
export const TABLE_LTR: u32 = 7;

export function interceptCpuid(r: usize): bool {
  return exitIf(inNonRoot(), F.REASON_CPUID, 0, r);
}
export function interceptHlt(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_HLT) != 0, F.REASON_HLT, 0, r);
}
export function interceptInvlpg(r: usize, linear: u64): bool {
  return exitIf((primary() & <u32>F.CPU_INVLPG) != 0, F.REASON_INVLPG, linear, r);
}
export function interceptRdtsc(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_RDTSC) != 0, F.REASON_RDTSC, 0, r);
}
/** RDTSCP is undefined in a guest without "enable RDTSCP" (then `faulted` is set). */
export function interceptRdtscp(r: usize): bool {
  if (inNonRoot() && !(secondary() & <u32>F.CPU2_RDTSCP)) {
    raise(UD, 0);
    return true;
  }
  return exitIf((primary() & <u32>F.CPU_RDTSC) != 0, F.REASON_RDTSCP, 0, r);
}
export function interceptRdpmc(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_RDPMC) != 0, F.REASON_RDPMC, 0, r);
}
export function interceptPause(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_PAUSE) != 0, F.REASON_PAUSE, 0, r);
}
export function interceptMonitor(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_MONITOR) != 0, F.REASON_MONITOR, 0, r);
}
export function interceptMwait(r: usize): bool {
  return exitIf((primary() & <u32>F.CPU_MWAIT) != 0, F.REASON_MWAIT, 0, r);
}
export function interceptInvd(r: usize): bool {
  return exitIf(inNonRoot(), F.REASON_INVD, 0, r);
}
export function interceptWbinvd(r: usize): bool {
  return exitIf((secondary() & <u32>F.CPU2_WBINVD) != 0, F.REASON_WBINVD, 0, r);
}

/** Is the MSR's bit set in the bitmap at `offset` (low MSRs) or 1024 bytes further (high MSRs)? */
function msrExits(msr: u32, offset: u64): bool {
  if (!inNonRoot()) return false;
  if (!(primary() & <u32>F.CPU_MSR_BITMAPS)) return true;
  if ((msr & 0x3fffe000) != 0 || (msr >> 30 != 0 && msr >> 30 != 3)) return true;
  const place = get(F.F_MSR_BITMAP) + offset + (msr >> 31 ? 1024 : 0) + ((msr & 0x1fff) >> 3);
  return ((<u32>readPhysical<u8>(place) >> (msr & 7)) & 1) != 0;
}
export function interceptRdmsr(r: usize, msr: u32): bool {
  return exitIf(msrExits(msr, 0), F.REASON_RDMSR, 0, r);
}
export function interceptWrmsr(r: usize, msr: u32): bool {
  return exitIf(msrExits(msr, 2048), F.REASON_WRMSR, 0, r);
}

/** Does an access to these ports exit, by the bitmaps or unconditionally? */
function ioExits(port: u32, size: u32): bool {
  const controls = primary();
  if (!(controls & <u32>F.CPU_IO_BITMAPS)) return (controls & <u32>F.CPU_UNCONDITIONAL_IO) != 0;
  if (port + size > 0x10000) return true;
  for (let p = port; p < port + size; p++) {
    const bitmap = p & 0x8000 ? get(F.F_IO_BITMAP_B) : get(F.F_IO_BITMAP_A);
    if ((<u32>readPhysical<u8>(bitmap + ((p & 0x7fff) >> 3)) >> (p & 7)) & 1) return true;
  }
  return false;
}
/** `linear`: address of the memory operand of INS/OUTS, else 0. `size` in bytes. */
export function interceptIo(
  r: usize,
  port: u32,
  size: u32,
  isIn: bool,
  isString: bool,
  isRep: bool,
  isImmediate: bool,
  linear: u64,
): bool {
  if (!inNonRoot() || !ioExits(port, size)) return false;
  const bits = (<u32>isIn << 3) | (<u32>isString << 4) | (<u32>isRep << 5) | (<u32>isImmediate << 6);
  if (isString) {
    noteAddresses(linear, 0);
    noteInformation(addressInformation(r) | (isIn ? 0 : segmentNumber(r) << 15));
  }
  exitForInstruction(F.REASON_IO, (size - 1) | bits | (port << 16), r);
  return true;
}

// Exit qualification of control-register accesses: bits 5:4.
const FROM_CR: u32 = 1 << 4;
const CLTS: u32 = 2 << 4;
const LMSW: u32 = 3 << 4;

/** MOV to CR0 from register `reg`. When it does not exit, write `cr0WriteValue(value)`. */
export function interceptCr0Write(r: usize, reg: u32, value: u64): bool {
  if (!inNonRoot()) return false;
  return exitIf(((value ^ get(F.F_CR0_SHADOW)) & get(F.F_CR0_MASK)) != 0, F.REASON_CR_ACCESS, reg << 8, r);
}
export function interceptCr3Write(r: usize, reg: u32, value: u64): bool {
  if (!(primary() & <u32>F.CPU_CR3_LOAD)) return false;
  const count = get32(F.F_CR3_TARGET_COUNT);
  for (let i: u32 = 0; i < count; i++) if (value == get(F.F_CR3_TARGET + (i << 1))) return false;
  return exitIf(true, F.REASON_CR_ACCESS, 3 | (reg << 8), r);
}
export function interceptCr3Read(r: usize, reg: u32): bool {
  return exitIf((primary() & <u32>F.CPU_CR3_STORE) != 0, F.REASON_CR_ACCESS, 3 | FROM_CR | (reg << 8), r);
}
/** MOV to CR4 from register `reg`. When it does not exit, write `cr4WriteValue(value)`. */
export function interceptCr4Write(r: usize, reg: u32, value: u64): bool {
  if (!inNonRoot()) return false;
  return exitIf(((value ^ get(F.F_CR4_SHADOW)) & get(F.F_CR4_MASK)) != 0, F.REASON_CR_ACCESS, 4 | (reg << 8), r);
}
/** MOV from CR8: exit, or with a TPR shadow (`hasTprShadow`) the caller reads `tprShadow()`. */
export function interceptCr8Read(r: usize, reg: u32): bool {
  return exitIf((primary() & <u32>F.CPU_CR8_STORE) != 0, F.REASON_CR_ACCESS, 8 | FROM_CR | (reg << 8), r);
}
/** MOV to CR8: exit, or with a TPR shadow (`hasTprShadow`) the caller calls `setTprShadow(value)`. */
export function interceptCr8Write(r: usize, reg: u32, value: u64): bool {
  return exitIf((primary() & <u32>F.CPU_CR8_LOAD) != 0, F.REASON_CR_ACCESS, 8 | (reg << 8), r);
}

/** CLTS. When it does not exit, clear CR0.TS only if `cltsClears()`. */
export function interceptClts(r: usize): bool {
  if (!inNonRoot()) return false;
  return exitIf((get(F.F_CR0_MASK) & get(F.F_CR0_SHADOW) & 8) != 0, F.REASON_CR_ACCESS, CLTS, r);
}
/** LMSW. When it does not exit, write `cr0WriteValue` of the new CR0. */
export function interceptLmsw(r: usize, source: u32, memory: bool, linear: u64): bool {
  if (!inNonRoot()) return false;
  const mask = get32(F.F_CR0_MASK);
  const differs = mask & (source ^ get32(F.F_CR0_SHADOW));
  // LMSW cannot clear PE, so PE matters only where it would be set
  if (!(differs & 0xe) && !(differs & source & 1)) return false;
  if (memory) noteAddresses(linear, 0);
  exitForInstruction(F.REASON_CR_ACCESS, LMSW | (<u32>memory << 6) | ((source & 0xffff) << 16), r);
  return true;
}
/** MOV DR: asked before any other check of the instruction. */
export function interceptDr(r: usize, isRead: bool, dr: u32, reg: u32): bool {
  const qualification = dr | (<u32>isRead << 4) | (reg << 8);
  return exitIf((primary() & <u32>F.CPU_MOV_DR) != 0, F.REASON_MOV_DR, qualification, r);
}
/** LGDT LIDT SGDT SIDT LLDT LTR SLDT STR: `table` is one of TABLE_*. */
export function interceptDescriptorTable(r: usize, table: u32): bool {
  if (!(secondary() & <u32>F.CPU2_DESCRIPTOR_TABLE)) return false;
  const isSystem = table >= TABLE_SLDT;
  const rest = isSystem ? 0 : operandSizeInformation(r);
  noteInformation(operandInformation(r) | rest | ((table & 3) << 28));
  exitForInstruction(isSystem ? F.REASON_LDTR_TR : F.REASON_GDTR_IDTR, displacementOf(r), r);
  return true;
}
