// Descriptor-table registers and segment queries: LGDT LIDT SGDT SIDT LLDT LTR SLDT STR LAR LSL VERR VERW ARPL
// (SDM Vol. 2 of each, Vol. 3A "Memory-Management Registers", "Pointer Validation").
import { GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, LDTR, TR } from '../layout';
import { GP, NP, raise } from '../fault';
import { setZero } from '../flags';
import { code64, faulted } from '../globals';
import { inLongMode, isCanonicalBase } from '../long-mode/state';
import { readSystem, writeSystem } from '../memory';
import { readMemory, readReg, readRm, writeMemory, writeReg, writeRm } from '../operand';
import { cpl, effectiveAddress, isMemory, operandSize, segmentNumber } from '../record';
import {
  interceptDescriptorTable,
  TABLE_LGDT,
  TABLE_LIDT,
  TABLE_LLDT,
  TABLE_LTR,
  TABLE_SGDT,
  TABLE_SIDT,
  TABLE_SLDT,
  TABLE_STR,
} from '../vmx/intercepts';
import { finish } from './finish';
import {
  baseOf,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  descriptorPlace,
  dplOf,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isWritableData,
  limitOf,
  nullSegment,
  rightsOf,
  selectorError,
  setSegment,
} from './segment';
import { CR4_UMIP, cr4, RIGHTS_S, segmentSelector } from './state';

/** #GP(0) unless CPL is 0. */
function isPrivileged(): bool {
  if (!cpl()) return true;
  raise(GP, 0);
  return false;
}

/** #GP(0) at CPL above 0 while CR4.UMIP is set. */
function mayStoreTable(): bool {
  return !(cr4() & CR4_UMIP) || isPrivileged();
}

function loadTable(r: usize, table: u32, base: usize, limit: usize): void {
  if (!isPrivileged() || interceptDescriptorTable(r, table)) return;
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const newLimit = u32(readMemory(seg, ea, 2));
  if (faulted) return;
  const newBase = readMemory(seg, ea + 2, code64 ? 8 : 4);
  if (faulted) return;
  if (code64 && !isCanonicalBase(newBase)) {
    raise(GP, 0);
    return;
  }
  store<u32>(limit, newLimit);
  store<u64>(base, operandSize(r) == 2 ? newBase & 0xffffff : newBase);
  finish(r);
}

export function lgdt(r: usize): void {
  loadTable(r, TABLE_LGDT, GDTR_BASE, GDTR_LIMIT);
}
export function lidt(r: usize): void {
  loadTable(r, TABLE_LIDT, IDTR_BASE, IDTR_LIMIT);
}

/** Six bytes whatever the operand size is, ten in 64-bit code. */
function storeTable(r: usize, table: u32, base: usize, limit: usize): void {
  if (!mayStoreTable() || interceptDescriptorTable(r, table)) return;
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  writeMemory(seg, ea, 2, load<u32>(limit));
  if (!faulted) writeMemory(seg, ea + 2, code64 ? 8 : 4, load<u64>(base));
}

export function sgdt(r: usize): void {
  storeTable(r, TABLE_SGDT, GDTR_BASE, GDTR_LIMIT);
}
export function sidt(r: usize): void {
  storeTable(r, TABLE_SIDT, IDTR_BASE, IDTR_LIMIT);
}

function storeSelector(r: usize, table: u32, seg: u32): void {
  if (!mayStoreTable() || interceptDescriptorTable(r, table)) return;
  writeRm(r, isMemory(r) ? 2 : operandSize(r), segmentSelector(seg));
}

export function sldt(r: usize): void {
  storeSelector(r, TABLE_SLDT, LDTR);
}
export function str(r: usize): void {
  storeSelector(r, TABLE_STR, TR);
}

/** Upper half of the base of the LDT or TSS descriptor read last: IA-32e mode has 16-byte descriptors. */
let upperBase: u64 = 0;

/** Reads the GDT descriptor of an LDT or TSS. False after a fault. */
function fetchSystem(selector: u32): bool {
  upperBase = 0;
  const isOutside = (selector & 4) != 0 || (inLongMode() && descriptorPlace(selector + 8) == u64.MAX_VALUE);
  if (isOutside) raise(GP, selectorError(selector));
  if (isOutside || !fetchDescriptor(selector, GP)) return false;
  if (!inLongMode()) return true;
  const upper = readSystem<u64>(descriptorAddress + 8);
  if (faulted) return false;
  upperBase = upper << 32;
  if (!((upper >> 40) & 0x1f) && isCanonicalBase(upperBase | baseOf(descriptorLow, descriptorHigh))) return true;
  raise(GP, selectorError(selector));
  return false;
}

