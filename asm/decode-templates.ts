// Decoding by example. Most instructions of a program differ from ones already decoded only in registers, address and immediate.
// A template is the record that `decodeFully` (decode.ts) gives for an opcode, ModRM.reg and "register or memory", made when that
// combination is first met; the rest is filled in here. Instructions with prefixes other than REX, 16-bit code and whatever
// varies in more than these parts has no template.
import { CODE_CACHE, DS, GPR, XMM, ZERO_REGISTER } from './layout';
import {
  address32,
  at,
  decodeFully,
  end,
  hasByteRm,
  immediateKinds,
  long,
  readImmediate,
  relateToPage,
  rex,
  segmentSlot,
  short,
  slot,
} from './decode';
import { FORM_FLAGS, FORM_MODRM, FORM_RELATIVE, FORM_SIZE, FORMS, IMMEDIATE_AO, IMMEDIATE_AP } from './gen/tables';
import {
  addressSize,
  FLAG_LONG,
  MODE_CODE32,
  MODE_CODE64,
  MODE_STACK32,
  operandSize,
  R_BASE,
  R_FLAGS,
  R_FORM,
  R_IMM,
  R_INDEX,
  R_LENGTH,
  R_OFFSET,
  R_REG,
  R_RM,
  R_SCALE,
  R_SEGMENT,
  SCALE_FAR,
  SCALE_RIP,
} from './record';

const TEMPLATE_SIZE: usize = 48;
/** Number: code class (32-bit, 64-bit without REX, with REX, with REX.W), 0F map, opcode, register or memory, ModRM.reg. */
const TEMPLATE_COUNT: usize = 4 << 13;
const TEMPLATES: usize = CODE_CACHE;
export const TEMPLATES_END: usize = TEMPLATES + TEMPLATE_COUNT * TEMPLATE_SIZE;

// behind the record: u8 state (0: no example has been decoded yet), u8 what has to be filled in, u8 immediate kind
const T_STATE: usize = 32;
const T_PARTS: usize = 33;
const T_IMMEDIATE: usize = 34;
const USABLE: u32 = 1;
const UNUSABLE: u32 = 2;
const HAS_MODRM: u32 = 1;
/** R_BASE or R_INDEX is the register of ModRM.rm (or of the opcode), or that of ModRM.reg. */
const BASE_IS_RM: u32 = 2;
const INDEX_IS_RM: u32 = 4;
const BASE_IS_REG: u32 = 8;
const INDEX_IS_REG: u32 = 0x10;
const BYTE_RM: u32 = 0x20;
const IS_RELATIVE: u32 = 0x40;
const IS_X87: u32 = 0x80;

const NO_ADDRESS: u32 = (GPR + 8 * ZERO_REGISTER) * 0x10001;
const EXAMPLE: usize = memory.data(32, 16);
const EXAMPLE_RECORD: usize = memory.data(64, 16);

/** Costs have changed, or which instructions there are. */
export function forgetTemplates(): void {
  memory.fill(TEMPLATES, 0, TEMPLATES_END - TEMPLATES);
}

/** Bytes that are no opcode of their own: prefixes, and the escapes to the longer maps. */
function isPrefix(opcode: u32, isTwoByte: bool, code64: bool): bool {
  if (isTwoByte) return opcode == 0x38 || opcode == 0x3a;
  if ((opcode & 0xe7) == 0x26 || (opcode >= 0x64 && opcode <= 0x67)) return true;
  if (opcode == 0xf0 || opcode == 0xf2 || opcode == 0xf3) return true;
  return code64 && (opcode & 0xf0) == 0x40;
}

/** Decodes the example with this ModRM byte into `record`; returns the form. */
function decodeExample(record: usize, opcodeEnd: usize, modrm: u32, mode: u32): u32 {
  store<u8>(opcodeEnd, u8(modrm));
  store<u16>(record, 0, R_OFFSET);
  decodeFully(record, EXAMPLE, 15, mode);
  return load<u16>(record, R_FORM);
}

