// Runs a benchmark guest under one technique and attributes what happened to its benchmarks. The guest says on its
// serial line when a timed loop begins (`mark NAME`) and what it measured (`bench NAME iterations N cycles C`); the
// counters between the two lines belong to that benchmark.
import type { MeasuredRun, Measurement } from './comparison.ts';
import { GuestRun, type GuestImage, type GuestRunOptions } from './guest-run.ts';
import type { TechniqueCell } from './techniques.ts';

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
/** How long one call into the machine may run before progress is reported. */
const SLICE = 2_000_000;
/** A comparison ends by itself, whatever the guest does. */
const MOST_INSTRUCTIONS = 2_000_000_000;

/** A guest that did not come to its own end. */
export class MeasureError extends Error {
  override readonly name = 'MeasureError';
  readonly code = 'guest-failed';
}

type Counts = Record<string, number>;

/** Watches serial output for marks and keeps the counters of each benchmark. */
class Marks {
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

/**
 * Runs the guest to its end.
 * @throws MeasureError when the guest does not end with status 0; GuestRunError and BootError as GuestRun does
 */
export function measure(
  guest: GuestImage,
  technique: TechniqueCell,
  options: Omit<GuestRunOptions, 'serialOut'>,
  progress?: (benchmarks: number) => void,
): MeasuredRun {
  const marks = new Marks(() => run.vmm.counters.flat());
  const run: GuestRun = new GuestRun(guest, { ...options, serialOut: (byte) => marks.byte(byte) });
  const { cpu } = run.vmm.machine;
  for (;;) {
    const stop = run.run({ instructions: Math.min(cpu.instructions + SLICE, MOST_INSTRUCTIONS) });
    progress?.(marks.measurements.length);
    if (stop.reason === 'limit' && cpu.instructions < MOST_INSTRUCTIONS) continue;
    if (stop.status !== 0) {
      const report = 'report' in stop ? `: ${stop.report}` : '';
      throw new MeasureError(
        `${guest.name} under ${technique} ended with ${stop.reason} (status ${stop.status})${report}.`,
      );
    }
    return {
      technique,
      exitStatus: stop.status,
      instructions: cpu.instructions,
      cycles: cpu.cycles,
      exits: run.vmm.counters.entries,
      directShare: run.directShare,
      output: marks.output,
      measurements: marks.measurements,
    };
  }
}
