// Operands of cold handlers: register or memory, any size (SDM Vol. 1 "Operand Addressing").
import { CPL, GPR } from './layout';
import { faulted } from './globals';
import {
  KIND_ACCUMULATOR,
  KIND_FIXED_CL,
  KIND_FIXED_DX,
  KIND_IMMEDIATE,
  KIND_ONE,
  KIND_OPCODE_REG,
  KIND_REG,
  KIND_RM,
  KIND_RM_REGISTER,
  OPERAND_IV,
  OPERAND_KIND,
  OPERAND_WIDTH,
  WIDTH_B,
  WIDTH_D,
  WIDTH_N,
  WIDTH_Q,
  WIDTH_W,
  WIDTH_Y,
  WIDTH_Z,
} from './gen/tables';
import { effectiveAddress, FLAG_LONG, operandSize, R_DISP, R_FLAGS, R_IMM, R_REG, R_RM, segmentNumber } from './record';
import { linearForWrite, probeWrite, readLinear, readSegment, writeLinear, writeSegment } from './memory';

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

/** Bytes of an operand of the form by its OPERAND_ code. */
export function operandBytes(r: usize, code: u32): u32 {
  switch (u32(load<u8>(OPERAND_WIDTH + code))) {
    case WIDTH_B:
      return 1;
    case WIDTH_W:
      return 2;
    case WIDTH_D:
      return 4;
    case WIDTH_Q:
      return 8;
    case WIDTH_Y:
      return operandSize(r) == 8 ? 8 : 4;
    case WIDTH_Z:
      return min<u32>(operandSize(r), 4);
    case WIDTH_N:
      return load<u8>(r, R_FLAGS) & FLAG_LONG ? 8 : 4;
  }
  return operandSize(r);
}

/** Slot of a register operand, 0 if it is not in a register. */
export function operandSlot(r: usize, code: u32): usize {
  switch (u32(load<u8>(OPERAND_KIND + code))) {
    case KIND_RM:
    case KIND_RM_REGISTER:
    case KIND_OPCODE_REG:
      return load<u16>(r, R_RM);
    case KIND_REG:
      return load<u16>(r, R_REG);
    case KIND_ACCUMULATOR:
      return GPR;
    case KIND_FIXED_CL:
      return GPR + 8;
    case KIND_FIXED_DX:
      return GPR + 16;
  }
  return 0;
}

/** Any readable operand, zero-extended (immediates sign-extended). Then `if (faulted) return`. */
export function readOperand(r: usize, code: u32): u64 {
  const size = operandBytes(r, code);
  const slot = operandSlot(r, code);
  if (slot) return readSlot(slot, size);
  const kind = load<u8>(OPERAND_KIND + code);
  if (kind == KIND_IMMEDIATE) {
    if (code == OPERAND_IV && size == 8) return u64(load<u32>(r, R_IMM)) | (u64(load<u32>(r, R_DISP)) << 32);
    return u64(i64(load<i32>(r, R_IMM)));
  }
  if (kind == KIND_ONE) return 1;
  return readMemory(segmentNumber(r), effectiveAddress(r), size);
}

/** Any writable operand. Then `if (faulted) return`. */
export function writeOperand(r: usize, code: u32, v: u64): void {
  const size = operandBytes(r, code);
  const slot = operandSlot(r, code);
  if (slot) writeSlot(slot, size, v);
  else writeMemory(segmentNumber(r), effectiveAddress(r), size, v);
}

let modifySlot: usize = 0;
let modifyLinear: u64 = 0;

/** First half of a read-modify-write of an operand: raises what the write would raise. Then `if (faulted) return`. */
export function readModify(r: usize, code: u32): u64 {
  const size = operandBytes(r, code);
  modifySlot = operandSlot(r, code);
  if (modifySlot) return readSlot(modifySlot, size);
  return readModifyAt(segmentNumber(r), effectiveAddress(r), size);
}

/** The same for a memory operand at seg:ea. */
export function readModifyAt(seg: u32, ea: u64, size: u32): u64 {
  modifySlot = 0;
  const linear = linearForWrite(seg, ea, size);
  if (faulted) return 0;
  const user = load<u32>(CPL) == 3;
  probeWrite(linear, size, user);
  if (faulted) return 0;
  modifyLinear = linear;
  if (size == 4) return readLinear<u32>(linear);
  if (size == 1) return readLinear<u8>(linear);
  if (size == 2) return readLinear<u16>(linear);
  return readLinear<u64>(linear);
}

/** Second half: writes where `readModify` read. */
export function writeModified(size: u32, v: u64): void {
  if (modifySlot) {
    writeSlot(modifySlot, size, v);
    return;
  }
  if (size == 4) writeLinear<u32>(modifyLinear, u32(v));
  else if (size == 1) writeLinear<u8>(modifyLinear, u8(v));
  else if (size == 2) writeLinear<u16>(modifyLinear, u16(v));
  else writeLinear<u64>(modifyLinear, v);
}
