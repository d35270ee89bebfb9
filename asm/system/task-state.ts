// What a task-state segment holds, and moving it to and from the registers (SDM Vol. 3A "Task-State Segment (TSS)", "16-Bit
// Task-State Segment (TSS)"). The SDM leaves the upper halves of general registers loaded from a 16-bit TSS open: they are
// all ones here, as tests written against processors expect.
import { CR3, ES, FS, GPR, GS } from '../layout';
import { faulted } from '../globals';
import { probeSystem, readSystem, writeSystem } from '../memory';
import { setSegment } from './segment';
import { linear32, RIGHTS_UNUSABLE, segmentSelector } from './state';

/** Highest offset that a TSS must have within its limit. */
const LIMIT_16: u32 = 0x2b;
const LIMIT_32: u32 = 0x67;

// Offsets. General registers and segment selectors follow one another in the order of their numbers.
const RIP_16: u32 = 0x0e;
const FLAGS_16: u32 = 0x10;
const REGISTERS_16: u32 = 0x12;
const SELECTORS_16: u32 = 0x22;
const LDT_16: u32 = 0x2a;
const CR3_32: u32 = 0x1c;
const RIP_32: u32 = 0x20;
const FLAGS_32: u32 = 0x24;
const REGISTERS_32: u32 = 0x28;
const SELECTORS_32: u32 = 0x48;
const LDT_32: u32 = 0x60;
const TRAP_32: u32 = 0x64;

/** What a switch writes of the old TSS lies in front of this. */
const SAVED_END_16: u32 = 0x2a;
const SAVED_END_32: u32 = 0x60;

/** The part of a new task's state that the switch itself has to look at. */
export let taskRip: u64 = 0;
export let taskFlags: u64 = 0;
export let taskLdt: u32 = 0;
/** T flag: a debug exception before the task's first instruction. */
export let taskTraps: bool = false;

/** Is a TSS with this limit long enough to be switched to? */
export function isTaskComplete(is32: bool, limit: u32): bool {
  return limit >= (is32 ? LIMIT_32 : LIMIT_16);
}

/** Is a TSS with this limit long enough to take the state of the task that is left? */
export function takesState(is32: bool, limit: u32): bool {
  return limit >= (is32 ? SAVED_END_32 : SAVED_END_16) - 1;
}

/** Can the state be saved at `base` without a page fault? Raises it if not. */
export function probeSave(is32: bool, base: u64): bool {
  const first = is32 ? RIP_32 : RIP_16;
  const end = is32 ? SAVED_END_32 : SAVED_END_16;
  probeSystem(linear32(base + first), end - first);
  return !faulted;
}

/** Can the TSS at `base` be read without a page fault? Raises it if not. */
export function probeLoad(is32: bool, base: u64): bool {
  readSystem<u8>(base);
  if (!faulted) readSystem<u8>(base + (is32 ? LIMIT_32 : LIMIT_16));
  return !faulted;
}

/** CR3 of the task whose TSS lies at `base`; a 16-bit TSS has none and the present one stays. */
export function readCr3(is32: bool, base: u64): u64 {
  return is32 ? u64(readSystem<u32>(base + CR3_32)) : load<u64>(CR3);
}

/** Saves general registers, segment selectors and these values of EIP and EFLAGS. */
export function saveState(is32: bool, base: u64, rip: u64, flags: u64): void {
  if (!is32) {
    saveState16(base, rip, flags);
    return;
  }
  writeSystem<u32>(base + RIP_32, u32(rip));
  writeSystem<u32>(base + FLAGS_32, u32(flags));
  for (let n: u32 = 0; n < 8; n++) writeSystem<u32>(base + REGISTERS_32 + (n << 2), load<u32>(GPR + (n << 3)));
  // the upper halves of the selectors' places are reserved and stay
  for (let seg: u32 = ES; seg <= <u32>GS; seg++) {
    writeSystem<u16>(base + SELECTORS_32 + (seg << 2), u16(segmentSelector(seg)));
  }
}

function saveState16(base: u64, rip: u64, flags: u64): void {
  writeSystem<u16>(base + RIP_16, u16(rip));
  writeSystem<u16>(base + FLAGS_16, u16(flags));
  for (let n: u32 = 0; n < 8; n++) writeSystem<u16>(base + REGISTERS_16 + (n << 1), load<u16>(GPR + (n << 3)));
  for (let seg: u32 = ES; seg < <u32>FS; seg++) {
    writeSystem<u16>(base + SELECTORS_16 + (seg << 1), u16(segmentSelector(seg)));
  }
}

/** A segment register has its selector, and is unusable until its descriptor has been checked. */
function setSelector(seg: u32, selector: u32): void {
  setSegment(seg, selector, RIGHTS_UNUSABLE, 0, 0);
}

/** Loads general registers and segment selectors, and leaves the rest in `task…`. */
export function loadState(is32: bool, base: u64): void {
  if (!is32) {
    loadState16(base);
    return;
  }
  taskRip = readSystem<u32>(base + RIP_32);
  taskFlags = readSystem<u32>(base + FLAGS_32);
  taskLdt = readSystem<u16>(base + LDT_32);
  taskTraps = (readSystem<u16>(base + TRAP_32) & 1) != 0;
  for (let n: u32 = 0; n < 8; n++) store<u64>(GPR + (n << 3), readSystem<u32>(base + REGISTERS_32 + (n << 2)));
  for (let seg: u32 = ES; seg <= <u32>GS; seg++) {
    setSelector(seg, readSystem<u16>(base + SELECTORS_32 + (seg << 2)));
  }
}

function loadState16(base: u64): void {
  taskRip = readSystem<u16>(base + RIP_16);
  taskFlags = readSystem<u16>(base + FLAGS_16);
  taskLdt = readSystem<u16>(base + LDT_16);
  taskTraps = false;
  for (let n: u32 = 0; n < 8; n++) {
    store<u64>(GPR + (n << 3), 0xffff0000 | u64(readSystem<u16>(base + REGISTERS_16 + (n << 1))));
  }
  for (let seg: u32 = ES; seg < <u32>FS; seg++) setSelector(seg, readSystem<u16>(base + SELECTORS_16 + (seg << 1)));
  setSelector(FS, 0);
  setSelector(GS, 0);
}
