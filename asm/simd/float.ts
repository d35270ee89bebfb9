// SSE floating-point arithmetic, exact with all flags (SDM Vol. 1 "SSE and SSE2 Instructions", "SIMD Floating-Point
// Exceptions", "MXCSR Control and Status Register"). Operands are DEST and SOURCE, the result goes to RESULT.
import { CR4, MXCSR } from '../layout';
import { faulted } from '../globals';
import * as op from '../gen/ops';
import { raise, UD, XM } from '../fault';
import { setStatusFlags } from '../flags';
import {
  aExp,
  aKind,
  aSig,
  aSign,
  begin,
  bKind,
  clearRaised,
  FINITE,
  masks,
  negateB,
  pack32,
  pack64,
  PE,
  QUIET,
  raised,
  raiseFloat,
  rounding,
  setB,
  setFlush,
  setRounding,
  setZ,
  stopped,
  unpack32A,
  unpack32B,
  unpack64A,
  unpack64B,
  ZERO,
} from '../fpu/float';
import {
  addFloat,
  compareFloat,
  denormalOperands,
  divideFloat,
  EQUAL,
  GREATER,
  LESS,
  multiplyFloat,
  rootFloat,
  specialOperand,
  specialOperands,
  UNORDERED,
} from '../fpu/arithmetic';
import { round32, round64, toInteger, toMagnitude } from '../fpu/round';
import { DEST, RESULT, SOURCE } from './operands';

const CR4_OSXMMEXCPT: u32 = 0x400;
/** Exceptions found before the operation: with one of them unmasked nothing later is reported. */
const BEFORE: u32 = 7;

/** Exceptions of all elements so far. */
let allRaised: u32 = 0;

/** Starts an instruction. */
export function beginSse(): void {
  const mxcsr = load<u32>(MXCSR);
  begin((mxcsr >> 7) & 0x3f, (mxcsr >> 13) & 3, false);
  setFlush((mxcsr & 0x8000) != 0, (mxcsr & 0x40) != 0);
  allRaised = 0;
}
/** Starts an element. */
export function nextElement(): void {
  allRaised |= raised;
  clearRaised(0x3f);
}
/** Ends an instruction: MXCSR gets the flags; #XM (or #UD) if one is unmasked. Then `if (faulted) return`. */
export function endSse(): void {
  let flags = allRaised | raised;
  if (flags & ~masks & BEFORE) flags &= BEFORE;
  store<u32>(MXCSR, load<u32>(MXCSR) | flags);
  if (flags & ~masks) raise(load<u32>(CR4) & CR4_OSXMMEXCPT ? XM : UD, 0);
}

// @ts-ignore: decorator
@inline
function loadPair(at: u32, double: bool): void {
  if (double) {
    unpack64A(load<u64>(DEST + at));
    unpack64B(load<u64>(SOURCE + at));
  } else {
    unpack32A(load<u32>(DEST + at));
    unpack32B(load<u32>(SOURCE + at));
  }
}
export function loadSource(at: u32, double: bool): void {
  if (double) unpack64A(load<u64>(SOURCE + at));
  else unpack32A(load<u32>(SOURCE + at));
  setB(ZERO, 0, 0, 0);
}
export function roundZ(double: bool): void {
  if (stopped()) return;
  if (double) round64();
  else round32();
}
export function storeResult(at: u32, double: bool): void {
  if (double) store<u64>(RESULT + at, pack64());
  else store<u32>(RESULT + at, pack32());
}

/** Operations in the order of their rows; division (4) is what is left. */
const ADD: u32 = 0;
const MUL: u32 = 1;
const SUB: u32 = 2;
const MIN: u32 = 3;
const MAX: u32 = 5;
const SQRT: u32 = 6;

/** A - B; the sign of a NaN stays. */
function subtract(): void {
  if (aKind >= QUIET || bKind >= QUIET) specialOperands();
  else {
    negateB();
    addFloat();
  }
}

