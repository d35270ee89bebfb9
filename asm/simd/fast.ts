// The fast way through SSE instructions whose operands are XMM registers or memory that the TLB maps directly: operands are used
// where they lie. What an operation means is in the same functions as for the general way (dispatch.ts), which does everything
// unusual from the start.
import { TLB_WRITE } from '../layout';
import {
  FORM_OPERANDS,
  KIND_IMMEDIATE,
  KIND_REG,
  KIND_RM,
  KIND_XMM_REG,
  KIND_XMM_RM,
  KIND_XMM_RM_REGISTER,
  OPERAND_KIND,
  OPERAND_WIDTH,
  WIDTH_O,
} from '../gen/tables';
import * as op from '../gen/ops';
import { faulted, tlbBase } from '../globals';
import { fastHost, linearForRead, linearForWrite } from '../memory';
import { effectiveAddress, operandSize, R_FORM, R_IMM, R_REG, R_RM, segmentNumber } from '../record';
import { isUsable, register } from './hot';
import { packed, shift } from './packed';
import { isPlainConversion, quickArithmetic } from './quick';

/** u8 per form: how it goes, UNKNOWN before it was first met. */
const CLASSES: usize = memory.data(0x1000);
const UNKNOWN: u32 = 0;
const GENERAL: u32 = 1;
const PACKED: u32 = 2;
const SHIFT: u32 = 3;
const SHUFFLE: u32 = 4;
const LOAD: u32 = 5;
const STORE: u32 = 6;
const LOAD_SCALAR: u32 = 7;
const STORE_SCALAR: u32 = 8;
const FLOAT: u32 = 9;
const FROM_INTEGER: u32 = 10;
const TO_INTEGER: u32 = 11;

// @ts-ignore: decorator
@inline
function kindOf(form: usize, i: u32): u32 {
  return load<u8>(OPERAND_KIND + load<u8>(form + FORM_OPERANDS + i));
}
// @ts-ignore: decorator
@inline
function widthOf(form: usize, i: u32): u32 {
  return load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS + i));
}

/** The common operations of `packed`. */
export function isPacked(operation: u32): bool {
  switch (operation) {
    case op.OP_PADDB:
    case op.OP_PADDW:
    case op.OP_PADDD:
    case op.OP_PADDQ:
    case op.OP_PSUBB:
    case op.OP_PSUBW:
    case op.OP_PSUBD:
    case op.OP_PSUBQ:
    case op.OP_PAND:
    case op.OP_PANDN:
    case op.OP_POR:
    case op.OP_PXOR:
    case op.OP_ANDPS:
    case op.OP_ANDPD:
    case op.OP_ANDNPS:
    case op.OP_ANDNPD:
    case op.OP_ORPS:
    case op.OP_ORPD:
    case op.OP_XORPS:
    case op.OP_XORPD:
    case op.OP_PCMPEQB:
    case op.OP_PCMPEQW:
    case op.OP_PCMPEQD:
    case op.OP_PCMPGTB:
    case op.OP_PCMPGTW:
    case op.OP_PCMPGTD:
    case op.OP_PMULLW:
    case op.OP_PMULHW:
    case op.OP_PMULHUW:
    case op.OP_PMULUDQ:
    case op.OP_PMADDWD:
    case op.OP_PSADBW:
    case op.OP_PMINUB:
    case op.OP_PMAXUB:
    case op.OP_PMINSW:
    case op.OP_PMAXSW:
    case op.OP_PAVGB:
    case op.OP_PAVGW:
    case op.OP_PADDUSB:
    case op.OP_PADDUSW:
    case op.OP_PSUBUSB:
    case op.OP_PSUBUSW:
    case op.OP_PADDSB:
    case op.OP_PADDSW:
    case op.OP_PSUBSB:
    case op.OP_PSUBSW:
    case op.OP_PUNPCKLBW:
    case op.OP_PUNPCKLWD:
    case op.OP_PUNPCKLDQ:
    case op.OP_PUNPCKHBW:
    case op.OP_PUNPCKHWD:
    case op.OP_PUNPCKHDQ:
    case op.OP_PUNPCKLQDQ:
    case op.OP_PUNPCKHQDQ:
    case op.OP_UNPCKLPS:
    case op.OP_UNPCKHPS:
    case op.OP_UNPCKLPD:
    case op.OP_UNPCKHPD:
    case op.OP_PACKSSWB:
    case op.OP_PACKUSWB:
    case op.OP_PACKSSDW:
    case op.OP_PSHUFB:
      return true;
  }
  return false;
}

/** The class of a form whose first operand is an XMM register named by ModRM.reg. */
function classifyLoad(operation: u32, form: usize): u32 {
  const kind = kindOf(form, 1);
  if (operation == op.OP_CVTSI2SD && (kind == KIND_RM || kind == KIND_REG)) return FROM_INTEGER;
  if (kind != KIND_XMM_RM && kind != KIND_XMM_RM_REGISTER) return GENERAL;
  if (operation == op.OP_MOVA || operation == op.OP_MOVU) return LOAD;
  if (operation == op.OP_MOVSS || operation == op.OP_MOVSD_XMM) return LOAD_SCALAR;
  if (operation == op.OP_PSHUFD) return SHUFFLE;
  if (operation >= op.OP_ADDPS && operation <= op.OP_SQRTSD) return FLOAT;
  return widthOf(form, 1) == WIDTH_O && isPacked(operation) ? PACKED : GENERAL;
}

