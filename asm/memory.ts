// Data accesses: segment check, TLB, page crossing, devices (SDM Vol. 3A "Protected-Mode Memory Management", "Paging").
// The fast path is one compare with a TLB tag; everything unusual (miss, page crossing, device, page with decoded code,
// breakpoint, alignment check) carries a tag that cannot match.
import {
  CPL,
  CR0,
  GPR,
  RAM,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_READ_END,
  SEGMENT_RIGHTS,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_END,
  SS,
  TLB_WRITE,
} from './layout';
import { code64, faulted, otherFlags, tlbBank, tlbBase } from './globals';
import { inLongMode, isCanonical, longAddress } from './long-mode/state';
import { AC, GP, raise } from './fault';
import { AC as AC_FLAG } from './flags';
import { noteStore } from './code-changes';
import { linearMask, systemMask, translate } from './paging';
import { readPhysicalSized, writePhysicalSized } from './physical';
import { dataBreakpoints, noteDataAccess } from './system/debug-registers';
import { closeGuards, guardsOpen, overridesSmap, setImplicit } from './smap';
import { checkSegment, externalBit } from './system/segment';
import { TLB_CODE, TLB_NEVER } from './tlb';
import { apicRead, apicWrite, isApicAccessPage } from './vmx/guest-physical';

/** RSP of the register file. */
export const RSP: usize = GPR + 32;

/** Entry of the TLB array at `base` that a linear address falls into. */
// @ts-ignore: decorator
@inline
export function tlbEntry(base: usize, linear: u64): usize {
  return base + ((u32(linear) >> 6) & 0xffc0);
}

/** Host address of [linear, linear + size) if it lies in one page the array maps directly, else 0. */
// @ts-ignore: decorator
@inline
export function fastHost(array: usize, linear: u64, size: u32): usize {
  const entry = tlbEntry(array, linear);
  return load<u64>(entry) == ((linear + size - 1) & ~0xfff) ? usize(linear) + load<usize>(entry, 8) : 0;
}

/** Reads at a linear address with the current privilege. Then `if (faulted) return`. */
export function readLinear<T>(linear: u64): T {
  const host = fastHost(tlbBase, linear, sizeof<T>());
  if (host) return load<T>(host);
  return <T>readSlow(linear, sizeof<T>(), load<u32>(CPL) == 3);
}

/** Writes at a linear address with the current privilege. Then `if (faulted) return`. */
export function writeLinear<T>(linear: u64, v: T): void {
  const entry = tlbEntry(tlbBase + TLB_WRITE, linear);
  const difference = load<u64>(entry) ^ ((linear + sizeof<T>() - 1) & ~0xfff);
  if (!difference) store<T>(usize(linear) + load<usize>(entry, 8), v);
  else if (difference == TLB_CODE) {
    const host = usize(linear) + load<usize>(entry, 8);
    store<T>(host, v);
    noteStore(host - RAM, sizeof<T>());
  } else writeSlow(linear, sizeof<T>(), u64(v), load<u32>(CPL) == 3);
}

/** The supervisor's TLB arrays, or none where every access has to be compared with data breakpoints. */
// @ts-ignore: decorator
@inline
function systemTlb(): usize {
  return dataBreakpoints ? TLB_NEVER : tlbBank;
}

/** Implicit supervisor access (descriptor tables, TSS). Then `if (faulted) return`. */
export function readSystem<T>(linear: u64): T {
  if (guardsOpen) closeGuards();
  const host = fastHost(systemTlb(), linear & systemMask, sizeof<T>());
  if (host) return load<T>(host);
  if (!isSystemAddress(linear, sizeof<T>())) return 0;
  setImplicit(true);
  const v = <T>readSlow(linear & systemMask, sizeof<T>(), false);
  setImplicit(false);
  return v;
}

/** Host address of [linear, linear + size) if `readSystem` can read there at once, with no guards of SMAP open; else 0. */
// @ts-ignore: decorator
@inline
export function systemPlace(linear: u64, size: u32): usize {
  return fastHost(systemTlb(), linear & systemMask, size);
}

export function writeSystem<T>(linear: u64, v: T): void {
  if (guardsOpen) closeGuards();
  const host = fastHost(systemTlb() + TLB_WRITE, linear & systemMask, sizeof<T>());
  if (host) {
    store<T>(host, v);
    return;
  }
  if (!isSystemAddress(linear, sizeof<T>())) return;
  setImplicit(true);
  writeSlow(linear & systemMask, sizeof<T>(), u64(v), false);
  setImplicit(false);
}

