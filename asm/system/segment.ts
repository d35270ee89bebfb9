// Segment registers: descriptor caches, their checks and the bounds the fast path uses
// (SDM Vol. 3A "Protected-Mode Memory Management" and "Protection").
import {
  CPL,
  CS,
  DS,
  ES,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  LDTR,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_READ_END,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENT_WRITE_END,
  SS,
} from '../layout';
import { noteInstructionCounts } from '../charge';
import { GP, NP, raise, SS as STACK_FAULT } from '../fault';
import { code64, faulted } from '../globals';
import { codeModeChanged } from '../long-mode/state';
import { readSystem, writeSystem } from '../memory';
import { privilegeChanged } from '../paging';
import { cpl } from '../record';
import { in8086Mode, loadRealSegment } from './mode-8086';
import {
  linear32,
  RIGHTS_BIG,
  RIGHTS_GRANULAR,
  RIGHTS_PRESENT,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  segmentBase,
  segmentCache,
  segmentLimit,
  segmentRights,
  TYPE_ACCESSED,
  TYPE_CODE,
  TYPE_CONFORMING,
  TYPE_EXPAND_DOWN,
  TYPE_READABLE,
  TYPE_WRITABLE,
} from './state';

/** The descriptor read last by `fetchDescriptor`: both halves and where it lies. */
export let descriptorLow: u32 = 0;
export let descriptorHigh: u32 = 0;
export let descriptorAddress: u64 = 0;

/** 1 while an event other than a software interrupt is being delivered: bit 0 (EXT) of every selector error code. */
export let externalBit: u32 = 0;
export function setExternalBit(bit: u32): void {
  externalBit = bit;
}

/** Error code naming a selector (SDM Vol. 3A "Error Code"). */
export function selectorError(selector: u32): u32 {
  return (selector & 0xfffc) | externalBit;
}

/** True for the four null selectors. */
export function isNull(selector: u32): bool {
  return (selector & 0xfffc) == 0;
}

/** Where the descriptor of a selector lies, or all ones if it is outside its table. */
export function descriptorPlace(selector: u32): u64 {
  const offset = selector & 0xfff8;
  if (selector & 4) {
    if (segmentRights(LDTR) & RIGHTS_UNUSABLE || offset + 7 > segmentLimit(LDTR)) return u64.MAX_VALUE;
    return linear32(segmentBase(LDTR) + offset);
  }
  if (offset + 7 > load<u32>(GDTR_LIMIT)) return u64.MAX_VALUE;
  return linear32(load<u64>(GDTR_BASE) + offset);
}

/** Reads a descriptor; outside its table: `vector` with the selector. False when a fault was raised. */
export function fetchDescriptor(selector: u32, vector: u32): bool {
  const place = descriptorPlace(selector);
  if (place == u64.MAX_VALUE) {
    raise(vector, selectorError(selector));
    return false;
  }
  const both = readSystem<u64>(place);
  if (faulted) return false;
  descriptorAddress = place;
  descriptorLow = u32(both);
  descriptorHigh = u32(both >> 32);
  return true;
}

export function rightsOf(high: u32): u32 {
  return (high >> 8) & 0xf0ff;
}
export function dplOf(rights: u32): u32 {
  return (rights >> 5) & 3;
}
export function baseOf(low: u32, high: u32): u64 {
  return u64((low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000));
}
export function limitOf(low: u32, high: u32): u32 {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return high & 0x800000 ? (limit << 12) | 0xfff : limit;
}
export function isCode(rights: u32): bool {
  return (rights & (RIGHTS_S | TYPE_CODE)) == (RIGHTS_S | TYPE_CODE);
}
export function isConforming(rights: u32): bool {
  return (rights & TYPE_CONFORMING) != 0;
}
export function isWritableData(rights: u32): bool {
  return (rights & (RIGHTS_S | TYPE_CODE | TYPE_WRITABLE)) == (RIGHTS_S | TYPE_WRITABLE);
}
/** Data, or code that may be read. */
export function isReadable(rights: u32): bool {
  return (rights & RIGHTS_S) != 0 && ((rights & TYPE_CODE) == 0 || (rights & TYPE_READABLE) != 0);
}
export function isPresent(rights: u32): bool {
  return (rights & RIGHTS_PRESENT) != 0;
}

/** Sets the accessed bit of a code or data descriptor in its table, if it is not set yet. False after a fault. */
export function markAccessed(place: u64, high: u32): bool {
  if (high & 0x100) return true;
  writeSystem<u8>(place + 5, u8(high >> 8) | u8(TYPE_ACCESSED));
  return !faulted;
}

/** Fills a descriptor cache (no checks; the accessed bit is always set in the cache of a code or data segment). */
export function setSegment(seg: u32, selector: u32, rights: u32, base: u64, limit: u32): void {
  const cache = segmentCache(seg);
  store<u32>(cache, selector, SEGMENT_SELECTOR);
  store<u32>(cache, rights, SEGMENT_RIGHTS);
  store<u64>(cache, base, SEGMENT_BASE);
  store<u32>(cache, limit, SEGMENT_LIMIT);
  recomputeSegment(seg);
}

