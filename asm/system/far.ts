// Far JMP, CALL and RET: code segments, conforming ones, call gates to the same or an inner privilege level, return to an
// outer one (SDM Vol. 3A "Privilege Level Checking When Transferring Program Control Between Code Segments", Vol. 2 "JMP",
// "CALL", "RET").
import { CS, SS } from '../layout';
import { charge } from '../charge';
import { GP, NP, raise, SS as STACK_FAULT, TS } from '../fault';
import { COST_CALL_GATE, COST_IRET_OUTER, COST_STACK_SWITCH } from '../gen/costs';
import { faulted, leave } from '../globals';
import { readStack } from '../memory';
import { readMemory } from '../operand';
import {
  cpl,
  effectiveAddress,
  immediate,
  immediate2,
  instructionLength,
  operandSize,
  recordNextRip,
  segmentNumber,
  setRegister,
} from '../record';
import { retFarLong, transferLong } from '../long-mode/far';
import { inLongMode } from '../long-mode/state';
import { finishAt } from './finish';
import { in8086Mode, retFarReal, transferReal } from './mode-8086';
import {
  baseOf,
  checkStackDescriptor,
  checkTarget,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  dplOf,
  dropInnerSegments,
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
  setSegmentFrom,
  stackMask,
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
import { segmentRights, segmentSelector } from './state';
import { TASK_BY_CALL, TASK_BY_JMP, taskSwitch } from './task';

/** The far pointer operand. */
let targetSelector: u32 = 0;
let targetOffset: u64 = 0;

/** Reads m16:16 or m16:32. False after a fault. */
export function readFarPointer(r: usize): bool {
  const size = operandSize(r);
  const ea = effectiveAddress(r);
  const seg = segmentNumber(r);
  targetOffset = readMemory(seg, ea, size);
  if (faulted) return false;
  targetSelector = u32(readMemory(seg, ea + size, 2));
  return !faulted;
}
export function farSelector(): u32 {
  return targetSelector;
}
export function farOffset(): u64 {
  return targetOffset;
}

function readOperand(r: usize, isIndirect: bool): bool {
  if (isIndirect) return readFarPointer(r);
  targetSelector = immediate2(r) & 0xffff;
  targetOffset = u64(immediate(r)) & (operandSize(r) == 2 ? 0xffff : 0xffffffff);
  return true;
}

export function jmpFar(r: usize, isIndirect: bool): void {
  if (readOperand(r, isIndirect)) transfer(r, false);
}

export function callFar(r: usize, isIndirect: bool): void {
  if (readOperand(r, isIndirect)) transfer(r, true);
}

/** By the kind of descriptor that the selector names. */
function transfer(r: usize, isCall: bool): void {
  if (inLongMode()) {
    transferLong(r, isCall);
    return;
  }
  const selector = targetSelector;
  if (in8086Mode()) {
    transferReal(r, isCall, selector, targetOffset);
    return;
  }
  if (isNull(selector)) {
    raise(GP, 0);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const rights = rightsOf(descriptorHigh);
  if (isCode(rights)) {
    toCodeSegment(r, isCall, rights);
    return;
  }
  const kind = rights & 0x1f;
  const isTask = kind == 1 || kind == 5 || kind == 9;
  if ((kind != 4 && kind != 12 && !isTask) || dplOf(rights) < cpl() || dplOf(rights) < (selector & 3)) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else if (isTask) {
    const task = kind == 5 ? descriptorLow >> 16 : selector;
    taskSwitch(task, isCall ? TASK_BY_CALL : TASK_BY_JMP, instructionLength(r));
  } else {
    throughCallGate(r, isCall);
  }
}

/** Straight to a code segment: the privilege level stays. */
function toCodeSegment(r: usize, isCall: bool, rights: u32): void {
  const selector = targetSelector;
  const level = cpl();
  const dpl = dplOf(rights);
  const isLegal = isConforming(rights) ? dpl <= level : dpl == level && (selector & 3) <= level;
  if (!isLegal) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else {
    enterSameLevel(r, isCall, selector, operandSize(r));
  }
}

/** Pushes the return address for a CALL and goes to `targetOffset` of the code segment just fetched. */
function enterSameLevel(r: usize, isCall: bool, selector: u32, size: u32): void {
  const low = descriptorLow;
  const high = descriptorHigh;
  const place = descriptorAddress;
  if (isCall) {
    openCurrentFrame();
    if (!hasFrameRoom(2, size)) {
      raise(STACK_FAULT, 0);
      return;
    }
  }
  if (!checkTarget(low, high, targetOffset) || !markAccessed(place, high)) return;
  if (isCall) {
    if (!framePush(segmentSelector(CS), size) || !framePush(recordNextRip(r), size)) return;
    setRegister(4, framePointer);
  }
  setCodeSegment((selector & 0xfffc) | cpl(), low, high);
  finishAt(targetOffset);
}

/** The descriptor just fetched is a call gate that may be used. */
function throughCallGate(r: usize, isCall: bool): void {
  const size: u32 = rightsOf(descriptorHigh) & 8 ? 4 : 2;
  const parameters = descriptorHigh & 0x1f;
  const selector = descriptorLow >> 16;
  targetOffset = size == 4 ? (descriptorHigh & 0xffff0000) | (descriptorLow & 0xffff) : descriptorLow & 0xffff;
  if (isNull(selector)) {
    raise(GP, 0);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const rights = rightsOf(descriptorHigh);
  const dpl = dplOf(rights);
  const level = cpl();
  const isInner = isCall && !isConforming(rights) && dpl < level;
  if (!isCode(rights) || (isConforming(rights) || isCall ? dpl > level : dpl != level)) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else if (isInner) {
    callInner(r, selector, dpl, size, parameters);
  } else {
    enterSameLevel(r, isCall, selector, size);
  }
  if (!faulted && leave) charge(COST_CALL_GATE, 1);
}

/** CALL through a gate to an inner privilege level: the TSS gives the stack, parameters are copied. */
function callInner(r: usize, selector: u32, level: u32, size: u32, parameters: u32): void {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  if (!readInnerStack(level)) return;
  const stackSelector = innerSelector;
  if (!checkStackDescriptor(stackSelector, level, TS)) return;
  const stackLow = descriptorLow;
  const stackHigh = descriptorHigh;
  const stackPlace = descriptorAddress;
  openFrame(rightsOf(stackHigh), baseOf(stackLow, stackHigh), limitOf(stackLow, stackHigh), innerPointer, level);
  if (!hasFrameRoom(parameters + 4, size)) {
    raise(STACK_FAULT, selectorError(stackSelector));
    return;
  }
  if (!checkTarget(codeLow, codeHigh, targetOffset)) return;
  if (!markAccessed(codePlace, codeHigh) || !markAccessed(stackPlace, stackHigh)) return;
  if (!framePush(segmentSelector(SS), size) || !framePush(stackPointer(), size)) return;
  const mask = stackMask(segmentRights(SS));
  for (let i = parameters; i > 0; i--) {
    const item = readStack((stackPointer() + (i - 1) * size) & mask, size);
    if (faulted || !framePush(item, size)) return;
  }
  if (!framePush(segmentSelector(CS), size) || !framePush(recordNextRip(r), size)) return;
  setRegister(4, framePointer);
  setCodeSegment((selector & 0xfffc) | level, codeLow, codeHigh);
  setSegmentFrom(SS, (stackSelector & 0xfffc) | level, stackLow, stackHigh);
  charge(COST_STACK_SWITCH, 1);
  finishAt(targetOffset);
}

export function retFar(r: usize): void {
  if (inLongMode()) {
    retFarLong(r);
    return;
  }
  if (in8086Mode()) {
    retFarReal(r);
    return;
  }
  const size = operandSize(r);
  const release = u64(immediate(r)) & 0xffff;
  const mask = stackMask(segmentRights(SS));
  const ip = readStack(stackPointer() & mask, size);
  if (faulted) return;
  const selector = u32(readStack((stackPointer() + size) & mask, size)) & 0xffff;
  if (faulted || !checkReturnSegment(selector)) return;
  if ((selector & 3) > cpl()) {
    returnOuter(selector, ip, size, (size << 1) + u32(release), release);
  } else if (checkTarget(descriptorLow, descriptorHigh, ip) && markAccessed(descriptorAddress, descriptorHigh)) {
    setCodeSegment(selector, descriptorLow, descriptorHigh);
    releaseStack((size << 1) + u32(release));
  } else {
    return;
  }
  if (!faulted) finishAt(ip);
}

/** ESP (SP with a 16-bit stack) += bytes. */
export function releaseStack(bytes: u32): void {
  const mask = stackMask(segmentRights(SS));
  const pointer = stackPointer();
  setRegister(4, (pointer & ~mask) | ((pointer + bytes) & mask));
}

/** Reads and checks the code segment of a far RET or IRET. False after a fault. */
export function checkReturnSegment(selector: u32): bool {
  if (isNull(selector)) {
    raise(GP, 0);
    return false;
  }
  if (!fetchDescriptor(selector, GP)) return false;
  const rights = rightsOf(descriptorHigh);
  const rpl = selector & 3;
  const isLegal =
    isCode(rights) && rpl >= cpl() && (isConforming(rights) ? dplOf(rights) <= rpl : dplOf(rights) == rpl);
  if (!isLegal) {
    raise(GP, selectorError(selector));
    return false;
  }
  if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
    return false;
  }
  return true;
}

/**
 * The rest of a return to an outer privilege level: SS:ESP lie `at` bytes above the stack pointer; `release` more bytes
 * are dropped from the outer stack. The descriptor of CS has just been checked. The caller sets RIP and flags.
 */
export function returnOuter(selector: u32, ip: u64, size: u32, at: u32, release: u64): void {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  const rpl = selector & 3;
  const mask = stackMask(segmentRights(SS));
  const pointer = readStack((stackPointer() + at) & mask, size);
  if (faulted) return;
  const stackSelector = u32(readStack((stackPointer() + at + size) & mask, size)) & 0xffff;
  if (faulted) return;
  if (isNull(stackSelector)) {
    raise(GP, 0);
    return;
  }
  if (!checkStackDescriptor(stackSelector, rpl, GP)) return;
  if (!checkTarget(codeLow, codeHigh, ip)) return;
  if (!markAccessed(codePlace, codeHigh) || !markAccessed(descriptorAddress, descriptorHigh)) return;
  const outerMask = stackMask(rightsOf(descriptorHigh));
  setRegister(4, (stackPointer() & ~outerMask) | ((pointer + release) & outerMask));
  setSegmentFrom(SS, stackSelector, descriptorLow, descriptorHigh);
  setCodeSegment(selector, codeLow, codeHigh);
  dropInnerSegments();
  charge(COST_IRET_OUTER, 1);
}
