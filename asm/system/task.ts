// Hardware task switches (SDM Vol. 3A "Task Switching", "Task Linking", with the tables "Exception Conditions Checked During
// a Task Switch" and "Effect of a Task Switch on Busy Flag, NT Flag, Previous Task Link Field, and TS Flag"); in VMX non-root
// operation a VM exit (Vol. 3C "Treatment of Task Switches").
//
// Whatever can fail is tried first: such a fault belongs to the old task. Then the old state is saved and the new one loaded
// without its descriptors: the switch is committed. What goes wrong from there on is a fault of the new task, before its
// first instruction.
import { CR0, CR3, CS, DR, INTERRUPTIBILITY, PENDING_DEBUG, TR } from '../layout';
import { charge } from '../charge';
import { GP, NP, raise, TS } from '../fault';
import { getFlags, NT, setFlags } from '../flags';
import { COST_CR3_WRITE, COST_LOAD, COST_STORE } from '../gen/costs';
import { current, faulted, leave, ripIsFinal } from '../globals';
import { probeSystem, push, readSystem, writeSystem } from '../memory';
import { arePdptesValid, loadPdptes } from '../paging';
import { recordNextRip } from '../record';
import { flushTlb } from '../tlb';
import { interceptTaskSwitch } from '../vmx/intercept-events';
import { debugChanged, DR6_BT } from './debug-registers';
import { BLOCKED_BY_MOV_SS, BLOCKED_BY_STI, cancelStep } from './events';
import {
  deliveringError,
  deliveringHasError,
  deliveringInfo,
  deliveringLength,
  eventType,
  finishDelivery,
  returnFlags,
  returnRip,
} from './interrupt';
import {
  baseOf,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  externalBit,
  fetchDescriptor,
  isNull,
  isPresent,
  limitOf,
  rightsOf,
  selectorError,
  setSegment,
} from './segment';
import {
  CR0_PG,
  CR0_TS,
  CR4_PAE,
  CR4_PGE,
  cr0,
  cr4,
  linear32,
  RIGHTS_UNUSABLE,
  segmentBase,
  segmentLimit,
  segmentRights,
  segmentSelector,
  setRip,
} from './state';
import { loadTaskSegments } from './task-segments';
import {
  isTaskComplete,
  loadState,
  probeLoad,
  probeSave,
  readCr3,
  saveState,
  takesState,
  taskFlags,
  taskLdt,
  taskRip,
  taskTraps,
} from './task-state';

/** Sources of a task switch, as in the exit qualification. */
export const TASK_BY_CALL: u32 = 0;
export const TASK_BY_IRET: u32 = 1;
export const TASK_BY_JMP: u32 = 2;
export const TASK_GATE_IN_IDT: u32 = 3;

/** Busy bit in the type of a TSS descriptor; the bit that tells a 32-bit TSS from a 16-bit one. */
const BUSY: u32 = 2;
const TSS_32: u32 = 8;
/** L0 to L3 and LE of DR7: a task switch clears them (SDM Vol. 3B "Debug Control Register (DR7)"). */
const DR7_LOCAL: u64 = 0x155;

/** The TSS descriptor of the new task. */
let newSelector: u32 = 0;
let newLow: u32 = 0;
let newHigh: u32 = 0;
let newPlace: u64 = 0;

/** The instruction or event asks for a switch to the task `selector`. */
export function taskSwitch(selector: u32, source: u32, length: u32): void {
  if (!checkNewTask(selector, source)) return;
  if (interceptTaskSwitch(selector, source, length) || faulted) return;
  if (!checkMemory(source)) return;
  const isNested = source == TASK_BY_CALL || source == TASK_GATE_IN_IDT;
  leaveOldTask(source);
  enterNewTask(source, isNested);
  const isLoaded = loadTaskSegments(taskLdt) && pushError() && checkRip();
  if (isLoaded && taskTraps) store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | DR6_BT);
  // the fault of an instruction leaves RIP at the instruction, but this one belongs to the new task
  if (faulted && current) ripIsFinal = true;
  leave = true;
}

/** IRET with NT set: to the task in the link field of the current TSS. */
export function returnFromTask(length: u32): void {
  if (segmentRights(TR) & RIGHTS_UNUSABLE || segmentLimit(TR) < 1) {
    raise(TS, selectorError(segmentSelector(TR)));
    return;
  }
  const link = readSystem<u16>(segmentBase(TR));
  if (!faulted) taskSwitch(link, TASK_BY_IRET, length);
}

/** Reads and checks the descriptor of the new TSS. */
function checkNewTask(selector: u32, source: u32): bool {
  const isReturn = source == TASK_BY_IRET;
  const vector = isReturn ? TS : GP;
  if (isNull(selector) || selector & 4) {
    raise(vector, selectorError(selector));
    return false;
  }
  if (!fetchDescriptor(selector, vector)) return false;
  const rights = rightsOf(descriptorHigh);
  const wanted: u32 = isReturn ? 1 | BUSY : 1;
  if ((rights & 0x1f & ~TSS_32) != wanted) raise(vector, selectorError(selector));
  else if (!isPresent(rights)) raise(NP, selectorError(selector));
  else if (!isTaskComplete((rights & TSS_32) != 0, limitOf(descriptorLow, descriptorHigh))) {
    raise(TS, selectorError(selector));
  }
  newSelector = selector;
  newLow = descriptorLow;
  newHigh = descriptorHigh;
  newPlace = descriptorAddress;
  return !faulted;
}