export function lldt(r: usize): void {
  if (!isPrivileged() || interceptDescriptorTable(r, TABLE_LLDT)) return;
  const selector = u32(readRm(r, 2));
  if (faulted) return;
  if (isNull(selector)) {
    nullSegment(LDTR, selector);
    finish(r);
    return;
  }
  if (!fetchSystem(selector)) return;
  const rights = rightsOf(descriptorHigh);
  if ((rights & 0x1f) != 2) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else {
    setSegment(
      LDTR,
      selector,
      rights,
      upperBase | baseOf(descriptorLow, descriptorHigh),
      limitOf(descriptorLow, descriptorHigh),
    );
    finish(r);
  }
}

/** LTR marks the TSS busy in its descriptor. */
export function ltr(r: usize): void {
  if (!isPrivileged() || interceptDescriptorTable(r, TABLE_LTR)) return;
  const selector = u32(readRm(r, 2));
  if (faulted) return;
  if (isNull(selector)) {
    raise(GP, 0);
    return;
  }
  if (!fetchSystem(selector)) return;
  const rights = rightsOf(descriptorHigh);
  const kind = rights & 0x1f;
  if (kind != 9 && (kind != 1 || inLongMode())) {
    raise(GP, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else {
    const low = descriptorLow;
    const high = descriptorHigh;
    writeSystem<u8>(descriptorAddress + 5, u8(rights | 2));
    if (faulted) return;
    setSegment(TR, selector, rights | 2, upperBase | baseOf(low, high), limitOf(low, high));
    finish(r);
  }
}

/** System descriptor types LAR and LSL know (SDM Vol. 2 "LAR", "LSL": tables of types). */
const LAR_TYPES: u32 = 0x1a3e;
const LSL_TYPES: u32 = 0x0a0e;
const LONG_LAR_TYPES: u32 = 0x1a04;
const LONG_LSL_TYPES: u32 = 0x0a04;

/** Both halves of the descriptor that was looked at. */
let queryLow: u32 = 0;
let queryHigh: u32 = 0;

/** Is the selector one whose descriptor may be looked at, by table limit and privilege? Never faults for a bad selector. */
function isVisible(selector: u32): bool {
  if (isNull(selector)) return false;
  const place = descriptorPlace(selector);
  if (place == u64.MAX_VALUE) return false;
  const both = readSystem<u64>(place);
  if (faulted) return false;
  queryLow = u32(both);
  queryHigh = u32(both >> 32);
  const rights = rightsOf(queryHigh);
  if (isCode(rights) && isConforming(rights)) return true;
  return dplOf(rights) >= max(cpl(), selector & 3);
}

/** Reads the selector, looks, and sets ZF; true when the destination is to be written. */
function query(r: usize, systemTypes: u32): bool {
  const selector = u32(readRm(r, 2));
  if (faulted) return false;
  const seen = isVisible(selector);
  if (faulted) return false;
  const rights = rightsOf(queryHigh);
  const isKnown = seen && (rights & RIGHTS_S || (systemTypes >> (rights & 0xf)) & 1);
  setZero(isKnown);
  return isKnown;
}

export function lar(r: usize): void {
  if (query(r, inLongMode() ? LONG_LAR_TYPES : LAR_TYPES)) writeReg(r, operandSize(r), queryHigh & 0xffff00);
}

export function lsl(r: usize): void {
  if (query(r, inLongMode() ? LONG_LSL_TYPES : LSL_TYPES)) writeReg(r, operandSize(r), limitOf(queryLow, queryHigh));
}

function verify(r: usize, forWrite: bool): void {
  const selector = u32(readRm(r, 2));
  if (faulted) return;
  const seen = isVisible(selector);
  if (faulted) return;
  const rights = rightsOf(queryHigh);
  setZero(seen && (forWrite ? isWritableData(rights) : isReadable(rights)));
}

export function verr(r: usize): void {
  verify(r, false);
}
export function verw(r: usize): void {
  verify(r, true);
}

/** Raises the RPL of the destination to that of the source. */
export function arpl(r: usize): void {
  const destination = u32(readRm(r, 2));
  if (faulted) return;
  const rpl = u32(readReg(r, 2)) & 3;
  const isRaised = (destination & 3) < rpl;
  if (isRaised) {
    writeRm(r, 2, (destination & ~3) | rpl);
    if (faulted) return;
  }
  setZero(isRaised);
}
