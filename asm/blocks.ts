// The block cache: decoded records by physical address and mode. A block never crosses a page; branches inside a page are linked
// record to record, everything else goes through the jump cache (jumps.ts).
//
// A block gets a place in the cache when it is to run a second time (first-runs.ts).
//
// A block is {u32 next block of the page, u32 records, u64 key, u32 next block of the chain, u16 first byte in the page, u16 end
// of the bytes} and the records, the last of them H_END with the number of the physical page in R_IMM. block-memory.ts says where
// it lies, block-keys.ts what its key is.
import { COUNT_BLOCKS_DECODED, CPL, DOORWAY_PAGE, PAGE_MMIO, RAM } from './layout';
import {
  BLOCK_HEADER,
  BLOCK_TABLE,
  BLOCK_TABLE_ENTRIES,
  FIRST_RUN_SIZE,
  forgetRegions,
  isFull,
  JUMP_CACHE,
  LONG_JUMP_CACHE,
  noteBirth,
  noteDeath,
  placeForBlock,
  SCRATCH,
} from './block-memory';
import { forgetPatch } from './code-changes';
import { DECODE_MORE, DECODE_TOO_LONG, decode, decodeMany } from './decode';
import { forgetPatterns } from './decode-patterns';
import { firstRunSlot, forgetFirstRuns, isFirstRun, isFirstRunRecord } from './first-runs';
import { fuse, H_END, JO32 } from './hot';
import { code64, pageRip } from './globals';
import { JO } from './long-mode/hot';
import { fetchHit, linearMask } from './paging';
import { watchAgain } from './processors/monitor';
import { markCodePage, unmarkCodePage } from './tlb';
import { PAGE_BLOCKS, PAGE_CODE, chunkMask, memoryPages, pageKind } from './physical';
import {
  clearRecord,
  PAGE_RIP,
  R_COST,
  R_COUNT,
  R_FALL,
  R_FORM,
  R_IMM,
  R_LINK,
  R_OFFSET,
  R_OP,
  RECORD_SIZE,
} from './record';
import { keyOf, keyStart, keyEnd } from './block-keys';
import { jumpEntry, longJumpContext, jumpContext, knownLimit, knownBase, codeMode, forgetJumps } from './jumps';

export const BLOCK_COUNT: usize = 4;
export const BLOCK_KEY: usize = 8;
const BLOCK_CHAIN: usize = 16;
/** The bytes of its page that a block depends on: first in the low half, end in the high half. */
export const BLOCK_BYTES: usize = 20;

/** Where the chain of blocks with the hash of this key begins. */
function chainOf(key: u64): usize {
  return BLOCK_TABLE + ((usize(key ^ (key >> 13) ^ (key >> 40)) & (BLOCK_TABLE_ENTRIES - 1)) << 2);
}

/** First record of the decoded block with this key, or 0. */
function findBlock(key: u64): usize {
  let block: usize = load<u32>(chainOf(key));
  while (block && load<u64>(block, BLOCK_KEY) != key) block = load<u32>(block, BLOCK_CHAIN);
  return block ? block + BLOCK_HEADER : 0;
}

/** A dropped block is not found any more. Its memory may be used for something else. */
export function forgetBlock(block: usize): void {
  let at = chainOf(load<u64>(block, BLOCK_KEY));
  while (load<u32>(at) != u32(block)) at = <usize>load<u32>(at) + BLOCK_CHAIN;
  store<u32>(at, load<u32>(block, BLOCK_CHAIN));
  noteDeath(block);
}

/**
 * First record of the block at a physical address (in RAM) for RIP `rip`, decoded if need be; pageRip is set. 0: its first
 * instruction leaves the window and has to run from the scratch slot.
 */
export function blockAt(rip: u64, linear: u64, physical: u64): usize {
  const key = keyOf(rip, physical);
  let record = findBlock(key);
  if (!record) record = decodeBlock(key, physical);
  if (!record) return 0;
  pageRip = rip - (linear & 0xfff);
  if (isFirstRunRecord(record)) {
    store<u64>(PAGE_RIP, pageRip);
    return record;
  }
  const jump = jumpEntry(linear);
  if (code64) {
    store<u64>(PAGE_RIP, pageRip);
    const entry = jump + (LONG_JUMP_CACHE - JUMP_CACHE);
    store<u64>(entry, linear);
    store<u32>(entry, u32(record), 8);
    store<u32>(entry, longJumpContext, 12);
    return record;
  }
  store<u64>(jump, linear | jumpContext);
  store<usize>(jump, record, 8);
  return record;
}

