// Which instructions have a case of their own in the run loop of 64-bit code (loop.ts), and how a decoded record gets it: as
// asm/hot.ts for 32-bit code. 32-bit and 64-bit operands, 64-bit addresses, no segment base.
import { FS, SEGMENTS, SEGMENT_STRIDE } from '../layout';
import {
  FORM_OP,
  FORM_OPERANDS,
  KIND_IMMEDIATE,
  OPERAND_IV,
  OPERAND_NONE,
  OPERAND_ONE,
  WIDTH_B,
  WIDTH_W,
} from '../gen/tables';
import * as op from '../gen/ops';
import { kind, RI, shape, width } from '../hot';
import { chooseX87, NO_CASE } from '../fpu/hot';
import { chooseSimd, NONE } from '../simd/hot';
import { isQuickString } from '../string-quick';
import {
  FLAG_ADDRESS_SHIFT,
  FLAG_LOCK,
  R_BASE,
  R_FLAGS,
  R_IMM,
  R_INDEX,
  R_REG,
  R_RM,
  R_SCALE,
  R_SEGMENT,
  SCALE_FAR,
  SCALE_OFFSET64,
} from '../record';

// the first four as in asm/hot.ts
export const L_COLD: u32 = 0;
export const L_DEAD: u32 = 1;
export const L_BREAK: u32 = 2;
export const L_END: u32 = 3;
export const ADD32_RR: u32 = 4;
export const ADD32_RI: u32 = 5;
export const ADD32_RM: u32 = 6;
export const ADD32_MR: u32 = 7;
export const ADD32_MI: u32 = 8;
export const OR32_RR: u32 = 9;
export const OR32_RI: u32 = 10;
export const OR32_RM: u32 = 11;
export const OR32_MR: u32 = 12;
export const OR32_MI: u32 = 13;
export const ADC32_RR: u32 = 14;
export const ADC32_RI: u32 = 15;
export const ADC32_RM: u32 = 16;
export const ADC32_MR: u32 = 17;
export const ADC32_MI: u32 = 18;
export const SBB32_RR: u32 = 19;
export const SBB32_RI: u32 = 20;
export const SBB32_RM: u32 = 21;
export const SBB32_MR: u32 = 22;
export const SBB32_MI: u32 = 23;
export const AND32_RR: u32 = 24;
export const AND32_RI: u32 = 25;
export const AND32_RM: u32 = 26;
export const AND32_MR: u32 = 27;
export const AND32_MI: u32 = 28;
export const SUB32_RR: u32 = 29;
export const SUB32_RI: u32 = 30;
export const SUB32_RM: u32 = 31;
export const SUB32_MR: u32 = 32;
export const SUB32_MI: u32 = 33;
export const XOR32_RR: u32 = 34;
export const XOR32_RI: u32 = 35;
export const XOR32_RM: u32 = 36;
export const XOR32_MR: u32 = 37;
export const XOR32_MI: u32 = 38;
export const CMP32_RR: u32 = 39;
export const CMP32_RI: u32 = 40;
export const CMP32_RM: u32 = 41;
export const CMP32_MR: u32 = 42;
export const CMP32_MI: u32 = 43;
export const ADD64_RR: u32 = 44;
export const ADD64_RI: u32 = 45;
export const ADD64_RM: u32 = 46;
export const ADD64_MR: u32 = 47;
export const ADD64_MI: u32 = 48;
export const OR64_RR: u32 = 49;
export const OR64_RI: u32 = 50;
export const OR64_RM: u32 = 51;
export const OR64_MR: u32 = 52;
export const OR64_MI: u32 = 53;
export const ADC64_RR: u32 = 54;
export const ADC64_RI: u32 = 55;
export const ADC64_RM: u32 = 56;
export const ADC64_MR: u32 = 57;
export const ADC64_MI: u32 = 58;
export const SBB64_RR: u32 = 59;
export const SBB64_RI: u32 = 60;
export const SBB64_RM: u32 = 61;
export const SBB64_MR: u32 = 62;
export const SBB64_MI: u32 = 63;
export const AND64_RR: u32 = 64;
export const AND64_RI: u32 = 65;
export const AND64_RM: u32 = 66;
export const AND64_MR: u32 = 67;
export const AND64_MI: u32 = 68;
export const SUB64_RR: u32 = 69;
export const SUB64_RI: u32 = 70;
export const SUB64_RM: u32 = 71;
export const SUB64_MR: u32 = 72;
export const SUB64_MI: u32 = 73;
export const XOR64_RR: u32 = 74;
export const XOR64_RI: u32 = 75;
export const XOR64_RM: u32 = 76;
export const XOR64_MR: u32 = 77;
export const XOR64_MI: u32 = 78;
export const CMP64_RR: u32 = 79;
export const CMP64_RI: u32 = 80;
export const CMP64_RM: u32 = 81;
export const CMP64_MR: u32 = 82;
export const CMP64_MI: u32 = 83;
export const CMP8_RR: u32 = 84;
export const CMP8_RI: u32 = 85;
export const CMP8_RM: u32 = 86;
export const CMP8_MR: u32 = 87;
export const CMP8_MI: u32 = 88;
export const TEST8_RR: u32 = 89;
export const TEST8_RI: u32 = 90;
export const TEST8_RM: u32 = 91;
export const TEST8_MR: u32 = 92;
export const TEST8_MI: u32 = 93;
export const TEST32_RR: u32 = 94;
export const TEST32_RI: u32 = 95;
export const TEST32_RM: u32 = 96;
export const TEST32_MR: u32 = 97;
export const TEST32_MI: u32 = 98;
export const TEST64_RR: u32 = 99;
export const TEST64_RI: u32 = 100;
export const TEST64_RM: u32 = 101;
export const TEST64_MR: u32 = 102;
export const TEST64_MI: u32 = 103;
export const MOV8_RR: u32 = 104;
export const MOV8_RI: u32 = 105;
export const MOV8_RM: u32 = 106;
export const MOV8_MR: u32 = 107;
export const MOV8_MI: u32 = 108;
export const MOV16_RR: u32 = 109;
export const MOV16_RI: u32 = 110;
export const MOV16_RM: u32 = 111;
export const MOV16_MR: u32 = 112;
export const MOV16_MI: u32 = 113;
export const MOV32_RR: u32 = 114;
export const MOV32_RI: u32 = 115;
export const MOV32_RM: u32 = 116;
export const MOV32_MR: u32 = 117;
export const MOV32_MI: u32 = 118;
export const MOV64_RR: u32 = 119;
export const MOV64_RI: u32 = 120;
export const MOV64_RM: u32 = 121;
export const MOV64_MR: u32 = 122;
export const MOV64_MI: u32 = 123;
export const MOV64_RI64: u32 = 124;
export const MOVZX8_RR: u32 = 125;
export const MOVZX8_RM: u32 = 126;
export const MOVZX16_RR: u32 = 127;
export const MOVZX16_RM: u32 = 128;
export const MOVSX8_32_RR: u32 = 129;
export const MOVSX8_32_RM: u32 = 130;
export const MOVSX16_32_RR: u32 = 131;
export const MOVSX16_32_RM: u32 = 132;
export const MOVSX8_64_RR: u32 = 133;
export const MOVSX8_64_RM: u32 = 134;
export const MOVSX16_64_RR: u32 = 135;
export const MOVSX16_64_RM: u32 = 136;
export const MOVSXD_RR: u32 = 137;
export const MOVSXD_RM: u32 = 138;
export const LEA32: u32 = 139;
export const LEA64: u32 = 140;
export const INC32_R: u32 = 141;
export const DEC32_R: u32 = 142;
export const INC32_M: u32 = 143;
export const DEC32_M: u32 = 144;
export const NEG32_R: u32 = 145;
export const NOT32_R: u32 = 146;
export const INC64_R: u32 = 147;
export const DEC64_R: u32 = 148;
export const INC64_M: u32 = 149;
export const DEC64_M: u32 = 150;
export const NEG64_R: u32 = 151;
export const NOT64_R: u32 = 152;
export const SHL32_RI: u32 = 153;
export const SHR32_RI: u32 = 154;
export const SAR32_RI: u32 = 155;
export const SHL32_RC: u32 = 156;
export const SHR32_RC: u32 = 157;
export const SAR32_RC: u32 = 158;
export const ROL32_RI: u32 = 159;
export const ROR32_RI: u32 = 160;
export const SHL64_RI: u32 = 161;
export const SHR64_RI: u32 = 162;
export const SAR64_RI: u32 = 163;
export const SHL64_RC: u32 = 164;
export const SHR64_RC: u32 = 165;
export const SAR64_RC: u32 = 166;
export const ROL64_RI: u32 = 167;
export const ROR64_RI: u32 = 168;
export const IMUL32_RR: u32 = 169;
export const IMUL32_RM: u32 = 170;
export const IMUL32_RRI: u32 = 171;
export const MUL32_R: u32 = 172;
export const IMUL64_RR: u32 = 173;
export const IMUL64_RM: u32 = 174;
export const IMUL64_RRI: u32 = 175;
export const MUL64_R: u32 = 176;
export const CDQ: u32 = 177;
export const CQO: u32 = 178;
export const CDQE: u32 = 179;
export const SETCC_R: u32 = 180;
export const CMOV32_RR: u32 = 181;
export const CMOV64_RR: u32 = 182;
export const PUSH_R: u32 = 183;
export const PUSH_I: u32 = 184;
export const PUSH_M: u32 = 185;
export const POP_R: u32 = 186;
export const LEAVE: u32 = 187;
export const CALL: u32 = 188;
export const RET: u32 = 189;
export const JMP: u32 = 190;
export const JMP_R: u32 = 191;
export const JMP_M: u32 = 192;
export const CALL_R: u32 = 193;
export const CALL_M: u32 = 194;
export const JO: u32 = 195;
export const JNO: u32 = 196;
export const JB: u32 = 197;
export const JAE: u32 = 198;
export const JE: u32 = 199;
export const JNE: u32 = 200;
export const JBE: u32 = 201;
export const JA: u32 = 202;
export const JS: u32 = 203;
export const JNS: u32 = 204;
export const JP: u32 = 205;
export const JNP: u32 = 206;
export const JL: u32 = 207;
export const JGE: u32 = 208;
export const JLE: u32 = 209;
export const JG: u32 = 210;
/** The cases of asm/simd/hot.ts. */
export const SSE_MOVE: u32 = 211;
export const SSE_LOAD_ALIGNED: u32 = 212;
export const SSE_LOAD: u32 = 213;
export const SSE_STORE_ALIGNED: u32 = 214;
export const SSE_STORE: u32 = 215;
export const SSE_LOAD_SINGLE: u32 = 216;
export const SSE_LOAD_DOUBLE: u32 = 217;
export const SSE_STORE_SINGLE: u32 = 218;
export const SSE_STORE_DOUBLE: u32 = 219;
export const SSE_FLOAT: u32 = 220;
export const SSE_FLOAT_M16: u32 = 221;
export const SSE_FLOAT_M4: u32 = 222;
export const SSE_FLOAT_M8: u32 = 223;
export const SSE_PACKED: u32 = 224;
export const SSE_PACKED_M: u32 = 225;
export const SSE_SHIFT: u32 = 226;
export const SSE_PSHUFD: u32 = 227;
export const SSE_CVTSI2SD: u32 = 228;
export const SSE_CVTTSD2SI: u32 = 229;
export const SSE_PADDB: u32 = 230;
export const SSE_PADDW: u32 = 231;
export const SSE_PADDD: u32 = 232;
export const SSE_PADDQ: u32 = 233;
export const SSE_PSUBB: u32 = 234;
export const SSE_PSUBW: u32 = 235;
export const SSE_PSUBD: u32 = 236;
export const SSE_PSUBQ: u32 = 237;
export const SSE_PAND: u32 = 238;
export const SSE_PANDN: u32 = 239;
export const SSE_POR: u32 = 240;
export const SSE_PXOR: u32 = 241;
export const SSE_PCMPEQB: u32 = 242;
export const SSE_PCMPEQD: u32 = 243;
export const SSE_PUNPCKLBW: u32 = 244;
export const SSE_PMULUDQ: u32 = 245;
export const SSE_PMADDWD: u32 = 246;
export const SSE_UNPCKLPD: u32 = 247;
export const SSE_PSLLD: u32 = 248;
export const SSE_PSRLD: u32 = 249;
/** The cases of asm/fpu/hot.ts. */
export const X87_TWO: u32 = 250;
export const X87_PUSH: u32 = 251;
export const X87_OTHER: u32 = 252;
export const X87_READ: u32 = 253;
export const X87_WRITE: u32 = 254;
/** A repeated string instruction (asm/string-quick.ts). */
export const REPEAT: u32 = 255;
/** The shortest case has the last number (dispatch.ts says why). */
export const NOP: u32 = 256;
/** How many there are (test/dispatch.test.ts reads it here). */
export const LONG_HOT_COUNT: u32 = 257;

