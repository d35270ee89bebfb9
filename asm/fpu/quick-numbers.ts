// Arithmetic on normal numbers and zeros in the 80-bit format as it stands in the registers, rounded to nearest with 64 bits: the
// cases nearly all programs stay in, without taking numbers apart (float.ts). What these functions refuse is done exactly there.
// They give the same bits and find out the same: was the result inexact, was it rounded up?
import { divideWide, multiplyWide, remainder, wideHigh, wideLow } from './wide';

const INTEGER: u64 = 0x8000000000000000;
const HALF: u64 = 0x8000000000000000;
const BIAS: i32 = 16383;
const LARGEST: u32 = 0x7ffe;

/** The result: significand, sign and exponent. */
export let quickSig: u64 = 0;
export let quickSe: u32 = 0;
/** A nonzero part was rounded off; the magnitude was rounded up. */
export let quickInexact: bool = false;
export let quickUp: bool = false;

/** Is it a normal number? */
// @ts-ignore: decorator
@inline
export function isNormal(se: u32, sig: u64): bool {
  return (se & 0x7fff) - 1 < LARGEST && i64(sig) < 0;
}
// @ts-ignore: decorator
@inline
export function isZero(se: u32, sig: u64): bool {
  return sig == 0 && (se & 0x7fff) == 0;
}

/** An exact result. */
export function setQuick(se: u32, sig: u64): void {
  quickSe = se;
  quickSig = sig;
  quickInexact = false;
  quickUp = false;
}

/** high:low rounded to `high`; a carry may make it longer, or 0. */
function roundUp(high: u64, low: u64): u64 {
  quickInexact = low != 0;
  quickUp = low > HALF || (low == HALF && (high & 1) != 0);
  return high + u64(quickUp);
}

/** high:low with bit 127 set times 2^(exponent - BIAS - 127). False: out of range. */
function deliver(sign: u32, exponent: i32, high: u64, low: u64): bool {
  let sig = roundUp(high, low);
  if (!sig) {
    sig = INTEGER;
    exponent++;
  }
  quickSig = sig;
  quickSe = sign | u32(exponent);
  return u32(exponent - 1) < LARGEST;
}

/** A + B. */
export function quickAdd(seA: u32, sigA: u64, seB: u32, sigB: u64): bool {
  let a = seA & 0x7fff;
  let b = seB & 0x7fff;
  if (b > a || (b == a && sigB > sigA)) {
    const se = seA;
    const sig = sigA;
    const exponent = a;
    seA = seB;
    sigA = sigB;
    a = b;
    seB = se;
    sigB = sig;
    b = exponent;
  }
  if (!sigA) return false;
  if (!sigB) {
    setQuick(seA, sigA);
    return true;
  }
  const shift = u64(a - b);
  let high = sigB;
  let low: u64 = 0;
  if (shift >= 128) {
    high = 0;
    low = 1;
  } else if (shift > 64) {
    high = 0;
    low = (sigB >> (shift - 64)) | u64(sigB << (128 - shift) != 0);
  } else if (shift == 64) {
    high = 0;
    low = sigB;
  } else if (shift) {
    high = sigB >> shift;
    low = sigB << (64 - shift);
  }
  const sign = seA & 0x8000;
  if (!((seA ^ seB) & 0x8000)) {
    const sum = sigA + high;
    if (sum >= high) return deliver(sign, i32(a), sum, low);
    return deliver(sign, i32(a) + 1, (sum >> 1) | INTEGER, (low >> 1) | (low & 1) | (sum << 63));
  }
  return subtract(sign, i32(a), sigA - high - u64(low != 0), 0 - low);
}

/** A difference that may have lost leading bits. */
function subtract(sign: u32, exponent: i32, high: u64, low: u64): bool {
  if (!(high | low)) {
    setQuick(0, 0);
    return true;
  }
  if (!high) {
    high = low;
    low = 0;
    exponent -= 64;
  }
  const shift = clz(high);
  if (shift) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
    exponent -= i32(shift);
  }
  return deliver(sign, exponent, high, low);
}

/** A * B. */
export function quickMultiply(seA: u32, sigA: u64, seB: u32, sigB: u64): bool {
  const sign = (seA ^ seB) & 0x8000;
  if (!sigA || !sigB) {
    setQuick(sign, 0);
    return true;
  }
  const exponent = i32(seA & 0x7fff) + i32(seB & 0x7fff) - BIAS;
  multiplyWide(sigA, sigB);
  if (i64(wideHigh) < 0) return deliver(sign, exponent + 1, wideHigh, wideLow);
  return deliver(sign, exponent, (wideHigh << 1) | (wideLow >> 63), wideLow << 1);
}

