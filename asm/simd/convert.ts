// SSE conversions between floating-point formats and integers (SDM Vol. 2, each instruction's page).
import { faulted } from '../globals';
import * as op from '../gen/ops';
import { CHOP, fromInteger, setRounding } from '../fpu/float';
import { toInteger } from '../fpu/round';
import { operandSize } from '../record';
import { beginSse, convertFormat, endSse, loadSource, nextElement, roundZ, storeResult } from './float';
import { DEST, loadOperand, RESULT, SOURCE, storeOperand } from './operands';

/** 32-bit integers of SOURCE to floating point. */
function fromIntegers(count: u32, double: bool): void {
  for (let i: u32 = 0; i < count; i++) {
    nextElement();
    fromInteger(i64(load<i32>(SOURCE + (i << 2))));
    roundZ(double);
    storeResult(i << (double ? 3 : 2), double);
  }
}

/** Floating-point elements of SOURCE to 32-bit integers. */
function toIntegers(count: u32, double: bool, chops: bool): void {
  if (chops) setRounding(CHOP);
  for (let i: u32 = 0; i < count; i++) {
    nextElement();
    loadSource(i << (double ? 3 : 2), double);
    store<u32>(RESULT + (i << 2), u32(toInteger(32)));
  }
}

function formats(count: u32, fromDouble: bool): void {
  for (let i: u32 = 0; i < count; i++) {
    nextElement();
    loadSource(i << (fromDouble ? 3 : 2), fromDouble);
    convertFormat(!fromDouble);
    storeResult(i << (fromDouble ? 2 : 3), !fromDouble);
  }
}

function zeroResult(): void {
  v128.store(RESULT, i64x2.splat(0));
}

/** One of CVTPI2PS .. CVTDQ2PD. */
export function convert(operation: u32, r: usize, form: usize): void {
  loadOperand(r, form, 1, SOURCE, true);
  if (faulted) return;
  beginSse();
  zeroResult();
  switch (operation) {
    case op.OP_CVTPI2PS:
      loadOperand(r, form, 0, RESULT, false);
      fromIntegers(2, false);
      break;
    case op.OP_CVTPI2PD:
    case op.OP_CVTDQ2PD:
      fromIntegers(2, true);
      break;
    case op.OP_CVTDQ2PS:
      fromIntegers(4, false);
      break;
    case op.OP_CVTSI2SS:
    case op.OP_CVTSI2SD: {
      loadOperand(r, form, 0, RESULT, false);
      const double = operation == op.OP_CVTSI2SD;
      fromInteger(operandSize(r) == 8 ? load<i64>(SOURCE) : i64(load<i32>(SOURCE)));
      roundZ(double);
      storeResult(0, double);
      break;
    }
    case op.OP_CVTTPS2PI:
    case op.OP_CVTPS2PI:
      toIntegers(2, false, operation == op.OP_CVTTPS2PI);
      break;
    case op.OP_CVTTPD2PI:
    case op.OP_CVTPD2PI:
      toIntegers(2, true, operation == op.OP_CVTTPD2PI);
      break;
    case op.OP_CVTPS2DQ:
    case op.OP_CVTTPS2DQ:
      toIntegers(4, false, operation == op.OP_CVTTPS2DQ);
      break;
    case op.OP_CVTPD2DQ:
    case op.OP_CVTTPD2DQ:
      toIntegers(2, true, operation == op.OP_CVTTPD2DQ);
      break;
    case op.OP_CVTTSS2SI:
    case op.OP_CVTSS2SI:
    case op.OP_CVTTSD2SI:
    case op.OP_CVTSD2SI:
      scalarToInteger(operation, r);
      break;
    case op.OP_CVTPS2PD:
      formats(2, false);
      break;
    case op.OP_CVTPD2PS:
      formats(2, true);
      break;
    case op.OP_CVTSS2SD:
    case op.OP_CVTSD2SS:
      loadOperand(r, form, 0, DEST, false);
      v128.store(RESULT, v128.load(DEST));
      formats(1, operation == op.OP_CVTSD2SS);
  }
  endSse();
  if (!faulted) storeOperand(r, form, 0, RESULT, false);
}

function scalarToInteger(operation: u32, r: usize): void {
  if (operation == op.OP_CVTTSS2SI || operation == op.OP_CVTTSD2SI) setRounding(CHOP);
  loadSource(0, operation == op.OP_CVTTSD2SI || operation == op.OP_CVTSD2SI);
  store<u64>(RESULT, operandSize(r) == 8 ? toInteger(64) : u64(u32(toInteger(32))));
}
