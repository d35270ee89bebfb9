// What a cost profile is: cycles for every cost class of the CPU model, each with where the figure comes from. Profiles
// hold primitive costs only. What a technique costs emerges from them and from what its VMM does; no published cost of
// a VMM is ever an input.

import { COST_CLASSES, type CostClass } from '../../isa/cost-classes.ts';

/** Where a figure comes from. */
export type Source =
  /** Printed in the cited source. */
  | 'published'
  /** Follows from published figures by the arithmetic given in the note. */
  | 'derived'
  /** No source: set by the rule given in the note. */
  | 'assumed';

/** Cycles of one unit of a cost class. */
export interface Cost {
  readonly cycles: number;
  readonly source: Source;
  readonly note: string;
}

/** A processor's primitive costs. */
export interface CostProfile {
  readonly name: string;
  readonly title: string;
  /** Where the anchors were published. */
  readonly reference: string;
  readonly frequencyHz: number;
  readonly costs: Readonly<Record<CostClass, Cost>>;
}

/** The table the core reads, indexed by cost class number. */
export function costTable(profile: CostProfile): Uint32Array {
  const table = new Uint32Array(128);
  COST_CLASSES.forEach((name, number) => {
    table[number] = profile.costs[name].cycles;
  });
  return table;
}

/** A figure printed in a source. */
export function published(cycles: number, note: string): Cost {
  return { cycles, source: 'published', note };
}

/** A figure that follows from printed ones. */
export function derived(cycles: number, note: string): Cost {
  return { cycles, source: 'derived', note };
}

/** A figure without a source. */
export function assumed(cycles: number, note: string): Cost {
  return { cycles, source: 'assumed', note };
}
