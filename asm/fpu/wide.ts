// 128-bit helpers: products, quotients and square roots of 64-bit numbers (Knuth, "Seminumerical Algorithms", 4.3.1, Algorithm
// D with digits of 32 bits).

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
