// How a decoding template (decode-templates.ts) is made: from examples that `decodeFully` decodes, whose records have to differ
// as the template says they do.
import { DS, GPR, SS } from './layout';
import { decodeFully, hasByteRm, immediateKinds, segmentSlot } from './decode';
import {
  ENDS_BLOCK,
  KINDS,
  KIND_IRREGULAR,
  KIND_KNOWN,
  MODRM_BYTES,
  NONE,
  PLACES,
  P_BYTES,
  P_MASK,
  P_MODRM_BYTES,
  P_SEGMENT,
  P_SIGN,
  P_SPECIAL,
  ROW_BYTE,
  ROW_EXTENSION,
  ROW_MEMORY,
  ROW_MEMORY64,
  ROW_OPCODE,
  ROW_REGISTER,
  ROW_SIZE,
  SPECIAL_RIP,
  SPECIAL_SIB,
  SPECIAL_WIDE,
  SPECIAL_X87,
  T_EXTENSION,
  T_IMMEDIATE_BYTES,
  T_IMMEDIATE_MASK,
  T_IMMEDIATE_SIGN,
  T_LANES,
  T_RELATIVE,
  T_ROW,
  T_SPECIAL,
  T_STATE,
  UNUSABLE,
  USABLE,
} from './decode-templates';
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
  MODE_CODE32,
  MODE_CODE64,
  MODE_STACK32,
  operandSize,
  PAGE_RIP,
  R_BASE,
  R_COST,
  R_FORM,
  R_IMM,
  R_LENGTH,
  R_REG,
  R_RM,
  R_SEGMENT,
} from './record';

const EXAMPLE: usize = memory.data(32, 16);
const EXAMPLE_RECORD: usize = memory.data(64, 16);

/** An entry for memory (SDM Vol. 2 Table "32-Bit Addressing Forms with the ModR/M Byte"). */
function makePlace(row: usize, mod: u32, rm: u32, extension: u32): void {
  const place = PLACES + row * ROW_SIZE + (((mod << 3) | rm) << 4);
  const hasBase = mod != 0 || rm != 5;
  const isRip = !hasBase && row != ROW_MEMORY;
  const bytes: u32 = mod == 1 ? 1 : mod == 2 || !hasBase ? 4 : 0;
  const base = hasBase ? GPR + ((rm | (extension << 3)) << 3) : isRip ? PAGE_RIP : NONE;
  store<u32>(place, base | (NONE << 16));
  store<u32>(place, bytes == 1 ? 0xff : bytes ? u32.MAX_VALUE : 0, P_MASK);
  store<u16>(place, u16(segmentSlot(hasBase && rm == 5 && !extension ? SS : DS)), P_SEGMENT);
  store<u8>(place, bytes == 1 ? 0x80 : 0, P_SIGN);
  store<u8>(place, u8(bytes), P_BYTES);
  store<u8>(place, rm == 4 ? 2 : 1, P_MODRM_BYTES);
  store<u8>(place, u8(rm == 4 ? SPECIAL_SIB : isRip ? SPECIAL_RIP : 0), P_SPECIAL);
}

/** Fills PLACES and MODRM_BYTES. */
function makePlaces(): void {
  for (let modrm: u32 = 0; modrm < 256; modrm++) {
    const rm = modrm & 7;
    const mod = modrm >> 6;
    const displacement: u32 = mod == 1 ? 1 : mod == 2 || (!mod && rm == 5) ? 4 : 0;
    store<u8>(MODRM_BYTES + modrm, u8(1 + u32(rm == 4 && mod != 3) + displacement));
  }
  for (let rm: u32 = 0; rm < 8; rm++) {
    const place = PLACES + ((24 + rm) << 4);
    const register = GPR + (rm << 3);
    store<u32>(place + ROW_REGISTER * ROW_SIZE, register);
    store<u32>(place + (ROW_REGISTER + ROW_EXTENSION) * ROW_SIZE, register + 64);
    store<u32>(place + ROW_BYTE * ROW_SIZE, rm < 4 ? register : register - 31);
    store<u8>(place + ROW_REGISTER * ROW_SIZE, 1, P_MODRM_BYTES);
    store<u8>(place + (ROW_REGISTER + ROW_EXTENSION) * ROW_SIZE, 1, P_MODRM_BYTES);
    store<u8>(place + ROW_BYTE * ROW_SIZE, 1, P_MODRM_BYTES);
    for (let mod: u32 = 0; mod < 3; mod++) {
      makePlace(ROW_MEMORY, mod, rm, 0);
      makePlace(ROW_MEMORY64, mod, rm, 0);
      makePlace(ROW_MEMORY64 + ROW_EXTENSION, mod, rm, 1);
    }
  }
  for (let n: usize = 0; n < 32; n++) store<u32>(PLACES + (ROW_OPCODE + ROW_EXTENSION) * ROW_SIZE + (n << 4), 64);
}

