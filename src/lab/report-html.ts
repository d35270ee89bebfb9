// The comparison of techniques as one self-contained HTML page.
import { type Comparison, type ComparisonBenchmark, reproducedCells, TOLERANCE } from './comparison.ts';
import { barChart, escapeHtml, htmlPage } from './html-page.ts';
import { narrate } from './narrate.ts';
import { BENCHMARK_TITLES } from './report-terminal.ts';
import { CELLS } from './techniques.ts';

/** Renders the page. */
export function renderHtml(comparison: Comparison): string {
  const held = comparison.orderings.filter(({ holds }) => holds).length;
  const cells = reproducedCells(comparison);
  const within = cells.filter(({ deviation }) => Math.abs(deviation) <= TOLERANCE).length;
  return htmlPage(
    `${comparison.guest} under ${comparison.techniques.length} techniques`,
    `<h1>One guest kernel, ${comparison.techniques.length} ways to run it</h1>
<p>The kernel <b>${escapeHtml(comparison.guest)}</b> ran on one simulated x86 processor (profile <b>${escapeHtml(comparison.profile)}</b>) under each
technique. Every instruction, trap and memory access was charged what the profile says it costs; what a hypervisor costs is the sum of
what it really did.</p>
<ul>${CELLS.filter(({ cell }) => comparison.techniques.includes(cell))
      .map(({ cell, summary }) => `<li><b>${cell}</b>: ${escapeHtml(summary)}</li>`)
      .join('')}</ul>
<p><b>${held} of ${comparison.orderings.length}</b> published orderings hold; <b>${within} of ${cells.length}</b> virtualized cells lie within
±${100 * TOLERANCE} % of the published figure.</p>
${comparison.skipped.map(({ technique, reason }) => `<p class="note">${technique} was not run: ${escapeHtml(reason)}</p>`).join('')}
${comparison.benchmarks.map(benchmarkSection).join('\n')}
${runsSection(comparison)}
<h2>Orderings</h2>${orderingList(comparison.orderings)}`,
  );
}

/** Orderings, and whether they hold. */
export function orderingList(orderings: Comparison['orderings']): string {
  const item = ({ id, statement, holds }: Comparison['orderings'][number]) =>
    `<li><span class="${holds ? 'yes' : 'no'}">${holds ? '✓ holds' : '✗ does not hold'}</span> ${id}: ${escapeHtml(statement)}</li>`;
  return `<ul>${orderings.map(item).join('')}</ul>`;
}

function benchmarkSection(benchmark: ComparisonBenchmark): string {
  const measured = CELLS.flatMap(({ cell }) => {
    const found = benchmark.cells[cell];
    return found ? [{ technique: cell, cell: found }] : [];
  });
  const title = BENCHMARK_TITLES[benchmark.name] ?? '';
  const chart = barChart(
    'cycles',
    measured.map(({ technique }) => technique),
    [
      ['here', measured.map(({ cell }) => cell.cyclesPerOperation)],
      ['published', measured.map(({ cell }) => cell.published?.cycles)],
    ],
  );
  return `<h2>${escapeHtml(benchmark.name)}</h2><p>${escapeHtml(title)}</p>
${chart}
<table><tr><th>technique</th><th>cycles/op</th><th>× bare</th><th>exits/op</th><th>published</th><th>what happened</th></tr>
${measured
  .map(
    ({ technique, cell }) =>
      `<tr><td>${technique}</td><td>${cell.cyclesPerOperation.toFixed(1)}</td><td>${cell.ratio?.toFixed(2) ?? ''}</td><td>${cell.exitsPerOperation.toFixed(2)}</td><td>${cell.published ? `<span title="${escapeHtml(cell.published.source)}">${cell.published.cycles}</span>` : ''}</td><td>${escapeHtml(narrate(technique, cell))}</td></tr>`,
  )
  .join('\n')}</table>
${benchmark.note ? `<p class="note">${escapeHtml(benchmark.note)}</p>` : ''}`;
}

function runsSection(comparison: Comparison): string {
  return `<h2>The whole run</h2>
<table><tr><th>technique</th><th>instructions</th><th>cycles</th><th>exits</th><th>run directly</th><th>output</th></tr>
${comparison.runs
  .map(
    (run) =>
      `<tr><td>${run.technique}</td><td>${run.instructions}</td><td>${run.cycles}</td><td>${run.exits}</td><td>${(100 * run.directShare).toFixed(2)} %</td><td>${run.sameOutput === undefined ? '' : run.sameOutput ? 'as bare' : 'differs from bare'}</td></tr>`,
  )
  .join('\n')}</table>`;
}
