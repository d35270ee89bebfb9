// From instruction bytes to a record, by the generated tables (asm/gen/tables.ts says how; SDM Vol. 2 "Instruction Format").
import { DS, FS, GPR, GS, SEGMENTS, SEGMENT_STRIDE, SS, ZERO_REGISTER, COSTS } from './layout';
import {
  DECODE_NODES,
  DECODE_ROOTS,
  FORMS,
  FORM_ACCESS,
  FORM_COST,
  FORM_D64,
  FORM_ENDS_BLOCK,
  FORM_F64,
  FORM_FALLBACK,
  FORM_FEATURE,
  FORM_FEATURE64,
  FORM_FLAGS,
  FORM_IMMEDIATE1,
  FORM_LOCKABLE,
  FORM_MODRM,
  FORM_OP,
  FORM_OPERANDS,
  FORM_RELATIVE,
  FORM_REPEAT,
  FORM_SIZE,
  IMMEDIATE_AO,
  IMMEDIATE_AP,
  IMMEDIATE_CB,
  IMMEDIATE_IB,
  IMMEDIATE_IBS,
  IMMEDIATE_IV,
  IMMEDIATE_IW,
  KIND_ADDRESS,
  KIND_MEMORY,
  KIND_OFFSET,
  KIND_OPCODE_REG,
  KIND_REG,
  KIND_RM,
  KIND_RM_REGISTER,
  NODE_FORM,
  NODE_MOD,
  NODE_MODE,
  NODE_NOT_SUPPORTED,
  NODE_PREFIX,
  NODE_REG,
  NODE_RM,
  OPERAND_KIND,
  OPERAND_WIDTH,
  WIDTH_B,
} from './gen/tables';
import { COST_ATOMIC, COST_LOAD, COST_STORE } from './gen/costs';
import {
  clearRecord,
  FLAG_ADDRESS_SHIFT,
  FLAG_LOCK,
  FLAG_LONG,
  FLAG_REP,
  FLAG_REPNE,
  FLAG_SIZE,
  MODE_CODE32,
  MODE_CODE64,
  MODE_STACK32,
  R_BASE,
  R_COST,
  R_COUNT,
  R_DISP,
  R_FLAGS,
  R_FORM,
  R_IMM,
  R_INDEX,
  R_LENGTH,
  R_OFFSET,
  R_OP,
  R_REG,
  R_RM,
  R_SCALE,
  R_SEGMENT,
  PAGE_RIP,
  RECORD_SIZE,
  SCALE_FAR,
  SCALE_OFFSET64,
  SCALE_RIP,
} from './record';
import { MAX_RECORDS } from './block-memory';
import { decodeByPattern, endsBlock } from './decode-patterns';
import { frequentNumber } from './frequent';
import { chooseHot, H_COLD } from './hot';
import { learnPattern } from './learn-patterns';
import { chooseLong } from './long-mode/hot';
import { hasFeature } from './system/model';

/** `decode` results other than a length: more bytes are needed; longer than 15 bytes. */
export const DECODE_MORE: u32 = 0;
export const DECODE_TOO_LONG: u32 = 100;

/** The mode of 32-bit code that has patterns. */
const PLAIN: u32 = MODE_CODE32 | MODE_STACK32;

const NONE: u32 = GPR + 8 * ZERO_REGISTER;

// The instruction being decoded.
let at: usize = 0;
let end: usize = 0;
let short: bool = false;
let rex: u32 = 0;
let long: bool = false;

function fetch8(): u32 {
  if (at >= end) {
    short = true;
    return 0;
  }
  return load<u8>(at++);
}
function fetch16(): u32 {
  if (at + 2 <= end) {
    at += 2;
    return load<u16>(at - 2);
  }
  const low = fetch8();
  return low | (fetch8() << 8);
}
function fetch32(): u32 {
  if (at + 4 <= end) {
    at += 4;
    return load<u32>(at - 4);
  }
  const low = fetch16();
  return low | (fetch16() << 16);
}

/** Address of a segment's descriptor cache. */
// @ts-ignore: decorator
@inline
function segmentSlot(n: u32): u32 {
  return SEGMENTS + n * SEGMENT_STRIDE;
}

/** Slot of a register operand; byte registers 4-7 without REX are AH CH DH BH. */
function slot(n: u32, byte: bool): u32 {
  if (byte && !rex && n >= 4) return GPR + ((n & 3) << 3) + 1;
  return GPR + (n << 3);
}

