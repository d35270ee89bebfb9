// FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC, XRSTOR, LDMXCSR, STMXCSR (SDM Vol. 1 "Managing State Using the XSAVE Feature Set";
// Vol. 2 "FXSAVE", table "Non-64-Bit-Mode Layout of FXSAVE and FXRSTOR Memory Region"). The state components that exist are
// x87 and SSE, so the compacted form differs from the standard one in its header only.
import {
  CR4,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_TAGS,
  GPR,
  MXCSR,
  X87,
  XCR0,
  XMM,
} from '../layout';
import { GP, raise } from '../fault';
import { FEATURE_SSE, FEATURE_XSAVEC } from '../gen/features';
import * as op from '../gen/ops';
import { code64, faulted } from '../globals';
import { linearForRead, linearForWrite, probeWrite, readLinear, readSegment, writeSegment } from '../memory';
import { linearMask } from '../paging';
import { cpl, effectiveAddress, operandSize, segmentNumber } from '../record';
import { hasFeature } from '../system/model';
import { CR4_OSFXSR } from '../system/state';
import { BUFFER, probeRange, readBufferAt, writeBufferAt, writePart } from './buffer';
import { setControl } from './environment';
import { control, initialize, physical, setStatus, status } from './stack';

/** MXCSR bits that exist, and its value after RESET. */
export const MXCSR_MASK: u32 = 0xffff;
const MXCSR_INITIAL: u32 = 0x1f80;

const FXSR_SIZE: u32 = 512;
/** The FXSAVE region and the XSAVE header of 64 bytes. */
const XSAVE_SIZE: u32 = 576;
/** Places in the region. */
const AT_MXCSR: u32 = 24;
const AT_ST: u32 = 32;
const AT_XMM: u32 = 160;
/** Fields of the header. */
const AT_XSTATE: u32 = 512;
const AT_COMPACTION: u32 = 520;
const COMPACTED: u64 = (<u64>1) << 63;

/** State components (bits of XCR0). */
export const COMPONENT_X87: u64 = 1;
export const COMPONENT_SSE: u64 = 2;

/** With REX.W the pointers are 64 bits wide and have no selectors. */
function hasWidePointers(r: usize): bool {
  return code64 && operandSize(r) == 8;
}

/** Bytes of the XMM registers there are: outside 64-bit code those above 7 neither are saved nor change. */
function xmmBytes(): u32 {
  return code64 ? 256 : 128;
}

/** Bytes 0-23 and 32-159 of the region. */
function storeX87(isWide: bool): void {
  memory.fill(BUFFER, 0, AT_MXCSR);
  store<u16>(BUFFER, u16(control()));
  store<u16>(BUFFER + 2, u16(status()));
  store<u8>(BUFFER + 4, load<u8>(FPU_TAGS));
  store<u16>(BUFFER + 6, load<u16>(FPU_OPCODE));
  store<u64>(BUFFER + 8, load<u64>(FPU_IP));
  store<u64>(BUFFER + 16, load<u64>(FPU_DP));
  if (!isWide) {
    store<u32>(BUFFER + 12, load<u16>(FPU_CS));
    store<u32>(BUFFER + 20, load<u16>(FPU_DS));
  }
  memory.fill(BUFFER + AT_ST, 0, AT_XMM - AT_ST);
  for (let i: u32 = 0; i < 8; i++) memory.copy(BUFFER + AT_ST + (i << 4), X87 + (physical(i) << 4), 10);
}

function loadX87(isWide: bool): void {
  setStatus(load<u16>(BUFFER + 2));
  store<u8>(FPU_TAGS, load<u8>(BUFFER + 4));
  store<u16>(FPU_OPCODE, load<u16>(BUFFER + 6) & 0x7ff);
  if (isWide) {
    store<u64>(FPU_IP, load<u64>(BUFFER + 8));
    store<u64>(FPU_DP, load<u64>(BUFFER + 16));
  } else {
    store<u64>(FPU_IP, load<u32>(BUFFER + 8));
    store<u16>(FPU_CS, load<u16>(BUFFER + 12));
    store<u64>(FPU_DP, load<u32>(BUFFER + 16));
    store<u16>(FPU_DS, load<u16>(BUFFER + 20));
  }
  setControl(load<u16>(BUFFER));
  for (let i: u32 = 0; i < 8; i++) memory.copy(X87 + (physical(i) << 4), BUFFER + AT_ST + (i << 4), 10);
}

