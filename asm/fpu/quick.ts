// The quick way through the common x87 instructions: with all exceptions masked, 64-bit precision and rounding to nearest, on
// registers in use and normal numbers or zeros (SDM Vol. 1 "x87 FPU Control Word"). Then only PE can be raised, C1 says whether
// the result was rounded up, and nothing stops half-way. Whatever is different goes the exact way of dispatch.ts, from the start.
import { CR0, TLB_WRITE } from '../layout';
import * as op from '../gen/ops';
import { FORM_OPERANDS, OPERAND_STI, OPERAND_WIDTH, WIDTH_D, WIDTH_Q, WIDTH_T, WIDTH_W } from '../gen/tables';
import { faulted, tlbBase } from '../globals';
import { fastHost, linearForRead, linearForWrite } from '../memory';
import { effectiveAddress, isMemory, segmentNumber } from '../record';
import {
  fromDouble,
  fromSigned,
  fromSingle,
  isNormal,
  isZero,
  quickAdd,
  quickDivide,
  quickInexact,
  quickMultiply,
  quickSe,
  quickSig,
  quickUp,
  setQuick,
  toDouble,
  toSigned,
  toSingle,
} from './quick-numbers';
import { C1, control, ES, isEmpty, pop, setStatus, setTag, setTop, slot, status, top } from './stack';
import { PE } from './float';
import { stNumber } from './x87-arithmetic';

const CR0_EM_TS: u32 = 12;
/** Of the control word: masks, precision and rounding, and what they have to be. */
const LOOKED_AT: u32 = 0xf3f;
const REQUIRED: u32 = 0x33f;

/** Host address of the memory operand, 0 if it takes more than that to access it. */
function place(r: usize, size: u32, write: bool): usize {
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const linear = write ? linearForWrite(seg, ea, size) : linearForRead(seg, ea, size);
  return faulted ? 0 : fastHost(write ? tlbBase + TLB_WRITE : tlbBase, linear, size);
}

// @ts-ignore: decorator
@inline
function exponentOf(at: usize): u32 {
  return load<u16>(at, 8);
}

/** Is ST(i) in use and a normal number or zero? */
function isPlain(i: u32): bool {
  if (isEmpty(i)) return false;
  const at = slot(i);
  return isNormal(exponentOf(at), load<u64>(at)) || isZero(exponentOf(at), load<u64>(at));
}

/** What the last result says about PE and C1. */
function note(): void {
  setStatus((status() & ~C1) | (quickInexact ? PE : 0) | (quickUp ? C1 : 0));
}

/** The result becomes ST(i). */
function put(i: u32): void {
  const at = slot(i);
  store<u64>(at, quickSig);
  store<u16>(at, u16(quickSe), 8);
  note();
}

/** The result is pushed, if there is room. */
function push(): bool {
  if (!isEmpty(7)) return false;
  setTop(top() - 1);
  put(0);
  setTag(0, true);
  return true;
}

/** n as in `compute` of x87-arithmetic.ts, of ST(i) and the number se, sig; the result goes to ST(i). */
function compute(n: u32, i: u32, se: u32, sig: u64): bool {
  const at = slot(i);
  const own = exponentOf(at);
  const ownSig = load<u64>(at);
  let isDone: bool;
  if (n == 0) isDone = quickAdd(own, ownSig, se, sig);
  else if (n == 1) isDone = quickMultiply(own, ownSig, se, sig);
  else if (n == 4) isDone = quickAdd(own, ownSig, se ^ 0x8000, sig);
  else if (n == 5) isDone = quickAdd(se, sig, own ^ 0x8000, ownSig);
  else if (n == 6) isDone = quickDivide(own, ownSig, se, sig);
  else isDone = quickDivide(se, sig, own, ownSig);
  if (isDone) put(i);
  return isDone;
}

function arithmeticMemory(r: usize, form: usize, n: u32): bool {
  return isPlain(0) && loadReal(r, form) && compute(n, 0, quickSe, quickSig);
}

function arithmeticRegister(r: usize, form: usize, n: u32, pops: bool): bool {
  const i = stNumber(r);
  const toRegister = load<u8>(form + FORM_OPERANDS) == OPERAND_STI;
  if (!isPlain(0) || !isPlain(i)) return false;
  const from = slot(toRegister ? 0 : i);
  if (!compute(n, toRegister ? i : 0, exponentOf(from), load<u64>(from))) return false;
  if (pops) pop();
  return true;
}

// @ts-ignore: decorator
@inline
function widthOf(form: usize): u32 {
  return load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS));
}

