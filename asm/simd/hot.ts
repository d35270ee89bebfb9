// Which SSE instructions have a case of their own in the run loops of 32-bit and 64-bit code (asm/dispatch.ts,
// asm/long-mode/loop.ts), and how a decoded record gets it. Each loop has numbers of its own for them, in the
// order of these. What such a case finds unusual is done by the generic handler, from the start.
import { CR0, CR4, GPR, XMM } from '../layout';
import {
  FORM_OP,
  KIND_IMMEDIATE,
  KIND_REG,
  KIND_RM,
  KIND_XMM_REG,
  KIND_XMM_RM,
  KIND_XMM_RM_REGISTER,
  WIDTH_O,
} from '../gen/tables';
import * as op from '../gen/ops';
import { kind, width } from '../hot';
import { FLAG_SIZE, R_BASE, R_DISP, R_FLAGS, R_IMM, R_INDEX, R_REG, R_RM } from '../record';
import { isPacked, isShift } from './fast';

export const NONE: u32 = 0xffff;
/** Whole registers: between registers, from memory that has to be aligned or not, to it. */
export const MOVE: u32 = 0;
export const LOAD_ALIGNED: u32 = 1;
export const LOAD: u32 = 2;
export const STORE_ALIGNED: u32 = 3;
export const STORE: u32 = 4;
export const LOAD_SINGLE: u32 = 5;
export const LOAD_DOUBLE: u32 = 6;
export const STORE_SINGLE: u32 = 7;
export const STORE_DOUBLE: u32 = 8;
/** Arithmetic: R_IMM tells which; the source is a register, or memory of 16, 4 or 8 bytes. */
export const FLOAT: u32 = 9;
export const FLOAT_M16: u32 = 10;
export const FLOAT_M4: u32 = 11;
export const FLOAT_M8: u32 = 12;
/** `packed` of the operation in R_IMM, with a register and with memory. */
export const PACKED: u32 = 13;
export const PACKED_M: u32 = 14;
/** `shift` of the operation in R_DISP by an immediate. */
export const SHIFT: u32 = 15;
export const PSHUFD: u32 = 16;
export const CVTSI2SD: u32 = 17;
export const CVTTSD2SI: u32 = 18;
/** Operations with registers that need no call. */
export const PADDB: u32 = 19;
export const PADDW: u32 = 20;
export const PADDD: u32 = 21;
export const PADDQ: u32 = 22;
export const PSUBB: u32 = 23;
export const PSUBW: u32 = 24;
export const PSUBD: u32 = 25;
export const PSUBQ: u32 = 26;
export const PAND: u32 = 27;
export const PANDN: u32 = 28;
export const POR: u32 = 29;
export const PXOR: u32 = 30;
export const PCMPEQB: u32 = 31;
export const PCMPEQD: u32 = 32;
export const PUNPCKLBW: u32 = 33;
export const PMULUDQ: u32 = 34;
export const PMADDWD: u32 = 35;
export const UNPCKLPD: u32 = 36;
export const PSLLD: u32 = 37;
export const PSRLD: u32 = 38;

const CR0_EM_TS: u32 = 12;
const CR4_OSFXSR: u32 = 0x200;

/** May SSE instructions execute? */
// @ts-ignore: decorator
@inline
export function isUsable(): bool {
  return !((load<u32>(CR0) & CR0_EM_TS) | (~load<u32>(CR4) & CR4_OSFXSR));
}

/** Place of the XMM register that the field at `field` of the record names. */
// @ts-ignore: decorator
@inline
export function register(r: usize, field: usize): usize {
  return XMM + ((usize(load<u16>(r + field)) - GPR) << 1);
}

