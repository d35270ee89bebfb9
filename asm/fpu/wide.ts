// 128-bit helpers: products, quotients and square roots of 64-bit numbers (Knuth, "Seminumerical Algorithms", 4.3.1, Algorithm
// D with digits of 32 bits). The nearest quotient and root by estimates in the host's doubles, whose errors are counted here.

export let wideHigh: u64 = 0;
export let wideLow: u64 = 0;

/** The upper half of a * b. */
// @ts-ignore: decorator
@inline
export function highProduct(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const hl = ah * bl;
  const middle = al * bh + ((al * bl) >> 32);
  return ah * bh + (middle >> 32) + ((hl + (middle & 0xffffffff)) >> 32);
}

/** wideHigh:wideLow = a * b. */
export function multiplyWide(a: u64, b: u64): void {
  wideLow = a * b;
  wideHigh = highProduct(a, b);
}

export let remainder: u64 = 0;

/** One digit of a long division by the normalized divisor d; the first estimate is at most 2 too large. */
function digit(high: u64, next: u64, d: u64): u64 {
  const dh = d >> 32;
  const dl = d & 0xffffffff;
  let q = high / dh;
  let r = high - q * dh;
  while (q >> 32 || q * dl > ((r << 32) | next)) {
    q--;
    r += dh;
    if (r >> 32) break;
  }
  return q;
}

/** high:low / d for high < d and d with bit 63 set; `remainder` is set. */
export function divideWide(high: u64, low: u64, d: u64): u64 {
  const q1 = digit(high, low >> 32, d);
  const middle = (high << 32) + (low >> 32) - q1 * d;
  const q0 = digit(middle, low & 0xffffffff, d);
  remainder = (middle << 32) + (low & 0xffffffff) - q0 * d;
  return (q1 << 32) + q0;
}

/** Largest number below 2^63 that a double holds. */
const BELOW_HALF: f64 = 9223372036854774784.0;

/** floor(sqrt(high:low)) for high >= 2^62; wideHigh:wideLow is what remains. */
export function rootWide(high: u64, low: u64): u64 {
  // half the root, right to 2^11 in size; as signed numbers, whose conversions are single instructions
  const estimate = sqrt<f64>(f64(i64(high >> 2))) * 4294967296.0;
  let r = u64(i64(estimate < BELOW_HALF ? estimate : BELOW_HALF)) << 1;
  // a step of Newton's: what remains is at most 2^77 in size, the step then is right to a small part of a unit
  multiplyWide(r, r);
  let restHigh = high - wideHigh - u64(low < wideLow);
  let restLow = low - wideLow;
  const rest = f64(i64(restHigh)) * 18446744073709551616.0 + f64(i64(restLow >> 1)) * 2.0;
  const step = i64(rest * (0.25 / estimate));
  // (r + step)^2 = r^2 + step * (2r + step)
  const before = r;
  r += u64(step);
  if (step > 0 && r < before) {
    // beyond 2^64
    r = u64.MAX_VALUE;
    multiplyWide(r, r);
    restHigh = high - wideHigh - u64(low < wideLow);
    restLow = low - wideLow;
  } else {
    const upper = i64(before >> 32) * step;
    const lower = u64(i64(before & 0xffffffff) * step);
    let changeLow = lower + (u64(upper) << 32);
    let changeHigh = (upper >> 32) + (i64(lower) >> 63) + i64(changeLow < lower);
    changeHigh = (changeHigh << 1) | i64(changeLow >> 63);
    changeLow <<= 1;
    const square = u64(step * step);
    changeLow += square;
    changeHigh += i64(changeLow < square);
    restHigh -= u64(changeHigh) + u64(restLow < changeLow);
    restLow -= changeLow;
  }
  // r^2 = (r + 1)^2 - (2r + 1)
  while (i64(restHigh) < 0) {
    r--;
    const back = (r << 1) | 1;
    restLow += back;
    restHigh += (r >> 63) + u64(restLow < back);
  }
  // (r + 1)^2 = r^2 + 2r + 1
  for (;;) {
    const nextHigh = r >> 63;
    const nextLow = (r << 1) | 1;
    if (r == u64.MAX_VALUE || restHigh < nextHigh || (restHigh == nextHigh && restLow < nextLow)) break;
    restHigh -= nextHigh + u64(restLow < nextLow);
    restLow -= nextLow;
    r++;
  }
  wideHigh = restHigh;
  wideLow = restLow;
  return r;
}

/** 1.5 * 2^52: added to a double below 2^50 in size, it leaves the nearest integer in the low bits of the sum. */
const TO_INTEGER: f64 = 6755399441055744.0;
const TWO_TO_32: f64 = 4294967296.0;
/** Of larger divisors a remainder of little more than a half does not fit in 64 bits. */
const MOST_DIVISOR: u64 = 0xffff000000000000;

// @ts-ignore: decorator
@inline
function nearestInteger(v: f64): i64 {
  return reinterpret<i64>(v + TO_INTEGER) - reinterpret<i64>(TO_INTEGER);
}

/**
 * What remains behind `nearestQuotient`, and something with the same sign behind `nearestRoot`: 0 when the result is exact,
 * below 0 when it was rounded up.
 */
export let rest: i64 = 0;

/**
 * The integer nearest to (high:next << 32) / d for high < d, d with bit 63 set, and a quotient of 2^63 or more; `rest` is set. Two
 * digits of 32 bits, each an integer nearest to an estimate, so that what remains is at most a little more than half the divisor
 * in size. 0: it is not known.
 */
export function nearestQuotient(high: u64, next: u64, d: u64): u64 {
  if (d > MOST_DIVISOR) return 0;
  // 2^33 / d. Conversions, quotient and product: an error below 2^-51 of an estimate of at most 2^32
  const inverse = TWO_TO_32 / f64(i64(d >> 1));
  const first = nearestInteger(f64(i64(high >> 1)) * inverse);
  const middle = i64((high << 32) + next - u64(first) * d);
  const second = nearestInteger(f64(middle) * (inverse * 0.5));
  const left = i64((u64(middle) << 32) - u64(second) * d);
  rest = left;
  // the last estimate was next to a half, on the wrong side
  if (u64(abs<i64>(left)) > d >> 1) return 0;
  return (u64(first) << 32) + u64(second);
}

/**
 * The integer nearest to the square root of (high:next << 32) for high >= 2^62; `rest` is set. r * 2^32 + e, where r is an integer
 * nearest to an estimate, and e follows from what remains behind it. 0: it is not known.
 */
export function nearestRoot(high: u64, next: u64): u64 {
  const first = nearestInteger(sqrt<f64>(f64(i64(high >> 1)) * 2.0));
  const half = 0.5 / f64(first);
  // 33 bits and one more: exact
  const behind = f64(i64(high - u64(first) * u64(first))) * TWO_TO_32 + f64(i64(next));
  const linear = behind * half;
  // the next term of the series would be below 2^-33; the error is below 2^-19
  const estimate = linear - linear * linear * half * (1.0 / TWO_TO_32);
  const second = nearestInteger(estimate);
  const beyond = estimate - f64(second);
  if (abs<f64>(beyond) > 0.4999) return 0;
  // next to an integer the exact remainder is small, and its low 64 bits are all of it
  const left = i64((next << 32) - ((u64(first) * u64(second)) << 33) - u64(second) * u64(second));
  rest = abs<f64>(beyond) > 0.0001 ? (beyond < 0 ? -1 : 1) : left;
  return (u64(first) << 32) + u64(second);
}