/** Shifts by an immediate or CL, of a register. */
function chooseShift(r: usize, form: usize, operation: u32, is64: bool): u32 {
  store<u16>(r, load<u16>(r, R_RM), R_BASE);
  const one = load<u8>(form + FORM_OPERANDS + 1) == OPERAND_ONE;
  if (one) store<u32>(r, 1, R_IMM);
  const byCount = !one && kind(form, 1) != KIND_IMMEDIATE;
  let n: u32 = 0;
  if (operation == op.OP_SHL) n = SHL32_RI;
  else if (operation == op.OP_SHR) n = SHR32_RI;
  else if (operation == op.OP_SAR) n = SAR32_RI;
  else if (byCount) return L_COLD;
  else if (operation == op.OP_ROL) n = ROL32_RI;
  else if (operation == op.OP_ROR) n = ROR32_RI;
  else return L_COLD;
  return n + (byCount ? SHL32_RC - SHL32_RI : 0) + (is64 ? SHL64_RI - SHL32_RI : 0);
}

/** MOVZX, MOVSX and MOVSXD. */
function chooseExtension(r: usize, form: usize, operation: u32, isMemory: bool, is64: bool): u32 {
  const w = width(form, 1);
  if (!isMemory) {
    store<u16>(r, load<u16>(r, R_REG), R_BASE);
    store<u16>(r, load<u16>(r, R_RM), R_INDEX);
  }
  if (w != WIDTH_B && w != WIDTH_W) return is64 ? MOVSXD_RR + u32(isMemory) : L_COLD;
  const n = (w == WIDTH_W ? 2 : 0) + u32(isMemory);
  if (operation == op.OP_MOVZX) return MOVZX8_RR + n;
  return (is64 ? MOVSX8_64_RR : MOVSX8_32_RR) + n;
}