/** A processor without SSE leaves the place of MXCSR and its mask 0. */
function storeMxcsr(): void {
  const exists = hasFeature(FEATURE_SSE);
  store<u32>(BUFFER + AT_MXCSR, exists ? load<u32>(MXCSR) : 0);
  store<u32>(BUFFER + AT_MXCSR + 4, exists ? MXCSR_MASK : 0);
}

/** Address of an area that is written or read; 0 and `faulted` when it is not aligned or out of its segment. */
function areaAddress(r: usize, size: u32, alignment: u64, isWrite: bool): u64 {
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const linear = isWrite ? linearForWrite(seg, ea, size) : linearForRead(seg, ea, size);
  if (!faulted && linear & (alignment - 1)) raise(GP, 0);
  return linear;
}

/** XMM registers are in the region while the operating system says that it saves them. */
function hasXmm(): bool {
  return (load<u64>(CR4) & CR4_OSFXSR) != 0 && hasFeature(FEATURE_SSE);
}

/** FXSAVE: bytes 464..511 are left alone. */
export function fxsave(r: usize): void {
  const linear = areaAddress(r, FXSR_SIZE, 16, true);
  if (faulted) return;
  storeX87(hasWidePointers(r));
  storeMxcsr();
  let length = AT_XMM;
  if (hasXmm()) {
    memory.copy(BUFFER + AT_XMM, XMM, xmmBytes());
    length += xmmBytes();
  }
  // the last byte of the area is looked at first (as recorded on hardware)
  probeWrite(linear + FXSR_SIZE - 1, 1, cpl() == 3);
  if (faulted) return;
  writeBufferAt(linear, length, 8);
}

export function fxrstor(r: usize): void {
  const linear = areaAddress(r, FXSR_SIZE, 16, false);
  if (faulted) return;
  readLinear<u8>(linear + FXSR_SIZE - 1);
  if (faulted) return;
  readBufferAt(linear, FXSR_SIZE, 8);
  if (faulted) return;
  const mxcsr = load<u32>(BUFFER + AT_MXCSR);
  if (hasFeature(FEATURE_SSE)) {
    if (mxcsr & ~MXCSR_MASK) {
      raise(GP, 0);
      return;
    }
    store<u32>(MXCSR, mxcsr);
  }
  loadX87(hasWidePointers(r));
  if (hasXmm()) memory.copy(XMM, BUFFER + AT_XMM, xmmBytes());
}

/** Components that EDX:EAX asks for and XCR0 enables. */
function requestedComponents(): u64 {
  return load<u64>(XCR0) & (u64(load<u32>(GPR)) | (u64(load<u32>(GPR + 16)) << 32));
}

function isZero(at: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; i += 8) if (load<u64>(at + i)) return false;
  return true;
}

/** XINUSE: the components that are not in their initial configuration. */
export function componentsInUse(): u64 {
  const isX87Initial =
    control() == 0x37f &&
    status() == 0 &&
    load<u8>(FPU_TAGS) == 0 &&
    (load<u16>(FPU_OPCODE) | load<u16>(FPU_CS) | load<u16>(FPU_DS)) == 0 &&
    (load<u64>(FPU_IP) | load<u64>(FPU_DP)) == 0 &&
    isZero(X87, 128);
  const isSseInitial = load<u32>(MXCSR) == MXCSR_INITIAL && isZero(XMM, xmmBytes());
  return (isX87Initial ? 0 : COMPONENT_X87) | (isSseInitial ? 0 : COMPONENT_SSE);
}

/**
 * XSAVE writes all requested components, XSAVEOPT and XSAVEC those in use. XSAVE and XSAVEOPT change the requested bits of
 * XSTATE_BV only, and write MXCSR with the requested SSE state even when that is not in use.
 */
