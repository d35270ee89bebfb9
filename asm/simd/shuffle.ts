// Shuffles, blends, byte shifts and the like: what is addressed by an immediate or a mask (SDM Vol. 2, each instruction's
// page). Operands are DEST and SOURCE, the result goes to RESULT.
import { XMM } from '../layout';
import * as op from '../gen/ops';
import { DEST, RESULT, SOURCE } from './operands';

// @ts-ignore: decorator
@inline
function copy32(from: usize, i: u32, to: u32): void {
  store<u32>(RESULT + (to << 2), load<u32>(from + (i << 2)));
}
// @ts-ignore: decorator
@inline
function copy16(from: usize, i: u32, to: u32): void {
  store<u16>(RESULT + (to << 1), load<u16>(from + (i << 1)));
}

function shuffleWords(imm: u32, first: u32): void {
  v128.store(RESULT, v128.load(SOURCE));
  for (let i: u32 = 0; i < 4; i++) copy16(SOURCE, first + ((imm >> (i << 1)) & 3), first + i);
}

/** PALIGNR: bytes from DEST:SOURCE at `imm`, `size` of them. */
function alignRight(imm: u32, size: u32): void {
  for (let i: u32 = 0; i < size; i++) {
    const at = i + imm;
    store<u8>(RESULT + i, at < size ? load<u8>(SOURCE + at) : at < 2 * size ? load<u8>(DEST + at - size) : 0);
  }
}

/** Selects elements of `size` bytes from SOURCE where the mask bit is set. */
function blend(mask: u32, size: u32): void {
  for (let i: u32 = 0; i < 16; i++) {
    store<u8>(RESULT + i, load<u8>(((mask >> (i / size)) & 1 ? SOURCE : DEST) + i));
  }
}

/** Mask bits from the sign bits of XMM0's elements. */
function signMask(size: u32): u32 {
  let mask: u32 = 0;
  for (let i: u32 = 0; i < 16 / size; i++) mask |= u32(load<u8>(XMM + i * size + size - 1) >> 7) << i;
  return mask;
}

/** MPSADBW: eight sums of four absolute differences. */
function sumsOfDifferences(imm: u32): void {
  const block = (imm & 3) << 2;
  const start = ((imm >> 2) & 1) << 2;
  for (let i: u32 = 0; i < 8; i++) {
    let sum: i32 = 0;
    for (let k: u32 = 0; k < 4; k++) {
      sum += abs<i32>(i32(load<u8>(DEST + start + i + k)) - i32(load<u8>(SOURCE + block + k)));
    }
    store<u16>(RESULT + (i << 1), u16(sum));
  }
}

/** Carry-less product of the chosen halves. */
function multiplyCarryless(imm: u32): void {
  const a = load<u64>(DEST + ((imm & 1) << 3));
  const b = load<u64>(SOURCE + (((imm >> 4) & 1) << 3));
  let low: u64 = 0;
  let high: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) {
    if (!((b >> i) & 1)) continue;
    low ^= a << i;
    if (i) high ^= a >> (64 - i);
  }
  store<u64>(RESULT, low);
  store<u64>(RESULT, high, 8);
}

function minimumWord(): void {
  let best: u32 = 0;
  for (let i: u32 = 1; i < 8; i++) {
    if (load<u16>(SOURCE + (i << 1)) < load<u16>(SOURCE + (best << 1))) best = i;
  }
  store<u64>(RESULT, u64(load<u16>(SOURCE + (best << 1))) | (u64(best) << 16));
  store<u64>(RESULT, 0, 8);
}

/** Executes the operation if it is one of these; `size` is 8 for MMX. */
export function shuffle(operation: u32, imm: u32, size: u32): bool {
  switch (operation) {
    case op.OP_PSHUFD:
      for (let i: u32 = 0; i < 4; i++) copy32(SOURCE, (imm >> (i << 1)) & 3, i);
      return true;
    case op.OP_PSHUFLW:
    case op.OP_PSHUFW:
      shuffleWords(imm, 0);
      return true;
    case op.OP_PSHUFHW:
      shuffleWords(imm, 4);
      return true;
    case op.OP_SHUFPS:
      for (let i: u32 = 0; i < 4; i++) copy32(i < 2 ? DEST : SOURCE, (imm >> (i << 1)) & 3, i);
      return true;
    case op.OP_SHUFPD:
      store<u64>(RESULT, load<u64>(DEST + ((imm & 1) << 3)));
      store<u64>(RESULT, load<u64>(SOURCE + ((imm & 2) << 2)), 8);
      return true;
    case op.OP_BLENDPS:
      blend(imm, 4);
      return true;
    case op.OP_BLENDPD:
      blend(imm, 8);
      return true;
    case op.OP_PBLENDW:
      blend(imm, 2);
      return true;
    case op.OP_PBLENDVB:
      blend(signMask(1), 1);
      return true;
    case op.OP_BLENDVPS:
      blend(signMask(4), 4);
      return true;
    case op.OP_BLENDVPD:
      blend(signMask(8), 8);
      return true;
    case op.OP_PALIGNR:
      alignRight(imm, size);
      return true;
    case op.OP_MPSADBW:
      sumsOfDifferences(imm);
      return true;
    case op.OP_PCLMULQDQ:
      multiplyCarryless(imm);
      return true;
    case op.OP_PHMINPOSUW:
      minimumWord();
      return true;
    case op.OP_PSRLDQ:
      for (let i: u32 = 0; i < 16; i++) store<u8>(RESULT + i, i + imm < 16 ? load<u8>(DEST + i + imm) : 0);
      return true;
    case op.OP_PSLLDQ:
      for (let i: u32 = 0; i < 16; i++) store<u8>(RESULT + i, i >= imm ? load<u8>(DEST + i - imm) : 0);
      return true;
  }
  return false;
}
