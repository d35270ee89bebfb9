// VM exits of what happens between or in the middle of instructions: exceptions, interrupts, task switches, the preemption timer,
// windows and the monitor trap (SDM Vol. 3C "Other Causes of VM Exits"). As in intercepts.ts the caller returns when the answer
// is true.
import * as F from './vmcs-fields';
import { ACTIVITY, INTERRUPTIBILITY, RIP } from '../layout';
import { publishTime, exactCycles } from '../charge';
import { hasFlag, IF } from '../flags';
import { current } from '../globals';
import { interruptAcknowledge } from '../host';
import { pushesErrorCode } from './check-controls';
import { deliveringInfo } from '../system/interrupt';
import { nmiUnblockedByIret } from '../system/iret';
import { inRealMode } from '../system/mode-8086';
import { deliverInjected } from './entry';
import { pendingLinear, pendingPhysical, pendingQualification, pendingReason } from './ept';
import { noteAddresses, noteDirect, noteInterruption, noteLength, noteResumeFlag, vmExit } from './exit';
import { PENDING_MONITOR_TRAP, PENDING_THRESHOLD, VMX_ABORTED, VMX_PENDING, VMX_PREEMPTION_DEADLINE } from './private';
import { get32 } from './vmcs';
import { instructionLength, recordRip } from '../record';
import { inNonRoot, primary } from './non-root';

/**
 * `faultVector` of a VM exit that arose in the middle of a memory access (EPT violation, EPT misconfiguration, APIC
 * access). `interceptException` completes it: call that first with every fault, before combining faults to #DF.
 */
export const FAULT_VM_EXIT: u32 = 0x100;

/** Activity states; shutdown is between them. */
const HALTED: u32 = 1;
export const WAIT_FOR_SIPI: u32 = 3;

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
