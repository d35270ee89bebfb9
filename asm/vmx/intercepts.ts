// What the rest of the core asks VMX: "does this leave VMX non-root operation?". Every `intercept…` returns true when a
// VM exit has taken place: host state is loaded, RIP points at HOST_RIP, `leave` is set, and the caller just returns.
// Order against faults: the caller makes its CPL, #UD and I/O-permission checks first (SDM Vol. 3C "Relative Priority of
// Faults and VM Exits"); MOV DR is the exception.
import { VMX_ROOT } from '../layout';

/**
 * `faultVector` of a VM exit that arose in the middle of a memory access (EPT violation, EPT misconfiguration, APIC access).
 * `interceptException` completes it: call that first with every fault, before combining faults to #DF.
 */
export const FAULT_VM_EXIT: u32 = 0x100;

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

/** Exit because of the instruction in `r`: saves its length and RIP. */
export function exitInstruction(reason: u32, qualification: u64, r: usize): void {}

export function interceptCpuid(r: usize): bool {
  return false;
}
export function interceptHlt(r: usize): bool {
  return false;
}
export function interceptInvlpg(r: usize, linear: u64): bool {
  return false;
}
export function interceptRdtsc(r: usize): bool {
  return false;
}
export function interceptRdtscp(r: usize): bool {
  return false;
}
export function interceptRdpmc(r: usize): bool {
  return false;
}
export function interceptPause(r: usize): bool {
  return false;
}
export function interceptMonitor(r: usize): bool {
  return false;
}
export function interceptMwait(r: usize): bool {
  return false;
}
export function interceptInvd(r: usize): bool {
  return false;
}
export function interceptWbinvd(r: usize): bool {
  return false;
}
export function interceptXsetbv(r: usize): bool {
  return false;
}
export function interceptRdmsr(r: usize, msr: u32): bool {
  return false;
}
export function interceptWrmsr(r: usize, msr: u32): bool {
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
  return false;
}

/** MOV to CR0 from register `reg`. When it does not exit, write `cr0WriteValue(value)`. */
export function interceptCr0Write(r: usize, reg: u32, value: u64): bool {
  return false;
}
export function interceptCr3Write(r: usize, reg: u32, value: u64): bool {
  return false;
}
export function interceptCr3Read(r: usize, reg: u32): bool {
  return false;
}
/** MOV to CR4 from register `reg`. When it does not exit, write `cr4WriteValue(value)`. */
export function interceptCr4Write(r: usize, reg: u32, value: u64): bool {
  return false;
}
/** MOV from CR8: exit, or with a TPR shadow the caller gets the value from `tprShadow()`. */
export function interceptCr8Read(r: usize, reg: u32): bool {
  return false;
}
export function interceptCr8Write(r: usize, reg: u32, value: u64): bool {
  return false;
}
/** CLTS. When it does not exit, clear CR0.TS only if `cltsClears()`. */
export function interceptClts(r: usize): bool {
  return false;
}
/** LMSW. When it does not exit, write `cr0WriteValue` of the new CR0. */
export function interceptLmsw(r: usize, source: u32, isMemory: bool, linear: u64): bool {
  return false;
}
export function interceptDr(r: usize, isRead: bool, dr: u32, reg: u32): bool {
  return false;
}
/** LGDT LIDT SGDT SIDT LLDT LTR SLDT STR: `table` is one of TABLE_*. */
export function interceptDescriptorTable(r: usize, table: u32): bool {
  return false;
}

/** What MOV from CR0 and SMSW read: in non-root operation the read shadow in the masked bits. */
export function cr0ReadView(cr0: u64): u64 {
  return cr0;
}
export function cr4ReadView(cr4: u64): u64 {
  return cr4;
}
/** What a write of `value` to CR0 that did not exit really writes: masked bits keep their value. */
export function cr0WriteValue(value: u64): u64 {
  return value;
}
export function cr4WriteValue(value: u64): u64 {
  return value;
}
/** True if a CLTS that did not exit clears CR0.TS (false when the bit belongs to the host). */
export function cltsClears(): bool {
  return true;
}
/** What RDTSC, RDTSCP and RDMSR of the TSC add to the time-stamp counter (VMCS TSC offset in non-root operation, else 0). */
export function tscAdjustment(): u64 {
  return 0;
}

/**
 * A hardware exception is about to be delivered (also `FAULT_VM_EXIT`). `qualification`: linear address of #PF, DR6-format
 * bits of #DB, else 0.
 */
export function interceptException(vector: u32, error: u32, qualification: u64): bool {
  return false;
}
/** INT3, INTO (and INT1) are about to be delivered; `length` of the instruction. INT n never comes here: it does not exit. */
export function interceptSoftwareException(vector: u32, length: u32): bool {
  return false;
}
/** INTR is asserted (whatever IF is). True: exited, or stays pending for the host. */
export function interceptExternalInterrupt(): bool {
  return false;
}
/** An NMI is pending and not blocked by NMI blocking or MOV SS. */
export function interceptNmi(): bool {
  return false;
}
/** Interrupt window, NMI window, preemption timer, monitor trap flag: asked between instructions before INTR and NMI. */
export function interceptWindow(): bool {
  return false;
}
/** Cycle count at which `interceptWindow` must be asked again (preemption timer), all ones for never. */
export function interceptDeadline(): u64 {
  return u64.MAX_VALUE;
}
/** True while blocks may not be used because `interceptWindow` must be asked after each instruction (monitor trap flag). */
export function interceptEachInstruction(): bool {
  return false;
}
export function interceptTripleFault(): bool {
  return false;
}
/** `source`: 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT. Always exits in non-root operation. */
export function interceptTaskSwitch(selector: u32, source: u32, length: u32): bool {
  return false;
}

/** True in non-root operation with EPT: every guest-physical address goes through `eptTranslate`. */
export function eptEnabled(): bool {
  return false;
}
/**
 * Guest-physical to host-physical. `access` is ACCESS_*; `linear` the linear address translated; `isPageWalk` true for an
 * access to a guest paging structure. All ones: `faulted` is set with FAULT_VM_EXIT, return at once.
 */
export function eptTranslate(gpa: u64, access: u32, linear: u64, isPageWalk: bool): u64 {
  return gpa;
}
/** After `eptTranslate`: 1 read, 2 write, 4 execute permissions of the page (for filling TLB entries). */
export function eptRights(): u32 {
  return 7;
}

/** True if accesses to this physical page are virtualized (keep it out of the TLB fast path, use apicRead/apicWrite). */
export function isApicAccessPage(physical: u64): bool {
  return false;
}
/** A read of the APIC-access page. Then `if (faulted) return`. */
export function apicRead(linear: u64, physical: u64, size: u32): u32 {
  return 0;
}
export function apicWrite(linear: u64, physical: u64, size: u32, value: u32): void {}
