// Arithmetic on normal numbers and zeros in the 80-bit format as it stands in the registers, rounded to nearest: the cases nearly
// all programs stay in, without taking numbers apart (float.ts). What these functions refuse is done exactly there. They give
// the same bits, store them, and return the same finding for FSW: PE when the result was inexact, C1 when it was rounded up.
import { FPU_CONTROL } from '../layout';
import { CHOP, NEAREST, PE } from './float';
import {
  ADD,
  COMPARE,
  COMPARE_TO_FLAGS,
  DIVIDE,
  DIVIDE_REVERSED,
  MULTIPLY,
  SUBTRACT,
  SUBTRACT_REVERSED,
} from './hot';
import { C0, C1, C3 } from './stack';
import {
  divideWide,
  highProduct,
  nearestQuotient,
  nearestRoot,
  remainder,
  rest,
  rootWide,
  wideHigh,
  wideLow,
} from './wide';

export const INTEGER: u64 = 0x8000000000000000;
const HALF: u64 = 0x8000000000000000;
export const BIAS: i32 = 16383;
export const LARGEST: u32 = 0x7ffe;
const MASKS: u32 = 0x3f;
/** Masks and rounding of the control word, and the bit of its precision that stands for 64 bits. */
const MASKS_AND_ROUNDING: u32 = 0xc3f;
const FULL_PRECISION: u32 = 0x100;

/** Instead of a finding: nothing was stored, it has to be done exactly. */
export const REFUSED: u32 = 0xffffffff;

/** Are all exceptions masked, and is rounding to nearest? */
// @ts-ignore: decorator
@inline
function isOrdinary(word: u32): bool {
  return (word & MASKS_AND_ROUNDING) == MASKS;
}

// @ts-ignore: decorator
@inline
function isNormal(se: u32, sig: u64): bool {
  return (se & 0x7fff) - 1 < LARGEST && i64(sig) < 0;
}
/** Is it a normal number or a zero? */
// @ts-ignore: decorator
@inline
function isPlain(se: u32, sig: u64): bool {
  return isNormal(se, sig) || (sig | (se & 0x7fff)) == 0;
}

/** What was found out when a result was rounded: was anything lost, was it rounded up (0 or 1)? */
// @ts-ignore: decorator
@inline
export function finding(low: u64, up: u64): u32 {
  return (u32(low != 0) * PE) | (u32(up) * C1);
}

/** Is high:low rounded up to the nearest, or to the even one? 0 or 1. */
// @ts-ignore: decorator
@inline
export function roundsUp(high: u64, low: u64): u64 {
  return (low >> 63) & (u64(low << 1 != 0) | (high & 1));
}

/** Stores a number in the register at `at`. */
// @ts-ignore: decorator
@inline
export function put(at: usize, se: u32, sig: u64): void {
  store<u64>(at, sig);
  store<u16>(at, u16(se), 8);
}

/** Stores high:low with bit 127 set times 2^(exponent - BIAS - 127), rounded to 64 bits, in the register at `at`. */
// @ts-ignore: decorator
@inline
function deliverFull(at: usize, sign: u32, exponent: i32, high: u64, low: u64): u32 {
  const up = roundsUp(high, low);
  let sig = high + up;
  if (!sig) {
    sig = INTEGER;
    exponent++;
  }
  if (u32(exponent - 1) >= LARGEST) return REFUSED;
  put(at, sign | u32(exponent), sig);
  return finding(low, up);
}

/** The same with 53 or 24 bits of significand. */
function deliverShort(at: usize, sign: u32, exponent: i32, high: u64, low: u64): u32 {
  const bits: u64 = load<u16>(FPU_CONTROL) & 0x200 ? 53 : 24;
  const rest = (high << bits) | u64(low != 0);
  const kept = high >> (64 - bits);
  const up = roundsUp(kept, rest);
  let sig = (kept + up) << (64 - bits);
  if (!sig) {
    sig = INTEGER;
    exponent++;
  }
  if (u32(exponent - 1) >= LARGEST) return REFUSED;
  put(at, sign | u32(exponent), sig);
  return finding(rest, up);
}

/** The same as the precision control says. */
function deliver(at: usize, sign: u32, exponent: i32, high: u64, low: u64): u32 {
  if (load<u16>(FPU_CONTROL) & FULL_PRECISION) return deliverFull(at, sign, exponent, high, low);
  return deliverShort(at, sign, exponent, high, low);
}