/** Bytes that are no opcode of their own: prefixes, and the escapes to the longer maps. */
function isPrefix(opcode: u32, isTwoByte: bool, code64: bool): bool {
  if (isTwoByte) return opcode == 0x38 || opcode == 0x3a;
  if ((opcode & 0xe7) == 0x26 || (opcode >= 0x64 && opcode <= 0x67)) return true;
  if (opcode == 0xf0 || opcode == 0xf2 || opcode == 0xf3) return true;
  return code64 && (opcode & 0xf0) == 0x40;
}

/** Decodes the example with this ModRM byte and REX bits into `record`; returns the form. */
function decodeExample(record: usize, opcodeEnd: usize, modrm: u32, rexBits: u32, mode: u32): u32 {
  store<u8>(opcodeEnd, u8(modrm));
  store<u8>(EXAMPLE, u8(load<u8>(EXAMPLE) | rexBits));
  decodeFully(record, EXAMPLE, 15, mode, 0);
  store<u8>(EXAMPLE, u8(load<u8>(EXAMPLE) & ~rexBits));
  return load<u16>(record, R_FORM);
}

/** Is the other example like the template but for its register fields? */
function isAlike(template: usize): bool {
  return (
    load<u64>(EXAMPLE_RECORD) == load<u64>(template) &&
    load<u64>(EXAMPLE_RECORD, R_SEGMENT) == load<u64>(template, R_SEGMENT) &&
    load<u32>(EXAMPLE_RECORD, R_IMM) == load<u32>(template, R_IMM) &&
    load<u32>(EXAMPLE_RECORD, R_COST) == load<u32>(template, R_COST)
  );
}

// @ts-ignore: decorator
@inline
function clearModrm(record: usize, isX87: bool): void {
  if (isX87) store<u8>(record, 0, R_IMM);
}

/** An opcode with or without a register in it. False: its forms differ in more than the register. */
function makeWithoutModrm(template: usize, exampleEnd: usize, mode: u32, hasRex: bool): bool {
  store<u8>(template, u8(ROW_OPCODE), T_ROW);
  store<u64>(template, 0, T_LANES);
  if (!hasRex) return true;
  decodeExample(EXAMPLE_RECORD, exampleEnd, 0, 1, mode);
  store<u64>(template, (load<u64>(EXAMPLE_RECORD, R_REG) - load<u64>(template, R_REG)) >> 6, T_LANES);
  return isAlike(template);
}

/** ModRM names a register. */
function makeForRegister(template: usize, exampleEnd: usize, fixed: u32, row: usize, mode: u32, isX87: bool): bool {
  const places = PLACES + row * ROW_SIZE + (24 << 4);
  const first: u64 = load<u32>(places);
  const zero = load<u64>(template, R_REG);
  decodeExample(EXAMPLE_RECORD, exampleEnd, 0xc1 | fixed, 0, mode);
  const lanes = (load<u64>(EXAMPLE_RECORD, R_REG) - zero) / (u64(load<u32>(places, 16)) - first);
  for (let rm: usize = 1; rm < 8; rm++) {
    decodeExample(EXAMPLE_RECORD, exampleEnd, 0xc0 | fixed | u32(rm), 0, mode);
    clearModrm(EXAMPLE_RECORD, isX87);
    const change = (u64(load<u32>(places + (rm << 4))) - first) * lanes;
    if (!isAlike(template) || load<u64>(EXAMPLE_RECORD, R_REG) != zero + change) return false;
  }
  store<u8>(template, u8(row), T_ROW);
  store<u64>(template, lanes, T_LANES);
  store<u64>(template, zero - first * lanes, R_REG);
  return true;
}

/** ModRM names memory; the example has a base register alone. */
function makeForMemory(template: usize, exampleEnd: usize, fixed: u32, row: usize, mode: u32): bool {
  const form = load<u16>(template, R_FORM);
  // forms that take ModRM.rm as a register whatever ModRM.mod says
  if (load<u16>(template, R_RM)) return false;
  for (let rm: u32 = 0; rm < 8; rm++) {
    if (decodeExample(EXAMPLE_RECORD, exampleEnd, fixed | rm, 0, mode) != form) return false;
  }
  if (load<u32>(template, R_BASE) != load<u32>(PLACES + row * ROW_SIZE)) return false;
  store<u32>(template, 0, R_BASE);
  store<u16>(template, 0, R_SEGMENT);
  store<u8>(template, u8(row), T_ROW);
  store<u64>(template, 1 << 32, T_LANES);
  return true;
}

/** What REX.R changes. False: more than register fields. */
function makeExtension(template: usize, exampleEnd: usize, modrm: u32, mode: u32, isX87: bool): bool {
  decodeExample(EXAMPLE_RECORD, exampleEnd, modrm, 0, mode);
  const before = load<u64>(EXAMPLE_RECORD, R_REG);
  const form = load<u16>(EXAMPLE_RECORD, R_FORM);
  const operation = load<u16>(EXAMPLE_RECORD);
  if (decodeExample(EXAMPLE_RECORD, exampleEnd, modrm, 4, mode) != form || load<u16>(EXAMPLE_RECORD) != operation) return false;
  clearModrm(EXAMPLE_RECORD, isX87);
  store<u64>(template, load<u64>(EXAMPLE_RECORD, R_REG) - before, T_EXTENSION);
  return true;
}

