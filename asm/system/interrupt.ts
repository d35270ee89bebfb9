// Delivery of events through the IDT (SDM Vol. 3A "Interrupt and Exception Handling", SDM Vol. 2 "INT n/INTO/INT3/INT1").
import { COUNT_VECTORS, CS, IDTR_BASE, IDTR_LIMIT, INTERRUPTIBILITY, PENDING_DEBUG, RIP, SS } from '../layout';
import { charge } from '../charge';
import { DB, GP, NP, raise, SS as STACK_FAULT, TS } from '../fault';
import { changeFlags, getFlags, IF, NT, RF, TF, VM } from '../flags';
import { COST_EXCEPTION_DELIVERY, COST_RING_TRANSITION } from '../gen/costs';
import { faulted, ripMask } from '../globals';
import { readSystem } from '../memory';
import { cpl, setRegister } from '../record';
import { noteEvent } from './branch-records';
import { DR6_BS } from './debug-registers';
import { cancelStep } from './events';
import { in8086Mode, inRealMode, inVirtual8086 } from './mode-8086';
import {
  baseOf,
  checkStackDescriptor,
  checkTarget,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  dplOf,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  limitOf,
  markAccessed,
  rightsOf,
  selectorError,
  setCodeSegment,
  setExternalBit,
  setSegmentFrom,
  externalBit,
} from './segment';
import {
  framePointer,
  framePush,
  hasFrameRoom,
  innerPointer,
  innerSelector,
  openCurrentFrame,
  openFrame,
  readInnerStack,
  stackPointer,
} from './stack-frame';
import { linear32, segmentSelector, setRip } from './state';
import { TASK_GATE_IN_IDT, taskSwitch } from './task';
import { isUnwatched } from './usual';
import { throughUsualGate } from './usual-gate';
import { throughVectorTable } from './vector-table';
import { dropVirtualSegments, pushVirtualSegments } from './virtual-8086';
import { throughLongGate } from '../long-mode/interrupt';
import { inLongMode } from '../long-mode/state';
import { throughUsualLongGate } from '../long-mode/usual-gate';
import { noteMonitorTrap } from '../vmx/intercept-events';

/** Event types, as in the VMX interruption-information field. */
export const EVENT_EXTERNAL: u32 = 0;
export const EVENT_NMI: u32 = 2;
export const EVENT_EXCEPTION: u32 = 3;
export const EVENT_SOFTWARE: u32 = 4;
export const EVENT_PRIVILEGED_SOFTWARE: u32 = 5;
export const EVENT_SOFTWARE_EXCEPTION: u32 = 6;
/** Bit 11 of the interruption information: the event pushes an error code. */
export const EVENT_HAS_ERROR: u32 = 0x800;
export const EVENT_VALID: u32 = 0x80000000;

/** While an event is being delivered: its VMX interruption information (EVENT_VALID set), else 0. What IDT-vectoring information reports. */
export let deliveringInfo: u32 = 0;
export let deliveringError: u32 = 0;
/** Length of the instruction, for software events. */
export let deliveringLength: u32 = 0;

/** An event is being delivered from now on to `endDelivery`. */
export function beginDelivery(info: u32, error: u32, length: u32): void {
  deliveringInfo = info | EVENT_VALID;
  deliveringError = error;
  deliveringLength = length;
}

/** The event was delivered, or turned into something else that was. */
export function endDelivery(): void {
  deliveringInfo = 0;
}

export function eventType(info: u32): u32 {
  return (info >> 8) & 7;
}

/** Exceptions of class fault; #DB is one or the other by its cause (SDM Vol. 3A "Exception and Interrupt Reference"). */
const FAULTS: u32 = 0x003b_7ce1;

/**
 * Delivers one event through the IDT. RIP in the state is the return address, for software events (types 4 to 6) that of
 * the instruction of `length` bytes. A fault in mid-delivery leaves `faulted` set and `deliveringInfo` valid; the outer
 * loop's `deliverFault` combines the two. Used by VM entry for event injection as well.
 */
export function deliverEvent(info: u32, error: u32, length: u32): void {
  if (deliversAsUsual(info, error, length)) return;
  const type = eventType(info);
  const from = load<u64>(RIP);
  beginDelivery(info, error, length);
  setExternalBit(isSoftware(type) ? 0 : 1);
  if (inLongMode()) throughLongGate(info & 0xff, type);
  else if (inRealMode()) throughVectorTable(info & 0xff, type);
  else throughGate(info & 0xff, type);
  setExternalBit(0);
  if (faulted) return;
  noteEvent(from, (info & 0xff) == DB && type != EVENT_SOFTWARE);
  endDelivery();
}

/** The same in one piece if nothing about it is unusual. False: nothing has changed. */
// @ts-ignore: decorator
@inline
export function deliversAsUsual(info: u32, error: u32, length: u32): bool {
  if (in8086Mode() || !isUnwatched()) return false;
  return inLongMode() ? throughUsualLongGate(info, error, length) : throughUsualGate(info, error, length);
}

/** INT n, INT3 and INTO: of these the DPL of the gate is checked, and selector errors have EXT clear. */
// @ts-ignore: decorator
@inline
export function isSoftware(type: u32): bool {
  return type == EVENT_SOFTWARE || type == EVENT_SOFTWARE_EXCEPTION;
}

/** Does the event being delivered push an error code? */
export function deliveringHasError(): bool {
  return (deliveringInfo & EVENT_HAS_ERROR) != 0;
}

export function gateFault(vector: u32, gate: u32): void {
  raise(vector, (gate << 3) | 2 | externalBit);
}

