// Rounding a result to a format (SDM Vol. 1 "Rounding", "Numeric Overflow Exception", "Numeric Underflow Exception",
// "Inexact-Result (Precision) Exception"; tininess is detected after rounding).
import {
  aExp,
  aKind,
  aSig,
  aSign,
  clearRaised,
  DOWN,
  FINITE,
  flushToZero,
  IE,
  INFINITE,
  INTEGER_BIT,
  masks,
  NEAREST,
  OE,
  PE,
  raiseFloat,
  rounding,
  setRoundedUp,
  setZ,
  UE,
  UP,
  ZERO,
  zExp,
  zKind,
  zLow,
  zSig,
  zSign,
} from './float';

/** What `roundSignificand` found. */
let carried: bool = false;
let inexact: bool = false;
let up: bool = false;

/** Rounds sig:low to the upper `precision` bits. A carry out leaves INTEGER_BIT, or 0 when `sig` had no integer bit. */
function roundSignificand(sig: u64, low: u64, precision: u32, sign: u32): u64 {
  const rest: u32 = 64 - precision;
  let below: bool;
  let half: bool;
  let kept = sig;
  if (rest == 0) {
    half = low >> 63 != 0;
    below = low << 1 != 0;
  } else {
    half = ((sig >> (rest - 1)) & 1) != 0;
    below = (sig & ((<u64>1 << (rest - 1)) - 1)) != 0 || low != 0;
    kept = (sig >> rest) << rest;
  }
  const unit: u64 = <u64>1 << rest;
  inexact = half || below;
  if (rounding == NEAREST) up = half && (below || (kept & unit) != 0);
  else if (rounding == UP) up = inexact && !sign;
  else up = rounding == DOWN && inexact && sign != 0;
  carried = false;
  if (!up) return kept;
  kept += unit;
  carried = kept == 0;
  return carried ? INTEGER_BIT : kept;
}

/** Overflow of the rounded result. */
function overflow(precision: u32, maximum: i32): void {
  if (!(masks & OE)) {
    raiseFloat(OE);
    zExp -= 24576;
    return;
  }
  raiseFloat(OE | PE);
  const toInfinity = rounding == NEAREST || (rounding == UP && !zSign) || (rounding == DOWN && zSign != 0);
  setRoundedUp(toInfinity);
  if (toInfinity) zKind = INFINITE;
  else {
    zExp = maximum;
    zSig = u64.MAX_VALUE << (64 - precision);
  }
}

/** A result below the normal range: denormalized, flushed, or with wrapped exponent. */
function underflow(precision: u32, minimum: i32): void {
  if (!(masks & UE)) {
    raiseFloat(UE);
    zSig = roundSignificand(zSig, zLow, precision, zSign);
    zExp += 24576 + i32(carried);
    noteInexact();
    return;
  }
  if (flushToZero) {
    raiseFloat(UE | PE);
    zKind = ZERO;
    return;
  }
  denormalize(minimum);
  zSig = roundSignificand(zSig, zLow, precision, zSign);
  noteInexact();
  if (inexact) raiseFloat(UE);
  zExp = minimum;
  if (zSig == 0) zKind = ZERO;
}

/** Shifts the significand right until the exponent is `minimum`; lost bits stay as a sticky bit. */
function denormalize(minimum: i32): void {
  const shift = u32(minimum - zExp);
  if (shift >= 128) {
    zLow = 1;
    zSig = 0;
  } else if (shift >= 64) {
    const lost = zLow != 0 || (shift > 64 && zSig << (128 - shift) != 0);
    zLow = (zSig >> (shift - 64)) | u64(lost);
    zSig = 0;
  } else if (shift) {
    const lost = zLow << (64 - shift) != 0;
    zLow = (zLow >> shift) | (zSig << (64 - shift)) | u64(lost);
    zSig >>= shift;
  }
}

function noteInexact(): void {
  if (inexact) raiseFloat(PE);
  setRoundedUp(up);
}

/** Rounds Z (with an integer bit, unless it is no finite number) to a format. */
export function roundTo(precision: u32, minimum: i32, maximum: i32): void {
  if (zKind != FINITE) return;
  if (zExp < minimum) {
    let tiny = true;
    if (zExp == minimum - 1) {
      roundSignificand(zSig, zLow, precision, zSign);
      tiny = !carried;
    }
    if (tiny) {
      underflow(precision, minimum);
      return;
    }
    denormalize(minimum);
    zExp = minimum;
  }
  zSig = roundSignificand(zSig, zLow, precision, zSign);
  zExp += i32(carried);
  noteInexact();
  if (zExp > maximum) overflow(precision, maximum);
}

export function round80(precision: u32): void {
  roundTo(precision, -16382, 16383);
}
export function round64(): void {
  roundTo(53, -1022, 1023);
}
export function round32(): void {
  roundTo(24, -126, 127);
}

/** What `toMagnitude` found out beside its result. */
export let integerOverflow: bool = false;

/**
 * Rounds the finite number or zero Z to an integer, returned as magnitude; sets PE and C1 by way of `raised`.
 * `integerOverflow` says whether the magnitude needs more than 64 bits.
 */
export function toMagnitude(): u64 {
  integerOverflow = false;
  if (zKind == ZERO) return 0;
  if (zExp > 63) {
    integerOverflow = true;
    return 0;
  }
  const sign = zSign;
  let sig = zSig;
  let low: u64 = 0;
  const shift: i32 = 63 - zExp;
  if (shift > 64) {
    low = 1;
    sig = 0;
  } else if (shift == 64) {
    low = sig;
    sig = 0;
  } else if (shift > 0) {
    low = sig << (64 - shift);
    sig >>= shift;
  }
  sig = roundSignificand(sig, low, 64, sign);
  if (carried) integerOverflow = true;
  noteInexact();
  return sig;
}

/** A as a signed integer of `bits` bits; the integer indefinite with IE when it does not fit. */
export function toInteger(bits: u32): u64 {
  const limit: u64 = <u64>1 << (bits - 1);
  if (aKind >= INFINITE) {
    raiseFloat(IE);
    return limit;
  }
  const sign = aSign;
  setZ(aKind, aSign, aExp, aSig);
  const v = toMagnitude();
  if (integerOverflow || v > limit - 1 + u64(sign)) {
    clearRaised(PE);
    raiseFloat(IE);
    return limit;
  }
  return sign ? 0 - v : v;
}
