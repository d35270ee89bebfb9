// Decoded code whose bytes change. A store inside one instruction that leaves it the same form and length (a patched immediate,
// displacement or register) is decoded into the record that is there; anything else drops the blocks of the page, and what
// runs goes on as what the bytes are now (SDM Vol. 3A "Handling Self- and Cross-Modifying Code").
import { COUNT_BLOCKS_INVALIDATED, RAM } from './layout';
import { BLOCK_HEADER } from './block-memory';
import { BLOCK_BYTES, BLOCK_COUNT, BLOCK_KEY, forgetBlock } from './blocks';
import { isArmed } from './breaks';
import { keyEnd, keyMode } from './block-keys';
import { decode } from './decode';
import { dropFirstRun } from './first-runs';
import { FORMS, FORM_OPERANDS, FORM_SIZE, KIND_IMMEDIATE, OPERAND_KIND } from './gen/tables';
import { current } from './globals';
import { fuse, H_DEAD } from './hot';
import { operandBytes } from './operand';
import { chunkMask, PAGE_BLOCKS, PAGE_CODE } from './physical';
import { noteMonitored } from './processors/monitor';
import {
  MODE_CODE64,
  R_COST,
  R_COUNT,
  R_FLAGS,
  R_FORM,
  R_IMM,
  R_LENGTH,
  R_OFFSET,
  R_OP,
  R_RM,
  RECORD_SIZE,
} from './record';
import { unmarkCodePage } from './tlb';

/**
 * The last store that fell into one record each of a few blocks: where, how long, the newest block of the page then. A program
 * patches the same instruction again and again.
 */
let patchPlace: u64 = u64.MAX_VALUE;
let patchSize: u32 = 0;
let patchNewest: usize = 0;
/** It was to all of a 4-byte immediate, which the records hold as it is. */
let patchImmediate: bool = false;
/** {u32 block, u32 record, u32 number of the record from the end of the block} of each. */
const PATCHES_MAX: u32 = 4;
const PATCHES: usize = memory.data(4 * 12);
let patchCount: u32 = 0;
/** What `findRecord` has found. */
let patchRecord: usize = 0;
let patchLeft: u32 = 0;

/** Blocks were dropped. */
export function forgetPatch(): void {
  patchPlace = u64.MAX_VALUE;
}

/** RAM under decoded code of this physical page changes: drops the page's blocks, also a running one. */
export function invalidateCode(page: u32): void {
  forgetPatch();
  dropFirstRun(page, 0, 0x1000);
  let block: usize = load<u32>(PAGE_BLOCKS + (page << 2));
  while (block) {
    const first = block + BLOCK_HEADER;
    const last = first + load<u32>(block, BLOCK_COUNT) * RECORD_SIZE;
    const next: usize = load<u32>(block);
    store<u16>(first, u16(H_DEAD), R_OP);
    // blocks are entered at their first record; only the one that runs may be further on
    if (current >= first && current <= last) {
      for (let r = first; r <= last; r += RECORD_SIZE) store<u16>(r, u16(H_DEAD), R_OP);
    }
    forgetBlock(block);
    store<u64>(COUNT_BLOCKS_INVALIDATED, load<u64>(COUNT_BLOCKS_INVALIDATED) + 1);
    block = next;
  }
  store<u32>(PAGE_BLOCKS + (page << 2), 0);
  store<u64>(PAGE_CODE + (page << 3), 0);
  unmarkCodePage(page);
}

/**
 * Decodes the present bytes of the instruction in record `r`, number `left` from the end of `block`, into the record. False:
 * the block has to go.
 */
function decodeAgain(block: usize, r: usize, left: u32, page: u32): bool {
  if (r == current || load<u16>(r, R_OP) == H_DEAD) return false;
  const key = load<u64>(block, BLOCK_KEY);
  const mode = keyMode(key);
  const offset: u32 = load<u16>(r, R_OFFSET);
  const before: u32 = load<u8>(r, R_LENGTH);
  const form = load<u16>(r, R_FORM);
  const flags = load<u8>(r, R_FLAGS);
  const isMemory = load<u16>(r, R_RM) == 0;
  const cost = load<u32>(r, R_COST);
  const count = load<u8>(r, R_COUNT);
  const length = decode(r, RAM + (usize(page) << 12) + offset, min<u32>(15, keyEnd(key) - offset), mode, offset);
  // what depends on the rest of the block stays: form, prefixes and operand kinds have the same cost. A running block that has
  // to go is still refunded by it
  store<u32>(r, cost, R_COST);
  store<u8>(r, count, R_COUNT);
  if (length != before || load<u16>(r, R_FORM) != form || load<u8>(r, R_FLAGS) != flags) return false;
  if ((load<u16>(r, R_RM) == 0) != isMemory) return false;
  if (left == 2 && mode != MODE_CODE64) {
    store<u16>(r, u16(fuse(load<u16>(r, R_OP), load<u16>(r + RECORD_SIZE, R_OP))), R_OP);
  }
  return true;
}

