// What tells blocks apart: physical address, mode and window.
//
// Outside 64-bit code a block does not leave its window: the part of the page where IP is within the segment and has the same
// upper 16 bits. A window is normally the whole page; of segments whose base or limit lies inside a page (nearly all of
// real-address mode) it is a part. The window is in the key, so a link between two blocks of one window holds wherever they are
// used: no limit lies between them, and a 16-bit branch does not wrap on the way.
import { code64 } from './globals';
import { codeMode, knownLimit } from './jumps';

/** In a block's key: upper half of IP not zero; above the physical address: how much of the page lies outside the window. */
const KEY_HIGH: u64 = 1 << 63;
const KEY_BEFORE: u64 = 32;
const KEY_BEHIND: u64 = 44;

/** Key of the block at `physical` for RIP `rip` within the segment limit. */
export function keyOf(rip: u64, physical: u64): u64 {
  const key = physical | (u64(codeMode) << 56);
  if (code64) return key;
  const offset = physical & 0xfff;
  const low = rip & 0xffff;
  const before = offset > low ? offset - low : 0;
  const last = offset + min(knownLimit, rip | 0xffff) - rip;
  const behind = last < 0xfff ? 0xfff - last : 0;
  return key | (before << KEY_BEFORE) | (behind << KEY_BEHIND) | (rip > 0xffff ? KEY_HIGH : 0);
}

/** Offset in the page of the first byte of a block's window. */
export function keyStart(key: u64): u32 {
  return u32(key >> KEY_BEFORE) & 0xfff;
}

/** Offset in the page of the first byte behind a block's window. */
export function keyEnd(key: u64): u32 {
  return 0x1000 - (u32(key >> KEY_BEHIND) & 0xfff);
}

/** MODE_* of a block. */
export function keyMode(key: u64): u32 {
  return u32(key >> 56) & 0x7f;
}
