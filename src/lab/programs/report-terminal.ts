// The comparison of environments as text: what each kind of work cost and what happened, start-up and memory, orderings,
// and what the figures leave out.
import { bar, cycles, type Palette, PLAIN, plainTable, ratio } from '../terminal-text.ts';
import { ENVIRONMENTS } from './environment.ts';
import type { ProgramComparison, WorkRow } from './program-comparison.ts';
import { bytes, entriesOf, tellEntryKinds, tellFindings, tellWork, verdictOf, WORK_TITLES } from './work-text.ts';

const WORK_COLUMNS = [
  ['where', 'left'],
  ['cycles/op', 'right'],
  ['× process', 'right'],
  ['log scale', 'left'],
  ['entries/op', 'right'],
] as const;
const START_COLUMNS = [
  ['where', 'left'],
  ['instructions', 'right'],
  ['cycles', 'right'],
  ['log scale', 'left'],
  ['memory touched', 'right'],
  ['of it hypervisor', 'right'],
  ['reserved', 'right'],
] as const;
const RUN_COLUMNS = [
  ['where', 'left'],
  ['instructions', 'right'],
  ['cycles', 'right'],
  ['entries', 'right'],
  ['end and output', 'left'],
] as const;

/** Renders the whole report. */
export function renderPrograms(comparison: ProgramComparison, palette: Palette = PLAIN): string {
  return [
    ...introduction(comparison, palette),
    ...comparison.work.flatMap((row) => workSection(row, palette)),
    ...startUps(comparison, palette),
    ...wholeRuns(comparison, palette),
    ...orderings(comparison, palette),
    palette.bold('What is counted, and what is not'),
    ...comparison.limits.flatMap((text) => wrap(text, '  ')),
    '',
  ].join('\n');
}

function introduction(comparison: ProgramComparison, palette: Palette): string[] {
  const { runs, skipped } = comparison;
  const width = Math.max(...ENVIRONMENTS.map(({ environment }) => environment.length));
  const shown = ENVIRONMENTS.filter(({ environment }) => runs.some((run) => run.environment === environment));
  return [
    palette.bold(`One program (${comparison.program}), ${runs.length} places to run it`),
    '',
    'The same file ran on the same simulated x86 processor in each of these places; cycles are those of the processor',
    `profile ${comparison.profile}, not this computer’s.`,
    '',
    ...shown.flatMap(({ environment, summary }) => {
      const [first = '', ...rest] = wrap(summary, ' '.repeat(width + 4));
      return [`  ${palette.cyan(environment.padEnd(width))}  ${first.trimStart()}`, ...rest];
    }),
    ...skipped.map(({ environment, reason }) => `  ${environment.padEnd(width)}  not run: ${reason}`),
    '',
  ];
}

function workSection({ name, cells }: WorkRow, palette: Palette): string[] {
  const title = WORK_TITLES[name];
  const measured = ENVIRONMENTS.flatMap(({ environment }) => {
    const cell = cells[environment];
    return cell ? [[environment, cell] as const] : [];
  });
  const most = Math.max(...measured.map(([, cell]) => cell.cyclesPerOperation));
  const rows = measured.map(([environment, cell]) => [
    palette.cyan(environment),
    cycles(cell.cyclesPerOperation),
    cell.ratio === undefined ? '' : ratio(cell.ratio),
    bar(cell.cyclesPerOperation, most),
    cell.entriesPerOperation.toFixed(2),
  ]);
  return [
    `${palette.bold(name)}${title ? ` — ${title}` : ''}`,
    plainTable(WORK_COLUMNS, rows, palette),
    ...measured.map(([environment, cell]) => `    ${palette.cyan(environment)} ${tellWork(environment, cell)}`),
    '',
  ];
}

function startUps({ runs }: ProgramComparison, palette: Palette): string[] {
  const most = Math.max(...runs.map(({ startUp }) => startUp.cycles));
  const rows = runs.map(({ environment, startUp, memory }) => [
    palette.cyan(environment),
    startUp.instructions.toLocaleString('en-US'),
    startUp.cycles.toLocaleString('en-US'),
    bar(startUp.cycles, most),
    bytes(memory.touched),
    bytes(memory.hypervisor),
    bytes(memory.reserved),
  ]);
  return [
    palette.bold('Start-up, until the first instruction of the program, and memory of the whole run'),
    plainTable(START_COLUMNS, rows, palette),
    '',
  ];
}

function wholeRuns(comparison: ProgramComparison, palette: Palette): string[] {
  const rows = comparison.runs.map((run) => [
    palette.cyan(run.environment),
    run.instructions.toLocaleString('en-US'),
    run.cycles.toLocaleString('en-US'),
    entriesOf(run).toLocaleString('en-US'),
    run.sameOutput === false ? palette.red(verdictOf(run)) : palette.green(verdictOf(run)),
  ]);
  return [
    palette.bold('The whole run'),
    plainTable(RUN_COLUMNS, rows, palette),
    ...comparison.runs.map((run) => `    ${palette.cyan(run.environment)} ${tellEntryKinds(run)}`),
    ...tellFindings(comparison).flatMap((text) => wrap(text, '  ')),
    palette.dim('    entries: into the kernel for process, container and bare, into the hypervisor for the others.'),
    '',
  ];
}

function orderings(comparison: ProgramComparison, palette: Palette): string[] {
  if (comparison.orderings.length === 0) return [];
  const held = comparison.orderings.filter(({ holds }) => holds).length;
  return [
    palette.bold(`Orderings: ${held} of ${comparison.orderings.length} hold`),
    ...comparison.orderings.map(
      ({ id, statement, holds }) => `  ${holds ? palette.green('✓') : palette.red('✗')} ${id.padEnd(8)} ${statement}`,
    ),
    '',
  ];
}

const WIDTH = 118;

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, indent + line];
}