function isNew32(): bool {
  return (rightsOf(newHigh) & TSS_32) != 0;
}

/** Where the descriptor of the old TSS lies; it is marked available when the task is left for good. */
function oldPlace(): u64 {
  return fetchDescriptor(segmentSelector(TR), TS) ? descriptorAddress : 0;
}

/** Whether both TSSs and both descriptors can be reached, and the new CR3 be loaded. False: a fault of the old task. */
function checkMemory(source: u32): bool {
  const rights = segmentRights(TR);
  const isOld32 = (rights & TSS_32) != 0;
  if (rights & RIGHTS_UNUSABLE || !takesState(isOld32, segmentLimit(TR))) {
    raise(TS, selectorError(segmentSelector(TR)));
    return false;
  }
  const isNested = source == TASK_BY_CALL || source == TASK_GATE_IN_IDT;
  const base = baseOf(newLow, newHigh);
  if (!probeSave(isOld32, segmentBase(TR)) || !probeLoad(isNew32(), base)) return false;
  if (isNested && !probeSystemWrite(base, 2)) return false;
  if (source != TASK_BY_IRET && !probeSystemWrite(newPlace + 5, 1)) return false;
  if (!isNested) {
    const place = oldPlace();
    if (faulted || !probeSystemWrite(place + 5, 1)) return false;
  }
  const cr3 = readCr3(isNew32(), base);
  if (faulted) return false;
  if (cr3 != load<u64>(CR3) && usesPdptes() && !arePdptesValid(cr3)) raise(GP, 0);
  return !faulted;
}

function probeSystemWrite(linear: u64, size: u32): bool {
  probeSystem(linear32(linear), size);
  return !faulted;
}

/** PAE paging: the task switch loads the PDPTE registers with CR3. */
function usesPdptes(): bool {
  return (cr0() & CR0_PG) != 0 && (cr4() & CR4_PAE) != 0;
}

/** Saves the state; JMP and IRET make the old task available, CALL and interrupts leave it busy. */
function leaveOldTask(source: u32): void {
  let flags = getFlags();
  let rip: u64;
  if (source == TASK_GATE_IN_IDT) {
    const type = eventType(deliveringInfo);
    flags = returnFlags(deliveringInfo & 0xff, type);
    rip = returnRip(type, deliveringLength);
  } else {
    if (source == TASK_BY_IRET) flags &= ~u64(NT);
    rip = recordNextRip(current);
  }
  const isOld32 = (segmentRights(TR) & TSS_32) != 0;
  if (source == TASK_BY_JMP || source == TASK_BY_IRET) {
    const place = oldPlace() + 5;
    writeSystem<u8>(place, readSystem<u8>(place) & ~u8(BUSY));
  }
  saveState(isOld32, segmentBase(TR), rip, flags);
  charge(COST_STORE, isOld32 ? 16 : 14);
}

/** Loads everything but the descriptors of the segments. */
function enterNewTask(source: u32, isNested: bool): void {
  const base = baseOf(newLow, newHigh);
  const is32 = isNew32();
  if (isNested) writeSystem<u16>(base, u16(segmentSelector(TR)));
  if (source != TASK_BY_IRET) writeSystem<u8>(newPlace + 5, u8(newHigh >> 8) | u8(BUSY));
  setSegment(TR, newSelector, rightsOf(newHigh) | BUSY, base, limitOf(newLow, newHigh));
  loadState(is32, base);
  charge(COST_LOAD, is32 ? 19 : 15);
  loadCr3(readCr3(is32, base));
  store<u64>(CR0, cr0() | CR0_TS);
  setFlags(isNested ? taskFlags | NT : taskFlags);
  setRip(taskRip);
  const dr7 = DR + 7 * 8;
  store<u64>(dr7, load<u64>(dr7) & ~DR7_LOCAL);
  debugChanged();
  if (source == TASK_GATE_IN_IDT) finishDelivery(deliveringInfo & 0xff, eventType(deliveringInfo), false);
  else endShadows();
}

/** What STI or MOV SS held off is due, and TF of the old task makes no trap. */
function endShadows(): void {
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
  cancelStep();
}

/** Nothing happens to the TLB unless CR3 changes (SDM Vol. 3A "Operations that Invalidate TLBs and Paging-Structure Caches"). */
function loadCr3(cr3: u64): void {
  if (cr3 == load<u64>(CR3)) return;
  if (usesPdptes()) loadPdptes(cr3);
  store<u64>(CR3, cr3);
  flushTlb((cr4() & CR4_PGE) != 0);
  charge(COST_CR3_WRITE, 1);
}

/** The error code of an exception goes onto the new task's stack, as wide as its TSS. */
function pushError(): bool {
  if (deliveringHasError()) push(deliveringError, isNew32() ? 4 : 2);
  return !faulted;
}

/** EIP must lie in the new code segment. */
function checkRip(): bool {
  if (taskRip <= u64(segmentLimit(CS))) return true;
  raise(GP, externalBit);
  return false;
}