function classify(operation: u32, form: usize): u32 {
  const first = kindOf(form, 0);
  if (first == KIND_XMM_REG) return classifyLoad(operation, form);
  if (first == KIND_XMM_RM_REGISTER && kindOf(form, 1) == KIND_IMMEDIATE) {
    return isShift(operation) ? SHIFT : GENERAL;
  }
  if (first == KIND_XMM_RM && kindOf(form, 1) == KIND_XMM_REG) {
    if (operation == op.OP_MOVA || operation == op.OP_MOVU) return STORE;
    if (operation == op.OP_MOVSS || operation == op.OP_MOVSD_XMM) return STORE_SCALAR;
  }
  if (first == KIND_REG && operation == op.OP_CVTTSD2SI) return TO_INTEGER;
  return GENERAL;
}

/** Shifts by an immediate that `shift` does. */
export function isShift(operation: u32): bool {
  switch (operation) {
    case op.OP_PSRLW:
    case op.OP_PSRLD:
    case op.OP_PSRLQ:
    case op.OP_PSRAW:
    case op.OP_PSRAD:
    case op.OP_PSLLW:
    case op.OP_PSLLD:
    case op.OP_PSLLQ:
      return true;
  }
  return false;
}

/** Where the operand of ModRM.rm lies: a register, or memory that can be accessed at once; else 0. */
function place(r: usize, size: u32, aligned: bool, write: bool): usize {
  if (load<u16>(r, R_RM)) return register(r, R_RM);
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const linear = write ? linearForWrite(seg, ea, size) : linearForRead(seg, ea, size);
  if (faulted || (aligned && linear & 15)) return 0;
  return fastHost(write ? tlbBase + TLB_WRITE : tlbBase, linear, size);
}

/** PSHUFD. */
export function shuffleDoublewords(to: usize, from: usize, imm: u32): void {
  const a = load<u32>(from + ((imm & 3) << 2));
  const b = load<u32>(from + (((imm >> 2) & 3) << 2));
  const c = load<u32>(from + (((imm >> 4) & 3) << 2));
  const d = load<u32>(from + ((imm >> 6) << 2));
  store<u64>(to, u64(a) | (u64(b) << 32));
  store<u64>(to, u64(c) | (u64(d) << 32), 8);
}

/** MOVSS, MOVSD: a load clears the rest of the register, a move between registers does not. */
function moveScalar(r: usize, to: usize, from: usize, size: u32, clears: bool): void {
  if (clears) v128.store(to, i64x2.splat(0));
  if (size == 4) store<u32>(to, load<u32>(from));
  else store<u64>(to, load<u64>(from));
}

// @ts-ignore: decorator
@inline
function bytesOf(operation: u32): u32 {
  return operation == op.OP_MOVSS ? 4 : 8;
}

/** Bytes of the second operand. */
function sizeOf(operation: u32, kind: u32): u32 {
  if (kind == LOAD_SCALAR) return bytesOf(operation);
  if (kind == TO_INTEGER) return 8;
  if (kind != FLOAT) return 16;
  const n = (operation - op.OP_ADDPS) & 3;
  return n < 2 ? 16 : n == 2 ? 4 : 8;
}

/** Executes the operation if it has a fast way that can be gone now. */
export function fastSimd(operation: u32, r: usize, form: usize): bool {
  const known = CLASSES + usize(load<u16>(r, R_FORM));
  let kind: u32 = load<u8>(known);
  if (kind == UNKNOWN) {
    kind = classify(operation, form);
    store<u8>(known, u8(kind));
  }
  if (kind == GENERAL || !isUsable()) return false;
  const isRegister = load<u16>(r, R_RM) != 0;
  if (kind == SHIFT) {
    const at = register(r, R_RM);
    v128.store(at, shift(operation, v128.load(at), u64(load<u8>(r, R_IMM))));
    return true;
  }
  if (kind == FROM_INTEGER) return fromInteger(r, isRegister);
  if (kind == STORE || kind == STORE_SCALAR) return storeFast(operation, r, kind, isRegister);
  const size = sizeOf(operation, kind);
  const from = place(r, size, size == 16 && operation != op.OP_MOVU, false);
  if (!from) return false;
  if (kind == TO_INTEGER) return toInteger(r, from);
  const to = register(r, R_REG);
  switch (kind) {
    case PACKED:
      v128.store(to, packed(operation, v128.load(to), v128.load(from), false));
      return true;
    case SHUFFLE:
      shuffleDoublewords(to, from, load<u8>(r, R_IMM));
      return true;
    case LOAD:
      v128.store(to, v128.load(from));
      return true;
    case LOAD_SCALAR:
      moveScalar(r, to, from, size, !isRegister);
      return true;
  }
  return quickArithmetic(operation - op.OP_ADDPS, to, from);
}

function storeFast(operation: u32, r: usize, kind: u32, isRegister: bool): bool {
  const size: u32 = kind == STORE ? 16 : bytesOf(operation);
  const to = place(r, size, operation == op.OP_MOVA, true);
  if (!to) return false;
  const from = register(r, R_REG);
  if (kind == STORE) v128.store(to, v128.load(from));
  else moveScalar(r, to, from, size, false);
  return true;
}

/** CVTSI2SD from 32 bits is exact. */
function fromInteger(r: usize, isRegister: bool): bool {
  if (!isRegister || operandSize(r) == 8) return false;
  store<f64>(register(r, R_REG), f64(load<i32>(load<u16>(r, R_RM))));
  return true;
}

/** CVTTSD2SI to 32 bits. */
function toInteger(r: usize, from: usize): bool {
  const v = load<f64>(from);
  if (operandSize(r) == 8 || !isPlainConversion(v)) return false;
  store<u64>(load<u16>(r, R_REG), u64(u32(i32(v))));
  return true;
}
