// What a VMM did, as named counts. Every entry into the VMM, everything it emulated and every page-table event is
// counted here; `--stats` prints them and `compare` tells its story from them. Counting costs the guest nothing.

import type { Fields, Stateful } from '../machine/stateful.ts';
import { fieldsField, numberField } from '../machine/stateful.ts';

/** The groups of counts. */
export const COUNTER_GROUPS = [
  /** VM exits by reason name. */
  'exits',
  /** Entries through the host IDT from the guest, by vector name (`#PF`, `#GP`, `int 0x80`, `timer`). */
  'traps',
  /** Instructions emulated, by mnemonic. */
  'emulated',
  /** Entries from translated code, by kind. */
  'callouts',
  'hypercalls',
  /** Shadow paging: fill, hidden-fault, true-fault, trace-write, sync, root-switch, root-new, flush, mmio … */
  'shadow',
  /** Direct paging under paravirtual: updates, pins, validations, flushes, refusals by their reason. */
  'paging',
  /** Events delivered into the guest, by vector name. */
  'injected',
  /** Binary translation: blocks, instructions, chained, adapted, reverted, invalidated, flushed … */
  'translation',
] as const;
/** One of them. */
export type CounterGroup = (typeof COUNTER_GROUPS)[number];

/** Named counts in groups. */
export class VmmCounters implements Stateful {
  readonly name = 'vmm counters';
  readonly version = 1;
  readonly #groups: Record<CounterGroup, Map<string, number>>;
  /** Guest instructions the VMM emulated in place of the CPU. */
  instructionsEmulated = 0;
  /** Entries into the VMM of any kind (traps, callouts, hypercalls, VM exits, host interrupts). */
  entries = 0;

  constructor() {
    this.#groups = Object.fromEntries(COUNTER_GROUPS.map((group) => [group, new Map()])) as Record<
      CounterGroup,
      Map<string, number>
    >;
  }

  add(group: CounterGroup, name: string, times = 1): void {
    const counts = this.#groups[group];
    counts.set(name, (counts.get(name) ?? 0) + times);
  }

  get(group: CounterGroup, name: string): number {
    return this.#groups[group].get(name) ?? 0;
  }

  total(group: CounterGroup): number {
    let sum = 0;
    for (const count of this.#groups[group].values()) sum += count;
    return sum;
  }

  /** All counts of a group, most frequent first. */
  group(group: CounterGroup): Record<string, number> {
    const sorted = [...this.#groups[group]].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    return Object.fromEntries(sorted);
  }

  /** All groups that counted anything, plus totals; the shape `--stats` prints. */
  toJSON(): Record<string, number | Record<string, number>> {
    const result: Record<string, number | Record<string, number>> = {
      entries: this.entries,
      instructionsEmulated: this.instructionsEmulated,
    };
    for (const group of COUNTER_GROUPS) if (this.#groups[group].size > 0) result[group] = this.group(group);
    return result;
  }

  /** Flat `group/name` → count, for differences between two moments. */
  flat(): Record<string, number> {
    const result: Record<string, number> = { entries: this.entries, instructionsEmulated: this.instructionsEmulated };
    for (const group of COUNTER_GROUPS) {
      for (const [name, count] of this.#groups[group]) result[`${group}/${name}`] = count;
    }
    return result;
  }

  save(): Fields {
    const groups: Fields = {};
    for (const group of COUNTER_GROUPS) groups[group] = Object.fromEntries(this.#groups[group]);
    return { entries: this.entries, instructionsEmulated: this.instructionsEmulated, groups };
  }

  load(fields: Fields): void {
    this.entries = numberField(fields, 'entries');
    this.instructionsEmulated = numberField(fields, 'instructionsEmulated');
    const groups = fieldsField(fields, 'groups');
    for (const group of COUNTER_GROUPS) {
      this.#groups[group].clear();
      for (const [name, count] of Object.entries(fieldsField(groups, group))) {
        if (typeof count === 'number') this.#groups[group].set(name, count);
      }
    }
  }
}

/** Names of the architecture's exceptions by vector (SDM Vol. 3 "Exception and Interrupt Vectors"). */
export const EXCEPTION_NAMES: readonly string[] = [
  '#DE',
  '#DB',
  'NMI',
  '#BP',
  '#OF',
  '#BR',
  '#UD',
  '#NM',
  '#DF',
  'coprocessor overrun',
  '#TS',
  '#NP',
  '#SS',
  '#GP',
  '#PF',
  'vector 15',
  '#MF',
  '#AC',
  '#MC',
  '#XM',
];

/** `#GP`, or `vector 0x20` for what is no exception. */
export function vectorName(vector: number): string {
  return EXCEPTION_NAMES[vector] ?? `vector 0x${vector.toString(16)}`;
}
