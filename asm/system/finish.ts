// The end of an instruction that leaves its block: control flow, mode or what may interrupt it has changed.
import { injecting, leave, unfinished } from '../globals';
import { recordNextRip, recordRip } from '../record';
import { setRip } from './state';

/** The next instruction in sequence follows; injected instructions do not move RIP. */
export function finish(r: usize): void {
  if (!injecting) setRip(recordNextRip(r));
  leave = true;
}

/** A transfer of control to `rip`. */
export function finishAt(rip: u64): void {
  setRip(rip);
  leave = true;
}

/** The instruction goes on later: it is not retired, and RIP still points at it. */
export function finishLater(r: usize): void {
  setRip(recordRip(r));
  unfinished = true;
  leave = true;
}