/** ModRM memory operand with 16-bit addresses (SDM Vol. 2 Table "16-Bit Addressing Forms"). Returns the default segment. */
function address16(r: usize, mod: u32, rm: u32): u32 {
  let base = NONE;
  let index = NONE;
  let seg: u32 = DS;
  const BX: u32 = GPR + 24;
  const BP: u32 = GPR + 40;
  const SI: u32 = GPR + 48;
  const DI: u32 = GPR + 56;
  if (rm == 0 || rm == 1 || rm == 7) base = BX;
  else if (rm == 2 || rm == 3 || (rm == 6 && mod != 0)) {
    base = BP;
    seg = SS;
  }
  if (rm == 0 || rm == 2) index = SI;
  else if (rm == 1 || rm == 3) index = DI;
  else if (rm == 4) base = SI;
  else if (rm == 5) base = DI;
  store<u16>(r, u16(base), R_BASE);
  store<u16>(r, u16(index), R_INDEX);
  let disp: i32 = 0;
  if (mod == 1) disp = i32(i8(fetch8()));
  else if (mod == 2 || (mod == 0 && rm == 6)) disp = i32(i16(fetch16()));
  store<i32>(r, disp, R_DISP);
  return seg;
}

/** ModRM memory operand with 32-bit or 64-bit addresses. Returns the default segment. */
function address32(r: usize, mod: u32, rm: u32): u32 {
  let base = rm;
  let seg: u32 = DS;
  let noBase = mod == 0 && rm == 5;
  if (rm == 4) {
    const sib = fetch8();
    base = sib & 7;
    noBase = mod == 0 && base == 5;
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (index != 4) {
      store<u16>(r, u16(GPR + (index << 3)), R_INDEX);
      store<u8>(r, u8(sib >> 6), R_SCALE);
    }
  }
  if (!noBase) {
    if (base == 4 || base == 5) seg = (rex & 1) == 0 ? SS : DS;
    store<u16>(r, u16(GPR + ((base | ((rex & 1) << 3)) << 3)), R_BASE);
  }
  // without SIB this is relative to the next instruction in 64-bit code (SDM Vol. 2 "RIP-Relative Addressing")
  if (noBase && rm == 5 && long) store<u8>(r, u8(SCALE_RIP), R_SCALE);
  let disp: i32 = 0;
  if (mod == 1) disp = i32(i8(fetch8()));
  else if (mod == 2 || noBase) disp = i32(fetch32());
  store<i32>(r, disp, R_DISP);
  return seg;
}

/** Reads one immediate field into the record. `size` is the operand size in bytes. */
function readImmediate(r: usize, kind: u32, size: u32, addressSize: u32): void {
  let v: u32 = 0;
  if (kind == IMMEDIATE_IB) v = fetch8();
  else if (kind == IMMEDIATE_IBS || kind == IMMEDIATE_CB) v = u32(i32(i8(fetch8())));
  else if (kind == IMMEDIATE_IW) v = fetch16();
  else if (kind == IMMEDIATE_AO) {
    v = addressSize == 2 ? fetch16() : fetch32();
    store<u32>(r, v, R_DISP);
    if (addressSize == 8) {
      store<u32>(r, fetch32(), R_IMM);
      store<u8>(r, u8(SCALE_OFFSET64), R_SCALE);
    }
    return;
  } else {
    v = size == 2 ? u32(i32(i16(fetch16()))) : fetch32();
    if (kind == IMMEDIATE_IV && size == 8) store<u32>(r, fetch32(), R_DISP);
    if (kind == IMMEDIATE_AP) {
      if (size == 2) v &= 0xffff;
      store<u32>(r, fetch16(), R_DISP);
    }
  }
  store<u32>(r, v, R_IMM);
}

function setUndefined(r: usize, extension: u32): void {
  store<u16>(r, 0, R_FORM);
  store<u32>(r, extension, R_IMM);
}

/** The form an encoding has on this processor: without the feature of a form it means something older, or nothing (0). */
function existingForm(entry: u32): u32 {
  let form = entry;
  while (!hasFeature(load<u8>(FORMS + form * FORM_SIZE, FORM_FEATURE))) {
    form = load<u16>(FORMS + form * FORM_SIZE, FORM_FALLBACK);
  }
  return form;
}

