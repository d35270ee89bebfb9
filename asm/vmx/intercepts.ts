// What the rest of the core asks VMX: "does this leave VMX non-root operation?". Every `intercept…` returns true when a
// VM exit has taken place: host state is loaded, RIP points at HOST_RIP, `leave` is set, and the caller just returns.
// Order against faults: the caller makes its CPL, #UD and I/O-permission checks first (SDM Vol. 3C "Relative Priority
// of Faults and VM Exits"); MOV DR is the exception.
import { ACTIVITY, CR0, CR4, INTERRUPTIBILITY, RIP, VMX_ROOT } from '../layout';
import { publishTime, exactCycles } from '../charge';
import { raise, UD } from '../fault';
import { hasFlag, IF } from '../flags';
import { current } from '../globals';
import { interruptAcknowledge } from '../host';
import { readPhysical, writePhysical } from '../physical';
import { readApicPage, noteTpr, writeApicPage } from './apic-access';
import { pushesErrorCode, secondaryControls } from './check-controls';
import { deliveringInfo } from '../system/interrupt';
import { nmiUnblockedByIret } from '../system/iret';
import { inRealMode } from '../system/mode-8086';
import { deliverInjected } from './entry';
import { lastRights, pendingLinear, pendingPhysical, pendingQualification, pendingReason, structureForWriting, walkEpt } from './ept';
import {
  exitForInstruction,
  noteAddresses,
  noteDirect,
  noteInformation,
  noteInterruption,
  noteLength,
  noteResumeFlag,
  vmExit,
} from './exit';
import { addressInformation, displacementOf, operandInformation, operandSizeInformation } from './information';
import {
  PENDING_MONITOR_TRAP,
  PENDING_THRESHOLD,
  VMX_ABORTED,
  VMX_PENDING,
  VMX_PREEMPTION_DEADLINE,
} from './private';
import * as F from './vmcs-fields';
import { get, get32 } from './vmcs';
import { instructionLength, recordRip, segmentNumber } from '../record';

/**
 * `faultVector` of a VM exit that arose in the middle of a memory access (EPT violation, EPT misconfiguration, APIC
 * access). `interceptException` completes it: call that first with every fault, before combining faults to #DF.
 */
export const FAULT_VM_EXIT: u32 = 0x100;

/** Activity states; shutdown is between them. */
const HALTED: u32 = 1;
export const WAIT_FOR_SIPI: u32 = 3;

/** Kinds of access for `eptTranslate`. */
export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_FETCH: u32 = 2;

/** Registers of `interceptDescriptorTable`, in the order of the instruction-information field. */
export const TABLE_SGDT: u32 = 0;
export const TABLE_SIDT: u32 = 1;
export const TABLE_LGDT: u32 = 2;
export const TABLE_LIDT: u32 = 3;
export const TABLE_SLDT: u32 = 4;
export const TABLE_STR: u32 = 5;
export const TABLE_LLDT: u32 = 6;
export const TABLE_LTR: u32 = 7;

/** True in VMX non-root operation. */
// @ts-ignore: decorator
@inline
export function inNonRoot(): bool {
  return load<u32>(VMX_ROOT) == 2;
}

/** Primary processor-based controls in non-root operation, 0 outside it. */
// @ts-ignore: decorator
@inline
export function primary(): u32 {
  return inNonRoot() ? get32(F.F_PRIMARY_CONTROLS) : 0;
}

/** Secondary processor-based controls in non-root operation, 0 outside it. */
export function secondary(): u32 {
  return inNonRoot() ? secondaryControls() : 0;
}

/** Exits if `condition`. */
export function exitIf(condition: bool, reason: u32, qualification: u64, r: usize): bool {
  if (condition) exitForInstruction(reason, qualification, r);
  return condition;
}

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

/** Faults proper: the stack frame of their delivery would have RF set. */
const FAULTS: u32 = 0x003b_7ce1;

/**
 * A hardware exception is about to be delivered (also `FAULT_VM_EXIT`). `qualification`: linear address of #PF,
 * DR6-format bits of #DB, else 0.
 */
export function interceptException(vector: u32, error: u32, qualification: u64): bool {
  if (!inNonRoot()) return false;
  if (vector == FAULT_VM_EXIT) {
    noteAddresses(pendingLinear, pendingPhysical);
    // RF as the instruction, or the event being delivered, would push it
    const isFault = ((deliveringInfo >> 8) & 7) == 3 && ((FAULTS >> (deliveringInfo & 31)) & 1) != 0;
    if (!deliveringInfo || isFault) noteResumeFlag();
    vmExit(pendingReason, pendingQualification);
    return true;
  }
  let exits = ((get32(F.F_EXCEPTION_BITMAP) >> vector) & 1) != 0;
  if (vector == 14) exits = exits == ((error & get32(F.F_PF_ERROR_MASK)) == get32(F.F_PF_ERROR_MATCH));
  if (!exits) return false;
  // real-address mode has no error codes
  const pushes = pushesErrorCode(vector) && !inRealMode();
  // bit 12, NMI unblocking due to IRET, is undefined for #DF and for exits with IDT-vectoring information
  const unblocking: u32 = nmiUnblockedByIret ? 0x1000 : 0;
  noteInterruption(0x80000300 | unblocking | vector | (pushes ? 0x800 : 0), pushes ? error : 0);
  if (vector == 8) noteDirect();
  if ((FAULTS >> vector) & 1) noteResumeFlag();
  vmExit(F.REASON_EXCEPTION_NMI, qualification);
  return true;
}
/**
 * INT3, INTO (and INT1) are about to be delivered; `length` of the instruction. INT n never comes here: it does not
 * exit.
 */
