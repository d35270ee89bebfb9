// What real-address and virtual-8086 mode have in common: segments without descriptors, and the transfers of control between
// them (SDM Vol. 3B "8086 Emulation": "Address Translation in Real-Address Mode", Vol. 2 "JMP", "CALL", "RET", "IRET").
import { CR0, CS, SS } from '../layout';
import { GP, raise, SS as STACK_FAULT } from '../fault';
import { AC, DF, getFlags, hasFlag, ID, IF, NT, RF, setFlags, STATUS_FLAGS, TF, VM } from '../flags';
import { faulted } from '../globals';
import { readStack } from '../memory';
import { immediate, operandSize, recordNextRip, setRegister } from '../record';
import { finishAt } from './finish';
import { setSegment, stackMask } from './segment';
import { framePointer, framePush, hasFrameRoom, openCurrentFrame, stackPointer } from './stack-frame';
import {
  IOPL_MASK,
  RIGHTS_BIG,
  RIGHTS_GRANULAR,
  RIGHTS_PRESENT,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  segmentLimit,
  segmentRights,
  segmentSelector,
  TYPE_ACCESSED,
  TYPE_WRITABLE,
} from './state';

const LIMIT_64K: u32 = 0xffff;
/** Present, read/write, accessed: every segment after RESET, CS too. */
export const REAL_RIGHTS: u32 = RIGHTS_PRESENT | RIGHTS_S | TYPE_WRITABLE | TYPE_ACCESSED;
/** The same with DPL 3. */
const VIRTUAL_RIGHTS: u32 = REAL_RIGHTS | (3 << 5);

export function inRealMode(): bool {
  return !(load<u32>(CR0) & 1);
}
export function inVirtual8086(): bool {
  return hasFlag(VM);
}
/** Real-address or virtual-8086 mode: selectors are paragraph numbers. */
export function in8086Mode(): bool {
  return inRealMode() || inVirtual8086();
}

/**
 * Loads any of the six segment registers without a descriptor; EFLAGS.VM and CR0.PE must say the mode already. In
 * virtual-8086 mode every attribute is fixed. In real-address mode only the base changes: limit, D/B and type stay as
 * protected mode left them (so limits of 4 GiB survive), except that CS may always be written and that a segment a null
 * selector had made unusable becomes a plain 64-KByte one.
 */
export function loadRealSegment(seg: u32, selector: u32): void {
  const base = u64(selector & 0xffff) << 4;
  if (inVirtual8086()) {
    setSegment(seg, selector, VIRTUAL_RIGHTS, base, LIMIT_64K);
    return;
  }
  const rights = segmentRights(seg);
  if (rights & RIGHTS_UNUSABLE || !(rights & RIGHTS_PRESENT)) setSegment(seg, selector, REAL_RIGHTS, base, LIMIT_64K);
  else if (seg != CS) setSegment(seg, selector, rights, base, segmentLimit(seg));
  else setSegment(CS, selector, (rights & (RIGHTS_BIG | RIGHTS_GRANULAR)) | REAL_RIGHTS, base, segmentLimit(CS));
}

/** May IP be `ip`? CS keeps its limit whatever is loaded. Raises #GP(0) if not. */
export function checkRealTarget(ip: u64): bool {
  if (ip <= u64(segmentLimit(CS))) return true;
  raise(GP, 0);
  return false;
}

/** CALL and IRET look at the upper half of EIP besides. */
function checkShortTarget(ip: u64): bool {
  if (ip <= 0xffff) return checkRealTarget(ip);
  raise(GP, 0);
  return false;
}

/** Far JMP or CALL. */
export function transferReal(r: usize, isCall: bool, selector: u32, ip: u64): void {
  if (isCall) {
    const size = operandSize(r);
    openCurrentFrame();
    if (!hasFrameRoom(2, size)) {
      raise(STACK_FAULT, 0);
      return;
    }
    if (!checkShortTarget(ip)) return;
    if (!framePush(segmentSelector(CS), size) || !framePush(recordNextRip(r), size)) return;
    setRegister(4, framePointer);
  } else if (!checkRealTarget(ip)) return;
  loadRealSegment(CS, selector);
  finishAt(ip);
}

/** The words of the return frame that was read last. */
let frameIp: u64 = 0;
let frameSelector: u32 = 0;
export let frameFlags: u32 = 0;

/** Reads IP, CS and, for IRET, the flags from the stack. False after a fault. */
export function readFrame(size: u32, hasFlags: bool): bool {
  const mask = stackMask(segmentRights(SS));
  frameIp = readStack(stackPointer() & mask, size);
  if (faulted) return false;
  frameSelector = u32(readStack((stackPointer() + size) & mask, size)) & 0xffff;
  if (faulted) return false;
  if (hasFlags) frameFlags = u32(readStack((stackPointer() + 2 * size) & mask, size));
  return !faulted;
}

/** The return has been checked: CS:IP from the frame, `bytes` off the stack. */
export function leaveTo(bytes: u32): void {
  const mask = stackMask(segmentRights(SS));
  const pointer = stackPointer();
  setRegister(4, (pointer & ~mask) | ((pointer + bytes) & mask));
  loadRealSegment(CS, frameSelector);
  finishAt(frameIp);
}

export function retFarReal(r: usize): void {
  const size = operandSize(r);
  if (!readFrame(size, false) || !checkRealTarget(frameIp)) return;
  leaveTo(2 * size + (u32(immediate(r)) & 0xffff));
}

/** Flags that POPF and IRET take from the stack where nothing is sensitive to IOPL. */
function changeableFlags(size: u32): u32 {
  const mask = STATUS_FLAGS | TF | IF | DF | NT | (inVirtual8086() ? 0 : IOPL_MASK);
  return size == 2 ? mask : mask | RF | AC | ID;
}

/** IRET in real-address mode, or in virtual-8086 mode with IOPL 3. */
export function iretReal(r: usize): void {
  const size = operandSize(r);
  if (!readFrame(size, true) || !checkShortTarget(frameIp)) return;
  const mask = changeableFlags(size);
  leaveTo(3 * size);
  setFlags((getFlags() & ~u64(mask)) | (frameFlags & mask));
}
