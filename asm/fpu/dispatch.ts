// The x87 instructions by operation number (SDM Vol. 1 "x87 FPU Instruction Set").
import * as op from '../gen/ops';
import { faulted } from '../globals';
import { CR0, GPR } from '../layout';
import { NM, raise } from '../fault';
import { effectiveAddress, isMemory, segmentNumber } from '../record';
import { readSegment, writeSegment } from '../memory';
import {
  arithmeticMemory,
  arithmeticRegister,
  fcmov,
  fprem,
  frndint,
  fscale,
  fsqrt,
  fxtract,
  signOperation,
  stNumber,
} from './x87-arithmetic';
import { compareRegister, compareToFlags, ftst, fxam } from './x87-compare';
import { fbld, fbstp, fild, fist, fld, fldConstant, fst, fstpnce, fxch } from './x87-moves';
import { driveError, mayContinue } from './error';
import { fldenv, fnsave, fnstenv, frstor, setControl } from './environment';
import { transcendental } from './transcendental';
import {
  available,
  C1,
  control,
  initialize,
  notePointers,
  pop,
  setStatus,
  setTag,
  setTop,
  status,
  top,
  updateSummary,
} from './stack';

/** WAIT: #NM when both MP and TS are set. */
function fwait(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & 10) == 10) raise(NM, 0);
  else mayContinue();
}

/** Control instructions: they do not note pointers. True when the operation is one. */
function controlOp(operation: u32, r: usize): bool {
  if (operation < op.OP_FNOP) return false;
  if (operation == op.OP_FWAIT) {
    fwait();
    return true;
  }
  const waits =
    operation == op.OP_FLDCW ||
    operation == op.OP_FLDENV ||
    operation == op.OP_FRSTOR ||
    operation == op.OP_FNOP ||
    operation == op.OP_FDECSTP ||
    operation == op.OP_FINCSTP ||
    operation == op.OP_FFREE ||
    operation == op.OP_FFREEP;
  if (!available(waits)) return true;
  switch (operation) {
    case op.OP_FNOP:
      notePointers(r);
      break;
    case op.OP_FDECSTP:
      setTop(top() - 1);
      setStatus(status() & ~C1);
      notePointers(r);
      break;
    case op.OP_FINCSTP:
      setTop(top() + 1);
      setStatus(status() & ~C1);
      notePointers(r);
      break;
    case op.OP_FFREE:
      setTag(stNumber(r), false);
      notePointers(r);
      break;
    case op.OP_FFREEP:
      setTag(stNumber(r), false);
      pop();
      notePointers(r);
      break;
    case op.OP_FNCLEX:
      setStatus(status() & 0x7f00);
      updateSummary();
      break;
    case op.OP_FNINIT:
      initialize();
      break;
    case op.OP_FNSTSW:
      if (isMemory(r)) storeWord(r, status());
      else store<u16>(GPR, u16(status()));
      break;
    case op.OP_FNSTCW:
      storeWord(r, control());
      break;
    case op.OP_FLDCW: {
      const v = readSegment<u16>(segmentNumber(r), effectiveAddress(r));
      if (!faulted) setControl(v);
      break;
    }
    case op.OP_FLDENV:
      fldenv(r);
      break;
    case op.OP_FNSTENV:
      fnstenv(r);
      break;
    case op.OP_FRSTOR:
      frstor(r);
      break;
    case op.OP_FNSAVE:
      fnsave(r);
  }
  return true;
}

function storeWord(r: usize, v: u32): void {
  writeSegment<u16>(segmentNumber(r), effectiveAddress(r), u16(v));
}

/** Executes an x87 operation. */
export function x87Op(operation: u32, r: usize, form: usize): void {
  perform(operation, r, form);
  driveError();
}

function perform(operation: u32, r: usize, form: usize): void {
  if (controlOp(operation, r)) return;
  if (!available(true)) return;
  const before = status();
  execute(operation, r, form);
  if (faulted) setStatus(before);
  else notePointers(r);
}

function execute(operation: u32, r: usize, form: usize): void {
  if (operation <= op.OP_FDIVR) {
    const n = operation - op.OP_FADD;
    if (isMemory(r)) arithmeticMemory(r, form, n, false);
    else if (n == 2 || n == 3) compareRegister(stNumber(r), n == 3 ? 1 : 0, true);
    else arithmeticRegister(r, form, n, false);
    return;
  }
  if (operation <= op.OP_FIDIVR) {
    arithmeticMemory(r, form, operation - op.OP_FIADD, true);
    return;
  }
  switch (operation) {
    case op.OP_FADDP:
      arithmeticRegister(r, form, 0, true);
      break;
    case op.OP_FMULP:
      arithmeticRegister(r, form, 1, true);
      break;
    case op.OP_FSUBP:
      arithmeticRegister(r, form, 4, true);
      break;
    case op.OP_FSUBRP:
      arithmeticRegister(r, form, 5, true);
      break;
    case op.OP_FDIVP:
      arithmeticRegister(r, form, 6, true);
      break;
    case op.OP_FDIVRP:
      arithmeticRegister(r, form, 7, true);
      break;
    case op.OP_FCOMPP:
      compareRegister(1, 2, true);
      break;
    case op.OP_FUCOM:
      compareRegister(stNumber(r), 0, false);
      break;
    case op.OP_FUCOMP:
      compareRegister(stNumber(r), 1, false);
      break;
    case op.OP_FUCOMPP:
      compareRegister(1, 2, false);
      break;
    case op.OP_FCOMI:
      compareToFlags(stNumber(r), false, true);
      break;
    case op.OP_FCOMIP:
      compareToFlags(stNumber(r), true, true);
      break;
    case op.OP_FUCOMI:
      compareToFlags(stNumber(r), false, false);
      break;
    case op.OP_FUCOMIP:
      compareToFlags(stNumber(r), true, false);
      break;
    case op.OP_FLD:
      fld(r, form);
      break;
    case op.OP_FST:
      fst(r, form, false);
      break;
    case op.OP_FSTP:
      fst(r, form, true);
      break;
    case op.OP_FSTPNCE:
      fstpnce(stNumber(r));
      break;
    case op.OP_FILD:
      fild(r, form);
      break;
    case op.OP_FIST:
      fist(r, form, false, false);
      break;
    case op.OP_FISTP:
      fist(r, form, true, false);
      break;
    case op.OP_FISTTP:
      fist(r, form, true, true);
      break;
    case op.OP_FBLD:
      fbld(r);
      break;
    case op.OP_FBSTP:
      fbstp(r);
      break;
    case op.OP_FXCH:
      fxch(r);
      break;
    case op.OP_FTST:
      ftst();
      break;
    case op.OP_FXAM:
      fxam();
      break;
    case op.OP_FCHS:
    case op.OP_FABS:
      signOperation(operation);
      break;
    case op.OP_FXTRACT:
      fxtract();
      break;
    case op.OP_FPREM:
      fprem(false);
      break;
    case op.OP_FPREM1:
      fprem(true);
      break;
    case op.OP_FSQRT:
      fsqrt();
      break;
    case op.OP_FRNDINT:
      frndint();
      break;
    case op.OP_FSCALE:
      fscale();
      break;
    default:
      if (operation >= op.OP_FCMOVB && operation <= op.OP_FCMOVNU) fcmov(r, operation);
      else if (operation >= op.OP_FLD1 && operation <= op.OP_FLDZ) fldConstant(operation);
      else transcendental(operation);
  }
}
