// Which instructions have a case of their own in the run loop's switch (dispatch.ts), and how a decoded record gets it.
// Not more than some 200 inlined cases; everything else goes through the generic handlers.
import { GPR } from './layout';
import {
  FORM_OP,
  FORM_OPERANDS,
  KIND_ACCUMULATOR,
  KIND_IMMEDIATE,
  KIND_OPCODE_REG,
  KIND_REG,
  KIND_RM,
  OPERAND_KIND,
  OPERAND_NONE,
  OPERAND_ONE,
  OPERAND_WIDTH,
  WIDTH_B,
  WIDTH_W,
  WIDTH_Y,
} from './gen/tables';
import {
  OP_ADD,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_CMOVG,
  OP_CMOVO,
  OP_CMP,
  OP_CWD,
  OP_DEC,
  OP_IMUL,
  OP_IMUL3,
  OP_INC,
  OP_JG,
  OP_JMP,
  OP_JMP_INDIRECT,
  OP_JO,
  OP_LEA,
  OP_LEAVE,
  OP_MOV,
  OP_MOVSX,
  OP_MOVZX,
  OP_MUL,
  OP_NEG,
  OP_NOP,
  OP_NOT,
  OP_POP,
  OP_PUSH,
  OP_RET,
  OP_ROL,
  OP_ROR,
  OP_SAR,
  OP_SETG,
  OP_SETO,
  OP_SHL,
  OP_SHR,
  OP_TEST,
  OP_XCHG,
} from './gen/ops';
import { chooseX87, NO_CASE } from './fpu/hot';
import { chooseSimd, NONE } from './simd/hot';
import { isQuickString } from './string-quick';
import {
  FLAG_ADDRESS_SHIFT,
  FLAG_LOCK,
  MODE_STACK32,
  R_BASE,
  R_FLAGS,
  R_IMM,
  R_INDEX,
  R_REG,
  R_RM,
} from './record';

/** Operand shapes of the two-operand cases: register-register, register-immediate, register-memory, memory-register, memory-immediate. */
export const RR: u32 = 0;
export const RI: u32 = 1;
export const RM: u32 = 2;
export const MR: u32 = 3;
export const MI: u32 = 4;

