// A stack frame under construction: gates push onto a stack that may not be the current one yet, and nothing of the
// architectural state may change before the last push succeeded (SDM Vol. 3A "Stack Switching").
import { GPR, SS, TR } from '../layout';
import { raise, TS } from '../fault';
import { faulted } from '../globals';
import { readSystem, supervisorPlace, writeSlow, writeSupervisor } from '../memory';
import { cpl } from '../record';
import { isInLimit, isNull, selectorError, stackMask } from './segment';
import { linear32, RIGHTS_UNUSABLE, segmentBase, segmentLimit, segmentRights, segmentSelector } from './state';

let frameRights: u32 = 0;
let frameBase: u64 = 0;
let frameLimit: u32 = 0;
let frameMask: u64 = 0;
/** Stack pointer after the pushes so far. */
export let framePointer: u64 = 0;
/** Pushes are made with supervisor privilege: the new privilege level is below 3. */
let frameIsSupervisor: bool = false;

/** Where the next items go when they can be written at once: host address above them, and how many bytes there are. */
let frameHost: usize = 0;
let frameLeft: u32 = 0;

/** ESP as an unsigned 32-bit number. */
export function stackPointer(): u64 {
  return u64(load<u32>(GPR + 4 * 8));
}

/** Begins a frame on a stack that is described, but not loaded yet, for privilege level `level`. */
export function openFrame(rights: u32, base: u64, limit: u32, pointer: u64, level: u32): void {
  frameRights = rights;
  frameBase = base;
  frameLimit = limit;
  frameMask = stackMask(rights);
  framePointer = pointer;
  frameIsSupervisor = level < 3;
  frameLeft = 0;
}

/** Looks for room for `bytes` bytes below the pointer in one page that can be written at once. */
function findHost(bytes: u32): void {
  frameLeft = 0;
  const top = framePointer & frameMask;
  if (!frameIsSupervisor || top < bytes) return;
  frameHost = supervisorPlace(linear32(frameBase + top - bytes), bytes) + bytes;
  if (frameHost > bytes) frameLeft = bytes;
}

/** Begins a frame of 8-byte items, which has no segment. */
export function openLongFrame(pointer: u64, level: u32): void {
  frameBase = 0;
  frameMask = u64.MAX_VALUE;
  framePointer = pointer;
  frameIsSupervisor = level < 3;
  findHost(6 * 8);
}

/** Begins a frame on the current stack. */
export function openCurrentFrame(): void {
  openFrame(segmentRights(SS), segmentBase(SS), segmentLimit(SS), stackPointer(), cpl());
}

/** Is there room for `count` items of `size` bytes? */
export function hasFrameRoom(count: u32, size: u32): bool {
  let pointer = framePointer;
  for (let i: u32 = 0; i < count; i++) {
    pointer = (pointer - size) & frameMask;
    if (!isInLimit(frameRights, frameLimit, pointer, size)) return false;
  }
  findHost(count * size);
  return true;
}

/** Pushes one item of 2, 4 or 8 bytes. False after a page fault. */
export function framePush(value: u64, size: u32): bool {
  if (frameLeft >= size) {
    frameLeft -= size;
    frameHost -= size;
    if (size == 4) store<u32>(frameHost, u32(value));
    else if (size == 8) store<u64>(frameHost, value);
    else store<u16>(frameHost, u16(value));
    framePointer -= size;
    return true;
  }
  const at = (framePointer - size) & frameMask;
  const linear = linear32(frameBase + at);
  // an event may be delivered before anything of CPL 3 has run: its TLB arrays are not chosen yet
  if (!frameIsSupervisor) writeSlow(linear, size, value, true);
  else if (size == 4) writeSupervisor<u32>(linear, u32(value));
  else if (size == 8) writeSupervisor<u64>(linear, value);
  else writeSupervisor<u16>(linear, u16(value));
  if (faulted) return false;
  framePointer = (framePointer & ~frameMask) | at;
  return true;
}

/** The stack of an inner privilege level as the TSS gives it. */
export let innerSelector: u32 = 0;
export let innerPointer: u64 = 0;

/** Reads SS:ESP for `level` from the TSS (SDM Vol. 3A "Task-State Segment (TSS)"). False after a fault. */
export function readInnerStack(level: u32): bool {
  const rights = segmentRights(TR);
  const is32 = (rights & 8) != 0;
  const offset = is32 ? (level << 3) + 4 : (level << 2) + 2;
  if (rights & RIGHTS_UNUSABLE || offset + (is32 ? 5 : 3) > segmentLimit(TR)) {
    raise(TS, selectorError(segmentSelector(TR)));
    return false;
  }
  const place = linear32(segmentBase(TR) + offset);
  innerPointer = is32 ? u64(readSystem<u32>(place)) : u64(readSystem<u16>(place));
  if (faulted) return false;
  innerSelector = readSystem<u16>(linear32(place + (is32 ? 4 : 2)));
  if (faulted) return false;
  if (isNull(innerSelector)) {
    raise(TS, selectorError(0));
    return false;
  }
  return true;
}