/** Where a block at the near target `target` could be if the fetch TLB has its page, else all ones. */
function physicalOf(target: u64): u64 {
  if (!code64 && target > knownLimit) return u64.MAX_VALUE;
  const physical = fetchHit((knownBase + target) & linearMask, load<u32>(CPL) == 3);
  if (physical == u64.MAX_VALUE) return physical;
  const page = physical >> 12;
  return page + 1 == load<u32>(DOORWAY_PAGE) || pageKind(page) == PAGE_MMIO ? u64.MAX_VALUE : physical;
}

/** `blockAt` for the near target `target`, if the fetch TLB has its page and it starts a block; else 0 and nothing has changed. */
export function prepareTarget(target: u64): usize {
  if (isFull()) return 0;
  const physical = physicalOf(target);
  return physical == u64.MAX_VALUE ? 0 : blockAt(target, (knownBase + target) & linearMask, physical);
}

/**
 * The same for a target in the page of the code that runs, but only if it runs for the first time: without a look at the jump
 * cache and the table of blocks, which hardly ever are in the host's caches then.
 */
export function prepareFirstRun(target: u64): usize {
  const physical = physicalOf(target);
  if (physical == u64.MAX_VALUE) return 0;
  const key = keyOf(target, physical);
  return isFirstRun(key) ? decodeFirstRun(key, physical) : 0;
}

function decodeFirstRun(key: u64, physical: u64): usize {
  const slot = firstRunSlot();
  const end = fillBlock(slot, key, physical);
  if (!end) return 0;
  leadOn(end - RECORD_SIZE, key);
  return slot + BLOCK_HEADER;
}

/**
 * A conditional jump of 32-bit or 64-bit code that ends a block which runs for the first time leads to the block's H_END, and to
 * another one for the target if that lies in the window: so no handler has to ask for the condition again.
 */
function leadOn(end: usize, key: u64): void {
  const jump = end - RECORD_SIZE;
  if (<u32>load<u16>(jump, R_OP) - (code64 ? JO : JO32) > 15) return;
  store<u32>(jump, u32(end), R_FALL);
  const next: u32 = load<u16>(end, R_OFFSET);
  const offset = (code64 ? next : 0) + load<u32>(jump, R_IMM);
  if (offset < keyStart(key) || offset >= keyEnd(key)) return;
  const target = end + RECORD_SIZE;
  v128.store(target, v128.load(end));
  v128.store(target, v128.load(end, 16), 16);
  store<u16>(target, u16(offset), R_OFFSET);
  store<u32>(jump, u32(target), R_LINK);
}

/**
 * The record to go on with behind a block that runs for the first time (`end` is one of its H_END) if that runs for the first time
 * too and lies in the same window; else 0.
 */
export function nextFirstRun(end: usize): usize {
  const before = load<u64>(end & ~(FIRST_RUN_SIZE - 1), BLOCK_KEY);
  const offset: u32 = load<u16>(end, R_OFFSET);
  if (offset >= keyEnd(before)) return 0;
  const key = (before & ~0xfff) | offset;
  return isFirstRun(key) ? decodeFirstRun(key, (u64(load<u32>(end, R_IMM)) << 12) | offset) : 0;
}

/** Decodes the block with this key. 0: its first instruction leaves the window. */
function decodeBlock(key: u64, physical: u64): usize {
  if (isFirstRun(key)) return decodeFirstRun(key, physical);
  if (isFull()) dropBlocks();
  const block = placeForBlock();
  const end = fillBlock(block, key, physical);
  if (!end) return 0;
  const list = PAGE_BLOCKS + (usize(physical >> 12) << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, u32(block));
  const chain = chainOf(key);
  store<u32>(block, load<u32>(chain), BLOCK_CHAIN);
  store<u32>(chain, u32(block));
  noteBirth(end);
  return block + BLOCK_HEADER;
}

