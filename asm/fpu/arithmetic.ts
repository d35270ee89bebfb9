// Exact arithmetic on the operands A and B of float.ts: the result Z is exact but for a sticky bit and still has to be
// rounded (SDM Vol. 1 "x87 FPU Arithmetic Instructions", Table "Rules for Handling NaNs", "Invalid Operation Exception").
import {
  aDenormal,
  aExp,
  aKind,
  aSig,
  aSign,
  bDenormal,
  bExp,
  bKind,
  bSig,
  bSign,
  DE,
  DOWN,
  FINITE,
  IE,
  INFINITE,
  invalid,
  nanByMagnitude,
  QUIET,
  QUIET_BIT,
  raiseFloat,
  rounding,
  setZ,
  SIGNALING,
  stopped,
  swapOperands,
  UNSUPPORTED,
  ZE,
  ZERO,
} from './float';
import { divideWide, multiplyWide, remainder, rootWide, wideHigh, wideLow } from './wide';

function resultA(): void {
  setZ(QUIET, aSign, 0, aSig | QUIET_BIT);
}
function resultB(): void {
  setZ(QUIET, bSign, 0, bSig | QUIET_BIT);
}

/** Result of an operation with at least one NaN among A and B. */
function chooseNan(): void {
  const aNan = aKind == QUIET || aKind == SIGNALING;
  const bNan = bKind == QUIET || bKind == SIGNALING;
  if (!bNan) resultA();
  else if (!aNan) resultB();
  else if (!nanByMagnitude) resultA(); // SSE takes the first, x87 the one with the larger significand
  else if (aKind == SIGNALING && bKind == QUIET) resultB();
  else if (aKind == QUIET && bKind == SIGNALING) resultA();
  else if (aSig > bSig || (aSig == bSig && aSign < bSign)) resultA();
  else if (aSig == bSig && aSign == bSign) resultA();
  else resultB();
}

/** Handles unsupported operands and NaNs; true when Z is the result. */
export function specialOperands(): bool {
  if (aKind < QUIET && bKind < QUIET) return false;
  if (aKind == UNSUPPORTED || bKind == UNSUPPORTED) {
    invalid();
    return true;
  }
  if (aKind == SIGNALING || bKind == SIGNALING) raiseFloat(IE);
  chooseNan();
  return true;
}

/** The same for operations with the operand A only. */
export function specialOperand(): bool {
  if (aKind < QUIET) return false;
  if (aKind == UNSUPPORTED) invalid();
  else {
    if (aKind == SIGNALING) raiseFloat(IE);
    resultA();
  }
  return true;
}

/** Denormal operands; true when an unmasked exception ends the operation. */
export function denormalOperands(): bool {
  if (aDenormal || bDenormal) raiseFloat(DE);
  return stopped();
}

function copyA(): void {
  setZ(aKind, aSign, aExp, aSig);
}
function copyB(): void {
  setZ(bKind, bSign, bExp, bSig);
}

/** Z = A + B. */
export function addFloat(): void {
  if (specialOperands()) return;
  if (aKind == INFINITE && bKind == INFINITE && aSign != bSign) {
    invalid();
    return;
  }
  if (denormalOperands()) return;
  if (aKind == INFINITE) copyA();
  else if (bKind == INFINITE) copyB();
  else if (aKind == ZERO && bKind == ZERO) setZ(ZERO, aSign == bSign ? aSign : u32(rounding == DOWN), 0, 0);
  else if (bKind == ZERO) copyA();
  else if (aKind == ZERO) copyB();
  else addFinite();
}

function addFinite(): void {
  if (aExp < bExp || (aExp == bExp && aSig < bSig)) swapOperands();
  const shift = u32(aExp - bExp);
  let high: u64 = 0;
  let low: u64 = 0;
  if (shift == 0) high = bSig;
  else if (shift < 64) {
    high = bSig >> shift;
    low = bSig << (64 - shift);
  } else if (shift == 64) low = bSig;
  else if (shift < 128) low = (bSig >> (shift - 64)) | u64(bSig << (128 - shift) != 0);
  else low = 1;
  if (aSign == bSign) {
    let sum = aSig + high;
    let exp = aExp;
    if (sum < aSig) {
      low = (low >> 1) | (low & 1) | (sum << 63);
      sum = (sum >> 1) | 0x8000000000000000;
      exp++;
    }
    setZ(FINITE, aSign, exp, sum, low);
    return;
  }
  const restLow = 0 - low;
  const rest = aSig - high - u64(low != 0);
  normalize(aSign, aExp, rest, restLow);
}

/** Z = (-1)^sign * high:low * 2^exp, normalized. */
export function normalize(sign: u32, exp: i32, high: u64, low: u64): void {
  if (high == 0 && low == 0) {
    setZ(ZERO, u32(rounding == DOWN), 0, 0);
    return;
  }
  if (high == 0) {
    high = low;
    low = 0;
    exp -= 64;
  }
  const shift = clz(high);
  if (shift) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  setZ(FINITE, sign, exp - i32(shift), high, low);
}

/** Z = A * B. */
export function multiplyFloat(): void {
  if (specialOperands()) return;
  if ((aKind == INFINITE && bKind == ZERO) || (aKind == ZERO && bKind == INFINITE)) {
    invalid();
    return;
  }
  if (denormalOperands()) return;
  const sign = aSign ^ bSign;
  if (aKind == INFINITE || bKind == INFINITE) setZ(INFINITE, sign, 0, 0);
  else if (aKind == ZERO || bKind == ZERO) setZ(ZERO, sign, 0, 0);
  else {
    multiplyWide(aSig, bSig);
    if (wideHigh >> 63) setZ(FINITE, sign, aExp + bExp + 1, wideHigh, wideLow);
    else setZ(FINITE, sign, aExp + bExp, (wideHigh << 1) | (wideLow >> 63), wideLow << 1);
  }
}

