// The transcendental functions F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS (SDM Vol. 1 "Transcendental
// Instruction Accuracy"; SDM Vol. 2, each instruction's page, for special operands). They are computed in double-double
// arithmetic of some 104 bits, so that the result is nearly always the correctly rounded one.
import * as op from '../gen/ops';
import { denormalOperands, specialOperand, specialOperands } from './arithmetic';
import { atan, expm1, logarithm, logarithm1p } from './functions';
import { add, divide, high, low, multiply, set } from './double-double';
import {
  aExp,
  aKind,
  aSig,
  aSign,
  bExp,
  bKind,
  bSig,
  bSign,
  FINITE,
  INFINITE,
  invalid,
  PE,
  raiseFloat,
  setZ,
  swapOperands,
  ZE,
  ZERO,
} from './float';
import { circularFunction, COS, SIN, twoResults } from './circular';
import { deliver, power, setMagnitude, setResult, setSignificand } from './result';
import { beginUnary } from './x87-arithmetic';
import { beginX87, isEmpty, loadA, loadB, pop, stackFault, storeZ } from './stack';

const LN2_HIGH: f64 = 0.6931471805599453;
const LN2_LOW: f64 = 2.3190468138462996e-17;
const LOG2E_HIGH: f64 = 1.4426950408889634;
const LOG2E_LOW: f64 = 2.0355273740931033e-17;
const PI_HIGH: f64 = 3.141592653589793;
const PI_LOW: f64 = 1.2246467991473532e-16;

/** 2^x - 1. */
function f2xm1(): void {
  if (!beginUnary()) return;
  if (!specialOperand() && !denormalOperands()) {
    if (aKind == ZERO) setZ(ZERO, aSign, 0, 0);
    else if (aKind == INFINITE) {
      if (aSign) setZ(FINITE, 1, 0, 0x8000000000000000);
      else setZ(INFINITE, 0, 0, 0);
    } else if (aExp < -66) {
      setSignificand(aSig);
      multiply(LN2_HIGH, LN2_LOW);
      setResult(aSign, aExp);
    } else if (aExp > 0 || (aExp == 0 && aSig > 0x8000000000000000)) {
      // outside of [-1, 1] the result is undefined: the operand stays (as recorded on hardware)
      raiseFloat(PE);
      setZ(FINITE, aSign, aExp, aSig);
    } else {
      setMagnitude(aSig, aExp);
      multiply(LN2_HIGH, LN2_LOW);
      if (aSign) set(-high, -low);
      expm1();
      setResult(0, 0);
    }
  }
  deliver(0);
}

/** Loads ST(0) into A and ST(1) into B; false when one of them is empty and the masked response is done. */
function beginBinary(): bool {
  beginX87();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackFault(false)) {
      storeZ(1);
      pop();
    }
    return false;
  }
  loadA(0);
  loadB(1);
  return true;
}

function deliverAndPop(): void {
  if (deliver(1)) pop();
}

/** high + low is a logarithm (base e) with its own sign: times log2(e) and B. */
function timesB(exp: i32): void {
  multiply(LOG2E_HIGH, LOG2E_LOW);
  finishProduct(exp);
}
function finishProduct(exp: i32): void {
  const h = high;
  const l = low;
  setSignificand(bSig);
  multiply(h, l);
  setResult(bSign, bExp + exp);
}

/** Is A above 1? (A positive) */
function aboveOne(): bool {
  return aKind == INFINITE || aExp >= 0;
}
function isOne(): bool {
  return aKind == FINITE && aExp == 0 && aSig == 0x8000000000000000;
}

/** y * log2(x). */
function fyl2x(): void {
  if (!beginBinary()) return;
  logSpecial();
  deliverAndPop();
}

function logSpecial(): void {
  if (specialOperands()) return;
  if (
    (aSign && aKind != ZERO) ||
    (aKind == ZERO && bKind == ZERO) ||
    (aKind == INFINITE && bKind == ZERO) ||
    (bKind == INFINITE && isOne())
  ) {
    invalid();
    return;
  }
  if (aKind == ZERO) {
    if (bKind != INFINITE) raiseFloat(ZE);
    setZ(INFINITE, bSign ^ 1, 0, 0);
    return;
  }
  if (denormalOperands()) return;
  if (aKind == INFINITE || bKind == INFINITE) {
    setZ(INFINITE, aboveOne() ? bSign : bSign ^ 1, 0, 0);
    return;
  }
  if (bKind == ZERO || isOne()) {
    setZ(ZERO, isOne() || aboveOne() ? bSign : bSign ^ 1, 0, 0);
    return;
  }
  // the significand between sqrt(1/2) and sqrt(2)
  let exp = aExp;
  setSignificand(aSig);
  if (high > 1.4142135623730951) {
    set(high * 0.5, low * 0.5);
    exp++;
  }
  logarithm();
  multiply(LOG2E_HIGH, LOG2E_LOW);
  if (exp) add(f64(exp), 0.0);
  finishProduct(0);
}

