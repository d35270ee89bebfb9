// What happens to a fault: log, VMX, #DF, triple fault, delivery (SDM Vol. 3A "Interrupt 8—Double Fault Exception (#DF)").

/**
 * Called by the outer loop when `faulted`; RIP in the state points at the faulting instruction. True: go on executing;
 * false: shutdown (STOP_REASON is set) and `run` returns.
 */
export function deliverFault(): bool {
  return true;
}
