// Far JMP, CALL and RET in IA-32e mode: between 64-bit and compatibility code, 64-bit call gates; no task gates or switches
// (SDM Vol. 3A "64-Bit Mode Far Pointers", "IA-32e Mode Call Gates"; Vol. 2 "JMP", "CALL", "RET").
import { CS, GPR, SS } from '../layout';
import { charge } from '../charge';
import { GP, NP, raise, SS as STACK_FAULT } from '../fault';
import { COST_CALL_GATE, COST_IRET_OUTER, COST_STACK_SWITCH } from '../gen/costs';
import { faulted } from '../globals';
import { push, readStack, readSystem, setStackPointer, stackMask } from '../memory';
import { cpl, immediate, operandSize, recordNextRip, setRegister } from '../record';
import { checkReturnSegment, farOffset, farSelector } from '../system/far';
import { finishAt } from '../system/finish';
import {
  checkStackDescriptor,
  checkTarget,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  descriptorPlace,
  dplOf,
  dropInnerSegments,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  markAccessed,
  nullStackSegment,
  rightsOf,
  selectorError,
  setCodeSegment,
  setSegmentFrom,
} from '../system/segment';
import { framePointer, framePush, openLongFrame } from '../system/stack-frame';
import { RIGHTS_BIG, segmentSelector } from '../system/state';
import { innerStackPointer, isLongCode } from './interrupt';
import { isCanonical, RIGHTS_LONG } from './state';

/** Call gate: the only system descriptor a far transfer may name. */
const CALL_GATE: u32 = 12;

/** Code that is neither 64-bit nor legacy: L and D both set. */
function isConfused(rights: u32): bool {
  return (rights & (RIGHTS_LONG | RIGHTS_BIG)) == (RIGHTS_LONG | RIGHTS_BIG);
}

/** May RIP be `ip` in the code segment described? Raises #GP(0) if not. */
export function checkLongTarget(low: u32, high: u32, ip: u64): bool {
  if (!(rightsOf(high) & RIGHTS_LONG)) return checkTarget(low, high, ip);
  if (isCanonical(ip)) return true;
  raise(GP, 0);
  return false;
}

