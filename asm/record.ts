// A decoded instruction: RECORD_SIZE bytes that the run loop executes and cold handlers read through these accessors.
// Register operands are stored as addresses of their slots in the register file, so AH..BH
// are simply one byte further than AX..BX.
import { CPL, GPR, SEGMENTS, SEGMENT_STRIDE, ZERO_REGISTER } from './layout';
import { pageRip, ripMask } from './globals';

export const RECORD_SIZE: usize = 32;
/** u16: case in the run loop's switch. */
export const R_OP: usize = 0;
/** u16: form of the opcode table (asm/gen/tables.ts), from which the generic handler has operation and operand kinds. */
export const R_FORM: usize = 2;
/** u16: offset of the instruction in its linear page. */
export const R_OFFSET: usize = 4;
/** u8: length in bytes. */
export const R_LENGTH: usize = 6;
/** u8: instructions from this one to the end of the block. */
export const R_COUNT: usize = 7;
/** u16: address of the register named by ModRM.reg; for segment, control and debug registers GPR + 8 * number too. */
export const R_REG: usize = 8;
/** u16: address of the register named by ModRM.rm or by the opcode; 0 if the operand is in memory. */
export const R_RM: usize = 10;
/** u16 each: addresses of base and index register (the zero slot for none). In branches: u32 link to the fall-through record. */
export const R_BASE: usize = 12;
export const R_INDEX: usize = 14;
/** u16: address of the segment's descriptor cache. */
export const R_SEGMENT: usize = 16;
/** u8: shift count of the index in bits 5:0, and SCALE_* of 64-bit code. */
export const R_SCALE: usize = 18;
/** u8: FLAG_* bits. */
export const R_FLAGS: usize = 19;
/** i32: displacement. In branches: link to the target's record. */
export const R_DISP: usize = 20;
/** i32/u32: immediate, sign-extended to 32 bits where the instruction sign-extends it. */
export const R_IMM: usize = 24;
/** u32: static cost of this and the following instructions of the block. */
export const R_COST: usize = 28;
/**
 * In R_SCALE: the displacement is relative to the start of the page in RIP (the decoder has added offset and length), and
 * R_BASE names PAGE_RIP. A shift count ignores it.
 */
export const SCALE_RIP: u32 = 0x40;
/** In R_SCALE, for the few displacements where that would not fit: relative to the next instruction. */
export const SCALE_FAR: u32 = 0x20;
/** u64: copy of pageRip that the run loop of 64-bit code reads like a base register. Not architectural, not saved. */
export const PAGE_RIP: u32 = 0x4000;
/** In R_SCALE: R_DISP and R_IMM together are a 64-bit offset (MOV with moffs). */
export const SCALE_OFFSET64: u32 = 0x80;
export const R_LINK: usize = R_DISP;
export const R_FALL: usize = R_BASE;

/** What the records of a block may rely on; part of the block's key. */
export const MODE_CODE32: u32 = 1;
export const MODE_STACK32: u32 = 2;
export const MODE_CODE64: u32 = 4;

/** Bits 1:0 log2 of the operand size in bytes (1, 2, 3). */
export const FLAG_SIZE: u32 = 3;
/** Bits 3:2 log2 of the address size in bytes (1, 2, 3). */
export const FLAG_ADDRESS_SHIFT: u32 = 2;
export const FLAG_LOCK: u32 = 0x10;
/** F3 prefix (REP, REPE) and F2 prefix (REPNE). */
export const FLAG_REP: u32 = 0x20;
export const FLAG_REPNE: u32 = 0x40;
/** The opcode was in 64-bit mode. */
export const FLAG_LONG: u32 = 0x80;

/** Without a call: memory.fill is one of the host. */
// @ts-ignore: decorator
@inline
export function clearRecord(r: usize): void {
  v128.store(r, i64x2.splat(0));
  v128.store(r, i64x2.splat(0), 16);
}

// @ts-ignore: decorator
@inline
export function restCost(r: usize): u32 {
  return load<u32>(r, R_COST);
}
// @ts-ignore: decorator
@inline
export function restCount(r: usize): u32 {
  return load<u8>(r, R_COUNT);
}

