// State of VMX operation that belongs to the processor and not to a VMCS; part of the saved state (layout.ts
// VMX_PRIVATE).
import { VMX_PRIVATE } from '../layout';

/** u64: cycle count at which the preemption timer reaches 0, all ones when it does not run. */
export const VMX_PREEMPTION_DEADLINE: usize = VMX_PRIVATE;
/** u32: exits due before the next instruction, PENDING_* bits. */
export const VMX_PENDING: usize = VMX_PRIVATE + 8;
/** VTPR is below the TPR threshold. */
export const PENDING_THRESHOLD: u32 = 1;
/** The monitor trap is due: injected, or the guest has come to an instruction boundary under the monitor trap flag. */
export const PENDING_MONITOR_TRAP: u32 = 2;
/** u32 each: event that the last VM entry injects before the first instruction (0: none), its error code and length. */
export const VMX_INJECTED: usize = VMX_PRIVATE + 24;
export const VMX_INJECTED_ERROR: usize = VMX_PRIVATE + 28;
export const VMX_INJECTED_LENGTH: usize = VMX_PRIVATE + 32;
/** u32: VMX-abort indicator, 0 for none. */
export const VMX_ABORTED: usize = VMX_PRIVATE + 36;
