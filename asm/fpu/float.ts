// Floating-point numbers taken apart, for x87 and SSE alike (IEEE 754-2019 "Floating-point formats"; SDM Vol. 1
// "Floating-Point Data Types"). A number is kind, sign, exponent and a 64-bit significand with its integer bit at bit 63:
// value = significand / 2^63 * 2^exponent. Operands are A and B, the result is Z with `zLow` as further bits below zSig.

export const ZERO: u32 = 0;
export const FINITE: u32 = 1;
export const INFINITE: u32 = 2;
export const QUIET: u32 = 3;
export const SIGNALING: u32 = 4;
/** Unnormals, pseudo-infinities and pseudo-NaNs of the 80-bit format. */
export const UNSUPPORTED: u32 = 5;

/** Exceptions, in the bits that FSW and MXCSR share. */
export const IE: u32 = 1;
export const DE: u32 = 2;
export const ZE: u32 = 4;
export const OE: u32 = 8;
export const UE: u32 = 16;
export const PE: u32 = 32;

/** Rounding modes, as in FCW.RC and MXCSR.RC. */
export const NEAREST: u32 = 0;
export const DOWN: u32 = 1;
export const UP: u32 = 2;
export const CHOP: u32 = 3;

export const INTEGER_BIT: u64 = 0x8000000000000000;
export const QUIET_BIT: u64 = 0x4000000000000000;

export let aKind: u32 = 0;
export let aSign: u32 = 0;
export let aExp: i32 = 0;
export let aSig: u64 = 0;
export let aDenormal: bool = false;
export let bKind: u32 = 0;
export let bSign: u32 = 0;
export let bExp: i32 = 0;
export let bSig: u64 = 0;
export let bDenormal: bool = false;
export let zKind: u32 = 0;
export let zSign: u32 = 0;
export let zExp: i32 = 0;
export let zSig: u64 = 0;
export let zLow: u64 = 0;

/** Exceptions raised by the current operation. */
export let raised: u32 = 0;
/** The masked exceptions. */
export let masks: u32 = 0x3f;
export let rounding: u32 = 0;
/** The result's magnitude was rounded up (C1). */
export let roundedUp: bool = false;
/** MXCSR.FTZ and MXCSR.DAZ; never set for x87. */
export let flushToZero: bool = false;
export let denormalsAreZero: bool = false;
/** x87 takes the NaN with the larger significand, SSE the first one. */
export let nanByMagnitude: bool = false;

/** Starts an operation with a mode: masks, rounding. */
export function begin(exceptionMasks: u32, mode: u32, x87: bool): void {
  raised = 0;
  masks = exceptionMasks;
  rounding = mode;
  roundedUp = false;
  nanByMagnitude = x87;
  if (x87) {
    flushToZero = false;
    denormalsAreZero = false;
  }
}
export function setFlush(ftz: bool, daz: bool): void {
  flushToZero = ftz;
  denormalsAreZero = daz;
}
export function setRounding(mode: u32): void {
  rounding = mode;
}
export function raiseFloat(flags: u32): void {
  raised |= flags;
}
export function setRoundedUp(up: bool): void {
  roundedUp = up;
}
export function clearRaised(flags: u32): void {
  raised &= ~flags;
}
/** Is an exception raised that prevents the operation from being carried out? */
// @ts-ignore: decorator
@inline
export function stopped(): bool {
  return (raised & ~masks & (IE | DE | ZE)) != 0;
}

export function setZ(kind: u32, sign: u32, exp: i32, sig: u64, low: u64 = 0): void {
  zKind = kind;
  zSign = sign;
  zExp = exp;
  zSig = sig;
  zLow = low;
}
export function setA(kind: u32, sign: u32, exp: i32, sig: u64): void {
  aKind = kind;
  aSign = sign;
  aExp = exp;
  aSig = sig;
  aDenormal = false;
}
export function setB(kind: u32, sign: u32, exp: i32, sig: u64): void {
  bKind = kind;
  bSign = sign;
  bExp = exp;
  bSig = sig;
  bDenormal = false;
}
export function copyZtoB(): void {
  setB(zKind, zSign, zExp, zSig);
}
/** The default NaN. */
export function setIndefinite(): void {
  setZ(QUIET, 1, 0, INTEGER_BIT | QUIET_BIT);
}
export function invalid(): void {
  raised |= IE;
  setIndefinite();
}
export function swapOperands(): void {
  const kind = aKind;
  const sign = aSign;
  const exp = aExp;
  const sig = aSig;
  const denormal = aDenormal;
  aKind = bKind;
  aSign = bSign;
  aExp = bExp;
  aSig = bSig;
  aDenormal = bDenormal;
  bKind = kind;
  bSign = sign;
  bExp = exp;
  bSig = sig;
  bDenormal = denormal;
}
export function negateB(): void {
  bSign ^= 1;
}

