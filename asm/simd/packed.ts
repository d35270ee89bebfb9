// Packed integer operations on whole registers, by WASM SIMD where it does exactly the same, else lane by lane
// (SDM Vol. 2, each instruction's page). MMX operations use the low halves of the same registers.
import * as op from '../gen/ops';
import { R_IMM } from '../record';

/** Low halves of a and b side by side. */
// @ts-ignore: decorator
@inline
function joinLow(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2);
}
// @ts-ignore: decorator
@inline
function highToLow(a: v128): v128 {
  return i64x2.shuffle(a, a, 1, 0);
}
// @ts-ignore: decorator
@inline
export function unpackLowB(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
// @ts-ignore: decorator
@inline
function unpackLowW(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
// @ts-ignore: decorator
@inline
function unpackLowD(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5);
}

function unpack(operation: u32, a: v128, b: v128, mmx: bool): v128 {
  if (operation == op.OP_PUNPCKLBW) return unpackLowB(a, b);
  if (operation == op.OP_PUNPCKLWD) return unpackLowW(a, b);
  if (operation == op.OP_PUNPCKLDQ) return unpackLowD(a, b);
  if (mmx) {
    if (operation == op.OP_PUNPCKHBW) return highToLow(unpackLowB(a, b));
    if (operation == op.OP_PUNPCKHWD) return highToLow(unpackLowW(a, b));
    return highToLow(unpackLowD(a, b));
  }
  const c = highToLow(a);
  const d = highToLow(b);
  if (operation == op.OP_PUNPCKHBW) return unpackLowB(c, d);
  if (operation == op.OP_PUNPCKHWD) return unpackLowW(c, d);
  return unpackLowD(c, d);
}

function pack(operation: u32, a: v128, b: v128, mmx: bool): v128 {
  if (mmx) {
    a = joinLow(a, b);
    b = a;
  }
  if (operation == op.OP_PACKSSWB) return i8x16.narrow_i16x8_s(a, b);
  if (operation == op.OP_PACKUSWB) return i8x16.narrow_i16x8_u(a, b);
  if (operation == op.OP_PACKSSDW) return i16x8.narrow_i32x4_s(a, b);
  return i16x8.narrow_i32x4_u(a, b);
}

/** Shifts by a count that may exceed the element size. */
export function shift(operation: u32, a: v128, count: u64): v128 {
  const zero = i64x2.splat(0);
  switch (operation) {
    case op.OP_PSRLW:
      return count > 15 ? zero : i16x8.shr_u(a, i32(count));
    case op.OP_PSRLD:
      return count > 31 ? zero : i32x4.shr_u(a, i32(count));
    case op.OP_PSRLQ:
      return count > 63 ? zero : i64x2.shr_u(a, i32(count));
    case op.OP_PSRAW:
      return i16x8.shr_s(a, count > 15 ? 15 : i32(count));
    case op.OP_PSRAD:
      return i32x4.shr_s(a, count > 31 ? 31 : i32(count));
    case op.OP_PSLLW:
      return count > 15 ? zero : i16x8.shl(a, i32(count));
    case op.OP_PSLLD:
      return count > 31 ? zero : i32x4.shl(a, i32(count));
  }
  return count > 63 ? zero : i64x2.shl(a, i32(count));
}

/** Even and odd elements of a and b, for the horizontal operations. */
function horizontal(operation: u32, a: v128, b: v128, mmx: bool): v128 {
  if (mmx) {
    a = joinLow(a, b);
    b = a;
  }
  if (operation == op.OP_PHADDD || operation == op.OP_PHSUBD) {
    const even = i32x4.shuffle(a, b, 0, 2, 4, 6);
    const odd = i32x4.shuffle(a, b, 1, 3, 5, 7);
    return operation == op.OP_PHADDD ? i32x4.add(even, odd) : i32x4.sub(even, odd);
  }
  const even = i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
  const odd = i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
  if (operation == op.OP_PHADDW) return i16x8.add(even, odd);
  if (operation == op.OP_PHSUBW) return i16x8.sub(even, odd);
  if (operation == op.OP_PHADDSW) return i16x8.add_sat_s(even, odd);
  return i16x8.sub_sat_s(even, odd);
}

function multiplyHigh(a: v128, b: v128, signed: bool): v128 {
  let low: v128;
  let high: v128;
  if (signed) {
    low = i32x4.extmul_low_i16x8_s(a, b);
    high = i32x4.extmul_high_i16x8_s(a, b);
  } else {
    low = i32x4.extmul_low_i16x8_u(a, b);
    high = i32x4.extmul_high_i16x8_u(a, b);
  }
  return i16x8.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

/** (a * b + 2^14) >> 15 without saturation: -1 times -1 gives -1. */
function multiplyRounded(a: v128, b: v128): v128 {
  const product = i16x8.q15mulr_sat_s(a, b);
  const least = i16x8.splat(-32768);
  const overflow = v128.and(i16x8.eq(a, least), i16x8.eq(b, least));
  return v128.or(v128.andnot(product, overflow), v128.and(least, overflow));
}

/** Unsigned bytes of a times signed bytes of b, pairs added with saturation. */
function multiplyAddBytes(a: v128, b: v128): v128 {
  const low = i16x8.mul(i16x8.extend_low_i8x16_u(a), i16x8.extend_low_i8x16_s(b));
  const high = i16x8.mul(i16x8.extend_high_i8x16_u(a), i16x8.extend_high_i8x16_s(b));
  const even = i16x8.shuffle(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
  const odd = i16x8.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
  return i16x8.add_sat_s(even, odd);
}

/** Even 32-bit elements multiplied to 64 bits. */
// @ts-ignore: decorator
@inline
export function multiplyEven(a: v128, b: v128, signed: bool): v128 {
  const c = i32x4.shuffle(a, a, 0, 2, 0, 2);
  const d = i32x4.shuffle(b, b, 0, 2, 0, 2);
  return signed ? i64x2.extmul_low_i32x4_s(c, d) : i64x2.extmul_low_i32x4_u(c, d);
}

function sumDifferences(a: v128, b: v128): v128 {
  const difference = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
  const words = i16x8.extadd_pairwise_i8x16_u(difference);
  const doubles = i32x4.extadd_pairwise_i16x8_u(words);
  const low = i64x2.shr_u(doubles, 32);
  return v128.and(i64x2.add(doubles, low), i64x2.splat(0xffffffff));
}

/** -1, 0 or 1 times a, by the sign of b. */
function sign(operation: u32, a: v128, b: v128): v128 {
  const zero = i64x2.splat(0);
  let negative: v128;
  let isZero: v128;
  let negated: v128;
  if (operation == op.OP_PSIGNB) {
    negative = i8x16.lt_s(b, zero);
    isZero = i8x16.eq(b, zero);
    negated = i8x16.neg(a);
  } else if (operation == op.OP_PSIGNW) {
    negative = i16x8.lt_s(b, zero);
    isZero = i16x8.eq(b, zero);
    negated = i16x8.neg(a);
  } else {
    negative = i32x4.lt_s(b, zero);
    isZero = i32x4.eq(b, zero);
    negated = i32x4.neg(a);
  }
  return v128.andnot(v128.bitselect(negated, a, negative), isZero);
}

function shuffleBytes(a: v128, b: v128, mmx: bool): v128 {
  const mask: i8 = mmx ? -121 : -113;
  return i8x16.swizzle(a, v128.and(b, i8x16.splat(mask)));
}

/** Operations MMX has as well. */
export function packed(operation: u32, a: v128, b: v128, mmx: bool): v128 {
  switch (operation) {
    case op.OP_PUNPCKLBW:
    case op.OP_PUNPCKLWD:
    case op.OP_PUNPCKLDQ:
    case op.OP_PUNPCKHBW:
    case op.OP_PUNPCKHWD:
    case op.OP_PUNPCKHDQ:
      return unpack(operation, a, b, mmx);
    case op.OP_PACKSSWB:
    case op.OP_PACKUSWB:
    case op.OP_PACKSSDW:
    case op.OP_PACKUSDW:
      return pack(operation, a, b, mmx);
    case op.OP_PCMPGTB:
      return i8x16.gt_s(a, b);
    case op.OP_PCMPGTW:
      return i16x8.gt_s(a, b);
    case op.OP_PCMPGTD:
      return i32x4.gt_s(a, b);
    case op.OP_PCMPEQB:
      return i8x16.eq(a, b);
    case op.OP_PCMPEQW:
      return i16x8.eq(a, b);
    case op.OP_PCMPEQD:
      return i32x4.eq(a, b);
    case op.OP_PSRLW:
    case op.OP_PSRLD:
    case op.OP_PSRLQ:
    case op.OP_PSRAW:
    case op.OP_PSRAD:
    case op.OP_PSLLW:
    case op.OP_PSLLD:
    case op.OP_PSLLQ:
      return shift(operation, a, i64x2.extract_lane(b, 0));
    case op.OP_PADDQ:
      return i64x2.add(a, b);
    case op.OP_PMULLW:
      return i16x8.mul(a, b);
    case op.OP_PSUBUSB:
      return i8x16.sub_sat_u(a, b);
    case op.OP_PSUBUSW:
      return i16x8.sub_sat_u(a, b);
    case op.OP_PMINUB:
      return i8x16.min_u(a, b);
    case op.OP_PAND:
    case op.OP_ANDPS:
    case op.OP_ANDPD:
      return v128.and(a, b);
    case op.OP_PADDUSB:
      return i8x16.add_sat_u(a, b);
    case op.OP_PADDUSW:
      return i16x8.add_sat_u(a, b);
    case op.OP_PMAXUB:
      return i8x16.max_u(a, b);
    case op.OP_PANDN:
    case op.OP_ANDNPS:
    case op.OP_ANDNPD:
      return v128.andnot(b, a);
    case op.OP_PAVGB:
      return i8x16.avgr_u(a, b);
    case op.OP_PAVGW:
      return i16x8.avgr_u(a, b);
    case op.OP_PMULHUW:
      return multiplyHigh(a, b, false);
    case op.OP_PMULHW:
      return multiplyHigh(a, b, true);
    case op.OP_PSUBSB:
      return i8x16.sub_sat_s(a, b);
    case op.OP_PSUBSW:
      return i16x8.sub_sat_s(a, b);
    case op.OP_PMINSW:
      return i16x8.min_s(a, b);
    case op.OP_POR:
    case op.OP_ORPS:
    case op.OP_ORPD:
      return v128.or(a, b);
    case op.OP_PADDSB:
      return i8x16.add_sat_s(a, b);
    case op.OP_PADDSW:
      return i16x8.add_sat_s(a, b);
    case op.OP_PMAXSW:
      return i16x8.max_s(a, b);
    case op.OP_PXOR:
    case op.OP_XORPS:
    case op.OP_XORPD:
      return v128.xor(a, b);
    case op.OP_PMULUDQ:
      return multiplyEven(a, b, false);
    case op.OP_PMADDWD:
      return i32x4.dot_i16x8_s(a, b);
    case op.OP_PSADBW:
      return sumDifferences(a, b);
    case op.OP_PSUBB:
      return i8x16.sub(a, b);
    case op.OP_PSUBW:
      return i16x8.sub(a, b);
    case op.OP_PSUBD:
      return i32x4.sub(a, b);
    case op.OP_PSUBQ:
      return i64x2.sub(a, b);
    case op.OP_PADDB:
      return i8x16.add(a, b);
    case op.OP_PADDW:
      return i16x8.add(a, b);
    case op.OP_PADDD:
      return i32x4.add(a, b);
    case op.OP_PSHUFB:
      return shuffleBytes(a, b, mmx);
    case op.OP_PHADDW:
    case op.OP_PHADDD:
    case op.OP_PHADDSW:
    case op.OP_PHSUBW:
    case op.OP_PHSUBD:
    case op.OP_PHSUBSW:
      return horizontal(operation, a, b, mmx);
    case op.OP_PMADDUBSW:
      return multiplyAddBytes(a, b);
    case op.OP_PSIGNB:
    case op.OP_PSIGNW:
    case op.OP_PSIGND:
      return sign(operation, a, b);
    case op.OP_PMULHRSW:
      return multiplyRounded(a, b);
    case op.OP_PABSB:
      return i8x16.abs(b);
    case op.OP_PABSW:
      return i16x8.abs(b);
    case op.OP_PABSD:
      return i32x4.abs(b);
  }
  return packedXmm(operation, a, b);
}

/** Operations on XMM registers only. */
function packedXmm(operation: u32, a: v128, b: v128): v128 {
  switch (operation) {
    case op.OP_PUNPCKLQDQ:
    case op.OP_UNPCKLPD:
      return i64x2.shuffle(a, b, 0, 2);
    case op.OP_PUNPCKHQDQ:
    case op.OP_UNPCKHPD:
      return i64x2.shuffle(a, b, 1, 3);
    case op.OP_UNPCKLPS:
      return i32x4.shuffle(a, b, 0, 4, 1, 5);
    case op.OP_UNPCKHPS:
      return i32x4.shuffle(a, b, 2, 6, 3, 7);
    case op.OP_PMULDQ:
      return multiplyEven(a, b, true);
    case op.OP_PCMPEQQ:
      return i64x2.eq(a, b);
    case op.OP_PCMPGTQ:
      return i64x2.gt_s(a, b);
    case op.OP_PMINSB:
      return i8x16.min_s(a, b);
    case op.OP_PMINSD:
      return i32x4.min_s(a, b);
    case op.OP_PMINUW:
      return i16x8.min_u(a, b);
    case op.OP_PMINUD:
      return i32x4.min_u(a, b);
    case op.OP_PMAXSB:
      return i8x16.max_s(a, b);
    case op.OP_PMAXSD:
      return i32x4.max_s(a, b);
    case op.OP_PMAXUW:
      return i16x8.max_u(a, b);
    case op.OP_PMAXUD:
      return i32x4.max_u(a, b);
    case op.OP_PMULLD:
      return i32x4.mul(a, b);
    case op.OP_PMOVSXBW:
      return i16x8.extend_low_i8x16_s(b);
    case op.OP_PMOVZXBW:
      return i16x8.extend_low_i8x16_u(b);
    case op.OP_PMOVSXBD:
      return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(b));
    case op.OP_PMOVZXBD:
      return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(b));
    case op.OP_PMOVSXBQ:
      return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(b)));
    case op.OP_PMOVZXBQ:
      return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(b)));
    case op.OP_PMOVSXWD:
      return i32x4.extend_low_i16x8_s(b);
    case op.OP_PMOVZXWD:
      return i32x4.extend_low_i16x8_u(b);
    case op.OP_PMOVSXWQ:
      return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(b));
    case op.OP_PMOVZXWQ:
      return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(b));
    case op.OP_PMOVSXDQ:
      return i64x2.extend_low_i32x4_s(b);
    case op.OP_PMOVZXDQ:
      return i64x2.extend_low_i32x4_u(b);
  }
  return b;
}

/** Immediate of the form. */
// @ts-ignore: decorator
@inline
export function control(r: usize): u32 {
  return load<u8>(r, R_IMM);
}
