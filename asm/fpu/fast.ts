// What the cases of the run loops for x87 instructions do without a call: additions, multiplications, exchanges, loads and
// stores of normal numbers, with all exceptions masked, rounding to nearest, and all 64 bits of the significand (SDM Vol. 1
// "x87 FPU Control Word"). What is different goes on to quick.ts with nothing changed. There a record remembers where
// ST(0) was, and so where its operands were and what FSW looked like: one compare says that they are there again.
import { CR0, FPU_CONTROL, FPU_STATUS, FPU_TAGS, X87 } from '../layout';
import { R_IMM } from '../record';
import { NEAREST, PE } from './float';
import * as hot from './hot';
import {
  BIAS,
  doubleSe,
  doubleSig,
  finding,
  fullQuotient,
  INTEGER,
  isPlainDouble,
  isPlainSingle,
  LARGEST,
  put,
  REFUSED,
  roundsUp,
  signedSe,
  signedSig,
  singleSe,
  singleSig,
  storeInteger,
  storeShort,
} from './quick-numbers';
import {
  CR0_EM_TS,
  KEY,
  KNOWN,
  note,
  noteMemory,
  R_BITS,
  R_FROM,
  R_KEY,
  R_TO,
  TOP,
  TOP_ONE,
} from './quick';
import { FINDING } from './stack';
import { highProduct } from './wide';

/** Sign and exponent of 1. */
const ONE: u32 = 0x3fff;

/** Masks, rounding and the bit of the precision that stands for 64 bits; how they are usually. */
const LOOKED_AT: u32 = 0xd3f;
const USUAL: u32 = 0x13f;

/** Is ST(0) where the record remembers it to be, and is nothing unusual about FSW, FCW and CR0? */
// @ts-ignore: decorator
@inline
function isUsual(r: usize, now: u32): bool {
  const control = (load<u16>(FPU_CONTROL) & LOOKED_AT) ^ USUAL;
  const key = ((now & KEY) | KNOWN) ^ load<u16>(r, R_KEY);
  return !((load<u32>(CR0) & CR0_EM_TS) | key | control);
}

// @ts-ignore: decorator
@inline
function noteFinding(found: u32): void {
  store<u32>(FINDING, (load<u32>(FINDING) & PE) | found);
}

/** Stores what arithmetic on the register at `at` and a number gives there. False: nothing has changed. */
// @ts-ignore: decorator
@inline
function operate(operation: u32, at: usize, se: u32, sig: u64): bool {
  let ownSe: u32 = load<u16>(at, 8);
  const ownSig = load<u64>(at);
  let exponent = i32(ownSe & 0x7fff);
  const other = i32(se & 0x7fff);
  // both normal: their integer bits are set, and the exponents are neither 0 nor 0x7fff
  if (i64(ownSig & sig) >= 0 || u32(exponent - 1) >= LARGEST || u32(other - 1) >= LARGEST) return false;
  let high: u64;
  let low: u64;
  if (operation == hot.MULTIPLY) {
    const product = highProduct(ownSig, sig);
    const rest = ownSig * sig;
    const shift = ~product >> 63;
    high = (product << shift) | ((rest >> 63) & shift);
    low = rest << shift;
    exponent += other - BIAS + 1 - i32(shift);
    ownSe ^= se;
  } else if (operation >= hot.DIVIDE) {
    const sign = (ownSe ^ se) & 0x8000;
    const isReversed = operation != hot.DIVIDE;
    const difference = isReversed ? other - exponent : exponent - other;
    const found = fullQuotient(at, sign, difference, isReversed ? sig : ownSig, isReversed ? ownSig : sig);
    if (found == REFUSED) return false;
    noteFinding(found);
    return true;
  } else {
    if (operation == hot.SUBTRACT) se ^= 0x8000;
    else if (operation == hot.SUBTRACT_REVERSED) ownSe ^= 0x8000;
    else if (operation != hot.ADD) return false;
    const isDifference = ((se ^ ownSe) & 0x8000) != 0;
    let big = ownSig;
    let small = sig;
    let distance = exponent - other;
    if (distance < 0) {
      distance = -distance;
      big = sig;
      small = ownSig;
      exponent = other;
      ownSe = se;
    }
    if (distance > 63) return false;
    const part = small >> u64(distance);
    const rest = (small << 1) << u64(63 - distance);
    if (isDifference) {
      const difference = big - part - u64(rest != 0);
      if (big < part || !difference) return false;
      const lost = clz(difference);
      low = 0 - rest;
      high = (difference << lost) | ((low >> 1) >> (63 - lost));
      low <<= lost;
      exponent -= i32(lost);
    } else {
      high = big + part;
      low = rest;
      if (high < part) {
        low = (rest >> 1) | (rest & 1) | (high << 63);
        high = (high >> 1) | INTEGER;
        exponent++;
      }
    }
  }
  const up = roundsUp(high, low);
  const rounded = high + up;
  if (!rounded || u32(exponent - 1) >= LARGEST) return false;
  put(at, (ownSe & 0x8000) | u32(exponent), rounded);
  noteFinding(finding(low, up));
  return true;
}

