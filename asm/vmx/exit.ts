// VM exits (SDM Vol. 3C "VM Exits"): recording information, saving guest state, MSR areas, loading host state.
import {
  ACTIVITY,
  COUNT_VM_EXITS,
  INTERRUPTIBILITY,
  NMI_PENDING,
  RIP,
  STOP_ARGUMENT,
  VMX_ROOT,
} from '../layout';
import { armBreak } from '../breaks';
import { charge, exactCycles, noteInstructionCounts } from '../charge';
import { clearFault } from '../fault';
import { getFlags, RF } from '../flags';
import { COST_VM_EXIT, COST_VM_EXIT_PAGEFAULT } from '../gen/costs';
import { current, faulted, leave, unfinished } from '../globals';
import { readPhysical, writePhysical } from '../physical';
import { disarmMonitor } from '../processors/monitor';
import { instructionLength, recordRip } from '../record';
import { deliveringError, deliveringInfo, deliveringLength, endDelivery } from '../system/interrupt';
import { readMsr, writeMsr } from '../system/msr';
import { MSR_LIST_LIMIT, PREEMPTION_TIMER_SHIFT } from './capabilities';
import { VMX_ABORTED, VMX_PENDING, VMX_PREEMPTION_DEADLINE } from './private';
import { loadHost, saveGuest } from './state';
import * as F from './vmcs-fields';
import { currentVmcs, get, get32, HEADER_ABORT, put } from './vmcs';

/** VMX-abort indicators (SDM Vol. 3C "VMX Aborts"). */
export const ABORT_SAVE_MSRS: u32 = 1;
export const ABORT_HOST_PDPTES: u32 = 2;
export const ABORT_LOAD_MSRS: u32 = 4;

const ENTRY_FAILURE: u32 = 0x80000000;
const ACTIVITY_SHUTDOWN: u32 = 2;

/** What the next exit records besides reason and qualification; `vmExit` consumes it. */
let interruption: u32 = 0;
let errorCode: u32 = 0;
let information: u32 = 0;
let length: u32 = 0;
let linearAddress: u64 = 0;
let physicalAddress: u64 = 0;
let resumeFlag: bool = false;
let isDirect: bool = false;

/** Interruption information and error code of an exception, NMI or interrupt that causes the exit. */
export function noteInterruption(info: u32, error: u32): void {
  interruption = info;
  errorCode = error;
}
/** The exit is a fault whose stack frame would have RF set. */
export function noteResumeFlag(): void {
  resumeFlag = true;
}
/** #DF or triple fault: not an exit "during event delivery", so no IDT-vectoring information. */
export function noteDirect(): void {
  isDirect = true;
}
export function noteInformation(info: u32): void {
  information = info;
}
export function noteLength(bytes: u32): void {
  length = bytes;
}
export function noteAddresses(linear: u64, physical: u64): void {
  linearAddress = linear;
  physicalAddress = physical;
}

/** Exit because of the instruction in `r`: saves its length and RIP. */
export function exitForInstruction(reason: u32, qualification: u64, r: usize): void {
  length = instructionLength(r);
  store<u64>(RIP, recordRip(r));
  vmExit(reason, qualification);
}

/** A VM exit from the guest whose RIP is in the state. */
export function vmExit(reason: u32, qualification: u64): void {
  countExit(reason);
  // an instruction that exits has not been executed: its cost is given back
  if (current) unfinished = true;
  recordExit(reason, qualification);
  saveTimer();
  let flags = getFlags();
  if (resumeFlag) flags |= RF;
  else if (length) flags &= ~u64(RF);
  saveGuest(load<u64>(RIP), flags);
  disarmMonitor();
  charge(COST_VM_EXIT, 1);
  if (reason == F.REASON_EXCEPTION_NMI && (interruption & 0xff) == 14) charge(COST_VM_EXIT_PAGEFAULT, 1);
  forget();
  endDelivery();
  clearFault();
  // the entry's event has been consumed
  put(F.F_ENTRY_INTERRUPTION, get32(F.F_ENTRY_INTERRUPTION) & 0x7fffffff);
  if (!storeMsrs()) abort(ABORT_SAVE_MSRS);
  else toHost();
}

/** A VM entry that failed after the controls and host state were accepted: an exit without guest state to save. */
export function exitFromEntry(reason: u32, qualification: u64): void {
  countExit(reason);
  recordExit(reason | ENTRY_FAILURE, qualification);
  forget();
  charge(COST_VM_EXIT, 1);
  toHost();
}

function countExit(reason: u32): void {
  const counter = <usize>COUNT_VM_EXITS + (reason << 3);
  store<u64>(counter, load<u64>(counter) + 1);
}

