// The SMRAM state-save map: where system-management mode keeps the state of the program it interrupted. Both layouts are
// Intel's (SDM Vol. 3 "SMRAM State Save Map", "SMRAM State Save Map and Intel 64 Architecture"): processors with long mode
// have the second one. What the SDM saves without saying where (descriptor caches, PDPTEs, shadows) lies in reserved places.
//
// Offsets are from SMBASE + 8000H. One function walks over all fields, so that saving and restoring cannot differ.
import {
  CR0,
  CR3,
  CR4,
  DR,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  PDPTE,
  PENDING_DEBUG,
  RFLAGS,
  RIP,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SMBASE,
  TR,
} from '../layout';
import { readPhysical, writePhysical } from '../physical';
import { segmentCache } from '../memory';

/** Linear address of the memory operand of an I/O instruction. */
const MAP_IO_MEMORY_32: u32 = 0x7fa0;
const MAP_IO_MEMORY_64: u32 = 0x7f9c;
/** The same in both layouts. */
export const MAP_IO_STATE: u32 = 0x7fa4;
export const MAP_AUTO_HALT: u32 = 0x7f02; // u16
export const MAP_IO_RESTART: u32 = 0x7f00; // u16
export const MAP_REVISION: u32 = 0x7efc;
export const MAP_SMBASE: u32 = 0x7ef8;
/** Intel 64 layout: "enable EPT" and the EPT pointer of the guest that was interrupted. */
export const MAP_ENABLE_EPT: u32 = 0x7ee0;
export const MAP_EPT_POINTER: u32 = 0x7ed8;
/** Intel 64 layout: address of the I/O instruction in front of the SMI. */
const MAP_IO_RIP: u32 = 0x7de8;
/** Descriptor caches and the rest of the hidden state, and what an I/O restart needs: 0xe8 bytes in reserved places. */
const HIDDEN_32: u32 = 0x7e00;
const HIDDEN_64: u32 = 0x7c00;
/** Offsets in the hidden state. */
const HIDDEN_TABLES: u32 = 0x80;
const HIDDEN_CR4: u32 = 0x98;
const HIDDEN_SHADOWS: u32 = 0x9c;
const HIDDEN_PENDING_DEBUG: u32 = 0xa0;
const HIDDEN_PDPTES: u32 = 0xa8;
const HIDDEN_IO: u32 = 0xc8;

/** Selectors from offset 7FA8H up: ES CS SS DS FS GS LDTR TR; the 32-bit layout does not show LDTR. */
const MAP_SELECTORS: u32 = 0x7fa8;

let saving: bool = false;
let base: u64 = 0;

function move32(offset: u32, place: usize): void {
  if (saving) writePhysical<u32>(base + offset, load<u32>(place));
  else store<u32>(place, readPhysical<u32>(base + offset));
}

function move64(offset: u32, place: usize): void {
  if (saving) writePhysical<u64>(base + offset, load<u64>(place));
  else store<u64>(place, readPhysical<u64>(base + offset));
}

/** A 64-bit place of which 32 bits are kept. */
function moveWide(offset: u32, place: usize): void {
  if (saving) writePhysical<u32>(base + offset, load<u32>(place));
  else store<u64>(place, readPhysical<u32>(base + offset));
}

function segmentAt(n: u32): usize {
  return segmentCache(n == 6 ? <u32>LDTR : n == 7 ? <u32>TR : n);
}

function moveHidden(hidden: u32): void {
  for (let n: u32 = 0; n < 8; n++) {
    const cache = segmentAt(n);
    move32(MAP_SELECTORS + (n << 2), cache + SEGMENT_SELECTOR);
    move32(hidden + (n << 4), cache + SEGMENT_RIGHTS);
    move32(hidden + (n << 4) + 4, cache + SEGMENT_LIMIT);
    move64(hidden + (n << 4) + 8, cache + SEGMENT_BASE);
  }
  move32(hidden + HIDDEN_TABLES, GDTR_LIMIT);
  move32(hidden + HIDDEN_TABLES + 4, IDTR_LIMIT);
  move64(hidden + HIDDEN_TABLES + 8, GDTR_BASE);
  move64(hidden + HIDDEN_TABLES + 16, IDTR_BASE);
  move32(hidden + HIDDEN_SHADOWS, INTERRUPTIBILITY);
  move32(hidden + HIDDEN_PENDING_DEBUG, PENDING_DEBUG);
  for (let n: u32 = 0; n < 4; n++) move64(hidden + HIDDEN_PDPTES + (n << 3), PDPTE + (n << 3));
}

