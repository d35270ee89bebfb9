// The comparison as one self-contained HTML page: charts are drawn to SVG here, so the page needs no script,
// no network and no reader's patience.
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { type Comparison, type ComparisonBenchmark, reproducedCells, TOLERANCE } from './comparison.ts';
import { narrate } from './narrate.ts';
import { BENCHMARK_TITLES } from './report-terminal.ts';
import { CELLS } from './techniques.ts';

echarts.use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const CHART_WIDTH = 760;
const ROW_HEIGHT = 46;
const OURS = '#2f6f9f';
const THEIRS = '#d08a3c';

/** Renders the page. */
export function renderHtml(comparison: Comparison): string {
  const held = comparison.orderings.filter(({ holds }) => holds).length;
  const cells = reproducedCells(comparison);
  const within = cells.filter(({ deviation }) => Math.abs(deviation) <= TOLERANCE).length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(comparison.guest)} under ${comparison.techniques.length} techniques</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1rem; } th, td { padding: .15rem .7rem; text-align: right; vertical-align: top; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; } .note { color: #666; font-size: .9rem; } .yes { color: #2a7d3f; } .no { color: #b3261e; }
h2 { margin-top: 2.2rem; } svg { max-width: 100%; height: auto; } ul { padding-left: 1.2rem; }
</style></head><body>
<h1>One guest kernel, ${comparison.techniques.length} ways to run it</h1>
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
<h2>Orderings</h2><ul>${comparison.orderings
    .map(
      ({ id, statement, holds }) =>
        `<li><span class="${holds ? 'yes' : 'no'}">${holds ? '✓ holds' : '✗ does not hold'}</span> ${id}: ${escapeHtml(statement)}</li>`,
    )
    .join('')}</ul>
</body></html>
`;
}

function benchmarkSection(benchmark: ComparisonBenchmark): string {
  const measured = CELLS.flatMap(({ cell }) => {
    const found = benchmark.cells[cell];
    return found ? [{ technique: cell, cell: found }] : [];
  });
  const title = BENCHMARK_TITLES[benchmark.name] ?? '';
  return `<h2>${escapeHtml(benchmark.name)}</h2><p>${escapeHtml(title)}</p>
${chart(measured.map(({ technique, cell }) => [technique, cell.cyclesPerOperation, cell.published?.cycles]))}
<table><tr><th>technique</th><th>cycles/op</th><th>× bare</th><th>exits/op</th><th>published</th><th>what happened</th></tr>
${measured
  .map(
    ({ technique, cell }) =>
      `<tr><td>${technique}</td><td>${cell.cyclesPerOperation.toFixed(1)}</td><td>${cell.ratio?.toFixed(2) ?? ''}</td><td>${cell.exitsPerOperation.toFixed(2)}</td><td>${cell.published ? `<span title="${escapeHtml(cell.published.source)}">${cell.published.cycles}</span>` : ''}</td><td>${escapeHtml(narrate(technique, cell))}</td></tr>`,
  )
  .join('\n')}</table>
${benchmark.note ? `<p class="note">${escapeHtml(benchmark.note)}</p>` : ''}`;
}

function chart(rows: readonly (readonly [string, number, number | undefined])[]): string {
  const height = 70 + ROW_HEIGHT * rows.length;
  const canvas = echarts.init(null, null, { renderer: 'svg', ssr: true, width: CHART_WIDTH, height });
  const positive = (value: number | undefined): number | null => (value === undefined ? null : Math.max(1, value));
  canvas.setOption({
    animation: false,
    grid: { left: 130, right: 70, top: 36, bottom: 30 },
    legend: { top: 0, data: ['here', 'published'] },
    xAxis: { type: 'log', min: 1, name: 'cycles' },
    yAxis: { type: 'category', inverse: true, data: rows.map(([technique]) => technique) },
    series: [
      series(
        'here',
        OURS,
        rows.map(([, cycles]) => positive(cycles)),
      ),
      series(
        'published',
        THEIRS,
        rows.map(([, , published]) => positive(published)),
      ),
    ],
  });
  const svg = canvas.renderToSVGString();
  canvas.dispose();
  return svg;
}

function series(name: string, color: string, data: readonly (number | null)[]): object {
  const label = {
    show: true,
    position: 'right',
    formatter: ({ value }: { value: number }) => Math.round(value).toString(),
  };
  return { name, type: 'bar', itemStyle: { color }, label, data };
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

function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (found) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[found] ?? found,
  );
}