/** Does the form have a byte register operand in ModRM.reg (`kind` KIND_REG) or ModRM.rm? */
function byteOperand(form: usize, kind: u32): bool {
  for (let i: usize = 0; i < 3; i++) {
    const code = load<u8>(form + FORM_OPERANDS + i);
    const k = load<u8>(OPERAND_KIND + code);
    const isReg = k == KIND_REG;
    if (k != 0 && isReg == (kind == KIND_REG) && (isReg || k == KIND_RM || k == KIND_OPCODE_REG)) {
      if (load<u8>(OPERAND_WIDTH + code) == WIDTH_B) return true;
    }
  }
  return false;
}

/** Kinds of the form's immediates (IMMEDIATE_*): the first in the low byte, the second above. */
export function immediateKinds(form: usize): u32 {
  return load<u16>(form, FORM_IMMEDIATE1);
}

function firstKind(form: usize, kind: u32): bool {
  return (
    load<u8>(OPERAND_KIND + load<u8>(form + FORM_OPERANDS)) == kind ||
    load<u8>(OPERAND_KIND + load<u8>(form + FORM_OPERANDS + 1)) == kind
  );
}

/** Static cost of the instruction in `r`. */
function staticCost(form: usize, memory: bool, locked: bool): u32 {
  let cost = load<u32>(COSTS + (u32(load<u8>(form, FORM_COST)) << 2));
  if (load<u32>(form, FORM_FLAGS) & FORM_REPEAT) cost = 0;
  if (memory) {
    const access = load<u8>(form, FORM_ACCESS);
    if (access & 1) cost += load<u32>(COSTS + (COST_LOAD << 2));
    if (access & 2) cost += load<u32>(COSTS + (COST_STORE << 2));
    if (locked) cost += load<u32>(COSTS + (COST_ATOMIC << 2));
  }
  return max<u32>(cost, 1);
}

/**
 * Decodes the instruction at host address `code`, of which `available` bytes may be read, into the record `r`. `offset` is that
 * of the instruction in its page; relative targets are relative to it, so that pageRip + R_IMM is the target. Returns its
 * length, DECODE_MORE if `available` (< 15) bytes are too few, or DECODE_TOO_LONG.
 */
export function decode(r: usize, code: usize, available: u32, mode: u32, offset: u32): u32 {
  if (available != 15 || (mode != MODE_CODE64 && mode != PLAIN)) return decodeFully(r, code, available, mode, offset);
  return mode == MODE_CODE64 ? decodeKnown<u64>(r, code, offset) : decodeKnown<u32>(r, code, offset);
}

/** `decode` where patterns may be used (`Code`: decode-patterns.ts). */
// @ts-ignore: decorator
@inline
function decodeKnown<Code>(r: usize, code: usize, offset: u32): u32 {
  const length = decodeByPattern<Code>(r, code, offset);
  return length ? length : decodeAndLearn<Code>(r, code, offset);
}

/** Decodes an instruction that has no pattern yet. */
function decodeAndLearn<Code>(r: usize, code: usize, offset: u32): u32 {
  const length = decodeFully(r, code, 15, sizeof<Code>() == 8 ? MODE_CODE64 : PLAIN, offset);
  if (length != DECODE_TOO_LONG) learnPattern<Code>(r, code);
  return length;
}

/**
 * Decodes instructions from `offset` on in the page at `host` into the records from `r` on: to the end of a block, to the offset
 * `end` or as many as a block may have. Returns the place behind the last; R_OFFSET there is the offset behind it.
 */
export function decodeMany(r: usize, host: usize, offset: u32, end: u32, mode: u32): usize {
  const last = r + MAX_RECORDS * RECORD_SIZE;
  store<u16>(r, u16(offset), R_OFFSET);
  endsBlock = 0;
  if (mode == MODE_CODE64) r = decodeRun<u64>(r, host, offset, end, last);
  else if (mode == PLAIN) r = decodeRun<u32>(r, host, offset, end, last);
  offset = load<u16>(r, R_OFFSET);
  while (!endsBlock && r < last && offset < end) {
    const length = decodeFully(r, host + offset, min<u32>(15, end - offset), mode, offset);
    if (length == DECODE_MORE || length == DECODE_TOO_LONG) break;
    offset += length;
    r += RECORD_SIZE;
  }
  store<u16>(r, u16(offset), R_OFFSET);
  return r;
}

/** The same where 15 bytes may be read of every instruction. */
function decodeRun<Code>(r: usize, host: usize, offset: u32, end: u32, last: usize): usize {
  const safe = host + end - 15;
  let code = host + offset;
  while (code <= safe) {
    const length = decodeKnown<Code>(r, code, u32(code - host));
    if (length == DECODE_TOO_LONG) break;
    code += length;
    r += RECORD_SIZE;
    if (endsBlock || r == last) break;
  }
  store<u16>(r, u16(code - host), R_OFFSET);
  return r;
}

