// Everything that can happen between two instructions, in the order of SDM Vol. 3A "Prioritization of Concurrent Events".

/** Cheap question in front of `checkEvents`: could anything be pending? */
export function eventsPending(): bool {
  return false;
}

/**
 * Between instructions: debug traps, VMX windows, NMI, INTR. Wakes HLT. True: something was delivered, exited or faulted,
 * so start again at the top of the outer loop (`faulted` first). False: go on with the instruction at RIP.
 */
export function checkEvents(): bool {
  return false;
}

/**
 * True while instructions have to run one by one between `stepStart` and `stepEnd`: TF, RF, code breakpoints, the shadow
 * of STI or MOV SS, the VMX monitor trap flag.
 */
export function stepping(): bool {
  return false;
}

/** Before a lone instruction: code breakpoints. False: #DB was raised (`faulted`), do not execute it. */
export function stepStart(): bool {
  return true;
}

/** After a lone instruction that did not fault (for REP: after each interruptible part; `finished` when it is complete). */
export function stepEnd(finished: bool): void {}