/** One element of operation n at offset `at`. */
function element(n: u32, at: u32, double: bool): void {
  if (n == MIN || n == MAX) {
    loadPair(at, double);
    const order = compareFloat(true);
    const first = order == (n == MIN ? LESS : GREATER);
    const from: usize = (first ? DEST : SOURCE) + at;
    const isZero = (first ? aKind : bKind) == ZERO;
    // a denormal that counts as zero is delivered as zero
    if (double) store<u64>(RESULT + at, isZero ? load<u64>(from) & 0x8000000000000000 : load<u64>(from));
    else store<u32>(RESULT + at, isZero ? load<u32>(from) & 0x80000000 : load<u32>(from));
    return;
  }
  if (n == SQRT) {
    loadSource(at, double);
    rootFloat();
  } else {
    loadPair(at, double);
    if (n == ADD) addFloat();
    else if (n == MUL) multiplyFloat();
    else if (n == SUB) subtract();
    else divideFloat();
  }
  roundZ(double);
  storeResult(at, double);
}

/** ADDPS .. SQRTSD: `kind` 0 ps, 1 pd, 2 ss, 3 sd. */
export function arithmetic(n: u32, kind: u32): void {
  const double = (kind & 1) != 0;
  const size: u32 = double ? 8 : 4;
  v128.store(RESULT, v128.load(DEST));
  const end: u32 = kind < 2 ? 16 : size;
  beginSse();
  for (let at: u32 = 0; at < end; at += size) {
    nextElement();
    element(n, at, double);
  }
  endSse();
}

/** CMPccPS and the like. */
export function compare(kind: u32, predicate: u32): void {
  beginSse();
  const double = (kind & 1) != 0;
  const size: u32 = double ? 8 : 4;
  v128.store(RESULT, v128.load(DEST));
  const end: u32 = kind < 2 ? 16 : size;
  const test = predicate & 3;
  for (let at: u32 = 0; at < end; at += size) {
    nextElement();
    loadPair(at, double);
    const order = compareFloat(test == 1 || test == 2);
    let result = order == UNORDERED;
    if (test == 0) result = order == EQUAL;
    else if (test == 1) result = order == LESS;
    else if (test == 2) result = order == LESS || order == EQUAL;
    if (predicate & 4) result = !result;
    if (double) store<i64>(RESULT + at, result ? -1 : 0);
    else store<i32>(RESULT + at, result ? -1 : 0);
  }
  endSse();
}

/** COMISS, UCOMISS and the double forms. */
export function compareToFlags(double: bool, signaling: bool): void {
  beginSse();
  loadPair(0, double);
  const order = compareFloat(signaling);
  endSse();
  if (!faulted) setStatusFlags(order == LESS ? 1 : order == EQUAL ? 0x40 : order == GREATER ? 0 : 0x45);
}

/** HADD, HSUB, ADDSUB. */
export function horizontal(operation: u32): void {
  beginSse();
  const double = operation == op.OP_HADDPD || operation == op.OP_HSUBPD || operation == op.OP_ADDSUBPD;
  const subtracts = operation == op.OP_HSUBPS || operation == op.OP_HSUBPD;
  const crosses = operation >= op.OP_ADDSUBPS;
  const size: u32 = double ? 8 : 4;
  for (let at: u32 = 0, n: u32 = 0; at < 16; at += size, n++) {
    nextElement();
    if (crosses) loadPair(at, double);
    else loadNeighbours(at < 8 ? DEST : SOURCE, double ? 0 : (at & 4) << 1, double);
    if (crosses ? !(n & 1) : subtracts) subtract();
    else addFloat();
    roundZ(double);
    storeResult(at, double);
  }
  endSse();
}

function loadNeighbours(from: usize, at: u32, double: bool): void {
  if (double) {
    unpack64A(load<u64>(from));
    unpack64B(load<u64>(from, 8));
  } else {
    unpack32A(load<u32>(from + at));
    unpack32B(load<u32>(from + at, 4));
  }
}