/** Far JMP or CALL to the pointer just read. */
export function transferLong(r: usize, isCall: bool): void {
  const selector = farSelector();
  if (isNull(selector)) {
    raise(GP, 0);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const rights = rightsOf(descriptorHigh);
  if (isCode(rights)) {
    toCodeSegment(r, isCall, selector, rights);
  } else if ((rights & 0x1f) != CALL_GATE || dplOf(rights) < cpl() || dplOf(rights) < (selector & 3)) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else {
    throughCallGate(r, isCall, selector);
  }
}

function toCodeSegment(r: usize, isCall: bool, selector: u32, rights: u32): void {
  const level = cpl();
  const dpl = dplOf(rights);
  const isLegal = isConforming(rights) ? dpl <= level : dpl == level && (selector & 3) <= level;
  if (!isLegal || isConfused(rights)) raise(GP, selectorError(selector));
  else if (!isPresent(rights)) raise(NP, selectorError(selector));
  else enterSameLevel(r, isCall, selector, farOffset(), operandSize(r));
}

/** Pushes the return address for a CALL and goes to `offset` of the code segment just fetched. */
function enterSameLevel(r: usize, isCall: bool, selector: u32, offset: u64, size: u32): void {
  const low = descriptorLow;
  const high = descriptorHigh;
  const place = descriptorAddress;
  if (!checkLongTarget(low, high, offset)) return;
  if (isCall) {
    const before = load<u64>(GPR + 32);
    push(segmentSelector(CS), size);
    if (faulted) return;
    push(recordNextRip(r), size);
    if (faulted) {
      setRegister(4, before);
      return;
    }
  }
  if (!markAccessed(place, high)) return;
  setCodeSegment((selector & 0xfffc) | cpl(), low, high);
  finishAt(offset);
}

/** The descriptor just fetched is the first half of a call gate that may be used. */
function throughCallGate(r: usize, isCall: bool, gateSelector: u32): void {
  const gateLow = descriptorLow;
  const gateHigh = descriptorHigh;
  // the second half must lie in the table as well, and its type field must be 0
  const upper =
    descriptorPlace(gateSelector + 8) == u64.MAX_VALUE ? u64.MAX_VALUE : readSystem<u64>(descriptorAddress + 8);
  if (faulted) return;
  if ((upper >> 40) & 0x1f) {
    raise(GP, selectorError(gateSelector));
    return;
  }
  const selector = gateLow >> 16;
  const offset = u64((gateHigh & 0xffff0000) | (gateLow & 0xffff)) | (upper << 32);
  if (isNull(selector)) {
    raise(GP, 0);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const rights = rightsOf(descriptorHigh);
  const dpl = dplOf(rights);
  const level = cpl();
  if (!isLongCode(rights) || (isConforming(rights) || isCall ? dpl > level : dpl != level)) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else if (isCall && !isConforming(rights) && dpl < level) {
    callInner(r, selector, dpl, offset);
  } else {
    enterGateSameLevel(r, isCall, selector, offset);
  }
  if (!faulted) charge(COST_CALL_GATE, 1);
}

/** Through a gate the return address is pushed as 8-byte items, from compatibility code too. */
function enterGateSameLevel(r: usize, isCall: bool, selector: u32, offset: u64): void {
  if (!isCall) {
    enterSameLevel(r, false, selector, offset, 8);
    return;
  }
  const low = descriptorLow;
  const high = descriptorHigh;
  const place = descriptorAddress;
  if (!checkLongTarget(low, high, offset)) return;
  openLongFrame(load<u64>(GPR + 32), cpl());
  if (!isCanonical(framePointer) || !isCanonical(framePointer - 16)) {
    raise(STACK_FAULT, 0);
    return;
  }
  if (!framePush(segmentSelector(CS), 8) || !framePush(recordNextRip(r), 8)) return;
  if (!markAccessed(place, high)) return;
  setRegister(4, framePointer);
  setCodeSegment((selector & 0xfffc) | cpl(), low, high);
  finishAt(offset);
}

/** CALL through a gate to an inner privilege level: the TSS gives RSP, SS becomes null, no parameters are copied. */
function callInner(r: usize, selector: u32, level: u32, offset: u64): void {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  const pointer = innerStackPointer(level);
  if (faulted) return;
  if (!isCanonical(pointer) || !isCanonical(pointer - 32)) {
    raise(STACK_FAULT, 0);
    return;
  }
  if (!checkLongTarget(codeLow, codeHigh, offset) || !markAccessed(codePlace, codeHigh)) return;
  openLongFrame(pointer, level);
  if (!framePush(segmentSelector(SS), 8) || !framePush(load<u64>(GPR + 32), 8)) return;
  if (!framePush(segmentSelector(CS), 8) || !framePush(recordNextRip(r), 8)) return;
  setRegister(4, framePointer);
  setCodeSegment((selector & 0xfffc) | level, codeLow, codeHigh);
  nullStackSegment(level, level);
  charge(COST_STACK_SWITCH, 1);
  finishAt(offset);
}

/** Stack pointer at its present width. */
export function currentStackPointer(): u64 {
  return load<u64>(GPR + 32) & stackMask();
}

/** Reads and checks the code segment of a far RET or IRET. False after a fault. */
export function checkLongReturnSegment(selector: u32): bool {
  if (!checkReturnSegment(selector)) return false;
  if (!isConfused(rightsOf(descriptorHigh))) return true;
  raise(GP, selectorError(selector));
  return false;
}

export function retFarLong(r: usize): void {
  const size = operandSize(r);
  const release = u64(immediate(r)) & 0xffff;
  const mask = stackMask();
  const pointer = currentStackPointer();
  const ip = readStack(pointer, size);
  if (faulted) return;
  const selector = u32(readStack((pointer + size) & mask, size)) & 0xffff;
  if (faulted || !checkLongReturnSegment(selector)) return;
  if ((selector & 3) > cpl()) {
    const at = (pointer + 2 * size + release) & mask;
    const newPointer = readStack(at, size);
    if (faulted) return;
    const stackSelector = u32(readStack((at + size) & mask, size)) & 0xffff;
    if (faulted || !returnLong(selector, ip, stackSelector)) return;
    setRegister(4, newPointer);
    setStackPointer(newPointer + release);
  } else {
    if (!checkLongTarget(descriptorLow, descriptorHigh, ip) || !markAccessed(descriptorAddress, descriptorHigh)) return;
    setStackPointer((pointer + 2 * size + release) & mask);
    setCodeSegment(selector, descriptorLow, descriptorHigh);
  }
  finishAt(ip);
}

/**
 * Loads CS (its descriptor has just been checked) and SS for a return; SS may be null when 64-bit code below privilege
 * level 3 is returned to. Nothing has changed when it returns false. The caller sets RSP and RIP.
 */
export function returnLong(selector: u32, ip: u64, stackSelector: u32): bool {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  const rpl = selector & 3;
  const isOuter = rpl > cpl();
  if (isNull(stackSelector)) {
    if (!isLongCode(rightsOf(codeHigh)) || rpl == 3 || (stackSelector & 3) != rpl) {
      raise(GP, 0);
      return false;
    }
    if (!checkLongTarget(codeLow, codeHigh, ip) || !markAccessed(codePlace, codeHigh)) return false;
    nullStackSegment(stackSelector, rpl);
  } else {
    if (!checkStackDescriptor(stackSelector, rpl, GP)) return false;
    if (!checkLongTarget(codeLow, codeHigh, ip)) return false;
    if (!markAccessed(codePlace, codeHigh) || !markAccessed(descriptorAddress, descriptorHigh)) return false;
    setSegmentFrom(SS, stackSelector, descriptorLow, descriptorHigh);
  }
  setCodeSegment(selector, codeLow, codeHigh);
  if (isOuter) {
    dropInnerSegments();
    charge(COST_IRET_OUTER, 1);
  }
  return true;
}
