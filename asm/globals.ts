// The core's working variables as module globals: time left, lazy flags, fault and leave marks.
// Whatever outlives `run` is in linear memory (layout.ts); these are derived from it at entry.

/**
 * Cycles and instructions left before the current slice ends, with the whole running block already subtracted.
 * Negative only while a block entry is being refused. Change cycles through `charge`.
 */
export let cyclesLeft: i64 = 0;
export let instructionsLeft: i64 = 0;
/** CYCLES and INSTRUCTIONS at the moment when nothing is left: now = end - left. */
export let cyclesEnd: u64 = 0;
export let instructionsEnd: u64 = 0;

/** Result of the last flag-setting operation, sign-extended: ZF, SF and PF come from it (see flags.ts). */
export let flagResult: i64 = 1;
/** Carry vector and corrections: CF, OF, AF, and what makes SF and PF differ from `flagResult` (see flags.ts). */
export let flagAux: u32 = 0;
/** All bits of RFLAGS but OF SF ZF AF PF CF; bit 1 is set. */
export let otherFlags: u64 = 2;

/** An exception (or a VM exit inside a memory access) was raised: every caller returns at once without committing. */
export let faulted: bool = false;
/** The handler stored RIP: leave the block and look at events. */
export let leave: bool = false;
/** With `leave`: the instruction is not complete (REP between two iterations) and RIP still points at it. */
export let unfinished: bool = false;
/** The fault that was raised belongs to a task that has just been switched to: RIP is not that of the instruction any more. */
export let ripIsFinal: bool = false;
/** The record being executed by a cold handler. */
export let current: usize = 0;
/** RIP of offset 0 of the linear page the running block lies in: RIP of a record is this + its offset. */
export let pageRip: u64 = 0;
/** Mask of the instruction pointer: 0xffffffff outside 64-bit code. */
export let ripMask: u64 = 0xffffffff;
/** The code that runs is 64-bit code (EFER.LMA and CS.L). */
export let code64: bool = false;
/** Bank of the TLB that translates now (tlb-banks.ts). */
export let tlbBank: usize = 0x80000;
/** TLB arrays of the current privilege: those of tlbBank, from TLB_USER on at CPL 3. */
export let tlbBase: usize = 0x80000;
/** True while `inject` runs an instruction for ring-0 software above the doorway. */
export let injecting: bool = false;
/** True while a record from the scratch slot runs (a single instruction, not a block). */
export let inScratch: bool = false;
