// Delivery of events through the 64-bit IDT (SDM Vol. 3A "Exception and Interrupt Handling in 64-bit Mode"): 16-byte gates,
// the interrupt stack table, a frame that always has SS:RSP, and no stack segment for the handler.
import { GPR, IDTR_BASE, IDTR_LIMIT, RIP, SS, TR } from '../layout';
import { GP, NP, raise, SS as STACK_FAULT, TS } from '../fault';
import { changeFlags, IF, NT, RF, TF, VM } from '../flags';
import { faulted } from '../globals';
import { readSystem } from '../memory';
import { cpl, setRegister } from '../record';
import { deliveringHasError, finishDelivery, gateFault, pushReturn } from '../system/interrupt';
import {
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  dplOf,
  externalBit,
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
} from '../system/segment';
import { framePointer, framePush, openLongFrame } from '../system/stack-frame';
import {
  RIGHTS_BIG,
  RIGHTS_UNUSABLE,
  segmentBase,
  segmentLimit,
  segmentRights,
  segmentSelector,
} from '../system/state';
import { isCanonical, RIGHTS_LONG } from './state';

/** Offsets in the 64-bit TSS: RSP0, and IST1. */
export const TSS_RSP: u32 = 4;
export const TSS_IST: u32 = 0x24;

/** A stack pointer of the 64-bit TSS (SDM Vol. 3A "64-Bit TSS"). Then `if (faulted) return`. */
function readTss(offset: u32): u64 {
  if (segmentRights(TR) & RIGHTS_UNUSABLE || offset + 7 > segmentLimit(TR)) {
    raise(TS, selectorError(segmentSelector(TR)));
    return 0;
  }
  return readSystem<u64>(segmentBase(TR) + offset);
}

/** RSP for privilege level `level`. Then `if (faulted) return`. */
export function innerStackPointer(level: u32): u64 {
  return readTss(TSS_RSP + (level << 3));
}

/** Code segments that gates of IA-32e mode may name: 64-bit ones. */
export function isLongCode(rights: u32): bool {
  return isCode(rights) && (rights & (RIGHTS_LONG | RIGHTS_BIG)) == RIGHTS_LONG;
}

/** Reads and checks the gate, then the code segment it names. */
export function throughLongGate(vector: u32, type: u32): void {
  if ((vector << 4) + 15 > load<u32>(IDTR_LIMIT)) {
    gateFault(GP, vector);
    return;
  }
  const place = load<u64>(IDTR_BASE) + (vector << 4);
  const gate = readSystem<u64>(place);
  if (faulted) return;
  const upper = readSystem<u64>(place + 8);
  if (faulted) return;
  const high = u32(gate >> 32);
  const rights = rightsOf(high);
  const kind = rights & 0x1f;
  if ((kind != 14 && kind != 15) || (externalBit == 0 && dplOf(rights) < cpl())) {
    gateFault(GP, vector);
    return;
  }
  if (!isPresent(rights)) {
    gateFault(NP, vector);
    return;
  }
  const selector = u32(gate >> 16) & 0xffff;
  if (isNull(selector)) {
    raise(GP, externalBit);
    return;
  }
  if (!fetchDescriptor(selector, GP)) return;
  const codeRights = rightsOf(descriptorHigh);
  if (!isLongCode(codeRights) || dplOf(codeRights) > cpl()) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(codeRights)) {
    raise(NP, selectorError(selector));
  } else {
    enterHandler(vector, type, selector, (gate & 0xffff) | u64(high & 0xffff0000) | (upper << 32), high);
  }
}

/** Pushes the frame and enters the handler; `high` is the gate's second word, `descriptorLow/High` the code segment. */
function enterHandler(vector: u32, type: u32, selector: u32, offset: u64, high: u32): void {
  const codeLow = descriptorLow;
  const codeHigh = descriptorHigh;
  const codePlace = descriptorAddress;
  const level = cpl();
  const target = isConforming(rightsOf(codeHigh)) ? level : dplOf(rightsOf(codeHigh));
  const isInner = target < level;
  const table = high & 7;
  const old = load<u64>(GPR + 32);
  let pointer = old;
  if (table) pointer = readTss(TSS_IST + ((table - 1) << 3));
  else if (isInner) pointer = innerStackPointer(target);
  if (faulted) return;
  pointer &= ~15;
  if (!isCanonical(pointer) || !isCanonical(pointer - 48)) {
    raise(STACK_FAULT, externalBit);
    return;
  }
  if (!isCanonical(offset)) {
    raise(GP, externalBit);
    return;
  }
  if (!markAccessed(codePlace, codeHigh)) return;
  openLongFrame(pointer, target);
  if (!framePush(segmentSelector(SS), 8) || !framePush(old, 8)) return;
  if (!pushReturn(vector, type, 8, deliveringHasError())) return;
  setRegister(4, framePointer);
  setCodeSegment((selector & 0xfffc) | target, codeLow, codeHigh);
  if (isInner) nullStackSegment(target, target);
  store<u64>(RIP, offset);
  changeFlags(TF | NT | RF | VM | (high & 0x100 ? 0 : IF), 0);
  finishDelivery(vector, type, isInner);
}