/** Takes an 80-bit number apart into A. */
export function unpack80A(se: u32, sig: u64): void {
  const e = se & 0x7fff;
  aSign = se >> 15;
  aDenormal = false;
  aSig = sig;
  if (e == 0) {
    aExp = -16382;
    if (sig == 0) aKind = ZERO;
    else {
      const shift = clz(sig);
      aKind = FINITE;
      aDenormal = true;
      aSig = sig << shift;
      aExp -= i32(shift);
    }
  } else if (!(sig >> 63)) aKind = UNSUPPORTED;
  else if (e == 0x7fff) aKind = sig == INTEGER_BIT ? INFINITE : sig & QUIET_BIT ? QUIET : SIGNALING;
  else {
    aKind = FINITE;
    aExp = i32(e) - 16383;
  }
}
export function unpack80B(se: u32, sig: u64): void {
  swapOperands();
  unpack80A(se, sig);
  swapOperands();
}

export function unpack64A(v: u64): void {
  const e = u32(v >> 52) & 0x7ff;
  const fraction = v << 12;
  aSign = u32(v >> 63);
  aDenormal = false;
  aSig = (fraction >> 1) | INTEGER_BIT;
  aExp = i32(e) - 1023;
  aKind = FINITE;
  if (e == 0) {
    if (fraction == 0 || denormalsAreZero) {
      aKind = ZERO;
      aSig = 0;
    } else {
      const shift = clz(fraction);
      aDenormal = true;
      aSig = fraction << shift;
      aExp = -1023 - i32(shift);
    }
  } else if (e == 0x7ff) aKind = fraction == 0 ? INFINITE : aSig & QUIET_BIT ? QUIET : SIGNALING;
}
export function unpack64B(v: u64): void {
  swapOperands();
  unpack64A(v);
  swapOperands();
}
export function unpack32A(v: u32): void {
  const e = (v >> 23) & 0xff;
  const fraction = u64(v) << 41;
  aSign = v >> 31;
  aDenormal = false;
  aSig = (fraction >> 1) | INTEGER_BIT;
  aExp = i32(e) - 127;
  aKind = FINITE;
  if (e == 0) {
    if (fraction == 0 || denormalsAreZero) {
      aKind = ZERO;
      aSig = 0;
    } else {
      const shift = clz(fraction);
      aDenormal = true;
      aSig = fraction << shift;
      aExp = -127 - i32(shift);
    }
  } else if (e == 0xff) aKind = fraction == 0 ? INFINITE : aSig & QUIET_BIT ? QUIET : SIGNALING;
}
export function unpack32B(v: u32): void {
  swapOperands();
  unpack32A(v);
  swapOperands();
}

/** Makes Z out of an integer, exactly. */
export function fromInteger(v: i64): void {
  const sign = u32(u64(v) >> 63);
  const magnitude: u64 = sign ? 0 - u64(v) : u64(v);
  if (magnitude == 0) {
    setZ(ZERO, 0, 0, 0);
    return;
  }
  const shift = clz(magnitude);
  setZ(FINITE, sign, 63 - i32(shift), magnitude << shift);
}

/** Sign and exponent field of Z in the 80-bit format; `packed80Low` has the significand. */
export let packedSig: u64 = 0;
export function pack80(): u32 {
  const sign = zSign << 15;
  packedSig = zSig;
  switch (zKind) {
    case ZERO:
      packedSig = 0;
      return sign;
    case FINITE:
      return zSig >> 63 ? sign | u32(zExp + 16383) : sign;
    case INFINITE:
      packedSig = INTEGER_BIT;
      return sign | 0x7fff;
  }
  return sign | 0x7fff;
}
export function pack64(): u64 {
  const sign = u64(zSign) << 63;
  switch (zKind) {
    case ZERO:
      return sign;
    case FINITE:
      return sign | (zSig >> 63 ? u64(zExp + 1023) << 52 : 0) | ((zSig << 1) >> 12);
    case INFINITE:
      return sign | 0x7ff0000000000000;
  }
  return sign | 0x7ff0000000000000 | ((zSig << 1) >> 12);
}
export function pack32(): u32 {
  const sign = zSign << 31;
  switch (zKind) {
    case ZERO:
      return sign;
    case FINITE:
      return sign | (zSig >> 63 ? u32(zExp + 127) << 23 : 0) | u32((zSig << 1) >> 41);
    case INFINITE:
      return sign | 0x7f800000;
  }
  return sign | 0x7f800000 | u32((zSig << 1) >> 41);
}
