// Which x87 instructions have a case of their own in the run loops of 32-bit and 64-bit code (asm/dispatch.ts,
// asm/long-mode/loop.ts), and what the decoded record then says about them, so that quick.ts needs no look at the form.
// Each loop has numbers of its own for the five cases, in the order of these.
import {
  FORM_OP,
  FORM_OPERANDS,
  OPERAND_STI,
  OPERAND_WIDTH,
  WIDTH_D,
  WIDTH_Q,
  WIDTH_W,
} from '../gen/tables';
import * as op from '../gen/ops';
import { R_IMM } from '../record';

export const NO_CASE: u32 = 0xffff;
/** ST(0) and ST(i); a number is pushed that is not in memory; something else without memory; memory is read; it is written. */
export const TWO: u32 = 0;
export const PUSH: u32 = 1;
export const OTHER: u32 = 2;
export const READ: u32 = 3;
export const WRITE: u32 = 4;

/** u8: what to do. Behind the two bytes of the instruction in R_IMM (decode.ts). */
export const R_X87: usize = R_IMM + 2;
/** u8: bits 3:0 the bytes of the memory operand, and OPERANDS_*. */
export const R_X87_OPERANDS: usize = R_IMM + 3;
export const OPERANDS_SIZE: u32 = 15;
/** Bytes of the memory operand. */
// @ts-ignore: decorator
@inline
export function operandBytes(r: usize): u32 {
  return load<u8>(r, R_X87_OPERANDS) & OPERANDS_SIZE;
}
/** The memory operand is an integer. */
export const OPERANDS_INTEGER: u32 = 0x10;
/** ST(i) is the destination. */
export const OPERANDS_TO: u32 = 0x20;
/** Bits 7:6: how many registers are popped. */
export const OPERANDS_POPS_SHIFT: u32 = 6;
const POP: u32 = 1 << OPERANDS_POPS_SHIFT;

/** Values of R_X87: those of arithmetic as in x87-arithmetic.ts. */
export const ADD: u32 = 0;
export const MULTIPLY: u32 = 1;
export const COMPARE: u32 = 2;
export const COMPARE_TO_FLAGS: u32 = 3;
export const SUBTRACT: u32 = 4;
export const SUBTRACT_REVERSED: u32 = 5;
export const DIVIDE: u32 = 6;
export const DIVIDE_REVERSED: u32 = 7;
export const EXCHANGE: u32 = 8;
export const LOAD: u32 = 9;
export const LOAD_ONE: u32 = 10;
export const LOAD_ZERO: u32 = 11;
export const STORE: u32 = 12;
export const CHANGE_SIGN: u32 = 13;
export const CLEAR_SIGN: u32 = 14;
export const ROOT: u32 = 15;
export const TEST: u32 = 16;
export const STORE_STATUS: u32 = 17;
export const WAIT: u32 = 18;
/** With memory only. */
export const STORE_CHOPPED: u32 = 19;
export const STORE_CONTROL: u32 = 20;
export const LOAD_CONTROL: u32 = 21;
const NONE: u32 = 0xff;

// @ts-ignore: decorator
@inline
function isBetween(operation: u32, first: u32, last: u32): bool {
  return operation >= first && operation <= last;
}

/** Bytes of the memory operand of a form. */
function operandSize(form: usize): u32 {
  const width: u32 = load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS));
  return width == WIDTH_W ? 2 : width == WIDTH_D ? 4 : width == WIDTH_Q ? 8 : 10;
}

/** Value of R_X87 for an operation. */
function quickNumber(operation: u32): u32 {
  if (operation <= op.OP_FDIVR) return operation == op.OP_FCOMP ? COMPARE : operation - op.OP_FADD;
  if (operation <= op.OP_FIDIVR) return operation == op.OP_FICOMP ? COMPARE : operation - op.OP_FIADD;
  switch (operation) {
    case op.OP_FADDP:
      return ADD;
    case op.OP_FMULP:
      return MULTIPLY;
    case op.OP_FSUBP:
      return SUBTRACT;
    case op.OP_FSUBRP:
      return SUBTRACT_REVERSED;
    case op.OP_FDIVP:
      return DIVIDE;
    case op.OP_FDIVRP:
      return DIVIDE_REVERSED;
    case op.OP_FCOMPP:
    case op.OP_FUCOM:
    case op.OP_FUCOMP:
    case op.OP_FUCOMPP:
      return COMPARE;
    case op.OP_FCOMI:
    case op.OP_FCOMIP:
    case op.OP_FUCOMI:
    case op.OP_FUCOMIP:
      return COMPARE_TO_FLAGS;
    case op.OP_FTST:
      return TEST;
    case op.OP_FSQRT:
      return ROOT;
    case op.OP_FLD:
    case op.OP_FILD:
      return LOAD;
    case op.OP_FLD1:
      return LOAD_ONE;
    case op.OP_FLDZ:
      return LOAD_ZERO;
    case op.OP_FST:
    case op.OP_FSTP:
    case op.OP_FIST:
    case op.OP_FISTP:
      return STORE;
    case op.OP_FISTTP:
      return STORE_CHOPPED;
    case op.OP_FXCH:
      return EXCHANGE;
    case op.OP_FCHS:
      return CHANGE_SIGN;
    case op.OP_FABS:
      return CLEAR_SIGN;
    case op.OP_FNSTSW:
      return STORE_STATUS;
    case op.OP_FWAIT:
      return WAIT;
    case op.OP_FNSTCW:
      return STORE_CONTROL;
    case op.OP_FLDCW:
      return LOAD_CONTROL;
  }
  return NONE;
}

/** How many registers an operation pops. */
function pops(operation: u32): u32 {
  switch (operation) {
    case op.OP_FCOMP:
    case op.OP_FICOMP:
    case op.OP_FUCOMP:
    case op.OP_FCOMIP:
    case op.OP_FUCOMIP:
    case op.OP_FSTP:
    case op.OP_FISTP:
    case op.OP_FISTTP:
      return 1;
    case op.OP_FCOMPP:
    case op.OP_FUCOMPP:
      return 2;
  }
  return u32(isBetween(operation, op.OP_FADDP, op.OP_FDIVP) && operation != op.OP_FCOMPP);
}

function isInteger(operation: u32): bool {
  return isBetween(operation, op.OP_FIADD, op.OP_FIDIVR) || isBetween(operation, op.OP_FILD, op.OP_FISTTP);
}

/** The case for a record, NO_CASE if it has none. The record gets R_X87 and R_X87_OPERANDS. */
export function chooseX87(r: usize, form: usize, isMemory: bool): u32 {
  const operation: u32 = load<u16>(form, FORM_OP);
  if (!isBetween(operation, op.OP_FADD, op.OP_FNSAVE)) return NO_CASE;
  const number = quickNumber(operation);
  if (number == NONE) return NO_CASE;
  let operands = pops(operation) * POP;
  if (isMemory) operands |= operandSize(form) | (isInteger(operation) ? OPERANDS_INTEGER : 0);
  else if (load<u8>(form + FORM_OPERANDS) == OPERAND_STI) operands |= OPERANDS_TO;
  store<u8>(r, u8(number), R_X87);
  store<u8>(r, u8(operands), R_X87_OPERANDS);
  if (!isMemory) return number <= EXCHANGE ? TWO : number <= LOAD_ZERO ? PUSH : OTHER;
  return number == STORE || number == STORE_CHOPPED || number == STORE_STATUS || number == STORE_CONTROL ? WRITE : READ;
}
