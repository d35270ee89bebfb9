// VM entries (SDM Vol. 3C "VM Entries"): checks, guest state, MSR loading, event injection.
import {
  ACTIVITY,
  COSTS,
  INTERRUPTIBILITY,
  PENDING_DEBUG,
  RIP,
  VMX_FAILED_CHECK,
  VMX_ROOT,
} from '../layout';
import { chargeCycles, exactCycles, noteEnteredGuest } from '../charge';
import { COST_VM_ENTRY, COST_VMX_OTHER } from '../gen/costs';
import { faulted, leave } from '../globals';
import { readPhysical } from '../physical';
import { disarmMonitor } from '../processors/monitor';
import { beginDelivery, deliverEvent, endDelivery, EVENT_SOFTWARE, eventType } from '../system/interrupt';
import { inVirtual8086 } from '../system/mode-8086';
import { interruptVirtual8086 } from '../system/virtual-8086';
import { checkControls, checkHost, secondaryControls } from './check-controls';
import { checkGuest, guestCheckQualification } from './check-guest';
import { CHECK_MSR_LOAD } from './check-numbers';
import { PREEMPTION_TIMER_SHIFT } from './capabilities';
import { exitFromEntry, loadMsrs } from './exit';
import {
  PENDING_MONITOR_TRAP,
  PENDING_THRESHOLD,
  VMX_INJECTED,
  VMX_INJECTED_ERROR,
  VMX_INJECTED_LENGTH,
  VMX_PENDING,
  VMX_PREEMPTION_DEADLINE,
} from './private';
import { loadGuest } from './state';
import * as F from './vmcs-fields';
import { currentVmcs, get, get32, HEADER_LAUNCHED } from './vmcs';

/** VM-instruction errors of a refused entry. */
export const ERROR_CONTROLS: u32 = 7;
export const ERROR_HOST_STATE: u32 = 8;

/** Enters the guest. Returns 0 (entered, or exited with reason 33 or 34), or the VM-instruction error. */
export function enterGuest(): u32 {
  store<u32>(VMX_FAILED_CHECK, 0);
  if (!checkControls()) return ERROR_CONTROLS;
  if (!checkHost()) return ERROR_HOST_STATE;
  // the static cost of the instruction was that of a VMX instruction that does not enter
  const entry = load<u32>(COSTS + (COST_VM_ENTRY << 2));
  const other = load<u32>(COSTS + (COST_VMX_OTHER << 2));
  if (entry > other) chargeCycles(entry - other);
  leave = true;
  if (!checkGuest()) {
    exitFromEntry(F.REASON_INVALID_GUEST_STATE, guestCheckQualification);
    return 0;
  }
  loadGuest();
  const failed = loadMsrs(get(F.F_ENTRY_MSR_LOAD), get32(F.F_ENTRY_MSR_LOAD_COUNT));
  if (failed) {
    store<u32>(VMX_FAILED_CHECK, CHECK_MSR_LOAD);
    exitFromEntry(F.REASON_MSR_LOADING, failed);
    return 0;
  }
  store<u32>(currentVmcs(), 1, HEADER_LAUNCHED);
  store<u32>(VMX_ROOT, 2);
  noteEnteredGuest();
  disarmMonitor();
  startTimer();
  noteThreshold();
  noteEvent();
  return 0;
}

function startTimer(): void {
  let deadline = u64.MAX_VALUE;
  if (get32(F.F_PIN_CONTROLS) & F.PIN_PREEMPTION_TIMER) {
    deadline = exactCycles() + (get(F.F_PREEMPTION_TIMER) << PREEMPTION_TIMER_SHIFT);
  }
  store<u64>(VMX_PREEMPTION_DEADLINE, deadline);
}

/** With virtualized APIC accesses an entry with VTPR below the threshold exits at once. */
function noteThreshold(): void {
  store<u32>(VMX_PENDING, 0);
  if (!(get32(F.F_PRIMARY_CONTROLS) & F.CPU_TPR_SHADOW) || !(secondaryControls() & F.CPU2_APIC_ACCESSES)) return;
  const vtpr = readPhysical<u32>(get(F.F_VIRTUAL_APIC) + 0x80);
  if (((vtpr >> 4) & 0xf) < get32(F.F_TPR_THRESHOLD)) store<u32>(VMX_PENDING, PENDING_THRESHOLD);
}

/** Keeps the event to inject for the moment before the guest's first instruction. */
function noteEvent(): void {
  const info = get32(F.F_ENTRY_INTERRUPTION);
  store<u32>(VMX_INJECTED, 0);
  if (!(info & 0x80000000)) return;
  const type = (info >> 8) & 7;
  if (type == 7) {
    store<u32>(VMX_PENDING, load<u32>(VMX_PENDING) | PENDING_MONITOR_TRAP);
    return;
  }
  store<u32>(PENDING_DEBUG, 0);
  store<u32>(VMX_INJECTED, info & 0x80000fff);
  store<u32>(VMX_INJECTED_ERROR, get32(F.F_ENTRY_ERROR_CODE));
  store<u32>(VMX_INJECTED_LENGTH, type >= 4 ? get32(F.F_ENTRY_LENGTH) : 0);
}

/** A software interrupt is that of an INT n: in virtual-8086 mode subject to IOPL and redirection. */
function deliver(info: u32, error: u32, length: u32): void {
  if (eventType(info) == EVENT_SOFTWARE && inVirtual8086()) {
    beginDelivery(info, error, length);
    if (interruptVirtual8086((load<u64>(RIP) + length) & 0xffff, info & 0xff)) {
      if (!faulted) endDelivery();
      return;
    }
  }
  deliverEvent(info, error, length);
}

/** Delivers the injected event, the first thing after the entry. False if there is none. */
export function deliverInjected(): bool {
  const info = load<u32>(VMX_INJECTED);
  if (!info) return false;
  store<u32>(VMX_INJECTED, 0);
  store<u32>(ACTIVITY, 0);
  deliver(info & 0xfff, load<u32>(VMX_INJECTED_ERROR), load<u32>(VMX_INJECTED_LENGTH));
  if (((info >> 8) & 7) == 2) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | 8);
  return true;
}