/** ROUNDPS and the like. */
export function roundToIntegral(kind: u32, imm: u32): void {
  beginSse();
  if (!(imm & 4)) setRounding(imm & 3);
  const double = (kind & 1) != 0;
  const size: u32 = double ? 8 : 4;
  v128.store(RESULT, v128.load(DEST));
  const end: u32 = kind < 2 ? 16 : size;
  for (let at: u32 = 0; at < end; at += size) {
    nextElement();
    loadSource(at, double);
    if (!specialOperand()) {
      setZ(aKind, aSign, aExp, aSig);
      if (aKind == FINITE && aExp < 63) {
        const v = toMagnitude();
        if (v == 0) setZ(ZERO, aSign, 0, 0);
        else setZ(FINITE, aSign, 63 - i32(clz(v)), v << clz(v));
      }
      if (imm & 8) clearRaised(PE);
    }
    storeResult(at, double);
  }
  endSse();
}

/** DPPS and DPPD: products chosen by imm[7:4], their sum to the elements chosen by imm[3:0]. */
export function dotProduct(double: bool, imm: u32): void {
  beginSse();
  const size: u32 = double ? 8 : 4;
  const count: u32 = 16 / size;
  for (let i: u32 = 0; i < count; i++) {
    nextElement();
    if ((imm >> (4 + i)) & 1) {
      loadPair(i * size, double);
      multiplyFloat();
      roundZ(double);
    } else setZ(ZERO, 0, 0, 0);
    storeResult(i * size, double);
  }
  nextElement();
  if (allRaised & ~masks) {
    endSse();
    return;
  }
  addResults(0, size, double);
  if (!double) {
    addResults(8, 4, false);
    nextElement();
    if (allRaised & ~masks) {
      endSse();
      return;
    }
    addResults(0, 8, false);
  }
  const sum = load<u64>(RESULT);
  for (let i: u32 = 0; i < count; i++) {
    const chosen = ((imm >> i) & 1) != 0;
    if (double) store<u64>(RESULT + i * 8, chosen ? sum : 0);
    else store<u32>(RESULT + i * 4, chosen ? u32(sum) : 0);
  }
  endSse();
}

/** RESULT[at] += RESULT[at + distance]. */
function addResults(at: u32, distance: u32, double: bool): void {
  nextElement();
  if (double) {
    unpack64A(load<u64>(RESULT + at));
    unpack64B(load<u64>(RESULT + at + distance));
  } else {
    unpack32A(load<u32>(RESULT + at));
    unpack32B(load<u32>(RESULT + at + distance));
  }
  addFloat();
  roundZ(double);
  storeResult(at, double);
}

/** RCPPS, RSQRTPS: approximate to single precision; denormals count as zero, no exceptions (SDM Vol. 2 "RCPPS"). */
export function reciprocal(isRoot: bool, scalar: bool): void {
  v128.store(RESULT, v128.load(DEST));
  const end: u32 = scalar ? 4 : 16;
  for (let at: u32 = 0; at < end; at += 4) {
    const bits = load<u32>(SOURCE + at);
    let v = f32.reinterpret_i32(bits);
    let result: u32;
    if ((bits & 0x7f800000) == 0) result = (bits & 0x80000000) | 0x7f800000;
    else if (v != v) result = bits | 0x400000;
    else if (isRoot && bits >> 31) result = 0xffc00000;
    else {
      v = f32(1.0 / (isRoot ? sqrt<f64>(f64(v)) : f64(v)));
      result = reinterpret<u32>(v);
      if ((result & 0x7f800000) == 0) result &= 0x80000000;
    }
    store<u32>(RESULT + at, result);
  }
}

/** A into the other format. */
export function convertFormat(toDouble: bool): void {
  if (!specialOperand() && !denormalOperands()) setZ(aKind, aSign, aExp, aSig);
  roundZ(toDouble);
}