/** The same without patterns. */
export function decodeFully(r: usize, code: usize, available: u32, mode: u32, offset: u32): u32 {
  at = code;
  end = code + available;
  short = false;
  rex = 0;
  clearRecord(r);
  store<u16>(r, u16(offset), R_OFFSET);
  store<u32>(r, NONE | (NONE << 16), R_BASE);
  const code32 = mode & MODE_CODE32;
  const code64 = mode & MODE_CODE64;
  long = code64 != 0;
  let flags: u32 = code64 ? FLAG_LONG : 0;
  let segmentPrefix: u32 = 0xff;
  let operandPrefix = false;
  let addressPrefix = false;
  let opcode: u32 = 0;
  for (;;) {
    opcode = fetch8();
    if (short) break;
    if (opcode == 0x66) operandPrefix = true;
    else if (opcode == 0x67) addressPrefix = true;
    else if (opcode == 0xf0) flags |= FLAG_LOCK;
    else if (opcode == 0xf2) flags = (flags & ~FLAG_REP) | FLAG_REPNE;
    else if (opcode == 0xf3) flags = (flags & ~FLAG_REPNE) | FLAG_REP;
    else if ((opcode & 0xe7) == 0x26) {
      // 26 2E 36 3E: without effect in 64-bit code
      if (!long) segmentPrefix = (opcode >> 3) & 3;
    } else if (opcode == 0x64) segmentPrefix = FS;
    else if (opcode == 0x65) segmentPrefix = GS;
    else if (code64 && (opcode & 0xf0) == 0x40) {
      rex = opcode;
      continue;
    } else break;
    rex = 0;
  }
  let map: u32 = 0;
  if (opcode == 0x0f && !short) {
    map = 1;
    opcode = fetch8();
    if (opcode == 0x38 || opcode == 0x3a) {
      map = opcode == 0x38 ? 2 : 3;
      opcode = fetch8();
    }
  }
  if (short) return available >= 15 ? DECODE_TOO_LONG : DECODE_MORE;

  // with REX.B, 90 is XCHG with R8 like the opcodes behind it
  const plus = opcode;
  if (opcode == 0x90 && !map && rex & 1) opcode = 0x91;
  let entry: u32 = load<u16>(DECODE_ROOTS + (((map << 8) | opcode) << 1));
  let modrm: u32 = 0;
  let peeked = false;
  while (entry >> 13 != NODE_FORM && entry >> 13 != NODE_NOT_SUPPORTED) {
    const kind = entry >> 13;
    let index: u32 = 0;
    if (kind == NODE_PREFIX) {
      index = flags & FLAG_REPNE ? 3 : flags & FLAG_REP ? 2 : u32(operandPrefix);
    } else if (kind == NODE_MODE) index = u32(code64 != 0);
    else {
      if (!peeked) {
        modrm = fetch8();
        if (short) return available >= 15 ? DECODE_TOO_LONG : DECODE_MORE;
        at--;
        peeked = true;
      }
      if (kind == NODE_REG) index = (modrm >> 3) & 7;
      else if (kind == NODE_MOD) index = u32(modrm >= 0xc0);
      else if (kind == NODE_RM) index = modrm & 7;
    }
    entry = load<u16>(DECODE_NODES + (((entry & 0x1fff) + index) << 1));
  }
  if (entry >> 13 == NODE_NOT_SUPPORTED) return finishUndefined(r, entry & 0x1fff, code, flags, mode);
  entry = existingForm(entry);
  if (!entry) return finishUndefined(r, 0, code, flags, mode);

  const form = FORMS + entry * FORM_SIZE;
  const formFlags = load<u32>(form, FORM_FLAGS);
  store<u16>(r, u16(entry), R_FORM);
  // operand and address size, as log2 of bytes
  let size: u32 = code32 ? 2 : 1;
  if (operandPrefix) size ^= 3;
  let addressLog: u32 = code32 ? (addressPrefix ? 1 : 2) : addressPrefix ? 2 : 1;
  if (code64) {
    size = rex & 8 || formFlags & FORM_F64 ? 3 : operandPrefix ? 1 : formFlags & FORM_D64 ? 3 : 2;
    addressLog = addressPrefix ? 2 : 3;
  }
  flags |= size | (addressLog << FLAG_ADDRESS_SHIFT);

  let memoryOperand = false;
  let defaultSegment: u32 = DS;
  if (formFlags & FORM_MODRM) {
    modrm = fetch8();
    const mod = modrm >> 6;
    const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    // the escape opcodes have no immediate: x87 notes their bytes (FOP) and finds ST(i) in them
    if (map == 0 && (opcode & 0xf8) == 0xd8) store<u32>(r, ((opcode & 7) << 8) | modrm, R_IMM);
    store<u16>(r, u16(slot(reg, byteOperand(form, KIND_REG))), R_REG);
    if (mod == 3 || firstKind(form, KIND_RM_REGISTER)) {
      store<u16>(r, u16(slot((modrm & 7) | ((rex & 1) << 3), byteOperand(form, KIND_RM))), R_RM);
    } else {
      memoryOperand = true;
      defaultSegment = addressLog == 1 ? address16(r, mod, modrm & 7) : address32(r, mod, modrm & 7);
    }
  } else if (firstKind(form, KIND_OPCODE_REG)) {
    store<u16>(r, u16(slot((plus & 7) | ((rex & 1) << 3), byteOperand(form, KIND_OPCODE_REG))), R_RM);
  }
  if (firstKind(form, KIND_OFFSET)) memoryOperand = true;
  store<u16>(r, u16(segmentSlot(segmentPrefix == 0xff ? defaultSegment : segmentPrefix)), R_SEGMENT);

  const kinds = immediateKinds(form);
  if (kinds) {
    const second = kinds >> 8;
    readImmediate(r, kinds & 0xff, <u32>1 << size, <u32>1 << addressLog);
    if (second) store<u32>(r, second == IMMEDIATE_IB ? fetch8() : fetch16(), R_DISP);
  }
  if (short) return available >= 15 ? DECODE_TOO_LONG : DECODE_MORE;
  const needed = (flags & FLAG_SIZE) == 3 ? load<u8>(form, FORM_FEATURE64) : 0;
  if (flags & FLAG_LOCK && !(formFlags & FORM_LOCKABLE && memoryOperand)) setUndefined(r, 0);
  else if (!hasFeature(needed)) setUndefined(r, 0);
  return finish(r, FORMS + load<u16>(r, R_FORM) * FORM_SIZE, code, flags, mode, memoryOperand);
}