/** Z = A / B. */
export function divideFloat(): void {
  if (specialOperands()) return;
  if ((aKind == INFINITE && bKind == INFINITE) || (aKind == ZERO && bKind == ZERO)) {
    invalid();
    return;
  }
  const sign = aSign ^ bSign;
  if (bKind == ZERO && aKind == FINITE) {
    raiseFloat(ZE);
    setZ(INFINITE, sign, 0, 0);
    return;
  }
  if (denormalOperands()) return;
  if (aKind == INFINITE || bKind == ZERO) setZ(INFINITE, sign, 0, 0);
  else if (aKind == ZERO || bKind == INFINITE) setZ(ZERO, sign, 0, 0);
  else divideFinite(sign);
}

function divideFinite(sign: u32): void {
  const large = aSig >= bSig;
  const q = large ? divideWide(aSig >> 1, aSig << 63, bSig) : divideWide(aSig, 0, bSig);
  let low: u64 = 0;
  if (remainder) {
    const rest = bSig - remainder;
    low = remainder > rest ? 0xc000000000000000 : remainder == rest ? 0x8000000000000000 : 1;
  }
  setZ(FINITE, sign, large ? aExp - bExp : aExp - bExp - 1, q, low);
}

/** Z = sqrt(A). */
export function rootFloat(): void {
  if (specialOperand()) return;
  if (aSign && aKind != ZERO) {
    invalid();
    return;
  }
  bDenormal = false;
  if (denormalOperands()) return;
  if (aKind != FINITE) {
    copyA();
    return;
  }
  const odd = aExp & 1;
  const r = odd ? rootWide(aSig, 0) : rootWide(aSig >> 1, aSig << 63);
  let low: u64 = 0;
  if (wideHigh || wideLow > r) low = 0xc000000000000000;
  else if (wideLow) low = 1;
  setZ(FINITE, 0, aExp >> 1, r, low);
}

export const LESS: u32 = 0;
export const EQUAL: u32 = 1;
export const GREATER: u32 = 2;
export const UNORDERED: u32 = 3;

/** Compares A with B; a quiet NaN is invalid only for the signaling compares. */
export function compareFloat(signaling: bool): u32 {
  if (aKind >= QUIET || bKind >= QUIET) {
    if (signaling || aKind >= SIGNALING || bKind >= SIGNALING) raiseFloat(IE);
    return UNORDERED;
  }
  denormalOperands();
  if (aKind == ZERO && bKind == ZERO) return EQUAL;
  const aNegative = aSign != 0 && aKind != ZERO;
  const bNegative = bSign != 0 && bKind != ZERO;
  if (aKind == ZERO) return bNegative ? GREATER : LESS;
  if (bKind == ZERO || aNegative != bNegative) return aNegative ? LESS : GREATER;
  const order = compareMagnitudes();
  return aNegative ? GREATER - order : order;
}

function compareMagnitudes(): u32 {
  if (aKind == INFINITE || bKind == INFINITE) {
    if (aKind == bKind) return EQUAL;
    return aKind == INFINITE ? GREATER : LESS;
  }
  if (aExp != bExp) return aExp < bExp ? LESS : GREATER;
  return aSig == bSig ? EQUAL : aSig < bSig ? LESS : GREATER;
}

/** Low bits of the quotient of `remainderFloat`; `partial` when the reduction is not complete. */
export let quotient: u64 = 0;
export let partial: bool = false;

/** Z = A - B * q with q truncated (FPREM) or rounded to nearest (FPREM1); at most 63 quotient bits a time. */
export function remainderFloat(nearest: bool): void {
  quotient = 0;
  partial = false;
  if (specialOperands()) return;
  if (aKind == INFINITE || bKind == ZERO) {
    invalid();
    return;
  }
  if (denormalOperands()) return;
  if (aKind == ZERO || bKind == INFINITE) {
    copyA();
    return;
  }
  const distance = aExp - bExp;
  if (distance < -1 || (distance < 0 && !nearest)) {
    copyA();
    return;
  }
  partial = distance >= 64;
  // 32 to 63 bits at a time, so that a whole number of rounds is left
  const steps = partial ? 32 + (distance & 31) : distance;
  let rest = aSig;
  let carry: u64 = 0;
  if (distance >= 0) {
    for (let i = 0; ; i++) {
      quotient <<= 1;
      if (carry || rest >= bSig) {
        rest -= bSig;
        quotient |= 1;
      }
      if (i == steps) break;
      carry = rest >> 63;
      rest <<= 1;
    }
  }
  let sign = aSign;
  if (partial) {
    quotient = 0;
    nearest = false;
  }
  const exp = partial ? aExp - steps : bExp;
  if (nearest) {
    if (distance < 0) {
      // |A| is in [B/2, B): the quotient rounds to 0 only at exactly half
      if (rest > bSig) {
        // A - B = -(2B - A) / 2 in units of B's last place halves
        const low = (bSig - (rest >> 1)) - (rest & 1);
        normalize(sign ^ 1, bExp, low, rest << 63);
        quotient = 1;
      } else copyA();
      return;
    }
    const other = bSig - rest;
    if (rest > other || (rest == other && quotient & 1)) {
      rest = other;
      sign ^= 1;
      quotient++;
    }
  }
  if (rest == 0) setZ(ZERO, aSign, 0, 0);
  else normalize(sign, exp, rest, 0);
}


