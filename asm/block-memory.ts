// Layout of CODE_CACHE: decoding patterns, block table (u32 first block of a chain), jump cache {u64 key, u32 record}, scratch
// records, two blocks that run for the first time and which have run (first-runs.ts), and the memory of decoded blocks: regions that
// are filled one after the other. A region without living blocks is used again, the one that died last first, because its memory is
// the likeliest to be in the host's caches.
import { CODE_CACHE_END } from './layout';
import { forgetJumps } from './jumps';
import { PATTERNS_END } from './decode-patterns';
import { current } from './globals';
import { RECORD_SIZE } from './record';

export const BLOCK_TABLE: usize = (PATTERNS_END + 0xfff) & ~0xfff;
export const BLOCK_TABLE_ENTRIES: usize = 0x10000;
export const JUMP_CACHE: usize = BLOCK_TABLE + BLOCK_TABLE_ENTRIES * 4;
export const JUMP_CACHE_ENTRIES: usize = 0x2000;
/** Targets in 64-bit code: {u64 linear address, u32 record, u32 user bit and generation}. */
export const LONG_JUMP_CACHE: usize = JUMP_CACHE + JUMP_CACHE_ENTRIES * 16;
/** One record and an H_END for instructions that are not cached. */
export const SCRATCH: usize = LONG_JUMP_CACHE + JUMP_CACHE_ENTRIES * 16;
/** Bytes of an instruction that crosses a page. */
export const FETCH_BUFFER: usize = SCRATCH + 4 * RECORD_SIZE;

/** Bytes in front of a block's records (blocks.ts says which). */
export const BLOCK_HEADER: usize = 32;
/** No block has more records; an H_END comes behind them. */
export const MAX_RECORDS: u32 = 64;

/** Two blocks that run for the first time, of any length. */
export const FIRST_RUN_SIZE: usize = 0x1000;
export const FIRST_RUNS: usize = (FETCH_BUFFER + 64 + FIRST_RUN_SIZE - 1) & ~(FIRST_RUN_SIZE - 1);

/** A bit for each block that has run (first-runs.ts). */
export const RAN: usize = FIRST_RUNS + 2 * FIRST_RUN_SIZE;
export const RAN_BYTES: usize = 0x2_0000;

const REGION_BITS: usize = 16;
const REGION_SIZE: usize = 1 << REGION_BITS;
const REGIONS: usize = (RAN + RAN_BYTES + REGION_SIZE - 1) & ~(REGION_SIZE - 1);
/** u32 per region, by its address: living blocks. */
const LIVING_SIZE: usize = (CODE_CACHE_END >> REGION_BITS) << 2;
const LIVING: usize = memory.data(LIVING_SIZE);

/** The region that blocks are put into, and where the next one goes. */
let region: usize = REGIONS;
let nextBlock: usize = REGIONS;
/** The first region that was never used. */
let freshRegion: usize = REGIONS + REGION_SIZE;
/** A region to be used again; its first word names another one. */
let freeRegion: usize = 0;

// @ts-ignore: decorator
@inline
function livingOf(base: usize): usize {
  return LIVING + ((base >> REGION_BITS) << 2);
}

/**
 * A region without living blocks can be used again, once no jump leads there. What runs may still leave a dead block: its
 * region stays as it is.
 */
function releaseRegion(base: usize): void {
  if (current >> REGION_BITS == base >> REGION_BITS) return;
  store<u32>(base, u32(freeRegion));
  freeRegion = base;
  forgetJumps();
}

/** A block that lies here was dropped. Its memory may be used for something else from now on. */
export function noteDeath(block: usize): void {
  const base = block & ~(REGION_SIZE - 1);
  const living = load<u32>(livingOf(base)) - 1;
  store<u32>(livingOf(base), living);
  if (!living && base != region) releaseRegion(base);
}

/** Has the present region room for another block of any length? */
// @ts-ignore: decorator
@inline
function hasRoom(): bool {
  return nextBlock + BLOCK_HEADER + (MAX_RECORDS + 1) * RECORD_SIZE <= region + REGION_SIZE;
}

/** Is there no room for another block of any length, and no further region? */
// @ts-ignore: decorator
@inline
export function isFull(): bool {
  return !hasRoom() && !freeRegion && freshRegion >= <usize>CODE_CACHE_END;
}

/** Goes on in another region. */
function openRegion(): void {
  if (!load<u32>(livingOf(region))) releaseRegion(region);
  if (freeRegion) {
    region = freeRegion;
    freeRegion = load<u32>(region);
  } else {
    region = freshRegion;
    freshRegion += REGION_SIZE;
  }
  nextBlock = region;
}

/** Where the next block of any length can be put, unless `isFull`. */
export function placeForBlock(): usize {
  if (!hasRoom()) openRegion();
  return nextBlock;
}

/** A block was put there that ends at `end`. */
export function noteBirth(end: usize): void {
  nextBlock = end;
  store<u32>(livingOf(region), load<u32>(livingOf(region)) + 1);
}

/** All blocks were dropped. */
export function forgetRegions(): void {
  memory.fill(LIVING, 0, LIVING_SIZE);
  region = REGIONS;
  nextBlock = REGIONS;
  freshRegion = REGIONS + REGION_SIZE;
  freeRegion = 0;
}
