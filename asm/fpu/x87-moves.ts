// x87 loads and stores: real, integer and BCD, register moves, constants (SDM Vol. 2, each instruction's page;
// SDM Vol. 1 "x87 FPU Data Types").
import { faulted } from '../globals';
import * as op from '../gen/ops';
import { FORM_OPERANDS, OPERAND_WIDTH, WIDTH_D, WIDTH_Q, WIDTH_T, WIDTH_W } from '../gen/tables';
import { effectiveAddress, isMemory, segmentNumber } from '../record';
import { readSegment, writeSegment } from '../memory';
import { BUFFER, probeOperand, readBuffer, writeBuffer } from './buffer';
import {
  aExp,
  aKind,
  aSig,
  aSign,
  bDenormal,
  bExp,
  bKind,
  bSig,
  bSign,
  CHOP,
  clearRaised,
  DE,
  DOWN,
  FINITE,
  fromInteger,
  IE,
  masks,
  OE,
  pack32,
  pack64,
  PE,
  QUIET,
  QUIET_BIT,
  raised,
  raiseFloat,
  rounding,
  setIndefinite,
  setRoundedUp,
  setRounding,
  setZ,
  SIGNALING,
  UE,
  unpack32B,
  unpack64B,
  UP,
  ZERO,
} from './float';
import { specialOperand } from './arithmetic';
import { integerOverflow, round32, round64, toInteger, toMagnitude } from './round';
import { stNumber } from './x87-arithmetic';
import {
  beginX87,
  isEmpty,
  loadA,
  noteExceptions,
  pop,
  pushZ,
  setTag,
  setTop,
  slot,
  stackFault,
  storeZ,
  top,
} from './stack';

// @ts-ignore: decorator
@inline
function widthOf(form: usize): u32 {
  return load<u8>(OPERAND_WIDTH + load<u8>(form + FORM_OPERANDS));
}

/** Room for a push? On overflow the masked response is done. */
function room(): bool {
  if (isEmpty(7)) return true;
  if (stackFault(true)) pushZ();
  return false;
}

/** Pushes 80 bits as they are. */
function pushRaw(sig: u64, se: u32): void {
  setTop(top() - 1);
  const at = slot(0);
  store<u64>(at, sig);
  store<u16>(at, u16(se), 8);
  setTag(0, true);
}

export function fld(r: usize, form: usize): void {
  beginX87();
  if (!isMemory(r)) {
    fldRegister(stNumber(r));
    return;
  }
  const width = widthOf(form);
  if (width == WIDTH_T) {
    readBuffer(r, 10, 8);
    if (!faulted && room()) pushRaw(load<u64>(BUFFER), load<u16>(BUFFER + 8));
    return;
  }
  if (width == WIDTH_Q) {
    const v = readSegment<u64>(segmentNumber(r), effectiveAddress(r));
    if (faulted) return;
    unpack64B(v);
  } else {
    const v = readSegment<u32>(segmentNumber(r), effectiveAddress(r));
    if (faulted) return;
    unpack32B(v);
  }
  if (!room()) return;
  if (bKind == SIGNALING) raiseFloat(IE);
  if (bDenormal) raiseFloat(DE);
  noteExceptions();
  // an unmasked denormal operand is reported, but loaded all the same (as recorded on hardware)
  if (raised & ~masks & IE) return;
  setZ(bKind == SIGNALING ? QUIET : bKind, bSign, bExp, bKind == SIGNALING ? bSig | QUIET_BIT : bSig);
  pushZ();
}

function fldRegister(i: u32): void {
  if (isEmpty(i)) {
    if (stackFault(false)) pushZ();
    return;
  }
  if (!room()) return;
  const at = slot(i);
  pushRaw(load<u64>(at), load<u16>(at, 8));
}

