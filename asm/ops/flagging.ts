// How operations leave their flags: result and carry vector (flags.ts says what the bits mean).
import { flagAux, flagResult } from '../globals';

/** Sign-extends a value of type T to 64 bits. */
// @ts-ignore: decorator
@inline
export function signExtend<T>(v: T): i64 {
  if (sizeof<T>() == 1) return i64(<i8>v);
  if (sizeof<T>() == 2) return i64(<i16>v);
  if (sizeof<T>() == 4) return i64(<i32>v);
  return <i64>v;
}

/** Moves the carries out of the top two bits to bits 31:30; bit 3 stays. */
// @ts-ignore: decorator
@inline
export function packCarries<T>(c: T): u32 {
  if (sizeof<T>() == 4) return u32(c) & 0xc0000008;
  if (sizeof<T>() == 1) return ((u32(c) << 24) & 0xc0000000) | (u32(c) & 8);
  if (sizeof<T>() == 2) return ((u32(c) << 16) & 0xc0000000) | (u32(c) & 8);
  return (u32(u64(c) >> 32) & 0xc0000000) | (u32(c) & 8);
}

/** Flags of an arithmetic result with its vector of carries (or borrows) out of each bit. */
// @ts-ignore: decorator
@inline
export function arithmeticFlags<T>(result: T, carries: T): void {
  flagResult = signExtend<T>(result);
  flagAux = packCarries<T>(carries);
}

/** Flags of a logical result: CF, OF and AF clear. */
// @ts-ignore: decorator
@inline
export function logicFlags<T>(result: T): void {
  flagResult = signExtend<T>(result);
  flagAux = 0;
}

/** Flags of a shift: result, CF and OF as given (0 or 1), AF clear. */
// @ts-ignore: decorator
@inline
export function shiftFlags<T>(result: T, cf: u32, overflow: u32): void {
  flagResult = signExtend<T>(result);
  flagAux = (cf << 31) | ((cf ^ overflow) << 30);
}

/** The same with CF ^ OF in place of OF, which is what is stored. */
// @ts-ignore: decorator
@inline
export function shiftFlagsFromXor<T>(result: T, cf: u32, xor: u32): void {
  flagResult = signExtend<T>(result);
  flagAux = (cf << 31) | (xor << 30);
}

/** Changes CF and OF only. */
// @ts-ignore: decorator
@inline
export function carryOverflow(cf: u32, overflow: u32): void {
  flagAux = (flagAux & 0x3fffffff) | (cf << 31) | ((cf ^ overflow) << 30);
}

/** Most significant bit of a value. */
// @ts-ignore: decorator
@inline
export function msb<T>(v: T): u32 {
  return u32(u64(v) >> (sizeof<T>() * 8 - 1)) & 1;
}
