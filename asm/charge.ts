// Modelled time inside the run loop: static costs are charged per block, everything dynamic goes through `charge`.
import {
  COSTS,
  COUNT_NON_ROOT_INSTRUCTIONS,
  COUNT_USER_INSTRUCTIONS,
  CPL,
  CYCLES,
  INSTRUCTIONS,
  VMX_ROOT,
} from './layout';
import { current, cyclesEnd, cyclesLeft, injecting, inScratch, instructionsEnd, instructionsLeft } from './globals';
import { RECORD_SIZE, restCost, restCount } from './record';
import { armBreak } from './breaks';

/** Charges `n` times the cost of a class. If that reaches the deadline, the block is left after this instruction. */
export function charge(costClass: u32, n: u32): void {
  chargeCycles(u64(load<u32>(COSTS + (costClass << 2))) * n);
}

/** Charges a number of cycles. */
export function chargeCycles(cycles: u64): void {
  cyclesLeft -= i64(cycles);
  if (cyclesLeft < 0) armBreak();
}

/** Modelled cycles now: everything before the current instruction, and what it charged dynamically. */
export function exactCycles(): u64 {
  return cyclesEnd - u64(cyclesLeft) - (current ? restCost(current) : 0);
}

/** Retired instructions now, without the current one. */
export function exactInstructions(): u64 {
  return instructionsEnd - u64(instructionsLeft) - (current ? restCount(current) : 0);
}

/** Stores the exact time where the host reads it (before every import is called). */
export function publishTime(): void {
  store<u64>(CYCLES, exactCycles());
  store<u64>(INSTRUCTIONS, exactInstructions());
}

let countedUntil: u64 = 0;
let countingUser: bool = false;
let countingNonRoot: bool = false;

/**
 * Credits the instructions retired since the last call to the privilege they ran at. Called when CPL changes, at VM exit, and
 * at the end of a run.
 */
export function noteInstructionCounts(): void {
  credit(exactInstructions());
}

/** VM entry: VMLAUNCH or VMRESUME, which is about to retire, still belongs to root operation. */
export function noteEnteredGuest(): void {
  credit(exactInstructions() + 1);
}

function credit(now: u64): void {
  const n = now - countedUntil;
  if (countingUser) store<u64>(COUNT_USER_INSTRUCTIONS, load<u64>(COUNT_USER_INSTRUCTIONS) + n);
  if (countingNonRoot) store<u64>(COUNT_NON_ROOT_INSTRUCTIONS, load<u64>(COUNT_NON_ROOT_INSTRUCTIONS) + n);
  startInstructionCounts(now);
}

/** Counting starts at `now` with the present privilege. */
export function startInstructionCounts(now: u64): void {
  countedUntil = now;
  countingUser = load<u32>(CPL) == 3;
  countingNonRoot = load<u32>(VMX_ROOT) == 2;
}
