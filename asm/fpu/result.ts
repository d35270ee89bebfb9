// Between floating-point numbers taken apart (float.ts) and the double-double accumulator of the transcendental functions.
import { normalize } from './arithmetic';
import { high, low, set } from './double-double';
import { setZ, stopped, ZERO } from './float';
import { round80 } from './round';
import { noteExceptions, storeZ } from './stack';

/** 2^n for -1022 <= n <= 1023. */
export function power(n: i32): f64 {
  return reinterpret<f64>(u64(n + 1023) << 52);
}

/** high + low = significand as a number in [1, 2). */
export function setSignificand(sig: u64): void {
  set(f64(sig & 0xfffffffffffff800) * power(-63), f64(sig & 0x7ff) * power(-63));
}
/** high + low = |A| (or |B|) times 2^by; the exponent has to be in the range of a double. */
export function setMagnitude(sig: u64, exp: i32): void {
  setSignificand(sig);
  const scale = power(exp);
  set(high * scale, low * scale);
}

/** Z = (-1)^sign * (high + low) * 2^exp, inexact. */
export function setResult(sign: u32, exp: i32): void {
  let h = high;
  let l = low;
  if (h == 0.0) {
    setZ(ZERO, sign, 0, 0);
    return;
  }
  if (h < 0.0) {
    sign ^= 1;
    h = -h;
    l = -l;
  }
  const e = i32((reinterpret<u64>(h) >> 52) & 0x7ff) - 1023;
  // in two steps: 2^(63 - e) may be out of range
  h = h * power(-e) * power(63);
  l = l * power(-e) * power(63);
  const whole = floor(l);
  const fraction = u64((l - whole) * power(63)) << 1;
  normalize(sign, exp + e, u64(h) + u64(i64(whole)), fraction | 1);
}

/** Rounds Z and puts it into ST(i). */
export function deliver(i: u32): bool {
  if (!stopped()) round80(64);
  noteExceptions();
  if (stopped()) return false;
  storeZ(i);
  return true;
}