/** Fills a cache from the two halves of a code or data descriptor. */
export function setSegmentFrom(seg: u32, selector: u32, low: u32, high: u32): void {
  setSegment(seg, selector, rightsOf(high) | TYPE_ACCESSED, baseOf(low, high), limitOf(low, high));
}

/** A null selector: the register is unusable until it is loaded again. */
export function nullSegment(seg: u32, selector: u32): void {
  setSegment(seg, selector, RIGHTS_UNUSABLE, 0, 0);
}

/** SS of 64-bit code at privilege level `level` without a descriptor. */
export function nullStackSegment(selector: u32, level: u32): void {
  setSegment(SS, selector, RIGHTS_UNUSABLE | (level << 5), 0, 0);
}

/** Loads ES, SS, DS, FS or GS the way MOV, POP and LDS do. Then `if (faulted) return`; nothing has changed after a fault. */
export function loadSegment(seg: u32, selector: u32): void {
  if (in8086Mode()) {
    loadRealSegment(seg, selector);
    return;
  }
  if (seg == SS) {
    loadStackSegment(selector);
    return;
  }
  loadDataSegment(seg, selector, GP);
}

/** Loads ES, DS, FS or GS; `vector` (#GP or, in a task switch, #TS) for a selector that may not be loaded. */
export function loadDataSegment(seg: u32, selector: u32, vector: u32): void {
  if (isNull(selector)) {
    nullSegment(seg, selector);
    return;
  }
  if (!fetchDescriptor(selector, vector)) return;
  const rights = rightsOf(descriptorHigh);
  const level = max(cpl(), selector & 3);
  const isBound = !isCode(rights) || !isConforming(rights);
  if (!isReadable(rights) || (isBound && level > dplOf(rights))) {
    raise(vector, selectorError(selector));
  } else if (!isPresent(rights)) {
    raise(NP, selectorError(selector));
  } else if (markAccessed(descriptorAddress, descriptorHigh)) {
    setSegmentFrom(seg, selector, descriptorLow, descriptorHigh);
  }
}

function loadStackSegment(selector: u32): void {
  if (isNull(selector)) {
    // 64-bit code needs no stack segment (SDM Vol. 2 "MOV": loading SS)
    if (code64 && cpl() < 3 && (selector & 3) == cpl()) {
      nullStackSegment(selector, cpl());
      return;
    }
    raise(GP, 0);
    return;
  }
  if (!checkStackDescriptor(selector, cpl(), GP)) return;
  if (markAccessed(descriptorAddress, descriptorHigh)) setSegmentFrom(SS, selector, descriptorLow, descriptorHigh);
}

/**
 * Reads and checks the descriptor of a stack segment for privilege level `level`: `vector` (#GP or #TS) for a wrong one,
 * #SS for one that is not present. False after a fault; the descriptor is in `descriptorLow/High`.
 */
export function checkStackDescriptor(selector: u32, level: u32, vector: u32): bool {
  if (!fetchDescriptor(selector, vector)) return false;
  const rights = rightsOf(descriptorHigh);
  if ((selector & 3) != level || dplOf(rights) != level || !isWritableData(rights)) {
    raise(vector, selectorError(selector));
    return false;
  }
  if (!isPresent(rights)) {
    raise(STACK_FAULT, selectorError(selector));
    return false;
  }
  return true;
}

/** Recomputes the bounds of one segment after its cache was written. */
export function recomputeSegment(seg: u32): void {
  const cache = segmentCache(seg);
  const rights = load<u32>(cache, SEGMENT_RIGHTS);
  const end = u64(load<u32>(cache, SEGMENT_LIMIT)) + 1;
  let readEnd: u64 = 0;
  let writeEnd: u64 = 0;
  if ((rights & (RIGHTS_UNUSABLE | RIGHTS_PRESENT | RIGHTS_S)) == (RIGHTS_PRESENT | RIGHTS_S)) {
    if (rights & TYPE_CODE) {
      if (rights & TYPE_READABLE) readEnd = end;
    } else if (!(rights & TYPE_EXPAND_DOWN)) {
      readEnd = end;
      if (rights & TYPE_WRITABLE) writeEnd = end;
    }
  }
  if (seg == CS) codeModeChanged();
  store<u64>(cache, readEnd, SEGMENT_READ_END);
  store<u64>(cache, writeEnd, SEGMENT_WRITE_END);
}

/** All six, and whatever else is derived from CPL and descriptor caches (host or VM entry wrote them). */
export function recomputeSegments(): void {
  for (let seg: u32 = ES; seg <= <u32>GS; seg++) recomputeSegment(seg);
  privilegeChanged();
}

