// Time among several processors. They run one after another, each a little ahead of the rest; clocks and devices must
// nevertheless see time go forward only. So an instruction that reads the time or touches a device runs when no other
// processor is behind it: until then it has not happened, like an instruction that faults.
import { OTHERS_TIME, REQUEST_YIELD, STOP_REASON, STOP_REQUESTED, STOP_YIELD } from '../layout';
import { armBreak } from '../breaks';
import { exactCycles, exactInstructions } from '../charge';
import { clearFault, faultVector, raise } from '../fault';
import { current, injecting } from '../globals';
import { endDelivery } from '../system/interrupt';
import { endIret } from '../system/iret';

/** In place of an exception's vector: the instruction has to wait. */
const FAULT_WAIT: u32 = 0x101;

/** Instructions retired before the one that may go on: its further accesses belong to the same moment. */
let passed: u64 = u64.MAX_VALUE;

/** A run starts: nobody has waited yet. */
export function startWaiting(): void {
  passed = u64.MAX_VALUE;
}

/** Has the instruction to wait for other processors? Then it has "faulted". */
// @ts-ignore: decorator
@inline
export function mustWait(): bool {
  return load<u64>(OTHERS_TIME) != u64.MAX_VALUE && isAhead();
}

function isAhead(): bool {
  // what happens between instructions cannot be taken back
  if (!current || injecting) return false;
  const count = exactInstructions();
  if (count == passed) return false;
  if (exactCycles() <= load<u64>(OTHERS_TIME)) {
    passed = count;
    return false;
  }
  raise(FAULT_WAIT, 0);
  return true;
}

/** Is the "fault" that was raised one of these? */
export function hasToWait(): bool {
  return faultVector == FAULT_WAIT;
}

/** Instead of delivering a fault: true if it was an instruction that has to wait, and `run` returns. */
export function stopsToWait(): bool {
  if (!hasToWait()) return false;
  clearFault();
  endDelivery();
  endIret();
  store<u32>(STOP_REASON, STOP_YIELD);
  return true;
}

/** Lets others run after this instruction. */
export function yieldProcessor(): void {
  store<u32>(STOP_REQUESTED, load<u32>(STOP_REQUESTED) | REQUEST_YIELD);
  armBreak();
}

/** PAUSE: whoever spins ahead of the others waits for something that they have yet to do. */
export function spin(): void {
  if (load<u64>(OTHERS_TIME) != u64.MAX_VALUE && exactCycles() >= load<u64>(OTHERS_TIME)) yieldProcessor();
}
