// The x87 register stack, status and control words (SDM Vol. 1 "x87 FPU Execution Environment").
import {
  CR0,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_FERR,
  FPU_IGNNE,
  FPU_IP,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAGS,
  MXCSR,
  SEGMENT_STRIDE,
  SEGMENTS,
  X87,
  XMM,
} from '../layout';
import { NM, raise } from '../fault';
import { effectiveAddress, isMemory, R_IMM, recordRip, segmentNumber } from '../record';
import { mayContinue } from './error';
import {
  begin,
  IE,
  masks,
  pack80,
  packedSig,
  PE,
  raised,
  roundedUp,
  setIndefinite,
  unpack80A,
  unpack80B,
} from './float';

const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;

/** FSW bits. */
export const SF: u32 = 0x40;
export const ES: u32 = 0x80;
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;
export const BUSY: u32 = 0x8000;
export const CONDITIONS: u32 = 0x4700;

/**
 * u32: PE and C1 of results of the quick cases (quick.ts) are added to FSW only when somebody looks at it. So the next
 * instruction need not wait for a result to know where the registers are.
 */
export const FINDING: usize = memory.data(4, 4);

// @ts-ignore: decorator
@inline
export function status(): u32 {
  return load<u16>(FPU_STATUS) | load<u32>(FINDING);
}
// @ts-ignore: decorator
@inline
export function setStatus(v: u32): void {
  store<u16>(FPU_STATUS, u16(v));
  store<u32>(FINDING, 0);
}
/** FSW in the state area becomes what it is. */
export function settleStatus(): void {
  setStatus(status());
}
// @ts-ignore: decorator
@inline
export function control(): u32 {
  return load<u16>(FPU_CONTROL);
}
// @ts-ignore: decorator
@inline
export function top(): u32 {
  return (status() >> 11) & 7;
}
export function setTop(n: u32): void {
  setStatus((status() & ~0x3800) | ((n & 7) << 11));
}
/** Number of the physical register that is ST(i). */
// @ts-ignore: decorator
@inline
export function physical(i: u32): u32 {
  return (top() + i) & 7;
}
// @ts-ignore: decorator
@inline
export function slot(i: u32): usize {
  return X87 + (physical(i) << 4);
}
// @ts-ignore: decorator
@inline
export function isEmpty(i: u32): bool {
  return !((load<u8>(FPU_TAGS) >> physical(i)) & 1);
}
export function setTag(i: u32, full: bool): void {
  const bit = <u32>1 << physical(i);
  store<u8>(FPU_TAGS, u8(full ? load<u8>(FPU_TAGS) | bit : load<u8>(FPU_TAGS) & ~bit));
}

/** Takes ST(i) apart into A or B. */
export function loadA(i: u32): void {
  const at = slot(i);
  unpack80A(load<u16>(at, 8), load<u64>(at));
}
export function loadB(i: u32): void {
  const at = slot(i);
  unpack80B(load<u16>(at, 8), load<u64>(at));
}
/** Writes the packed Z to ST(i) and marks it as used. */
export function storeZ(i: u32): void {
  const se = pack80();
  const at = slot(i);
  store<u64>(at, packedSig);
  store<u16>(at, u16(se), 8);
  setTag(i, true);
}
export function pop(): void {
  setTag(0, false);
  setTop(top() + 1);
}
/** Pushes Z. */
export function pushZ(): void {
  setTop(top() - 1);
  storeZ(0);
}

/** ES and B follow from the exception flags and masks. */
export function updateSummary(): void {
  const now = status();
  const pending = (now & ~control() & 0x3f) != 0;
  setStatus(pending ? now | ES | BUSY : now & ~(ES | BUSY));
}

/** The mode of x87 arithmetic: masks and rounding from the control word. C1 and the exceptions start clear. */
export function beginX87(): void {
  beginKeepingC1();
  setStatus(status() & ~C1);
}
/** The same for FCMOV and FCOMI, which leave C1 alone (as recorded on hardware). */
export function beginKeepingC1(): void {
  const word = control();
  begin(word & 0x3f, (word >> 10) & 3, true);
}

/** Significand bits of the precision control. */
export function precision(): u32 {
  const field = (control() >> 8) & 3;
  return field == 0 ? 24 : field == 2 ? 53 : 64;
}

/** Adds what was raised to FSW; C1 says whether the result was rounded up. */
export function noteExceptions(): void {
  let now = status() | raised;
  if (raised & PE && roundedUp) now |= C1;
  setStatus(now);
  updateSummary();
}

/** Stack underflow (C1 = 0) or overflow (C1 = 1): IE and SF. Returns true when it is masked. */
export function stackFault(isOverflow: bool): bool {
  setStatus((status() & ~C1) | IE | SF | (isOverflow ? C1 : 0));
  updateSummary();
  setIndefinite();
  return (masks & IE) != 0;
}

/** #NM, and what an earlier unmasked exception brings. False when the instruction does not execute. */
export function available(waits: bool): bool {
  if (load<u32>(CR0) & (CR0_EM | CR0_TS)) {
    raise(NM, 0);
    return false;
  }
  return !waits || mayContinue();
}

/** Notes instruction and operand pointers of a non-control instruction. */
export function notePointers(r: usize): void {
  store<u64>(FPU_IP, recordRip(r));
  store<u16>(FPU_CS, load<u16>(SEGMENTS + SEGMENT_STRIDE));
  store<u16>(FPU_OPCODE, u16(load<u32>(r, R_IMM) & 0x7ff));
  if (!isMemory(r)) return;
  store<u64>(FPU_DP, effectiveAddress(r));
  store<u16>(FPU_DS, load<u16>(SEGMENTS + segmentNumber(r) * SEGMENT_STRIDE));
}

/** FNINIT; register contents stay. */
export function initialize(): void {
  store<u16>(FPU_CONTROL, 0x37f);
  setStatus(0);
  store<u8>(FPU_TAGS, 0);
  store<u16>(FPU_OPCODE, 0);
  store<u16>(FPU_CS, 0);
  store<u16>(FPU_DS, 0);
  store<u64>(FPU_IP, 0);
  store<u64>(FPU_DP, 0);
}

/** State after RESET. */
export function resetFpu(): void {
  memory.fill(X87, 0, XMM - X87 + 256);
  initialize();
  store<u16>(FPU_CONTROL, 0x40);
  store<u8>(FPU_TAGS, 0xff);
  store<u32>(MXCSR, 0x1f80);
  store<u32>(FPU_FERR, 0);
  store<u32>(FPU_IGNNE, 0);
}

