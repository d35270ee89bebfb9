// Multiplication and division (SDM Vol. 2 "MUL", "IMUL", "DIV", "IDIV"). CF = OF = "the high half matters"; SF ZF PF follow
// the low half (the SDM leaves them undefined).
import { GPR } from '../layout';
import { DE, raise } from '../fault';
import { shiftFlags, shiftFlagsFromXor, signExtend } from './flagging';

/** Low half of a signed product, flags set. */
export function imul<T>(a: T, b: T): T {
  if (sizeof<T>() == 8) {
    const r = <T>(a * b);
    const high = multiplyHigh(u64(a), u64(b)) - (i64(a) < 0 ? u64(b) : 0) - (i64(b) < 0 ? u64(a) : 0);
    const wide = u32(high != u64(<i64>r >> 63));
    shiftFlags<T>(r, wide, wide);
    return r;
  }
  const product = signExtend<T>(a) * signExtend<T>(b);
  const r = <T>product;
  const wide = u32(product != signExtend<T>(r));
  shiftFlagsFromXor<T>(r, wide, 0);
  return r;
}

/** High 64 bits of an unsigned 64 x 64 product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const mid = ah * bl + ((al * bl) >> 32);
  const mid2 = al * bh + (mid & 0xffffffff);
  return ah * bh + (mid >> 32) + (mid2 >> 32);
}

/** AX, DX:AX, EDX:EAX or RDX:RAX as the double-width destination. */
function storeWide<T>(low: u64, high: u64): void {
  if (sizeof<T>() == 1) store<u16>(GPR, u16((high << 8) | (low & 0xff)));
  else if (sizeof<T>() == 2) {
    store<u16>(GPR, u16(low));
    store<u16>(GPR + 16, u16(high));
  } else if (sizeof<T>() == 4) {
    store<u64>(GPR, low & 0xffffffff);
    store<u64>(GPR + 16, high & 0xffffffff);
  } else {
    store<u64>(GPR, low);
    store<u64>(GPR + 16, high);
  }
}

/** MUL: accumulator times `b`. */
export function mul<T>(b: T): void {
  const a = load<T>(GPR);
  const low = u64(a) * u64(b);
  let high = sizeof<T>() == 8 ? multiplyHigh(u64(a), u64(b)) : low >> (sizeof<T>() * 8);
  storeWide<T>(low, high);
  if (sizeof<T>() < 8) high &= u64.MAX_VALUE >> (64 - sizeof<T>() * 8);
  const wide = u32(high != 0);
  shiftFlags<T>(<T>low, wide, wide);
}

/** One-operand IMUL: accumulator times `b`, signed, into the double-width destination. */
export function imulWide<T>(b: T): void {
  const a = load<T>(GPR);
  const low = u64(signExtend<T>(a) * signExtend<T>(b));
  let high = low >> (sizeof<T>() == 8 ? 0 : sizeof<T>() * 8);
  if (sizeof<T>() == 8) {
    high = multiplyHigh(u64(a), u64(b)) - (i64(a) < 0 ? u64(b) : 0) - (i64(b) < 0 ? u64(a) : 0);
  }
  storeWide<T>(low, high);
  const wide = sizeof<T>() == 8 ? u32(high != u64(i64(low) >> 63)) : u32(i64(low) != signExtend<T>(<T>low));
  shiftFlags<T>(<T>low, wide, wide);
}

/** The double-width dividend of a DIV or IDIV with operands below 64 bits. */
function dividend<T>(): u64 {
  if (sizeof<T>() == 1) return load<u16>(GPR);
  if (sizeof<T>() == 2) return (u64(load<u16>(GPR + 16)) << 16) | load<u16>(GPR);
  return (u64(load<u32>(GPR + 16)) << 32) | load<u32>(GPR);
}

function storeQuotient<T>(quotient: u64, remainder: u64): void {
  if (sizeof<T>() == 1) store<u16>(GPR, u16((remainder << 8) | (quotient & 0xff)));
  else storeWide<T>(quotient, remainder);
}

/** DIV for 8, 16 and 32 bits; raises #DE. */
export function div<T>(b: T): void {
  const n = dividend<T>();
  if (!b || n / u64(b) > u64.MAX_VALUE >> (64 - sizeof<T>() * 8)) {
    raise(DE, 0);
    return;
  }
  storeQuotient<T>(n / u64(b), n % u64(b));
}

/** IDIV for 8, 16 and 32 bits; raises #DE. */
export function idiv<T>(b: T): void {
  let n = i64(dividend<T>());
  if (sizeof<T>() == 1) n = i64(i16(n));
  else if (sizeof<T>() == 2) n = i64(i32(n));
  const d = signExtend<T>(b);
  if (!d || (n == i64.MIN_VALUE && d == -1)) {
    raise(DE, 0);
    return;
  }
  const q = n / d;
  if (q != signExtend<T>(<T>q)) {
    raise(DE, 0);
    return;
  }
  storeQuotient<T>(u64(q), u64(n % d));
}