/** A sum of numbers whose exponents differ by 64 or more. */
function addFar(at: usize, seA: u32, sigA: u64, seB: u32, sigB: u64): u32 {
  const exponent = i32(seA & 0x7fff);
  const shift = u64(exponent - i32(seB & 0x7fff));
  let low: u64 = 1;
  if (shift == 64) low = sigB;
  else if (shift < 128) low = (sigB >> (shift - 64)) | u64(sigB << (128 - shift) != 0);
  if (!((seA ^ seB) & 0x8000)) return deliver(at, seA & 0x8000, exponent, sigA, low);
  return afterLoss(at, seA & 0x8000, exponent, sigA - 1, 0 - low);
}

/** A difference that may have lost leading bits. */
function afterLoss(at: usize, sign: u32, exponent: i32, high: u64, low: u64): u32 {
  if (!high) {
    if (!low) {
      put(at, 0, 0);
      return 0;
    }
    high = low;
    low = 0;
    exponent -= 64;
  }
  const shift = clz(high);
  return deliver(at, sign, exponent - i32(shift), (high << shift) | ((low >> 1) >> (63 - shift)), low << shift);
}

/** The condition codes for A against B. */
function order(seA: u32, sigA: u64, seB: u32, sigB: u64): u32 {
  if (!(sigA | sigB)) return C3;
  const isNegative = (seA & 0x8000) != 0;
  if ((seA ^ seB) & 0x8000) return isNegative ? C0 : 0;
  if (seA == seB && sigA == sigB) return C3;
  const isSmaller = seA < seB || (seA == seB && sigA < sigB);
  return isSmaller != isNegative ? C0 : 0;
}

/** `operate` with a zero. */
function operateOnZero(operation: u32, at: usize, se: u32, sig: u64): u32 {
  const ownSe: u32 = load<u16>(at, 8);
  const ownSig = load<u64>(at);
  if (!isPlain(se, sig) || !isPlain(ownSe, ownSig)) return REFUSED;
  const sign = (se ^ ownSe) & 0x8000;
  if (operation == COMPARE || operation == COMPARE_TO_FLAGS) return order(ownSe, ownSig, se, sig);
  if (operation == DIVIDE || operation == DIVIDE_REVERSED || operation == MULTIPLY) {
    if (operation == DIVIDE ? !sig : operation == DIVIDE_REVERSED && !ownSig) return REFUSED;
    put(at, sign, 0);
    return 0;
  }
  // FADD rounds the other number, which may have more bits than the precision control allows
  const a = operation == SUBTRACT_REVERSED ? ownSe ^ 0x8000 : ownSe;
  const b = operation == SUBTRACT ? se ^ 0x8000 : se;
  if (ownSig | sig) return deliver(at, (sig ? b : a) & 0x8000, i32((sig ? b : a) & 0x7fff), ownSig | sig, 0);
  put(at, a & b, 0);
  return 0;
}

/** Stores sigA / sigB. */
function quotient(at: usize, sign: u32, exponent: i32, sigA: u64, sigB: u64): u32 {
  const isBelow = sigA < sigB;
  const q = isBelow ? divideWide(sigA, 0, sigB) : divideWide(sigA >> 1, sigA << 63, sigB);
  // twice the remainder against the divisor: below or above half a unit
  const isAbove = remainder >= INTEGER || remainder << 1 > sigB;
  const low = isAbove ? HALF | 1 : remainder << 1 == sigB ? HALF : u64(remainder != 0);
  return deliver(at, sign, exponent + BIAS - i32(isBelow), q, low);
}

/** Stores sigA / sigB, rounded to 64 bits. */
export function fullQuotient(at: usize, sign: u32, exponent: i32, sigA: u64, sigB: u64): u32 {
  const shift = u64(sigA >= sigB);
  const sig = nearestQuotient(sigA >> shift, (sigA & shift) << 31, sigB);
  exponent += BIAS - 1 + i32(shift);
  if (!sig || u32(exponent - 1) >= LARGEST) return REFUSED;
  put(at, sign | u32(exponent), sig);
  return finding(u64(rest), u64(rest) >> 63);
}