/** Cases with operand size 64 only, or always: the stack and transfers of control. */
function chooseStack(form: usize, operation: u32, isMemory: bool): u32 {
  if (operation >= op.OP_JO && operation <= op.OP_JG) return JO + (operation - op.OP_JO);
  switch (operation) {
    case op.OP_JMP:
      return JMP;
    case op.OP_JMP_INDIRECT:
      return isMemory ? JMP_M : JMP_R;
    case op.OP_CALL:
      return CALL;
    case op.OP_CALL_INDIRECT:
      return isMemory ? CALL_M : CALL_R;
    case op.OP_RET:
      return RET;
    case op.OP_PUSH:
      return isMemory ? PUSH_M : kind(form, 0) == KIND_IMMEDIATE ? PUSH_I : PUSH_R;
    case op.OP_POP:
      return isMemory ? L_COLD : POP_R;
    case op.OP_LEAVE:
      return LEAVE;
  }
  return L_COLD;
}

function chooseOther(r: usize, form: usize, operation: u32, isMemory: bool, is64: bool): u32 {
  if (operation == op.OP_MOVZX || operation == op.OP_MOVSX) return chooseExtension(r, form, operation, isMemory, is64);
  if (operation >= op.OP_ROL && operation <= op.OP_SAR) return isMemory ? L_COLD : chooseShift(r, form, operation, is64);
  if (operation >= op.OP_CMOVO && operation <= op.OP_CMOVG) {
    if (isMemory) return L_COLD;
    store<u32>(r, operation - op.OP_CMOVO, R_IMM);
    return is64 ? CMOV64_RR : CMOV32_RR;
  }
  const wide: u32 = is64 ? INC64_R - INC32_R : 0;
  const product: u32 = is64 ? IMUL64_RR - IMUL32_RR : 0;
  switch (operation) {
    case op.OP_LEA:
      return is64 ? LEA64 : LEA32;
    case op.OP_INC:
      return wide + (isMemory ? INC32_M : INC32_R);
    case op.OP_DEC:
      return wide + (isMemory ? DEC32_M : DEC32_R);
    case op.OP_NEG:
      return isMemory ? L_COLD : wide + NEG32_R;
    case op.OP_NOT:
      return isMemory ? L_COLD : wide + NOT32_R;
    case op.OP_IMUL:
      return product + (isMemory ? IMUL32_RM : IMUL32_RR);
    case op.OP_IMUL3:
      return isMemory ? L_COLD : product + IMUL32_RRI;
    case op.OP_MUL:
      return isMemory ? L_COLD : product + MUL32_R;
    case op.OP_CWD:
      return is64 ? CQO : CDQ;
    case op.OP_CBW:
      return is64 ? CDQE : L_COLD;
  }
  return is64 ? chooseStack(form, operation, isMemory) : L_COLD;
}

