// Self-contained pages: charts are drawn to SVG here, so a page needs no script, no network and no reader's patience.
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

echarts.use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const CHART_WIDTH = 760;
const ROW_HEIGHT = 46;
const COLORS = ['#2f6f9f', '#d08a3c'];

/** A page; `body` is HTML. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1rem; } th, td { padding: .15rem .7rem; text-align: right; vertical-align: top; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; } .note { color: #666; font-size: .9rem; } .yes { color: #2a7d3f; } .no { color: #b3261e; }
h2 { margin-top: 2.2rem; } svg { max-width: 100%; height: auto; } ul { padding-left: 1.2rem; }
</style></head><body>
${body}
</body></html>
`;
}

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (found) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[found] ?? found,
  );
}

/** Bars on a logarithmic scale, a row of them for each label: one for each series that has a figure there. */
export function barChart(
  unit: string,
  labels: readonly string[],
  series: readonly (readonly [name: string, figures: readonly (number | undefined)[]])[],
): string {
  const height = 70 + ROW_HEIGHT * labels.length;
  const canvas = echarts.init(null, null, { renderer: 'svg', ssr: true, width: CHART_WIDTH, height });
  canvas.setOption({
    animation: false,
    grid: { left: 130, right: 70, top: 36, bottom: 30 },
    legend: { top: 0, data: series.map(([name]) => name) },
    xAxis: { type: 'log', min: 1, name: unit },
    yAxis: { type: 'category', inverse: true, data: labels },
    series: series.map(([name, figures], n) => bars(name, COLORS[n], figures)),
  });
  const svg = canvas.renderToSVGString();
  canvas.dispose();
  return svg;
}

function bars(name: string, color: string | undefined, figures: readonly (number | undefined)[]): object {
  const label = {
    show: true,
    position: 'right',
    formatter: ({ value }: { value: number }) => Math.round(value).toString(),
  };
  const data = figures.map((figure) => (figure === undefined ? null : Math.max(1, figure)));
  return { name, type: 'bar', itemStyle: { color }, label, data };
}