export function xsave(operation: u32, r: usize): void {
  const linear = areaAddress(r, XSAVE_SIZE, 64, true);
  if (faulted) return;
  const isCompact = operation == op.OP_XSAVEC;
  const requested = requestedComponents();
  const used = componentsInUse() & requested;
  const old = isCompact ? 0 : readLinear<u64>((linear + AT_XSTATE) & linearMask);
  if (!faulted) probeRange(linear, XSAVE_SIZE, 8);
  if (faulted) return;
  const written = operation == op.OP_XSAVE ? requested : used;
  if (written & COMPONENT_X87) {
    storeX87(hasWidePointers(r));
    writePart(linear, 0, AT_MXCSR);
    writePart(linear, AT_ST, AT_XMM);
  }
  if ((isCompact ? used : requested) & COMPONENT_SSE) {
    storeMxcsr();
    writePart(linear, AT_MXCSR, AT_ST);
  }
  if (written & COMPONENT_SSE) {
    memory.copy(BUFFER + AT_XMM, XMM, xmmBytes());
    writePart(linear, AT_XMM, AT_XMM + xmmBytes());
  }
  store<u64>(BUFFER + AT_XSTATE, (old & ~requested) | used);
  store<u64>(BUFFER + AT_COMPACTION, requested | COMPACTED);
  writePart(linear, AT_XSTATE, isCompact ? AT_COMPACTION + 8 : AT_COMPACTION);
}

/** Is the header in the buffer one that XRSTOR takes? Its layout differs between the standard and the compacted form. */
function isHeaderLegal(): bool {
  const state = load<u64>(BUFFER + AT_XSTATE);
  const compaction = load<u64>(BUFFER + AT_COMPACTION);
  const enabled = load<u64>(XCR0);
  if (!(compaction & COMPACTED)) return !(state & ~enabled) && isZero(BUFFER + AT_COMPACTION, 16);
  if (!hasFeature(FEATURE_XSAVEC)) return false;
  const components = compaction & ~COMPACTED;
  return !(components & ~enabled) && !(state & ~components) && isZero(BUFFER + AT_COMPACTION + 8, 48);
}

/** XRSTOR loads the requested components that XSTATE_BV says are there, and initializes the others. */
export function xrstor(r: usize): void {
  const linear = areaAddress(r, XSAVE_SIZE, 64, false);
  if (faulted) return;
  readBufferAt(linear, XSAVE_SIZE, 8);
  if (faulted) return;
  const requested = requestedComponents();
  const present = requested & load<u64>(BUFFER + AT_XSTATE);
  const isCompact = (load<u64>(BUFFER + AT_COMPACTION) & COMPACTED) != 0;
  const mxcsr = load<u32>(BUFFER + AT_MXCSR);
  const loadsMxcsr = ((isCompact ? present : requested) & COMPONENT_SSE) != 0;
  if (!isHeaderLegal() || (loadsMxcsr && mxcsr & ~MXCSR_MASK)) {
    raise(GP, 0);
    return;
  }
  if (present & COMPONENT_X87) loadX87(hasWidePointers(r));
  else if (requested & COMPONENT_X87) {
    memory.fill(X87, 0, 128);
    initialize();
  }
  if (present & COMPONENT_SSE) memory.copy(XMM, BUFFER + AT_XMM, xmmBytes());
  else if (requested & COMPONENT_SSE) memory.fill(XMM, 0, xmmBytes());
  if (requested & COMPONENT_SSE) store<u32>(MXCSR, loadsMxcsr ? mxcsr : MXCSR_INITIAL);
}

export function ldmxcsr(r: usize): void {
  const v = readSegment<u32>(segmentNumber(r), effectiveAddress(r));
  if (faulted) return;
  if (v & ~MXCSR_MASK) raise(GP, 0);
  else store<u32>(MXCSR, v);
}

export function stmxcsr(r: usize): void {
  writeSegment<u32>(segmentNumber(r), effectiveAddress(r), load<u32>(MXCSR));
}
