// The outer loop: between blocks it delivers faults and events, looks up the next block, and runs single instructions where
// a block cannot be used (everything visible is independent of how blocks happen to be cut).
import {
  ACTIVITY,
  CPL,
  CR0,
  CS,
  CYCLES,
  CYCLE_DEADLINE,
  DOORWAY_PAGE,
  INSTRUCTIONS,
  INSTRUCTION_DEADLINE,
  PAGE_MMIO,
  RAM,
  RIP,
  SEGMENT_LIMIT,
  STOP_ARGUMENT,
  STOP_DEADLINE,
  STOP_DOORWAY,
  STOP_HALT,
  STOP_REASON,
  STOP_REQUEST,
  STOP_REQUESTED,
  REQUEST_YIELD,
  STOP_SHUTDOWN,
  STOP_YIELD,
  STOP_VMX_ABORT,
  TLB_USER,
} from './layout';
import { noteInstructionCounts, publishTime, startInstructionCounts } from './charge';
import { FETCH_BUFFER, SCRATCH } from './block-memory';
import { blockAt, decodeScratch } from './blocks';
import { disarmBreak } from './breaks';
import { findTarget, findTarget64, updateContext } from './jumps';
import { DECODE_MORE, DECODE_TOO_LONG } from './decode';
import { dispatch } from './dispatch';
import { GP, raise } from './fault';
import { AC, changeFlags, hasFlag, RF } from './flags';
import {
  code64,
  current,
  cyclesEnd,
  cyclesLeft,
  faulted,
  inScratch,
  instructionsEnd,
  instructionsLeft,
  leave,
  pageRip,
  tlbBank,
  tlbBase,
  unfinished,
} from './globals';
import { dispatchLong } from './long-mode/loop';
import { effectiveBase, isCanonical } from './long-mode/state';
import { segmentCache } from './memory';
import { linearMask, translate } from './paging';
import { closeGuards, guardsOpen } from './smap';
import { TLB_NEVER } from './tlb';
import { hasToWait, startWaiting, stopsToWait } from './processors/wait';
import { settleStatus } from './fpu/stack';
import { pageKind, readPhysicalSized } from './physical';
import { R_OP, restCost, restCount } from './record';
import { H_DEAD } from './hot';
import { dataBreakpoints } from './system/debug-registers';
import {
  breaksHere,
  checkEvents,
  eventsPending,
  onlyResumes,
  stepEnd,
  stepping,
  stepStart,
  undoStepStart,
} from './system/events';
import { deliverFault } from './system/exception';
import { rsmFailed } from './system/smm';
import { isVirtualInterruptDue } from './system/virtual-8086';
import { interceptDeadline, vmxAborted } from './vmx/intercept-events';

/** No budget is larger, so that sums stay far from overflow. */
const FOREVER: u64 = 1 << 60;

/** Time starts from the state area; `cycles` and `instructions` are absolute deadlines. */
export function startTime(cycles: u64, instructions: u64): void {
  const now = load<u64>(CYCLES);
  const count = load<u64>(INSTRUCTIONS);
  cyclesEnd = min(cycles, now + FOREVER);
  cyclesLeft = i64(cyclesEnd - now);
  instructionsEnd = min(instructions, count + FOREVER);
  instructionsLeft = i64(instructionsEnd - count);
  current = 0;
  startInstructionCounts(count);
}

/** Time goes back to the state area. */
export function endTime(): void {
  current = 0;
  settleStatus();
  noteInstructionCounts();
  publishTime();
}

/** The deadline may have been moved by a device, the VMX-preemption timer by a VM entry. */
export function refreshDeadline(): void {
  const now = cyclesEnd - u64(cyclesLeft);
  cyclesEnd = min(min(load<u64>(CYCLE_DEADLINE), interceptDeadline()), now + FOREVER);
  cyclesLeft = i64(cyclesEnd - now);
}