/** Everything that has no case of its own: the generic handler. */
export const H_COLD: u32 = 0;
/** The block was dropped because its bytes changed: leave it before this instruction. */
export const H_DEAD: u32 = 1;
/** The block is left before this instruction (a deadline moved, an event may be due). */
export const H_BREAK: u32 = 2;
/** No instruction: the block ends here and execution goes on behind it. */
export const H_END: u32 = 3;
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
export const ADD8_RR: u32 = 44;
export const ADD8_RI: u32 = 45;
export const ADD8_RM: u32 = 46;
export const ADD8_MR: u32 = 47;
export const ADD8_MI: u32 = 48;
export const OR8_RR: u32 = 49;
export const OR8_RI: u32 = 50;
export const OR8_RM: u32 = 51;
export const OR8_MR: u32 = 52;
export const OR8_MI: u32 = 53;
export const ADC8_RR: u32 = 54;
export const ADC8_RI: u32 = 55;
export const ADC8_RM: u32 = 56;
export const ADC8_MR: u32 = 57;
export const ADC8_MI: u32 = 58;
export const SBB8_RR: u32 = 59;
export const SBB8_RI: u32 = 60;
export const SBB8_RM: u32 = 61;
export const SBB8_MR: u32 = 62;
export const SBB8_MI: u32 = 63;
export const AND8_RR: u32 = 64;
export const AND8_RI: u32 = 65;
export const AND8_RM: u32 = 66;
export const AND8_MR: u32 = 67;
export const AND8_MI: u32 = 68;
export const SUB8_RR: u32 = 69;
export const SUB8_RI: u32 = 70;
export const SUB8_RM: u32 = 71;
export const SUB8_MR: u32 = 72;
export const SUB8_MI: u32 = 73;
export const XOR8_RR: u32 = 74;
export const XOR8_RI: u32 = 75;
export const XOR8_RM: u32 = 76;
export const XOR8_MR: u32 = 77;
export const XOR8_MI: u32 = 78;
export const CMP8_RR: u32 = 79;
export const CMP8_RI: u32 = 80;
export const CMP8_RM: u32 = 81;
export const CMP8_MR: u32 = 82;
export const CMP8_MI: u32 = 83;
export const TEST32_RR: u32 = 84;
export const TEST32_RI: u32 = 85;
export const TEST32_RM: u32 = 86;
export const TEST32_MR: u32 = 87;
export const TEST32_MI: u32 = 88;
export const TEST8_RR: u32 = 89;
export const TEST8_RI: u32 = 90;
export const TEST8_RM: u32 = 91;
export const TEST8_MR: u32 = 92;
export const TEST8_MI: u32 = 93;
export const MOV32_RR: u32 = 94;
export const MOV32_RI: u32 = 95;
export const MOV32_RM: u32 = 96;
export const MOV32_MR: u32 = 97;
export const MOV32_MI: u32 = 98;
export const MOV8_RR: u32 = 99;
export const MOV8_RI: u32 = 100;
export const MOV8_RM: u32 = 101;
export const MOV8_MR: u32 = 102;
export const MOV8_MI: u32 = 103;
export const MOV16_RR: u32 = 104;
export const MOV16_RI: u32 = 105;
export const MOV16_RM: u32 = 106;
export const MOV16_MR: u32 = 107;
export const MOV16_MI: u32 = 108;
export const MOVZX8_RR: u32 = 109;
export const MOVZX8_RM: u32 = 110;
export const MOVZX16_RR: u32 = 111;
export const MOVZX16_RM: u32 = 112;
export const MOVSX8_RR: u32 = 113;
export const MOVSX8_RM: u32 = 114;
export const MOVSX16_RR: u32 = 115;
export const MOVSX16_RM: u32 = 116;
export const LEA32: u32 = 117;
export const INC32_R: u32 = 118;
export const DEC32_R: u32 = 119;
export const INC32_M: u32 = 120;
export const DEC32_M: u32 = 121;
export const NEG32_R: u32 = 122;
export const NOT32_R: u32 = 123;
export const SHL32_RI: u32 = 124;
export const SHR32_RI: u32 = 125;
export const SAR32_RI: u32 = 126;
export const SHL32_RC: u32 = 127;
export const SHR32_RC: u32 = 128;
export const SAR32_RC: u32 = 129;
export const ROL32_RI: u32 = 130;
export const ROR32_RI: u32 = 131;
export const IMUL32_RR: u32 = 132;
export const IMUL32_RM: u32 = 133;
export const IMUL32_RRI: u32 = 134;
export const MUL32_R: u32 = 135;
export const XCHG32_RR: u32 = 136;
export const CDQ: u32 = 137;
export const SETCC_R: u32 = 138;
export const CMOV32_RR: u32 = 139;
export const PUSH32_R: u32 = 140;
export const PUSH32_I: u32 = 141;
export const PUSH32_M: u32 = 142;
export const POP32_R: u32 = 143;
export const LEAVE32: u32 = 144;
export const CALL32: u32 = 145;
export const RET32: u32 = 146;
export const JMP32: u32 = 147;
export const JMP32_R: u32 = 148;
export const JMP32_M: u32 = 149;
export const CALL32_R: u32 = 150;
export const CALL32_M: u32 = 151;
export const JO32: u32 = 152;
export const JNO32: u32 = 153;
export const JB32: u32 = 154;
export const JAE32: u32 = 155;
export const JE32: u32 = 156;
export const JNE32: u32 = 157;
export const JBE32: u32 = 158;
export const JA32: u32 = 159;
export const JS32: u32 = 160;
export const JNS32: u32 = 161;
export const JP32: u32 = 162;
export const JNP32: u32 = 163;
export const JL32: u32 = 164;
export const JGE32: u32 = 165;
export const JLE32: u32 = 166;
export const JG32: u32 = 167;
/** A compare, test or decrement and the conditional jump behind it in one case. */
export const CMP32_RR_JB: u32 = 168;
export const CMP32_RR_JAE: u32 = 169;
export const CMP32_RR_JE: u32 = 170;
export const CMP32_RR_JNE: u32 = 171;
export const CMP32_RR_JBE: u32 = 172;
export const CMP32_RR_JA: u32 = 173;
export const CMP32_RR_JL: u32 = 174;
export const CMP32_RR_JGE: u32 = 175;
export const CMP32_RR_JLE: u32 = 176;
export const CMP32_RR_JG: u32 = 177;
export const CMP32_RI_JB: u32 = 178;
export const CMP32_RI_JAE: u32 = 179;
export const CMP32_RI_JE: u32 = 180;
export const CMP32_RI_JNE: u32 = 181;
export const CMP32_RI_JBE: u32 = 182;
export const CMP32_RI_JA: u32 = 183;
export const CMP32_RI_JL: u32 = 184;
export const CMP32_RI_JGE: u32 = 185;
export const CMP32_RI_JLE: u32 = 186;
export const CMP32_RI_JG: u32 = 187;
export const TEST32_RR_JE: u32 = 188;
export const TEST32_RR_JNE: u32 = 189;
export const TEST8_RR_JE: u32 = 190;
export const TEST8_RR_JNE: u32 = 191;
export const CMP8_RI_JE: u32 = 192;
export const CMP8_RI_JNE: u32 = 193;
export const DEC32_R_JE: u32 = 194;
export const DEC32_R_JNE: u32 = 195;
/** The cases of asm/simd/hot.ts. */
export const SSE_MOVE: u32 = 196;
export const SSE_LOAD_ALIGNED: u32 = 197;
export const SSE_LOAD: u32 = 198;
export const SSE_STORE_ALIGNED: u32 = 199;
export const SSE_STORE: u32 = 200;
export const SSE_LOAD_SINGLE: u32 = 201;
export const SSE_LOAD_DOUBLE: u32 = 202;
export const SSE_STORE_SINGLE: u32 = 203;
export const SSE_STORE_DOUBLE: u32 = 204;
export const SSE_FLOAT: u32 = 205;
export const SSE_FLOAT_M16: u32 = 206;
export const SSE_FLOAT_M4: u32 = 207;
export const SSE_FLOAT_M8: u32 = 208;
export const SSE_PACKED: u32 = 209;
export const SSE_PACKED_M: u32 = 210;
export const SSE_SHIFT: u32 = 211;
export const SSE_PSHUFD: u32 = 212;
export const SSE_CVTSI2SD: u32 = 213;
export const SSE_CVTTSD2SI: u32 = 214;
export const SSE_PADDB: u32 = 215;
export const SSE_PADDW: u32 = 216;
export const SSE_PADDD: u32 = 217;
export const SSE_PADDQ: u32 = 218;
export const SSE_PSUBB: u32 = 219;
export const SSE_PSUBW: u32 = 220;
export const SSE_PSUBD: u32 = 221;
export const SSE_PSUBQ: u32 = 222;
export const SSE_PAND: u32 = 223;
export const SSE_PANDN: u32 = 224;
export const SSE_POR: u32 = 225;
export const SSE_PXOR: u32 = 226;
export const SSE_PCMPEQB: u32 = 227;
export const SSE_PCMPEQD: u32 = 228;
export const SSE_PUNPCKLBW: u32 = 229;
export const SSE_PMULUDQ: u32 = 230;
export const SSE_PMADDWD: u32 = 231;
export const SSE_UNPCKLPD: u32 = 232;
export const SSE_PSLLD: u32 = 233;
export const SSE_PSRLD: u32 = 234;
/** The cases of asm/fpu/hot.ts. */
export const X87_TWO: u32 = 235;
export const X87_PUSH: u32 = 236;
export const X87_OTHER: u32 = 237;
export const X87_READ: u32 = 238;
export const X87_WRITE: u32 = 239;
/** A repeated string instruction (asm/string-quick.ts). */
export const REPEAT: u32 = 240;
/** The shortest case has the last number (dispatch.ts says why). */
export const NOP: u32 = 241;
export const HOT_COUNT: u32 = 242;

