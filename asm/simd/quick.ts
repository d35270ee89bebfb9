// The quick way through SSE arithmetic: the host's own IEEE 754 operations, where they give the same result and flags.
// That is so with all exceptions masked, rounding to nearest, PE already set, and normal numbers or zeros as operands and
// results: then only PE can be raised, and it is there (SDM Vol. 1 "MXCSR Control and Status Register").
import { MXCSR } from '../layout';

/** Masks and PE set; DAZ, RC and FTZ clear. */
const REQUIRED: u32 = 0x1fa0;
const LOOKED_AT: u32 = 0xffe0;

// operations in the order of their rows
const ADD: u32 = 0;
const MUL: u32 = 1;
const SUB: u32 = 2;
const MIN: u32 = 3;
const DIV: u32 = 4;
const MAX: u32 = 5;
const SQRT: u32 = 6;

// as `quickArithmetic` numbers them
const PACKED_ADD: u32 = 4 * ADD + 1;
const PACKED_MUL: u32 = 4 * MUL + 1;
const PACKED_SUB: u32 = 4 * SUB + 1;
const PACKED_DIV: u32 = 4 * DIV + 1;
const PACKED_SQRT: u32 = 4 * SQRT + 1;
const SCALAR_ADD: u32 = 4 * ADD + 3;
const SCALAR_MUL: u32 = 4 * MUL + 3;
const SCALAR_SUB: u32 = 4 * SUB + 3;
const SCALAR_DIV: u32 = 4 * DIV + 3;
const SCALAR_SQRT: u32 = 4 * SQRT + 3;

const MAGNITUDE64: u64 = 0x7fff_ffff_ffff_ffff;
const NORMAL64: i64 = 0x0010_0000_0000_0000;
const INFINITY64: i64 = 0x7ff0_0000_0000_0000;
const MAGNITUDE32: u32 = 0x7fff_ffff;
const NORMAL32: i32 = 0x0080_0000;
const INFINITY32: i32 = 0x7f80_0000;
/** A result in the lowest binade may have been rounded up to it from below: that is an underflow. */
const SAFE64: i64 = 2 * NORMAL64;
const SAFE32: i32 = 2 * NORMAL32;

/** Are the operands such that a result of zero is exact? `a` and `b` are magnitudes. */
// @ts-ignore: decorator
@inline
function isZeroExact<T>(n: u32, a: T, b: T): bool {
  return n == ADD || n == SUB || (n == DIV ? a == 0 : n == SQRT ? b == 0 : a == 0 || b == 0);
}

// @ts-ignore: decorator
@inline
function scalar64(n: u32, to: usize, from: usize): bool {
  const x = load<f64>(to);
  const y = load<f64>(from);
  const a = i64(reinterpret<u64>(x) & MAGNITUDE64);
  const b = i64(reinterpret<u64>(y) & MAGNITUDE64);
  if (n != SQRT && a && u64(a - NORMAL64) >= u64(INFINITY64 - NORMAL64)) return false;
  if (b ? u64(b - NORMAL64) >= u64(INFINITY64 - NORMAL64) : n == DIV) return false;
  let z: f64;
  if (n == ADD) z = x + y;
  else if (n == MUL) z = x * y;
  else if (n == SUB) z = x - y;
  else if (n == DIV) z = x / y;
  else if (n == SQRT) {
    if (y < 0.0) return false;
    z = sqrt<f64>(y);
  } else z = (n == MIN ? x < y : x > y) ? x : y;
  const c = i64(reinterpret<u64>(z) & MAGNITUDE64);
  if (n != MIN && n != MAX && (c ? u64(c - SAFE64) >= u64(INFINITY64 - SAFE64) : !isZeroExact<i64>(n, a, b))) return false;
  store<f64>(to, z);
  return true;
}

// @ts-ignore: decorator
@inline
function scalar32(n: u32, to: usize, from: usize): bool {
  const x = load<f32>(to);
  const y = load<f32>(from);
  const a = i32(reinterpret<u32>(x) & MAGNITUDE32);
  const b = i32(reinterpret<u32>(y) & MAGNITUDE32);
  if (n != SQRT && a && u32(a - NORMAL32) >= u32(INFINITY32 - NORMAL32)) return false;
  if (b ? u32(b - NORMAL32) >= u32(INFINITY32 - NORMAL32) : n == DIV) return false;
  let z: f32;
  if (n == ADD) z = x + y;
  else if (n == MUL) z = x * y;
  else if (n == SUB) z = x - y;
  else if (n == DIV) z = x / y;
  else if (n == SQRT) {
    if (y < 0.0) return false;
    z = sqrt<f32>(y);
  } else z = (n == MIN ? x < y : x > y) ? x : y;
  const c = i32(reinterpret<u32>(z) & MAGNITUDE32);
  if (n != MIN && n != MAX && (c ? u32(c - SAFE32) >= u32(INFINITY32 - SAFE32) : !isZeroExact<i32>(n, a, b))) return false;
  store<f32>(to, z);
  return true;
}

