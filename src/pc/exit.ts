// How a run ends and the exit status each ending has. Debug exit gives odd statuses only ((value << 1) | 1), so the
// endings a guest did not choose have even ones; 1 and 2 stay free for errors of the tool and of its usage.

/** What a guest can do to its chips to end the run. */
export type PlatformExit =
  | { readonly reason: 'power-off'; readonly status: 0 }
  | { readonly reason: 'debug-exit'; readonly status: number }
  | { readonly reason: 'reset'; readonly status: typeof STATUS_RESET };

/** Triple fault: the processor shut down. */
export const STATUS_SHUTDOWN = 4;
/** The instruction limit was reached. */
export const STATUS_LIMIT = 6;
/** Halted with nothing that could ever wake it. */
export const STATUS_IDLE = 8;
/** The guest asked for a reset; there is no firmware to start again. */
export const STATUS_RESET = 10;
/** VMX abort. */
export const STATUS_VMX_ABORT = 12;

/** Why `Machine.runUntil` returned. */
export type MachineStop =
  | PlatformExit
  /** `report` names the chain of exceptions that led to it. */
  | { readonly reason: 'shutdown'; readonly status: typeof STATUS_SHUTDOWN; readonly report: string }
  | { readonly reason: 'vmx-abort'; readonly status: typeof STATUS_VMX_ABORT; readonly report: string }
  /** HLT and no event is due; with `wakeable` input from outside could go on. */
  | { readonly reason: 'idle'; readonly status: typeof STATUS_IDLE; readonly wakeable: boolean }
  /** The caller's limit of instructions or cycles. */
  | { readonly reason: 'limit'; readonly status: typeof STATUS_LIMIT }
  /** `requestStop` was called. */
  | { readonly reason: 'request'; readonly status: 0 };