/** TLB arrays of the hot path: none match while every access has to be looked at. */
export function chooseTlb(): void {
  const user = load<u32>(CPL) == 3;
  if (guardsOpen && (user || !hasFlag(AC))) closeGuards();
  const checks = dataBreakpoints || (user && hasFlag(AC) && load<u32>(CR0) & 0x40000);
  tlbBase = checks ? TLB_NEVER : user ? tlbBank + TLB_USER : tlbBank;
}

function stop(reason: u32): bool {
  store<u32>(STOP_REASON, reason);
  return false;
}

/** What there is to do between blocks. False: `run` returns. */
function between(): bool {
  if (faulted) return !stopsToWait() && deliverFault();
  refreshDeadline();
  const requested = load<u32>(STOP_REQUESTED);
  if (requested) {
    store<u32>(STOP_REQUESTED, 0);
    return stop(requested & REQUEST_YIELD ? STOP_YIELD : STOP_REQUEST);
  }
  if (instructionsLeft <= 0) return stop(STOP_DEADLINE);
  if (cyclesLeft <= 0 && cyclesEnd - u64(cyclesLeft) >= load<u64>(CYCLE_DEADLINE)) return stop(STOP_DEADLINE);
  if (eventsPending() && checkEvents()) return true;
  if (cyclesLeft <= 0) return stop(STOP_DEADLINE);
  if (load<u32>(ACTIVITY) != 0) return stop(vmxAborted() ? STOP_VMX_ABORT : rsmFailed() ? STOP_SHUTDOWN : STOP_HALT);
  return enter();
}

/** Executes the block at `r` and all it leads to. False: there is not enough time for all of it. */
function runBlock(r: usize): bool {
  const cycles = cyclesLeft - i64(restCost(r));
  const count = instructionsLeft - i64(restCount(r));
  if ((cycles | count) < 0) return false;
  cyclesLeft = cycles;
  instructionsLeft = count;
  // cleared before the first instruction, which may push the flags
  changeFlags(RF, 0);
  if (code64) dispatchLong(r);
  else dispatch(r);
  return true;
}

/** Executes from RIP: a block and all it leads to, or one instruction. False: `run` returns. */
function enter(): bool {
  updateContext();
  chooseTlb();
  if (breaksHere()) return true;
  const rip = load<u64>(RIP);
  const isStepping = stepping() && !onlyResumes();
  const isVirtualDue = isVirtualInterruptDue();
  if (!isStepping && !isVirtualDue) {
    // what the jump cache knows has been looked at before
    const known = code64 ? findTarget64(rip) : findTarget(rip);
    if (known && load<u16>(known, R_OP) != H_DEAD && runBlock(known)) return true;
  }
  if (code64 ? !isCanonical(rip) : rip > u64(load<u32>(segmentCache(CS), SEGMENT_LIMIT))) {
    raise(GP, 0);
    return true;
  }
  if (isVirtualDue) {
    raise(GP, 0);
    return true;
  }
  const linear = (effectiveBase(CS) + rip) & linearMask;
  const physical = translate(linear, 2, load<u32>(CPL) == 3);
  if (faulted) return true;
  const page = physical >> 12;
  if (page + 1 == load<u32>(DOORWAY_PAGE)) {
    store<u32>(STOP_ARGUMENT, u32(physical) & 0xfff);
    return stop(STOP_DOORWAY);
  }
  if (!isStepping && pageKind(page) != PAGE_MMIO) {
    const r = blockAt(rip, linear, physical);
    if (r && (runBlock(r) || cyclesLeft <= 0)) return true;
  }
  step(rip, linear, physical);
  return true;
}

/** Copies `n` bytes of code at a physical address into the fetch buffer. */
function fetchBytes(physical: u64, at: u32, n: u32): void {
  for (let i: u32 = 0; i < n; i++) store<u8>(FETCH_BUFFER + at + i, u8(readPhysicalSized(physical + i, 1)));
}

/** Where the bytes of the instruction in the scratch slot lie: host addresses in its page and in the next, 0 for not in RAM. */
let scratchHost: usize = 0;
let scratchNext: usize = 0;
/**
 * Some of its bytes came from a device. A repeated instruction is then fetched again for every iteration, as it is when the
 * time slice ends between two of them: reading a device has effects and costs time.
 */
