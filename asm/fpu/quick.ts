// The cases of the run loops for the common x87 instructions (asm/fpu/hot.ts): on registers in use that hold normal numbers or
// zeros, with all exceptions masked and rounding to nearest (SDM Vol. 1 "x87 FPU Control Word"). Then only PE can be raised, C1
// says whether the result was rounded up, and nothing stops half-way. Whatever is different is refused before anything has
// changed, and the generic handler does it from the start. What needs no call at all is in fast.ts.
import {
  CR0,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAGS,
  GPR,
  SEGMENT_STRIDE,
  SEGMENTS,
  X87,
} from '../layout';
import { setStatusFlags } from '../flags';
import { R_BASE, R_DISP, R_IMM, R_INDEX, R_REG, R_SEGMENT, recordRip } from '../record';
import { PE } from './float';
import * as hot from './hot';
import {
  doubleSe,
  doubleSig,
  isPlainDouble,
  isPlainSingle,
  operate,
  orderToZero,
  put,
  REFUSED,
  root,
  signedSe,
  signedSig,
  singleSe,
  singleSig,
  storeNumber,
} from './quick-numbers';
import { BUSY, C0, C1, C2, C3, control, ES, FINDING, status } from './stack';

export const CR0_EM_TS: u32 = 12;
const CR0_MP_TS: u32 = 10;
export const TOP: u32 = 0x3800;
export const TOP_ONE: u32 = 0x800;
const MASKS: u32 = 0x3f;
export const PENDING: u32 = ES | BUSY;
const CODES: u32 = C0 | C2 | C3;
const INTEGER_2: u32 = hot.OPERANDS_INTEGER | 2;
const INTEGER_4: u32 = hot.OPERANDS_INTEGER | 4;
const INTEGER_8: u32 = hot.OPERANDS_INTEGER | 8;

/** u16: the bits KEY of FSW as they were, and KNOWN. In the place of ModRM.reg, which x87 instructions do not look at. */
export const R_KEY: usize = R_REG;
/** ES and C1 are clear, and ST(0) is in its place. */
export const KEY: u32 = TOP | PENDING | C1;
export const KNOWN: u32 = 1;
/** Without memory operand also: u16 addresses of the registers that are changed and read, u8 their bits in FPU_TAGS. */
export const R_TO: usize = R_BASE;
export const R_FROM: usize = R_INDEX;
export const R_BITS: usize = R_DISP;

// `now` is FSW without what the last results add to it: TOP and ES are right.

/** May x87 instructions execute, and is no exception pending? */
// @ts-ignore: decorator
@inline
function isReady(now: u32): bool {
  return !((load<u32>(CR0) & CR0_EM_TS) | (now & PENDING));
}

/** Place of ST(i). */
// @ts-ignore: decorator
@inline
function slotOf(now: u32, i: u32): usize {
  return X87 + (((now >> 7) + (i << 4)) & 0x70);
}
// @ts-ignore: decorator
@inline
function seAt(at: usize): u32 {
  return load<u16>(at, 8);
}

/** Bit i is set when ST(i) is in use. */
// @ts-ignore: decorator
@inline
function used(now: u32): u32 {
  return (u32(load<u8>(FPU_TAGS)) * 0x101) >> ((now >> 11) & 7);
}
// @ts-ignore: decorator
@inline
function setUsed(now: u32): void {
  store<u8>(FPU_TAGS, load<u8>(FPU_TAGS) | u8(<u32>1 << ((now >> 11) & 7)));
}

/** The instruction is done: it pops `pops` registers, and `found` about its result comes to the sticky PE. */
// @ts-ignore: decorator
@inline
function finish(now: u32, pops: u32, found: u32): void {
  now &= ~C1;
  if (pops) {
    const gone = (pops == 1 ? 0x101 : 0x303) << ((now >> 11) & 7);
    store<u8>(FPU_TAGS, load<u8>(FPU_TAGS) & ~u8(gone >> 8 | gone));
    now = (now & ~TOP) | ((now + pops * TOP_ONE) & TOP);
  }
  store<u16>(FPU_STATUS, u16(now));
  store<u32>(FINDING, (load<u32>(FINDING) & PE) | found);
}

/** The number becomes the new ST(0). */
// @ts-ignore: decorator
@inline
function push(now: u32, se: u32, sig: u64): void {
  now = (now & ~TOP) | ((now - TOP_ONE) & TOP);
  put(slotOf(now, 0), se, sig);
  setUsed(now);
  finish(now, 0, 0);
}

