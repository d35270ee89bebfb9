// 128-bit helpers: products, quotients and square roots of 64-bit numbers (Knuth, "Seminumerical Algorithms", 4.3.1, Algorithm
// D with digits of 32 bits).

export let wideHigh: u64 = 0;
export let wideLow: u64 = 0;

/** wideHigh:wideLow = a * b. */
export function multiplyWide(a: u64, b: u64): void {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const ll = al * bl;
  const lh = al * bh;
  const hl = ah * bl;
  const middle = (ll >> 32) + (lh & 0xffffffff) + (hl & 0xffffffff);
  wideLow = (ll & 0xffffffff) | (middle << 32);
  wideHigh = ah * bh + (lh >> 32) + (hl >> 32) + (middle >> 32);
}

export let remainder: u64 = 0;

/** One digit of a long division by the normalized divisor d; the first estimate is at most 2 too large. */
function digit(high: u64, next: u64, d: u64): u64 {
  const dh = d >> 32;
  const dl = d & 0xffffffff;
  let q = high / dh;
  let r = high % dh;
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
  const q = high >= r ? u64.MAX_VALUE : divideWide(high, low, r);
  r = (r >> 1) + (q >> 1) + (r & q & 1);
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