/** Address (RIP) of the instruction. */
// @ts-ignore: decorator
@inline
export function recordRip(r: usize): u64 {
  return (pageRip + load<u16>(r, R_OFFSET)) & ripMask;
}
/** Address of the next instruction. */
// @ts-ignore: decorator
@inline
export function recordNextRip(r: usize): u64 {
  return (pageRip + load<u16>(r, R_OFFSET) + load<u8>(r, R_LENGTH)) & ripMask;
}
// @ts-ignore: decorator
@inline
export function instructionLength(r: usize): u32 {
  return load<u8>(r, R_LENGTH);
}
/** Operand size in bytes: 2, 4 or 8. */
// @ts-ignore: decorator
@inline
export function operandSize(r: usize): u32 {
  return <u32>1 << (load<u8>(r, R_FLAGS) & FLAG_SIZE);
}
/** Address size in bytes: 2, 4 or 8. */
// @ts-ignore: decorator
@inline
export function addressSize(r: usize): u32 {
  return <u32>1 << ((load<u8>(r, R_FLAGS) >> FLAG_ADDRESS_SHIFT) & 3);
}
// @ts-ignore: decorator
@inline
export function addressMask(r: usize): u64 {
  return u64.MAX_VALUE >> (64 - (addressSize(r) << 3));
}
// @ts-ignore: decorator
@inline
export function hasRep(r: usize): bool {
  return (load<u8>(r, R_FLAGS) & (FLAG_REP | FLAG_REPNE)) != 0;
}
// @ts-ignore: decorator
@inline
export function hasRepne(r: usize): bool {
  return (load<u8>(r, R_FLAGS) & FLAG_REPNE) != 0;
}
/** Is the ModRM.rm operand (or a moffs operand) in memory? */
// @ts-ignore: decorator
@inline
export function isMemory(r: usize): bool {
  return load<u16>(r, R_RM) == 0;
}
/** Number of the register named by ModRM.reg (general, segment, control or debug register). Not for byte operands. */
// @ts-ignore: decorator
@inline
export function regNumber(r: usize): u32 {
  return (u32(load<u16>(r, R_REG)) - GPR) >> 3;
}
/** Number of the general register named by ModRM.rm or the opcode. Not for byte operands, not for memory. */
// @ts-ignore: decorator
@inline
export function rmNumber(r: usize): u32 {
  return (u32(load<u16>(r, R_RM)) - GPR) >> 3;
}
/** Number (ES..GS) of the segment of the memory operand, overrides applied. */
// @ts-ignore: decorator
@inline
export function segmentNumber(r: usize): u32 {
  return (u32(load<u16>(r, R_SEGMENT)) - SEGMENTS) / SEGMENT_STRIDE;
}
/** The immediate, sign-extended. */
// @ts-ignore: decorator
@inline
export function immediate(r: usize): i64 {
  return load<i32>(r, R_IMM);
}
/** The second immediate of ENTER and of far pointers (the selector). */
// @ts-ignore: decorator
@inline
export function immediate2(r: usize): u32 {
  return load<u32>(r, R_DISP);
}
/** Base and index register numbers (16: none) and scale (0..3) of the memory operand: for VMX instruction information. */
// @ts-ignore: decorator
@inline
export function baseNumber(r: usize): u32 {
  return min<u32>((u32(load<u16>(r, R_BASE)) - GPR) >> 3, ZERO_REGISTER);
}
// @ts-ignore: decorator
@inline
export function indexNumber(r: usize): u32 {
  return (u32(load<u16>(r, R_INDEX)) - GPR) >> 3;
}
// @ts-ignore: decorator
@inline
export function indexScale(r: usize): u32 {
  return load<u8>(r, R_SCALE) & 3;
}
// @ts-ignore: decorator
@inline
export function displacement(r: usize): i64 {
  return load<i32>(r, R_DISP);
}

/** Effective address of the memory operand, masked to the address size. */
export function effectiveAddress(r: usize): u64 {
  const scale: u32 = load<u8>(r, R_SCALE);
  if (scale > 3) {
    if (scale & SCALE_OFFSET64) return load<u64>(r, R_DISP);
    const base = scale & SCALE_FAR ? recordNextRip(r) : pageRip;
    return (base + u64(i64(load<i32>(r, R_DISP)))) & addressMask(r);
  }
  const base = load<u64>(load<u16>(r, R_BASE));
  const index = load<u64>(load<u16>(r, R_INDEX)) << load<u8>(r, R_SCALE);
  return (base + index + u64(i64(load<i32>(r, R_DISP)))) & addressMask(r);
}

/** A general register by number, 64 bits. */
// @ts-ignore: decorator
@inline
export function getRegister(n: u32): u64 {
  return load<u64>(GPR + (n << 3));
}
// @ts-ignore: decorator
@inline
export function getRegister32(n: u32): u32 {
  return load<u32>(GPR + (n << 3));
}
// @ts-ignore: decorator
@inline
export function setRegister(n: u32, v: u64): void {
  store<u64>(GPR + (n << 3), v);
}
/** Writes the low `size` bytes (1: low byte, 2, 4: zero-extended, 8). */
export function setRegisterSized(n: u32, v: u64, size: u32): void {
  const slot = GPR + (n << 3);
  if (size == 8) store<u64>(slot, v);
  else if (size == 4) store<u64>(slot, v & 0xffffffff);
  else if (size == 2) store<u16>(slot, u16(v));
  else store<u8>(slot, u8(v));
}

// @ts-ignore: decorator
@inline
export function cpl(): u32 {
  return load<u32>(CPL);
}