/** Changes CPL and all that is derived from it. */
export function setCpl(level: u32): void {
  if (load<u32>(CPL) == level) return;
  store<u32>(CPL, level);
  privilegeChanged();
}

/** Loads CS; CPL becomes the selector's RPL. The caller has made the checks and set the accessed bit. */
export function setCodeSegment(selector: u32, low: u32, high: u32): void {
  setSegmentFrom(CS, selector, low, high);
  setCpl(selector & 3);
}

/**
 * Is [ea, ea + size) inside a segment with these rights and limit (SDM Vol. 3A "Limit Checking")? An expand-up segment
 * of 4 GiB has no limit: addresses wrap.
 */
export function isInLimit(rights: u32, limit: u32, ea: u64, size: u32): bool {
  const last = ea + size - 1;
  if ((rights & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN) {
    const upper: u64 = rights & RIGHTS_BIG ? 0xffffffff : 0xffff;
    return ea > u64(limit) && last <= upper;
  }
  return limit == 0xffffffff || last <= u64(limit);
}

/**
 * The slow check behind SEGMENT_READ_END/WRITE_END: is an access of `size` bytes at effective address `ea` legal?
 * Raises #SS(0) for SS, #GP(0) for the others.
 */
export function checkSegment(seg: u32, ea: u64, size: u32, write: bool): bool {
  const rights = segmentRights(seg);
  const isUsable = (rights & (RIGHTS_UNUSABLE | RIGHTS_S | RIGHTS_PRESENT)) == (RIGHTS_S | RIGHTS_PRESENT);
  const isAllowed = write ? isWritableData(rights) : isReadable(rights);
  if (isUsable && isAllowed && isInLimit(rights, segmentLimit(seg), ea, size)) return true;
  raise(seg == SS ? STACK_FAULT : GP, externalBit);
  return false;
}

/** Does the instruction pointer lie in the code segment described? Raises #GP(0) if not. */
export function checkTarget(low: u32, high: u32, ip: u64): bool {
  if (ip <= u64(limitOf(low, high))) return true;
  raise(GP, externalBit);
  return false;
}

/** Drops a data segment if privilege level `level` may not use it. */
// @ts-ignore: decorator
@inline
function dropInner(seg: u32, level: u32): void {
  const rights = segmentRights(seg);
  if (rights & RIGHTS_UNUSABLE || dplOf(rights) >= level) return;
  const isBound = !isCode(rights) || !isConforming(rights);
  // the base stays: 64-bit code goes on using that of FS and GS
  if (isBound) setSegment(seg, 0, RIGHTS_UNUSABLE, segmentBase(seg), 0);
}

/** Drops data segments that the outer privilege level may not use (SDM Vol. 2 "RET", "IRET": RETURN-TO-OUTER-PRIVILEGE-LEVEL). */
export function dropInnerSegments(): void {
  const level = cpl();
  dropInner(ES, level);
  dropInner(DS, level);
  dropInner(FS, level);
  dropInner(GS, level);
}

/** Mask of the stack pointer of a stack segment with these rights. */
export function stackMask(rights: u32): u64 {
  return rights & RIGHTS_BIG ? 0xffffffff : 0xffff;
}

/** Rights of the flat segments that SYSENTER and SYSEXIT load (DPL 0). */
export const FLAT_CODE: u32 =
  RIGHTS_GRANULAR | RIGHTS_BIG | RIGHTS_PRESENT | RIGHTS_S | TYPE_CODE | TYPE_READABLE | TYPE_ACCESSED;
export const FLAT_DATA: u32 = RIGHTS_GRANULAR | RIGHTS_BIG | RIGHTS_PRESENT | RIGHTS_S | TYPE_WRITABLE | TYPE_ACCESSED;

/** Fills a cache with a flat segment. */
// @ts-ignore: decorator
@inline
function setFlat(seg: u32, selector: u32, rights: u32, writeEnd: u64): void {
  const cache = segmentCache(seg);
  store<u32>(cache, selector, SEGMENT_SELECTOR);
  store<u32>(cache, rights, SEGMENT_RIGHTS);
  store<u64>(cache, 0, SEGMENT_BASE);
  store<u32>(cache, 0xffffffff, SEGMENT_LIMIT);
  store<u64>(cache, 1 << 32, SEGMENT_READ_END);
  store<u64>(cache, writeEnd, SEGMENT_WRITE_END);
}

/** Flat CS and SS by fixed selectors for privilege level `level`, without looking at descriptors: FLAT_CODE, or that of 64-bit code. */
// @ts-ignore: decorator
@inline
export function setFlatSegments(code: u32, stack: u32, level: u32, codeRights: u32): void {
  setFlat(CS, (code & 0xfffc) | level, codeRights | (level << 5), 0);
  setFlat(SS, (stack & 0xfffc) | level, FLAT_DATA | (level << 5), 1 << 32);
  codeModeChanged();
  if (cpl() == level) return;
  store<u32>(CPL, level);
  noteInstructionCounts();
}
