// The comparison as text: a table with bars per benchmark, what happened in words, the published figures beside
// ours, and whether the published orderings hold.
import {
  type Comparison,
  type ComparisonBenchmark,
  type ComparisonCell,
  type ComparisonRun,
  reproducedCells,
  TOLERANCE,
} from './comparison.ts';
import { narrate } from './narrate.ts';
import { CELLS, type TechniqueCell } from './techniques.ts';
import { bar, cycles, type Palette, PLAIN, plainTable, ratio } from './terminal-text.ts';

/** What each benchmark does, for a reader who never saw the paper. */
export const BENCHMARK_TITLES: Readonly<Record<string, string>> = {
  syscall: 'a system call: from user code into the kernel and back',
  int80: 'a system call by INT 0x80 through a trap gate',
  in: 'reading an I/O port (0x80)',
  cr8wr: 'raising the task priority of the local APIC',
  callret: 'a call and a return inside the kernel',
  pgfault: 'a page fault that the kernel handles',
  divzero: 'a division by zero that the kernel handles',
  ptemod: 'rewriting a page-table entry with the value it has',
  'ptemod-p-np': 'making a page-table entry not present',
  'ptemod-np-p': 'making a page-table entry present',
  rdtsc: 'reading the time-stamp counter',
  hypercall: 'an empty call into the hypervisor',
  switch: 'switching to another address space',
};

/** Renders the whole report. */
export function renderTerminal(comparison: Comparison, palette: Palette = PLAIN): string {
  return [
    ...introduction(comparison, palette),
    ...comparison.benchmarks.flatMap((benchmark) => benchmarkSection(benchmark, palette)),
    ...wholeRuns(comparison, palette),
    ...orderings(comparison, palette),
    ...reproduction(comparison, palette),
    '',
  ].join('\n');
}

function introduction(comparison: Comparison, palette: Palette): string[] {
  const width = Math.max(...CELLS.map(({ cell }) => cell.length));
  return [
    palette.bold(`One guest kernel (${comparison.guest}), ${comparison.techniques.length} ways to run it`),
    '',
    'The same kernel image ran on the same simulated x86 processor under each technique below. Every instruction,',
    `trap and memory access was charged what the processor profile ${comparison.profile} says it costs; what a`,
    'hypervisor costs is the sum of what it really did. Cycles are the simulated processor’s, not this computer’s.',
    '',
    ...CELLS.filter(({ cell }) => comparison.techniques.includes(cell)).map(
      ({ cell, summary }) => `  ${palette.cyan(cell.padEnd(width))}  ${summary}`,
    ),
    ...comparison.skipped.map(({ technique, reason }) => `  ${technique.padEnd(width)}  not run: ${reason}`),
    '',
  ];
}

const BENCHMARK_COLUMNS = [
  ['technique', 'left'],
  ['cycles/op', 'right'],
  ['× bare', 'right'],
  ['log scale', 'left'],
  ['exits/op', 'right'],
  ['published', 'right'],
  ['off by', 'right'],
] as const;
const RUN_COLUMNS = [
  ['technique', 'left'],
  ['instructions', 'right'],
  ['cycles', 'right'],
  ['exits', 'right'],
  ['run directly', 'right'],
  ['output', 'left'],
] as const;

function benchmarkSection(benchmark: ComparisonBenchmark, palette: Palette): string[] {
  const title = BENCHMARK_TITLES[benchmark.name];
  const cells = CELLS.flatMap(({ cell }) => {
    const measured = benchmark.cells[cell];
    return measured ? [[cell, measured] as const] : [];
  });
  const most = Math.max(...cells.map(([, cell]) => cell.cyclesPerOperation));
  const rows = cells.map(([technique, cell]) => row(technique, cell, most, palette));
  return [
    `${palette.bold(benchmark.name)}${title ? ` — ${title}` : ''}`,
    plainTable(BENCHMARK_COLUMNS, rows, palette),
    ...cells
      .filter(([technique]) => technique !== 'bare')
      .map(([technique, cell]) => `    ${palette.cyan(technique)} ${narrate(technique, cell)}`),
    ...(benchmark.note ? [palette.dim(`    note: ${benchmark.note}`)] : []),
    '',
  ];
}

