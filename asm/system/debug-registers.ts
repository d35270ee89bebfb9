// Debug registers: MOV DR, breakpoint matching (SDM Vol. 3B "Debug, Branch Profile, TSC, and Intel RDT Features").

/** True while DR7 enables a data breakpoint (its pages are kept out of the TLB fast path). */
export let dataBreakpoints: bool = false;

/** Does an enabled data breakpoint lie in this linear page? Asked when a TLB entry is filled. */
export function isWatchedPage(linear: u64): bool {
  return false;
}

/** A data access to a watched page has been made: notes matching breakpoints in PENDING_DEBUG. */
export function noteDataAccess(linear: u64, size: u32, write: bool): void {}
