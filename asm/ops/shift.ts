// Shifts and rotates (SDM Vol. 2 "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD"). A masked count of 0 changes no flag.
// Where the SDM leaves OF undefined (counts other than 1) it is what the last single-bit step gives.
import { flagAux } from '../globals';
import { carryOverflow, msb, shiftFlags, shiftFlagsFromXor, signExtend } from './flagging';

// @ts-ignore: decorator
@inline
function maskCount<T>(count: u32): u32 {
  return count & (sizeof<T>() == 8 ? 63 : 31);
}

// @ts-ignore: decorator
@inline
export function shl<T>(a: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  if (sizeof<T>() == 4) {
    const r32 = u32(a) << count;
    shiftFlagsFromXor<u32>(r32, (u32(a) >> (32 - count)) & 1, r32 >> 31);
    return <T>r32;
  }
  const bits: u32 = sizeof<T>() * 8;
  // shifted one less in 64 bits, so that the last bit out is still there
  const wide = count > bits ? 0 : u64(a) << u64(count - 1);
  const r = <T>(wide << 1);
  const cf = u32(wide >> (bits - 1)) & 1;
  shiftFlags<T>(r, cf, cf ^ msb<T>(r));
  return r;
}

// @ts-ignore: decorator
@inline
export function shr<T>(a: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  if (sizeof<T>() == 4) {
    const almost32 = u32(a) >> (count - 1);
    const r32 = almost32 >> 1;
    shiftFlags<u32>(r32, almost32 & 1, r32 >> 30);
    return <T>r32;
  }
  const almost = u64(a) >> u64(count - 1);
  const r = <T>(almost >> 1);
  shiftFlags<T>(r, u32(almost) & 1, msb<T>(r) ^ msb<T>(<T>(u64(r) << 1)));
  return r;
}

// @ts-ignore: decorator
@inline
export function sar<T>(a: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  if (sizeof<T>() == 4) {
    const almost32 = i32(a) >> (count - 1);
    shiftFlagsFromXor<u32>(u32(almost32 >> 1), u32(almost32) & 1, u32(almost32) & 1);
    return <T>(almost32 >> 1);
  }
  const almost = signExtend<T>(a) >> i64(count - 1);
  const r = <T>(almost >> 1);
  shiftFlags<T>(r, u32(almost) & 1, 0);
  return r;
}

export function rol<T>(a: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  const bits: u32 = sizeof<T>() * 8;
  const c = count & (bits - 1);
  const r = c ? <T>((u64(a) << u64(c)) | (u64(a) >> u64(bits - c))) : a;
  const cf = u32(r) & 1;
  carryOverflow(cf, cf ^ msb<T>(r));
  return r;
}

export function ror<T>(a: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  const bits: u32 = sizeof<T>() * 8;
  const c = count & (bits - 1);
  const r = c ? <T>((u64(a) >> u64(c)) | (u64(a) << u64(bits - c))) : a;
  const top = msb<T>(r);
  carryOverflow(top, top ^ msb<T>(<T>(u64(r) << 1)));
  return r;
}

export function rcl<T>(a: T, n: u32): T {
  const bits: u32 = sizeof<T>() * 8;
  const count = maskCount<T>(n) % (bits + 1);
  if (!maskCount<T>(n)) return a;
  let r = u64(a);
  let cf = u64(flagAux >> 31);
  for (let i: u32 = 0; i < count; i++) {
    const out = (r >> u64(bits - 1)) & 1;
    r = (r << 1) | cf;
    cf = out;
  }
  const v = <T>r;
  carryOverflow(u32(cf), u32(cf) ^ msb<T>(v));
  return v;
}

export function rcr<T>(a: T, n: u32): T {
  const bits: u32 = sizeof<T>() * 8;
  const count = maskCount<T>(n) % (bits + 1);
  if (!maskCount<T>(n)) return a;
  let r = u64(a);
  let cf = u64(flagAux >> 31);
  for (let i: u32 = 0; i < count; i++) {
    const out = r & 1;
    r = (r >> 1) | (cf << u64(bits - 1));
    cf = out;
  }
  const v = <T>r;
  carryOverflow(u32(cf), msb<T>(v) ^ msb<T>(<T>(r << 1)));
  return v;
}

/** A member of the rotate and shift group by its number in the encoding. */
export function shiftBy<T>(op: u32, a: T, n: u32): T {
  switch (op) {
    case 0:
      return rol<T>(a, n);
    case 1:
      return ror<T>(a, n);
    case 2:
      return rcl<T>(a, n);
    case 3:
      return rcr<T>(a, n);
    case 5:
      return shr<T>(a, n);
    case 7:
      return sar<T>(a, n);
    default:
      return shl<T>(a, n);
  }
}

/** Double shift left: bits of `b` come in from the right. Counts above the operand size (16 bits only) are undefined. */
export function shld<T>(a: T, b: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  const bits: u32 = sizeof<T>() * 8;
  let r: T;
  let cf: u32;
  if (count <= bits) {
    r = count == bits ? b : <T>((u64(a) << u64(count)) | (u64(b) >> u64(bits - count)));
    cf = u32(u64(a) >> u64(bits - count)) & 1;
  } else {
    const c = count - bits;
    r = <T>((u64(b) << u64(c)) | (u64(a) >> u64(bits - c)));
    cf = u32(u64(b) >> u64(bits - c)) & 1;
  }
  shiftFlags<T>(r, cf, msb<T>(a) ^ msb<T>(r));
  return r;
}

/** Double shift right: bits of `b` come in from the left. */
export function shrd<T>(a: T, b: T, n: u32): T {
  const count = maskCount<T>(n);
  if (!count) return a;
  const bits: u32 = sizeof<T>() * 8;
  let r: T;
  let cf: u32;
  if (count <= bits) {
    r = count == bits ? b : <T>((u64(a) >> u64(count)) | (u64(b) << u64(bits - count)));
    cf = u32(u64(a) >> u64(count - 1)) & 1;
  } else {
    const c = count - bits;
    r = <T>((u64(b) >> u64(c)) | (u64(a) << u64(bits - c)));
    cf = u32(u64(b) >> u64(c - 1)) & 1;
  }
  shiftFlags<T>(r, cf, msb<T>(a) ^ msb<T>(r));
  return r;
}