export function interceptSoftwareException(vector: u32, length: u32): bool {
  if (!inNonRoot() || !((get32(F.F_EXCEPTION_BITMAP) >> vector) & 1)) return false;
  const type: u32 = vector == 1 ? 5 : 6;
  noteInterruption(0x80000000 | (type << 8) | vector, 0);
  noteLength(length);
  vmExit(F.REASON_EXCEPTION_NMI, 0);
  return true;
}
/** INTR is asserted (whatever IF is). True: exited. */
export function interceptExternalInterrupt(): bool {
  if (!inNonRoot() || !(get32(F.F_PIN_CONTROLS) & <u32>F.PIN_EXTERNAL_INTERRUPT)) return false;
  if (get32(F.F_EXIT_CONTROLS) & <u32>F.EXIT_ACKNOWLEDGE_INTERRUPT) {
    publishTime();
    noteInterruption(0x80000000 | interruptAcknowledge(), 0);
  }
  vmExit(F.REASON_EXTERNAL_INTERRUPT, 0);
  return true;
}
/** An NMI is pending and not blocked by NMI blocking or MOV SS. */
export function interceptNmi(): bool {
  if (!inNonRoot() || !(get32(F.F_PIN_CONTROLS) & <u32>F.PIN_NMI)) return false;
  noteInterruption(0x80000202, 0);
  vmExit(F.REASON_EXCEPTION_NMI, 0);
  return true;
}
/**
 * Asked between instructions before debug traps: the event to inject, TPR threshold, monitor trap. The exits wake a guest in
 * HLT and do not occur in shutdown.
 */
export function interceptBeforeTraps(): bool {
  if (deliverInjected()) return true;
  if (load<u32>(ACTIVITY) > HALTED) return false;
  const pending = load<u32>(VMX_PENDING);
  if (pending & PENDING_THRESHOLD) return exitBetween(F.REASON_TPR_BELOW_THRESHOLD);
  return pending & PENDING_MONITOR_TRAP ? exitBetween(F.REASON_MONITOR_TRAP) : false;
}
/** Asked between debug traps and NMI: preemption timer, NMI window, interrupt window. */
export function interceptWindow(): bool {
  if (exactCycles() >= load<u64>(VMX_PREEMPTION_DEADLINE)) return exitBetween(F.REASON_PREEMPTION_TIMER);
  const controls = get32(F.F_PRIMARY_CONTROLS);
  const blocked = load<u32>(INTERRUPTIBILITY);
  if (controls & <u32>F.CPU_NMI_WINDOW && !(blocked & 0xb)) return exitBetween(F.REASON_NMI_WINDOW);
  const isOpen = !(blocked & 3) && hasFlag(IF) && load<u32>(ACTIVITY) <= HALTED;
  return controls & <u32>F.CPU_INTERRUPT_WINDOW && isOpen ? exitBetween(F.REASON_INTERRUPT_WINDOW) : false;
}
function exitBetween(reason: u32): bool {
  vmExit(reason, 0);
  return true;
}
/** Cycle count at which `interceptWindow` must be asked again (preemption timer), all ones for never. */
export function interceptDeadline(): u64 {
  const runs = inNonRoot() && load<u32>(ACTIVITY) != WAIT_FOR_SIPI;
  return runs ? load<u64>(VMX_PREEMPTION_DEADLINE) : u64.MAX_VALUE;
}
/**
 * The guest has come to an instruction boundary: behind an instruction or an iteration of a REP instruction, or before the
 * first instruction of the handler of an event, injected or not (SDM Vol. 3C "Monitor Trap Flag").
 */
export function noteMonitorTrap(): void {
  if (interceptEachInstruction()) store<u32>(VMX_PENDING, load<u32>(VMX_PENDING) | PENDING_MONITOR_TRAP);
}
/**
 * True while blocks may not be used because `interceptWindow` must be asked after each instruction (monitor trap
 * flag).
 */
export function interceptEachInstruction(): bool {
  return (primary() & <u32>F.CPU_MONITOR_TRAP) != 0;
}
/** A VMX abort has shut the processor down. */
export function vmxAborted(): bool {
  return load<u32>(VMX_ABORTED) != 0;
}
export function interceptTripleFault(): bool {
  if (!inNonRoot()) return false;
  noteDirect();
  vmExit(F.REASON_TRIPLE_FAULT, 0);
  return true;
}
/** `source`: 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT. Always exits in non-root operation. */
export function interceptTaskSwitch(selector: u32, source: u32, length: u32): bool {
  if (!inNonRoot()) return false;
  noteLength(length);
  // an instruction asks for it in mid-block; for a task gate RIP is where the event left it
  if (current && source != 3) {
    noteLength(instructionLength(current));
    store<u64>(RIP, recordRip(current));
  }
  vmExit(F.REASON_TASK_SWITCH, (selector & 0xffff) | (source << 30));
  return true;
}

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