/** y * log2(x + 1). */
function fyl2xp1(): void {
  if (!beginBinary()) return;
  log1pSpecial();
  deliverAndPop();
}

function log1pSpecial(): void {
  if (specialOperands()) return;
  if (
    (aKind == INFINITE && (aSign || bKind == ZERO)) ||
    (aKind == ZERO && bKind == INFINITE)
  ) {
    invalid();
    return;
  }
  if (denormalOperands()) return;
  const sign = aSign ^ bSign;
  if (aKind == INFINITE || bKind == INFINITE) {
    setZ(INFINITE, sign, 0, 0);
    return;
  }
  if (aKind == ZERO || bKind == ZERO) {
    setZ(ZERO, sign, 0, 0);
    return;
  }
  if (aSign && aExp >= 0) {
    // below -1 the result is undefined: x (as recorded on hardware)
    raiseFloat(PE);
    setZ(FINITE, 1, aExp, aSig);
    return;
  }
  if (aExp < -110) {
    setSignificand(aSig);
    if (aSign) set(-high, -low);
    timesB(aExp);
    return;
  }
  if (aExp > 60) {
    // 1 is lost: the ordinary logarithm
    const exp = aExp;
    setSignificand(aSig);
    logarithm();
    multiply(LOG2E_HIGH, LOG2E_LOW);
    add(f64(exp), 0.0);
    finishProduct(0);
    return;
  }
  setMagnitude(aSig, aExp);
  if (aSign) set(-high, -low);
  logarithm1p();
  timesB(0);
}

/** FPATAN: the angle of the point (x = A, y = B). */
function fpatan(): void {
  if (!beginBinary()) return;
  angleSpecial();
  deliverAndPop();
}

/** (-1)^sign times pi times n / 4. */
function setAngle(sign: u32, n: f64): void {
  set(PI_HIGH, PI_LOW);
  multiply(n * 0.25, 0.0);
  setResult(sign, 0);
}

function angleSpecial(): void {
  if (specialOperands() || denormalOperands()) return;
  if (bKind == INFINITE) {
    setAngle(bSign, aKind != INFINITE ? 2.0 : aSign ? 3.0 : 1.0);
    return;
  }
  if (bKind == ZERO || aKind == INFINITE) {
    if (aSign) setAngle(bSign, 4.0);
    else setZ(ZERO, bSign, 0, 0);
    return;
  }
  if (aKind == ZERO) {
    setAngle(bSign, 2.0);
    return;
  }
  angle();
}

function angle(): void {
  const sign = bSign;
  const negativeX = aSign != 0;
  const swapped = bExp > aExp || (bExp == aExp && bSig > aSig);
  if (swapped) swapOperands();
  // t = B / A in (0, 1], with an exponent of its own
  const distance = bExp - aExp;
  setSignificand(aSig);
  const h = high;
  const l = low;
  setSignificand(bSig);
  divide(h, l);
  if (distance < -100) {
    if (!swapped && !negativeX) {
      setResult(sign, distance);
      return;
    }
    set(0.0, 0.0);
    if (distance > -1000) set(power(distance), 0.0);
  } else {
    set(high * power(distance), low * power(distance));
    atan();
  }
  if (swapped) {
    // pi/2 - t or pi/2 + t
    if (!negativeX) set(-high, -low);
    add(PI_HIGH * 0.5, PI_LOW * 0.5);
  } else if (negativeX) {
    set(-high, -low);
    add(PI_HIGH, PI_LOW);
  }
  setResult(sign, 0);
}

/** Executes one of the functions. */
export function transcendental(operation: u32): void {
  switch (operation) {
    case op.OP_F2XM1:
      f2xm1();
      break;
    case op.OP_FYL2X:
      fyl2x();
      break;
    case op.OP_FYL2XP1:
      fyl2xp1();
      break;
    case op.OP_FPATAN:
      fpatan();
      break;
    case op.OP_FSIN:
      circularFunction(SIN);
      break;
    case op.OP_FCOS:
      circularFunction(COS);
      break;
    case op.OP_FPTAN:
      twoResults(true);
      break;
    case op.OP_FSINCOS:
      twoResults(false);
  }
}
