// What a comparison of environments is: one program's kinds of work as a process, in a container, in virtual machines.
// The JSON of `anillo compare --containers --json` is exactly this.
import type { Ordering } from '../orderings.ts';
import { ENVIRONMENTS, type Environment } from './environment.ts';
import { ownOutput, type ProgramRun } from './program.ts';
import { judgeProgramOrderings } from './program-orderings.ts';

/** One kind of work in one environment. */
export interface WorkCell {
  readonly cyclesPerOperation: number;
  /** Cycles per operation over those of the process; undefined where that was not measured. */
  readonly ratio?: number;
  /** Entries into the kernel (process, container, bare) or into the hypervisor, per operation. */
  readonly entriesPerOperation: number;
  /** What happened, per operation, by counter name. */
  readonly events: Readonly<Record<string, number>>;
}

/** One kind of work everywhere. */
export interface WorkRow {
  readonly name: string;
  readonly operations: number;
  readonly cells: Partial<Record<Environment, WorkCell>>;
}

/** A whole run, without what it printed. */
export interface ProgramSummary extends Omit<ProgramRun, 'output' | 'measurements'> {
  /** It said what the process said, timings aside; undefined without a run as a process. */
  readonly sameOutput?: boolean;
}

/** An environment that the program could not be run in, and why. */
export interface SkippedEnvironment {
  readonly environment: Environment;
  readonly reason: string;
}

/** The whole comparison. */
export interface ProgramComparison {
  readonly program: string;
  readonly profile: string;
  /** What the figures leave out. */
  readonly limits: readonly string[];
  readonly work: readonly WorkRow[];
  readonly runs: readonly ProgramSummary[];
  readonly orderings: readonly Ordering[];
  readonly skipped: readonly SkippedEnvironment[];
}

/** What is modelled and what is not; every report says it. */
export const LIMITS: readonly string[] = [
  'The program and its kernel tinyos are x86 code: every instruction of theirs is charged by the processor, in every column.',
  'The kernel under the process and the container is written in TypeScript. Charged are the gates and the ways back, page ' +
    'faults, the walks of the processor, what is saved and loaded of registers, every entry of a page table it reads or writes, ' +
    'tables it clears, bytes it copies, the instructions of a filter of system calls, and 20 operations for each entry. Not ' +
    'charged is what it does with its own objects: looking up paths and descriptors, queues, the scheduler, control groups. ' +
    'So the columns process and container are lower bounds beside tinyos, whose kernel is charged in full; what they ' +
    'differ in from each other is what a container adds in memory accesses, copies and filters.',
  'A hypervisor is written in TypeScript too: what it does to registers, memory, page tables and the VMCS is charged access by ' +
    'access, and its decisions as operations of one cycle.',
  'Memory counts pages of the simulated machine. The objects of the TypeScript kernel lie in the host’s heap and are not in it: ' +
    '`npm run bench -- containers` measures them. `Reserved` is what has to be set aside beforehand: the memory of a machine, ' +
    'and 16 MiB for a hypervisor.',
  'tinyos is small: it knows some thirty system calls, has no page cache and one directory. A real kernel boots longer.',
];

/** Puts the runs of one program beside each other. */
export function compareRuns(
  program: string,
  profile: string,
  runs: readonly ProgramRun[],
  skipped: readonly SkippedEnvironment[],
): ProgramComparison {
  const names = [...new Set(runs.flatMap(({ measurements }) => measurements.map(({ name }) => name)))];
  const work = names.map((name) => workRow(name, runs));
  const process = runs.find(({ environment }) => environment === 'process');
  const figure = (row: string, environment: Environment): number | undefined => {
    const run = runs.find((candidate) => candidate.environment === environment);
    if (row === 'start-up') return run?.startUp.cycles;
    if (row === 'memory') return run?.memory.touched;
    return work.find(({ name }) => name === row)?.cells[environment]?.cyclesPerOperation;
  };
  return {
    program,
    profile,
    limits: LIMITS,
    work,
    runs: runs.map(({ output, measurements: _, ...run }) => ({
      ...run,
      ...(process ? { sameOutput: run.end === process.end && ownOutput(output) === ownOutput(process.output) } : {}),
    })),
    orderings: judgeProgramOrderings(figure),
    skipped,
  };
}

function workRow(name: string, runs: readonly ProgramRun[]): WorkRow {
  const measured = (run: ProgramRun | undefined) => run?.measurements.find((candidate) => candidate.name === name);
  const process = measured(runs.find(({ environment }) => environment === 'process'));
  const cells: Partial<Record<Environment, WorkCell>> = {};
  let operations = 0;
  for (const { environment } of ENVIRONMENTS) {
    const found = measured(runs.find((run) => run.environment === environment));
    if (!found) continue;
    const { iterations } = found;
    operations = Math.max(operations, iterations);
    const cyclesPerOperation = found.cycles / iterations;
    cells[environment] = {
      cyclesPerOperation,
      ...(process ? { ratio: cyclesPerOperation / (process.cycles / process.iterations) } : {}),
      entriesPerOperation: found.exits / iterations,
      events: Object.fromEntries(Object.entries(found.events).map(([event, count]) => [event, count / iterations])),
    };
  }
  return { name, operations, cells };
}