/** Decodes the block with this key to `block` and marks its bytes as code. Returns where it ends; 0: it is empty. */
function fillBlock(block: usize, key: u64, physical: u64): usize {
  const page = usize(physical >> 12);
  const host = RAM + (page << 12);
  const first = block + BLOCK_HEADER;
  const r = decodeMany(first, host, u32(physical) & 0xfff, keyEnd(key), codeMode);
  const count = u32((r - first) / RECORD_SIZE);
  if (!count) return 0;
  const offset = load<u16>(r, R_OFFSET);
  clearRecord(r);
  store<u16>(r, u16(H_END), R_OP);
  store<u16>(r, offset, R_OFFSET);
  store<u32>(r, u32(page), R_IMM);
  // the run loop of 64-bit code has no fused cases
  if (count > 1 && !code64) {
    const pair = r - 2 * RECORD_SIZE;
    store<u16>(pair, u16(fuse(load<u16>(pair, R_OP), load<u16>(pair + RECORD_SIZE, R_OP))), R_OP);
  }
  // what each record still has to cost, from the end
  let cost: u32 = 0;
  let rest: u32 = 0;
  for (let q = r - RECORD_SIZE; q >= first; q -= RECORD_SIZE) {
    cost += load<u32>(q, R_COST);
    rest++;
    store<u32>(q, cost, R_COST);
    store<u8>(q, u8(rest), R_COUNT);
  }
  store<u32>(block, count, BLOCK_COUNT);
  store<u64>(block, key, BLOCK_KEY);
  const start = u32(physical) & 0xfff;
  const bytes = bytesEnd(r);
  store<u32>(block, start | (bytes << 16), BLOCK_BYTES);
  const code = load<u64>(PAGE_CODE + (page << 3));
  if (!code) markCodePage(page);
  store<u64>(PAGE_CODE + (page << 3), code | chunkMask(start, bytes - start));
  store<u64>(COUNT_BLOCKS_DECODED, load<u64>(COUNT_BLOCKS_DECODED) + 1);
  return r + RECORD_SIZE;
}

/**
 * End of the bytes a block depends on, by its H_END record: an undefined instruction is one because of bytes that are not
 * counted in its length.
 */
function bytesEnd(last: usize): u32 {
  const end: u32 = load<u16>(last, R_OFFSET);
  return load<u16>(last - RECORD_SIZE, R_FORM) ? end : min<u32>(end + 15, 0x1000);
}

/** Drops every block and what helped to decode them: costs changed. Only between blocks. */
export function flushBlocks(): void {
  forgetPatterns();
  dropBlocks();
}

/** Drops every block. Only between blocks. */
function dropBlocks(): void {
  memory.fill(BLOCK_TABLE, 0, BLOCK_TABLE_ENTRIES * 4);
  const pages = memoryPages();
  for (let page: usize = 0; page < pages; page++) {
    // of a block that ran once only the mark is left
    if (!load<u64>(PAGE_CODE + (page << 3))) continue;
    store<u32>(PAGE_BLOCKS + (page << 2), 0);
    store<u64>(PAGE_CODE + (page << 3), 0);
    unmarkCodePage(page);
  }
  forgetRegions();
  forgetFirstRuns();
  forgetPatch();
  forgetJumps();
  watchAgain();
}

/**
 * Decodes `available` bytes at host address `code` as a lone instruction at page offset `offset` into the scratch slot.
 * Returns what `decode` returns.
 */
export function decodeScratch(code: usize, available: u32, offset: u32): u32 {
  const length = decode(SCRATCH, code, available, codeMode, offset);
  if (length == DECODE_MORE || length == DECODE_TOO_LONG) return length;
  store<u16>(SCRATCH, 0, R_OP);
  clearRecord(SCRATCH + RECORD_SIZE);
  store<u16>(SCRATCH + RECORD_SIZE, u16(H_END), R_OP);
  store<u16>(SCRATCH + RECORD_SIZE, u16(offset + length), R_OFFSET);
  return length;
}