/** A / B. */
export function quickDivide(seA: u32, sigA: u64, seB: u32, sigB: u64): bool {
  const sign = (seA ^ seB) & 0x8000;
  if (!sigB) return false;
  if (!sigA) {
    setQuick(sign, 0);
    return true;
  }
  const exponent = i32(seA & 0x7fff) - i32(seB & 0x7fff) + BIAS;
  const isBelow = sigA < sigB;
  const quotient = isBelow ? divideWide(sigA, 0, sigB) : divideWide(sigA >> 1, sigA << 63, sigB);
  // twice the remainder against the divisor: below or above half a unit
  const isAbove = remainder >= INTEGER || remainder << 1 > sigB;
  const low = isAbove ? HALF | 1 : remainder << 1 == sigB ? HALF : u64(remainder != 0);
  return deliver(sign, exponent - i32(isBelow), quotient, low);
}

/** A double in the 80-bit format. False: not a normal number or zero. */
export function fromDouble(v: u64): bool {
  const exponent = u32(v >> 52) & 0x7ff;
  const sign = u32(v >> 48) & 0x8000;
  if (exponent - 1 < 0x7fe) setQuick(sign | (exponent + 15360), INTEGER | (v << 11));
  else if (v << 1) return false;
  else setQuick(sign, 0);
  return true;
}

/** A single in the 80-bit format. False: not a normal number or zero. */
export function fromSingle(v: u32): bool {
  const exponent = (v >> 23) & 0xff;
  const sign = (v >> 16) & 0x8000;
  if (exponent - 1 < 0xfe) setQuick(sign | (exponent + 16256), INTEGER | (u64(v) << 40));
  else if (v << 1) return false;
  else setQuick(sign, 0);
  return true;
}

export function fromSigned(v: i64): void {
  if (!v) {
    setQuick(0, 0);
    return;
  }
  const magnitude = v < 0 ? 0 - u64(v) : u64(v);
  const shift = clz(magnitude);
  setQuick((v < 0 ? 0x8000 : 0) | (BIAS + 63 - u32(shift)), magnitude << shift);
}

/** Rounded to a format with `bits` bits of significand, returned packed. quickSe 0: the exponent is out of range. */
function narrow(se: u32, sig: u64, bits: u64, bias: i32, largest: u32): u64 {
  const rest = 64 - bits;
  let kept = roundUp(sig >> rest, sig << bits);
  let exponent = i32(se & 0x7fff) - BIAS + bias;
  // a result just below the normal range counts as tiny even when it is rounded up into it only in this way
  quickSe = u32(exponent - 1) < largest ? 1 : 0;
  if (kept >> bits) {
    kept >>= 1;
    exponent++;
    if (u32(exponent - 1) >= largest) quickSe = 0;
  }
  return (u64(exponent) << (bits - 1)) | (kept & ((<u64>1 << (bits - 1)) - 1));
}

/** The 80-bit number as a double in quickSig. False: it has to be done exactly. */
export function toDouble(se: u32, sig: u64): bool {
  const sign = u64(se & 0x8000) << 48;
  if (isZero(se, sig)) {
    setQuick(1, sign);
    return true;
  }
  if (!isNormal(se, sig)) return false;
  quickSig = sign | narrow(se, sig, 53, 1023, 0x7fe);
  return quickSe != 0;
}

/** The same as a single. */
export function toSingle(se: u32, sig: u64): bool {
  const sign = u64(se & 0x8000) << 16;
  if (isZero(se, sig)) {
    setQuick(1, sign);
    return true;
  }
  if (!isNormal(se, sig)) return false;
  quickSig = sign | narrow(se, sig, 24, 127, 0xfe);
  return quickSe != 0;
}

/** The 80-bit number as a signed integer below 2^(bits - 1) in quickSig. False: it has to be done exactly. */
export function toSigned(se: u32, sig: u64, bits: u64): bool {
  const exponent = i32(se & 0x7fff) - BIAS;
  if (isZero(se, sig)) {
    setQuick(0, 0);
    return true;
  }
  if (!isNormal(se, sig) || exponent < -1 || exponent > 61) return false;
  const shift = u64(63 - exponent);
  const magnitude = shift == 64 ? roundUp(0, sig) : roundUp(sig >> shift, sig << (64 - shift));
  quickSig = se & 0x8000 ? 0 - magnitude : magnitude;
  return magnitude >> (bits - 1) == 0;
}