export let scratchFromDevice: bool = false;

/** Mixes the aligned words of [host, host + 16) that lie in the page of `host`. */
function mixWords(host: usize, mix: u64): u64 {
  const end = min<usize>(host + 16, (host | 0xfff) + 1);
  for (let at = host & ~7; at < end; at += 8) mix = (mix ^ load<u64>(at)) * 0x9e3779b97f4a7c15;
  return mix;
}

/** A digest of the bytes the instruction in the scratch slot was decoded from, as they are now. */
export function scratchDigest(): u64 {
  let mix: u64 = 0;
  if (scratchHost) mix = mixWords(scratchHost, mix);
  if (scratchNext) mix = mixWords(scratchNext, mix);
  return mix;
}

/** True if `host` lies in a page the instruction in the scratch slot came from. */
export function isScratchPage(host: usize): bool {
  const page = host >> 12;
  return page == scratchHost >> 12 || page == scratchNext >> 12;
}

/** Decodes the instruction at RIP into the scratch slot; it may cross into the next page. False: a fault is pending. */
function fetchScratch(rip: u64, linear: u64, physical: u64): bool {
  const offset = u32(linear) & 0xfff;
  const limit: u64 = load<u32>(segmentCache(CS), SEGMENT_LIMIT);
  const inSegment: u32 = code64 ? 15 : u32(min<u64>(15, limit - rip + 1));
  const inPage = min<u32>(inSegment, 0x1000 - offset);
  let length: u32;
  scratchHost = 0;
  scratchNext = 0;
  if (pageKind(physical >> 12) != PAGE_MMIO) scratchHost = RAM + usize(physical);
  scratchFromDevice = !scratchHost;
  if (scratchHost) length = decodeScratch(scratchHost, inPage, offset);
  else {
    fetchBytes(physical, 0, inPage);
    length = decodeScratch(FETCH_BUFFER, inPage, offset);
  }
  if (length == DECODE_MORE && inPage < inSegment) {
    const beyond = (linear + inPage) & linearMask;
    if (code64 && !isCanonical(beyond)) {
      raise(GP, 0);
      return false;
    }
    const next = translate(beyond, 2, load<u32>(CPL) == 3);
    if (faulted) return false;
    fetchBytes(physical, 0, inPage);
    fetchBytes(next, inPage, inSegment - inPage);
    if (pageKind(next >> 12) != PAGE_MMIO) scratchNext = RAM + usize(next);
    else scratchFromDevice = true;
    length = decodeScratch(FETCH_BUFFER, inSegment, offset);
  }
  // more bytes than the segment or an instruction may have
  if (length == DECODE_MORE || length == DECODE_TOO_LONG) raise(GP, 0);
  return !faulted;
}

/** Runs the record in the scratch slot. */
export function runScratch(): void {
  cyclesLeft -= restCost(SCRATCH);
  instructionsLeft -= restCount(SCRATCH);
  inScratch = true;
  unfinished = false;
  if (code64) dispatchLong(SCRATCH);
  else dispatch(SCRATCH);
  inScratch = false;
}

/** One instruction outside the block cache. */
function step(rip: u64, linear: u64, physical: u64): void {
  const single = stepping();
  if (single) stepStart();
  pageRip = rip - (linear & 0xfff);
  if (!fetchScratch(rip, linear, physical)) return;
  runScratch();
  scratchHost = 0;
  scratchNext = 0;
  scratchFromDevice = false;
  if (!single) return;
  if (!faulted) stepEnd(!unfinished);
  else if (hasToWait()) undoStepStart();
}

/** Runs until something stops it: STOP_REASON says what. */
export function run(): void {
  startTime(load<u64>(CYCLE_DEADLINE), load<u64>(INSTRUCTION_DEADLINE));
  startWaiting();
  do {
    disarmBreak();
    leave = false;
    unfinished = false;
    current = 0;
  } while (between());
  endTime();
}