/** MOV, TEST and the eight binary operations. */
function chooseBinary(r: usize, form: usize, operation: u32, isMemory: bool, size: u32): u32 {
  if (load<u8>(form + FORM_OPERANDS) == OPERAND_NONE) return L_COLD;
  const byte = width(form, 0) == WIDTH_B;
  const s = shape(r, form, isMemory);
  if (s < 0) return L_COLD;
  const n = u32(s);
  if (operation == op.OP_MOV) {
    if (byte) return MOV8_RR + n;
    if (size == 3 && n == RI && load<u8>(form + FORM_OPERANDS + 1) == OPERAND_IV) return MOV64_RI64;
    return (size == 1 ? MOV16_RR : size == 2 ? MOV32_RR : MOV64_RR) + n;
  }
  if (!byte && size == 1) return L_COLD;
  if (operation == op.OP_TEST) return (byte ? TEST8_RR : size == 2 ? TEST32_RR : TEST64_RR) + n;
  if (byte) return operation == op.OP_CMP ? CMP8_RR + n : L_COLD;
  return (size == 2 ? ADD32_RR : ADD64_RR) + (operation - op.OP_ADD) * 5 + n;
}

/** The case for a record of 64-bit code, L_COLD if it has none. */
export function chooseLong(r: usize, form: usize, isMemory: bool): u32 {
  const operation: u32 = load<u16>(form, FORM_OP);
  if (operation == op.OP_NOP) return NOP;
  const flags: u32 = load<u8>(r, R_FLAGS);
  if (flags & FLAG_LOCK) return L_COLD;
  if (isMemory || operation == op.OP_LEA) {
    // addresses that the loop does not form: 32-bit ones, FS and GS, 64-bit offsets
    if (((flags >> FLAG_ADDRESS_SHIFT) & 3) != 3) return L_COLD;
    const segment: u32 = load<u16>(r, R_SEGMENT);
    if (operation != op.OP_LEA && segment >= <u32>SEGMENTS + <u32>FS * SEGMENT_STRIDE) return L_COLD;
    if (load<u8>(r, R_SCALE) & (SCALE_OFFSET64 | SCALE_FAR)) return L_COLD;
  }
  const size = flags & 3;
  if ((operation >= op.OP_ADD && operation <= op.OP_CMP) || operation == op.OP_TEST || operation == op.OP_MOV) {
    return chooseBinary(r, form, operation, isMemory, size);
  }
  if (operation >= op.OP_SETO && operation <= op.OP_SETG) {
    if (isMemory) return L_COLD;
    store<u32>(r, operation - op.OP_SETO, R_IMM);
    return SETCC_R;
  }
  const simd = chooseSimd(r, form, isMemory);
  if (simd != NONE) return SSE_MOVE + simd;
  const x87 = chooseX87(r, form, isMemory);
  if (x87 != NO_CASE) return X87_TWO + x87;
  if (load<u16>(r, R_SEGMENT) < <u32>SEGMENTS + <u32>FS * SEGMENT_STRIDE && isQuickString(r, form, 8)) return REPEAT;
  if (width(form, 0) == WIDTH_B || size < 2) return L_COLD;
  return chooseOther(r, form, operation, isMemory, size == 3);
}