/** How to read the immediate. False: it goes to more than R_IMM. */
function makeImmediate(template: usize, form: usize, isLong: bool): bool {
  const kind = immediateKinds(form);
  if (kind >> 8 || kind == IMMEDIATE_AO || kind == IMMEDIATE_AP) return false;
  let bytes: u32 = operandSize(template) == 2 ? 2 : 4;
  if (!kind) bytes = 0;
  else if (kind == IMMEDIATE_IB || kind == IMMEDIATE_IBS || kind == IMMEDIATE_CB) bytes = 1;
  else if (kind == IMMEDIATE_IW) bytes = 2;
  const isWide = kind == IMMEDIATE_IV && operandSize(template) == 8;
  const isUnsigned = kind == IMMEDIATE_IB || kind == IMMEDIATE_IW;
  const mask: u32 = !kind ? 0 : u32.MAX_VALUE >> (32 - (bytes << 3));
  store<u32>(template, mask, T_IMMEDIATE_MASK);
  store<u32>(template, !kind || isUnsigned || bytes == 4 ? 0 : 1 << ((bytes << 3) - 1), T_IMMEDIATE_SIGN);
  store<u8>(template, u8(isWide ? 8 : bytes), T_IMMEDIATE_BYTES);
  if (isWide) store<u8>(template, u8(SPECIAL_WIDE), T_SPECIAL);
  const isRelative = load<u32>(form, FORM_FLAGS) & FORM_RELATIVE && !isLong;
  store<u32>(template, isRelative ? u32.MAX_VALUE : 0, T_RELATIVE);
  if (kind) store<u32>(template, 0, R_IMM);
  return true;
}

/** Makes the template for the opcode at `code`, which ends at `opcodeEnd`; `kind` is class, map and opcode. */
export function makeTemplate(template: usize, kind: usize, code: usize, opcodeEnd: usize, modrm: u32, isLong: bool): void {
  const mode = isLong ? MODE_CODE64 : MODE_CODE32 | MODE_STACK32;
  store<u8>(template, u8(UNUSABLE), T_STATE);
  const length = opcodeEnd - code;
  const opcode: u32 = load<u8>(opcodeEnd - 1);
  const isTwoByte = length > 1 && load<u8>(opcodeEnd - 2) == 0x0f;
  if (isPrefix(opcode, isTwoByte, isLong)) return;
  memory.fill(EXAMPLE, 0, 32);
  memory.copy(EXAMPLE, code, length);
  // registers and addresses of the example have no extension
  const hasRex = length > (isTwoByte ? 2 : 1);
  if (hasRex) store<u8>(EXAMPLE, load<u8>(EXAMPLE) & 0x48);
  makePlaces();
  const exampleEnd = EXAMPLE + length;
  const isRegister = modrm >= 0xc0;
  const example = (isRegister ? 0xc0 : 0) | (modrm & 0x38);
  if (!decodeExample(template, exampleEnd, example, 0, mode)) return;
  const form = FORMS + u32(load<u16>(template, R_FORM)) * FORM_SIZE;
  const flags = load<u32>(form, FORM_FLAGS);
  const isX87 = !isTwoByte && (opcode & 0xf8) == 0xd8;
  store<u64>(template, 0, T_EXTENSION);
  store<u8>(template, u8(isX87 ? SPECIAL_X87 : 0), T_SPECIAL);
  clearModrm(template, isX87);
  let isUsable = false;
  if (!(flags & FORM_MODRM)) {
    isUsable = makeWithoutModrm(template, exampleEnd, mode, hasRex);
    store<u8>(KINDS + (kind << 2), 0xf);
  } else {
    if (isRegister) {
      const row = !hasRex && hasByteRm(form) ? ROW_BYTE : ROW_REGISTER;
      isUsable = makeForRegister(template, exampleEnd, modrm & 0x38, row, mode, isX87);
    } else isUsable = makeForMemory(template, exampleEnd, modrm & 0x38, isLong ? ROW_MEMORY64 : ROW_MEMORY, mode);
    if (hasRex) isUsable = isUsable && makeExtension(template, exampleEnd, example, mode, isX87);
  }
  if (!isUsable || !makeImmediate(template, form, isLong)) return;
  store<u8>(template, 0, R_LENGTH);
  store<u8>(template, u8(USABLE | (flags & FORM_ENDS_BLOCK ? ENDS_BLOCK : 0)), T_STATE);
  noteKind(KINDS + (kind << 2), load<u8>(template, T_IMMEDIATE_BYTES), (flags & FORM_MODRM) != 0);
}

/** A template of the kind was made. */
function noteKind(kind: usize, immediate: u8, hasModrm: bool): void {
  if (!load<u8>(kind, 3)) {
    store<u8>(kind, immediate, 1);
    store<u8>(kind, hasModrm ? 0xff : 0, 2);
    store<u8>(kind, u8(KIND_KNOWN), 3);
  } else if (load<u8>(kind, 1) != immediate) store<u8>(kind, u8(KIND_IRREGULAR), 3);
}