/** The real memory operand. */
function loadReal(r: usize, form: usize): bool {
  const isDouble = widthOf(form) == WIDTH_Q;
  const host = place(r, isDouble ? 8 : 4, false);
  if (!host) return false;
  return isDouble ? fromDouble(load<u64>(host)) : fromSingle(load<u32>(host));
}

function fld(r: usize, form: usize): bool {
  if (isMemory(r)) return widthOf(form) != WIDTH_T && loadReal(r, form) && push();
  const i = stNumber(r);
  if (isEmpty(i)) return false;
  const at = slot(i);
  setQuick(exponentOf(at), load<u64>(at));
  return push();
}

function fild(r: usize, form: usize): bool {
  const width = widthOf(form);
  const host = place(r, width == WIDTH_W ? 2 : width == WIDTH_D ? 4 : 8, false);
  if (!host) return false;
  if (width == WIDTH_W) fromSigned(i64(load<i16>(host)));
  else if (width == WIDTH_D) fromSigned(i64(load<i32>(host)));
  else fromSigned(load<i64>(host));
  return push();
}

function fst(r: usize, form: usize, pops: bool): bool {
  if (isEmpty(0)) return false;
  const at = slot(0);
  if (isMemory(r)) {
    const width = widthOf(form);
    if (width == WIDTH_T) return false;
    const host = place(r, width == WIDTH_Q ? 8 : 4, true);
    if (!host) return false;
    if (width == WIDTH_Q) {
      if (!toDouble(exponentOf(at), load<u64>(at))) return false;
      store<u64>(host, quickSig);
    } else {
      if (!toSingle(exponentOf(at), load<u64>(at))) return false;
      store<u32>(host, u32(quickSig));
    }
    note();
  } else {
    setQuick(exponentOf(at), load<u64>(at));
    put(stNumber(r));
    setTag(stNumber(r), true);
  }
  if (pops) pop();
  return true;
}

function fist(r: usize, form: usize, pops: bool): bool {
  if (isEmpty(0)) return false;
  const at = slot(0);
  const width = widthOf(form);
  const size: u32 = width == WIDTH_W ? 2 : width == WIDTH_D ? 4 : 8;
  const host = place(r, size, true);
  if (!host || !toSigned(exponentOf(at), load<u64>(at), u64(size) << 3)) return false;
  if (size == 2) store<u16>(host, u16(quickSig));
  else if (size == 4) store<u32>(host, u32(quickSig));
  else store<u64>(host, quickSig);
  note();
  if (pops) pop();
  return true;
}

function fxch(i: u32): bool {
  if (isEmpty(0) || isEmpty(i)) return false;
  const at = slot(0);
  const other = slot(i);
  const v = v128.load(at);
  v128.store(at, v128.load(other));
  v128.store(other, v);
  setStatus(status() & ~C1);
  return true;
}

/** Executes the operation if it is one of these and nothing is unusual. */
export function quickX87(operation: u32, r: usize, form: usize): bool {
  if (load<u32>(CR0) & CR0_EM_TS || (control() & LOOKED_AT) != REQUIRED || status() & ES) return false;
  if (operation <= op.OP_FDIVR) {
    const n = operation - op.OP_FADD;
    if (n == 2 || n == 3) return false;
    return isMemory(r) ? arithmeticMemory(r, form, n) : arithmeticRegister(r, form, n, false);
  }
  switch (operation) {
    case op.OP_FADDP:
      return arithmeticRegister(r, form, 0, true);
    case op.OP_FMULP:
      return arithmeticRegister(r, form, 1, true);
    case op.OP_FSUBP:
      return arithmeticRegister(r, form, 4, true);
    case op.OP_FSUBRP:
      return arithmeticRegister(r, form, 5, true);
    case op.OP_FDIVP:
      return arithmeticRegister(r, form, 6, true);
    case op.OP_FDIVRP:
      return arithmeticRegister(r, form, 7, true);
    case op.OP_FLD:
      return fld(r, form);
    case op.OP_FST:
      return fst(r, form, false);
    case op.OP_FSTP:
      return fst(r, form, true);
    case op.OP_FILD:
      return fild(r, form);
    case op.OP_FIST:
      return fist(r, form, false);
    case op.OP_FISTP:
      return fist(r, form, true);
    case op.OP_FXCH:
      return fxch(stNumber(r));
    case op.OP_FLD1:
      setQuick(0x3fff, 0x8000000000000000);
      return push();
    case op.OP_FLDZ:
      setQuick(0, 0);
      return push();
  }
  return false;
}