function row(technique: TechniqueCell, cell: ComparisonCell, most: number, palette: Palette): string[] {
  return [
    palette.cyan(technique),
    cycles(cell.cyclesPerOperation),
    cell.ratio === undefined ? '' : ratio(cell.ratio),
    bar(cell.cyclesPerOperation, most),
    cell.exitsPerOperation.toFixed(2),
    cell.published ? cycles(cell.published.cycles) : '',
    cell.published ? deviation(cell.cyclesPerOperation / cell.published.cycles - 1, palette) : '',
  ];
}

function deviation(value: number, palette: Palette): string {
  const text = `${value >= 0 ? '+' : '−'}${Math.abs(100 * value).toFixed(0)} %`;
  return Math.abs(value) <= TOLERANCE ? palette.green(text) : palette.red(text);
}

function wholeRuns(comparison: Comparison, palette: Palette): string[] {
  const rows = comparison.runs.map((run) => [
    palette.cyan(run.technique),
    run.instructions.toLocaleString('en-US'),
    run.cycles.toLocaleString('en-US'),
    run.exits.toLocaleString('en-US'),
    `${(100 * run.directShare).toFixed(2)} %`,
    outputVerdict(run, palette),
  ]);
  return [
    palette.bold('The whole run'),
    plainTable(RUN_COLUMNS, rows, palette),
    palette.dim('    run directly: share of the guest’s instructions the processor ran without the hypervisor.'),
    '',
  ];
}

/** A paravirtualized guest is another build, whose benchmarks may not all exist. */
function outputVerdict({ technique, sameOutput }: ComparisonRun, palette: Palette): string {
  if (sameOutput === undefined) return '';
  if (sameOutput) return palette.green('as bare');
  return technique === 'paravirtual' ? palette.dim('its own build') : palette.red('differs from bare');
}

function orderings(comparison: Comparison, palette: Palette): string[] {
  if (comparison.orderings.length === 0) return [];
  const held = comparison.orderings.filter(({ holds }) => holds).length;
  return [
    palette.bold(`Published orderings: ${held} of ${comparison.orderings.length} hold`),
    ...comparison.orderings.map(
      ({ id, statement, holds }) => `  ${holds ? palette.green('✓') : palette.red('✗')} ${id.padEnd(8)} ${statement}`,
    ),
    '',
  ];
}

function reproduction(comparison: Comparison, palette: Palette): string[] {
  const cells = reproducedCells(comparison);
  if (cells.length === 0) return [];
  const within = cells.filter(({ deviation: off }) => Math.abs(off) <= TOLERANCE);
  const outside = cells.filter((cell) => !within.includes(cell));
  const sources = [
    ...new Set(
      comparison.benchmarks.flatMap(({ cells: row }) =>
        Object.values(row).flatMap(({ published }) => (published ? [published.source] : [])),
      ),
    ),
  ];
  return [
    palette.bold(
      `Published figures: ${within.length} of ${cells.length} virtualized cells within ±${100 * TOLERANCE} %` +
        ` (${Math.round((100 * within.length) / cells.length)} %)`,
    ),
    ...outside.map(
      ({ benchmark, technique, measured, published, deviation: off }) =>
        `  outside: ${benchmark} under ${technique}: ${cycles(measured)} against ${cycles(published)} (${off >= 0 ? '+' : '−'}${Math.abs(100 * off).toFixed(0)} %)`,
    ),
    palette.dim(`  sources: ${sources.join('; ')}. The bare column calibrates the profile and does not count.`),
    '',
  ];
}
