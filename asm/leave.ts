// The ways out of a block: what was paid for instructions that did not run is given back, and RIP is stored.
import { RIP } from './layout';
import { current, cyclesLeft, injecting, instructionsLeft, ripIsFinal, unfinished } from './globals';
import { H_END } from './hot';
import { R_OP, RECORD_SIZE, recordRip, restCost, restCount } from './record';

function refund(r: usize): void {
  cyclesLeft += restCost(r);
  instructionsLeft += restCount(r);
  current = 0;
}

/** Before record `r` runs: its block was dropped or a break is armed. */
export function leaveBefore(r: usize): void {
  refund(r);
  if (!injecting) store<u64>(RIP, recordRip(r));
}

/** Record `r` raised a fault. */
export function leaveFaulted(r: usize): void {
  refund(r);
  if (ripIsFinal) ripIsFinal = false;
  else store<u64>(RIP, recordRip(r));
}

/** Record `r` is done and its handler stored RIP. */
export function leaveAfter(r: usize): void {
  if (unfinished) refund(r);
  else if (load<u16>(r, R_OP) != H_END) refund(r + RECORD_SIZE);
  current = 0;
}

/** The block at `r` was not entered: nothing was paid. */
export function leaveRefused(r: usize): void {
  current = 0;
  store<u64>(RIP, recordRip(r));
}