export function fild(r: usize, form: usize): void {
  beginX87();
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const width = widthOf(form);
  let v: i64;
  if (width == WIDTH_W) v = i64(i16(readSegment<u16>(seg, ea)));
  else if (width == WIDTH_D) v = i64(i32(readSegment<u32>(seg, ea)));
  else v = i64(readSegment<u64>(seg, ea));
  if (faulted || !room()) return;
  fromInteger(v);
  pushZ();
}

/** FST and FSTP. */
export function fst(r: usize, form: usize, pops: bool): void {
  beginX87();
  if (!isMemory(r)) {
    fstRegister(stNumber(r), pops);
    return;
  }
  const width = widthOf(form);
  const empty = isEmpty(0);
  if (width == WIDTH_T) {
    const at = slot(0);
    store<u64>(BUFFER, empty ? 0xc000000000000000 : load<u64>(at));
    store<u16>(BUFFER + 8, empty ? 0xffff : load<u16>(at, 8));
    if (empty && !(masks & IE)) {
      probeOperand(r, 10);
      if (!faulted) stackFault(false);
      return;
    }
    writeBuffer(r, 10, 8);
    if (faulted) return;
    if (empty) stackFault(false);
    pop();
    return;
  }
  if (empty) setIndefinite();
  else convert(width == WIDTH_Q);
  const forbidden = empty ? !(masks & IE) : (raised & ~masks & (IE | OE | UE)) != 0;
  if (!forbidden) {
    if (width == WIDTH_Q) writeSegment<u64>(segmentNumber(r), effectiveAddress(r), pack64());
    else writeSegment<u32>(segmentNumber(r), effectiveAddress(r), pack32());
  } else {
    // overflow and underflow end the instruction before it is known to be inexact
    if (raised & ~masks & (OE | UE)) {
      clearRaised(PE);
      setRoundedUp(false);
    }
    probeOperand(r, width == WIDTH_Q ? 8 : 4);
  }
  if (faulted) return;
  if (empty) stackFault(false);
  else noteExceptions();
  if (pops && !forbidden) pop();
}

/** ST(0) into Z in single or double format. */
function convert(double: bool): void {
  loadA(0);
  if (specialOperand()) return;
  setZ(aKind, aSign, aExp, aSig);
  if (double) round64();
  else round32();
}

function fstRegister(i: u32, pops: bool): void {
  if (isEmpty(0)) {
    if (!stackFault(false)) return;
    storeZ(i);
  } else {
    const from = slot(0);
    const to = slot(i);
    store<u64>(to, load<u64>(from));
    store<u16>(to, load<u16>(from, 8), 8);
    setTag(i, true);
  }
  if (pops) pop();
}

/** FSTP by the undocumented opcode D9 D8: an empty ST(0) is only popped. */
export function fstpnce(i: u32): void {
  beginX87();
  if (!isEmpty(0)) {
    const from = slot(0);
    const to = slot(i);
    store<u64>(to, load<u64>(from));
    store<u16>(to, load<u16>(from, 8), 8);
    setTag(i, true);
  }
  pop();
}

/** FIST, FISTP, FISTTP. */
export function fist(r: usize, form: usize, pops: bool, chops: bool): void {
  beginX87();
  if (chops) setRounding(CHOP);
  const width = widthOf(form);
  const bits: u32 = width == WIDTH_W ? 16 : width == WIDTH_D ? 32 : 64;
  const empty = isEmpty(0);
  let v: u64 = <u64>1 << (bits - 1);
  if (!empty) {
    loadA(0);
    v = toInteger(bits);
  }
  const forbidden = empty ? !(masks & IE) : (raised & ~masks & IE) != 0;
  if (!forbidden) {
    const seg = segmentNumber(r);
    const ea = effectiveAddress(r);
    if (bits == 16) writeSegment<u16>(seg, ea, u16(v));
    else if (bits == 32) writeSegment<u32>(seg, ea, u32(v));
    else writeSegment<u64>(seg, ea, v);
  } else probeOperand(r, bits >> 3);
  if (faulted) return;
  if (empty) stackFault(false);
  else noteExceptions();
  if (pops && !forbidden) pop();
}