function recordExit(reason: u32, qualification: u64): void {
  put(F.F_EXIT_REASON, reason);
  put(F.F_QUALIFICATION, qualification);
  put(F.F_EXIT_INTERRUPTION, interruption);
  put(F.F_EXIT_ERROR_CODE, errorCode);
  put(F.F_EXIT_INFORMATION, information);
  put(F.F_EXIT_LENGTH, length);
  put(F.F_GUEST_LINEAR, linearAddress);
  put(F.F_GUEST_PHYSICAL, physicalAddress);
  const vectoring: u32 = isDirect ? 0 : deliveringInfo;
  put(F.F_IDT_VECTORING, vectoring);
  put(F.F_IDT_VECTORING_ERROR, vectoring & 0x800 ? deliveringError : 0);
  const type = (vectoring >> 8) & 7;
  if (vectoring && type >= 4 && type <= 6) put(F.F_EXIT_LENGTH, deliveringLength);
}

function forget(): void {
  interruption = 0;
  errorCode = 0;
  information = 0;
  length = 0;
  linearAddress = 0;
  physicalAddress = 0;
  resumeFlag = false;
  isDirect = false;
}

function saveTimer(): void {
  const deadline = load<u64>(VMX_PREEMPTION_DEADLINE);
  store<u64>(VMX_PREEMPTION_DEADLINE, u64.MAX_VALUE);
  store<u32>(VMX_PENDING, 0);
  if (!(get32(F.F_EXIT_CONTROLS) & F.EXIT_SAVE_PREEMPTION_TIMER)) return;
  const now = exactCycles();
  put(F.F_PREEMPTION_TIMER, deadline > now ? (deadline - now) >> PREEMPTION_TIMER_SHIFT : 0);
}

/** Stores the MSRs of the VM-exit MSR-store area. */
function storeMsrs(): bool {
  const count = get32(F.F_EXIT_MSR_STORE_COUNT);
  const area = get(F.F_EXIT_MSR_STORE);
  for (let i: u32 = 0; i < count; i++) {
    if (i == MSR_LIST_LIMIT) return false;
    const entry = area + (<u64>i << 4);
    if (readPhysical<u32>(entry + 4)) return false;
    const value = readMsr(readPhysical<u32>(entry));
    if (faulted) {
      clearFault();
      return false;
    }
    writePhysical<u64>(entry + 8, value);
  }
  return true;
}

/** True if an MSR may be in a load area: not FS.base, GS.base nor those of the VM transition itself. */
function isLoadable(msr: u32): bool {
  return msr != 0xc0000100 && msr != 0xc0000101 && (msr < 0x480 || msr > 0x491) && (msr & 0xffffff00) != 0x800;
}

/**
 * Loads an MSR area; 0, or the number (from 1) of the entry that could not be loaded. More entries than IA32_VMX_MISC
 * recommends are not loaded.
 */
export function loadMsrs(area: u64, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    if (i == MSR_LIST_LIMIT) return i + 1;
    const entry = area + (<u64>i << 4);
    const msr = readPhysical<u32>(entry);
    if (readPhysical<u32>(entry + 4) || !isLoadable(msr)) return i + 1;
    writeMsr(msr, readPhysical<u64>(entry + 8));
    if (faulted) {
      clearFault();
      return i + 1;
    }
  }
  return 0;
}

function toHost(): void {
  store<u32>(VMX_ROOT, 1);
  noteInstructionCounts();
  // blocking by STI and MOV SS ends; blocking by NMI is virtual in a guest with virtual NMIs
  const virtualNmis = (get32(F.F_PIN_CONTROLS) & F.PIN_VIRTUAL_NMIS) != 0;
  const byNmi = (get32(F.F_EXIT_INTERRUPTION) & 0x80000700) == 0x80000200;
  const blocked: u32 = byNmi ? 8 : virtualNmis ? 0 : load<u32>(INTERRUPTIBILITY) & 8;
  store<u32>(INTERRUPTIBILITY, blocked);
  if (byNmi) store<u32>(NMI_PENDING, 0);
  leave = true;
  if (!loadHost()) abort(ABORT_HOST_PDPTES);
  else if (loadMsrs(get(F.F_EXIT_MSR_LOAD), get32(F.F_EXIT_MSR_LOAD_COUNT))) abort(ABORT_LOAD_MSRS);
}

/** VMX abort: the processor shuts down and says why in the region. */
function abort(indicator: u32): void {
  store<u32>(currentVmcs(), indicator, HEADER_ABORT);
  store<u32>(ACTIVITY, ACTIVITY_SHUTDOWN);
  store<u32>(VMX_ABORTED, indicator);
  store<u32>(STOP_ARGUMENT, indicator);
  leave = true;
  armBreak();
}
