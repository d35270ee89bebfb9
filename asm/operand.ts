// Operands of cold handlers: register or memory, any size (SDM Vol. 1 "Operand Addressing").
import { GPR } from './layout';
import { effectiveAddress, R_REG, R_RM, segmentNumber } from './record';
import { readSegment, writeSegment } from './memory';

/** Reads a register slot, `size` bytes, zero-extended. */
export function readSlot(address: usize, size: u32): u64 {
  if (size == 4) return load<u32>(address);
  if (size == 1) return load<u8>(address);
  if (size == 2) return load<u16>(address);
  return load<u64>(address);
}

/** Writes a register slot; 4 bytes zero-extend to 64. */
export function writeSlot(address: usize, size: u32, v: u64): void {
  if (size == 4) store<u64>(address, v & 0xffffffff);
  else if (size == 1) store<u8>(address, u8(v));
  else if (size == 2) store<u16>(address, u16(v));
  else store<u64>(address, v);
}

/** Reads `size` bytes at seg:ea with all checks, zero-extended. Then `if (faulted) return`. */
export function readMemory(seg: u32, ea: u64, size: u32): u64 {
  if (size == 4) return readSegment<u32>(seg, ea);
  if (size == 1) return readSegment<u8>(seg, ea);
  if (size == 2) return readSegment<u16>(seg, ea);
  return readSegment<u64>(seg, ea);
}

/** Writes `size` bytes at seg:ea with all checks. Then `if (faulted) return`. */
export function writeMemory(seg: u32, ea: u64, size: u32, v: u64): void {
  if (size == 4) writeSegment<u32>(seg, ea, u32(v));
  else if (size == 1) writeSegment<u8>(seg, ea, u8(v));
  else if (size == 2) writeSegment<u16>(seg, ea, u16(v));
  else writeSegment<u64>(seg, ea, v);
}

/** The ModRM.rm (or moffs, or opcode register) operand, zero-extended. Then `if (faulted) return`. */
export function readRm(r: usize, size: u32): u64 {
  const slot = load<u16>(r, R_RM);
  if (slot) return readSlot(slot, size);
  return readMemory(segmentNumber(r), effectiveAddress(r), size);
}

export function writeRm(r: usize, size: u32, v: u64): void {
  const slot = load<u16>(r, R_RM);
  if (slot) writeSlot(slot, size, v);
  else writeMemory(segmentNumber(r), effectiveAddress(r), size, v);
}

/** The ModRM.reg operand. */
export function readReg(r: usize, size: u32): u64 {
  return readSlot(load<u16>(r, R_REG), size);
}

export function writeReg(r: usize, size: u32, v: u64): void {
  writeSlot(load<u16>(r, R_REG), size, v);
}

/** AL, AX, EAX or RAX. */
export function readAccumulator(size: u32): u64 {
  return readSlot(GPR, size);
}
export function writeAccumulator(size: u32, v: u64): void {
  writeSlot(GPR, size, v);
}
