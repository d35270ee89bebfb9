// How a decoding pattern (decode-patterns.ts) is made from an instruction that `decodeFully` has decoded: where its displacement
// and its immediate lie follows from ModRM, SIB and the form (SDM Vol. 2 "Instruction Format").
import { immediateKinds } from './decode';
import {
  decodeByPattern,
  P_DISPLACEMENT_AT,
  P_ENDS_BLOCK,
  P_IMMEDIATE_AT,
  P_KEY,
  P_MASKS,
  P_RELATIVE,
  P_SIGNS,
  placeForPattern,
} from './decode-patterns';
import {
  FORM_ENDS_BLOCK,
  FORM_FLAGS,
  FORM_MODRM,
  FORM_RELATIVE,
  FORM_SIZE,
  FORMS,
  IMMEDIATE_AO,
  IMMEDIATE_AP,
  IMMEDIATE_CB,
  IMMEDIATE_IB,
  IMMEDIATE_IBS,
  IMMEDIATE_IV,
  IMMEDIATE_IW,
} from './gen/tables';
import {
  addressSize,
  instructionLength,
  operandSize,
  R_DISP,
  R_FORM,
  R_IMM,
  R_OFFSET,
  R_RM,
  R_SCALE,
  R_SEGMENT,
  RECORD_SIZE,
  SCALE_FAR,
  SCALE_RIP,
} from './record';

const CHECK: usize = memory.data(32, 16);

/** Bytes that are no opcode of their own: prefixes, and the escapes to the longer maps. */
function isPrefix(opcode: u32, isTwoByte: bool, isLong: bool): bool {
  if (isTwoByte) return opcode == 0x38 || opcode == 0x3a;
  if ((opcode & 0xe7) == 0x26 || (opcode >= 0x64 && opcode <= 0x67)) return true;
  if (opcode == 0xf0 || opcode == 0xf2 || opcode == 0xf3) return true;
  return isLong && (opcode & 0xf0) == 0x40;
}

/** Says of the field of the record at `field` that it holds `bytes` bytes from `at` behind the opcode on. */
function setPart(pattern: usize, field: usize, at: u32, bytes: u32, isSigned: bool): void {
  const lane = field - R_SEGMENT;
  store<u32>(pattern + field, 0);
  store<u32>(pattern + lane, u32.MAX_VALUE >> (32 - (bytes << 3)), P_MASKS);
  store<u32>(pattern + lane, isSigned && bytes < 4 ? 1 << ((bytes << 3) - 1) : 0, P_SIGNS);
  store<u8>(pattern + (field == R_DISP ? P_DISPLACEMENT_AT : P_IMMEDIATE_AT), u8(at));
}

/** Bytes of ModRM and SIB, which are the low bytes of `addressing`, and of the displacement behind them. */
function addressBytes(addressing: u32): u32 {
  const mod = (addressing >> 6) & 3;
  if (mod == 3) return 1;
  const hasSib = (addressing & 7) == 4;
  const base = hasSib ? (addressing >> 8) & 7 : addressing & 7;
  return (hasSib ? 2 : 1) + (mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0);
}

function setDisplacement(pattern: usize, addressing: u32, bytes: u32): void {
  if ((addressing & 0xc0) == 0xc0) return;
  const at: u32 = (addressing & 7) == 4 ? 2 : 1;
  if (bytes > at) setPart(pattern, R_DISP, at, bytes - at, true);
}

/** The immediates, from `at` behind the opcode on (`readImmediate` of decode.ts). */
function setImmediates(pattern: usize, kinds: u32, at: u32): void {
  const kind = kinds & 0xff;
  const second = kinds >> 8;
  if (kind == IMMEDIATE_AO) {
    setPart(pattern, R_DISP, at, 4, false);
    if (addressSize(pattern) == 8) setPart(pattern, R_IMM, at + 4, 4, false);
    return;
  }
  let bytes: u32 = operandSize(pattern) == 2 ? 2 : 4;
  if (kind == IMMEDIATE_IB || kind == IMMEDIATE_IBS || kind == IMMEDIATE_CB) bytes = 1;
  else if (kind == IMMEDIATE_IW) bytes = 2;
  setPart(pattern, R_IMM, at, bytes, kind != IMMEDIATE_IB && kind != IMMEDIATE_IW);
  if (kind == IMMEDIATE_IV && operandSize(pattern) == 8) setPart(pattern, R_DISP, at + 4, 4, false);
  if (kind == IMMEDIATE_AP) setPart(pattern, R_DISP, at + bytes, 2, false);
  if (second) setPart(pattern, R_DISP, at + bytes, second == IMMEDIATE_IB ? 1 : 2, false);
}

/** The instruction at `code` was decoded fully into `r`, with 15 bytes that could be read: the next of its kind need not be. */
export function learnPattern<Code>(r: usize, code: usize): void {
  const isLong = sizeof<Code>() == 8;
  const form = load<u16>(r, R_FORM);
  let p = code;
  if (isLong && (load<u8>(p) & 0xf0) == 0x40) p++;
  const isTwoByte = load<u8>(p) == 0x0f;
  p += isTwoByte ? 2 : 1;
  if (!form || isPrefix(load<u8>(p - 1), isTwoByte, isLong) || load<u8>(r, R_SCALE) & SCALE_FAR) return;
  const row = FORMS + u32(form) * FORM_SIZE;
  const flags = load<u32>(row, FORM_FLAGS);
  const hasModrm = (flags & FORM_MODRM) != 0;
  const kinds = immediateKinds(row);
  // forms that take ModRM.rm as a register whatever ModRM.mod says, and two parts for one field
  if (hasModrm && ((load<u8>(p) < 0xc0 && load<u16>(r, R_RM)) || kinds >> 8)) return;
  const length = instructionLength(r);
  const address = hasModrm ? addressBytes(load<u16>(p)) : 0;
  const immediate = length - u32(p - code) - address;
  const pattern = placeForPattern<Code>(code, p, isTwoByte, hasModrm, immediate, length);
  if (!pattern) return;
  const key = load<u32>(pattern, P_KEY);
  memory.copy(pattern, r, RECORD_SIZE);
  store<u16>(pattern, 0, R_OFFSET);
  memory.fill(pattern + P_MASKS, 0, 32);
  store<u32>(pattern, key, P_KEY);
  if (hasModrm) setDisplacement(pattern, load<u16>(p), address);
  if (kinds) setImmediates(pattern, kinds, address);
  const isRelative = isLong ? load<u8>(r, R_SCALE) & SCALE_RIP : flags & FORM_RELATIVE;
  store<u32>(pattern, isRelative ? u32.MAX_VALUE : 0, P_RELATIVE);
  store<u8>(pattern, u8((flags & FORM_ENDS_BLOCK) != 0), P_ENDS_BLOCK);
  if (!givesBack<Code>(r, code)) store<u32>(pattern, 0, P_KEY);
}

/** Does the pattern give the record that it was made of? */
function givesBack<Code>(r: usize, code: usize): bool {
  if (!decodeByPattern<Code>(CHECK, code, load<u16>(r, R_OFFSET))) return false;
  const differences = v128.or(
    v128.xor(v128.load(CHECK), v128.load(r)),
    v128.xor(v128.load(CHECK, 16), v128.load(r, 16)),
  );
  return !v128.any_true(differences);
}
