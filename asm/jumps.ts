// The jump cache: records by linear address, for branches that have no link. It knows only targets whose fetch-TLB entry is
// present, so it never hides a modelled TLB miss. What it knows holds for a mode, a privilege, a code segment and a TLB bank.
import {
  CPL,
  CS,
  NUMBER_OF_BANKS,
  SEGMENTS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_STRIDE,
  SS,
  TLB_CURRENT_BANK,
} from './layout';
import { JUMP_CACHE, JUMP_CACHE_ENTRIES, LONG_JUMP_CACHE, SCRATCH } from './block-memory';
import { H_END } from './hot';
import { code64, pageRip } from './globals';
import { linearMask } from './paging';
import { MODE_CODE32, MODE_CODE64, MODE_STACK32, PAGE_RIP, R_OFFSET, R_OP, recordRip } from './record';

const CODE_SEGMENT: usize = SEGMENTS + CS * SEGMENT_STRIDE;
const STACK_SEGMENT: usize = SEGMENTS + SS * SEGMENT_STRIDE;

/** Execution mode (MODE_* bits) of the code that runs. */
export let codeMode: u32 = 0;
/** What a jump-cache key holds above the 32 bits of the linear address: mode, user bit, generation. */
export let jumpContext: u64 = 0;
export let jumpGeneration: u64 = 0;
/** u32 per TLB bank: generation of its jumps; below the oldest valid one, they are gone. */
const GENERATIONS: usize = memory.data(NUMBER_OF_BANKS << 2);
const GENERATION_BITS: u32 = 24;
let newestGeneration: u32 = 0;
let oldestGeneration: u32 = 1;
/** What the last word of an entry of LONG_JUMP_CACHE holds: never 0. */
export let longJumpContext: u32 = 0;
export let knownBase: u64 = u64.MAX_VALUE;
export let knownLimit: u64 = 0;
/**
 * {u64 base, u64 limit} of the code segments whose targets the jump cache holds; the number of the present one is in the
 * keys, so that far calls between a few segments forget nothing.
 */
const SEGMENTS_KNOWN: u32 = 8;
const KNOWN_SEGMENTS: usize = memory.data(SEGMENTS_KNOWN << 4);
let knownSegment: u32 = 0;
let nextSegment: u32 = 0;

function newGeneration(): u32 {
  if (++newestGeneration >> GENERATION_BITS) {
    // the numbers have run out: old keys could come back to life
    for (let entry = JUMP_CACHE; entry < SCRATCH; entry += 16) {
      store<u64>(entry, u64.MAX_VALUE);
      store<u32>(entry, 0, 12);
    }
    memory.fill(GENERATIONS, 0, NUMBER_OF_BANKS << 2);
    newestGeneration = 1;
    oldestGeneration = 1;
  }
  return newestGeneration;
}

/** The jumps of a TLB bank that has become current count: they have waited under the bank's generation. */
export function selectJumps(bank: u32): void {
  let generation = load<u32>(GENERATIONS + (usize(bank) << 2));
  if (generation < oldestGeneration) {
    generation = newGeneration();
    store<u32>(GENERATIONS + (usize(bank) << 2), generation);
  }
  jumpGeneration = u64(generation) << 40;
  jumpContext = (jumpContext & 0xff_0000_0000) | jumpGeneration;
  longJumpContext = (generation << 1) | (longJumpContext & 1);
}

/** Jump-cache entries of one TLB bank become invalid: a fetch entry went away. */
export function forgetJumpsOf(bank: u32): void {
  store<u32>(GENERATIONS + (usize(bank) << 2), 0);
  if (bank == load<u32>(TLB_CURRENT_BANK)) selectJumps(bank);
}

/** All jump-cache entries become invalid (CS means something else, or blocks went away). */
export function forgetJumps(): void {
  oldestGeneration = newestGeneration + 1;
  selectJumps(load<u32>(TLB_CURRENT_BANK));
}

