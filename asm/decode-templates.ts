// Decoding by example. Most instructions of a program differ from ones already decoded only in registers, address and immediate.
// A template is made (make-templates.ts) from the records that `decodeFully` (decode.ts) gives for an opcode, ModRM.reg and
// "register or memory", when that combination is first met. It says how the four words of a record follow from ModRM, REX,
// displacement and immediate without asking what kind of instruction it is: cold code would mispredict nearly every question.
// Instructions with prefixes other than REX, 16-bit code and whatever varies in more than these parts have no template.
import { CODE_CACHE, DS, GPR, SS, ZERO_REGISTER } from './layout';
import { segmentSlot } from './decode';
import { makeTemplate } from './make-templates';
import { R_COST, R_DISP, R_IMM, R_REG, R_SEGMENT, SCALE_RIP } from './record';

const TEMPLATE_SIZE: usize = 64;
/** Number: code class (32-bit, 64-bit without REX, with REX, with REX.W), 0F map, opcode, register or memory, ModRM.reg. */
const TEMPLATE_COUNT: usize = 4 << 13;
const TEMPLATES: usize = CODE_CACHE;
export const TEMPLATES_END: usize = TEMPLATES + TEMPLATE_COUNT * TEMPLATE_SIZE;

// A template begins with the record as it is when all parts that vary are 0. Behind it:
/** u64: what the word of the register fields is changed by for each unit of the operand's place, and by REX.R. */
export const T_LANES: usize = 32;
export const T_EXTENSION: usize = 40;
/** u32: the bits of the immediate (0: none), and its sign bit if it is narrower than the field of the record. */
export const T_IMMEDIATE_MASK: usize = 48;
export const T_IMMEDIATE_SIGN: usize = 52;
/** u32: all ones for an immediate that is relative to the next instruction. */
export const T_RELATIVE: usize = 56;
/** u8: bytes of the immediate. */
export const T_IMMEDIATE_BYTES: usize = 60;
/** u8: 0 if no example has been decoded yet, USABLE or UNUSABLE; with ENDS_BLOCK. */
export const T_STATE: usize = 61;
/** u8: row of PLACES. */
export const T_ROW: usize = 62;
/** u8: SPECIAL_* of the template. */
export const T_SPECIAL: usize = 63;
export const USABLE: u32 = 1;
export const UNUSABLE: u32 = 2;
/** Added to USABLE: the instruction is the last of its block. */
export const ENDS_BLOCK: u32 = 4;

// Places by ModRM: a row of 32 entries (ModRM.mod, ModRM.rm) for each way to read them, and the same with REX.B.
// {u32 place of the register, or of base and index register in one; u32 mask of the displacement; u16 segment of memory, else 0;
// u8 sign bit of the displacement; u8 its bytes; u8 bytes of ModRM and SIB; u8 SPECIAL_*}
export const ROW_REGISTER: usize = 0;
/** Byte registers without REX. */
export const ROW_BYTE: usize = 1;
export const ROW_MEMORY: usize = 2;
export const ROW_MEMORY64: usize = 3;
/** There is no ModRM. A register in the opcode is known to the template but for REX.B. */
export const ROW_OPCODE: usize = 4;
export const ROW_EXTENSION: usize = 5;
export const ROW_SIZE: usize = 32 << 4;
export const PLACES: usize = memory.data(5120, 16);
export const P_MASK: usize = 4;
export const P_SEGMENT: usize = 8;
export const P_SIGN: usize = 10;
export const P_BYTES: usize = 11;
export const P_MODRM_BYTES: usize = 12;
export const P_SPECIAL: usize = 13;

// What needs more than the tables: SIB, displacement relative to RIP, x87 (which notes ModRM), 8 bytes of immediate.
export const SPECIAL_SIB: u32 = 1;
export const SPECIAL_RIP: u32 = 2;
export const SPECIAL_X87: u32 = 4;
export const SPECIAL_WIDE: u32 = 8;

/** Is the instruction that was decoded last the last of its block? Set by `decode`. */
export let endsBlock: u32 = 0;

export const NONE: u32 = GPR + 8 * ZERO_REGISTER;
/**
 * What all templates of a class, map and opcode have in common, so that the length of an instruction, which the next one waits
 * for, is known early: {u8 bits of the last part of a template's number that do not count; u8 bytes of the immediate; u8 0xff if
 * there is a ModRM byte; u8 KIND_*}
 */
export const KINDS: usize = memory.data(0x2000, 16);
export const KIND_KNOWN: u32 = 1;
/** The bytes of the immediate depend on ModRM. */
export const KIND_IRREGULAR: u32 = 2;
/** u8 by ModRM: bytes of it, of SIB and displacement. */
export const MODRM_BYTES: usize = memory.data(256, 16);

/** Costs have changed, or which instructions there are. */
export function forgetTemplates(): void {
  memory.fill(TEMPLATES, 0, TEMPLATES_END - TEMPLATES);
  memory.fill(KINDS, 0, 0x2000);
}

/**
 * `decode` for an instruction of 64-bit code (`isLong`) or 32-bit code with a template, of which 15 bytes may be read. 0: it has
 * to be decoded fully, this time or always.
 */