/** Lanes of magnitudes at least `least` and below infinity. */
// @ts-ignore: decorator
@inline
function inRange64(magnitude: v128, least: i64): v128 {
  return v128.andnot(i64x2.gt_s(i64x2.splat(INFINITY64), magnitude), i64x2.gt_s(i64x2.splat(least), magnitude));
}
// @ts-ignore: decorator
@inline
function inRange32(magnitude: v128, least: i32): v128 {
  return v128.andnot(i32x4.gt_s(i32x4.splat(INFINITY32), magnitude), i32x4.gt_s(i32x4.splat(least), magnitude));
}

/** Lanes where a result of zero is exact; `a` and `b` say where the operands are zero. */
// @ts-ignore: decorator
@inline
function exactZeros(n: u32, a: v128, b: v128): v128 {
  if (n == ADD || n == SUB) return i64x2.splat(-1);
  return n == DIV ? a : n == SQRT ? b : v128.or(a, b);
}

// @ts-ignore: decorator
@inline
function packed64(n: u32, to: usize, from: usize): bool {
  const x = v128.load(to);
  const y = v128.load(from);
  const zero = i64x2.splat(0);
  const a = v128.and(x, i64x2.splat(MAGNITUDE64));
  const b = v128.and(y, i64x2.splat(MAGNITUDE64));
  const isZeroA = i64x2.eq(a, zero);
  const isZeroB = i64x2.eq(b, zero);
  let good = inRange64(b, NORMAL64);
  if (n != DIV) good = v128.or(good, isZeroB);
  if (n != SQRT) good = v128.and(good, v128.or(inRange64(a, NORMAL64), isZeroA));
  let z: v128;
  if (n == ADD) z = f64x2.add(x, y);
  else if (n == MUL) z = f64x2.mul(x, y);
  else if (n == SUB) z = f64x2.sub(x, y);
  else if (n == DIV) z = f64x2.div(x, y);
  else if (n == SQRT) {
    z = f64x2.sqrt(y);
    good = v128.andnot(good, f64x2.lt(y, zero));
  } else z = v128.bitselect(x, y, n == MIN ? f64x2.lt(x, y) : f64x2.gt(x, y));
  if (n != MIN && n != MAX) {
    const c = v128.and(z, i64x2.splat(MAGNITUDE64));
    const isExact = v128.and(i64x2.eq(c, zero), exactZeros(n, isZeroA, isZeroB));
    good = v128.and(good, v128.or(inRange64(c, SAFE64), isExact));
  }
  if (!i64x2.all_true(good)) return false;
  v128.store(to, z);
  return true;
}

// @ts-ignore: decorator
@inline
function packed32(n: u32, to: usize, from: usize): bool {
  const x = v128.load(to);
  const y = v128.load(from);
  const zero = i32x4.splat(0);
  const a = v128.and(x, i32x4.splat(MAGNITUDE32));
  const b = v128.and(y, i32x4.splat(MAGNITUDE32));
  const isZeroA = i32x4.eq(a, zero);
  const isZeroB = i32x4.eq(b, zero);
  let good = inRange32(b, NORMAL32);
  if (n != DIV) good = v128.or(good, isZeroB);
  if (n != SQRT) good = v128.and(good, v128.or(inRange32(a, NORMAL32), isZeroA));
  let z: v128;
  if (n == ADD) z = f32x4.add(x, y);
  else if (n == MUL) z = f32x4.mul(x, y);
  else if (n == SUB) z = f32x4.sub(x, y);
  else if (n == DIV) z = f32x4.div(x, y);
  else if (n == SQRT) {
    z = f32x4.sqrt(y);
    good = v128.andnot(good, f32x4.lt(y, zero));
  } else z = v128.bitselect(x, y, n == MIN ? f32x4.lt(x, y) : f32x4.gt(x, y));
  if (n != MIN && n != MAX) {
    const c = v128.and(z, i32x4.splat(MAGNITUDE32));
    const isExact = v128.and(i32x4.eq(c, zero), exactZeros(n, isZeroA, isZeroB));
    good = v128.and(good, v128.or(inRange32(c, SAFE32), isExact));
  }
  if (!i32x4.all_true(good)) return false;
  v128.store(to, z);
  return true;
}

/**
 * Operation n (from ADDPS on, in fours: ps, pd, ss, sd) on the numbers at `to` and `from`; false when it has to be done
 * exactly. What a scalar operation does not change stays.
 */
