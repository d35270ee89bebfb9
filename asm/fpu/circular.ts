// FSIN, FCOS, FSINCOS, FPTAN (SDM Vol. 1 "Approximation of Pi": arguments are reduced by a pi of 66 bits, as recorded on
// hardware; SDM Vol. 2, each instruction's page).
import { denormalOperands, specialOperand } from './arithmetic';
import { cosine, reduce, reducedHigh, reducedLow, sine } from './functions';
import { divide, high, low, set } from './double-double';
import {
  aDenormal,
  aExp,
  aKind,
  aSig,
  aSign,
  FINITE,
  INFINITE,
  INTEGER_BIT,
  invalid,
  setA,
  setZ,
  stopped,
  ZERO,
} from './float';
import { round80 } from './round';
import { beginX87, C2, isEmpty, loadA, noteExceptions, pushZ, setStatus, stackFault, status, storeZ } from './stack';
import { deliver, setMagnitude, setResult } from './result';

export const SIN: u32 = 1;
export const COS: u32 = 2;
const TAN: u32 = 3;

/** Sine, cosine or tangent of A into Z; A is finite, not zero and below 2^63. */
function circular(which: u32): void {
  const sign = aSign;
  if (aExp < -40) {
    // 1, x (a little less) or x (a little more): the difference lies below the rounding bits
    if (which == COS) setZ(FINITE, 0, -1, u64.MAX_VALUE, u64.MAX_VALUE);
    else if (which == TAN) setZ(FINITE, sign, aExp, aSig, 1);
    else if (aSig == INTEGER_BIT) setZ(FINITE, sign, aExp - 1, u64.MAX_VALUE, u64.MAX_VALUE);
    else setZ(FINITE, sign, aExp, aSig - 1, u64.MAX_VALUE);
    return;
  }
  let n: u32 = 0;
  if (aExp < -1) setMagnitude(aSig, aExp);
  else {
    n = reduce(aSig, aExp);
    set(reducedHigh, reducedLow);
  }
  if (which == COS) n++;
  const h = high;
  const l = low;
  if (which == TAN) {
    sine();
    const s = high;
    const t = low;
    set(h, l);
    cosine();
    if (n & 1) {
      // tan(x + pi/2) = -cos(x) / sin(x)
      divide(-s, -t);
    } else {
      const c = high;
      const d = low;
      set(s, t);
      divide(c, d);
    }
    setResult(sign, 0);
    return;
  }
  if (n & 1) cosine();
  else sine();
  setResult((which == SIN ? sign : 0) ^ ((n >> 1) & 1), 0);
}

/** Sine, cosine or tangent of A, special operands too. */
function circularOf(which: u32): void {
  if (aKind == ZERO) {
    if (which == COS) setZ(FINITE, 0, 0, INTEGER_BIT);
    else setZ(ZERO, aSign, 0, 0);
  } else circular(which);
}

/** Argument of a circular function: false when the instruction is over. */
function beginCircular(pushes: bool): bool {
  beginX87();
  setStatus(status() & ~C2);
  const overflow = pushes && !isEmpty(7);
  if (isEmpty(0) || overflow) {
    if (stackFault(!isEmpty(0))) {
      storeZ(0);
      if (pushes) pushZ();
    }
    return false;
  }
  loadA(0);
  if (aKind == FINITE && aExp >= 63) {
    setStatus(status() | C2);
    return false;
  }
  return true;
}

/** True when Z is the result already: a NaN, or infinity, which is invalid. */
function circularSpecial(): bool {
  if (specialOperand()) return true;
  if (aKind == INFINITE) {
    invalid();
    return true;
  }
  if (aDenormal) denormalOperands();
  return stopped();
}

export function circularFunction(which: u32): void {
  if (!beginCircular(false)) return;
  if (!circularSpecial()) circularOf(which);
  deliver(0);
}

/** FSINCOS and FPTAN: two results. */
export function twoResults(isTangent: bool): void {
  if (!beginCircular(true)) return;
  if (circularSpecial()) {
    if (deliver(0)) pushZ();
    return;
  }
  const kind = aKind;
  const sign = aSign;
  const exp = aExp;
  const sig = aSig;
  circularOf(isTangent ? TAN : SIN);
  if (!deliver(0)) return;
  if (isTangent) setZ(FINITE, 0, 0, INTEGER_BIT);
  else {
    setA(kind, sign, exp, sig);
    circularOf(COS);
    round80(64);
    noteExceptions();
  }
  pushZ();
}
