// Lazy flags: the result of the last operation and its carry vector stand for OF SF ZF AF PF CF until somebody looks
// (SDM Vol. 1 "EFLAGS Register").
//
//   flagResult  ZF = (flagResult == 0), SF = sign, PF = even parity of the low byte
//   flagAux     bit 31 CF, bit 30 CF ^ OF (the carry into the sign bit), bit 3 AF,
//               bit 0 inverts SF, bits 15:8 are XORed into the parity byte (only after flags were loaded)
import { flagAux, flagResult, otherFlags } from './globals';

export const CF: u32 = 1;
export const PF: u32 = 4;
export const AF: u32 = 0x10;
export const ZF: u32 = 0x40;
export const SF: u32 = 0x80;
export const TF: u32 = 0x100;
export const IF: u32 = 0x200;
export const DF: u32 = 0x400;
export const OF: u32 = 0x800;
export const NT: u32 = 0x4000;
export const RF: u32 = 0x10000;
export const VM: u32 = 0x20000;
export const AC: u32 = 0x40000;
export const VIF: u32 = 0x80000;
export const VIP: u32 = 0x100000;
export const ID: u32 = 0x200000;
export const STATUS_FLAGS: u32 = 0x8d5;

// @ts-ignore: decorator
@inline
export function carry(): u32 {
  return flagAux >> 31;
}
// @ts-ignore: decorator
@inline
export function overflow(): u32 {
  return (flagAux ^ (flagAux << 1)) >> 31;
}
// @ts-ignore: decorator
@inline
export function zero(): bool {
  return flagResult == 0;
}
// @ts-ignore: decorator
@inline
export function sign(): u32 {
  return u32(u64(flagResult) >> 63) ^ (flagAux & 1);
}
// @ts-ignore: decorator
@inline
export function adjust(): u32 {
  return (flagAux >> 3) & 1;
}
// @ts-ignore: decorator
@inline
export function parity(): u32 {
  return ~popcnt((u32(flagResult) ^ (flagAux >> 8)) & 0xff) & 1;
}

/** OF SF ZF AF PF CF in their places. */
export function statusFlags(): u32 {
  return carry() | (parity() << 2) | (adjust() << 4) | (u32(zero()) << 6) | (sign() << 7) | (overflow() << 11);
}

/** Sets OF SF ZF AF PF CF from their places in `v`. */
export function setStatusFlags(v: u32): void {
  const zf = v & ZF;
  const c = v & CF;
  const o = (v >> 11) & 1;
  flagResult = zf ? 0 : 1;
  // parity of 0 is even, of 1 odd: correct by one bit of the parity byte
  const even = zf ? 1 : 0;
  const pf = (v >> 2) & 1;
  flagAux = (c << 31) | ((c ^ o) << 30) | (((v >> 4) & 1) << 3) | ((v >> 7) & 1) | ((pf ^ even) << 8);
}

/** Whole RFLAGS. */
export function getFlags(): u64 {
  return otherFlags | statusFlags();
}

/** Whole RFLAGS, unchecked: reserved bits are forced, nothing else is. */
export function setFlags(v: u64): void {
  setStatusFlags(u32(v));
  otherFlags = (v & 0x3f7700) | 2;
}

/** True if all bits of `mask` outside the status flags are set. */
// @ts-ignore: decorator
@inline
export function hasFlag(mask: u32): bool {
  return (u32(otherFlags) & mask) != 0;
}
// @ts-ignore: decorator
@inline
export function iopl(): u32 {
  return (u32(otherFlags) >> 12) & 3;
}
/** Sets or clears bits that are not status flags. */
// @ts-ignore: decorator
@inline
export function changeFlags(clear: u32, set: u32): void {
  otherFlags = (otherFlags & ~u64(clear)) | set;
}
/** Sets CF to `c` (0 or 1) and leaves the other status flags alone. */
// @ts-ignore: decorator
@inline
export function setCarry(c: u32): void {
  // bit 30 holds CF ^ OF, so it flips with CF
  const flip = (c << 31) ^ (flagAux & 0x80000000);
  flagAux ^= flip | (flip >> 1);
}
/** Sets ZF to `z` and leaves the other status flags alone. */
export function setZero(z: bool): void {
  setStatusFlags((statusFlags() & ~ZF) | (z ? ZF : 0));
}
