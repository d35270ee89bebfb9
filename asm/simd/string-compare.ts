// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM Vol. 1 "SSE4.2 String and Text Instructions", "Imm8 Control Byte
// Operation").
import { GPR, XMM } from '../layout';
import * as op from '../gen/ops';
import { setStatusFlags } from '../flags';
import { DEST, SOURCE } from './operands';

let words: bool = false;
let signed: bool = false;

function element(at: usize, i: u32): i32 {
  if (words) return signed ? i32(load<i16>(at + (i << 1))) : i32(load<u16>(at + (i << 1)));
  return signed ? i32(load<i8>(at + i)) : i32(load<u8>(at + i));
}

/** Length by the first element that is zero. */
function implicitLength(at: usize, count: u32): u32 {
  let n: u32 = 0;
  while (n < count && element(at, n) != 0) n++;
  return n;
}

/** |EAX| or |EDX|, at most the number of elements; `wide` takes all 64 bits. */
function explicitLength(register: u32, count: u32, wide: bool): u32 {
  const v: i64 = wide ? load<i64>(GPR + (register << 3)) : i64(load<i32>(GPR + (register << 3)));
  const magnitude: u64 = v < 0 ? 0 - u64(v) : u64(v);
  return magnitude > u64(count) ? count : u32(magnitude);
}

/** IntRes1 of the aggregation `mode`. */
function aggregate(mode: u32, count: u32, length1: u32, length2: u32): u32 {
  let result: u32 = 0;
  for (let j: u32 = 0; j < count; j++) {
    let bit = false;
    if (mode == 0) {
      for (let i: u32 = 0; i < length1 && !bit; i++) bit = j < length2 && element(DEST, i) == element(SOURCE, j);
    } else if (mode == 1) {
      const v = element(SOURCE, j);
      for (let i: u32 = 0; i + 1 < length1 && !bit; i += 2) {
        bit = j < length2 && v >= element(DEST, i) && v <= element(DEST, i + 1);
      }
    } else if (mode == 2) {
      const valid1 = j < length1;
      const valid2 = j < length2;
      bit = valid1 && valid2 ? element(DEST, j) == element(SOURCE, j) : valid1 == valid2;
    } else {
      bit = true;
      for (let i: u32 = 0; i < length1 && i + j < count && bit; i++) {
        bit = i + j < length2 && element(DEST, i) == element(SOURCE, i + j);
      }
    }
    if (bit) result |= 1 << j;
  }
  return result;
}

/** Executes one of the four; `wide`: lengths are 64-bit registers. */
export function stringCompare(operation: u32, imm: u32, wide: bool): void {
  words = (imm & 1) != 0;
  signed = (imm & 2) != 0;
  const count: u32 = words ? 8 : 16;
  const explicit = operation == op.OP_PCMPESTRI || operation == op.OP_PCMPESTRM;
  const length1 = explicit ? explicitLength(0, count, wide) : implicitLength(DEST, count);
  const length2 = explicit ? explicitLength(2, count, wide) : implicitLength(SOURCE, count);
  let result = aggregate((imm >> 2) & 3, count, length1, length2);
  const polarity = (imm >> 4) & 3;
  if (polarity == 1) result ^= (1 << count) - 1;
  else if (polarity == 3) result ^= (1 << length2) - 1;
  if (operation == op.OP_PCMPESTRI || operation == op.OP_PCMPISTRI) {
    let index = count;
    if (result) index = imm & 0x40 ? 31 - clz(result) : ctz(result);
    store<u64>(GPR + 8, u64(index));
  } else storeMask(result, imm, count);
  setStatusFlags(
    u32(result != 0) | (u32(length2 < count) << 6) | (u32(length1 < count) << 7) | ((result & 1) << 11),
  );
}

/** XMM0: the bits, or a whole element for each. */
function storeMask(result: u32, imm: u32, count: u32): void {
  const at: usize = XMM;
  if (!(imm & 0x40)) {
    store<u64>(at, u64(result));
    store<u64>(at, 0, 8);
    return;
  }
  for (let i: u32 = 0; i < count; i++) {
    const v = (result >> i) & 1 ? -1 : 0;
    if (words) store<i16>(at + (i << 1), i16(v));
    else store<i8>(at + i, i8(v));
  }
}
