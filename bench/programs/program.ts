// What a measured program is.
import type { Width } from '../guest/layout.ts';

/** What is measured: instructions that stay in the run loop, or events that leave it. */
export type Kind = 'code' | 'event';

/** A program that repeats one unit of work for ever and reports a checksum after each. */
export interface Program {
  readonly name: string;
  readonly kind: Kind;
  /** What is counted, in the singular: instruction, round trip, byte … */
  readonly counted: string;
  /** How many of them a unit has. */
  readonly count: number;
  readonly widths: readonly Width[];
  /** Text as source.ts describes it, from the label `start`. */
  readonly source: string;
}
