// The comparison of environments as one self-contained HTML page.
import { barChart, escapeHtml, htmlPage } from '../html-page.ts';
import { orderingList } from '../report-html.ts';
import { ENVIRONMENTS, type Environment } from './environment.ts';
import type { ProgramComparison, WorkCell, WorkRow } from './program-comparison.ts';
import { bytes, entriesOf, tellEntryKinds, tellFindings, tellWork, verdictOf, WORK_TITLES } from './work-text.ts';

/** Renders the page. */
export function renderProgramsHtml(comparison: ProgramComparison): string {
  const { program, profile, runs, skipped } = comparison;
  const held = comparison.orderings.filter(({ holds }) => holds).length;
  const shown = ENVIRONMENTS.filter(({ environment }) => runs.some((run) => run.environment === environment));
  const summary = shown.map((row) => `<li><b>${row.environment}</b>: ${escapeHtml(row.summary)}</li>`).join('');
  return htmlPage(
    `${program} in ${runs.length} places`,
    `<h1>One program, ${runs.length} places to run it</h1>
<p>The file <b>${escapeHtml(program)}</b> ran on one simulated x86 processor (profile <b>${escapeHtml(profile)}</b>) in each of these places.</p>
<ul>${summary}</ul>
${skipped.map(({ environment, reason }) => `<p class="note">${environment} was not run: ${escapeHtml(reason)}</p>`).join('')}
<p><b>${held} of ${comparison.orderings.length}</b> expected orderings hold.</p>
${comparison.work.map(workSection).join('\n')}
${startUpSection(comparison)}
${runsSection(comparison)}
<h2>Orderings</h2>${orderingList(comparison.orderings)}
<h2>What is counted, and what is not</h2>
<ul>${comparison.limits.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`,
  );
}

function workSection({ name, cells }: WorkRow): string {
  const measured = ENVIRONMENTS.flatMap(({ environment }): [Environment, WorkCell][] => {
    const cell = cells[environment];
    return cell ? [[environment, cell]] : [];
  });
  const chart = barChart(
    'cycles',
    measured.map(([environment]) => environment),
    [['cycles an operation', measured.map(([, cell]) => cell.cyclesPerOperation)]],
  );
  const row = ([environment, cell]: readonly [Environment, WorkCell]) =>
    `<tr><td>${environment}</td><td>${cell.cyclesPerOperation.toFixed(1)}</td><td>${cell.ratio?.toFixed(2) ?? ''}</td><td>${cell.entriesPerOperation.toFixed(2)}</td><td>${escapeHtml(tellWork(environment, cell))}</td></tr>`;
  return `<h2>${escapeHtml(name)}</h2><p>${escapeHtml(WORK_TITLES[name] ?? '')}</p>
${chart}
<table><tr><th>where</th><th>cycles/op</th><th>× process</th><th>entries/op</th><th>what happened</th></tr>
${measured.map(row).join('\n')}</table>`;
}

function startUpSection({ runs }: ProgramComparison): string {
  const names = runs.map(({ environment }) => environment);
  const kibibytes = (value: number) => value / 1024;
  return `<h2>Start-up and memory</h2><p>Cycles until the first instruction of the program; pages touched in the whole run.</p>
${barChart('cycles', names, [['cycles to start', runs.map(({ startUp }) => startUp.cycles)]])}
${barChart('KiB', names, [
  ['touched', runs.map(({ memory }) => kibibytes(memory.touched))],
  ['reserved', runs.map(({ memory }) => (memory.reserved > 0 ? kibibytes(memory.reserved) : undefined))],
])}
<table><tr><th>where</th><th>instructions</th><th>cycles</th><th>touched</th><th>of it hypervisor</th><th>reserved</th></tr>
${runs
  .map(
    ({ environment, startUp, memory }) =>
      `<tr><td>${environment}</td><td>${startUp.instructions}</td><td>${startUp.cycles}</td><td>${bytes(memory.touched)}</td><td>${bytes(memory.hypervisor)}</td><td>${bytes(memory.reserved)}</td></tr>`,
  )
  .join('\n')}</table>`;
}

function runsSection(comparison: ProgramComparison): string {
  return `<h2>The whole run</h2>
<table><tr><th>where</th><th>instructions</th><th>cycles</th><th>entries</th><th>kinds of entry</th><th>end and output</th></tr>
${comparison.runs
  .map(
    (run) =>
      `<tr><td>${run.environment}</td><td>${run.instructions}</td><td>${run.cycles}</td><td>${entriesOf(run)}</td><td>${escapeHtml(tellEntryKinds(run))}</td><td class="${run.sameOutput === false ? 'no' : 'yes'}">${escapeHtml(verdictOf(run))}</td></tr>`,
  )
  .join('\n')}</table>
${tellFindings(comparison)
  .map((text) => `<p class="note">${escapeHtml(text)}</p>`)
  .join('')}`;
}