// @ts-ignore: decorator
@inline
export function kind(form: usize, i: u32): u32 {
  return load<u8>(OPERAND_KIND + load<u8>(form + FORM_OPERANDS + i));
}
// @ts-ignore: decorator
@inline
export function width(form: usize, i: u32): u32 {
  return load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS + i));
}

/** Slot of a register operand, 0 if operand `i` is no register. */
function registerSlot(r: usize, form: usize, i: u32): u32 {
  const k = kind(form, i);
  if (k == KIND_REG) return load<u16>(r, R_REG);
  if (k == KIND_RM || k == KIND_OPCODE_REG) return load<u16>(r, R_RM);
  return k == KIND_ACCUMULATOR ? GPR : 0;
}

/** The shape of a two-operand form, or -1. Register shapes get destination and source into R_BASE and R_INDEX. */
export function shape(r: usize, form: usize, memoryOperand: bool): i32 {
  const isImmediate = kind(form, 1) == KIND_IMMEDIATE;
  if (memoryOperand) {
    if (isImmediate) return MI;
    // the register operand (also the accumulator of the moffs forms) is found in R_REG
    if (kind(form, 0) == KIND_ACCUMULATOR || kind(form, 1) == KIND_ACCUMULATOR) store<u16>(r, u16(GPR), R_REG);
    const k = kind(form, 0);
    return k == KIND_REG || k == KIND_ACCUMULATOR ? RM : MR;
  }
  const destination = registerSlot(r, form, 0);
  if (!destination) return -1;
  store<u16>(r, u16(destination), R_BASE);
  if (isImmediate) return RI;
  const source = registerSlot(r, form, 1);
  if (!source) return -1;
  store<u16>(r, u16(source), R_INDEX);
  return RR;
}