/** Makes the template for the opcode at `code`, which ends at `opcodeEnd`. False: it can have none. */
function make(template: usize, code: usize, opcodeEnd: usize, modrm: u32, mode: u32): bool {
  store<u8>(template, u8(UNUSABLE), T_STATE);
  const length = opcodeEnd - code;
  const opcode: u32 = load<u8>(opcodeEnd - 1);
  const isTwoByte = length > 1 && load<u8>(opcodeEnd - 2) == 0x0f;
  if (isPrefix(opcode, isTwoByte, mode == MODE_CODE64)) return false;
  memory.fill(EXAMPLE, 0, 32);
  memory.copy(EXAMPLE, code, length);
  // registers and addresses of the example have no extension
  if (length > (isTwoByte ? 2 : 1)) store<u8>(EXAMPLE, load<u8>(EXAMPLE) & 0x48);
  const exampleEnd = EXAMPLE + length;
  const fixed = modrm & 0x38;
  const isRegister = modrm >= 0xc0;
  // two registers that differ, neither of them the accumulator
  const rm: u32 = fixed == 0x18 ? 2 : 3;
  const form = decodeExample(template, exampleEnd, isRegister ? 0xc0 | fixed | rm : fixed | 1, mode);
  if (!form) return false;
  for (let other: u32 = 0; other < 8; other++) {
    const byte = (isRegister ? 0xc0 : 0) | fixed | other;
    if (decodeExample(EXAMPLE_RECORD, exampleEnd, byte, mode) != form) return false;
  }
  const formAddress = FORMS + form * FORM_SIZE;
  const kinds = immediateKinds(formAddress);
  if (kinds >> 8 || kinds == IMMEDIATE_AO || kinds == IMMEDIATE_AP) return false;
  store<u8>(template, u8(kinds), T_IMMEDIATE);
  return finishTemplate(template, formAddress, isRegister, !isTwoByte && (opcode & 0xf8) == 0xd8);
}

function finishTemplate(template: usize, form: usize, isRegister: bool, isX87: bool): bool {
  const flags = load<u32>(form, FORM_FLAGS);
  let parts: u32 = isX87 ? IS_X87 : 0;
  if (flags & FORM_RELATIVE) parts |= IS_RELATIVE;
  const rmSlot = load<u16>(template, R_RM);
  const base = load<u16>(template, R_BASE);
  const index = load<u16>(template, R_INDEX);
  const regSlot = flags & FORM_MODRM ? load<u16>(template, R_REG) : 0;
  // places of XMM registers (asm/simd/hot.ts)
  if (rmSlot && (base >= u16(XMM) || index >= u16(XMM))) return false;
  if (flags & FORM_MODRM) {
    parts |= HAS_MODRM;
    // forms that take ModRM.rm as a register whatever ModRM.mod says
    if ((rmSlot != 0) != isRegister) return false;
    if (hasByteRm(form)) parts |= BYTE_RM;
    if (!isRegister) {
      store<u32>(template, NO_ADDRESS, R_BASE);
      store<u8>(template, 0, R_SCALE);
    }
  }
  if (rmSlot) {
    if (base == rmSlot) parts |= BASE_IS_RM;
    else if (base == regSlot) parts |= BASE_IS_REG;
    if (index == rmSlot) parts |= INDEX_IS_RM;
    else if (index == regSlot) parts |= INDEX_IS_REG;
  }
  store<u8>(template, u8(parts), T_PARTS);
  store<u8>(template, u8(USABLE), T_STATE);
  return true;
}

/** The memory operand of the record. */
function fillAddress(r: usize, modrm: u32): void {
  const seg = address32(r, modrm >> 6, modrm & 7);
  if (seg != <u32>DS) store<u16>(r, u16(segmentSlot(seg)), R_SEGMENT);
}