/** Arithmetic and compares (hot.ts) of the register at `at` with a number. */
// @ts-ignore: decorator
@inline
export function operate(operation: u32, at: usize, se: u32, sig: u64): u32 {
  let ownSe: u32 = load<u16>(at, 8);
  const ownSig = load<u64>(at);
  const word: u32 = load<u16>(FPU_CONTROL);
  if (!isOrdinary(word)) return REFUSED;
  if (!isNormal(se, sig) || !isNormal(ownSe, ownSig)) return operateOnZero(operation, at, se, sig);
  let exponent = i32(ownSe & 0x7fff);
  const other = i32(se & 0x7fff);
  let high: u64;
  let low: u64;
  switch (operation) {
    case MULTIPLY: {
      const product = highProduct(ownSig, sig);
      const rest = ownSig * sig;
      const shift = u64(i64(product) >= 0);
      high = (product << shift) | ((rest >> 63) & shift);
      low = rest << shift;
      exponent += other - BIAS + 1 - i32(shift);
      ownSe ^= se;
      break;
    }
    case DIVIDE:
      return quotient(at, (ownSe ^ se) & 0x8000, exponent - other, ownSig, sig);
    case DIVIDE_REVERSED:
      return quotient(at, (ownSe ^ se) & 0x8000, other - exponent, sig, ownSig);
    case COMPARE:
    case COMPARE_TO_FLAGS:
      return order(ownSe, ownSig, se, sig);
    default: {
      if (operation == SUBTRACT) se ^= 0x8000;
      else if (operation == SUBTRACT_REVERSED) ownSe ^= 0x8000;
      const isSmaller = exponent < other;
      const shift = u64(isSmaller ? other - exponent : exponent - other);
      const big = isSmaller ? sig : ownSig;
      const small = isSmaller ? ownSig : sig;
      const isDifference = ((se ^ ownSe) & 0x8000) != 0;
      if (shift > 63) return isSmaller ? addFar(at, se, sig, ownSe, ownSig) : addFar(at, ownSe, ownSig, se, sig);
      if (isSmaller) {
        exponent = other;
        ownSe = se;
      }
      const part = small >> shift;
      const rest = (small << 1) << (63 - shift);
      if (isDifference) {
        if (big < part) return afterLoss(at, ~ownSe & 0x8000, exponent, part - big, 0);
        const difference = big - part - u64(rest != 0);
        if (!difference) return afterLoss(at, ownSe & 0x8000, exponent, 0, 0 - rest);
        const lost = clz(difference);
        low = 0 - rest;
        high = (difference << lost) | ((low >> 1) >> (63 - lost));
        low <<= lost;
        exponent -= i32(lost);
      } else {
        const sum = big + part;
        const carry = u64(sum < part);
        high = (sum >> carry) | (carry << 63);
        low = (rest >> carry) | (rest & carry) | ((sum & carry) << 63);
        exponent += i32(carry);
      }
    }
  }
  if (!(word & FULL_PRECISION)) return deliverShort(at, ownSe & 0x8000, exponent, high, low);
  return deliverFull(at, ownSe & 0x8000, exponent, high, low);
}

/** Stores the square root of the register at `at` there. */
export function root(at: usize): u32 {
  const se: u32 = load<u16>(at, 8);
  const sig = load<u64>(at);
  if (!isOrdinary(load<u16>(FPU_CONTROL)) || se & 0x8000 || !isNormal(se, sig)) return REFUSED;
  const exponent = i32(se) - BIAS;
  if (load<u16>(FPU_CONTROL) & FULL_PRECISION) {
    const shift = u64(~exponent & 1);
    const nearest = nearestRoot(sig >> shift, (sig & shift) << 31);
    if (nearest) {
      put(at, u32((exponent >> 1) + BIAS), nearest);
      return finding(u64(rest), u64(rest) >> 63);
    }
  }
  const r = exponent & 1 ? rootWide(sig, 0) : rootWide(sig >> 1, sig << 63);
  // more than the root remains: above half a unit; exactly half is impossible
  const isAbove = wideHigh != 0 || wideLow > r;
  return deliver(at, 0, (exponent >> 1) + BIAS, r, isAbove ? HALF | 1 : u64(wideLow != 0));
}

/** The condition codes for the register at `at` against zero. */
export function orderToZero(at: usize): u32 {
  const se: u32 = load<u16>(at, 8);
  const sig = load<u64>(at);
  return isOrdinary(load<u16>(FPU_CONTROL)) && isPlain(se, sig) ? order(se, sig, 0, 0) : REFUSED;
}

// Numbers in memory as 80-bit numbers: first whether it is a normal number or a zero.

