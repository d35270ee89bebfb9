// DIV and IDIV of RDX:RAX (SDM Vol. 2 "DIV", "IDIV").
import { GPR } from '../layout';
import { DE, raise } from '../fault';
import { divideWide, remainder as wideRemainder } from '../fpu/wide';

let quotient: u64 = 0;
let remainder: u64 = 0;

/** Divides high:low by `d`; high < d, so that the quotient fits. */
function divide(high: u64, low: u64, d: u64): void {
  if (!high) {
    quotient = low / d;
    remainder = low % d;
    return;
  }
  const shift = clz(d);
  // in two steps, because a shift by 64 would be one by 0
  const top = (high << shift) | ((low >> 1) >> (63 - shift));
  quotient = divideWide(top, low << shift, d << shift);
  remainder = wideRemainder >> shift;
}

export function div64(d: u64): void {
  const high = load<u64>(GPR + 16);
  if (high >= d) {
    raise(DE, 0);
    return;
  }
  divide(high, load<u64>(GPR), d);
  store<u64>(GPR, quotient);
  store<u64>(GPR + 16, remainder);
}

export function idiv64(d: i64): void {
  let low = load<u64>(GPR);
  let high = load<u64>(GPR + 16);
  const isNegative = i64(high) < 0;
  if (isNegative) {
    low = 0 - low;
    high = ~high + u64(low == 0);
  }
  const magnitude = d < 0 ? 0 - u64(d) : u64(d);
  if (high >= magnitude) {
    raise(DE, 0);
    return;
  }
  divide(high, low, magnitude);
  const isQuotientNegative = isNegative != d < 0;
  const most: u64 = isQuotientNegative ? (<u64>1) << 63 : i64.MAX_VALUE;
  if (quotient > most) {
    raise(DE, 0);
    return;
  }
  store<u64>(GPR, isQuotientNegative ? 0 - quotient : quotient);
  store<u64>(GPR + 16, isNegative ? 0 - remainder : remainder);
}
