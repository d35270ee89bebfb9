// MMX and SSE instructions by operation number (SDM Vol. 1 "Programming with Intel MMX Technology", "Programming with
// Intel Streaming SIMD Extensions" and the following chapters).
import { CR0, CR4, FPU_TAGS } from '../layout';
import { faulted } from '../globals';
import * as op from '../gen/ops';
import { KIND_IMMEDIATE } from '../gen/tables';
import { faultVector, NM, raise, UD, XM } from '../fault';
import { isMemory, operandSize, R_IMM } from '../record';
import { driveError } from '../fpu/error';
import { fxrstor, fxsave, ldmxcsr, stmxcsr, xrstor, xsave } from '../fpu/save-area';
import { convert } from './convert';
import { crypto } from './crypto';
import { arithmetic, compare, compareToFlags, dotProduct, horizontal, reciprocal, roundToIntegral } from './float';
import { fastSimd } from './fast';
import { move, moveElement } from './moves';
import {
  available,
  DEST,
  enterMmx,
  isMmxKind,
  kindOf,
  loadOperand,
  RESULT,
  SOURCE,
  storeOperand,
  usesMmx,
} from './operands';
import { packed, shift } from './packed';
import { shuffle } from './shuffle';
import { stringCompare } from './string-compare';
import { setStatusFlags } from '../flags';

const CR4_OSXSAVE: u32 = 0x40000;

/** Executes an MMX or SSE operation. */
export function simdOp(operation: u32, r: usize, form: usize): void {
  if (operation >= op.OP_FXSAVE) {
    stateOp(operation, r);
    driveError();
    return;
  }
  if (fastSimd(operation, r, form)) return;
  const mmx = usesMmx(form) || operation == op.OP_EMMS;
  if (!available(needsXmm(operation, mmx), mmx)) return;
  if (operation == op.OP_EMMS) {
    enterMmx();
    store<u8>(FPU_TAGS, 0);
    return;
  }
  if (operation <= op.OP_PTEST) integerOp(operation, r, form);
  else if (operation <= op.OP_PMOVMSKB) move(operation, r, form);
  else if (operation <= op.OP_PINSRD) moveElement(operation, r, form);
  else if (operation <= op.OP_DPPD) floatOp(operation, r, form);
  else convert(operation, r, form);
  // a conversion from memory does not touch the x87 state (as recorded on hardware)
  const fromMemory = (operation == op.OP_CVTPI2PS || operation == op.OP_CVTPI2PD) && isMemory(r);
  if (mmx && !fromMemory && (!faulted || faultVector == XM)) enterMmx();
}

/** Operations on MMX registers alone do not need CR4.OSFXSR. */
function needsXmm(operation: u32, mmx: bool): bool {
  if (!mmx) return true;
  return operation >= op.OP_ADDPS || operation == op.OP_MOVDQ2Q || operation == op.OP_MOVQ2DQ;
}

/** FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, XSAVE and its kin. */
function stateOp(operation: u32, r: usize): void {
  const cr0 = load<u32>(CR0);
  if (operation >= op.OP_XSAVE) {
    if (!(load<u32>(CR4) & CR4_OSXSAVE)) raise(UD, 0);
    else if (cr0 & 8) raise(NM, 0);
    else if (operation == op.OP_XRSTOR) xrstor(r);
    else xsave(operation, r);
    return;
  }
  const isControl = operation == op.OP_LDMXCSR || operation == op.OP_STMXCSR;
  if (isControl && (cr0 & 4 || !(load<u32>(CR4) & 0x200))) raise(UD, 0);
  else if (cr0 & 8 || (!isControl && cr0 & 4)) raise(NM, 0);
  else if (operation == op.OP_FXSAVE) fxsave(r);
  else if (operation == op.OP_FXRSTOR) fxrstor(r);
  else if (operation == op.OP_LDMXCSR) ldmxcsr(r);
  else stmxcsr(r);
}

function integerOp(operation: u32, r: usize, form: usize): void {
  const imm: u32 = load<u8>(r, R_IMM);
  const mmx = isMmxKind(kindOf(form, 0));
  loadOperand(r, form, 0, DEST, true);
  if (kindOf(form, 1) == KIND_IMMEDIATE) {
    if (!shuffle(operation, imm, 16)) v128.store(RESULT, shift(operation, v128.load(DEST), u64(imm)));
    storeOperand(r, form, 0, RESULT, true);
    return;
  }
  const isString = operation >= op.OP_PCMPESTRM && operation <= op.OP_PCMPISTRI;
  // SHA does not ask for alignment (as recorded on hardware)
  const isSha = (operation >= op.OP_SHA1NEXTE && operation <= op.OP_SHA256MSG2) || operation == op.OP_SHA1RNDS4;
  loadOperand(r, form, 1, SOURCE, !isString && !isSha);
  if (faulted) return;
  if (isString) stringCompare(operation, imm, operandSize(r) == 8);
  else if (operation == op.OP_PTEST) ptest();
  else {
    if (!shuffle(operation, imm, mmx ? 8 : 16) && !crypto(operation, imm)) {
      v128.store(RESULT, packed(operation, v128.load(DEST), v128.load(SOURCE), mmx));
    }
    storeOperand(r, form, 0, RESULT, true);
  }
}

function ptest(): void {
  const a = v128.load(DEST);
  const b = v128.load(SOURCE);
  const zero = !v128.any_true(v128.and(a, b));
  const carry = !v128.any_true(v128.andnot(b, a));
  setStatusFlags((u32(zero) << 6) | u32(carry));
}

function floatOp(operation: u32, r: usize, form: usize): void {
  const imm: u32 = load<u8>(r, R_IMM);
  loadOperand(r, form, 0, DEST, true);
  loadOperand(r, form, 1, SOURCE, true);
  if (faulted) return;
  if (operation <= op.OP_SQRTSD) arithmetic((operation - op.OP_ADDPS) >> 2, (operation - op.OP_ADDPS) & 3);
  else if (operation <= op.OP_CMPSD_XMM) compare(operation - op.OP_CMPPS_XMM, imm);
  else if (operation <= op.OP_RCPSS) {
    const n = operation - op.OP_RSQRTPS;
    reciprocal(n < 2, (n & 1) != 0);
  } else if (operation <= op.OP_COMISD) {
    const n = operation - op.OP_UCOMISS;
    compareToFlags((n & 1) != 0, n >= 2);
    return;
  } else if (operation <= op.OP_ADDSUBPD) horizontal(operation);
  else if (operation <= op.OP_ROUNDSD) roundToIntegral(operation - op.OP_ROUNDPS, imm);
  else dotProduct(operation == op.OP_DPPD, imm);
  if (!faulted) storeOperand(r, form, 0, RESULT, true);
}
