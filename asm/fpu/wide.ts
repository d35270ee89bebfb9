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

/** floor(sqrt(high:low)) for high >= 2^62; wideHigh:wideLow is what remains. */
export function rootWide(high: u64, low: u64): u64 {
  const estimate = sqrt<f64>(f64(high)) * 4294967296.0;
  let r: u64 = estimate >= 18446744073709551615.0 ? u64.MAX_VALUE : u64(estimate);
  // a step of Newton's: what remains is at most 2^77 in size, the step then is right to a small part of a unit
  multiplyWide(r, r);
  const rest = f64(i64(high - wideHigh - u64(low < wideLow))) * 18446744073709551616.0 + f64(low - wideLow);
  const step = i64(rest / (estimate + estimate));
  r = step > 0 && r + u64(step) < r ? u64.MAX_VALUE : r + u64(step);
  r |= INTEGER;
  for (;;) {
    multiplyWide(r, r);
    if (wideHigh < high || (wideHigh == high && wideLow <= low)) break;
    r--;
  }
  for (;;) {
    const borrow = u64(low < wideLow);
    const restHigh = high - wideHigh - borrow;
    const restLow = low - wideLow;
    // (r + 1)^2 = r^2 + 2r + 1
    const nextHigh = r >> 63;
    const nextLow = (r << 1) | 1;
    if (r == u64.MAX_VALUE || restHigh < nextHigh || (restHigh == nextHigh && restLow < nextLow)) {
      wideHigh = restHigh;
      wideLow = restLow;
      break;
    }
    r++;
    multiplyWide(r, r);
  }
  return r;
}
const INTEGER: u64 = 0x8000000000000000;
