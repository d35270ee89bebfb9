// Leaving a block early: something has happened that the run loop has to look at before the next instruction.
import { H_BREAK } from './hot';
import { current, cyclesEnd, cyclesLeft } from './globals';
import { R_OP, RECORD_SIZE } from './record';

let armed: bool = false;
let brokenRecord: usize = 0;
let brokenOp: u16 = 0;
/** More than any budget: subtracted from cyclesLeft so that every block entry is refused. */
const REFUSE: i64 = 1 << 62;

/** Makes the run loop leave the block after the current instruction and refuse to enter another. */
export function armBreak(): void {
  if (armed || !current) return;
  armed = true;
  cyclesLeft -= REFUSE;
  cyclesEnd -= REFUSE;
  brokenRecord = current + RECORD_SIZE;
  brokenOp = load<u16>(brokenRecord, R_OP);
  store<u16>(brokenRecord, u16(H_BREAK), R_OP);
}

/** Is the record behind the running one marked by `armBreak`? */
export function isArmed(): bool {
  return armed;
}

/** Takes back `armBreak` after the block was left. */
export function disarmBreak(): void {
  if (!armed) return;
  armed = false;
  cyclesLeft += REFUSE;
  cyclesEnd += REFUSE;
  if (load<u16>(brokenRecord, R_OP) == H_BREAK) store<u16>(brokenRecord, brokenOp, R_OP);
}
