// The modes a recorded vector can run in. A vector was recorded in protected (or 64-bit) mode at CPL 3; most of the 16-bit ones
// mean the same in real-address and virtual-8086 mode.
import type { Vector } from './vector-file.ts';

/** How an instruction is run: alone, or as the head of a decoded block whose next instruction is INT3. */
export type Engine = 'single' | 'block';

/** State after a vector ran. */
export interface Outcome {
  exception: number;
  /** Undefined where the mode has no error codes. */
  readonly error: number | undefined;
  ip: bigint;
  readonly eflags: number;
  readonly rsp: bigint;
  readonly cs: number;
  readonly ss: number;
  /** What the delivery of an exception wrote into the vector's own stack. */
  readonly touched?: readonly { readonly address: number; readonly length: number }[];
}

/** What surrounds a vector: tables, control registers, the way an exception is seen. */
export interface Surroundings {
  /** Puts the CPU into the mode with the vector's segments and these flags. */
  enter(eflags: number, reload: boolean): void;
  /** An instruction that was run alone has gone to its handler already. */
  hasLeft(): boolean;
  /** After a stop at the doorway's entry, or, when `entry` is undefined, behind the instruction. */
  outcome(entry: number | undefined): Outcome;
  /** Is what was recorded what this mode does? */
  holds(v: Vector, engine: Engine): boolean;
  /** Flags after the vector that cannot be compared. */
  ignoredFlags(v: Vector, outcome: Outcome): number;
}

/** The modes by name. */
export type Mode = 'recorded' | 'real' | 'virtual-8086';

/** Vectors that push an error code. */
export const WITH_ERROR: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);