function move32Layout(): void {
  moveWide(0x7ffc, CR0);
  moveWide(0x7ff8, CR3);
  moveWide(0x7ff4, RFLAGS);
  moveWide(0x7ff0, RIP);
  // EDI ESI EBP ESP EBX EDX ECX EAX upwards in reverse: EAX lies lowest
  for (let n: u32 = 0; n < 8; n++) moveWide(0x7fd0 + (n << 2), GPR + (n << 3));
  moveWide(0x7fcc, DR + 6 * 8);
  moveWide(0x7fc8, DR + 7 * 8);
  moveHidden(HIDDEN_32);
  moveWide(HIDDEN_32 + HIDDEN_CR4, CR4);
}

function move64Layout(): void {
  move64(0x7ff8, CR0);
  move64(0x7ff0, CR3);
  move64(0x7fe8, RFLAGS);
  move64(0x7fe0, EFER);
  move64(0x7fd8, RIP);
  move64(0x7fd0, DR + 6 * 8);
  move64(0x7fc8, DR + 7 * 8);
  // RAX to RDI, then R8 to R15 downwards
  for (let n: u32 = 0; n < 8; n++) move64(0x7f5c + (n << 3), GPR + (n << 3));
  for (let n: u32 = 8; n < 16; n++) move64(0x7f54 - ((n - 8) << 3), GPR + (n << 3));
  moveHidden(HIDDEN_64);
  moveWide(0x7e40, CR4);
  if (saving) showTableBases();
}

/** The Intel 64 layout shows where the tables are; the values that count are the hidden ones. */
function showTableBases(): void {
  const ldt = load<u64>(segmentCache(LDTR), SEGMENT_BASE);
  showBase(0x7e9c, 0x7dd4, ldt);
  showBase(0x7e94, 0x7dd8, load<u64>(IDTR_BASE));
  showBase(0x7e8c, 0x7dd0, load<u64>(GDTR_BASE));
}

function showBase(low: u32, high: u32, value: u64): void {
  writePhysical<u32>(base + low, u32(value));
  writePhysical<u32>(base + high, u32(value >> 32));
}

function begin(isSaving: bool): void {
  saving = isSaving;
  base = u64(load<u32>(SMBASE)) + 0x8000;
}

/** Writes the state into the map; RFLAGS has to be up to date in the state area. */
export function saveMap(isLong: bool): void {
  begin(true);
  if (isLong) move64Layout();
  else move32Layout();
}

/** Reads the state from the map into the state area. */
export function restoreMap(isLong: bool): void {
  begin(false);
  if (isLong) move64Layout();
  else move32Layout();
}

/** CR0, CR4 and EFER as the map has them, for the checks that come before restoring. */
export function savedCr0(isLong: bool): u64 {
  begin(false);
  return isLong ? readPhysical<u64>(base + 0x7ff8) : u64(readPhysical<u32>(base + 0x7ffc));
}
export function savedCr4(isLong: bool): u64 {
  return readPhysical<u32>(base + (isLong ? 0x7e40 : HIDDEN_32 + HIDDEN_CR4));
}
export function savedEfer(isLong: bool): u64 {
  return isLong ? readPhysical<u64>(base + 0x7fe0) : 0;
}

/** Where the address of the memory operand of the I/O instruction goes. */
export function ioMemoryField(isLong: bool): u32 {
  return isLong ? MAP_IO_MEMORY_64 : MAP_IO_MEMORY_32;
}

/** Where RIP, RCX, RSI and RDI in front of the I/O instruction go. */
export function ioRestartField(isLong: bool, n: u32): u32 {
  if (!n && isLong) return MAP_IO_RIP;
  return (isLong ? HIDDEN_64 : HIDDEN_32) + HIDDEN_IO + (n << 3);
}

export function readMap<T>(offset: u32): T {
  begin(false);
  return readPhysical<T>(base + offset);
}
export function writeMap<T>(offset: u32, value: T): void {
  begin(true);
  writePhysical<T>(base + offset, value);
}