/** In IA-32e mode the address of a system structure must be canonical; raises #GP if not. */
function isSystemAddress(linear: u64, size: u32): bool {
  if (!inLongMode() || (isCanonical(linear) && isCanonical(linear + size - 1))) return true;
  raise(GP, externalBit);
  return false;
}

/** Explicit supervisor write whatever CPL still is: the stack of an inner level. Then `if (faulted) return`. */
export function writeSupervisor<T>(linear: u64, v: T): void {
  if (guardsOpen && !overridesSmap()) closeGuards();
  const host = fastHost(systemTlb() + TLB_WRITE, linear & systemMask, sizeof<T>());
  if (host) store<T>(host, v);
  else writeSlow(linear & systemMask, sizeof<T>(), u64(v), false);
}

/** Host address of [linear, linear + size) for `writeSupervisor` if it can be written at once, else 0. */
// @ts-ignore: decorator
@inline
export function supervisorPlace(linear: u64, size: u32): usize {
  if (guardsOpen && !overridesSmap()) closeGuards();
  return fastHost(systemTlb() + TLB_WRITE, linear & systemMask, size);
}

/** Alignment check (SDM Vol. 3A "Interrupt 17—Alignment Check Exception (#AC)"): false when #AC was raised. */
function aligned(linear: u64, size: u32, user: bool): bool {
  if (!user || !(u32(otherFlags) & AC_FLAG) || !(load<u32>(CR0) & 0x40000) || !(u32(linear) & (size - 1))) return true;
  raise(AC, 0);
  return false;
}

/** The byte `n` further: addresses below 4 GiB wrap there outside 64-bit code. */
// @ts-ignore: decorator
@inline
function further(linear: u64, n: u32): u64 {
  return (linear + n) & (linear > 0xffffffff ? u64.MAX_VALUE : linearMask);
}

/** Reads any size from 1 to 8 bytes through translation, without fast path. Then `if (faulted) return`. */
export function readSlow(linear: u64, size: u32, user: bool): u64 {
  if (!aligned(linear, size, user)) return 0;
  let v: u64 = 0;
  if ((u32(linear) & 0xfff) + size <= 0x1000) {
    const physical = translate(linear, 0, user);
    if (faulted) return 0;
    if (isApicAccessPage(physical)) v = apicRead(linear, physical, size);
    else v = readPhysicalSized(physical, size);
  } else {
    const split: u32 = 0x1000 - (u32(linear) & 0xfff);
    const first = translate(linear, 0, user);
    if (faulted) return 0;
    const second = translate(further(linear, split), 0, user);
    if (faulted) return 0;
    for (let i: u32 = 0; i < size; i++) {
      const physical = i < split ? first + i : second + (i - split);
      v |= readPhysicalSized(physical, 1) << (i << 3);
    }
  }
  if (dataBreakpoints) noteDataAccess(linear, size, false);
  return v;
}

/** Writes any size from 1 to 8 bytes through translation; nothing is written when it faults. */
export function writeSlow(linear: u64, size: u32, v: u64, user: bool): void {
  if (!aligned(linear, size, user)) return;
  if ((u32(linear) & 0xfff) + size <= 0x1000) {
    const physical = translate(linear, 1, user);
    if (faulted) return;
    if (isApicAccessPage(physical)) apicWrite(linear, physical, size, u32(v));
    else writePhysicalSized(physical, size, v);
  } else {
    const split: u32 = 0x1000 - (u32(linear) & 0xfff);
    const first = translate(linear, 1, user);
    if (faulted) return;
    const second = translate(further(linear, split), 1, user);
    if (faulted) return;
    for (let i: u32 = 0; i < size; i++) {
      const physical = i < split ? first + i : second + (i - split);
      writePhysicalSized(physical, 1, (v >> (i << 3)) & 0xff);
    }
  }
  if (dataBreakpoints) noteDataAccess(linear, size, true);
}

/** Would a write of `size` bytes succeed? Raises the fault if not. */
export function probeWrite(linear: u64, size: u32, user: bool): void {
  if (!aligned(linear, size, user)) return;
  translate(linear, 1, user);
  if (faulted) return;
  const last = further(linear, size - 1);
  if ((last ^ linear) >> 12) translate(last & ~0xfff, 1, user);
}

/** `probeWrite` for an implicit supervisor access. */
export function probeSystem(linear: u64, size: u32): void {
  if (guardsOpen) closeGuards();
  setImplicit(true);
  probeWrite(linear, size, false);
  setImplicit(false);
}