/** Makes the displacement of a RIP-relative address one from the start of the page. */
function relateToPage(r: usize, length: u32): void {
  const disp = i64(load<i32>(r, R_DISP)) + load<u16>(r, R_OFFSET) + length;
  if (disp > i64(i32.MAX_VALUE)) {
    store<u8>(r, u8(SCALE_FAR), R_SCALE);
    return;
  }
  store<i32>(r, i32(disp), R_DISP);
  store<u16>(r, u16(PAGE_RIP), R_BASE);
}

function finishUndefined(r: usize, extension: u32, code: usize, flags: u32, mode: u32): u32 {
  setUndefined(r, extension);
  return finish(r, FORMS, code, flags, mode, false);
}

function finish(r: usize, form: usize, code: usize, flags: u32, mode: u32, memoryOperand: bool): u32 {
  const length = u32(at - code);
  store<u8>(r, u8(length), R_LENGTH);
  store<u8>(r, u8(flags), R_FLAGS);
  store<u32>(r, staticCost(form, memoryOperand, (flags & FLAG_LOCK) != 0), R_COST);
  store<u8>(r, 1, R_COUNT);
  if (load<u32>(form, FORM_FLAGS) & FORM_RELATIVE) {
    // jump links take the place of address fields; the target becomes relative to the page (in 64-bit code 32 bits could
    // not hold that)
    if (!long) store<u32>(r, load<u32>(r, R_IMM) + load<u16>(r, R_OFFSET) + length, R_IMM);
    store<u32>(r, 0, R_BASE);
    store<u32>(r, 0, R_DISP);
  }
  if (load<u8>(r, R_SCALE) & SCALE_RIP) relateToPage(r, length);
  const number = long ? chooseLong(r, form, memoryOperand) : chooseHot(r, form, mode, memoryOperand);
  store<u16>(r, u16(number == H_COLD ? frequentNumber(load<u16>(form, FORM_OP)) : number), R_OP);
  endsBlock = load<u32>(form, FORM_FLAGS) & FORM_ENDS_BLOCK;
  return length;
}