/** Notes where the instruction is. */
// @ts-ignore: decorator
@inline
export function note(r: usize): void {
  store<u64>(FPU_IP, recordRip(r));
  store<u16>(FPU_CS, load<u16>(SEGMENTS + SEGMENT_STRIDE));
  store<u16>(FPU_OPCODE, load<u16>(r, R_IMM));
}
/** The same with a memory operand at `ea`. */
// @ts-ignore: decorator
@inline
export function noteMemory(r: usize, ea: u64): void {
  note(r);
  store<u64>(FPU_DP, ea);
  store<u16>(FPU_DS, load<u16>(load<u16>(r, R_SEGMENT)));
}

/** The record remembers where ST(0) is. */
// @ts-ignore: decorator
@inline
function remember(r: usize, now: u32): void {
  store<u16>(r, u16((now & TOP) | KNOWN), R_KEY);
}
/** The same for an instruction on ST(0) and ST(i). */
// @ts-ignore: decorator
@inline
function rememberTwo(r: usize, now: u32, isTo: bool): void {
  const first = (now >> 11) & 7;
  const other = (first + load<u8>(r, R_IMM)) & 7;
  store<u16>(r, u16(X87 + ((isTo ? other : first) << 4)), R_TO);
  store<u16>(r, u16(X87 + ((isTo ? first : other) << 4)), R_FROM);
  store<u8>(r, u8((<u32>1 << first) | (<u32>1 << other)), R_BITS);
  remember(r, now);
}

/** What an operation found out becomes part of FSW or of the flags, and it pops. */
// @ts-ignore: decorator
@inline
function conclude(operation: u32, now: u32, pops: u32, found: u32): void {
  if (operation == hot.COMPARE) finish((now & ~CODES) | found, pops, 0);
  else if (operation != hot.COMPARE_TO_FLAGS) finish(now, pops, found);
  else {
    setStatusFlags(found == C3 ? 0x40 : found == C0 ? 1 : 0);
    // C1 stays, as recorded on hardware
    finish(now, pops, (now | load<u32>(FINDING)) & C1);
  }
}

/** Arithmetic, compares and FXCH with ST(0) and ST(i). False: it has to be done exactly. */
export function quickTwo(r: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operation: u32 = load<u8>(r, hot.R_X87);
  const operands: u32 = load<u8>(r, hot.R_X87_OPERANDS);
  const i: u32 = load<u8>(r, R_IMM) & 7;
  const present = used(now);
  if (!isReady(now) || !(present & (present >> i) & 1)) return false;
  const isTo = (operands & hot.OPERANDS_TO) != 0;
  rememberTwo(r, now, isTo);
  const to = slotOf(now, isTo ? i : 0);
  const from = slotOf(now, isTo ? 0 : i);
  const se = seAt(from);
  const sig = load<u64>(from);
  if (operation == hot.EXCHANGE) {
    put(from, seAt(to), load<u64>(to));
    put(to, se, sig);
    finish(now, 0, 0);
  } else {
    const found = operate(operation, to, se, sig);
    if (found == REFUSED) return false;
    conclude(operation, now, operands >> hot.OPERANDS_POPS_SHIFT, found);
  }
  note(r);
  return true;
}

/** FLD of ST(i) or of a constant. */
export function quickPush(r: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operation: u32 = load<u8>(r, hot.R_X87);
  const present = used(now);
  if (!isReady(now) || present & 0x80) return false;
  remember(r, now);
  if (operation == hot.LOAD) {
    const i: u32 = load<u8>(r, R_IMM) & 7;
    if (!((present >> i) & 1)) return false;
    const at = slotOf(now, i);
    push(now, seAt(at), load<u64>(at));
  } else if (operation == hot.LOAD_ONE) push(now, 0x3fff, 0x8000000000000000);
  else push(now, 0, 0);
  note(r);
  return true;
}