// @ts-ignore: decorator
@inline
function shaped(base: u32, s: i32): u32 {
  return s < 0 ? H_COLD : base + u32(s);
}

/** Shifts by an immediate or CL, of a register. */
function chooseShift(r: usize, form: usize, op: u32): u32 {
  store<u16>(r, load<u16>(r, R_RM), R_BASE);
  const one = load<u8>(form + FORM_OPERANDS + 1) == OPERAND_ONE;
  if (one) store<u32>(r, 1, R_IMM);
  if (one || kind(form, 1) == KIND_IMMEDIATE) {
    if (op == OP_SHL) return SHL32_RI;
    if (op == OP_SHR) return SHR32_RI;
    if (op == OP_SAR) return SAR32_RI;
    return op == OP_ROL ? ROL32_RI : op == OP_ROR ? ROR32_RI : H_COLD;
  }
  return op == OP_SHL ? SHL32_RC : op == OP_SHR ? SHR32_RC : op == OP_SAR ? SAR32_RC : H_COLD;
}

/** Cases with operand size 32 and one operand or special shapes. */
function choose32(r: usize, form: usize, op: u32, isMemory: bool, stack32: bool): u32 {
  if (op == OP_MOVZX || op == OP_MOVSX) {
    const w = width(form, 1);
    if (w != WIDTH_B && w != WIDTH_W) return H_COLD;
    if (!isMemory) {
      store<u16>(r, load<u16>(r, R_REG), R_BASE);
      store<u16>(r, load<u16>(r, R_RM), R_INDEX);
    }
    return (op == OP_MOVZX ? MOVZX8_RR : MOVSX8_RR) + (w == WIDTH_W ? 2 : 0) + u32(isMemory);
  }
  if (op >= OP_ROL && op <= OP_SAR) return isMemory ? H_COLD : chooseShift(r, form, op);
  if (op == OP_LEA) return LEA32;
  if (op == OP_INC) return isMemory ? INC32_M : INC32_R;
  if (op == OP_DEC) return isMemory ? DEC32_M : DEC32_R;
  if (op == OP_CWD) return CDQ;
  if (op == OP_IMUL) return isMemory ? IMUL32_RM : IMUL32_RR;
  if (op == OP_IMUL3) return isMemory ? H_COLD : IMUL32_RRI;
  if (op >= OP_JO && op <= OP_JG) return JO32 + (op - OP_JO);
  if (op == OP_JMP) return JMP32;
  if (op == OP_JMP_INDIRECT) return isMemory ? JMP32_M : JMP32_R;
  if (stack32) {
    if (op == OP_PUSH) {
      return isMemory ? PUSH32_M : kind(form, 0) == KIND_IMMEDIATE ? PUSH32_I : PUSH32_R;
    }
    if (op == OP_POP) return isMemory ? H_COLD : POP32_R;
    if (op == OP_LEAVE) return LEAVE32;
    if (op == OP_CALL) return CALL32;
    if (op == OP_RET) return RET32;
    if (op == OP_CALL_INDIRECT) return isMemory ? CALL32_M : CALL32_R;
  }
  if (isMemory) return H_COLD;
  if (op == OP_NEG) return NEG32_R;
  if (op == OP_NOT) return NOT32_R;
  if (op == OP_MUL) return MUL32_R;
  if (op >= OP_CMOVO && op <= OP_CMOVG) {
    store<u32>(r, op - OP_CMOVO, R_IMM);
    return CMOV32_RR;
  }
  if (op == OP_XCHG) return shape(r, form, false) == RR ? XCHG32_RR : H_COLD;
  return H_COLD;
}

