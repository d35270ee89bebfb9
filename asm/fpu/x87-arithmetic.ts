// x87 arithmetic, compares and the functions of D9 F4..FD that are exact (SDM Vol. 2, each instruction's page).
import { faulted } from '../globals';
import * as op from '../gen/ops';
import { FORM_OPERANDS, OPERAND_STI, OPERAND_WIDTH, WIDTH_Q, WIDTH_W } from '../gen/tables';
import { condition } from '../ops/condition';
import { effectiveAddress, R_IMM, segmentNumber } from '../record';
import { readSegment } from '../memory';
import {
  aExp,
  aKind,
  aSig,
  aSign,
  bExp,
  bKind,
  bSig,
  bSign,
  copyZtoB,
  FINITE,
  fromInteger,
  INFINITE,
  invalid,
  masks,
  negateB,
  OE,
  PE,
  QUIET,
  raiseFloat,
  setB,
  setRoundedUp,
  setZ,
  stopped,
  swapOperands,
  UE,
  unpack32B,
  unpack64B,
  ZE,
  ZERO,
} from './float';
import {
  addFloat,
  denormalOperands,
  divideFloat,
  multiplyFloat,
  partial,
  quotient,
  remainderFloat,
  rootFloat,
  specialOperand,
  specialOperands,
} from './arithmetic';
import { round80, roundTo, toMagnitude } from './round';
import {
  beginKeepingC1,
  beginX87,
  C0,
  C1,
  C2,
  C3,
  isEmpty,
  loadA,
  loadB,
  noteExceptions,
  pop,
  precision,
  pushZ,
  setStatus,
  slot,
  stackFault,
  status,
  storeZ,
} from './stack';
import { compareWith } from './x87-compare';

/** The memory operand of the form into B: real, or integer with `isInteger`. Then `if (faulted) return`. */
function loadMemoryB(r: usize, form: usize, isInteger: bool): void {
  const width = u32(load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS)));
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  if (width == WIDTH_Q) {
    const v = readSegment<u64>(seg, ea);
    if (faulted) return;
    if (isInteger) integerToB(i64(v));
    else unpack64B(v);
  } else if (width == WIDTH_W) {
    const v = readSegment<u16>(seg, ea);
    if (!faulted) integerToB(i64(i16(v)));
  } else {
    const v = readSegment<u32>(seg, ea);
    if (faulted) return;
    if (isInteger) integerToB(i64(i32(v)));
    else unpack32B(v);
  }
}

function integerToB(v: i64): void {
  fromInteger(v);
  copyZtoB();
}

/** ST(i) named by ModRM.rm. */
export function stNumber(r: usize): u32 {
  return load<u32>(r, R_IMM) & 7;
}

/** n: 0 add, 1 mul, 4 sub, 5 subr, 6 div, 7 divr, of A and B. */
function compute(n: u32): void {
  switch (n) {
    case 0:
      addFloat();
      break;
    case 1:
      multiplyFloat();
      break;
    case 4:
    case 5:
      subtract(n == 5);
      break;
    default:
      if (n == 7) swapOperands();
      divideFloat();
  }
  if (!stopped()) round80(precision());
}

/** The sign of a NaN is not changed by a subtraction. */
function subtract(reversed: bool): void {
  if (reversed) swapOperands();
  if (aKind >= QUIET || bKind >= QUIET) specialOperands();
  else {
    negateB();
    addFloat();
  }
}

/** Writes the result unless an unmasked exception forbids it; true when it was written. */
function commit(i: u32): bool {
  noteExceptions();
  if (stopped()) return false;
  storeZ(i);
  return true;
}

/** FADD..FDIVR, FIADD..FIDIVR with memory, and the register forms ST(0),ST(i). */
export function arithmeticMemory(r: usize, form: usize, n: u32, isInteger: bool): void {
  beginX87();
  loadMemoryB(r, form, isInteger);
  if (faulted) return;
  binary(n, 0, isEmpty(0), false);
}

/** Register forms; `toST0` false: ST(i) is destination and first operand of the unreversed operation. */
export function arithmeticRegister(r: usize, form: usize, n: u32, pops: bool): void {
  beginX87();
  const i = stNumber(r);
  const toRegister = load<u8>(form + FORM_OPERANDS) == OPERAND_STI;
  loadB(toRegister ? 0 : i);
  binary(n, toRegister ? i : 0, isEmpty(0) || isEmpty(i), pops);
}

function binary(n: u32, destination: u32, underflows: bool, pops: bool): void {
  if (n == 2 || n == 3) {
    compareWith(underflows, n == 3 ? 1 : 0, true);
    return;
  }
  if (underflows) {
    if (!stackFault(false)) return;
    storeZ(destination);
  } else {
    loadA(destination);
    compute(n);
    if (!commit(destination)) return;
  }
  if (pops) pop();
}

/** FCHS and FABS work on any bits. */
export function signOperation(operation: u32): void {
  beginX87();
  if (isEmpty(0)) {
    if (stackFault(false)) storeZ(0);
    return;
  }
  const at = slot(0);
  const se = u32(load<u16>(at, 8));
  store<u16>(at, u16(operation == op.OP_FCHS ? se ^ 0x8000 : se & 0x7fff), 8);
}

