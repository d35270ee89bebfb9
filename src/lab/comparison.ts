// What a comparison is: for every benchmark of a guest and every technique, what an operation cost and why.
// The JSON of `anillo compare --json` is exactly this.
import { judgeOrderings, type Ordering } from './orderings.ts';
import { COMPARABILITY, PUBLISHED, type PublishedCost } from './published.ts';
import { CELLS, type TechniqueCell } from './techniques.ts';

/** One benchmark under one technique. */
export interface ComparisonCell {
  readonly cyclesPerOperation: number;
  /** Cycles per operation over those of `bare`; undefined where bare was not measured. */
  readonly ratio?: number;
  /** Entries into the hypervisor per operation. */
  readonly exitsPerOperation: number;
  /** What the hypervisor did, per operation, by counter name. */
  readonly events: Readonly<Record<string, number>>;
  readonly published?: PublishedCost;
}

/** One benchmark under all techniques. */
export interface ComparisonBenchmark {
  readonly name: string;
  readonly operations: number;
  /** Why the figure cannot be held directly against the published one, where that is so. */
  readonly note?: string;
  readonly cells: Partial<Record<TechniqueCell, ComparisonCell>>;
}

/** A technique that could not run the guest, and why. */
export interface SkippedTechnique {
  readonly technique: TechniqueCell;
  readonly reason: string;
}

/** How a whole run went under one technique. */
export interface ComparisonRun {
  readonly technique: TechniqueCell;
  readonly exitStatus: number;
  readonly instructions: number;
  readonly cycles: number;
  readonly exits: number;
  /** Share of the guest's instructions that ran without the hypervisor (Popek & Goldberg's efficiency), 0 to 1. */
  readonly directShare: number;
  /** True where the guest's serial output, timings aside, is that of `bare`; undefined without a bare run. */
  readonly sameOutput?: boolean;
}

/** The whole comparison. */
export interface Comparison {
  readonly guest: string;
  readonly profile: string;
  readonly techniques: readonly TechniqueCell[];
  readonly benchmarks: readonly ComparisonBenchmark[];
  readonly orderings: readonly Ordering[];
  readonly runs: readonly ComparisonRun[];
  readonly skipped: readonly SkippedTechnique[];
}

/** A benchmark as one run measured it. */
export interface Measurement {
  readonly name: string;
  readonly iterations: number;
  readonly cycles: number;
  /** Hypervisor entries between the benchmark's marks. */
  readonly exits: number;
  /** Counter differences between the benchmark's marks. */
  readonly events: Readonly<Record<string, number>>;
}

/** All that one run of the guest gave. */
export interface MeasuredRun extends Omit<ComparisonRun, 'sameOutput'> {
  readonly output: string;
  readonly measurements: readonly Measurement[];
}

/** How far a cell may lie from its published figure and still count as reproduced (a fraction). */
export const TOLERANCE = 0.25;

/** Puts the runs of one guest beside each other and beside what was published. */
export function buildComparison(
  guest: string,
  profile: string,
  runs: readonly MeasuredRun[],
  skipped: readonly SkippedTechnique[],
): Comparison {
  const bare = runs.find((run) => run.technique === 'bare');
  const names = [...new Set(runs.flatMap((run) => run.measurements.map((measured) => measured.name)))];
  const benchmarks = names.map((name) => buildBenchmark(name, profile, runs));
  const cost = (benchmark: string, cell: TechniqueCell): number | undefined =>
    benchmarks.find((row) => row.name === benchmark)?.cells[cell]?.cyclesPerOperation;
  return {
    guest,
    profile,
    techniques: CELLS.map(({ cell }) => cell).filter((cell) => runs.some((run) => run.technique === cell)),
    benchmarks,
    orderings: judgeOrderings(cost),
    runs: runs.map(({ output, measurements: _, ...run }) => ({
      ...run,
      ...(bare ? { sameOutput: withoutTimings(output) === withoutTimings(bare.output) } : {}),
    })),
    skipped,
  };
}

function buildBenchmark(name: string, profile: string, runs: readonly MeasuredRun[]): ComparisonBenchmark {
  const measuredBy = (run: MeasuredRun): Measurement | undefined =>
    run.measurements.find((measured) => measured.name === name);
  const perOperation = (run: MeasuredRun): number | undefined => {
    const measured = measuredBy(run);
    return measured && measured.cycles / measured.iterations;
  };
  const bareRun = runs.find((run) => run.technique === 'bare');
  const bare = bareRun && perOperation(bareRun);
  const cells: Partial<Record<TechniqueCell, ComparisonCell>> = {};
  let operations = 0;
  for (const run of runs) {
    const measured = measuredBy(run);
    if (!measured) continue;
    operations = Math.max(operations, measured.iterations);
    const cyclesPerOperation = measured.cycles / measured.iterations;
    const published = PUBLISHED[profile]?.[name]?.[run.technique];
    cells[run.technique] = {
      cyclesPerOperation,
      ...(bare ? { ratio: cyclesPerOperation / bare } : {}),
      exitsPerOperation: measured.exits / measured.iterations,
      events: Object.fromEntries(
        Object.entries(measured.events).map(([event, count]) => [event, count / measured.iterations]),
      ),
      ...(published ? { published } : {}),
    };
  }
  const note = COMPARABILITY[name];
  return { name, operations, ...(note ? { note } : {}), cells };
}

/** Serial output with every benchmark's figures blanked, for comparing what the guest said rather than how fast. */
export function withoutTimings(output: string): string {
  return output.replace(/^(bench \S+ iterations \d+ cycles) \d+/gm, '$1 -');
}

/** A technique cell (not bare) that has a published figure, and its relative distance from it. */
export interface ReproducedCell {
  readonly benchmark: string;
  readonly technique: TechniqueCell;
  readonly measured: number;
  readonly published: number;
  /** (measured - published) / published. */
  readonly deviation: number;
}

/** Every virtualized cell with a published counterpart. Bare cells are what the profile was calibrated on, so they do not count. */
export function reproducedCells(comparison: Comparison): ReproducedCell[] {
  return comparison.benchmarks.flatMap((benchmark) =>
    Object.entries(benchmark.cells).flatMap(([technique, cell]) =>
      technique === 'bare' || !cell.published
        ? []
        : [
            {
              benchmark: benchmark.name,
              technique: technique as TechniqueCell,
              measured: cell.cyclesPerOperation,
              published: cell.published.cycles,
              deviation: cell.cyclesPerOperation / cell.published.cycles - 1,
            },
          ],
    ),
  );
}