/** Reads and checks the gate, then the code segment it names. */
function throughGate(vector: u32, type: u32): void {
  if ((vector << 3) + 7 > load<u32>(IDTR_LIMIT)) {
    gateFault(GP, vector);
    return;
  }
  const gate = readSystem<u64>(linear32(load<u64>(IDTR_BASE) + (vector << 3)));
  if (faulted) return;
  const low = u32(gate);
  const high = u32(gate >> 32);
  const rights = rightsOf(high);
  const kind = rights & 0x1f;
  const isSoftware = externalBit == 0;
  if ((kind != 5 && kind != 6 && kind != 7 && kind != 14 && kind != 15) || (isSoftware && dplOf(rights) < cpl())) {
    gateFault(GP, vector);
    return;
  }
  if (!isPresent(rights)) {
    gateFault(NP, vector);
    return;
  }
  const selector = low >> 16;
  if (kind == 5) {
    taskSwitch(selector, TASK_GATE_IN_IDT, deliveringLength);
    return;
  }
  if (isNull(selector)) {
    raise(GP, externalBit);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const codeRights = rightsOf(descriptorHigh);
  if (!isCode(codeRights) || dplOf(codeRights) > cpl()) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(codeRights)) {
    raise(NP, selectorError(selector));
  } else {
    enterHandler(vector, type, selector, kind & 8 ? (high & 0xffff0000) | (low & 0xffff) : low & 0xffff, kind);
  }
}

/** Pushes the frame and enters the handler; `descriptorLow/High` describe its code segment. */
function enterHandler(vector: u32, type: u32, selector: u32, offset: u32, kind: u32): void {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  const level = cpl();
  const target = isConforming(rightsOf(codeHigh)) ? level : dplOf(rightsOf(codeHigh));
  const isInner = target < level;
  const hasError = (deliveringInfo & EVENT_HAS_ERROR) != 0;
  const size: u32 = kind & 8 ? 4 : 2;
  const isVirtual = inVirtual8086();
  if (isVirtual && target != 0) {
    raise(GP, selectorError(selector));
    return;
  }
  let stackLow: u32 = 0;
  let stackHigh: u32 = 0;
  let stackSelector: u32 = 0;
  if (isInner) {
    if (!readInnerStack(target)) return;
    stackSelector = innerSelector;
    if (!checkStackDescriptor(stackSelector, target, TS)) return;
    stackLow = descriptorLow;
    stackHigh = descriptorHigh;
    openFrame(rightsOf(stackHigh), baseOf(stackLow, stackHigh), limitOf(stackLow, stackHigh), innerPointer, target);
    if (!hasFrameRoom((hasError ? 6 : 5) + (isVirtual ? 4 : 0), size)) {
      raise(STACK_FAULT, selectorError(stackSelector));
      return;
    }
    const stackPlace = descriptorAddress;
    if (!checkTarget(codeLow, codeHigh, offset) || !markAccessed(stackPlace, stackHigh)) return;
  } else {
    openCurrentFrame();
    if (!hasFrameRoom(hasError ? 4 : 3, size)) {
      raise(STACK_FAULT, externalBit);
      return;
    }
    if (!checkTarget(codeLow, codeHigh, offset)) return;
  }
  if (!markAccessed(codePlace, codeHigh)) return;
  if (isVirtual && !pushVirtualSegments(size)) return;
  if (isInner && !(framePush(segmentSelector(SS), size) && framePush(stackPointer(), size))) return;
  if (!pushReturn(vector, type, size, hasError)) return;
  setRegister(4, framePointer);
  setCodeSegment((selector & 0xfffc) | target, codeLow, codeHigh);
  if (isInner) setSegmentFrom(SS, stackSelector, stackLow, stackHigh);
  if (isVirtual) dropVirtualSegments();
  setRip(offset);
  changeFlags(TF | NT | RF | VM | (kind & 1 ? 0 : IF), 0);
  finishDelivery(vector, type, isInner);
}

/** Pushes EFLAGS, CS, EIP and the error code. */
export function pushReturn(vector: u32, type: u32, size: u32, hasError: bool): bool {
  return (
    framePush(returnFlags(vector, type), size) &&
    framePush(segmentSelector(CS), size) &&
    framePush(returnRip(type, deliveringLength), size) &&
    (!hasError || framePush(deliveringError, size))
  );
}

/** RFLAGS that the event being delivered saves: RF is set for faults. */
export function returnFlags(vector: u32, type: u32): u64 {
  const isFault = type == EVENT_EXCEPTION && (((FAULTS >> vector) & 1) != 0 || isGeneralDetect);
  return isFault ? getFlags() | RF : getFlags();
}

/** RIP that the event being delivered saves: software events return behind their instruction. */
export function returnRip(type: u32, length: u32): u64 {
  const rip = load<u64>(RIP);
  return type >= EVENT_SOFTWARE ? (rip + length) & ripMask : rip;
}

/** #DB because of DR7.GD is a fault and pushes RF = 1, unlike the other causes of #DB. */
let isGeneralDetect: bool = false;
export function markGeneralDetect(is: bool): void {
  isGeneralDetect = is;
}

// @ts-ignore: decorator
@inline
export function finishDelivery(vector: u32, type: u32, isInner: bool): void {
  // the shadow of STI or MOV SS ends, and an INT n that was single-stepped does not trap
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~3);
  cancelStep();
  noteMonitorTrap();
  // nor does a MOV SS in front of it, whose trap had to wait; its data breakpoints are not lost
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) & ~DR6_BS);
  store<u64>(COUNT_VECTORS + (vector << 3), load<u64>(COUNT_VECTORS + (vector << 3)) + 1);
  // the gate of INT n and its like is the static cost of the instruction
  if (type < EVENT_SOFTWARE) charge(COST_EXCEPTION_DELIVERY, 1);
  if (isInner) charge(COST_RING_TRANSITION, 1);
}