/** The jumps of another code segment count. */
function selectSegment(base: u64, limit: u64): void {
  knownBase = base;
  knownLimit = limit;
  for (let n: u32 = 0; n < SEGMENTS_KNOWN; n++) {
    const known = KNOWN_SEGMENTS + (usize(n) << 4);
    if (load<u64>(known) == base && load<u64>(known, 8) == limit) {
      knownSegment = n;
      return;
    }
  }
  knownSegment = nextSegment;
  nextSegment = (nextSegment + 1) % SEGMENTS_KNOWN;
  store<u64>(KNOWN_SEGMENTS + (usize(knownSegment) << 4), base);
  store<u64>(KNOWN_SEGMENTS + (usize(knownSegment) << 4), limit, 8);
  forgetJumps();
}

/** Recomputes what depends on CS, SS and CPL; before blocks are looked up after any change of control. */
// @ts-ignore: decorator
@inline
export function updateContext(): void {
  const base = code64 ? 0 : load<u64>(CODE_SEGMENT, SEGMENT_BASE);
  const limit: u64 = code64 ? u64.MAX_VALUE : load<u32>(CODE_SEGMENT, SEGMENT_LIMIT);
  if (base != knownBase || limit != knownLimit) selectSegment(base, limit);
  const isUser = load<u32>(CPL) == 3;
  longJumpContext = u32(jumpGeneration >> 39) | u32(isUser);
  if (code64) {
    codeMode = MODE_CODE64;
    return;
  }
  const mode =
    (load<u32>(CODE_SEGMENT, SEGMENT_RIGHTS) & 0x4000 ? MODE_CODE32 : 0) |
    (load<u32>(STACK_SEGMENT, SEGMENT_RIGHTS) & 0x4000 ? MODE_STACK32 : 0);
  codeMode = mode;
  jumpContext = (u64(mode | (isUser ? 0x10 : 0) | (knownSegment << 5)) << 32) | jumpGeneration;
}

// @ts-ignore: decorator
@inline
export function jumpEntry(linear: u64): usize {
  return JUMP_CACHE + (((usize(linear) ^ (usize(linear) >> 11)) & (JUMP_CACHE_ENTRIES - 1)) << 4);
}

/** Record at a near target if the jump cache knows it, with pageRip moved there; else 0 and nothing has changed. */
export function findTarget(target: u64): usize {
  const linear = (knownBase + target) & linearMask;
  const entry = jumpEntry(linear);
  if (load<u64>(entry) != (linear | jumpContext)) return 0;
  const t = load<usize>(entry, 8);
  pageRip = target - load<u16>(t, R_OFFSET);
  return t;
}

/** `findTarget` for 64-bit code. */
export function findTarget64(target: u64): usize {
  const entry = jumpEntry(target) + (LONG_JUMP_CACHE - JUMP_CACHE);
  if (load<u64>(entry) != target || load<u32>(entry, 12) != longJumpContext) return 0;
  const t: usize = load<u32>(entry, 8);
  pageRip = target - load<u16>(t, R_OFFSET);
  store<u64>(PAGE_RIP, pageRip);
  return t;
}

/**
 * The same for a relative branch in `r` with the link field at `slot`: remembers the record there if it lies in the same
 * window.
 */
export function findLinked(r: usize, target: u64, slot: usize): usize {
  const page = pageRip;
  // the end of a block may already lie behind the window
  const from = recordRip(r) - u64(load<u16>(r, R_OP) == H_END);
  const t = findTarget(target);
  if (t && pageRip == page && from >> 16 == target >> 16) store<u32>(r + slot, u32(t));
  return t;
}

/** `findLinked` for 64-bit code. */
export function findLinked64(r: usize, target: u64, slot: usize): usize {
  const page = pageRip;
  const t = findTarget64(target);
  if (t && pageRip == page) store<u32>(r + slot, u32(t));
  return t;
}