/** The number becomes the new ST(0). False: nothing has changed. */
// @ts-ignore: decorator
@inline
function push(now: u32, tags: u32, se: u32, sig: u64): bool {
  const next = (now - TOP_ONE) & TOP;
  const bit = <u32>1 << (next >> 11);
  if (tags & bit) return false;
  put(X87 + (next >> 7), se, sig);
  store<u8>(FPU_TAGS, u8(tags | bit));
  store<u16>(FPU_STATUS, u16((now & ~TOP) | next));
  noteFinding(0);
  return true;
}

// @ts-ignore: decorator
@inline
function pop(now: u32, tags: u32): void {
  store<u8>(FPU_TAGS, u8(tags & ~(<u32>1 << ((now >> 11) & 7))));
  store<u16>(FPU_STATUS, u16((now & ~TOP) | ((now + TOP_ONE) & TOP)));
}

/** An instruction on ST(0) and ST(i). False: nothing has happened. */
// @ts-ignore: decorator
@inline
export function fastTwo(r: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const bits: u32 = load<u8>(r, R_BITS);
  const tags: u32 = load<u8>(FPU_TAGS);
  if (!isUsual(r, now) || bits & ~tags) return false;
  const operation: u32 = load<u8>(r, hot.R_X87);
  const pops: u32 = load<u8>(r, hot.R_X87_OPERANDS) >> hot.OPERANDS_POPS_SHIFT;
  const to: usize = load<u16>(r, R_TO);
  const from: usize = load<u16>(r, R_FROM);
  const se: u32 = load<u16>(from, 8);
  const sig = load<u64>(from);
  if (operation == hot.EXCHANGE) {
    put(from, load<u16>(to, 8), load<u64>(to));
    put(to, se, sig);
    noteFinding(0);
  } else if (!operate(operation, to, se, sig)) return false;
  else if (pops) pop(now, tags);
  note(r);
  return true;
}

/** FLD of ST(i) or of a constant. False: nothing has happened. */
// @ts-ignore: decorator
@inline
export function fastPush(r: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  if (!isUsual(r, now)) return false;
  const operation: u32 = load<u8>(r, hot.R_X87);
  const tags: u32 = load<u8>(FPU_TAGS);
  let se: u32 = 0;
  let sig: u64 = 0;
  if (operation == hot.LOAD) {
    const from = ((now >> 11) + load<u8>(r, R_IMM)) & 7;
    if (!((tags >> from) & 1)) return false;
    se = load<u16>(X87 + (from << 4), 8);
    sig = load<u64>(X87 + (from << 4));
  } else if (operation == hot.LOAD_ONE) {
    se = ONE;
    sig = INTEGER;
  }
  if (!push(now, tags, se, sig)) return false;
  note(r);
  return true;
}

/** An instruction that reads memory: `ea` is the effective address, `host` the place. False: nothing has happened. */
// @ts-ignore: decorator
@inline
export function fastRead(r: usize, ea: u64, host: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  if (!isUsual(r, now)) return false;
  const operands: u32 = load<u8>(r, hot.R_X87_OPERANDS) & (hot.OPERANDS_SIZE | hot.OPERANDS_INTEGER);
  const operation: u32 = load<u8>(r, hot.R_X87);
  let se: u32;
  let sig: u64;
  if (operands == 8) {
    const v = load<u64>(host);
    if (!isPlainDouble(v)) return false;
    se = doubleSe(v);
    sig = doubleSig(v);
  } else if (operands == 4) {
    const v = load<u32>(host);
    if (!isPlainSingle(v)) return false;
    se = singleSe(v);
    sig = singleSig(v);
  } else if (operands == (hot.OPERANDS_INTEGER | 4)) {
    const v = i64(load<i32>(host));
    se = signedSe(v);
    sig = signedSig(v);
  } else return false;
  const tags: u32 = load<u8>(FPU_TAGS);
  if (operation == hot.LOAD) {
    if (!push(now, tags, se, sig)) return false;
  } else if (!((tags >> ((now >> 11) & 7)) & 1) || !operate(operation, X87 + ((now >> 7) & 0x70), se, sig)) return false;
  noteMemory(r, ea);
  return true;
}

/** FST and FSTP of a number of 8 or 4 bytes, FIST and FISTP. False: nothing has happened. */
// @ts-ignore: decorator
@inline
export function fastWrite(r: usize, ea: u64, host: usize): bool {
  const now: u32 = load<u16>(FPU_STATUS);
  const operands: u32 = load<u8>(r, hot.R_X87_OPERANDS);
  const tags: u32 = load<u8>(FPU_TAGS);
  if (!isUsual(r, now) || load<u8>(r, hot.R_X87) != hot.STORE || !((tags >> ((now >> 11) & 7)) & 1)) return false;
  const from = X87 + ((now >> 7) & 0x70);
  const size = operands & (hot.OPERANDS_SIZE | hot.OPERANDS_INTEGER);
  let found: u32;
  if (size == 8) found = storeShort<u64>(host, from, 53, 1023, 0x7fe);
  else if (size == 4) found = storeShort<u32>(host, from, 24, 127, 0xfe);
  else if (size & hot.OPERANDS_INTEGER) found = storeInteger(host, from, size & hot.OPERANDS_SIZE, NEAREST);
  else return false;
  if (found == REFUSED) return false;
  noteFinding(found);
  if (operands >> hot.OPERANDS_POPS_SHIFT) pop(now, tags);
  noteMemory(r, ea);
  return true;
}
