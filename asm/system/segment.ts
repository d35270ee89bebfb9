// Segment registers: descriptor caches, their checks and the bounds the fast path uses
// (SDM Vol. 3A "Protected-Mode Memory Management" and "Protection").

/** Loads ES, SS, DS, FS or GS the way MOV, POP and LDS do. Then `if (faulted) return`; nothing has changed after a fault. */
export function loadSegment(seg: u32, selector: u32): void {}

/** Recomputes the bounds of one segment after its cache was written. */
export function recomputeSegment(seg: u32): void {}

/** All six, and whatever else is derived from CPL and descriptor caches (host or VM entry wrote them). */
export function recomputeSegments(): void {}

/** Changes CPL and all that is derived from it. */
export function setCpl(cpl: u32): void {}

/**
 * The slow check behind SEGMENT_READ_END/WRITE_END: is an access of `size` bytes at effective address `ea` legal?
 * Raises #SS(0) for SS, #GP(0) for the others.
 */
export function checkSegment(seg: u32, ea: u64, size: u32, write: bool): bool {
  return true;
}