/** Begins a function of ST(0); false when it ends with a stack underflow. */
export function beginUnary(): bool {
  beginX87();
  if (isEmpty(0)) {
    if (stackFault(false)) storeZ(0);
    return false;
  }
  loadA(0);
  setB(ZERO, 0, 0, 0);
  return true;
}

export function fsqrt(): void {
  if (!beginUnary()) return;
  rootFloat();
  if (!stopped()) round80(precision());
  commit(0);
}

export function frndint(): void {
  if (!beginUnary()) return;
  if (!specialOperand() && !denormalOperands()) {
    setZ(aKind, aSign, aExp, aSig);
    if (aKind == FINITE && aExp < 63) {
      const v = toMagnitude();
      const sign = aSign;
      const shift = clz(v);
      if (v == 0) setZ(ZERO, sign, 0, 0);
      else setZ(FINITE, sign, 63 - i32(shift), v << shift);
    }
  }
  commit(0);
}

/** FPREM and FPREM1: C0 C3 C1 are the low bits of the quotient, C2 says that the reduction is not complete. */
export function fprem(nearest: bool): void {
  beginX87();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackFault(false)) storeZ(0);
    setStatus(status() & ~C2);
    return;
  }
  loadA(0);
  loadB(1);
  remainderFloat(nearest);
  if (!stopped()) roundTo(64, -16382, 16383);
  noteExceptions();
  let now = status() & ~(C2 | C1);
  if (!stopped()) {
    storeZ(0);
    now &= ~(C0 | C3);
    if (partial) now |= C2;
    if (quotient & 4) now |= C0;
    if (quotient & 2) now |= C3;
    if (quotient & 1) now |= C1;
  }
  setStatus(now);
}

/** FSCALE: ST(0) times 2 to the integer part of ST(1). */
export function fscale(): void {
  beginX87();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackFault(false)) storeZ(0);
    return;
  }
  loadA(0);
  loadB(1);
  scale();
  commit(0);
}

function scale(): void {
  if (specialOperands()) return;
  if (bKind == INFINITE) {
    if ((aKind == INFINITE && bSign) || (aKind == ZERO && !bSign)) {
      invalid();
      return;
    }
  }
  if (denormalOperands()) return;
  if (aKind != FINITE) {
    setZ(aKind, aSign, 0, 0);
    return;
  }
  if (bKind == INFINITE) {
    setZ(bSign ? ZERO : INFINITE, aSign, 0, 0);
    return;
  }
  let by: i32 = 0;
  if (bKind == FINITE && bExp >= 0) by = bExp > 16 ? 0x1ffff : i32(bSig >> (63 - bExp));
  if (bSign) by = -by;
  setZ(FINITE, aSign, aExp + by, aSig);
  if (!extreme(by)) round80(64);
}

/** Results so far out of range that a wrapped exponent does not help either. */
function extreme(by: i32): bool {
  const exp = aExp + by;
  if (exp > 16383 + 24576 && !(masks & OE)) {
    raiseFloat(OE | PE);
    setZ(INFINITE, aSign, 0, 0);
    setRoundedUp(true);
    return true;
  }
  if (exp < -16382 - 24576 && !(masks & UE)) {
    raiseFloat(UE | PE);
    setZ(ZERO, aSign, 0, 0);
    return true;
  }
  return false;
}

/** FXTRACT: exponent to ST(0), significand pushed. */
export function fxtract(): void {
  beginX87();
  if (isEmpty(0)) {
    if (!stackFault(false)) return;
    storeZ(0);
    pushZ();
    return;
  }
  if (!isEmpty(7)) {
    if (!stackFault(true)) return;
    storeZ(0);
    pushZ();
    return;
  }
  loadA(0);
  setB(ZERO, 0, 0, 0);
  if (specialOperand()) {
    noteExceptions();
    if (stopped()) return;
    storeZ(0);
    pushZ();
    return;
  }
  if (aKind == ZERO) raiseFloat(ZE);
  else denormalOperands();
  noteExceptions();
  if (stopped()) return;
  const sign = aSign;
  const sig = aSig;
  const kind = aKind;
  if (kind == ZERO) setZ(INFINITE, 1, 0, 0);
  else if (kind == INFINITE) setZ(INFINITE, 0, 0, 0);
  else fromInteger(aExp);
  storeZ(0);
  setZ(kind, sign, 0, sig);
  pushZ();
}

/** FCMOVcc ST(0),ST(i). */
export function fcmov(r: usize, operation: u32): void {
  beginKeepingC1();
  const i = stNumber(r);
  if (isEmpty(0) || isEmpty(i)) {
    if (stackFault(false)) storeZ(0);
    return;
  }
  const n = operation - op.OP_FCMOVB;
  const code: u32 = ((0xa642 >> ((n >> 1) << 2)) & 0xf) | (n & 1);
  if (!condition(code)) return;
  const from = slot(i);
  const to = slot(0);
  store<u64>(to, load<u64>(from));
  store<u16>(to, load<u16>(from, 8), 8);
}
