// Decoded code whose bytes change. A store inside one instruction that leaves it the same form and length (a patched immediate,
// displacement or register) is decoded into the record that is there; anything else drops the blocks of the page, and what
// runs goes on as what the bytes are now (SDM Vol. 3A "Handling Self- and Cross-Modifying Code").
import { COUNT_BLOCKS_INVALIDATED, RAM } from './layout';
import { BLOCK_COUNT, BLOCK_HEADER, BLOCK_KEY, bytesEnd, forgetBlock, isArmed, keyEnd, keyMode } from './blocks';
import { decode } from './decode';
import { fuse, H_DEAD } from './hot';
import { current } from './globals';
import { chunkMask, PAGE_BLOCKS, PAGE_CODE } from './physical';
import { noteMonitored } from './processors/monitor';
import { MODE_CODE64, R_COST, R_COUNT, R_FLAGS, R_FORM, R_LENGTH, R_OFFSET, R_OP, R_RM, RECORD_SIZE } from './record';
import { unmarkCodePage } from './tlb';

/** A record for the instruction as it is now. */
const PATCH: usize = memory.data(32, 16);

/** RAM under decoded code of this physical page changes: drops the page's blocks, also a running one. */
export function invalidateCode(page: u32): void {
  let block: usize = load<u32>(PAGE_BLOCKS + (page << 2));
  while (block) {
    const first = block + BLOCK_HEADER;
    const last = first + load<u32>(block, BLOCK_COUNT) * RECORD_SIZE;
    store<u16>(first, u16(H_DEAD), R_OP);
    // blocks are entered at their first record; only the one that runs may be further on
    if (current >= first && current <= last) {
      for (let r = first; r <= last; r += RECORD_SIZE) store<u16>(r, u16(H_DEAD), R_OP);
    }
    forgetBlock(block);
    store<u64>(COUNT_BLOCKS_INVALIDATED, load<u64>(COUNT_BLOCKS_INVALIDATED) + 1);
    block = load<u32>(block);
  }
  store<u32>(PAGE_BLOCKS + (page << 2), 0);
  store<u64>(PAGE_CODE + (page << 3), 0);
  unmarkCodePage(page);
}

/** Takes the present bytes of the instruction in record `r`, number `left` from the end of its block. False: it has to go. */
function patchRecord(r: usize, left: u32, page: u32, key: u64): bool {
  const mode = keyMode(key);
  if (r == current || load<u16>(r, R_OP) == H_DEAD) return false;
  const offset: u32 = load<u16>(r, R_OFFSET);
  store<u16>(PATCH, u16(offset), R_OFFSET);
  const length = decode(PATCH, RAM + (usize(page) << 12) + offset, min<u32>(15, keyEnd(key) - offset), mode);
  if (length != <u32>load<u8>(r, R_LENGTH) || load<u16>(PATCH, R_FORM) != load<u16>(r, R_FORM)) return false;
  if (load<u8>(PATCH, R_FLAGS) != load<u8>(r, R_FLAGS)) return false;
  if ((load<u16>(PATCH, R_RM) == 0) != (load<u16>(r, R_RM) == 0)) return false;
  // what depends on the rest of the block stays: form, prefixes and operand kinds have the same cost
  store<u32>(PATCH, load<u32>(r, R_COST), R_COST);
  store<u8>(PATCH, load<u8>(r, R_COUNT), R_COUNT);
  if (left == 2 && mode != MODE_CODE64) {
    store<u16>(PATCH, u16(fuse(load<u16>(PATCH, R_OP), load<u16>(r + RECORD_SIZE, R_OP))), R_OP);
  }
  v128.store(r, v128.load(PATCH));
  v128.store(r, v128.load(PATCH, 16), 16);
  return true;
}

/** Bytes [offset, end) of the page have changed. False: the block holds them and cannot go on. */
function patchBlock(block: usize, page: u32, offset: u32, end: u32): bool {
  let r = block + BLOCK_HEADER;
  let left = load<u32>(block, BLOCK_COUNT);
  const last = r + left * RECORD_SIZE;
  if (end <= load<u16>(r, R_OFFSET) || offset >= bytesEnd(last)) return true;
  if (offset >= load<u16>(last, R_OFFSET)) return false;
  while (r < last && <u32>load<u16>(r + RECORD_SIZE, R_OFFSET) <= offset) {
    r += RECORD_SIZE;
    left--;
  }
  const isInside = offset >= load<u16>(r, R_OFFSET) && end <= load<u16>(r + RECORD_SIZE, R_OFFSET);
  return isInside && patchRecord(r, left, page, load<u64>(block, BLOCK_KEY));
}

/** RAM in one page has just changed by a store of the processor. */
export function noteStore(physical: u64, size: u32): void {
  const page = usize(physical >> 12);
  const offset = u32(physical) & 0xfff;
  const code = load<u64>(PAGE_CODE + (page << 3));
  if (!code) return;
  const chunks = chunkMask(offset, size);
  if (!(code & chunks)) return;
  let block: usize = isArmed() ? 0 : load<u32>(PAGE_BLOCKS + (page << 2));
  let isPatched = block != 0;
  while (block && isPatched) {
    isPatched = patchBlock(block, u32(page), offset, offset + size);
    block = load<u32>(block);
  }
  if (!isPatched) invalidateCode(u32(page));
  noteMonitored(page, chunks);
}