const BCD_LIMIT: u64 = 999999999999999999;

/** FBLD: 18 digits and a sign; digits above 9 count with their value. */
export function fbld(r: usize): void {
  beginX87();
  readBuffer(r, 10, 8);
  if (faulted || !room()) return;
  let v: u64 = 0;
  for (let i: i32 = 8; i >= 0; i--) {
    const byte = u64(load<u8>(BUFFER + i));
    v = v * 100 + (byte >> 4) * 10 + (byte & 15);
  }
  fromInteger(v);
  const sign: u32 = load<u8>(BUFFER + 9) >> 7;
  if (v == 0) setZ(ZERO, sign, 0, 0);
  else {
    const shift = clz(v);
    setZ(FINITE, sign, 63 - i32(shift), v << shift);
  }
  pushZ();
}

/** FBSTP. */
export function fbstp(r: usize): void {
  beginX87();
  const empty = isEmpty(0);
  let valid = false;
  if (!empty) {
    loadA(0);
    if (aKind <= FINITE) {
      setZ(aKind, aSign, aExp, aSig);
      let v = toMagnitude();
      valid = !integerOverflow && v <= BCD_LIMIT;
      if (valid) {
        for (let i = 0; i < 9; i++) {
          store<u8>(BUFFER + i, u8(v % 10) | (u8((v / 10) % 10) << 4));
          v /= 100;
        }
        store<u8>(BUFFER + 9, u8(aSign << 7));
      } else clearRaised(PE);
    }
    if (!valid) raiseFloat(IE);
  }
  if (!valid) {
    store<u64>(BUFFER, 0xc000000000000000);
    store<u16>(BUFFER + 8, 0xffff);
  }
  const forbidden = !valid && !(masks & IE);
  if (!forbidden) {
    writeBuffer(r, 10, 8);
  } else probeOperand(r, 10);
  if (faulted) return;
  if (empty) stackFault(false);
  else noteExceptions();
  if (!forbidden) pop();
}

/** FXCH: an empty register counts as the indefinite value. */
export function fxch(r: usize): void {
  beginX87();
  const i = stNumber(r);
  if (isEmpty(0) || isEmpty(i)) {
    const first = isEmpty(0);
    const second = isEmpty(i);
    if (!stackFault(false)) return;
    if (first) storeZ(0);
    if (second) storeZ(i);
  }
  const a = slot(0);
  const b = slot(i);
  const sig = load<u64>(a);
  const se = load<u16>(a, 8);
  store<u64>(a, load<u64>(b));
  store<u16>(a, load<u16>(b, 8), 8);
  store<u64>(b, sig);
  store<u16>(b, se, 8);
}

/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: rounded as RC says. */
export function fldConstant(operation: u32): void {
  beginX87();
  if (!room()) return;
  const down = rounding == DOWN || rounding == CHOP;
  switch (operation) {
    case op.OP_FLD1:
      pushRaw(0x8000000000000000, 0x3fff);
      break;
    case op.OP_FLDL2T:
      pushRaw(0xd49a784bcd1b8afe + u64(rounding == UP), 0x4000);
      break;
    case op.OP_FLDL2E:
      pushRaw(0xb8aa3b295c17f0bc - u64(down), 0x3fff);
      break;
    case op.OP_FLDPI:
      pushRaw(0xc90fdaa22168c235 - u64(down), 0x4000);
      break;
    case op.OP_FLDLG2:
      pushRaw(0x9a209a84fbcff799 - u64(down), 0x3ffd);
      break;
    case op.OP_FLDLN2:
      pushRaw(0xb17217f7d1cf79ac - u64(down), 0x3ffe);
      break;
    default:
      pushRaw(0, 0);
  }
}