// @ts-ignore: decorator
@inline
export function decodeByTemplate(r: usize, code: usize, offset: u32, isLong: bool): u32 {
  let p = code + 1;
  let extension: u32 = 0;
  let opcode: u32 = load<u8>(code);
  let kind: usize = 0;
  if (isLong) {
    const hasRex = u32((opcode & 0xf0) == 0x40);
    extension = opcode & -hasRex;
    kind = 2 + (hasRex << 1) + ((extension >> 2) & 2);
    p += hasRex;
    opcode = load<u8>(p - 1);
    if (extension && opcode == 0x90) return 0;
  }
  if (opcode == 0x0f) {
    kind |= 1;
    opcode = load<u8>(p++);
  }
  kind = (kind << 8) | opcode;
  const modrm: u32 = load<u8>(p);
  const common = load<u32>(KINDS + (kind << 2));
  const part = ((u32(modrm >= 0xc0) << 3) | ((modrm >> 3) & 7)) & ~common;
  const template = TEMPLATES + ((kind << 4) | part) * TEMPLATE_SIZE;
  const state: u32 = load<u8>(template, T_STATE);
  if (!(state & USABLE)) {
    if (!state) makeTemplate(template, kind, code, p, modrm, isLong);
    return 0;
  }
  let immediateBytes = (common >> 8) & 0xff;
  if (common >> 24 == KIND_IRREGULAR) immediateBytes = load<u8>(template, T_IMMEDIATE_BYTES);
  const length = u32(p - code) + immediateBytes + (load<u8>(MODRM_BYTES + modrm) & (common >> 16));
  endsBlock = state & ENDS_BLOCK;
  const row = load<u8>(template, T_ROW) + (isLong ? (extension & 1) * ROW_EXTENSION : 0);
  const place = PLACES + row * ROW_SIZE + ((((modrm >> 3) & 0x18) | (modrm & 7)) << 4);
  if (load<u8>(template, T_SPECIAL) | load<u8>(place, P_SPECIAL)) {
    return fillSpecially(r, template, place, p, modrm, extension, offset, length);
  }
  const at = p + load<u8>(place, P_MODRM_BYTES);
  const sign: u32 = load<u8>(place, P_SIGN);
  const displacement = ((load<u32>(at) & load<u32>(place, P_MASK)) ^ sign) - sign;
  const segment: u32 = load<u16>(place, P_SEGMENT);
  fill(r, template, load<u32>(place), segment, displacement, at + load<u8>(place, P_BYTES), extension, offset, length);
  return length;
}

/** Makes the record of `length` bytes whose immediate lies at `at`; `segment` contains the scale. */
// @ts-ignore: decorator
@inline
function fill(
  r: usize,
  template: usize,
  places: u32,
  segment: u32,
  displacement: u32,
  at: usize,
  extension: u32,
  offset: u32,
  length: u32,
): void {
  const sign = load<u32>(template, T_IMMEDIATE_SIGN);
  let immediate = ((load<u32>(at) & load<u32>(template, T_IMMEDIATE_MASK)) ^ sign) - sign;
  immediate += ((offset + length) & load<u32>(template, T_RELATIVE)) + load<u32>(template, R_IMM);
  let registers = load<u64>(template, R_REG) + load<u64>(template, T_LANES) * places;
  if (extension) registers += load<u64>(template, T_EXTENSION) * ((extension >> 2) & 1);
  store<u64>(r, load<u64>(template) | (u64(offset | (length << 16)) << 32));
  store<u64>(r, registers, R_REG);
  store<u64>(r, load<u64>(template, R_SEGMENT) | segment | (u64(displacement) << 32), R_SEGMENT);
  store<u64>(r, u64(immediate) | (u64(load<u32>(template, R_COST)) << 32), R_IMM);
}

/** The same for what is SPECIAL_*. Returns the length, which so far lacks a displacement that SIB asks for, or 0. */
function fillSpecially(
  r: usize,
  template: usize,
  place: usize,
  opcodeEnd: usize,
  modrm: u32,
  extension: u32,
  offset: u32,
  length: u32,
): u32 {
  let places = load<u32>(place);
  let segment: u32 = load<u16>(place, P_SEGMENT);
  let mask = load<u32>(place, P_MASK);
  let at = opcodeEnd + load<u8>(place, P_MODRM_BYTES);
  let bytes: u32 = load<u8>(place, P_BYTES);
  const special: u32 = load<u8>(template, T_SPECIAL) | load<u8>(place, P_SPECIAL);
  if (special & SPECIAL_SIB) {
    const sib: u32 = load<u8>(at - 1);
    const base = sib & 7;
    const index = ((sib >> 3) & 7) | ((extension & 2) << 2);
    places = GPR + ((base | ((extension & 1) << 3)) << 3);
    segment = segmentSlot((base & 6) == 4 && !(extension & 1) ? SS : DS);
    if (base == 5 && modrm < 0x40) {
      places = NONE;
      segment = segmentSlot(DS);
      mask = u32.MAX_VALUE;
      bytes = 4;
      length += 4;
    }
    places |= (index == 4 ? NONE : GPR + (index << 3)) << 16;
    if (index != 4) segment |= (sib >> 6) << 16;
  }
  const sign: u32 = load<u8>(place, P_SIGN);
  let displacement = ((load<u32>(at) & mask) ^ sign) - sign;
  at += bytes;
  if (special & SPECIAL_RIP) {
    // it becomes relative to the start of the page
    const next = i32(offset + length);
    if (i32(displacement) > i32.MAX_VALUE - next) return 0;
    displacement += u32(next);
    segment |= SCALE_RIP << 16;
  }
  fill(r, template, places, segment, displacement, at, extension, offset, length);
  if (special & SPECIAL_X87) store<u8>(r, u8(modrm), R_IMM);
  if (special & SPECIAL_WIDE) store<u32>(r, load<u32>(at, 4), R_DISP);
  return length;
}
