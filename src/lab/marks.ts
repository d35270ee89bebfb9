// What a benchmark says while it runs: when a timed loop begins (`mark NAME`) and what it measured
// (`bench NAME iterations N cycles C`); the counters between the two lines belong to that benchmark.
import type { Measurement } from './comparison.ts';

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Named counts. */
export type Counts = Record<string, number>;

/** Watches output for marks and keeps the counters of each benchmark. */
export class Marks {
  readonly measurements: Measurement[] = [];
  output = '';
  #line = '';
  #marked: { readonly name: string; readonly counts: Counts } | undefined;
  #after: Counts | undefined;
  readonly #counts: () => Counts;

  constructor(counts: () => Counts) {
    this.#counts = counts;
  }

  byte(value: number): void {
    this.output += String.fromCharCode(value);
    if (value === CARRIAGE_RETURN) return;
    if (value === NEWLINE) {
      this.#endOfLine(this.#line);
      this.#line = '';
      return;
    }
    if (this.#line === '' && this.#marked) this.#after = this.#counts();
    this.#line += String.fromCharCode(value);
  }

  #endOfLine(line: string): void {
    const mark = /^mark (\S+)$/.exec(line);
    if (mark) {
      this.#marked = { name: mark[1]!, counts: this.#counts() };
      return;
    }
    const bench = /^bench (\S+) iterations (\d+) cycles (-?\d+)/.exec(line);
    if (!bench) return;
    const name = bench[1]!;
    const before = this.#marked?.name === name ? this.#marked.counts : undefined;
    const events = before && this.#after ? difference(this.#after, before) : {};
    const { entries = 0, ...named } = events;
    this.measurements.push({
      name,
      iterations: Number(bench[2]),
      cycles: Number(bench[3]),
      exits: entries,
      events: Object.fromEntries(Object.entries(named).filter(([, count]) => count > 0)),
    });
    this.#marked = undefined;
  }
}

function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}
