// Bit scans, counts and CRC (SDM Vol. 2 "BSF", "BSR", "TZCNT", "LZCNT", "POPCNT", "CRC32").
import { setStatusFlags, ZF } from '../flags';
import { shiftFlags } from './flagging';

/** Index of the lowest set bit; `a` is not 0. */
export function lowestBit<T>(a: T): u64 {
  return ctz<u64>(u64(a));
}

/** Index of the highest set bit; `a` is not 0. */
export function highestBit<T>(a: T): u64 {
  return 63 - clz<u64>(u64(a));
}

/** ZF by result, CF when the source was 0. */
function countFlags<T>(source: T, result: T): void {
  shiftFlags<T>(result, u32(source == 0), 0);
}

export function tzcnt<T>(a: T): T {
  const r = a == 0 ? <T>(sizeof<T>() * 8) : <T>ctz<u64>(u64(a));
  countFlags<T>(a, r);
  return r;
}

export function lzcnt<T>(a: T): T {
  const r = <T>(clz<u64>(u64(a)) - (64 - sizeof<T>() * 8));
  countFlags<T>(a, r);
  return r;
}

/** POPCNT: ZF when the source is 0, all other status flags clear. */
export function countBits<T>(a: T): T {
  setStatusFlags(a == 0 ? ZF : 0);
  return <T>popcnt<u64>(u64(a));
}

/** CRC-32C (polynomial 11EDC6F41H, reflected) of the low `size` bytes of `data`. */
export function crc32c(crc: u32, data: u64, size: u32): u32 {
  for (let i: u32 = 0; i < size; i++) {
    crc ^= u32(data >> (u64(i) << 3)) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return crc;
}
