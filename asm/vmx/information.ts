// The VM-exit instruction-information field (SDM Vol. 3C "Information for VM Exits Due to Instruction Execution").
import {
  addressSize,
  baseNumber,
  displacement,
  indexNumber,
  indexScale,
  isMemory,
  operandSize,
  rmNumber,
  segmentNumber,
} from '../record';

/**
 * Scaling, registers, address size and segment of the memory operand, or the register operand in bits 6:3 (bit 10
 * set).
 */
export function operandInformation(r: usize): u32 {
  if (!isMemory(r)) return (rmNumber(r) << 3) | 0x400;
  const base = baseNumber(r);
  const index = indexNumber(r);
  let info = addressInformation(r) | (segmentNumber(r) << 15);
  info |= index == 16 ? 1 << 22 : indexScale(r) | (index << 18);
  info |= base == 16 ? 1 << 27 : base << 23;
  return info;
}

/** Bits 9:7: address size (0 16 bits, 1 32 bits, 2 64 bits). */
export function addressInformation(r: usize): u32 {
  const size = addressSize(r);
  return (size == 2 ? 0 : size == 4 ? 1 : 2) << 7;
}

/** Bit 11: operand size of LGDT and its like (0 16 bits, 1 32 bits). */
export function operandSizeInformation(r: usize): u32 {
  return operandSize(r) == 2 ? 0 : 1 << 11;
}

/** RDRAND and RDSEED: destination register in bits 6:3, operand size in bits 12:11 (0 16 bits, 1 32 bits, 2 64 bits). */
export function randomInformation(r: usize): u32 {
  const size = operandSize(r);
  return (rmNumber(r) << 3) | ((size == 2 ? 0 : size == 4 ? 1 : 2) << 11);
}

/** Displacement of the memory operand, the exit qualification of many instructions. */
export function displacementOf(r: usize): u64 {
  return isMemory(r) ? <u64>displacement(r) : 0;
}