/**
 * The switch case for a record, H_COLD if it has none. In code of either size: what counts is the operand size, and that
 * addresses are of 32 bits.
 */
export function chooseHot(r: usize, form: usize, mode: u32, memoryOperand: bool): u32 {
  const op: u32 = load<u16>(form, FORM_OP);
  if (op == OP_NOP) return NOP;
  const flags: u32 = load<u8>(r, R_FLAGS);
  if (flags & FLAG_LOCK) return H_COLD;
  if (memoryOperand && (flags >> FLAG_ADDRESS_SHIFT) & 3) {
    if (((flags >> FLAG_ADDRESS_SHIFT) & 3) != 2) return H_COLD;
  }
  const size = flags & 3;
  const byte = width(form, 0) == WIDTH_B;
  if ((op >= OP_ADD && op <= OP_CMP) || op == OP_TEST || op == OP_MOV) {
    if (load<u8>(form + FORM_OPERANDS) == OPERAND_NONE) return H_COLD;
    if (op == OP_MOV) {
      if (byte) return shaped(MOV8_RR, shape(r, form, memoryOperand));
      // MOVNTI of 16-bit code moves 32 bits
      if (size != 2 && width(form, 0) == WIDTH_Y) return H_COLD;
      return shaped(size == 2 ? MOV32_RR : MOV16_RR, shape(r, form, memoryOperand));
    }
    if (!byte && size != 2) return H_COLD;
    const s = shape(r, form, memoryOperand);
    if (op == OP_TEST) return shaped(byte ? TEST8_RR : TEST32_RR, s);
    return shaped((byte ? ADD8_RR : ADD32_RR) + (op - OP_ADD) * 5, s);
  }
  if (op >= OP_SETO && op <= OP_SETG) {
    if (memoryOperand) return H_COLD;
    store<u32>(r, op - OP_SETO, R_IMM);
    return SETCC_R;
  }
  const simd = chooseSimd(r, form, memoryOperand);
  if (simd != NONE) return SSE_MOVE + simd;
  const x87 = chooseX87(r, form, memoryOperand);
  if (x87 != NO_CASE) return X87_TWO + x87;
  if (isQuickString(r, form, 4)) return REPEAT;
  if (byte || size != 2) return H_COLD;
  return choose32(r, form, op, memoryOperand, (mode & MODE_STACK32) != 0);
}

/** Case that does the work of `first` and of the conditional jump `jump` behind it, or `first` if there is none. */
export function fuse(first: u32, jump: u32): u32 {
  if (jump < JO32 || jump > JG32) return first;
  const condition = jump - JO32;
  if (first == CMP32_RR || first == CMP32_RI) {
    const base = first == CMP32_RR ? CMP32_RR_JB : CMP32_RI_JB;
    if (condition >= 2 && condition <= 7) return base + condition - 2;
    return condition >= 12 ? base + condition - 6 : first;
  }
  // JE and JNE
  if (condition >> 1 != 2) return first;
  const not = condition & 1;
  if (first == TEST32_RR) return TEST32_RR_JE + not;
  if (first == TEST8_RR) return TEST8_RR_JE + not;
  if (first == CMP8_RI) return CMP8_RI_JE + not;
  return first == DEC32_R ? DEC32_R_JE + not : first;
}