/** The register operands of the record; `extension` is the REX prefix, or 0. */
function fillRegisters(r: usize, parts: u32, modrm: u32, extension: u32): void {
  let rmSlot: u32 = load<u16>(r, R_RM) + ((extension & 1) << 6);
  if (parts & HAS_MODRM) rmSlot = slot((modrm & 7) | ((extension & 1) << 3), (parts & BYTE_RM) != 0);
  store<u16>(r, u16(rmSlot), R_RM);
  if (parts & BASE_IS_RM) store<u16>(r, u16(rmSlot), R_BASE);
  else if (parts & BASE_IS_REG) store<u16>(r, load<u16>(r, R_REG), R_BASE);
  if (parts & INDEX_IS_RM) store<u16>(r, u16(rmSlot), R_INDEX);
  else if (parts & INDEX_IS_REG) store<u16>(r, load<u16>(r, R_REG), R_INDEX);
}

/** `decode` for an instruction with a template, of which 15 bytes may be read. 0: it has to be decoded fully. */
export function decodeByTemplate(r: usize, code: usize, mode: u32): u32 {
  let p = code;
  let extension: u32 = 0;
  let opcode: u32 = load<u8>(p++);
  let number: usize = 0;
  if (mode == MODE_CODE64) {
    number = 1;
    if ((opcode & 0xf0) == 0x40) {
      extension = opcode;
      number = 2 + ((extension >> 3) & 1);
      opcode = load<u8>(p++);
      if (opcode == 0x90) return 0;
    }
  } else if (mode != (MODE_CODE32 | MODE_STACK32)) return 0;
  number <<= 1;
  if (opcode == 0x0f) {
    number |= 1;
    opcode = load<u8>(p++);
  }
  const modrm: u32 = load<u8>(p);
  const isRegister = modrm >= 0xc0;
  number = (((number << 8) | opcode) << 4) | (u32(isRegister) << 3) | ((modrm >> 3) & 7);
  const template = TEMPLATES + number * TEMPLATE_SIZE;
  const state: u32 = load<u8>(template, T_STATE);
  if (state != USABLE && (state == UNUSABLE || !make(template, code, p, modrm, mode))) return 0;
  const offset = load<u16>(r, R_OFFSET);
  v128.store(r, v128.load(template));
  v128.store(r, v128.load(template, 16), 16);
  store<u16>(r, offset, R_OFFSET);
  return fill(r, template, code, p, modrm, extension);
}

/** Fills in what the template leaves open; returns the length, or 0. */
function fill(r: usize, template: usize, code: usize, opcodeEnd: usize, modrm: u32, extension: u32): u32 {
  const parts: u32 = load<u8>(template, T_PARTS);
  at = opcodeEnd;
  end = code + 15;
  short = false;
  long = load<u8>(r, R_FLAGS) >= FLAG_LONG;
  rex = extension;
  if (parts & HAS_MODRM) {
    at++;
    if (extension & 4) store<u16>(r, load<u16>(r, R_REG) + 64, R_REG);
    if (modrm < 0xc0) fillAddress(r, modrm);
  }
  if (load<u16>(r, R_RM)) fillRegisters(r, parts, modrm, extension);
  const kind: u32 = load<u8>(template, T_IMMEDIATE);
  if (parts & IS_X87) store<u32>(r, ((load<u8>(opcodeEnd - 1) & 7) << 8) | modrm, R_IMM);
  if (kind) readImmediate(r, kind, operandSize(r), addressSize(r));
  if (short) return 0;
  const length = u32(at - code);
  store<u8>(r, u8(length), R_LENGTH);
  if (parts & IS_RELATIVE && !long) store<u32>(r, load<u32>(r, R_IMM) + load<u16>(r, R_OFFSET) + length, R_IMM);
  if (load<u8>(r, R_SCALE) & SCALE_RIP) {
    relateToPage(r, length);
    if (load<u8>(r, R_SCALE) & SCALE_FAR) return 0;
  }
  return length;
}
