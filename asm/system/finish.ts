// The end of an instruction that leaves its block: control flow, mode or what may interrupt it has changed. Instructions
// that only read system state just return; their block goes on to the next one.
import { INTERRUPTIBILITY } from '../layout';
import { changeFlags, RF } from '../flags';
import { injecting, leave, unfinished } from '../globals';
import { recordNextRip, recordRip } from '../record';
import { setRip } from './state';

/** The next instruction in sequence follows; injected instructions do not move RIP, and any shadow of STI or MOV SS is over. */
export function finish(r: usize): void {
  if (injecting) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~3);
  else setRip(recordNextRip(r));
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
  // an interrupt between two iterations pushes RF = 1 (SDM Vol. 3B "Instruction-Breakpoint Exception Condition")
  changeFlags(0, RF);
  unfinished = true;
  leave = true;
}