/** Finds the record of `block` that bytes [offset, end) of the page lie in: patchRecord and patchLeft. False: there is none. */
function findRecord(block: usize, offset: u32, end: u32): bool {
  let r = block + BLOCK_HEADER;
  let left = load<u32>(block, BLOCK_COUNT);
  const last = r + left * RECORD_SIZE;
  if (offset >= load<u16>(last, R_OFFSET)) return false;
  while (r < last && <u32>load<u16>(r + RECORD_SIZE, R_OFFSET) <= offset) {
    r += RECORD_SIZE;
    left--;
  }
  patchRecord = r;
  patchLeft = left;
  return offset >= load<u16>(r, R_OFFSET) && end <= load<u16>(r + RECORD_SIZE, R_OFFSET);
}

function notePatch(place: usize, block: usize): void {
  store<u32>(place, u32(block));
  store<u32>(place, u32(patchRecord), 4);
  store<u32>(place, patchLeft, 8);
}

/** Bytes [offset, offset + size) of the page have changed. False: a block holds them and cannot go on. */
function patchBlocks(newest: usize, page: u32, offset: u32, size: u32): bool {
  const end = offset + size;
  let count: u32 = 0;
  let isImmediate = size == 4;
  for (let block = newest; block; block = load<u32>(block)) {
    const bytes = load<u32>(block, BLOCK_BYTES);
    if (end <= (bytes & 0xffff) || offset >= bytes >> 16) continue;
    if (!findRecord(block, offset, end) || !decodeAgain(block, patchRecord, patchLeft, page)) return false;
    if (count < PATCHES_MAX) notePatch(PATCHES + count * 12, block);
    isImmediate = isImmediate && endsInImmediate(patchRecord, end);
    count++;
  }
  patchPlace = count <= PATCHES_MAX ? (u64(page) << 12) | offset : u64.MAX_VALUE;
  patchImmediate = isImmediate;
  patchCount = count;
  patchSize = size;
  patchNewest = newest;
  return true;
}

/** Does the instruction end, at byte `end` of the page, with an immediate of 4 bytes? */
function endsInImmediate(r: usize, end: u32): bool {
  const form: usize = FORMS + u32(load<u16>(r, R_FORM)) * FORM_SIZE;
  if (end != <u32>load<u16>(r, R_OFFSET) + load<u8>(r, R_LENGTH)) return false;
  let immediates: u32 = 0;
  let bytes: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const code: u32 = load<u8>(form + FORM_OPERANDS + i);
    if (load<u8>(OPERAND_KIND + code) != KIND_IMMEDIATE) continue;
    immediates++;
    bytes = operandBytes(r, code);
  }
  return immediates == 1 && bytes == 4;
}

/** The store of the last patch again: the records follow. False: a block has to go. */
function patchAgain(page: u32): bool {
  for (let place = PATCHES; place < PATCHES + patchCount * 12; place += 12) {
    const r: usize = load<u32>(place, 4);
    if (!patchImmediate) {
      if (!decodeAgain(load<u32>(place), r, load<u32>(place, 8), page)) return false;
      continue;
    }
    if (r == current || load<u16>(r, R_OP) == H_DEAD) return false;
    store<u32>(r, load<u32>(RAM + usize(patchPlace)), R_IMM);
  }
  return true;
}

/** RAM in one page has just changed by a store of the processor. */
export function noteStore(physical: u64, size: u32): void {
  const page = usize(physical >> 12);
  const offset = u32(physical) & 0xfff;
  const code = load<u64>(PAGE_CODE + (page << 3));
  if (!code) return;
  const chunks = chunkMask(offset, size);
  if (!(code & chunks)) return;
  const newest: usize = isArmed() ? 0 : load<u32>(PAGE_BLOCKS + (page << 2));
  const isSame = physical == patchPlace && size == patchSize && newest == patchNewest;
  let isPatched = newest != 0;
  if (isPatched && isSame) isPatched = patchAgain(u32(page));
  else if (isPatched) isPatched = patchBlocks(newest, u32(page), offset, size);
  if (isPatched) dropFirstRun(u32(page), offset, offset + size);
  else invalidateCode(u32(page));
  noteMonitored(page, chunks);
}
