// Blocks that run for the first time. Much code runs once, and what the block cache costs (memory that is in no cache of the
// host, finding and dropping its blocks) is more than decoding. So a block is decoded into one of two slots at first, which the
// jump cache and links never lead to, and forgotten when the next one runs; it gets its place in the block cache when it is to
// run again. Its bytes are marked as code like those of any block, so that a store into the block that runs is noticed.
import { BLOCK_HEADER, FIRST_RUN_SIZE, FIRST_RUNS, RAN, RAN_BYTES } from './block-memory';
import { BLOCK_BYTES, BLOCK_COUNT, BLOCK_KEY } from './blocks';
import { current } from './globals';
import { H_DEAD } from './hot';
import { R_OP, RECORD_SIZE } from './record';

/**
 * A bit for each block that has run, by a hash of its page and its offset there, so that the bits of code that runs one after the
 * other lie close together. All are cleared when many are set.
 */
const RAN_BITS: u32 = u32(ctz(RAN_BYTES)) + 3;
const RAN_MAX: u32 = 1 << (RAN_BITS - 6);
let ranCount: u32 = 0;

/** u32 by page: how often it got new contents, which makes its blocks others. */
const CONTENTS_PAGES: u32 = 0x1000;
const CONTENTS: usize = memory.data(0x4000, 16);

/** 0, or FIRST_RUN_SIZE: which of the two was filled last. */
let filled: usize = 0;

// @ts-ignore: decorator
@inline
function contentsOf(page: u32): usize {
  return CONTENTS + ((page & (CONTENTS_PAGES - 1)) << 2);
}

/** A physical page got new contents: its code has not run yet. */
export function noteNewContents(page: u32): void {
  store<u32>(contentsOf(page), load<u32>(contentsOf(page)) + 1);
}

/** No block has run. */
export function forgetFirstRuns(): void {
  memory.fill(RAN, 0, RAN_BYTES);
  ranCount = 0;
}

/** Is this the first run of the block with this key, as far as is known? From now on it is not. */
export function isFirstRun(key: u64): bool {
  const page = u32(key) >> 12;
  const hash = (page ^ (load<u32>(contentsOf(page)) << 20)) * 0x9e3779b1;
  const number = ((hash >> (44 - RAN_BITS)) << 12) | (u32(key) & 0xfff);
  const byte: u32 = load<u8>(RAN + (number >> 3));
  const bit: u32 = 1 << (number & 7);
  if (byte & bit) return false;
  if (++ranCount > RAN_MAX) forgetFirstRuns();
  store<u8>(RAN + (number >> 3), u8(byte | bit));
  return true;
}

/** Where a block that runs for the first time is put: not where the one that runs may lie. */
export function firstRunSlot(): usize {
  filled ^= FIRST_RUN_SIZE;
  return FIRST_RUNS + filled;
}

/** Does the record belong to such a block? */
// @ts-ignore: decorator
@inline
export function isFirstRunRecord(r: usize): bool {
  return r - FIRST_RUNS < 2 * FIRST_RUN_SIZE;
}

/** Bytes [offset, end) of a physical page change: if the block that runs has them and runs for the first time, it is left. */
export function dropFirstRun(page: u32, offset: u32, end: u32): void {
  if (!isFirstRunRecord(current)) return;
  const block = current & ~(FIRST_RUN_SIZE - 1);
  if (u32(load<u64>(block, BLOCK_KEY)) >> 12 != page) return;
  const bytes = load<u32>(block, BLOCK_BYTES);
  if (end <= (bytes & 0xffff) || offset >= bytes >> 16) return;
  const first = block + BLOCK_HEADER;
  const last = first + load<u32>(block, BLOCK_COUNT) * RECORD_SIZE;
  for (let r = first; r <= last; r += RECORD_SIZE) store<u16>(r, u16(H_DEAD), R_OP);
}