/** Address of a segment's descriptor cache. */
// @ts-ignore: decorator
@inline
export function segmentCache(seg: u32): usize {
  return SEGMENTS + seg * SEGMENT_STRIDE;
}

/** Linear address of seg:ea after the segment checks for reading. Then `if (faulted) return`. */
export function linearForRead(seg: u32, ea: u64, size: u32): u64 {
  if (code64) return longAddress(seg, ea, size);
  const s = segmentCache(seg);
  if (ea + size > load<u64>(s, SEGMENT_READ_END) && !checkSegment(seg, ea, size, false)) return 0;
  return (load<u64>(s, SEGMENT_BASE) + ea) & linearMask;
}

/** Linear address of seg:ea after the segment checks for writing. Then `if (faulted) return`. */
export function linearForWrite(seg: u32, ea: u64, size: u32): u64 {
  if (code64) return longAddress(seg, ea, size);
  const s = segmentCache(seg);
  if (ea + size > load<u64>(s, SEGMENT_WRITE_END) && !checkSegment(seg, ea, size, true)) return 0;
  return (load<u64>(s, SEGMENT_BASE) + ea) & linearMask;
}

/** Reads seg:ea with segment checks and the current privilege. Then `if (faulted) return`. */
export function readSegment<T>(seg: u32, ea: u64): T {
  const linear = linearForRead(seg, ea, sizeof<T>());
  if (faulted) return 0;
  return readLinear<T>(linear);
}

export function writeSegment<T>(seg: u32, ea: u64, v: T): void {
  const linear = linearForWrite(seg, ea, sizeof<T>());
  if (faulted) return;
  writeLinear<T>(linear, v);
}

/** Mask of the stack pointer: 64 bits in 64-bit code, else SS.B says 16 or 32. */
// @ts-ignore: decorator
@inline
export function stackMask(): u64 {
  if (code64) return u64.MAX_VALUE;
  return load<u32>(segmentCache(SS), SEGMENT_RIGHTS) & 0x4000 ? 0xffffffff : 0xffff;
}

/** Writes the stack pointer at the width SS.B says. */
// @ts-ignore: decorator
@inline
export function setStackPointer(v: u64): void {
  const mask = stackMask();
  if (mask == 0xffff) store<u16>(RSP, u16(v));
  else store<u64>(RSP, v & mask);
}

/** Pushes `size` (2, 4, 8) bytes with the current privilege; RSP changes only if no fault. Then `if (faulted) return`. */
export function push(v: u64, size: u32): void {
  const sp = (load<u64>(RSP) - size) & stackMask();
  writeStack(sp, v, size);
  if (!faulted) setStackPointer(sp);
}

/** Pops `size` bytes. Then `if (faulted) return`. */
export function pop(size: u32): u64 {
  const mask = stackMask();
  const sp = load<u64>(RSP) & mask;
  const v = readStack(sp, size);
  if (!faulted) setStackPointer((sp + size) & mask);
  return v;
}

/** Reads the stack segment at offset `sp` without moving RSP. */
export function readStack(sp: u64, size: u32): u64 {
  if (size == 4) return readSegment<u32>(SS, sp);
  if (size == 2) return readSegment<u16>(SS, sp);
  return readSegment<u64>(SS, sp);
}

/** Host address of `size` bytes from the stack pointer `sp` upwards if all can be read at once, else 0. */
// @ts-ignore: decorator
@inline
export function stackFrame(sp: u64, size: u32): usize {
  if (code64) return fastHost(tlbBase, sp, size);
  const s = segmentCache(SS);
  if (sp + size > min<u64>(load<u64>(s, SEGMENT_READ_END), stackMask() + 1)) return 0;
  return fastHost(tlbBase, (load<u64>(s, SEGMENT_BASE) + sp) & linearMask, size);
}

/** An item of `size` bytes of the stack: `offset` bytes into the frame that `stackFrame` found, else read at `sp`. */
export function frameItem(frame: usize, sp: u64, offset: u32, size: u32): u64 {
  if (!frame) return readStack(sp, size);
  if (size == 4) return load<u32>(frame + offset);
  return size == 2 ? load<u16>(frame + offset) : load<u64>(frame + offset);
}

/** Writes the stack segment at offset `sp` without moving RSP. */
export function writeStack(sp: u64, v: u64, size: u32): void {
  if (size == 4) writeSegment<u32>(SS, sp, u32(v));
  else if (size == 2) writeSegment<u16>(SS, sp, u16(v));
  else writeSegment<u64>(SS, sp, v);
}