// @ts-ignore: decorator
@inline
export function isPlainDouble(v: u64): bool {
  return (u32(v >> 52) & 0x7ff) - 1 < 0x7fe || v << 1 == 0;
}
// @ts-ignore: decorator
@inline
export function doubleSe(v: u64): u32 {
  const exponent = u32(v >> 52) & 0x7ff;
  return (u32(v >> 48) & 0x8000) | (exponent ? exponent + 15360 : 0);
}
// @ts-ignore: decorator
@inline
export function doubleSig(v: u64): u64 {
  return v << 1 ? INTEGER | (v << 11) : 0;
}
// @ts-ignore: decorator
@inline
export function isPlainSingle(v: u32): bool {
  return ((v >> 23) & 0xff) - 1 < 0xfe || v << 1 == 0;
}
// @ts-ignore: decorator
@inline
export function singleSe(v: u32): u32 {
  const exponent = (v >> 23) & 0xff;
  return ((v >> 16) & 0x8000) | (exponent ? exponent + 16256 : 0);
}
// @ts-ignore: decorator
@inline
export function singleSig(v: u32): u64 {
  return v << 1 ? INTEGER | (u64(v) << 40) : 0;
}
// @ts-ignore: decorator
@inline
export function signedSe(v: i64): u32 {
  return v ? (u32(u64(v) >> 48) & 0x8000) | (BIAS + 63 - u32(clz(abs<i64>(v)))) : 0;
}
// @ts-ignore: decorator
@inline
export function signedSig(v: i64): u64 {
  const magnitude = u64(abs<i64>(v));
  return magnitude << clz(magnitude);
}

/** Stores the 80-bit number at `from` in the format T with `bits` bits of significand at `to`. */
// @ts-ignore: decorator
@inline
export function storeShort<T>(to: usize, from: usize, bits: u64, bias: i32, largest: u32): u32 {
  const se: u32 = load<u16>(from, 8);
  const sig = load<u64>(from);
  if (!isPlain(se, sig)) return REFUSED;
  const sign = u64(se & 0x8000) << ((sizeof<T>() << 3) - 16);
  if (!sig) {
    store<T>(to, <T>sign);
    return 0;
  }
  const exponent = i32(se & 0x7fff) - BIAS + bias;
  const kept = sig >> (64 - bits);
  const low = sig << bits;
  const up = roundsUp(kept, low);
  // the integer bit adds the one that is missing in the exponent, a carry one more
  const packed = (u64(exponent - 1) << (bits - 1)) + kept + up;
  // a result just below the normal range counts as tiny even when it is rounded up into it only in this way
  if (u32(exponent - 1) >= largest || u32(packed >> (bits - 1)) > largest) return REFUSED;
  store<T>(to, <T>(packed | sign));
  return finding(low, up);
}

/** Stores the 80-bit number at `from` as a signed integer of `size` bytes at `to`. The smallest integer is refused. */
export function storeInteger(to: usize, from: usize, size: u32, rounding: u32): u32 {
  const se: u32 = load<u16>(from, 8);
  const sig = load<u64>(from);
  const exponent = i32(se & 0x7fff) - BIAS;
  if (!isPlain(se, sig) || exponent > 62) return REFUSED;
  const shift = u64(63 - exponent);
  // below a half only "not zero" counts
  const high = shift < 64 ? sig >> shift : 0;
  const low = shift < 64 ? sig << (64 - shift) : shift == 64 ? sig : u64(sig != 0);
  const sign = se >> 15;
  const up = rounding == NEAREST ? roundsUp(high, low) : u64(rounding == 2 - sign && low != 0);
  const magnitude = high + up;
  if (magnitude >> (u64(size << 3) - 1)) return REFUSED;
  const v = sign ? 0 - magnitude : magnitude;
  if (size == 4) store<u32>(to, u32(v));
  else if (size == 8) store<u64>(to, v);
  else store<u16>(to, u16(v));
  return finding(low, up);
}

/** Stores the 80-bit number at `from` at `to`: as a number of `size` bytes, or an integer, which may be chopped. */
// @ts-ignore: decorator
@inline
export function storeNumber(to: usize, from: usize, size: u32, isInteger: bool, isChopped: bool): u32 {
  if (size == 10) {
    store<u64>(to, load<u64>(from));
    store<u16>(to, load<u16>(from, 8), 8);
    return 0;
  }
  const word: u32 = load<u16>(FPU_CONTROL);
  if ((word & MASKS) != MASKS) return REFUSED;
  const rounding = (word >> 10) & 3;
  if (isInteger) return storeInteger(to, from, size, isChopped ? CHOP : rounding);
  if (rounding != NEAREST) return REFUSED;
  return size == 8 ? storeShort<u64>(to, from, 53, 1023, 0x7fe) : storeShort<u32>(to, from, 24, 127, 0xfe);
}