/** The other instructions without memory operand: on ST(0), FWAIT and FNSTSW AX. */
export function quickOther(r: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operation: u32 = load<u8>(r, hot.R_X87);
  if (operation == hot.WAIT) return (load<u32>(CR0) & CR0_MP_TS) != CR0_MP_TS && !(now & ES);
  if (!isReady(now)) return false;
  if (operation == hot.STORE_STATUS) {
    store<u16>(GPR, u16(status()));
    return true;
  }
  if (!(used(now) & 1)) return false;
  const at = slotOf(now, 0);
  switch (operation) {
    case hot.STORE: {
      const i: u32 = load<u8>(r, R_IMM) & 7;
      put(slotOf(now, i), seAt(at), load<u64>(at));
      setUsed(now + i * TOP_ONE);
      finish(now, load<u8>(r, hot.R_X87_OPERANDS) >> hot.OPERANDS_POPS_SHIFT, 0);
      break;
    }
    case hot.CHANGE_SIGN:
      store<u16>(at, u16(seAt(at) ^ 0x8000), 8);
      finish(now, 0, 0);
      break;
    case hot.CLEAR_SIGN:
      store<u16>(at, u16(seAt(at) & 0x7fff), 8);
      finish(now, 0, 0);
      break;
    case hot.ROOT: {
      const found = root(at);
      if (found == REFUSED) return false;
      finish(now, 0, found);
      break;
    }
    default: {
      const found = orderToZero(at);
      if (found == REFUSED) return false;
      finish((now & ~CODES) | found, 0, 0);
    }
  }
  note(r);
  return true;
}

/** FLDCW, unless exceptions that were masked come to be pending. */
function loadControl(word: u32): bool {
  if (status() & ~word & MASKS) return false;
  store<u16>(FPU_CONTROL, u16((word & 0x1f7f) | 0x40));
  return true;
}

/** An instruction that reads memory: `ea` is the effective address, `host` the place. */
export function quickRead(r: usize, ea: u64, host: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operation: u32 = load<u8>(r, hot.R_X87);
  const operands: u32 = load<u8>(r, hot.R_X87_OPERANDS);
  const present = used(now);
  if (!isReady(now)) return false;
  remember(r, now);
  if (operation == hot.LOAD_CONTROL) return loadControl(load<u16>(host));
  if ((control() & MASKS) != MASKS) return false;
  let se: u32 = 0;
  let sig: u64 = 0;
  switch (operands & (hot.OPERANDS_SIZE | hot.OPERANDS_INTEGER)) {
    case 4:
      if (!isPlainSingle(load<u32>(host))) return false;
      se = singleSe(load<u32>(host));
      sig = singleSig(load<u32>(host));
      break;
    case 8:
      if (!isPlainDouble(load<u64>(host))) return false;
      se = doubleSe(load<u64>(host));
      sig = doubleSig(load<u64>(host));
      break;
    case 10:
      se = seAt(host);
      sig = load<u64>(host);
      break;
    case INTEGER_2:
      se = signedSe(load<i16>(host));
      sig = signedSig(load<i16>(host));
      break;
    case INTEGER_4:
      se = signedSe(load<i32>(host));
      sig = signedSig(load<i32>(host));
      break;
    case INTEGER_8:
      se = signedSe(load<i64>(host));
      sig = signedSig(load<i64>(host));
  }
  if (operation == hot.LOAD) {
    if (present & 0x80) return false;
    push(now, se, sig);
  } else {
    if (!(present & 1)) return false;
    const found = operate(operation, slotOf(now, 0), se, sig);
    if (found == REFUSED) return false;
    conclude(operation, now, operands >> hot.OPERANDS_POPS_SHIFT, found);
  }
  noteMemory(r, ea);
  return true;
}

/** The same for an instruction that writes memory. */
export function quickWrite(r: usize, ea: u64, host: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operation: u32 = load<u8>(r, hot.R_X87);
  if (!isReady(now)) return false;
  remember(r, now);
  if (operation == hot.STORE_CONTROL || operation == hot.STORE_STATUS) {
    store<u16>(host, u16(operation == hot.STORE_STATUS ? status() : control()));
    return true;
  }
  if (!(used(now) & 1)) return false;
  const operands: u32 = load<u8>(r, hot.R_X87_OPERANDS);
  const isInteger = (operands & hot.OPERANDS_INTEGER) != 0;
  const size = operands & hot.OPERANDS_SIZE;
  const found = storeNumber(host, slotOf(now, 0), size, isInteger, operation == hot.STORE_CHOPPED);
  if (found == REFUSED) return false;
  finish(now, operands >> hot.OPERANDS_POPS_SHIFT, found);
  noteMemory(r, ea);
  return true;
}