/** The case of an operation of `packed` on two registers. */
function packedCase(operation: u32): u32 {
  switch (operation) {
    case op.OP_PADDB:
      return PADDB;
    case op.OP_PADDW:
      return PADDW;
    case op.OP_PADDD:
      return PADDD;
    case op.OP_PADDQ:
      return PADDQ;
    case op.OP_PSUBB:
      return PSUBB;
    case op.OP_PSUBW:
      return PSUBW;
    case op.OP_PSUBD:
      return PSUBD;
    case op.OP_PSUBQ:
      return PSUBQ;
    case op.OP_PAND:
    case op.OP_ANDPS:
    case op.OP_ANDPD:
      return PAND;
    case op.OP_PANDN:
    case op.OP_ANDNPS:
    case op.OP_ANDNPD:
      return PANDN;
    case op.OP_POR:
    case op.OP_ORPS:
    case op.OP_ORPD:
      return POR;
    case op.OP_PXOR:
    case op.OP_XORPS:
    case op.OP_XORPD:
      return PXOR;
    case op.OP_PCMPEQB:
      return PCMPEQB;
    case op.OP_PCMPEQD:
      return PCMPEQD;
    case op.OP_PUNPCKLBW:
      return PUNPCKLBW;
    case op.OP_PMULUDQ:
      return PMULUDQ;
    case op.OP_PMADDWD:
      return PMADDWD;
    case op.OP_PUNPCKLQDQ:
    case op.OP_UNPCKLPD:
      return UNPCKLPD;
  }
  return PACKED;
}

/** Forms whose first operand is an XMM register named by ModRM.reg. */
function chooseTo(r: usize, form: usize, operation: u32, isMemory: bool): u32 {
  const source = kind(form, 1);
  if (operation == op.OP_CVTSI2SD) {
    return !isMemory && (source == KIND_RM || source == KIND_REG) && (load<u8>(r, R_FLAGS) & FLAG_SIZE) != 3 ? CVTSI2SD : NONE;
  }
  if (source != KIND_XMM_RM && source != KIND_XMM_RM_REGISTER) return NONE;
  if (operation == op.OP_MOVA) return isMemory ? LOAD_ALIGNED : MOVE;
  if (operation == op.OP_MOVU) return isMemory ? LOAD : MOVE;
  if (operation == op.OP_MOVSS) return isMemory ? LOAD_SINGLE : NONE;
  if (operation == op.OP_MOVSD_XMM) return isMemory ? LOAD_DOUBLE : NONE;
  if (operation == op.OP_PSHUFD) return isMemory ? NONE : PSHUFD;
  if (operation >= op.OP_ADDPS && operation <= op.OP_SQRTSD) {
    const n = operation - op.OP_ADDPS;
    store<u32>(r, n, R_IMM);
    if (!isMemory) return FLOAT;
    return (n & 3) < 2 ? FLOAT_M16 : (n & 3) == 2 ? FLOAT_M4 : FLOAT_M8;
  }
  if (width(form, 1) != WIDTH_O || !isPacked(operation)) return NONE;
  store<u32>(r, operation, R_IMM);
  return isMemory ? PACKED_M : packedCase(operation);
}

/** The case for a record, NONE if it has none. Register forms get the places of destination and source into R_BASE and R_INDEX. */
export function chooseSimd(r: usize, form: usize, isMemory: bool): u32 {
  const operation: u32 = load<u16>(form, FORM_OP);
  if (operation < op.OP_FADD) return NONE;
  const first = kind(form, 0);
  let n: u32 = NONE;
  if (first == KIND_XMM_REG) n = chooseTo(r, form, operation, isMemory);
  else if (first == KIND_XMM_RM_REGISTER && kind(form, 1) == KIND_IMMEDIATE && isShift(operation)) {
    store<u16>(r, u16(register(r, R_RM)), R_BASE);
    store<u32>(r, operation, R_DISP);
    if (operation == op.OP_PSLLD) return PSLLD;
    return operation == op.OP_PSRLD ? PSRLD : SHIFT;
  } else if (first == KIND_XMM_RM && kind(form, 1) == KIND_XMM_REG && isMemory) {
    if (operation == op.OP_MOVA) return STORE_ALIGNED;
    if (operation == op.OP_MOVU) return STORE;
    if (operation == op.OP_MOVSS) return STORE_SINGLE;
    if (operation == op.OP_MOVSD_XMM) return STORE_DOUBLE;
  } else if (first == KIND_REG && operation == op.OP_CVTTSD2SI && !isMemory) {
    if ((load<u8>(r, R_FLAGS) & FLAG_SIZE) == 3) return NONE;
    store<u16>(r, u16(register(r, R_RM)), R_INDEX);
    return CVTTSD2SI;
  }
  if (n == NONE || isMemory) return n;
  store<u16>(r, u16(register(r, R_REG)), R_BASE);
  if (n != CVTSI2SD) store<u16>(r, u16(register(r, R_RM)), R_INDEX);
  return n;
}