export function quickArithmetic(n: u32, to: usize, from: usize): bool {
  const isChoice = n >> 2 == MIN || n >> 2 == MAX;
  if ((load<u32>(MXCSR) & LOOKED_AT) != REQUIRED && !isChoice) return false;
  switch (n) {
    case 0:
      return packed32(ADD, to, from);
    case 1:
      return packed64(ADD, to, from);
    case 2:
      return scalar32(ADD, to, from);
    case 3:
      return scalar64(ADD, to, from);
    case 4:
      return packed32(MUL, to, from);
    case 5:
      return packed64(MUL, to, from);
    case 6:
      return scalar32(MUL, to, from);
    case 7:
      return scalar64(MUL, to, from);
    case 8:
      return packed32(SUB, to, from);
    case 9:
      return packed64(SUB, to, from);
    case 10:
      return scalar32(SUB, to, from);
    case 11:
      return scalar64(SUB, to, from);
    case 12:
      return packed32(MIN, to, from);
    case 13:
      return packed64(MIN, to, from);
    case 14:
      return scalar32(MIN, to, from);
    case 15:
      return scalar64(MIN, to, from);
    case 16:
      return packed32(DIV, to, from);
    case 17:
      return packed64(DIV, to, from);
    case 18:
      return scalar32(DIV, to, from);
    case 19:
      return scalar64(DIV, to, from);
    case 20:
      return packed32(MAX, to, from);
    case 21:
      return packed64(MAX, to, from);
    case 22:
      return scalar32(MAX, to, from);
    case 23:
      return scalar64(MAX, to, from);
    case 24:
      return packed32(SQRT, to, from);
    case 25:
      return packed64(SQRT, to, from);
    case 26:
      return scalar32(SQRT, to, from);
  }
  return scalar64(SQRT, to, from);
}

/** Doublewords of 64 bits, twice each: magnitudes, the smallest normal number, the smallest safe result, infinity. */
const LIMITS: usize = memory.data<u64>(
  [
    0x7fff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x0010_0000_0000_0000,
    0x0020_0000_0000_0000, 0x0020_0000_0000_0000, 0x7ff0_0000_0000_0000, 0x7ff0_0000_0000_0000,
  ],
  16,
);

/** Denormal lanes; `magnitude` is cleared of signs. */
// @ts-ignore: decorator
@inline
function denormals(magnitude: v128): v128 {
  return v128.andnot(i64x2.gt_s(v128.load(LIMITS, 16), magnitude), i64x2.eq(magnitude, i64x2.splat(0)));
}

/**
 * The run loops' own way, without a call, for two doubles in packed form: as `quickArithmetic`, but results of zero are
 * left to that too. NaNs, infinities and what is divided by zero show in the result.
 */
// @ts-ignore: decorator
@inline
export function packedDoubles(n: u32, to: usize, from: usize): bool {
  if ((load<u32>(MXCSR) & LOOKED_AT) != REQUIRED) return false;
  const y = v128.load(from);
  const x = n == PACKED_SQRT ? y : v128.load(to);
  let z: v128;
  if (n == PACKED_ADD) z = f64x2.add(x, y);
  else if (n == PACKED_MUL) z = f64x2.mul(x, y);
  else if (n == PACKED_SUB) z = f64x2.sub(x, y);
  else if (n == PACKED_DIV) z = f64x2.div(x, y);
  else if (n == PACKED_SQRT) z = f64x2.sqrt(y);
  else return false;
  const magnitudes = v128.load(LIMITS);
  const c = v128.and(z, magnitudes);
  const bad = v128.or(denormals(v128.and(x, magnitudes)), denormals(v128.and(y, magnitudes)));
  const outside = v128.or(i64x2.gt_s(v128.load(LIMITS, 32), c), i64x2.ge_s(c, v128.load(LIMITS, 48)));
  if (v128.any_true(v128.or(bad, outside))) return false;
  v128.store(to, z);
  return true;
}

/** The same for the lower double. */
// @ts-ignore: decorator
@inline
export function scalarDoubles(n: u32, to: usize, from: usize): bool {
  if ((load<u32>(MXCSR) & LOOKED_AT) != REQUIRED) return false;
  const y = load<f64>(from);
  const x = n == SCALAR_SQRT ? y : load<f64>(to);
  let z: f64;
  if (n == SCALAR_ADD) z = x + y;
  else if (n == SCALAR_MUL) z = x * y;
  else if (n == SCALAR_SUB) z = x - y;
  else if (n == SCALAR_DIV) z = x / y;
  else if (n == SCALAR_SQRT) z = sqrt<f64>(y);
  else return false;
  const a = (reinterpret<u64>(x) & MAGNITUDE64) - 1;
  const b = (reinterpret<u64>(y) & MAGNITUDE64) - 1;
  const c = (reinterpret<u64>(z) & MAGNITUDE64) - u64(SAFE64);
  if (min<u64>(a, b) < u64(NORMAL64 - 1) || c >= u64(INFINITY64 - SAFE64)) return false;
  store<f64>(to, z);
  return true;
}

/** Either. */
// @ts-ignore: decorator
@inline
export function doubles(n: u32, to: usize, from: usize): bool {
  return (n & 3) == 1 ? packedDoubles(n, to, from) : (n & 3) == 3 && scalarDoubles(n, to, from);
}

/** Can `v` be chopped to a 32-bit integer without raising more than PE, which is there? */
export function isPlainConversion(v: f64): bool {
  if (!(v > -2147483648.0 && v < 2147483648.0)) return false;
  const magnitude = i64(reinterpret<u64>(v) & MAGNITUDE64);
  if (magnitude && magnitude < NORMAL64) return false;
  return (load<u32>(MXCSR) & LOOKED_AT) == REQUIRED || floor(v) == v;
}
